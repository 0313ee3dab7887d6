"""One signature, one success: twice, at once, after a restart, and after `kill -9`."""

import threading
from collections import Counter

import pytest

from tests.servers.books import enter
from tests.servers.conftest import Target
from tests.servers.wire import converse, outcome

COPIES = 16


def send(target: Target, sent: bytes) -> str:
    came, still_open = converse(target.live.port, [sent])
    return outcome(came, still_open=still_open)


def test_an_exact_copy_is_refused(target: Target) -> None:
    """And changes nothing, however often it comes."""
    sent = bytes(target.front.request())
    assert send(target, sent) == "200"
    before = target.holds()
    assert [send(target, sent) for _ in range(3)] == ["409 replayed_request"] * 3
    assert target.holds() == before


def test_a_read_may_be_copied_within_its_window(target: Target) -> None:
    """A read changes nothing, so that its signature is not spent."""
    sent = bytes(target.front.read())
    before = target.holds()
    assert [send(target, sent) for _ in range(2)] == ["200", "200"]
    assert target.holds() == before


def test_of_many_copies_at_once_one_succeeds(target: Target) -> None:
    """Each is complete but for its last byte before any of them is sent whole."""
    request = target.front.request()
    sent = bytes(request)
    books = target.holds()
    together = threading.Barrier(COPIES)
    came: list[str] = []

    def pieces():
        yield sent[:-1]
        together.wait(60)
        yield sent[-1:]

    def race() -> None:
        answer, still_open = converse(target.live.port, pieces())
        came.append(outcome(answer, still_open=still_open))

    racers = [threading.Thread(target=race) for _ in range(COPIES)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert Counter(came) == {"200": 1, "409 replayed_request": COPIES - 1}
    enter(books, request.signed, "200")
    assert target.holds() == books


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_copy_is_refused_after_the_server_came_back(target: Target, end: str) -> None:
    """Stopped in order or killed, it has forgotten nothing."""
    sent = bytes(target.front.request())
    assert send(target, sent) == "200"
    before = target.holds()
    getattr(target.live, end)()
    target.live.start()
    assert send(target, sent) == "409 replayed_request"
    assert target.holds() == before
    assert send(target, bytes(target.front.request())) == "200"


def test_a_client_that_waits_forever_holds_up_nobody(target: Target) -> None:
    """While some hold back their bodies, others are served; the held back never acted."""
    books = target.holds()
    whole = bytes(target.front.request())
    held_back = target.connected(3, whole[:-10])
    served = target.front.request()
    try:
        assert send(target, bytes(served)) == "200"
    finally:
        for connection in held_back:
            connection.close()
    enter(books, served.signed, "200")
    assert target.holds() == books
