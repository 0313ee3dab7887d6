"""What an operator does about a refusal, or tells the storefront's developer to do."""

from collections.abc import Mapping

__all__ = ["advice"]

_ADVICE: Mapping[str, str] = {
    "not_found": "Correct the path: {mount}/{clientId}/{action}, without a slash at its end.",
    "method_not_allowed": "Send every action as a POST; look whether a redirect made it a GET.",
    "query_not_allowed": "Put everything into the body; look whether a proxy adds a query string.",
    "unsupported_media_type": "Send `Content-Type: application/json`, and no Content-Encoding.",
    "invalid_content_length": "Send one Content-Length in digits, without Transfer-Encoding.",
    "body_too_large": "Send less, or raise `max_body`.",
    "length_required": "Send a Content-Length; look whether a proxy takes it off.",
    "missing_auth_header": "Send all three headers; look whether a proxy drops one of them.",
    "malformed_auth_header": "Send each header once, as the protocol writes it.",
    "client_id_mismatch": "Send one client id, in the path and in X-Client-Id.",
    "timestamp_out_of_window": "Set the storefront's clock (NTP), and sign each attempt anew.",
    "incomplete_body": "Send as many bytes as Content-Length says; look at proxies on the way.",
    "body_timeout": "Send faster; look at the line between the storefront and the shop.",
    "authentication_failed": "Compare the storefront's six lines with the string to sign.",
    "connection_disabled": "Enable the connection, if it should be: `connections enable`.",
    "ip_not_allowed": "Add the address to the allow-list: `connections allow`. Where it is the"
    " proxy's own, set `trusted_proxies` and `client_address_header`; ask `doctor`.",
    "unknown_action": "Correct the action; its letters' case counts.",
    "insufficient_scope": "Grant the scopes, if it should have them: `connections scopes`.",
    "invalid_json": "Send one JSON object in UTF-8, without a byte order mark.",
    "pan_detected": "Take card data out of the storefront's requests: it must never be sent.",
    "invalid_request": "Correct the fields that the answer names.",
    "rate_limited": "Wait for Retry-After; where the traffic is right, raise the limit.",
    "replayed_request": "Sign each attempt anew, a second later, with the same key and bytes. Where"
    " nobody retried, someone repeats the storefront's requests.",
    "idempotency_in_progress": "Wait for Retry-After, then sign anew with the same key and bytes.",
    "idempotency_key_reused": "Use a new key for a new body.",
    "payment_provider_unavailable": "Look at the payment provider; the storefront tries again.",
    "storage_unavailable": "Look at the database, `doctor` asks it; the storefront tries again.",
    "internal_error": "Look for the request id in the log `orderflow_bridge.faults`.",
}
_BY_THE_ANSWER = "Nothing is wrong with the connection: the storefront decides by the code."


def advice(code: str) -> str:
    """Say what to do about a code; what an action refuses is the storefront's to decide."""
    return _ADVICE.get(code, _BY_THE_ANSWER)
