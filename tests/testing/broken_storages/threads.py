"""Storages that are right for one thread and wrong for several."""

import threading
import time

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory import MemoryStorage
from tests.testing.broken_storages.fault import Fault

A_MOMENT = 0.002


class Unlocked(Fault):
    """Writing units wait for nobody: each checks what is published, and publishes at its end."""

    def writing(self, true):
        true._turn = threading.Lock()
        return true.writing()


class TestLocksNobodyOut(Unlocked):
    breaks = (
        "test_threads_parallel_changes_of_one_cart_lose_nothing",
        "test_threads_a_locked_cart_is_not_changed_by_another",
    )

    def carts_lock(self, unit, cart_id, *, connection):
        found = unit.carts.find(cart_id, connection=connection)
        time.sleep(A_MOMENT)
        return found


class TestLocksNoConnection(Unlocked):
    breaks = ("test_threads_operators_do_not_lose_each_others_changes",)

    def connections_lock(self, unit, client_id):
        found = unit.connections.find(client_id)
        time.sleep(A_MOMENT)
        return found


class TestLooksBeforeItSpends(Unlocked):
    breaks = ("test_threads_spend_one_signature_once",)

    def replays_spend(self, unit, mac, *, connection, until):
        spent = unit.replays.spend(mac, connection=connection, until=until)
        time.sleep(A_MOMENT)
        return spent


class TestClaimsWithoutWaiting(Unlocked):
    breaks = ("test_threads_a_twin_waits_for_the_claim_and_gets_its_answer",)


class TestLooksBeforeItMoves(Unlocked):
    breaks = ("test_threads_move_an_order_out_of_a_status_once",)

    def orders_save(self, unit, order, *, expecting):
        saved = unit.orders.save(order, expecting=expecting)
        time.sleep(A_MOMENT)
        return saved


class TestLooksBeforeItPlaces(Unlocked):
    breaks = ("test_threads_place_one_order_of_a_cart",)

    def orders_place(self, unit, order):
        placed = unit.orders.place(order)
        time.sleep(A_MOMENT)
        return placed


class TestSellsTheLastOneTwice(Unlocked):
    breaks = (
        "test_stock_the_last_one_is_sold_once",
        "test_stock_baskets_in_any_order_do_not_deadlock_for_good",
    )

    def stock_take(self, unit, wanted):
        unit.stock.take(wanted)
        time.sleep(A_MOMENT)


class TestLooksBeforeItSettles(Unlocked):
    breaks = ("test_threads_settle_an_intent_once",)

    def intents_save(self, unit, intent, *, replacing):
        unit.intents.save(intent, replacing=replacing)
        time.sleep(A_MOMENT)


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

    def replays_spend(self, unit, mac, *, connection, until):
        self.spent = getattr(self, "spent", set())
        known = (connection, mac) in self.spent
        self.spent.add((connection, mac))
        return not known


class TestRemembersWhoClaimed(Fault):
    """The claims are kept elsewhere, where no unit takes them back."""

    breaks = (
        "test_threads_a_rolled_back_claim_is_the_twins",
        "test_units_an_exception_leaves_nothing",
    )

    def answers_claim(self, unit, key, **of):
        self.other = getattr(self, "other", None) or MemoryStorage()
        with self.other.writing() as own:
            return own.answers.claim(key, **of)


class TestTurnsAwayWhoeverWaits(Fault):
    breaks = ("test_threads_with_many_writers_see_no_error",)

    @staticmethod
    def opens(_folder):
        return MemoryStorage(timeout=0)

    def replays_spend(self, unit, mac, *, connection, until):
        time.sleep(A_MOMENT)
        return unit.replays.spend(mac, connection=connection, until=until)
