"""What is made of a source that seldom changes: once, and anew for any other source."""

from collections.abc import Callable

import pytest

from orderflow_bridge.domain.latest import Latest


def counted() -> tuple[list[str], Callable[[str], list[str]]]:
    made: list[str] = []

    def make(source: str) -> list[str]:
        made.append(source)
        return [source]

    return made, make


def test_the_same_source_is_made_once():
    """Also where it is an equal text that was read anew."""
    made, make = counted()
    latest = Latest(make)
    first = latest.of("shop", "a long text")
    assert latest.of("shop", str(b"a long text", "ascii")) is first
    assert made == ["a long text"]


def test_another_source_counts_at_once_and_the_one_before_is_forgotten():
    """Back and forth it is made each time; a name knows nothing of another name's."""
    made, make = counted()
    latest = Latest(make)
    for source in ("a", "b", "a"):
        assert latest.of("shop", source) == [source]
    assert latest.of("other", "a") == ["a"]
    assert latest.of("shop", "a") == ["a"]
    assert made == ["a", "b", "a", "a"]


def test_names_are_bounded_and_the_least_used_is_forgotten():
    """Who comes back after it was forgotten is made once more."""
    made, make = counted()
    latest = Latest(make, most=2)
    for name in ("one", "two", "one", "three", "one", "two"):
        latest.of(name, name)
    assert made == ["one", "two", "three", "two"]


def test_what_cannot_be_made_is_raised_and_not_kept():
    """The next source of the name is made as ever."""
    latest = Latest(int)
    for _ in range(2):
        with pytest.raises(ValueError, match="none"):
            latest.of("shop", "none")
    assert latest.of("shop", "7") == 7
