"""Fixtures that every folder of tests shares."""

from collections import Counter

import pytest
from hypothesis import settings

from tests.canary.session import watch
from tests.rig import Storefront, TestShop, open_shop

# A red run is red again: everyone draws the same examples, and no machine is too slow for them.
# `--hypothesis-profile=searching` draws others, and many.
settings.register_profile("repeatable", deadline=None, database=None, derandomize=True)
settings.register_profile("searching", deadline=None, database=None, max_examples=2_000)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Search whatever the session leaves, says and answers for what must not be there."""
    watch(config)


@pytest.fixture
def shop() -> TestShop:
    """Give a shop in memory, with a catalogue and nothing else."""
    return open_shop()


@pytest.fixture
def storefront(shop: TestShop) -> Storefront:
    """Give a storefront of `shop` with every scope."""
    return shop.storefront()


def pytest_terminal_summary(terminalreporter) -> None:
    """Say why tests were skipped, once for each reason."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"SKIPPED [{count}] {reason}")
