"""Connections to a database that are cut at a chosen statement."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.databases import ADAPTED, SERVERS
from tests.faults.proxy import Cut, Proxy, proxied
from tests.faults.seeds import rounds
from tests.faults.traffic import Market, in_process, prove, run
from tests.faults.workers import signed
from tests.rig import CountedEntropy, Storefront, TestShop, item, open_shop, order_fields

PROXIED = [*SERVERS, *(kind for kind in ADAPTED if not kind.endswith("sqlite"))]
# The insert of an order, whatever the table is called and however it is quoted.
PLACED = rb"INSERT INTO \S+orders?\S? \("


@pytest.fixture(params=PROXIED)
def behind(request, fresh_url) -> Iterator[tuple[Proxy, TestShop, TestShop]]:
    """Give a proxy, a shop that sees the database itself, and one behind the proxy."""
    url = fresh_url(request.param)
    shop = open_shop(url)
    with proxied(url) as (proxy, through):
        remote = open_shop(
            through, stocked=False, clock=shop.clock, entropy=CountedEntropy(b"remote")
        )
        yield proxy, shop, remote
        remote.bridge.close()
    shop.bridge.close()


def once(cut: Cut):
    """Cut one time."""
    left: list[Cut] = [cut]
    return lambda: left.pop() if left else None


@pytest.mark.parametrize(
    ("statement", "cut", "happened"),
    [
        pytest.param(PLACED, "before", False, id="before-the-insert"),
        pytest.param(PLACED, "after", False, id="after-the-insert"),
        pytest.param(b"COMMIT", "before", False, id="before-the-commit"),
        pytest.param(b"COMMIT", "after", True, id="before-the-answer-of-the-commit"),
    ],
)
def test_an_unknown_outcome_ends_as_one_effect(
    behind, statement: bytes, cut: Cut, happened: bool
) -> None:
    """Cut wherever: the storefront is told 503, and its retry finds one order."""
    proxy, shop, remote = behind
    known = shop.storefront()
    front = Storefront(remote.bridge, known.client_id, known.secret, shop.clock)
    cart_id = front.cart(item("lamp"))["cart_id"]
    proxy.arm(statement, once(cut), beyond=PLACED)
    action, headers, body = signed(front, "convertToOrder", order_fields(cart_id), key="buy")
    lost = front.send(action, body, headers)
    assert (lost.status, lost.code, lost.headers["Retry-After"]) == (
        503,
        "storage_unavailable",
        "1",
    )
    assert "nothing happened" not in lost.json["detail"].lower()
    assert proxy.cuts == 1
    assert len(shop.bridge.orders.search()) == happened
    assert shop.stock("lamp") == 3 - happened
    if happened:
        assert front.send(action, body, headers).code == "replayed_request"
    shop.clock.forward(1)
    retried = front.call("convertToOrder", key="buy", **order_fields(cart_id))
    assert (retried.status, "Idempotent-Replayed" in retried.headers) == (200, happened)
    (order,) = shop.bridge.orders.search()
    assert order.order_id == retried.json["order_id"]
    assert shop.stock("lamp") == 2


@rounds(1, 40)
def test_traffic_over_connections_that_are_cut_at_commits(
    fresh_url, kind_behind_a_socket: str, seeds
) -> None:
    """Each commit may be the one whose answer is lost; every retry finds its one effect."""
    for seed in seeds:
        url = fresh_url(kind_behind_a_socket)
        shop = open_shop(url)
        with proxied(url) as (proxy, through):
            remote = open_shop(
                through, stocked=False, clock=shop.clock, entropy=CountedEntropy(b"remote")
            )
            market = Market.of(shop)
            dice = Random(seed)
            proxy.arm(b"COMMIT", lambda dice=dice: _sometimes(dice))
            run(
                market,
                in_process(remote.bridge),
                seed=seed,
                threads=True,
                operator=shop.bridge,
                patience=20,
            )
            proxy.disarm()
            attempts = prove(market, shop, seed=seed)
            assert proxy.cuts
            assert any(one.status == 503 for one in attempts)
            assert any(one.repeated for one in attempts)
            remote.bridge.close()
        shop.bridge.close()


def _sometimes(dice: Random) -> Cut | None:
    drawn = dice.random()
    if drawn < 0.08:
        return "before"
    return "after" if drawn < 0.25 else None


@pytest.fixture(
    params=[
        # What Django says to a database is tried above; its traffic takes long.
        pytest.param(kind, marks=pytest.mark.long if kind.startswith("django") else ())
        for kind in PROXIED
    ]
)
def kind_behind_a_socket(request) -> str:
    """Name each kind of storage that a proxy can stand before."""
    return request.param
