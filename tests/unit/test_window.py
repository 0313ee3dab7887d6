"""The time window (protocol §2, steps 6, 8 and 11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.security.window import inside, looks_like_milliseconds, skew

T = 1_767_225_600


@pytest.mark.parametrize(
    ("away", "window", "answer"),
    [
        (-60, 60, True), (-61, 60, False), (60, 60, True), (61, 60, False),
        (0, 1, True), (1, 1, True), (2, 1, False), (300, 300, True), (-301, 300, False),
    ],
)  # fmt: skip
def test_the_edge_is_inside(away, window, answer):
    """Attack rows 8 and 9: exactly the window away is in time, one second more is not."""
    assert inside(skew(T * 1000, str(T + away).encode()), window) is answer


@given(st.integers(0, 999), st.integers(-400, 400))
def test_a_second_counts_as_a_whole(fraction, away):
    """The server's milliseconds never change the answer within a second."""
    assert skew(T * 1000 + fraction, str(T + away).encode()) == -away


def test_the_sign_is_server_minus_client():
    """A client that is behind sees a positive skew."""
    assert skew(T * 1000, str(T - 7).encode()) == 7


@given(st.integers(10**9, 10**10 - 1), st.integers(0, 10**13), st.integers(1, 3600))
def test_inside_is_the_distance_of_whole_seconds(timestamp, now, window):
    """For every clock and timestamp."""
    found = inside(skew(now, str(timestamp).encode()), window)
    assert found is (abs(now // 1000 - timestamp) <= window)


def test_year_2200_is_outside():
    """Attack row 9: a far future is no reason to fail otherwise."""
    assert not inside(skew(T * 1000, b"7258118400"), 3600)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b"1767225600000", True), (b"1767225600", False), (b"17672256000001", False),
        (b"0767225600000", False), (b"1767225600000\n", False), (b"9" * 400, False), (b"", False),
        ("１７６７２２５６０００００".encode(), False),
    ],
)  # fmt: skip
def test_milliseconds_are_recognised(text, answer):
    """Attack row 6: thirteen digits deserve a hint, nothing else does."""
    assert looks_like_milliseconds(text) is answer
