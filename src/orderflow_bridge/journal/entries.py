"""What is kept of a request: how it went, and of what it said what nobody can use."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.decisions import Asked
from orderflow_bridge.diagnosis.received import KEPT_DIGITS, malformed
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.http import CODES
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.security.signing import CLIENT_ID, IDEMPOTENCY_KEY, SIGNATURE, TIMESTAMP

__all__ = ["Course", "Ended", "beginning", "entry_of", "sentence_of"]

_ANSWER_BYTES = 2_048
_LONGEST_TEXT = 1_024
_SHORTEST_CARD = 12
_LONGEST_DETAIL = 1_000
_MOST_ERRORS = 5
_ID = rb'"([A-Za-z0-9_-]{1,64})"'
_ORDER = re.compile(rb'\{"order_id":%b,"number":"[^"]*","status":"[^"]*","cart_id":%b' % (_ID, _ID))
_CART = re.compile(rb'\{"cart_id":%b' % _ID)
_ORDER_OF_PROBLEM = re.compile(rb'"request_id":"[^"]*","order_id":%b' % _ID)
_CART_OF_PROBLEM = re.compile(rb'"request_id":"[^"]*","cart":\{"cart_id":%b' % _ID)
_WORD = rb"[A-Za-z0-9!#$&^_.+-]{1,64}"
_MEDIA_TYPE = re.compile(rb'%b/%b(?:[ \t]*;[ \t]*%b="?%b"?){0,2}' % (_WORD, _WORD, _WORD, _WORD))
_LENGTH = re.compile(rb"[0-9]{1,12}")
_CARD = "(not shown: it looks like a card number)"
_SHOWN: tuple[tuple[bytes, str, re.Pattern[bytes]], ...] = (
    (b"content-type", "Content-Type", _MEDIA_TYPE),
    (b"content-length", "Content-Length", _LENGTH),
    (b"x-client-id", "X-Client-Id", CLIENT_ID),
    (b"x-timestamp", "X-Timestamp", TIMESTAMP),
    (b"x-signature", "X-Signature", SIGNATURE),
    (b"idempotency-key", "Idempotency-Key", IDEMPOTENCY_KEY),
)
_SIGNATURE, _CLIENT_ID, _JSON = b"x-signature", b"x-client-id", b"application/json"


class Course(Struct):
    """How far a request came while it was executed; filled in on the way.

    `text` is its string to sign, `verified` says that it was signed by whom it names.
    """

    body_bytes: int
    text: bytes | None = None
    verified: bool = False


class Ended(Struct, frozen=True, kw_only=True):
    """A request that was answered, as it waits to be written; little is computed for it yet.

    `code` and `detail` are a refusal's. `answer` is the beginning of the answer's body, `ended`
    when it was given, in Unix ms.
    """

    asked: Asked
    course: Course | None
    code: str | None
    detail: str
    status: int
    answer: bytes
    replayed: bool
    ended: int


class _Problem(Struct):
    code: str
    detail: str = ""


_problem_of = msgspec.json.Decoder(_Problem).decode


def beginning(answer: bytes) -> bytes:
    """Give as much of an answer as its ids are in."""
    return answer[:_ANSWER_BYTES]


def entry_of(one: Ended) -> JournalEntry:
    """Make what is kept; `connection` is the client id that the request names, looked up or not."""
    asked, course = one.asked, one.course
    code, detail = _code_and_detail(one)
    action = asked.action.decode("ascii")
    order_id, cart_id = _ids(one)
    return JournalEntry(
        request_id=asked.request_id,
        at=asked.arrived,
        connection=asked.client_id.decode("ascii") or None,
        action=action if action in ACTIONS else None,
        verdict="refused" if code else "allowed",
        code=code,
        status=one.status,
        replayed=one.replayed,
        address=asked.address,
        milliseconds=max(0, one.ended - asked.arrived),
        verified=course is not None and course.verified,
        headers=_headers(asked.headers, proven=course is not None and course.verified),
        string_to_sign=_text(course, code),
        body_bytes=None if course is None else course.body_bytes,
        detail=detail,
        order_id=order_id,
        cart_id=cart_id,
    )


def _code_and_detail(one: Ended) -> tuple[str | None, str]:
    if one.code is not None:
        return one.code, one.detail
    if one.status >= 400:  # noqa: PLR2004 -- HTTP's
        try:
            problem = _problem_of(one.answer)
        except msgspec.DecodeError:
            return _code_of_prefix(one.answer), ""
        return problem.code, problem.detail[:_LONGEST_DETAIL]
    return None, ""


_CODE = re.compile(rb'"code":"([a-z_]{1,64})"')


def _code_of_prefix(answer: bytes) -> str:
    """Read the code of a problem that was cut behind it: it stands before what makes it long."""
    found = _CODE.search(answer)
    return found[1].decode("ascii") if found else "internal_error"


def sentence_of(refusal: BridgeError) -> str:
    """Write what the caller was told, with what the members say of it; never raises.

    A port may refuse with members of its own: what is not as the protocol has it is passed over.
    """
    _, title = CODES.get(refusal.code, (0, ""))
    said = f"{refusal.detail or title}"
    members: Mapping[str, Any] = refusal.members
    errors, required, path = (members.get(name) for name in ("errors", "required", "path"))
    if isinstance(errors, list):
        said += "".join(_error(one) for one in errors[:_MOST_ERRORS])
    elif isinstance(required, list):
        said += f" Required: {', '.join(one for one in required if isinstance(one, str))}."
    elif isinstance(path, str):
        said += f" At {path or '/'}."
    elif isinstance(skew := members.get("skew_seconds"), int):
        said += f" Skew: {skew} s."
    return said[:_LONGEST_DETAIL]


def _error(one: object) -> str:
    if not isinstance(one, Mapping) or not isinstance(one.get("message"), str):
        return ""
    return f" {one.get('path') or '/'} {one['message']}."


def _ids(one: Ended) -> tuple[str | None, str | None]:
    """Find the order and the cart that an answer is about; (None, None) where it is about none."""
    answer = one.answer
    order = cart = None
    if one.status >= 400:  # noqa: PLR2004 -- HTTP's
        order, cart = _ORDER_OF_PROBLEM.search(answer), _CART_OF_PROBLEM.search(answer)
    elif (both := _ORDER.match(answer)) is not None:
        return both[1].decode("ascii"), both[2].decode("ascii")
    else:
        cart = _CART.match(answer)
    return (
        order[1].decode("ascii") if order else None,
        cart[1].decode("ascii") if cart else None,
    )


def _text(course: Course | None, code: str | None) -> str | None:
    """Give the string to sign; none of a body with a card, which a hash might tell.

    Of its parts only two can hold digits enough: `pan_detected` refuses the one, and the other is
    looked at with the headers.
    """
    if course is None or course.text is None or code == "pan_detected":
        return None
    text = course.text.decode("ascii")
    if len(text) > _LONGEST_TEXT or (not course.verified and is_card(text)):
        return None
    return text


def _headers(headers: Mapping[bytes, Sequence[bytes]], *, proven: bool) -> dict[str, str]:
    """Show the headers as an operator may see them.

    What its grammar does not match is told as the reason, not repeated; of a signature the first
    digits are shown, by which it is known again and with which nobody can sign.
    """
    found = {}
    for name, title, grammar in _SHOWN:
        values = headers.get(name)
        if not values:
            continue
        value = values[0]
        if len(values) > 1:
            found[title] = f"(came {len(values)} times)"
        elif grammar.fullmatch(value) is None:
            found[title] = f"({malformed(title, value)})"
        elif name == _SIGNATURE:
            found[title] = value[: 3 + KEPT_DIGITS].decode("ascii") + "…"
        else:
            text = value.decode("ascii")
            # What is short, what everyone sends and a connection's own id are not looked at.
            plain = len(text) < _SHORTEST_CARD or value == _JSON or (proven and name == _CLIENT_ID)
            found[title] = text if plain or not is_card(text) else _CARD
    return found
