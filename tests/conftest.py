"""Fixtures that every folder of tests shares."""

import pytest

from tests.rig import Storefront, TestShop, open_shop


@pytest.fixture
def shop() -> TestShop:
    """Give a shop in memory, with a catalogue and nothing else."""
    return open_shop()


@pytest.fixture
def storefront(shop: TestShop) -> Storefront:
    """Give a storefront of `shop` with every scope."""
    return shop.storefront()
