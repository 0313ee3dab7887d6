"""What holds after every refusal: its published form, nothing happened, and nobody was told."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

from orderflow_bridge.http import CODES
from tests.hosts.hosts import Answer
from tests.security.attacks import Sent
from tests.security.stage import Contents

__all__ = ["nothing_happened", "nothing_is_told", "of_the_published_form", "texts"]

_OF_THE_ACTION = list(CODES)[list(CODES).index("idempotency_key_reused") :]
_AFTER_SPENDING = frozenset(code for code in _OF_THE_ACTION if CODES[code][0] < 500)
_WORD = re.compile(r'"([^"]{6,})"')
_NUMBER = re.compile(r"[0-9]{9,}")
_TELLS_SOMETHING = 6
_TELLING = (b"x-signature", b"idempotency-key")


def of_the_published_form(
    answer: Answer, *, status: int, code: str, method: str, stored: bool
) -> None:
    """Hold a refusal to RFC 9457, the table of codes, and the headers of the protocol.

    A stored answer has the request id of the request that it was given to first.
    """
    headers = answer.headers
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"req_[0-9A-HJKMNP-TV-Z]{26}", headers["x-request-id"])
    assert ("www-authenticate" in headers) == (status == 401)
    assert "retry-after" in headers or status not in {429, 503}
    assert headers.get("allow") == ("POST" if status == 405 else None)
    assert "location" not in headers
    assert not [name for name in headers if name.startswith("access-control-")]
    assert CODES[code][0] == status
    if method == "HEAD" and not answer.body:
        return
    problem = json.loads(answer.body)
    assert (problem["status"], problem["title"]) == CODES[code]
    assert problem["code"] == code
    assert problem["type"] == f"urn:orderflow-bridge:problem:{code}"
    assert stored or problem["request_id"] == headers["x-request-id"]
    assert problem["detail"]


def nothing_happened(before: Contents, after: Contents, *, code: str, stored: bool) -> None:
    """Compare every row of every table.

    A refusal after the signature was spent leaves that, and with a key its stored answer; an answer
    that was stored before leaves the signature alone.
    """
    changed = {name for name in before if before[name] != after[name]}
    allowed = set()
    if stored or code in _AFTER_SPENDING:
        allowed = {"replays"} if stored else {"replays", "answers"}
    assert changed <= allowed, f"{code or 'the stored answer'} changed {changed}"


def nothing_is_told(
    sent: Sent, answer: Answer, records: Sequence[logging.LogRecord], secrets: Iterable[str]
) -> None:
    """Look for secrets, signatures, keys and the body in the answer and in every log there is."""
    for record in records:
        assert record.exc_info is None, record.getMessage()
        if record.name.startswith("orderflow_bridge"):
            assert record.getMessage().isascii()
            assert record.getMessage().isprintable()
    lines = "\n".join(record.getMessage() for record in records)
    answered = f"{dict(answer.headers)} {answer.body.decode()}"
    hidden = {secret.removeprefix("ofs_") for secret in secrets}
    private = {value.decode("latin-1") for name, value in sent.headers if name.lower() in _TELLING}
    private |= set(texts(sent.body))
    # A document is shown to its own storefront: in a success, and where the cart has moved on.
    shown = answer.status == HTTPStatus.OK or b'"cart":{' in answer.body
    for text in hidden | {text for text in private if len(text) >= _TELLS_SOMETHING}:
        assert text not in lines, f"a log has {text!r}"
        assert text not in answered or (shown and text not in hidden), f"the answer has {text!r}"
    assert "Traceback" not in lines + answered


def texts(body: bytes) -> Iterator[str]:
    """Give what a body says: its texts and long numbers, not the names of its fields."""
    raw = body.decode("latin-1")
    yield from _NUMBER.findall(raw)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        yield from _WORD.findall(raw)
    else:
        yield from _leaves(document)


def _leaves(document: object) -> Iterator[str]:
    # Without recursion: some bodies are as deep as they are because others recurse.
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
