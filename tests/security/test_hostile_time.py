"""Requests that are late, early, held back, or sent again once they seem forgotten."""

import pytest

from tests.security.attacks import Attack, Table
from tests.security.playing import rows

LATE = "401 timestamp_out_of_window"
REPLAYED = "409 replayed_request"
YEAR_2200 = 5_490_892_800
PURGED = {"given": lambda stage: stage.shop.bridge.purge()}


def dated(name: str, seconds: int, expect: str, **more: object) -> Attack:
    return Attack(name, expect, seconds=seconds, **more)


TABLE: Table = {
    "a request of the past": [
        dated("60 seconds", -60, "200"),
        dated("61 seconds", -61, LATE, says='"skew_seconds":61'),
        dated("300 seconds", -300, LATE, says='"skew_seconds":300'),
        dated("301 seconds", -301, LATE, says='"skew_seconds":301'),
        dated("61 seconds, unsigned", -61, "401 authentication_failed", secret="ofs_" + "x" * 43),
        dated("301 seconds, unsigned", -301, LATE, secret="ofs_" + "x" * 43),
        Attack("the first second there is", LATE, headers={"X-Timestamp": "1000000000"}),
    ],
    "a request of the future": [
        dated("60 seconds", 60, "200"),
        dated("61 seconds", 61, LATE, says='"skew_seconds":-61'),
        dated("301 seconds", 301, LATE, says='"skew_seconds":-301'),
        dated("the year 2200", YEAR_2200, LATE),
        Attack("the last second there is", LATE, headers={"X-Timestamp": "9999999999"}),
    ],
    "a replay of a request that was dated ahead": [
        dated("66 seconds later", 60, REPLAYED, wait=66, earlier=(dated("", 60, "200"),)),
        dated(
            "the same after a purge",
            60,
            REPLAYED,
            wait=66,
            earlier=(dated("", 60, "200"),),
            **PURGED,
        ),
        dated(
            "as its window ends", 60, REPLAYED, wait=120, earlier=(dated("", 60, "200"),), **PURGED
        ),
        dated("past its window", 60, LATE, wait=121, earlier=(dated("", 60, "200"),), **PURGED),
    ],
    "a replay after the clock was set back": [
        dated("ten minutes on", 0, LATE, wait=600, earlier=(dated("", 0, "200"),)),
        dated(
            "ten minutes on, a purge, ten minutes back",
            0,
            REPLAYED,
            wait=-600,
            earlier=(dated("", 0, "200"), dated("", 0, LATE, wait=600, **PURGED)),
        ),
        dated("ten minutes back", 0, LATE, wait=-600, earlier=(dated("", 0, "200"),)),
        dated(
            "ten minutes back, and a copy dated ten minutes ahead",
            0,
            REPLAYED,
            wait=600,
            earlier=(dated("", 0, "200"), dated("", 0, LATE, wait=-600)),
        ),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_a_request_acts_in_its_window_and_once(player, attack, level):
    """The edges of the window, both ways, and whatever the server's clock does in between."""
    player.play(attack, level)
