"""The payments contract on the provider that comes with the package."""

import pytest

from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.testing import PaymentsContract


class TestSimulatedProvider(PaymentsContract):
    """What demo and tests pay with."""

    known = {
        "pi_waits": PaymentReport(state="pending", amount=4200, currency="GBP"),
        "pi_paid": PaymentReport(state="paid", amount=300, currency="JPY"),
    }

    @pytest.fixture
    def payments(self):
        provider = SimulatedProvider()
        provider.announce("pi_waits", amount=4200, currency="GBP")
        provider.announce("pi_paid", amount=300, currency="JPY", paid=True)
        return provider

    @pytest.fixture
    def unreachable(self, payments):
        payments.failing = True
        return payments
