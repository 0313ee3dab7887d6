"""How long a spent signature is remembered, and when it may be forgotten (protocol §4)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderflow_bridge.security.spent import forgettable_before, remembered_for
from orderflow_bridge.security.window import inside, skew

T = 1_767_225_600_000
SLOW = 600_000
WIDEST = st.sampled_from([1, 60, 300, 435, 436, 3600])


def taken(clock: int, second: int, window: int) -> bool:
    """Tell whether a clock (Unix ms) finds a timestamp in its window."""
    return inside(skew(clock, str(second).encode()), window)


@pytest.mark.parametrize(
    ("widest", "milliseconds"),
    [(1, 900_000), (435, 900_000), (436, 902_000), (3600, 7_230_000)],
)
def test_a_signature_is_remembered_for_longer_than_two_windows(widest, milliseconds):
    """Never less than a quarter of an hour."""
    assert remembered_for(widest) == milliseconds


@given(WIDEST, st.integers(0, 10**9))
def test_where_writes_go_on_what_expired_is_forgotten(widest, age):
    """Whatever is older than the last write by three windows and ten minutes, or by what is kept.

    Nothing that has not expired ever is.
    """
    now = T
    before = forgettable_before(now - age + remembered_for(widest), now=now, widest=widest)
    slack = max(0, age + (3 * widest + 2) * 1000 + SLOW - remembered_for(widest))
    assert before == now - slack


@given(WIDEST, st.data())
def test_what_is_forgotten_is_refused_by_every_clock_that_is_nearly_right_by_then(widest, data):
    """However wrong the server's clock was meanwhile, and however far ahead it is as it purges.

    Nearly: fast, or slow by up to ten minutes, as one that stepped back.
    """
    truth = T + data.draw(st.integers(0, 999), "when another storefront writes")
    reach = widest * 1000 + 999
    accepted = truth + data.draw(st.integers(-reach, reach), "by the server's clock")
    dated = truth // 1000
    kept = remembered_for(widest)
    before = forgettable_before(
        accepted + kept, now=T + data.draw(st.integers(0, 10**11), "purged"), widest=widest
    )
    spent = before - kept - data.draw(st.integers(1, 2_000), "the old one was spent so long before")
    slow = data.draw(st.integers(0, SLOW), "by how much the clock is slow that judges it")
    dated_ahead = spent // 1000 + widest
    if taken(accepted, dated, widest):
        assert taken(spent, dated_ahead, widest)
        later = truth + data.draw(st.integers(0, 10**7), "sent again")
        assert not taken(later - slow, dated_ahead, widest)


@given(WIDEST, st.integers(0, 999), st.integers(0, 999))
@example(300, 999, 0)
def test_a_second_more_would_be_too_much(widest, fraction, other):
    """Of what is kept a second or two are for rounding, and no more."""
    truth = T + fraction
    accepted = (truth // 1000 + widest) * 1000 + other
    before = forgettable_before(accepted + remembered_for(widest), now=2 * T, widest=widest)
    spent = before - remembered_for(widest) + 3_000
    assert taken(accepted, truth // 1000, widest)
    assert taken(truth - SLOW, spent // 1000 + widest, widest)


@given(WIDEST, WIDEST, st.data())
def test_who_waits_for_a_new_largest_window_finds_nothing_that_was_forgotten(old, new, data):
    """It was raised, and what was spent under the old one is refused by the time it is used."""
    forgotten = data.draw(st.integers(0, 10**7), "purged, and restarted with the new one") + T
    before = forgettable_before(forgotten + remembered_for(old), now=forgotten + 10**7, widest=old)
    spent = before - remembered_for(old) - data.draw(st.integers(1, 2_000), "spent so long before")
    dated = spent // 1000 + old
    widened = forgotten + new * 1000
    later = widened + data.draw(st.integers(0, 10**7), "sent again")
    assert taken(spent, dated, old)
    assert not taken(later, dated, new)
