"""What an answer of the bridge may be, whatever was sent (protocol §6 and §10)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from orderflow_bridge.http import CODES, Response

__all__ = ["assert_answered", "assert_published", "check_sums", "read"]

MEMBERS: Mapping[str, frozenset[str]] = {
    "timestamp_out_of_window": frozenset({"server_time", "skew_seconds"}),
    "ip_not_allowed": frozenset({"address"}),
    "insufficient_scope": frozenset({"required"}),
    "pan_detected": frozenset({"path"}),
    "invalid_request": frozenset({"errors"}),
    "cart_converted": frozenset({"order_id"}),
    "version_conflict": frozenset({"cart"}),
    "total_changed": frozenset({"cart"}),
    "out_of_stock": frozenset({"items"}),
    "quantity_limit": frozenset({"path", "limit"}),
    "line_limit": frozenset({"limit"}),
    "line_not_found": frozenset({"path"}),
    "unknown_sku": frozenset({"path"}),
    "currency_not_supported": frozenset({"path"}),
}
"""The members that a code adds; no other code adds any."""

OPTIONAL = {"currency_not_supported": frozenset({"path"})}
"""Those of them that may be missing: a cart's currency is no item's."""

COMMON = frozenset({"type", "title", "status", "code", "detail", "request_id"})
WAITING = frozenset({"cart_converting", "idempotency_in_progress"})
SCHEME = "OFB1-HMAC-SHA256"
REQUEST_ID = re.compile(r"req_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)

CART = frozenset(
    {
        *("cart_id", "status", "version", "currency", "lines", "totals", "customer"),
        *("shipping_address", "billing_address", "shipping_method", "note", "metadata"),
        *("notices", "created_at", "updated_at", "expires_at"),
    }
)
ORDER = frozenset(
    {
        *("order_id", "number", "status", "cart_id", "channel", "currency", "lines", "totals"),
        *("customer", "shipping_address", "billing_address", "shipping_method", "payment"),
        *("purchase_order", "note", "metadata", "placed_at", "updated_at"),
    }
)
LINE = frozenset(
    {
        *("line_id", "sku", "name", "quantity", "unit_price", "subtotal", "discount", "tax"),
        *("total", "options", "metadata"),
    }
)
TOTALS = frozenset({"item_count", "subtotal", "discount", "shipping", "tax", "total"})
MOST = 2**53 - 1


def assert_published(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Any:
    """Hold an answer of a healthy shop to the protocol; give its document.

    `headers` are those that the core made, by any case. Nothing but `payment_provider_unavailable`
    may be a 5xx: the storage of such a test works, so that any other is a fault of ours.
    """
    listed = [(name.lower(), value) for name, value in headers]
    told = dict(listed)
    assert len(listed) == len(told), f"a header came twice: {listed}"
    assert REQUEST_ID.fullmatch(told.pop("x-request-id", "")), headers
    assert told.pop("cache-control", None) == "no-store"
    assert told.pop("x-content-type-options", None) == "nosniff"
    repeated = told.pop("idempotent-replayed", None)
    assert repeated in (None, "true")
    kind = told.pop("content-type", None)
    document = read(body)
    if status == 200:
        assert kind == "application/json"
        assert not told, f"headers of nobody's: {told}"
        check_sums(document)
        return document
    assert kind == "application/problem+json"
    _check_problem(status, document)
    code = document["code"]
    assert (told.pop("www-authenticate", None) == SCHEME) == (status == 401)
    assert (told.pop("allow", None) == "POST") == (status == 405)
    waits = told.pop("retry-after", None)
    assert (waits is not None) == (status in (429, 503) or code in WAITING), (code, waits)
    assert waits is None or (waits.isascii() and waits.isdigit())
    assert not told, f"headers of nobody's: {told}"
    assert repeated or document["request_id"] == dict(listed)["x-request-id"]
    return document


def assert_answered(response: Response) -> Any:
    """Hold an answer of the core to the protocol; give its document."""
    return assert_published(response.status, response.headers, response.body)


def read(body: bytes) -> Any:
    """Read a document as a strict reader would."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads(body.decode("utf-8"), parse_constant=refuse)
    assert isinstance(document, dict)
    return document


def _check_problem(status: int, document: Mapping[str, Any]) -> None:
    code = document["code"]
    assert code in CODES, code
    assert status == document["status"] == CODES[code][0]
    assert document["title"] == CODES[code][1]
    assert document["type"] == f"urn:orderflow-bridge:problem:{code}"
    assert document["detail"]
    assert isinstance(document["detail"], str)
    assert status < 500 or code == "payment_provider_unavailable", document
    extra = frozenset(document) - COMMON
    assert document.keys() >= COMMON
    wanted = MEMBERS.get(code, frozenset())
    assert wanted - OPTIONAL.get(code, frozenset()) <= extra <= wanted, (code, sorted(extra))
    if "cart" in extra:
        assert document["cart"].keys() == CART
        check_sums(document["cart"])
    if "errors" in extra:
        for error in document["errors"]:
            assert error.keys() == {"path", "message"}
            assert error["message"]
            assert error["path"] == "" or error["path"].startswith("/"), error
    if "path" in extra:
        path = document["path"]
        assert path in {"Idempotency-Key", ""} or path.startswith("/"), path


def check_sums(document: Mapping[str, Any]) -> None:
    """Hold a success to its shape, and money to add up."""
    if document.keys() == {"options"}:
        assert all(one.keys() == {"method", "name", "price"} for one in document["options"])
        return
    if document.keys() == {"orders", "next_cursor"}:
        for order in document["orders"]:
            assert order.keys() == ORDER
            check_sums(order)
        return
    assert document.keys() in (CART, ORDER), sorted(document)
    lines, totals = document["lines"], document["totals"]
    assert totals.keys() == TOTALS
    for line in lines:
        assert line.keys() == LINE
        assert line["subtotal"] == line["quantity"] * line["unit_price"]
    for name, summed in (
        ("item_count", "quantity"),
        ("subtotal", "subtotal"),
        ("discount", "discount"),
        ("tax", "tax"),
    ):
        assert totals[name] == sum(line[summed] for line in lines), name
    assert totals["total"] == sum(line["total"] for line in lines) + totals["shipping"]
    assert all(type(value) is int and 0 <= value <= MOST for value in totals.values())
