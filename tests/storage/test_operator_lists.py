"""What an operator finds, lists and adds up, whatever is typed into an address."""

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.order import Payment
from orderflow_bridge.ports import CartQuery, OrderQuery
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.samples import OTHER, SHOP, add, cart, order
from tests.databases import SHARED

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
UNSTORABLE = ("\x00", "cart_\x001", "\ud800", "x\udfff")
HUGE = 2**200


def bridge_on(storage) -> Bridge:
    return Bridge(storage=storage, master_keys=RING, clock=SetClock())


@pytest.fixture(params=["memory", *SHARED])
def storage(request):
    """Give an empty storage of each kind."""
    if request.param == "memory":
        return MemoryStorage()
    fresh_url, open_at = (request.getfixturevalue(name) for name in ("fresh_url", "open_at"))
    return open_at(fresh_url(request.param))


def test_a_cart_is_found_and_listed(storage):
    """Of any connection, newest first, and back."""
    add(storage, cart("cart_1"), cart("cart_2", connection=OTHER), cart("cart_3", order_id="o"))
    carts = bridge_on(storage).carts
    assert carts.find("cart_2").connection == OTHER
    with pytest.raises(BridgeError, match="cart_not_found"):
        carts.find("cart_9")
    assert [one.cart_id for one in carts.search(CartQuery(now=1))] == ["cart_3", "cart_2", "cart_1"]
    [before] = carts.newer(CartQuery(now=1, connection=OTHER), than=(1_000, "cart_1"))
    assert before.cart_id == "cart_2"


def test_an_order_is_found_by_what_an_operator_knows(storage):
    """Its number or its payment; the same refusal for everything that is none."""
    add(storage, order("order_1", payment=Payment(intent="pi_a")), order("order_2"))
    orders = bridge_on(storage).orders
    found = orders.find("order_1")
    assert orders.by_number(found.number) == found
    assert orders.by_intent("pi_a") == found
    for missing in ("OF-000099", "", "pi_b", "OF-1", *UNSTORABLE, "9" * 10_000):
        for ask in (orders.find, orders.by_number, orders.by_intent):
            with pytest.raises(BridgeError, match="order_not_found"):
                ask(missing)
    [newer] = orders.newer(OrderQuery(), than=(100, "order_1"))
    assert newer.order_id == "order_2"


@pytest.mark.parametrize("text", UNSTORABLE)
def test_text_that_nobody_could_store_finds_nothing(storage, text: str):
    """It is an empty page, and no fault of the database."""
    add(storage, cart(), order())
    bridge = bridge_on(storage)
    with pytest.raises(BridgeError, match="cart_not_found"):
        bridge.carts.find(text)
    for field in ({"connection": text}, {"email": text}, {"after": (1, text)}):
        assert not bridge.carts.search(CartQuery(now=1, **field))
        assert not bridge.orders.search(OrderQuery(**field))
    for field in ({"connection": text}, {"email": text}):
        assert not bridge.carts.newer(CartQuery(now=1, **field), than=(0, ""))
        assert not bridge.orders.newer(OrderQuery(**field), than=(0, ""))
    assert not bridge.carts.newer(CartQuery(now=1), than=(0, text))
    assert not bridge.orders.newer(OrderQuery(), than=(0, text))
    times = {"placed_after": 100, "placed_before": 102, "length": 1}
    assert bridge.orders.takings(connection=text, **times) == {100: (), 101: ()}


def test_times_beyond_64_bits_are_before_or_after_everything(storage):
    """They restrict as any other time does."""
    add(storage, cart(), order())
    bridge = bridge_on(storage)
    for status, edge, count in (("open", HUGE, 1), ("open", -HUGE, 0), ("expired", HUGE, 0)):
        query = CartQuery(status=status, now=1, after=(edge, "x"))
        assert len(bridge.carts.search(query)) == count
        assert len(bridge.carts.newer(query, than=(-edge, ""))) == count
    assert len(bridge.carts.search(CartQuery(status="expired", now=HUGE))) == 1
    assert len(bridge.carts.search(CartQuery(status="open", now=-HUGE))) == 1
    for field, count in (
        ({"placed_after": HUGE}, 0),
        ({"placed_after": -HUGE}, 1),
        ({"placed_before": HUGE, "after": (HUGE, "x")}, 1),
        ({"placed_before": -HUGE}, 0),
        ({"after": (-HUGE, "x")}, 0),
    ):
        assert len(bridge.orders.search(OrderQuery(**field))) == count, field
    assert len(bridge.orders.newer(OrderQuery(placed_after=-HUGE), than=(-HUGE, ""))) == 1
    assert not bridge.orders.newer(OrderQuery(), than=(HUGE, ""))


