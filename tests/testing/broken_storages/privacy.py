"""Storages that are wrong about a customer's carts and stored answers."""

from contextlib import contextmanager
from fnmatch import fnmatchcase

from msgspec.structs import replace

from orderflow_bridge.ports import Answer, AnswerKey, KeptAnswer
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
FIND = "test_privacy_carts_are_found_by_their_customer"
PAGE = "test_privacy_carts_come_in_pages"
SAVED = "test_privacy_a_saved_order_is_found_by_its_customer"
ANSWERS = "test_privacy_answers_come_in_pages"
REWRITE = "test_privacy_an_answer_is_rewritten_for_its_key"
THE_ONE = "test_privacy_an_answer_is_rewritten_while_it_is_the_one"
UNIT = "test_privacy_a_rewriting_is_in_its_unit"
EXPORT = "test_privacy_an_export_has_all_and_only_theirs"
SOLD = "test_privacy_an_erasure_leaves_what_was_sold"
RETRY = "test_privacy_a_retry_gets_the_erased_answer"
INTERRUPTED = "test_privacy_an_interrupted_erasure_is_ended_by_the_next"
CONVERSION = "test_privacy_a_conversion_meanwhile_is_left"
STORED = "test_privacy_what_is_stored_meanwhile_is_erased"
MONEY = "test_privacy_money_meanwhile_brings_nobody_back"


def carts_where(unit, matches, after, limit):
    """Search every cart of a storage in memory by the address of its customer, in lower case."""
    found = [
        one
        for _, one in sorted(unit.carts._rows.items())
        if one.cart_id > after and one.customer and matches(one.customer.email.lower())
    ]
    return found[:limit]


class TestFindsCartsByCase(Fault):
    breaks = (FIND,)

    def carts_of_email(self, unit, email, *, after, limit):
        found = unit.carts.of_email(email, after=after, limit=limit)
        return [one for one in found if one.customer.email == email]


class TestFindsCartsByTheEndOfAnEmail(Fault):
    breaks = (FIND,)

    def carts_of_email(self, unit, email, *, after, limit):
        return carts_where(unit, lambda kept: kept.endswith(email.lower()), after, limit)


class TestFindsCartsByAPattern(Fault):
    breaks = (FIND,)

    def carts_of_email(self, unit, email, *, after, limit):
        pattern = email.lower().replace("%", "*")
        return carts_where(unit, lambda kept: fnmatchcase(kept, pattern), after, limit)


class TestCutsEmailsOfCarts(Fault):
    breaks = (FIND,)

    def carts_of_email(self, unit, email, *, after, limit):
        email = email if len(email.lower()) < 200 else ""
        return unit.carts.of_email(email, after=after, limit=limit)


class TestFindsCartsOfOneConnection(Fault):
    breaks = (FIND,)

    def carts_of_email(self, unit, email, *, after, limit):
        found = unit.carts.of_email(email, after=after, limit=limit)
        return [one for one in found if one.connection == found[0].connection]


class TestFindsCartsByTheirFirstCustomer(Fault):
    breaks = (FIND,)

    def remember(self):
        self.first = {}

    def carts_add(self, unit, cart):
        self.first[cart.cart_id] = cart.customer and cart.customer.email.lower()
        unit.carts.add(cart)

    def carts_of_email(self, unit, email, *, after, limit):
        every = carts_where(unit, lambda _: True, after, FOR_EVER)
        return [one for one in every if self.first[one.cart_id] == email.lower()][:limit]


class TestGivesTheLastCartAgain(Fault):
    breaks = (PAGE,)

    def carts_of_email(self, unit, email, *, after, limit):
        return unit.carts.of_email(email, after=after[:-1], limit=limit)


class TestGivesEveryCartAtOnce(Fault):
    breaks = (PAGE,)

    def carts_of_email(self, unit, email, *, after, limit):
        return unit.carts.of_email(email, after=after, limit=FOR_EVER)


class TestSortsCartsWithoutCase(Fault):
    breaks = (PAGE,)

    def carts_of_email(self, unit, email, *, after, limit):
        every = unit.carts.of_email(email, after="", limit=FOR_EVER)
        beyond = [one for one in every if one.cart_id.lower() > after.lower()]
        return sorted(beyond, key=lambda one: one.cart_id.lower())[:limit]


class TestFindsOrdersByTheirFirstCustomer(Fault):
    breaks = (SAVED,)

    def remember(self):
        self.first = {}

    def orders_place(self, unit, order):
        self.first[order.order_id] = order.customer.email.lower()
        return unit.orders.place(order)

    def orders_search(self, unit, query):
        found = unit.orders.search(replace(query, email=None))
        return [one for one in found if self.first[one.order_id] == query.email.lower()]


class TestGivesTheLastAnswerAgain(Fault):
    breaks = (ANSWERS,)

    def answers_page(self, unit, *, connection, after, limit):
        wider = after and (after[0], after[1][:-1])
        return unit.answers.page(connection=connection, after=wider, limit=limit)


class TestSkipsTheRestOfAnAction(Fault):
    breaks = (ANSWERS,)

    def answers_page(self, unit, *, connection, after, limit):
        beyond = after and (after[0], "~")
        return unit.answers.page(connection=connection, after=beyond, limit=limit)


