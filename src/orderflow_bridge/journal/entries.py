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
from orderflow_bridge.http import CODES, Response
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.security.signing import CLIENT_ID, IDEMPOTENCY_KEY, SIGNATURE, TIMESTAMP

__all__ = ["Course", "Ended", "ended", "entry_of", "sentence_of"]

_REFUSED = 400
_PROBLEM_BYTES = 2_048
_IDS_BYTES = 448
_LONGEST_TEXT = 1_024
# The line of a string to sign that has the idempotency key.
_KEY = 4
_SHORTEST_CARD = 12
_LONGEST_DETAIL = 1_000
_MOST_ERRORS = 5
_ID = rb'"([A-Za-z0-9_-]{1,64})"'
_OF_ANSWER = re.compile(
    rb'\{(?:"order_id":%b,"number":"[^"]*","status":"[^"]*",)?"cart_id":%b' % (_ID, _ID)
)
_ORDER_OF_PROBLEM = re.compile(rb'"request_id":"[^"]*","order_id":%b' % _ID)
_CART_OF_PROBLEM = re.compile(rb'"request_id":"[^"]*","cart":\{"cart_id":%b' % _ID)
_WORD = rb"[A-Za-z0-9!#$&^_.+-]{1,64}"
_MEDIA_TYPE = re.compile(rb'%b/%b(?:[ \t]*;[ \t]*%b="?%b"?){0,2}' % (_WORD, _WORD, _WORD, _WORD))
_LENGTH = re.compile(rb"[0-9]{1,12}")
_CARD = "(not shown: it looks like a card number)"
_Shown = tuple[tuple[bytes, str, re.Pattern[bytes]], ...]
_OF_BODY: _Shown = (
    (b"content-type", "Content-Type", _MEDIA_TYPE),
    (b"content-length", "Content-Length", _LENGTH),
)
_OF_SIGNER: _Shown = (
    (b"x-client-id", "X-Client-Id", CLIENT_ID),
    (b"x-timestamp", "X-Timestamp", TIMESTAMP),
    (b"x-signature", "X-Signature", SIGNATURE),
    (b"idempotency-key", "Idempotency-Key", IDEMPOTENCY_KEY),
)
_READ = tuple(name for name, *_ in _OF_BODY + _OF_SIGNER)
_SIGNATURE, _CLIENT_ID, _JSON = b"x-signature", b"x-client-id", b"application/json"
_REPLAYED = ("Idempotent-Replayed", "true")


class Course(Struct, gc=False):
    """How far a request came while it was executed; filled in on the way.

    `text` is its string to sign, `verified` says that it was signed by whom it names.
    """

    body_bytes: int
    text: bytes | None = None
    verified: bool = False


class Ended(Struct, frozen=True, gc=False):
    """A request that was answered, as it waits to be written; little is computed for it yet.

    `sent` are the headers that are shown, as they came. `answer` is the beginning of the answer's
    body, `headers` are the answer's. `ended` is when it was given, in Unix ms. `code` and `detail`
    are a refusal's.
    """

    request_id: str
    client_id: bytes
    action: bytes
    address: str | None
    arrived: int
    sent: Mapping[bytes, Sequence[bytes]]
    course: Course | None
    status: int
    headers: Sequence[tuple[str, str]]
    answer: bytes
    ended: int
    code: str | None
    detail: str


class _Problem(Struct):
    code: str
    detail: str = ""


_problem_of = msgspec.json.Decoder(_Problem).decode


def ended(
    asked: Asked,
    response: Response,
    course: Course | None,
    refusal: BridgeError | None,
    now: int,
) -> Ended:
    """Take what an entry is made of: as much of an answer as its ids, code and sentence are in.

    Not the refusal itself: it holds the frames that it passed, and what is in them.
    """
    headers = asked.headers
    return Ended(
        asked.request_id,
        asked.client_id,
        asked.action,
        asked.address,
        asked.arrived,
        {name: headers[name] for name in _READ if name in headers},
        course,
        response.status,
        response.headers,
        response.body[: _IDS_BYTES if response.status < _REFUSED else _PROBLEM_BYTES],
        now,
        None if refusal is None else refusal.code,
        "" if refusal is None else sentence_of(refusal),
    )


