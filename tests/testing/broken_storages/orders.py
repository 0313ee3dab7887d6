"""Storages that are wrong about orders."""

from msgspec.structs import replace

from orderflow_bridge.domain.order import Payment
from orderflow_bridge.ports import OrderQuery
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
ONE_ORDER = "test_orders_one_cart_and_one_intent_make_one_order"


class TestForgetsMetadata(Fault):
    breaks = ("test_orders_round_trip_with_its_number",)

    def orders_place(self, unit, order):
        return unit.orders.place(replace(order, metadata={}))


class TestTellsTheNumberOnce(Fault):
    breaks = ("test_orders_round_trip_with_its_number",)

    def orders_of_cart(self, unit, cart_id):
        found = unit.orders.of_cart(cart_id)
        return found and replace(found, number="")


class TestNumbersAsItLikes(Fault):
    breaks = ("test_orders_round_trip_with_its_number",)

    def orders_place(self, unit, order):
        placed = unit.orders.place(order)
        return replace(placed, number=placed.number.removeprefix("OF-"))


class TestGivesANumberTwice(Fault):
    breaks = ("test_orders_numbers_are_unique",)

    def orders_place(self, unit, order):
        unit.orders._published.placed = min(unit.orders._published.placed, 2)
        return unit.orders.place(order)


class Places(Fault):
    """Make what is taken free again: `second` gives the order as if it were of its own."""

    def orders_place(self, unit, order):
        placed = unit.orders.place(self.second(order))
        unit.orders._rows.put(order.order_id, replace(order, number=placed.number))
        return unit.orders.find(order.order_id, connection=None)

    def second(self, order):
        return order


class TestPlacesTwoOrdersOfACart(Places):
    breaks = (ONE_ORDER,)

    def second(self, order):
        return replace(order, cart_id=order.order_id)


class TestPlacesTwoOrdersOfAnIntent(Places):
    breaks = (ONE_ORDER,)

    def second(self, order):
        return replace(order, payment=Payment(intent=order.order_id))


class TestPlacesAnOrderOverAnother(Places):
    breaks = (ONE_ORDER,)

    def second(self, order):
        unit_id = f"{order.order_id}-{order.cart_id}"
        return replace(order, order_id=unit_id)


class TestPlacesAnIntentOncePerConnection(Fault):
    breaks = (ONE_ORDER,)

    def orders_place(self, unit, order):
        own = f"{order.connection} {order.payment.intent}"
        return unit.orders.place(replace(order, payment=replace(order.payment, intent=own)))


class TestFoldsTheCaseOfIntents(Fault):
    breaks = ("test_orders_intents_differ_by_case",)

    def orders_place(self, unit, order):
        folded = replace(order.payment, intent=order.payment.intent.lower())
        return unit.orders.place(replace(order, payment=folded))


class TestPlacesAThousandLines(Fault):
    breaks = ("test_orders_many_lines",)

    def orders_place(self, unit, order):
        return unit.orders.place(replace(order, lines=order.lines[:1_000]))


class TestShowsAnOrderToEveryone(Fault):
    breaks = ("test_orders_an_order_does_not_exist_for_another_connection",)

    def orders_find(self, unit, order_id, *, connection):
        return unit.orders.find(order_id, connection=None)


class TestShowsAnOrderToItsConnectionOnly(Fault):
    breaks = ("test_orders_an_order_does_not_exist_for_another_connection",)

    def orders_find(self, unit, order_id, *, connection):
        return connection and unit.orders.find(order_id, connection=connection)


class TestFoldsTheCaseOfOrderIds(Fault):
    breaks = ("test_orders_an_order_does_not_exist_for_another_connection",)

    def orders_find(self, unit, order_id, *, connection):
        return unit.orders.find(order_id.lower(), connection=connection)


class TestSavesWhateverTheStatus(Fault):
    breaks = ("test_orders_save_is_guarded_by_the_status",)

    def orders_save(self, unit, order, *, expecting):
        found = unit.orders.find(order.order_id, connection=None)
        return unit.orders.save(order, expecting=found.status if found else expecting)


class TestTellsThatItSaved(Fault):
    breaks = ("test_orders_save_is_guarded_by_the_status",)

    def orders_save(self, unit, order, *, expecting):
        unit.orders.save(order, expecting=expecting)
        return True


class TestSavesTheStatusAlone(Fault):
    breaks = ("test_orders_save_is_guarded_by_the_status",)

    def orders_save(self, unit, order, *, expecting):
        found = unit.orders.find(order.order_id, connection=None)
        only = replace(found, status=order.status) if found else order
        return unit.orders.save(only, expecting=expecting)


