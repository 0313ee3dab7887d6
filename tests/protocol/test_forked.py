"""A process that forks while another of its threads is at work: the child waits for nobody."""

import pytest

from tests.forking import FORKS, in_child
from tests.rig import Storefront, open_shop

pytestmark = FORKS


def refused(front: Storefront) -> None:
    assert front.call("cart.steal").code == "unknown_action"


def written(front: Storefront) -> None:
    assert front.call("cart.create", key=front.new_key(), currency="GBP").status == 200


HELD = {
    "the count of refusals": (lambda protocol: protocol.refusals, refused),
    "the cap of signatures": (lambda protocol: protocol._signatures, written),
    "the cap of answers": (lambda protocol: protocol._answers, written),
}


@pytest.mark.parametrize("held", HELD)
def test_a_lock_that_is_held_as_a_process_forks_does_not_reach_the_child(held: str) -> None:
    """Its thread is not there to give it back, and the child's requests would wait for ever."""
    find, act = HELD[held]
    front = open_shop().storefront()
    with find(front.bridge._protocol)._lock:
        assert in_child(lambda: act(front)) == 0
    act(front)
