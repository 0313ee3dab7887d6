"""The checker believes a true history, and finds each falsified one."""

import re
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.cart import Conversion
from orderflow_bridge.storage import memory
from tests.faults import history as checker
from tests.faults.history import Attempt, Change, End, History, Kept, check, look
from tests.faults.traffic import Market, in_process, run
from tests.rig import open_shop

Falsify = Callable[[History, End], None]

FALSIFIED: list[tuple[str, Falsify]] = []


def falsified(promise: str) -> Callable[[Falsify], Falsify]:
    """Name the promise that a falsification breaks."""

    def keep(falsify: Falsify) -> Falsify:
        FALSIFIED.append((promise, falsify))
        return falsify

    return keep


@pytest.fixture(scope="module")
def truth() -> tuple[History, End]:
    """Give a history of many requests, and its end, as they were."""
    shop = open_shop()
    market = Market.of(shop)
    run(market, in_process(shop.bridge), seed=5, steps=40, operator=shop.bridge)
    return market.history, look(shop.bridge._storage, market.history, now=shop.clock.now())


@pytest.fixture
def copied(truth) -> tuple[History, End]:
    """Give a copy that a test may falsify."""
    history, end = truth
    return (
        History(
            start=dict(history.start),
            attempts=list(history.attempts),
            changes=list(history.changes),
        ),
        End(
            carts=dict(end.carts),
            orders=list(end.orders),
            stock=dict(end.stock),
            spent=dict(end.spent),
            answers=dict(end.answers),
            intents=dict(end.intents),
            open_carts=end.open_carts,
        ),
    )


def known(history: History, action: str) -> Attempt:
    """Find an acknowledged write with a key."""
    return next(
        one
        for one in history.attempts
        if one.action == action and one.outcome == "known" and one.key
    )


def later(one: Attempt, **changes) -> Attempt:
    """Make another attempt of the same thing, after it."""
    return replace(
        one,
        **{"began": one.ended + 1, "ended": one.ended + 2, "signature": "f" * 64} | changes,
    )


def test_a_true_history_is_believed(truth) -> None:
    """Nothing is found where nothing is wrong, and there was something to find."""
    history, end = truth
    assert check(history, end, faults_leave_nothing=True) == []
    assert len(history.attempts) > 150
    assert {one.action for one in history.attempts} >= {"convertToOrder", "orders.cancel"}
    assert {one.what for one in history.changes} == {"rotate", "disable", "enable"}
    assert any(order.status == "cancelled" for order in end.orders)
    assert any(order.status != "cancelled" and order.taken for order in end.orders)


def test_the_same_seed_is_the_same_history() -> None:
    """Without threads everything but the time of the machine is repeated."""
    told = []
    for _ in range(2):
        shop = open_shop()
        market = Market.of(shop)
        run(market, in_process(shop.bridge), seed=11, operator=shop.bridge)
        told.append([(one.signature, one.raw) for one in market.history.attempts])
    assert told[0] == told[1]
    assert told[0]


@falsified("one success per signature")
def second_success(history: History, end: End) -> None:
    one = known(history, "items.add")
    history.attempts.append(later(one, signature=one.signature, repeated=True))


@falsified("a used signature stays spent")
def forgotten_signature(history: History, end: End) -> None:
    end.spent[known(history, "items.add").signature] = False


@falsified("a refusal before step 19 spends nothing")
def signature_spent_by_nobody(history: History, end: End) -> None:
    end.spent["e" * 64] = True


@falsified("a refusal before step 19 spends nothing")
def signature_spent_by_a_refusal(history: History, end: End) -> None:
    one = next(one for one in history.attempts if one.code in checker.UNSPENT)
    end.spent[one.signature] = True


@falsified("a signature is spent by its own request")
def replay_of_nothing(history: History, end: End) -> None:
    one = known(history, "items.add")
    history.attempts.append(later(one, key="other", status=409, raw=b'{"code":"replayed_request"}'))
    end.spent["f" * 64] = True


