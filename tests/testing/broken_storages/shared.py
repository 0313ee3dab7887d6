"""Storages in a file that are wrong over a close, over the end of a process, or while many work.

Other processes open them too, so what they remember stands in their folder.
"""

import os
import secrets
import time
from contextlib import contextmanager

from msgspec.structs import replace

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.peewee import PeeweeStorage
from tests.testing.broken_storages.fault import Fault, open_sqlite

FOR_EVER = 2**60
PATIENCE = 20


def open_new(folder):
    """Open a file of which nobody else knows."""
    return PeeweeStorage(f"sqlite:///{folder}/{secrets.token_hex(8)}.db")


class InFile(Fault):
    opens = staticmethod(open_sqlite)


class TestForgetsOnReopening(InFile):
    breaks = ("test_durability_everything_is_there_when_opened_again",)
    opens = staticmethod(open_new)


class TestHasAFileForEachProcess(InFile):
    breaks = (
        "test_durability_everything_is_there_after_the_process",
        "test_processes_parallel_changes_of_one_cart_lose_nothing",
    )

    @staticmethod
    def opens(folder):
        return PeeweeStorage(f"sqlite:///{folder}/{os.getpid()}.db")


class TestKeepsSignaturesInMemory(InFile):
    breaks = (
        "test_durability_everything_is_there_when_opened_again",
        "test_processes_spend_one_signature_once",
    )

    def remember(self):
        self.spent = set()

    def replays_spend(self, unit, mac, *, connection, until):
        known = (connection, mac) in self.spent
        self.spent.add((connection, mac))
        return not known


class TestCommitsEachStatement(InFile):
    breaks = ("test_durability_a_killed_process_leaves_nothing_half_done",)

    def carts_save(self, unit, cart, *, replacing):
        unit.carts.save(cart, replacing=replacing)
        unit.commit()
        unit.begin()


class TestCommitsWithTheProcess(InFile):
    """A unit is written to the file some time after it was left."""

    breaks = ("test_durability_a_killed_process_leaves_nothing_half_done",)

    def remember(self):
        self.late = []

    def carts_add(self, unit, cart):
        self.late.append(cart)

    def close(self, true):
        with true.writing() as unit:
            for cart in self.late:
                unit.carts.add(cart)
        true.close()


class TestEndsSignInsInItsOwnMemory(InFile):
    breaks = ("test_processes_end_a_sign_in_once",)

    def remember(self):
        self.ended = set()

    def sessions_end(self, unit, digest):
        known = digest in self.ended
        self.ended.add(digest)
        return not known


class TestTakesFromItsOwnShelf(InFile):
    """Each process counts the stock that it has taken itself."""

    breaks = ("test_processes_the_last_one_is_sold_once",)

    def remember(self):
        self.taken = {}

    def stock_available(self, unit, skus):
        return {
            sku: left - self.taken.get(sku, 0) for sku, left in unit.stock.available(skus).items()
        }

    def stock_take(self, unit, wanted):
        self.taken = dict(wanted)


class TestIsMadeByWhoeverComes(InFile):
    """Who finds no table makes one, also where another has just made it."""

    breaks = ("test_processes_that_open_a_new_storage_at_once_all_can",)

    @contextmanager
    def reading(self, true):
        if not (self.folder / "made").exists():
            (self.folder / f"{os.getpid()}.comes").touch()
            end = time.monotonic() + PATIENCE
            while len(list(self.folder.glob("*.comes"))) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            try:
                (self.folder / "made").touch(exist_ok=False)
            except FileExistsError:
                raise StorageUnavailable("The table is there.") from None
        with true.reading() as unit:
            yield unit


class TestTurnsOtherProcessesAway(InFile):
    breaks = ("test_processes_with_many_writers_see_no_error",)

    @contextmanager
    def writing(self, true):
        owner = self.folder / "owner"
        if not owner.exists():
            owner.write_text(str(os.getpid()))
        if owner.read_text() != str(os.getpid()):
            raise StorageUnavailable("Another process has it.")
        with true.writing() as unit:
            yield unit


class TestIsNeverMigrated(InFile):
    breaks = (
        "test_migrations_are_done_after_the_first_use",
        "test_migrations_before_the_first_use_are_those_that_were_pending",
    )

    def pending_migrations(self, true):
        return ["0001_start"]


class TestMigratesAgain(InFile):
    breaks = (
        "test_migrations_are_done_after_the_first_use",
        "test_migrations_before_the_first_use_are_those_that_were_pending",
    )

    def migrate(self, true):
        return [*true.migrate(), "0001_start"]


class TestMigratesInSilence(InFile):
    breaks = ("test_migrations_before_the_first_use_are_those_that_were_pending",)

    def migrate(self, true):
        true.migrate()
        return []


class TestIsNotReadyWhenMigrated(InFile):
    breaks = ("test_migrations_before_the_first_use_are_those_that_were_pending",)
    migrated = False

    def migrate(self, true):
        self.migrated = True
        return true.migrate()

    def writing(self, true):
        if self.migrated:
            raise StorageUnavailable("Restart to use the new schema.")
        return true.writing()


class TestLosesCartsInAMigration(InFile):
    breaks = ("test_migrations_keep_what_is_stored",)

    def migrate(self, true):
        with true.writing() as unit:
            unit.carts.purge(before=FOR_EVER, limit=100)
        return true.migrate()


class TestNumbersFromOneWhenOpened(InFile):
    breaks = ("test_durability_numbers_go_on_where_they_were",)

    def remember(self):
        self.placed = 0

    def orders_place(self, unit, order):
        self.placed += 1
        return replace(unit.orders.place(order), number=f"OF-{self.placed:06d}")