class TestGivesEveryAnswerAtOnce(Fault):
    breaks = (ANSWERS,)

    def answers_page(self, unit, *, connection, after, limit):
        return unit.answers.page(connection=connection, after=after, limit=FOR_EVER)


class TestGivesAnswersOfEveryConnection(Fault):
    breaks = (ANSWERS,)

    def answers_page(self, unit, *, connection, after, limit):
        every = [
            KeptAnswer(key, kept.answer) for key, kept in unit.answers._rows.items() if kept.answer
        ]
        every.sort(key=lambda one: (one.key.action, one.key.key))
        return [one for one in every if not after or (one.key.action, one.key.key) > after][:limit]


class TestGivesRunningClaims(Fault):
    breaks = (ANSWERS,)

    def answers_page(self, unit, *, connection, after, limit):
        every = [
            KeptAnswer(key, kept.answer or Answer(0, b""))
            for key, kept in unit.answers._rows.items()
            if key.connection == connection
        ]
        every.sort(key=lambda one: (one.key.action, one.key.key))
        return [one for one in every if not after or (one.key.action, one.key.key) > after][:limit]


class TestForgetsTheFingerprint(Fault):
    breaks = (REWRITE,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        done = unit.answers.rewrite(key, answer, replacing=replacing)
        kept = unit.answers._rows.get(key)
        unit.answers._rows.put(key, replace(kept, fingerprint=b"g" * 32))
        return done


class TestKeepsARewrittenAnswerForEver(Fault):
    breaks = (REWRITE,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        done = unit.answers.rewrite(key, answer, replacing=replacing)
        kept = unit.answers._rows.get(key)
        unit.answers._rows.put(key, replace(kept, until=FOR_EVER))
        return done


class TestRewritesKeysInAnyCase(Fault):
    breaks = (REWRITE,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        other = AnswerKey(key.connection, key.action, key.key.upper())
        kept = unit.answers._rows.get(other)
        if kept is not None:
            unit.answers._rows.put(other, replace(kept, answer=answer))
        return unit.answers.rewrite(key, answer, replacing=replacing)


class TestRewritesTheBodyAlone(Fault):
    breaks = (REWRITE,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        same = Answer(replacing.status, answer.body)
        return unit.answers.rewrite(key, same, replacing=replacing)


class TestRewritesWhateverIsThere(Fault):
    breaks = (THE_ONE,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        kept = unit.answers._rows.get(key)
        if kept is None:
            return False
        unit.answers._rows.put(key, replace(kept, answer=answer))
        return True


class TestRewritesInAnotherUnit(Fault):
    breaks = (UNIT,)

    def remember(self):
        self.rewritten = {}

    def answers_rewrite(self, unit, key, answer, *, replacing):
        self.rewritten[key] = answer
        return True

    def answers_page(self, unit, *, connection, after, limit):
        page = unit.answers.page(connection=connection, after=after, limit=limit)
        return [replace(one, answer=self.rewritten.get(one.key, one.answer)) for one in page]


class TestReadsWhatWasCommitted(Fault):
    breaks = (UNIT,)

    def answers_page(self, unit, *, connection, after, limit):
        with self.true.reading() as committed:
            return committed.answers.page(connection=connection, after=after, limit=limit)


class TestSearchesOrdersOfEverybody(Fault):
    breaks = (EXPORT,)

    def orders_search(self, unit, query):
        return unit.orders.search(replace(query, email=None))


class TestForgetsStoredAnswers(Fault):
    breaks = (EXPORT,)

    def answers_page(self, unit, *, connection, after, limit):
        return []


class TestKeepsTheCustomerOfAnOrder(Fault):
    breaks = (SOLD, INTERRUPTED, STORED, MONEY)

    def orders_save(self, unit, order, *, expecting):
        stored = unit.orders.find(order.order_id, connection=None)
        return unit.orders.save(replace(order, customer=stored.customer), expecting=expecting)


class TestKeepsTheTextsOfLines(Fault):
    breaks = (SAVED, SOLD)

    def orders_save(self, unit, order, *, expecting):
        stored = unit.orders.find(order.order_id, connection=None)
        return unit.orders.save(replace(order, lines=stored.lines), expecting=expecting)


class TestSumsAnOrderAgain(Fault):
    breaks = (SOLD,)

    def orders_save(self, unit, order, *, expecting):
        totals = replace(order.totals, total=0) if order.status == expecting else order.totals
        return unit.orders.save(replace(order, totals=totals), expecting=expecting)


class TestForgetsTheKeyOfARewrittenAnswer(Fault):
    breaks = (RETRY,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        unit.answers._rows.remove(key)
        return True


class TestSaysThatItRewrote(Fault):
    breaks = (RETRY,)

    def answers_rewrite(self, unit, key, answer, *, replacing):
        return True


class TestCommitsHalfOfAnErasure(Fault):
    breaks = (INTERRUPTED,)

    @contextmanager
    def writing(self, true):
        failure = None
        with true.writing() as unit:
            try:
                yield unit
            except ValueError as error:
                failure = error
        if failure:
            raise failure


class TestHidesClaims(Fault):
    breaks = (CONVERSION,)

    def carts_lock(self, unit, cart_id, *, connection):
        found = unit.carts.lock(cart_id, connection=connection)
        return found and replace(found, conversion=None)
