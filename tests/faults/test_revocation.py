"""What an operator changes holds for the next request in every process (protocol §2, step 18)."""

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.faults.workers import ask, close, signed
from tests.rig import ALL_SCOPES, Storefront, TestShop

PROCESSES = 2
DONE = {(200, None)}

Everywhere = Callable[..., set[tuple[int, str | None]]]


@pytest.fixture(scope="module")
def processes() -> Iterator[list[ProcessPoolExecutor]]:
    """Give processes that go on between requests, each with one worker so that each is asked."""
    fleet = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(PROCESSES)]
    yield fleet
    for process in fleet:
        process.shutdown()


@pytest.fixture
def everywhere(
    processes: list[ProcessPoolExecutor], url: str, shared: TestShop
) -> Iterator[Everywhere]:
    """Send a read and a write to every process; give the different answers.

    `age` is how many seconds ago they were signed.
    """
    sent = 0

    def send(front: Storefront, *, age: int = 0) -> set[tuple[int, str | None]]:
        nonlocal sent
        now = front.clock.now()
        answers = set()
        for number, process in enumerate(processes):
            for action, fields in (("orders.list", {}), ("cart.create", {"currency": "GBP"})):
                sent += 1
                front.clock.forward(-age)
                call = signed(front, action, fields, key=f"k{sent}" if fields else None)
                front.clock.forward(age)
                client = (front.client_id, front.secret)
                answers.add(
                    process.submit(ask, url, client, now, f"process-{number}", call).result(60)
                )
        return answers

    front = shared.storefront("Warm")
    assert send(front) == DONE
    yield send
    for process in processes:
        process.submit(close, url).result(60)


def test_a_status_holds_everywhere_at_once(shared: TestShop, everywhere: Everywhere) -> None:
    """Disabled here, refused there; enabled here, let in there."""
    front = shared.storefront()
    assert everywhere(front) == DONE
    shared.bridge.connections.disable(front.client_id)
    assert everywhere(front) == {(403, "connection_disabled")}
    shared.bridge.connections.enable(front.client_id)
    assert everywhere(front) == DONE


def test_an_allow_list_a_window_and_scopes_hold_everywhere_at_once(
    shared: TestShop, everywhere: Everywhere
) -> None:
    """Each replaces what the other processes had read before."""
    front, connections = shared.storefront(), shared.bridge.connections
    assert everywhere(front, age=40) == DONE
    connections.set_window(front.client_id, 30)
    assert everywhere(front, age=40) == {(401, "timestamp_out_of_window")}
    connections.set_window(front.client_id, 60)
    assert everywhere(front, age=40) == DONE

    connections.allow(front.client_id, ["198.51.100.0/24"])
    assert everywhere(front) == {(403, "ip_not_allowed")}
    connections.allow(front.client_id, ["203.0.113.0/24"])
    assert everywhere(front) == DONE

    connections.set_scopes(front.client_id, ["prices:write"])
    assert everywhere(front) == {(403, "insufficient_scope")}
    connections.set_scopes(front.client_id, ALL_SCOPES)
    assert everywhere(front) == DONE


def test_a_rotation_and_a_revocation_hold_everywhere_at_once(
    shared: TestShop, everywhere: Everywhere
) -> None:
    """In its grace the old secret works, and not after: when it is over, or when it is ended."""
    connections = shared.bridge.connections
    first = shared.storefront()
    refused = {(401, "authentication_failed")}

    def rotated(front: Storefront, **options: int) -> Storefront:
        return dataclasses.replace(
            front, secret=connections.rotate(front.client_id, **options).secret
        )

    second = rotated(first, grace=60)
    assert everywhere(first) | everywhere(second) == DONE
    connections.revoke_previous(first.client_id)
    assert everywhere(first) == refused
    assert everywhere(second) == DONE

    third = rotated(second, grace=60)
    assert everywhere(second) | everywhere(third) == DONE
    shared.clock.forward(60)
    assert everywhere(second) == refused
    assert everywhere(third) == DONE

    fourth = rotated(third)
    assert everywhere(third) == refused
    assert everywhere(fourth) == DONE
