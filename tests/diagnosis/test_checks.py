"""How far a request came, from the code of its answer."""

import re
from pathlib import Path

import pytest

from orderflow_bridge.diagnosis import STEP_OF, STEPS, checks
from orderflow_bridge.http import CODES


def test_every_code_of_the_protocol_has_its_check():
    """No code is without a check that it says has failed, and no check is named twice."""
    assert set(STEP_OF) == set(CODES)
    assert set(STEP_OF.values()) <= set(STEPS)


def test_the_checks_stand_in_the_order_of_the_protocol():
    """A code that the page of the protocol names in an earlier step fails an earlier check."""
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    rows = re.findall(r"^\| ([0-9]+) \| .* \| (.*) \|$", page, re.MULTILINE)
    order = list(STEPS)
    last = -1
    seen: set[str] = set()
    for _, cell in rows[:20]:
        codes = [code for code in re.findall(r"`([a-z_]+)`", cell) if code in STEP_OF]
        places = [order.index(STEP_OF[code]) for code in codes if code not in seen]
        seen.update(codes)
        if places:
            assert min(places) >= last
            last = max(places)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("verified", [True, False])
def test_one_check_fails_and_what_follows_was_not_reached(code, verified):
    """Before it everything passed."""
    states = [check.state for check in checks(code, verified=verified)]
    failed = states.index("failed")
    assert set(states[:failed]) <= {"passed"}
    assert set(states[failed + 1 :]) <= {"not reached"}


def test_what_was_allowed_passed_everything():
    """An answer without a code passed each check there is."""
    found = checks(None, verified=True, action="cart.create")
    assert [check.step for check in found] == list(STEPS)
    assert {check.state for check in found} == {"passed"}


def test_an_action_that_reads_has_no_checks_of_writing():
    """Nothing is spent and no key is claimed for it."""
    steps = {check.step for check in checks(None, verified=True, action="cart.get")}
    assert set(STEPS) - steps == {"rate", "replay", "idempotency"}


def test_a_failed_check_is_told_even_where_its_action_has_none():
    """A code that a reading action cannot have is still shown where it belongs."""
    found = checks("rate_limited", verified=True, action="cart.get")
    assert [check.step for check in found if check.state == "failed"] == ["rate"]


@pytest.mark.parametrize(
    ("code", "verified", "step"),
    [
        ("timestamp_out_of_window", False, "server window"),
        ("timestamp_out_of_window", True, "connection window"),
        ("storage_unavailable", False, "room"),
        ("storage_unavailable", True, "outcome"),
        ("a_code_of_a_later_version", True, "outcome"),
    ],
)
def test_a_code_with_two_places_is_told_apart_by_the_signature(code, verified, step):
    """Once the signature was right, it was the later one."""
    found = [check.step for check in checks(code, verified=verified) if check.state == "failed"]
    assert found == [step]
