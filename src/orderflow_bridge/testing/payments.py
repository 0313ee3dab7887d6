"""The contract of the port `Payments`: a payment provider that is asked and never told."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import get_args, get_type_hints

import pytest

from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT
from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.ports import Payments

__all__ = ["PaymentsContract"]

_THREADS = 4


class PaymentsContract:
    """Hold a payment provider's plugin to the port: subclass it, and say what is known.

        class TestProvider(PaymentsContract):
            known = {
                "pi_waits": PaymentReport(state="pending", amount=4200, currency="GBP"),
                "pi_paid": PaymentReport(state="paid", amount=4200, currency="GBP"),
            }
            unknown = "pi_never_seen"

            @pytest.fixture
            def payments(self):
                return Provider(url=...)

    `known` has a pending and a paid intent; `unknown` is one that the provider never saw. Override
    the fixture `unreachable` too: the same plugin, with a provider that does not answer.
    """

    known: Mapping[str, PaymentReport]
    unknown: str = "pi_unknown_to_anyone"

    @pytest.fixture
    def payments(self) -> Payments:
        """Give the plugin; override this."""
        raise NotImplementedError("Override the fixture `payments`: give the plugin to test.")

    @pytest.fixture
    def unreachable(self) -> Payments:
        """Give the plugin with a provider that cannot be reached; override this where you can."""
        pytest.skip("no provider that cannot be reached: override the fixture `unreachable`")

    def test_it_reports_what_the_provider_knows(self, payments: Payments) -> None:
        """State, amount and currency of a pending and of a paid intent are the provider's."""
        assert {report.state for report in self.known.values()} == {"pending", "paid"}
        assert {intent: payments.find(intent) for intent in self.known} == dict(self.known)

    def test_an_unknown_intent_is_none(self, payments: Payments) -> None:
        """What the provider does not know is None: no error, and no report that says so."""
        assert payments.find(self.unknown) is None

    def test_the_same_question_has_the_same_answer(self, payments: Payments) -> None:
        """Asked again and again, nothing has moved: a report is no event that is used up."""
        for intent, report in self.known.items():
            assert [payments.find(intent) for _ in range(3)] == [report] * 3

    def test_asking_moves_no_intent(self, payments: Payments) -> None:
        """Asking neither pays an intent nor makes one known, nor moves another."""
        for intent in (self.unknown, *self.known, *reversed(list(self.known)), self.unknown):
            payments.find(intent)
        assert payments.find(self.unknown) is None
        assert {intent: payments.find(intent) for intent in self.known} == dict(self.known)

    def test_intents_compare_as_bytes(self, payments: Payments) -> None:
        """An intent in other letters is another intent."""
        for intent in self.known:
            other = intent.swapcase()
            if other not in self.known:
                assert payments.find(other) is None

    def test_a_report_is_in_minor_units(self, payments: Payments) -> None:
        """The amount is a plain integer from 0 to 2**53 - 1, the currency one of ISO 4217."""
        for intent in self.known:
            report = payments.find(intent)
            assert isinstance(report, PaymentReport)
            assert report.state in get_args(get_type_hints(PaymentReport)["state"])
            assert type(report.amount) is int
            assert 0 <= report.amount <= MAX_AMOUNT
            assert report.currency in CURRENCIES

    def test_any_thread_may_ask_of_an_intent(self, payments: Payments) -> None:
        """Threads that ask at the same time each get the answer to their own question."""
        intents = [*self.known, self.unknown] * _THREADS
        with ThreadPoolExecutor(_THREADS) as threads:
            reports = list(threads.map(payments.find, intents))
        assert reports == [self.known.get(intent) for intent in intents]

    def test_a_provider_that_cannot_be_reached_is_an_error(self, unreachable: Payments) -> None:
        """It raises: None would say that nobody paid, and a storefront would believe it."""
        with pytest.raises(Exception):  # noqa: B017, PT011 -- any exception is answered as 503
            unreachable.find(next(iter(self.known)))
