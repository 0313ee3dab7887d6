"""Storages whose units do too much, too little, too early or too late."""

import threading
from contextlib import contextmanager, suppress

from orderflow_bridge.domain.errors import BridgeError, Conflict, StorageUnavailable
from tests.testing.broken_storages.fault import Fault


class TestCommitsNothing(Fault):
    breaks = ("test_units_leaving_commits",)

    @contextmanager
    def writing(self, true):
        with suppress(Conflict), true.writing() as unit:
            yield unit
            raise Conflict("left")


class TestCommitsAfterLeaving(Fault):
    """Another thread publishes what the unit stored, a moment after it was left."""

    breaks = ("test_threads_see_at_once_what_was_committed",)

    @contextmanager
    def writing(self, true):
        opened = true.writing()
        unit = opened.__enter__()
        try:
            yield unit
        except BaseException as error:
            opened.__exit__(type(error), error, None)
            raise
        threading.Timer(0.2, opened.__exit__, (None, None, None)).start()


class TestCommitsOnAnException(Fault):
    breaks = (
        "test_units_an_exception_leaves_nothing",
        "test_products_of_a_unit_that_fails_are_as_before",
        "test_stock_is_back_when_the_unit_fails",
        "test_threads_a_signature_of_a_failed_unit_is_unspent",
        "test_threads_a_rolled_back_claim_is_the_twins",
        "test_threads_a_sign_in_that_a_failed_unit_ended_is_there",
        "test_journal_is_in_its_unit",
        "test_sessions_are_in_their_unit",
    )

    @contextmanager
    def writing(self, true):
        failure = None
        with true.writing() as unit:
            try:
                yield unit
            except BaseException as error:  # noqa: BLE001 -- whatever it is, the unit commits
                failure = error
        if failure is not None:
            raise failure


class TestCommitsOnAnInterrupt(Fault):
    breaks = ("test_units_an_exception_leaves_nothing",)

    @contextmanager
    def writing(self, true):
        failure = None
        with true.writing() as unit:
            try:
                yield unit
            except KeyboardInterrupt as error:
                failure = error
        if failure is not None:
            raise failure


class TestSwallowsTheException(Fault):
    breaks = ("test_units_an_exception_leaves_nothing",)

    @contextmanager
    def writing(self, true):
        with suppress(BridgeError), true.writing() as unit:
            yield unit


class TestWrapsTheException(Fault):
    breaks = ("test_units_an_exception_leaves_nothing",)

    @contextmanager
    def writing(self, true):
        try:
            with true.writing() as unit:
                yield unit
        except ValueError as error:
            raise StorageUnavailable("The unit failed.") from error


class TestRaisesACopyOfTheException(Fault):
    breaks = ("test_units_an_exception_leaves_nothing",)

    @contextmanager
    def writing(self, true):
        try:
            with true.writing() as unit:
                yield unit
        except Conflict as error:
            raise Conflict(*error.args) from None


class TestLocksWhatWasCommitted(Fault):
    """`lock` looks past what the unit itself wrote."""

    breaks = ("test_units_a_unit_sees_its_own_changes",)

    def carts_lock(self, unit, cart_id, *, connection):
        with self.true.reading() as committed:
            return committed.carts.find(cart_id, connection=connection)


class TestFindsOnlyCommittedOrders(Fault):
    breaks = ("test_units_a_unit_sees_its_own_changes",)

    def orders_of_cart(self, unit, cart_id):
        with self.true.reading() as committed:
            return committed.orders.of_cart(cart_id)


class TestShowsWhatIsNotCommitted(Fault):
    breaks = ("test_units_readers_do_not_see_what_is_not_committed",)
    current = None

    @contextmanager
    def writing(self, true):
        with true.writing() as self.current:
            yield self.current
        self.current = None

    @contextmanager
    def reading(self, true):
        with true.reading() as unit:
            yield self.current or unit


class TestReadsWhenNobodyWrites(Fault):
    breaks = (
        "test_units_readers_do_not_see_what_is_not_committed",
        "test_units_reading_units_may_nest",
    )

    @contextmanager
    def reading(self, true):
        if not true._turn.acquire(timeout=0.2):
            raise StorageUnavailable("Somebody writes.")
        try:
            with true.reading() as unit:
                yield unit
        finally:
            true._turn.release()


class TestStaysClosed(Fault):
    breaks = ("test_units_a_closed_storage_opens_again",)
    closed = False

    def close(self, true):
        self.closed = True

    def reading(self, true):
        if self.closed:
            raise StorageUnavailable("The storage is closed.")
        return true.reading()


class TestClosesOnce(Fault):
    breaks = ("test_units_a_closed_storage_opens_again",)
    closed = False

    def close(self, true):
        if self.closed:
            raise StorageUnavailable("The storage is closed.")
        self.closed = True


class TestForgetsOnClose(Fault):
    breaks = ("test_units_a_closed_storage_opens_again",)

    def close(self, true):
        true._published.__init__()


class TestIsOfAnotherVersion(Fault):
    breaks = ("test_units_have_what_the_storage_declares",)

    def remember(self):
        self.true.ports_version = 1


class TestDeclaresWhatNobodyKnows(Fault):
    breaks = ("test_units_have_what_the_storage_declares",)

    def remember(self):
        self.true.capabilities |= {"fast"}


class TestDeclaresProductsWithoutStock(Fault):
    breaks = ("test_units_have_what_the_storage_declares",)

    def remember(self):
        self.true.capabilities -= {"stock"}


class TestHidesWhatItsUnitsHave(Fault):
    breaks = ("test_units_have_what_the_storage_declares",)

    def remember(self):
        self.true.capabilities = frozenset()


class TestCannotMigrateAsDeclared(Fault):
    breaks = ("test_units_have_what_the_storage_declares",)

    def remember(self):
        self.true.capabilities |= {"migrations"}


class TestSwallowsExceptionsOfReaders(Fault):
    breaks = ("test_units_an_exception_goes_through_a_reading_unit",)

    @contextmanager
    def reading(self, true):
        with suppress(ValueError), true.reading() as unit:
            yield unit


class TestReplacesExceptionsOfReaders(Fault):
    breaks = ("test_units_an_exception_goes_through_a_reading_unit",)

    @contextmanager
    def reading(self, true):
        try:
            with true.reading() as unit:
                yield unit
        except ValueError as error:
            raise ValueError(*error.args) from error


class TestReadsNothingAfterAnException(Fault):
    breaks = ("test_units_an_exception_goes_through_a_reading_unit",)
    failed = False

    @contextmanager
    def reading(self, true):
        if self.failed:
            raise StorageUnavailable("A statement of this session failed.")
        try:
            with true.reading() as unit:
                yield unit
        except ValueError:
            self.failed = True
            raise
