"""The protocol's ordered checks (§3) in an operator's words, and how far a request came."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from orderflow_bridge.actions import ACTIONS

__all__ = ["STEPS", "STEP_OF", "Check", "checks"]


class Check(Struct, frozen=True, kw_only=True):
    """One check of a request: `step` is its short name, `rule` what must hold."""

    step: str
    rule: str
    state: Literal["passed", "failed", "not reached"]


STEPS: Mapping[str, str] = {
    "path": "The path is the bridge's: /{clientId}/{action}.",
    "method": "The method is POST.",
    "query": "There is no query string.",
    "media type": "The body is application/json, and not compressed.",
    "length": "The declared length is plain and within the limit.",
    "headers present": "X-Client-Id, X-Timestamp and X-Signature are there.",
    "headers well-formed": "Each of them, and the Idempotency-Key, is there once and well-formed.",
    "client id": "The client ids of header and path are the same.",
    "server window": "The timestamp is within the server's largest window.",
    "room": "There was room for the request, and the storage could be asked.",
    "body": "The body arrived whole and in time.",
    "signature": "The signature is right under a live secret of the connection.",
    "connection window": "The timestamp is within the connection's own window.",
    "enabled": "The connection is enabled.",
    "address": "The client's address is on the connection's allow-list.",
    "action": "There is such an action.",
    "scopes": "The connection has the scopes that the action needs.",
    "JSON": "The body is one strict JSON object.",
    "card data": "There is no card data in it.",
    "schema": "It has the shape that the action asks for.",
    "rate": "The connection has room for one more write.",
    "replay": "The signature was not spent before.",
    "idempotency": "The idempotency key is new, or stands for this body.",
    "outcome": "The action's own rules allow it.",
}
"""Every check by its short name, in the order of the protocol."""

_WRITES_ONLY = ("rate", "replay", "idempotency")

STEP_OF: Mapping[str, str] = {
    "not_found": "path",
    "method_not_allowed": "method",
    "query_not_allowed": "query",
    "unsupported_media_type": "media type",
    "invalid_content_length": "length",
    "body_too_large": "length",
    "length_required": "length",
    "missing_auth_header": "headers present",
    "malformed_auth_header": "headers well-formed",
    "client_id_mismatch": "client id",
    "timestamp_out_of_window": "server window",
    "storage_unavailable": "room",
    "incomplete_body": "body",
    "body_timeout": "body",
    "authentication_failed": "signature",
    "internal_error": "signature",
    "connection_disabled": "enabled",
    "ip_not_allowed": "address",
    "unknown_action": "action",
    "insufficient_scope": "scopes",
    "invalid_json": "JSON",
    "pan_detected": "card data",
    "invalid_request": "schema",
    "rate_limited": "rate",
    "replayed_request": "replay",
    "idempotency_in_progress": "idempotency",
    "idempotency_key_reused": "idempotency",
    "cart_not_found": "outcome",
    "cart_converted": "outcome",
    "cart_converting": "outcome",
    "cart_expired": "outcome",
    "cart_empty": "outcome",
    "version_conflict": "outcome",
    "unknown_sku": "outcome",
    "currency_not_supported": "outcome",
    "unknown_shipping_method": "outcome",
    "quantity_limit": "outcome",
    "line_limit": "outcome",
    "line_not_found": "outcome",
    "out_of_stock": "outcome",
    "amount_limit": "outcome",
    "order_not_found": "outcome",
    "order_not_cancellable": "outcome",
    "total_changed": "outcome",
    "payment_intent_used": "outcome",
    "payment_mismatch": "outcome",
    "payment_provider_unavailable": "outcome",
}
"""The check that each code of the protocol says has failed."""

_ONCE_VERIFIED: Mapping[str, str] = {
    "timestamp_out_of_window": "connection window",
    "storage_unavailable": "outcome",
    "internal_error": "outcome",
}
"""Where a code that has two places stands once the signature was right."""


def checks(code: str | None, *, verified: bool, action: str | None = None) -> tuple[Check, ...]:
    """Tell each check of a request, in order, from the `code` of its answer.

    None is an answer without one: all passed. `verified` says that the signature was right, which
    tells the two places of a code apart. An `action` that only reads has no checks of writing. A
    code that the protocol does not have fails the last.
    """
    known = ACTIONS.get(action or "")
    skipped = _WRITES_ONLY if known is not None and not known.writes else ()
    failed = None
    if code is not None:
        failed = STEP_OF.get(code, "outcome")
        if verified:
            failed = _ONCE_VERIFIED.get(code, failed)
    found: list[Check] = []
    state: Literal["passed", "failed", "not reached"] = "passed"
    for step, rule in STEPS.items():
        if step == failed:
            found.append(Check(step=step, rule=rule, state="failed"))
            state = "not reached"
        elif step not in skipped:
            found.append(Check(step=step, rule=rule, state=state))
    return tuple(found)
