"""Storages that are wrong about an operator's lists."""

from msgspec.structs import replace

from orderflow_bridge.ports import OrderQuery
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
ANY = "test_search_a_cart_of_any_connection_is_found"
STATUS = "test_search_carts_have_the_status_of_the_moment"
FILTERS = "test_search_carts_are_found_by_connection_and_email"
NEWEST = "test_search_carts_come_newest_first"
MEET = "test_search_pages_of_carts_meet_both_ways"
BEFORE = "test_search_back_from_a_cart_is_the_page_before_it"
LEAVES = "test_search_a_cart_that_changes_leaves_its_list"
NUMBER = "test_search_an_order_is_found_by_its_number"
PAYMENT = "test_search_an_order_is_found_by_its_payment"
BACK = "test_search_pages_back_meet_every_order_once"
BEFORE_ORDER = "test_search_back_from_an_order_is_the_page_before_it"
ORDER_LEAVES = "test_search_an_order_that_changes_leaves_its_list"
TAKINGS = "test_search_takings_by_status_and_currency"
EXACT = "test_search_takings_are_exact"


def place(cart):
    """Tell where a cart stands among those of one status that still may be used."""
    return (cart.expires_at, cart.cart_id)


class TestFindsACartOfOneConnection(Fault):
    breaks = (ANY,)

    def remember(self):
        self.first = None

    def carts_find_any(self, unit, cart_id):
        found = unit.carts.find_any(cart_id)
        self.first = self.first or (found and found.connection)
        return found if found and found.connection == self.first else None


class TestFindsACartWithoutCase(Fault):
    breaks = (ANY,)

    def carts_find_any(self, unit, cart_id):
        return unit.carts.find_any(cart_id.lower())


class TestLetsCartsExpireTooLate(Fault):
    breaks = (STATUS,)

    def carts_search(self, unit, query):
        return unit.carts.search(replace(query, now=query.now - 1))


class TestLetsConvertedCartsExpire(Fault):
    breaks = (STATUS,)

    def carts_search(self, unit, query):
        found = unit.carts.search(query)
        if query.status == "converted":
            return [one for one in found if one.expires_at > query.now]
        return found


class TestListsCartsByTheCaseOfAnEmail(Fault):
    breaks = (FILTERS,)

    def carts_search(self, unit, query):
        found = unit.carts.search(query)
        return [one for one in found if query.email in (None, one.customer.email)]


class TestListsCartsByAPartOfAnEmail(Fault):
    breaks = (FILTERS,)

    def carts_search(self, unit, query):
        found = unit.carts.search(replace(query, email=None))
        email = (query.email or "").lower()
        return [one for one in found if one.customer and email in one.customer.email.lower()]


class TestForgetsTheConnectionBesideTheEmail(Fault):
    breaks = (FILTERS,)

    def carts_search(self, unit, query):
        # Where nothing else restricts: the connection alone is heard, and with a status it is not.
        return unit.carts.search(replace(query, connection=None) if query.status else query)


class TestListsCartsByTheirIdAlone(Fault):
    breaks = (NEWEST,)

    def carts_search(self, unit, query):
        found = unit.carts.search(query)
        return sorted(found, key=lambda one: one.cart_id, reverse=True)


class TestListsConvertedCartsByTheirTime(Fault):
    breaks = (NEWEST,)

    def carts_search(self, unit, query):
        found = unit.carts.search(query)
        return sorted(found, key=place, reverse=True) if query.status == "converted" else found


class TestListsCartsWithoutCase(Fault):
    breaks = (NEWEST,)

    def carts_search(self, unit, query):
        found = unit.carts.search(query)
        return sorted(found, key=lambda one: one.cart_id.lower()) if query.status is None else found


class TestSkipsCartsThatExpireTogether(Fault):
    breaks = (MEET,)

    def carts_search(self, unit, query):
        after = query.after and (query.after[0], "")
        return unit.carts.search(replace(query, after=after) if query.status else query)


class TestGivesTheLastCartOfAPageAgain(Fault):
    breaks = (MEET,)

    def carts_search(self, unit, query):
        after = query.after and (query.after[0], query.after[1] + "~")
        return unit.carts.search(replace(query, after=after))


class TestSkipsCartsOnTheWayBack(Fault):
    breaks = (MEET,)

    def carts_newer(self, unit, query, *, than):
        return unit.carts.newer(query, than=(than[0], than[1] + "~"))[1:]


class TestGivesTheNewestCartsOnTheWayBack(Fault):
    breaks = (BEFORE,)

    def carts_newer(self, unit, query, *, than):
        return unit.carts.newer(replace(query, limit=FOR_EVER), than=than)[: query.limit]


