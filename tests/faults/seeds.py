"""Which rounds are run: a few by default, many under the marker `long`, one to reproduce."""

import os

import pytest

__all__ = ["rounds"]


def rounds(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrise a test with `seeds`; `OFB_TEST_SEED=17` leaves that one alone."""
    only = os.environ.get("OFB_TEST_SEED")
    if only:
        return pytest.mark.parametrize("seeds", [[int(only)]], ids=["chosen"])
    return pytest.mark.parametrize(
        "seeds",
        [
            pytest.param(range(few), id="few"),
            pytest.param(range(few, many), id="many", marks=pytest.mark.long),
        ],
    )
