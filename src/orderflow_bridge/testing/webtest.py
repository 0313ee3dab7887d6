"""A storefront in a test: a WebTest application that signs what it sends."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4
from warnings import catch_warnings, simplefilter

from orderflow_bridge.client.signing import sign
from orderflow_bridge.ports import Clock
from orderflow_bridge.system import SystemClock

with catch_warnings():
    # WebOb imports `cgi`, which is deprecated in Python 3.11 and 3.12.
    simplefilter("ignore", DeprecationWarning)
    from webtest import TestApp, TestRequest, TestResponse

__all__ = ["SigningApp"]

_NEW = ""
"""No key is empty, so this one stands for a new one."""


class SigningApp:
    """Call the bridge's actions through a WSGI site, as a storefront of one connection.

        front = SigningApp(app, client_id=made.connection.client_id, secret=made.secret)
        cart = front.call("cart.create", currency="GBP").json

    The site is held to PEP 3333 by WebTest's lint. A refusal is an answer like any other: look at
    its `status_int` and its `json["code"]`. `clock` is the bridge's where that one is set, `mount`
    where the bridge is, `peer` the address that the site sees.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        *,
        client_id: str,
        secret: str,
        clock: Clock | None = None,
        mount: str = "/bridge",
        peer: str = "127.0.0.1",
    ) -> None:
        self.site: TestApp = TestApp(app)
        """WebTest's application around the same site, for pages of its own."""
        self._client_id = client_id
        self._secret = secret
        self._clock = clock or SystemClock()
        self._mount = mount.rstrip("/")
        self._peer = peer

    def call(self, action: str, /, *, key: str | None = _NEW, **fields: Any) -> TestResponse:
        """Call an action with `fields` as its JSON body.

        Each call has a new Idempotency-Key unless `key` gives one; None sends none.
        """
        return self.send(action, json.dumps(fields).encode(), key=key)

    def send(self, action: str, body: bytes, *, key: str | None = _NEW) -> TestResponse:
        """Sign exactly these bytes, and send them."""
        headers = sign(
            client_id=self._client_id,
            secret=self._secret,
            action=action,
            body=body,
            timestamp=self._clock.now() // 1000,
            idempotency_key=uuid4().hex if key == _NEW else key,
        )
        request = TestRequest.blank(
            f"{self._mount}/{self._client_id}/{action}",
            method="POST",
            headers=headers,
            body=body,
            environ={"REMOTE_ADDR": self._peer},
        )
        return self.site.do_request(request, status="*", expect_errors=True)