@falsified("one effect per key")
def second_effect(history: History, end: End) -> None:
    one = known(history, "cart.create")
    history.attempts.append(later(one))
    end.spent["f" * 64] = True


@falsified("one effect per key")
def repeated_before_it_happened(history: History, end: End) -> None:
    at = history.attempts.index(known(history, "cart.create"))
    one = history.attempts[at]
    history.attempts = [
        other for other in history.attempts if other.key != one.key or other.action != one.action
    ]
    history.attempts.append(replace(one, repeated=True))


@falsified("one answer per key")
def another_answer(history: History, end: End) -> None:
    one = known(history, "cart.create")
    history.attempts.append(later(one, repeated=True, raw=one.raw.replace(b"1", b"2")))
    end.spent["f" * 64] = True


@falsified("what was acknowledged is kept")
def forgotten_answer(history: History, end: End) -> None:
    one = known(history, "items.add")
    end.answers[one.connection, one.action, one.key or ""] = Kept(state="none")


@falsified("what was acknowledged is kept")
def lost_cart(history: History, end: End) -> None:
    del end.carts[known(history, "cart.create").answer["cart_id"]]


@falsified("what was acknowledged is kept")
def lost_order(history: History, end: End) -> None:
    end.orders = end.orders[1:]


@falsified("what was acknowledged is kept")
def another_order(history: History, end: End) -> None:
    end.orders[0] = replace(end.orders[0], number="OF-999999")


@falsified("what was acknowledged is kept")
def order_with_other_lines(history: History, end: End) -> None:
    first = end.orders[0]
    end.orders[0] = replace(first, lines=(replace(first.lines[0], line_id="x"), *first.lines[1:]))


@falsified("what was acknowledged is kept")
def cancel_undone(history: History, end: End) -> None:
    for at, order in enumerate(end.orders):
        if order.status == "cancelled":
            end.orders[at] = replace(order, status="pending_payment")


@falsified("what was acknowledged is kept")
def lost_version(history: History, end: End) -> None:
    one = max(
        (one for one in history.attempts if one.action == "items.add" and one.status == 200),
        key=lambda one: one.answer["version"],
    )
    cart_id = one.answer["cart_id"]
    end.carts[cart_id] = replace(end.carts[cart_id], version=1)


@falsified("what was read is kept")
def read_of_the_future(history: History, end: End) -> None:
    one = next(one for one in history.attempts if one.action == "cart.get" and one.status == 200)
    history.attempts.append(later(one, raw=msgspec.json.encode(one.answer | {"version": 99})))


@falsified("no lost update")
def one_version_twice(history: History, end: End) -> None:
    one = known(history, "items.add")
    history.attempts.append(later(one, key="another"))
    end.spent["f" * 64] = True
    end.answers[one.connection, one.action, "another"] = Kept(state="done", status=200, raw=one.raw)


@falsified("no lost update")
def versions_against_time(history: History, end: End) -> None:
    changes = [
        one
        for one in history.attempts
        if one.action == "items.add" and one.status == 200 and not one.repeated
    ]
    early, late = next(
        (one, two)
        for one in changes
        for two in changes
        if one.answer["cart_id"] == two.answer["cart_id"]
        and one.answer["version"] < two.answer["version"]
    )
    history.attempts.remove(early)
    history.attempts.append(replace(early, began=late.ended + 1, ended=late.ended + 2))


@falsified("each version is one change")
def version_of_nobody(history: History, end: End) -> None:
    cart_id = known(history, "cart.create").answer["cart_id"]
    cart = end.carts[cart_id]
    end.carts[cart_id] = replace(cart, version=cart.version + 1)


@falsified("each version is one change")
def change_that_did_something_else(history: History, end: End) -> None:
    one = known(history, "items.add")
    fields = one.fields
    fields["items"][0]["quantity"] += 1
    history.attempts = [
        replace(other, body=msgspec.json.encode(fields)) if other.key == one.key else other
        for other in history.attempts
    ]


