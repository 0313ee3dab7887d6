"""Storages that are right for one thread and wrong for several."""

import threading
import time
from contextlib import contextmanager

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.storage.memory import MemoryStorage
from tests.testing.broken_storages.fault import Fault

PATIENCE = 10


class Unlocked(Fault):
    """Writing units wait for nobody: each checks what is published, and publishes at its end.

    The first two that `meet` have both checked before either publishes.
    """

    def remember(self):
        self.came = 0
        self.second = threading.Event()

    def writing(self, true):
        true._turn = threading.Lock()
        return true.writing()

    def meet(self):
        self.came += 1
        if self.came > 1:
            self.second.set()
        self.second.wait(PATIENCE)


class TestLocksNoCart(Unlocked):
    breaks = (
        "test_threads_parallel_changes_of_one_cart_lose_nothing",
        "test_threads_a_locked_cart_is_not_changed_by_another",
    )

    def carts_save(self, unit, cart, *, replacing):
        unit.carts.save(cart, replacing=replacing)
        self.meet()


class TestLocksNoConnection(Unlocked):
    breaks = ("test_threads_operators_do_not_lose_each_others_changes",)

    def connections_save(self, unit, connection):
        unit.connections.save(connection)
        self.meet()


class TestLooksBeforeItSpends(Unlocked):
    breaks = ("test_threads_spend_one_signature_once",)

    def replays_spend(self, unit, mac, *, connection, until):
        spent = unit.replays.spend(mac, connection=connection, until=until)
        self.meet()
        return spent


class TestLooksBeforeItEnds(Unlocked):
    breaks = ("test_threads_end_a_sign_in_once",)

    def sessions_end(self, unit, digest):
        ended = unit.sessions.end(digest)
        self.meet()
        return ended


class TestJournalsABatchTwice(Fault):
    """Each unit that appends looks first, and then gives what is there another id."""

    breaks = ("test_threads_journal_one_batch_once",)

    def journal_append(self, unit, entries):
        found = [unit.journal.find(one.request_id) for one in entries]
        unit.journal.append(
            [
                replace(one, request_id=f"{one.request_id}+") if there else one
                for one, there in zip(entries, found, strict=True)
            ]
        )


class TestClaimsWithoutWaiting(Unlocked):
    breaks = ("test_threads_a_twin_waits_for_the_claim_and_gets_its_answer",)

    @contextmanager
    def writing(self, true):
        with super().writing(true) as unit:
            yield unit
            self.meet()


class TestLooksBeforeItMoves(Unlocked):
    breaks = ("test_threads_move_an_order_out_of_a_status_once",)

    def orders_save(self, unit, order, *, expecting):
        saved = unit.orders.save(order, expecting=expecting)
        self.meet()
        return saved


class TestLooksBeforeItSettles(Unlocked):
    breaks = ("test_threads_settle_an_intent_once",)

    def intents_save(self, unit, intent, *, replacing):
        unit.intents.save(intent, replacing=replacing)
        self.meet()


class TestLooksBeforeItPlaces(Unlocked):
    breaks = ("test_threads_place_one_order_of_a_cart",)

    def orders_place(self, unit, order):
        placed = unit.orders.place(order)
        self.meet()
        return placed


class TestSellsTheLastOneTwice(Unlocked):
    breaks = (
        "test_stock_the_last_one_is_sold_once",
        "test_stock_baskets_in_any_order_do_not_deadlock_for_good",
    )

    def stock_take(self, unit, wanted):
        unit.stock.take(wanted)
        self.meet()


class TestRefusesBasketsInAnotherOrder(Fault):
    """A deadlock that ends by refusing the same one each time."""

    breaks = ("test_stock_baskets_in_any_order_do_not_deadlock_for_good",)

    def stock_take(self, unit, wanted):
        if next(iter(wanted)) != "A":
            raise Conflict("a deadlock")
        unit.stock.take(wanted)


class TestRemembersWhoSpent(Fault):
    """The signatures are kept elsewhere, where no unit takes them back."""

    breaks = (
        "test_threads_a_signature_of_a_failed_unit_is_unspent",
        "test_units_an_exception_leaves_nothing",
    )

    def remember(self):
        self.spent = set()

    def replays_spend(self, unit, mac, *, connection, until):
        known = (connection, mac) in self.spent
        self.spent.add((connection, mac))
        return not known


class TestRemembersWhoEnded(Fault):
    """What was ended stands elsewhere, where no unit takes it back."""

    breaks = ("test_threads_a_sign_in_that_a_failed_unit_ended_is_there",)

    def remember(self):
        self.ended = set()

    def sessions_end(self, unit, digest):
        known = digest in self.ended
        self.ended.add(digest)
        return not known


class TestRemembersWhoClaimed(Fault):
    """The claims are kept elsewhere, where no unit takes them back."""

    breaks = (
        "test_threads_a_rolled_back_claim_is_the_twins",
        "test_units_an_exception_leaves_nothing",
    )

    def remember(self):
        self.other = MemoryStorage()

    def answers_claim(self, unit, key, **of):
        with self.other.writing() as own:
            return own.answers.claim(key, **of)


class TestShowsHalfOfACart(Fault):
    """A cart is written over the old one, in two steps that take a while."""

    breaks = ("test_threads_readers_see_one_version_or_the_next",)

    def carts_save(self, unit, cart, *, replacing):
        unit.carts.save(cart, replacing=replacing)
        half = replace(cart, lines=cart.lines[: len(cart.lines) // 2])
        unit.carts._rows._table.put(cart.cart_id, half)
        time.sleep(0.05)


class TestTurnsAwayWhoeverWaits(Fault):
    breaks = ("test_threads_with_many_writers_see_no_error",)

    @staticmethod
    def opens(_folder):
        return MemoryStorage(timeout=0)

    def remember(self):
        self.turned_away = threading.Event()

    @contextmanager
    def writing(self, true):
        try:
            with true.writing() as unit:
                yield unit
        except StorageUnavailable:
            self.turned_away.set()
            raise

    def replays_spend(self, unit, mac, *, connection, until):
        self.turned_away.wait(PATIENCE)
        return unit.replays.spend(mac, connection=connection, until=until)


class TestMergesPricesBeforeItsTurn(Unlocked):
    breaks = ("test_products_two_imports_at_once_keep_every_price",)

    def products_put(self, unit, entries):
        unit.products.put(entries)
        self.meet()


class TestLooksBeforeItSaves(Unlocked):
    breaks = ("test_threads_replace_a_version_of_a_cart_once",)

    def carts_save(self, unit, cart, *, replacing):
        unit.carts.save(cart, replacing=replacing)
        self.meet()


class TestShowsOrdersOneByOne(Fault):
    """Each order is published when it is placed, and somebody looks before the next one is."""

    breaks = ("test_threads_readers_never_see_half_of_a_unit",)

    def remember(self):
        self.looked = threading.Semaphore(0)

    def orders_place(self, unit, order):
        placed = unit.orders.place(order)
        unit.publish()
        while self.looked.acquire(blocking=False):
            """Forget who looked before."""
        # The first look may have begun before the order was there.
        for _ in range(2):
            self.looked.acquire(timeout=PATIENCE)
        return placed

    def orders_search(self, unit, query):
        found = unit.orders.search(query)
        self.looked.release()
        return found