class TestCountsChangedRowsOfOrders(Fault):
    breaks = ("test_orders_a_save_that_changes_nothing_succeeds",)

    def orders_save(self, unit, order, *, expecting):
        found = unit.orders.find(order.order_id, connection=None)
        same = found and replace(found, number=order.number) == order
        return not same and unit.orders.save(order, expecting=expecting)


class TestSavesTheNumber(Fault):
    breaks = ("test_orders_a_save_keeps_the_number",)

    def orders_save(self, unit, order, *, expecting):
        saved = unit.orders.save(order, expecting=expecting)
        if saved and order.number:
            unit.orders._rows.put(order.order_id, order)
        return saved


class TestForgetsTheNumberOnSave(Fault):
    breaks = (
        "test_orders_save_is_guarded_by_the_status",
        "test_orders_a_save_keeps_the_number",
    )

    def orders_save(self, unit, order, *, expecting):
        saved = unit.orders.save(order, expecting=expecting)
        if saved:
            unit.orders._rows.put(order.order_id, replace(order, number=""))
        return saved


class Searches(Fault):
    """A fault of `search`: `change` gives another query."""

    def orders_search(self, unit, query):
        return unit.orders.search(self.change(query))


class TestSearchesTheOldestFirst(Fault):
    breaks = ("test_orders_newest_first_then_by_id", "test_orders_filters_join")

    def orders_search(self, unit, query):
        return unit.orders.search(replace(query, limit=FOR_EVER))[::-1][: query.limit]


class TestSearchesByTimeAlone(Fault):
    breaks = ("test_orders_newest_first_then_by_id",)

    def orders_search(self, unit, query):
        found = sorted(unit.orders.search(query), key=lambda one: one.order_id.lower())
        return sorted(found, key=lambda one: one.placed_at, reverse=True)


class TestPagesByTimeAlone(Searches):
    breaks = ("test_orders_pages_meet_without_gap_or_overlap",)

    def change(self, query):
        return replace(query, after=query.after and (query.after[0], ""))


class TestPagesOverlap(Searches):
    breaks = ("test_orders_pages_meet_without_gap_or_overlap",)

    def change(self, query):
        return replace(query, after=query.after and (query.after[0], query.after[1] + " "))


class TestSearchesEveryConnection(Searches):
    breaks = ("test_orders_filters_join",)

    def change(self, query):
        return replace(query, connection=None)


class TestSearchesEveryStatus(Searches):
    breaks = ("test_orders_filters_join",)

    def change(self, query):
        return replace(query, status=None)


class TestSearchesAfterTheBound(Searches):
    breaks = ("test_orders_filters_join",)

    def change(self, query):
        after = query.placed_after
        return replace(query, placed_after=None if after is None else after + 1)


class TestSearchesToTheBound(Searches):
    breaks = ("test_orders_filters_join",)

    def change(self, query):
        before = query.placed_before
        return replace(query, placed_before=None if before is None else before + 1)


class TestSearchesWithoutALimit(Searches):
    breaks = ("test_orders_filters_join",)

    def change(self, query):
        return replace(query, limit=FOR_EVER)


class TestSearchesEmailsByCase(Fault):
    breaks = ("test_orders_email_compares_without_case",)

    def orders_search(self, unit, query):
        return [
            one for one in unit.orders.search(query) if query.email in (None, one.customer.email)
        ]


class TestSearchesEmailsByTheirEnd(Fault):
    breaks = ("test_orders_email_compares_without_case",)

    def orders_search(self, unit, query):
        end = (query.email or "").lower().removeprefix("%")
        found = unit.orders.search(replace(query, email=None))
        return [one for one in found if one.customer.email.lower().endswith(end)]


class TestSearchesTheStartOfEmails(Fault):
    breaks = ("test_orders_email_compares_without_case",)

    def orders_search(self, unit, query):
        if query.email and len(query.email.lower()) > 200:
            return []
        return unit.orders.search(query)


class TestTakesTheCartForTheOrder(Fault):
    breaks = ("test_orders_it_is_found_by_the_cart",)

    def orders_of_cart(self, unit, cart_id):
        return unit.orders.find(cart_id.removeprefix("cart_of_"), connection=None) or next(
            iter(unit.orders.search(OrderQuery(limit=1))), None
        )


class TestLosesTheOrderOfACart(Fault):
    breaks = ("test_orders_it_is_found_by_the_cart",)

    def orders_of_cart(self, unit, cart_id):
        return None
