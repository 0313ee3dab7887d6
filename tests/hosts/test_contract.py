"""The host contract on every host of the matrix, prefix or not."""

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.testing import HostContract
from orderflow_bridge.testing.host import Send
from tests.hosts.hosts import HOSTS, build


class TestEveryHost(HostContract):
    """Each kind of site with the bridge mounted as its documentation says."""

    page = ("/hello", b"hello")

    @pytest.fixture(params=HOSTS)
    def send(self, request, bridge: Bridge) -> Send:
        """Send to a site around `bridge`."""
        host = build(request.param, bridge)

        def send(method, path, headers, body):
            answer = host.send(method, path, headers, body)
            return answer.status, answer.headers.items(), answer.body

        return send
