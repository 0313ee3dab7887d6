"""An allow-list behind a trusted proxy, on every server: who may say where a client is."""

from contextlib import closing

import pytest

from orderflow_bridge.system import SystemClock, SystemEntropy
from tests.rig import item, open_shop
from tests.servers.addresses import ADDRESSES, ALIASED, OFFICE, decided
from tests.servers.differences import DIFFERENCES
from tests.servers.servers import ALONE, DEFAULT, SERVERS, running
from tests.servers.wire import Front, converse, outcome

BEHIND = {
    "ORDERFLOW_BRIDGE_TRUSTED_PROXIES": "127.0.0.1",
    "ORDERFLOW_BRIDGE_CLIENT_ADDRESS_HEADER": "X-Forwarded-For",
}
DECLARED = BEHIND | {"ORDERFLOW_BRIDGE_HEADER_ALIASES_DROPPED": "true"}

TRIED = [
    pytest.param(
        name,
        settings,
        id=f"{name.replace(' ', '-')}-{said}",
        marks=() if name in (*DEFAULT, *ALIASED, *ALONE) else pytest.mark.long,
    )
    for name in (*SERVERS, *ALONE)
    for said, settings in (("declared", DECLARED), ("undeclared", BEHIND))
    # The site of the others is a WSGI site as well, which would not start.
    if settings is DECLARED or name in ALONE
]
"""Every server where aliases are said to be dropped, and `serve` without that word too."""


@pytest.mark.parametrize(("name", "settings"), TRIED)
def test_nobody_chooses_an_address(tmp_path, name: str, settings: dict[str, str]):
    """A name with underscores is another header's, but on the servers that are listed.

    What a client writes to the left of the true hop does not count either.
    """
    url = f"sqlite:///{tmp_path}/shop.db"
    shop = open_shop(url, clock=SystemClock(), entropy=SystemEntropy())
    with closing(shop.bridge):
        made = shop.storefront(allow=["203.0.113.0/24", OFFICE])
        front = Front(made.client_id, made.secret, made.cart(item("mug"))["cart_id"])
    wrong = []
    with running(name, tmp_path, url, settings) as live:
        for row in ADDRESSES:
            request = front.request()
            for header, value in row.headers:
                request = request.also(header, value)
            came, still_open = converse(live.port, [bytes(request)])
            told = outcome(came, still_open=still_open)
            if told != decided(row, name):
                wrong.append(f"{row.name}: {told} instead of {decided(row, name)}")
    assert not wrong, "\n".join([*wrong, live.told()])


def test_who_takes_an_alias_for_the_address_takes_it_for_a_signature():
    """The two lists are one: what is seen with X_Signature is so with every header."""
    assert DIFFERENCES["X_Signature in place of X-Signature"] == {"200": ALIASED}
