"""What a ledger of payment intents promises."""

import pytest

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent, Settlement
from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import NOW
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["IntentsContract"]


class IntentsContract(Contract):
    """The port `IntentLedger`."""

    SETTLED = PaymentIntent(
        intent="pi_1",
        version=2,
        cart_id="cart_1",
        settlement=Settlement(amount=2**53 - 1, currency="GBP", settled_at=NOW),
    )

    def test_intents_round_trip(self, storage: Storage) -> None:
        """An intent comes back as it was, settled or not."""
        with storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_1"))
            assert unit.intents.find("pi_1") == PaymentIntent(intent="pi_1")
            unit.intents.save(self.SETTLED, replacing=1)
        with storage.reading() as unit:
            assert unit.intents.find("pi_1") == self.SETTLED
            assert unit.intents.find("PI_1") is None

    def test_intents_an_intent_is_unique(self, storage: Storage) -> None:
        """A second one conflicts."""
        with storage.writing() as unit:
            unit.intents.add(self.SETTLED)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_1"))

    def test_intents_save_replaces_the_version_it_names(self, storage: Storage) -> None:
        """A save whose version moved conflicts; one that changes nothing does not."""
        with storage.writing() as unit:
            unit.intents.add(self.SETTLED)
            unit.intents.save(self.SETTLED, replacing=2)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.save(self.SETTLED, replacing=1)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.save(PaymentIntent(intent="pi_2"), replacing=1)