class TestTurnsAPageOfCartsAround(Fault):
    breaks = (BEFORE,)

    def carts_newer(self, unit, query, *, than):
        return unit.carts.newer(query, than=than)[::-1]


class TestLooksAtAfterOnTheWayBackOfCarts(Fault):
    breaks = (BEFORE,)

    def carts_newer(self, unit, query, *, than):
        found = unit.carts.newer(query, than=than)
        return [one for one in found if query.after is None or place(one) < query.after]


class TestListsCartsAsTheyWere(Fault):
    breaks = (LEAVES,)

    def remember(self):
        self.first = {}

    def carts_add(self, unit, cart):
        self.first[cart.cart_id] = cart
        unit.carts.add(cart)

    def carts_search(self, unit, query):
        kept = [one for one in self.first.values() if one.status(query.now) == query.status]
        kept = sorted(kept, key=place, reverse=True)
        return [one for one in kept if query.after is None or place(one) < query.after][
            : query.limit
        ]


class TestPagesByPosition(Fault):
    breaks = (LEAVES,)

    def remember(self):
        self.seen = 0

    def carts_search(self, unit, query):
        start = self.seen if query.after else 0
        found = unit.carts.search(replace(query, after=None, limit=start + query.limit))[start:]
        self.seen = start + len(found)
        return found


class TestReadsANumberLeniently(Fault):
    breaks = (NUMBER,)

    def orders_of_number(self, unit, number):
        try:
            return unit.orders.of_number(f"OF-{int(number.upper().removeprefix('OF-')):06d}")
        except ValueError:
            return None


class TestFindsAnyOrderByANumber(Fault):
    breaks = (NUMBER,)

    def orders_of_number(self, unit, number):
        return next(iter(unit.orders.search(OrderQuery(limit=1))), None)


class TestHidesNumbersOfOtherConnections(Fault):
    breaks = (NUMBER,)

    def orders_of_number(self, unit, number):
        found = unit.orders.of_number(number)
        return found if found and found.order_id == "order_1" else None


class TestFindsAPaymentWithoutCase(Fault):
    breaks = (PAYMENT,)

    def orders_of_intent(self, unit, intent):
        return unit.orders.of_intent(intent.lower())


class TestFindsAPaymentByItsBeginning(Fault):
    breaks = (PAYMENT,)

    def orders_of_intent(self, unit, intent):
        every = unit.orders.search(OrderQuery())
        return next((one for one in every[::-1] if one.payment.intent.startswith(intent)), None)


class TestSkipsOrdersOfOneMillisecond(Fault):
    breaks = (BACK,)

    def orders_newer(self, unit, query, *, than):
        return unit.orders.newer(query, than=(than[0], "~"))


class TestForgetsAFilterOnTheWayBack(Fault):
    breaks = (BACK,)

    def orders_newer(self, unit, query, *, than):
        return unit.orders.newer(replace(query, placed_before=None), than=than)


class TestGivesTheNewestOrdersOnTheWayBack(Fault):
    breaks = (BEFORE_ORDER,)

    def orders_newer(self, unit, query, *, than):
        return unit.orders.newer(replace(query, limit=FOR_EVER), than=than)[: query.limit]


class TestLooksAtAfterOnTheWayBack(Fault):
    breaks = (BEFORE_ORDER,)

    def orders_newer(self, unit, query, *, than):
        found = unit.orders.newer(query, than=than)
        return [one for one in found if (one.placed_at, one.order_id) < query.after]


class TestFiltersAfterTheLimit(Fault):
    breaks = (ORDER_LEAVES,)

    def orders_newer(self, unit, query, *, than):
        found = unit.orders.newer(replace(query, status=None), than=than)
        return [one for one in found if query.status in (None, one.status)]


class TestSumsTheLastMomentToo(Fault):
    breaks = (TAKINGS,)

    def orders_takings(self, unit, *, placed_before, **asked):
        return unit.orders.takings(placed_before=placed_before + 1, **asked)


class TestSumsEveryConnection(Fault):
    breaks = (TAKINGS,)

    def orders_takings(self, unit, *, connection, **asked):
        return unit.orders.takings(connection=None, **asked)


class TestSumsInAnyOrder(Fault):
    breaks = (TAKINGS,)

    def orders_takings(self, unit, **asked):
        return unit.orders.takings(**asked)[::-1]


class TestSumsAsFloats(Fault):
    breaks = (EXACT,)

    def orders_takings(self, unit, **asked):
        found = unit.orders.takings(**asked)
        return [replace(one, total=int(float(one.total) * (1 + 2**-52))) for one in found]
