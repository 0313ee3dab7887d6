"""docs/card-data.md names the texts that the corpus has, and rates that the corpus bears out."""

from pathlib import Path

import pytest

from tests.security.card_corpus import CARDS, DOUBTFUL, INNOCENT, SCHEMES, UNSEEN
from tests.security.test_card_corpus import FLAGGED

PAGE = Path(__file__).parents[2] / "docs" / "card-data.md"


def rows(marker: str) -> dict[str, str]:
    """Give the second cell of each row of a marked table, by its first."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.split(f"<!-- {marker} -->")[1].split("<!-- end -->")[0]
    lines = [line.strip("|").split("|") for line in table.strip().splitlines()[2:]]
    return {cells[0].strip(): cells[1].strip() for cells in lines}


@pytest.mark.parametrize(
    ("marker", "sorts"), [("innocent", INNOCENT), ("doubtful", DOUBTFUL), ("unseen", UNSEEN)]
)
def test_the_page_has_every_sort_of_text(marker, sorts):
    """Nothing is measured that the page is silent about, and nothing told that is not measured."""
    assert list(rows(marker)) == list(sorts)


def test_the_rates_of_the_page_are_within_the_bounds_that_are_tested():
    """A rate is told in per cent, or as one of so many."""
    assert set(rows("innocent").values()) == {"0"}
    for sort, told in rows("doubtful").items():
        assert 10 * float(told.removesuffix(" %")) <= FLAGGED[sort] or told == "0 %", sort


def test_the_page_counts_what_there_is():
    """It names the number of schemes and writings that the promise is tested with."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"{len(SCHEMES)} schemes" in text
    assert f"{len(CARDS)} writings" in text