@falsified("a change does what was asked")
def created_with_something_else(history: History, end: End) -> None:
    one = known(history, "cart.create")
    fields = one.fields | {"items": [{"sku": "lamp", "quantity": 3}]}
    history.attempts = [
        replace(other, body=msgspec.json.encode(fields)) if other.key == one.key else other
        for other in history.attempts
    ]


@falsified("one state per version")
def another_state(history: History, end: End) -> None:
    cart_id, cart = next((name, cart) for name, cart in end.carts.items() if cart.lines)
    first = cart.lines[0]
    end.carts[cart_id] = replace(
        cart, lines=(replace(first, quantity=first.quantity + 1), *cart.lines[1:])
    )


@falsified("reads are never stale")
def stale_read(history: History, end: End) -> None:
    made = known(history, "cart.create")
    cart_id = made.answer["cart_id"]
    changed = next(
        one
        for one in history.attempts
        if one.action == "items.add" and one.status == 200 and one.answer["cart_id"] == cart_id
    )
    history.attempts.append(later(changed, action="cart.get", key=None, raw=made.raw))


@falsified("reads are never stale")
def read_before_it_happened(history: History, end: End) -> None:
    one = known(history, "items.add")
    first = min(other.began for other in history.attempts if other.key == one.key)
    history.attempts.append(
        replace(one, action="cart.get", key=None, began=first - 2, ended=first - 1)
    )


@falsified("nothing that nobody asked for")
def order_of_nobody(history: History, end: End) -> None:
    end.orders.append(replace(end.orders[0], order_id="order_x", cart_id="cart_x"))


@falsified("nothing that nobody asked for")
def carts_of_nobody(history: History, end: End) -> None:
    end.open_carts += 1


@falsified("nothing that nobody asked for")
def cancel_of_nobody(history: History, end: End) -> None:
    at = next(at for at, order in enumerate(end.orders) if order.status != "cancelled")
    end.orders[at] = replace(end.orders[at], status="cancelled")


@falsified("nothing that nobody asked for")
def answer_of_nobody(history: History, end: End) -> None:
    end.answers["ofc_x", "cart.create", "key"] = Kept(state="done", status=200, raw=b"{}")


@falsified("nothing in between")
def key_that_runs_for_ever(history: History, end: End) -> None:
    one = known(history, "cart.create")
    end.answers[one.connection, one.action, one.key or ""] = Kept(state="running")


@falsified("nothing in between")
def order_of_an_open_cart(history: History, end: End) -> None:
    cart_id = end.orders[0].cart_id
    end.carts[cart_id] = replace(end.carts[cart_id], order_id=None)


@falsified("nothing in between")
def converted_without_an_order(history: History, end: End) -> None:
    cart_id = next(name for name, cart in end.carts.items() if cart.order_id is None)
    end.carts[cart_id] = replace(end.carts[cart_id], order_id="order_x")


@falsified("nothing in between")
def claimed_cart(history: History, end: End) -> None:
    cart_id = known(history, "cart.create").answer["cart_id"]
    claim = Conversion(token="t", lease_until=1, draft=end.orders[0])
    end.carts[cart_id] = replace(end.carts[cart_id], conversion=claim)


@falsified("nothing in between")
def intent_without_an_order(history: History, end: End) -> None:
    end.intents["pi_x"] = "cart_x"


@falsified("nothing in between")
def order_without_its_intent(history: History, end: End) -> None:
    end.intents[end.orders[0].payment.intent] = None


@falsified("one cart, one order")
def two_orders_of_a_cart(history: History, end: End) -> None:
    end.orders.append(replace(end.orders[0], order_id="order_x", number="OF-999999"))


@falsified("an order is its cart")
def order_of_something_else(history: History, end: End) -> None:
    first = end.orders[0]
    end.orders[0] = replace(first, lines=(replace(first.lines[0], sku="tree"), *first.lines[1:]))


@falsified("totals are the sum of lines")
def wrong_totals(history: History, end: End) -> None:
    first = end.orders[0]
    end.orders[0] = replace(first, totals=replace(first.totals, tax=first.totals.tax + 1))


