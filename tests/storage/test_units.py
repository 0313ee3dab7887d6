"""What the package's own storages do beyond the ports."""

import pytest

from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import SHOP, cart


def test_a_reading_unit_changes_nothing(storage: Storage):
    """A change in a reading unit is a fault of the caller, and nothing happens."""
    with pytest.raises(RuntimeError, match="reading"), storage.reading() as unit:
        unit.carts.add(cart())
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) is None


def test_a_unit_is_not_used_after_its_end(storage: Storage):
    """What was left changes nothing any more."""
    with storage.writing() as unit:
        unit.carts.add(cart())
    with pytest.raises(RuntimeError):
        unit.carts.add(cart("cart_2"))
    with storage.reading() as unit:
        assert unit.carts.find("cart_2", connection=SHOP) is None
