"""Requests and responses as the core sees them, and the one table from code to status."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

__all__ = ["CODES", "READ_HEADERS", "Head", "Request", "Response"]


class Head(Struct, frozen=True, kw_only=True, gc=False):
    """A request before its body, as a shell hands it over.

    `path` is the raw path under the mount, without the mount (`b"/ofc_.../cart.get"`), `query` the
    raw query string. `headers` maps a lower-case name to its values, in order, as bytes; a shell
    needs to give only `READ_HEADERS` and the configured address header. `peer` is the socket
    peer's address, None where there is none. `framed` says that the server marks the end of a
    body that came without a Content-Length, `aliased` that it cannot tell a header from its alias:
    that `X_Forwarded_For` may have arrived as `X-Forwarded-For`, as in WSGI.
    """

    method: str
    path: bytes
    query: bytes = b""
    headers: Mapping[bytes, Sequence[bytes]]
    peer: str | None = None
    framed: bool = False
    aliased: bool = False


READ_HEADERS = (
    b"content-type",
    b"content-encoding",
    b"content-length",
    b"transfer-encoding",
    b"x-client-id",
    b"x-timestamp",
    b"x-signature",
    b"idempotency-key",
)
"""The headers that the core reads, besides the configured address header."""


class Request(Struct, frozen=True, kw_only=True):
    """A whole request."""

    head: Head
    body: bytes = b""


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer; header names and values are ASCII."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


CODES: Mapping[str, tuple[int, str]] = {
    # The envelope, before anyone is known.
    "not_found": (404, "No such endpoint"),
    "method_not_allowed": (405, "Use POST"),
    "query_not_allowed": (400, "A query string is not allowed"),
    "unsupported_media_type": (415, "Send application/json"),
    "invalid_content_length": (400, "Content-Length is not valid"),
    "body_too_large": (413, "The body is too large"),
    "length_required": (411, "Content-Length is required"),
    "missing_auth_header": (401, "A signature header is missing"),
    "malformed_auth_header": (401, "A signature header is malformed"),
    "client_id_mismatch": (401, "The client id in header and path differ"),
    "timestamp_out_of_window": (401, "The timestamp is outside the window"),
    "incomplete_body": (400, "The body ended early"),
    "body_timeout": (408, "The body did not arrive in time"),
    # Who it is and what it may do.
    "authentication_failed": (401, "Authentication failed"),
    "connection_disabled": (403, "The connection is disabled"),
    "ip_not_allowed": (403, "This address is not allowed"),
    "unknown_action": (404, "No such action"),
    "insufficient_scope": (403, "A scope is missing"),
    # What it says.
    "invalid_json": (400, "The body is not valid JSON"),
    "pan_detected": (422, "Card data is not accepted"),
    "invalid_request": (422, "The request is not valid"),
    # Once, and once only.
    "rate_limited": (429, "Too many requests"),
    "replayed_request": (409, "This signed request was used already"),
    "idempotency_in_progress": (409, "The first request with this key is still running"),
    "idempotency_key_reused": (422, "This key was used with another body"),
    # Carts.
    "cart_not_found": (404, "No such cart"),
    "cart_converted": (409, "The cart is an order already"),
    "cart_converting": (409, "The cart is becoming an order"),
    "cart_expired": (410, "The cart has expired"),
    "cart_empty": (422, "The cart is empty"),
    "version_conflict": (409, "The cart has changed"),
    "unknown_sku": (422, "No such product"),
    "currency_not_supported": (422, "Not sold in this currency"),
    "unknown_shipping_method": (422, "No such shipping method here"),
    "quantity_limit": (422, "Too many of one line"),
    "line_limit": (422, "Too many lines"),
    "line_not_found": (422, "No such line"),
    "out_of_stock": (409, "Not enough in stock"),
    "amount_limit": (422, "The amount is too large"),
    # Orders and payments.
    "order_not_found": (404, "No such order"),
    "order_not_cancellable": (409, "The order cannot be cancelled"),
    "total_changed": (409, "The total has changed"),
    "payment_intent_used": (409, "The payment intent pays for another order"),
    "payment_mismatch": (422, "The payment is not the order's"),
    "payment_provider_unavailable": (503, "The payment provider cannot be asked now"),
    # Faults: nothing happened.
    "storage_unavailable": (503, "The storage cannot be used now"),
    "internal_error": (500, "Something went wrong; nothing happened"),
}
"""Every code of the protocol, with its status and title."""