def test_a_bound_and_a_page_restrict_together(storage):
    """Whichever of the two is nearer, in both directions."""
    add(storage, *(order(f"order_{n}", placed_at=n) for n in range(6)))
    add(storage, *(cart(f"cart_{n}", expires_at=n) for n in range(6)))
    bridge = bridge_on(storage)

    def older(before: int, last: int) -> list[int]:
        query = OrderQuery(placed_before=before, after=(last, f"order_{last}"))
        return [one.placed_at for one in bridge.orders.search(query)]

    def newer(after: int, first: int) -> list[int]:
        query = OrderQuery(placed_after=after)
        found = bridge.orders.newer(query, than=(first, f"order_{first}"))
        return [one.placed_at for one in found]

    assert older(4, 2) == [1, 0]
    assert older(2, 4) == [1, 0]
    assert older(2, 2) == [1, 0]
    assert newer(4, 2) == [5, 4]
    assert newer(2, 4) == [5]
    assert newer(4, 4) == [5]
    expired = CartQuery(status="expired", now=3)
    query = CartQuery(status="expired", now=3, after=(5, "cart_5"))
    assert [one.expires_at for one in bridge.carts.search(query)] == [3, 2, 1, 0]
    query = CartQuery(status="expired", now=3, after=(2, "cart_2"))
    assert [one.expires_at for one in bridge.carts.search(query)] == [1, 0]
    assert [one.expires_at for one in bridge.carts.newer(expired, than=(1, "cart_1"))] == [3, 2]
    is_open = CartQuery(status="open", now=3)
    assert [one.expires_at for one in bridge.carts.newer(is_open, than=(0, "cart_0"))] == [5, 4]
    assert [one.expires_at for one in bridge.carts.newer(is_open, than=(4, "cart_4"))] == [5]


def test_takings_come_in_pieces(storage):
    """Each by its beginning, also an empty one; the last may be shorter."""
    add(storage, order("order_1", placed_at=10), order("order_2", placed_at=34))
    add(storage, order("order_3", placed_at=35))
    orders = bridge_on(storage).orders
    found = orders.takings(placed_after=10, placed_before=35, length=10)
    assert {start: [one.orders for one in row] for start, row in found.items()} == {
        10: [1], 20: [], 30: [1],
    }  # fmt: skip
    assert not any(
        orders.takings(placed_after=10, placed_before=35, length=HUGE, connection=OTHER).values()
    )


@pytest.mark.parametrize(
    ("placed_after", "placed_before", "length"),
    [(1, 1, 1), (2, 1, 1), (0, 10, 0), (0, 10, -1), (0, 1_001, 1), (-HUGE, HUGE, 1)],
)
def test_takings_of_no_time_or_too_many_pieces_are_refused(placed_after, placed_before, length):
    """A chart has an end."""
    with pytest.raises(ValueError, match="1 to 1,000 pieces"):
        bridge_on(MemoryStorage()).orders.takings(
            placed_after=placed_after, placed_before=placed_before, length=length
        )


class _Narrow(MemoryStorage):
    capabilities = MemoryStorage.capabilities - {"search"}


class _Own:
    """A site's own repository, with what every storage must do."""

    def find(self, one: str, *, connection: str | None) -> None:
        """Find nothing."""


def asked(bridge: Bridge) -> list:
    """Give everything that needs `search`."""
    carts, orders = bridge.carts, bridge.orders
    return [
        lambda: carts.find("cart_1"),
        lambda: carts.search(CartQuery(now=1)),
        lambda: carts.newer(CartQuery(now=1), than=(0, "")),
        lambda: orders.by_number("OF-000001"),
        lambda: orders.by_intent("pi_1"),
        lambda: orders.newer(OrderQuery(), than=(0, "")),
        lambda: orders.takings(placed_after=1, placed_before=2, length=1),
    ]


def test_a_storage_without_search_is_told_what_is_missing():
    """And it keeps what every storage can."""
    storage = _Narrow()
    add(storage, order())
    bridge = bridge_on(storage)
    for ask in asked(bridge):
        with pytest.raises(ConfigurationError, match=r"_Narrow cannot list .* `search`"):
            ask()
    assert bridge.orders.find("order_1").connection == SHOP
    assert len(bridge.orders.search()) == 1


def test_a_sites_own_repository_is_told_its_missing_methods(fresh_url):
    """The storage could; what stands in it cannot."""
    from orderflow_bridge.storage.peewee import PeeweeStorage  # noqa: PLC0415 -- an extra

    storage = PeeweeStorage(fresh_url("sqlite"), carts=lambda _: _Own(), orders=lambda _: _Own())
    for ask in asked(bridge_on(storage)):
        with pytest.raises(
            ConfigurationError, match=r"_Own cannot .*`(newer|search)`.* of the port"
        ):
            ask()
    storage.close()