def entry_of(one: Ended) -> JournalEntry:
    """Make what is kept; `connection` is the client id that the request names, looked up or not."""
    course = one.course
    verified = course is not None and course.verified
    if one.status < _REFUSED:
        code, detail, headers = None, "", _sound_headers(one.sent)
        order_id, cart_id = _ids_of_answer(one.answer)
    else:
        code, detail = _code_and_detail(one)
        headers = _headers(one.sent, _OF_BODY + _OF_SIGNER, proven=verified)
        order_id, cart_id = _ids_of_problem(one.answer)
    action = one.action.decode("ascii")
    return JournalEntry(
        request_id=one.request_id,
        at=one.arrived,
        connection=one.client_id.decode("ascii") or None,
        action=action if action in ACTIONS else None,
        verdict="refused" if code else "allowed",
        code=code,
        status=one.status,
        replayed=_REPLAYED in one.headers,
        address=one.address,
        milliseconds=max(0, one.ended - one.arrived),
        verified=verified,
        headers=headers,
        string_to_sign=_text(course, code),
        body_bytes=None if course is None else course.body_bytes,
        detail=detail,
        order_id=order_id,
        cart_id=cart_id,
    )


def _code_and_detail(one: Ended) -> tuple[str, str]:
    if one.code is not None:
        return one.code, one.detail
    try:
        problem = _problem_of(one.answer)
    except msgspec.DecodeError:
        return _code_of_prefix(one.answer), ""
    return problem.code, problem.detail[:_LONGEST_DETAIL]


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


def _ids_of_answer(answer: bytes) -> tuple[str | None, str | None]:
    """Find the order and the cart that an answer is about; (None, None) where it is about none."""
    found = _OF_ANSWER.match(answer)
    return (_text_of(found[1]), _text_of(found[2])) if found else (None, None)


def _ids_of_problem(answer: bytes) -> tuple[str | None, str | None]:
    """Find the order and the cart that a refusal is about."""
    order, cart = _ORDER_OF_PROBLEM.search(answer), _CART_OF_PROBLEM.search(answer)
    return _text_of(order and order[1]), _text_of(cart and cart[1])


def _text_of(found: bytes | None) -> str | None:
    return found.decode("ascii") if found else None


def _text(course: Course | None, code: str | None) -> str | None:
    """Give the string to sign; none of a body with a card, which a hash might tell.

    Nor one that holds a card itself. Of what is proven that is the key alone, and only where the
    request was refused before its key was looked at: a client id may look like a card by chance.
    """
    if course is None or course.text is None or code == "pan_detected":
        return None
    text = course.text.decode("ascii")
    if len(text) > _LONGEST_TEXT:
        return None
    if code is not None and is_card(text.split("\n")[_KEY] if course.verified else text):
        return None
    return text


def _sound_headers(headers: Mapping[bytes, Sequence[bytes]]) -> dict[str, str]:
    """Show the headers of a request that every check let pass.

    What is signed, and the signature, are there once then, match their grammars and are no card.
    """
    found = _headers(headers, _OF_BODY)
    found["X-Client-Id"] = headers[_CLIENT_ID][0].decode("ascii")
    found["X-Timestamp"] = headers[b"x-timestamp"][0].decode("ascii")
    found["X-Signature"] = _cut(headers[_SIGNATURE][0])
    keys = headers.get(b"idempotency-key")
    if keys:
        found["Idempotency-Key"] = keys[0].decode("ascii")
    return found


def _cut(signature: bytes) -> str:
    """Show the first digits of a signature, by which it is known again and nobody can sign."""
    return signature[: len("v1=") + KEPT_DIGITS].decode("ascii") + "…"


def _headers(
    headers: Mapping[bytes, Sequence[bytes]], shown: _Shown, *, proven: bool = False
) -> dict[str, str]:
    """Show headers as an operator may see them.

    What its grammar does not match is told as the reason, not repeated.
    """
    found = {}
    for name, title, grammar in shown:
        values = headers.get(name)
        if not values:
            continue
        value = values[0]
        if len(values) > 1:
            found[title] = f"(came {len(values)} times)"
        elif value == _JSON:
            found[title] = "application/json"
        elif grammar.fullmatch(value) is None:
            found[title] = f"({malformed(title, value)})"
        elif name == _SIGNATURE:
            found[title] = _cut(value)
        else:
            text = value.decode("ascii")
            # What is short and a connection's own id are not looked at.
            plain = len(text) < _SHORTEST_CARD or (proven and name == _CLIENT_ID)
            found[title] = text if plain or not is_card(text) else _CARD
    return found