@falsified("totals are the sum of lines")
def wrong_subtotal(history: History, end: End) -> None:
    cart_id, cart = next((name, cart) for name, cart in end.carts.items() if cart.lines)
    first = cart.lines[0]
    wrong = replace(first, unit_price=first.unit_price + 1)
    end.carts[cart_id] = replace(cart, lines=(wrong, *cart.lines[1:]))


@falsified("stock + sold = start")
def stock_out_of_nothing(history: History, end: End) -> None:
    end.stock["lamp"] += 1


@falsified("stock + sold = start")
def order_that_took_nothing(history: History, end: End) -> None:
    at = next(at for at, order in enumerate(end.orders) if order.taken)
    end.orders[at] = replace(end.orders[at], taken={})


@falsified("disabled is disabled")
def success_of_a_disabled_connection(history: History, end: End) -> None:
    one = known(history, "items.add")
    history.changes.append(
        Change(
            began=one.began - 2,
            ended=one.began - 1,
            connection=one.connection,
            what="disable",
            done=True,
        )
    )


@falsified("a replaced secret is worthless")
def success_with_a_replaced_secret(history: History, end: End) -> None:
    one = known(history, "items.add")
    history.changes.append(
        Change(
            began=one.began - 2,
            ended=one.began - 1,
            connection=one.connection,
            what="rotate",
            done=True,
            replaced=one.secret,
        )
    )


@pytest.mark.parametrize(
    ("promise", "falsify"), [pytest.param(*one, id=one[1].__name__) for one in FALSIFIED]
)
def test_a_falsified_history_is_rejected(copied, promise: str, falsify: Falsify) -> None:
    """The promise that it breaks is named."""
    history, end = copied
    falsify(history, end)
    assert promise in {broken.promise for broken in check(history, end)}


@pytest.mark.parametrize("strict", [True, False])
def test_an_unknown_outcome_may_have_happened_only_where_a_fault_may_hide_it(
    copied, strict: bool
) -> None:
    """An effect behind an answer 503 is a broken promise, but not where a connection was cut."""
    history, end = copied
    one = next(
        one
        for one in history.attempts
        if one.action == "items.add"
        and one.status == 200
        and sum(one.key == other.key for other in history.attempts) == 1
        and one.key
    )
    at = history.attempts.index(one)
    history.attempts[at] = replace(one, status=503, raw=b"{}")
    found = {broken.promise for broken in check(history, end, faults_leave_nothing=strict)}
    assert bool(found) is strict


def test_each_promise_has_a_falsification() -> None:
    """No promise of the checker is one that cannot fail."""
    text = Path(checker.__file__).read_text(encoding="utf-8")
    promises = set(re.findall(r'Broken\(\s*"([^"]+)"', text))
    assert promises == {promise for promise, _ in FALSIFIED}


def forgetful(_self, *_arguments, **_options) -> bool:
    """Say that it was done."""
    return True


@pytest.mark.parametrize(
    ("method", "promise"),
    [
        ("replays.Replays.spend", "one success per signature"),
        ("answers.Answers.store", "nothing in between"),
        ("stock.Stock.take", "stock + sold = start"),
        ("stock.Stock.give_back", "stock + sold = start"),
        ("orders.Orders.save", "what was acknowledged is kept"),
        ("carts.Carts.save", "what was acknowledged is kept"),
        ("connections.Connections.save", "disabled is disabled"),
        ("unit.MemoryUnit.publish", "what was acknowledged is kept"),
    ],
)
def test_a_storage_that_forgets_is_found(method: str, promise: str) -> None:
    """A storage that answers as if all were well, and keeps nothing."""
    shop = open_shop()
    market = Market.of(shop)
    owner, _, name = method.rpartition(".")
    broken = pytest.MonkeyPatch()
    broken.setattr(attrgetter(owner)(memory), name, forgetful)
    try:
        run(market, in_process(shop.bridge), seed=5, steps=40, operator=shop.bridge)
    finally:
        broken.undo()
    end = look(shop.bridge._storage, market.history, now=shop.clock.now())
    assert promise in {found.promise for found in check(market.history, end)}
