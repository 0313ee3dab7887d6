"""The string to sign is another one for every other request (protocol §1)."""

import re
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.security import signing
from tests.properties.examples import examples

NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKENS = NAMES + "0123456789_-"
METHOD_CHARACTERS = NAMES + "0123456789!#$%&'*+-.^_`|~"

# The six lines by the page's own words, not by the code's expressions.
LINES = re.compile(
    rb"OFB1-HMAC-SHA256\n"
    rb"(?P<timestamp>[1-9][0-9]{9})\n"
    rb"(?P<client_id>[A-Za-z0-9_-]{8,64})\n"
    rb"(?P<method>[!#-'*+.^-z|~A-Z0-9-]+) (?P<action>[A-Za-z]+(?:\.[A-Za-z]+)?)\n"
    rb"(?P<idempotency_key>[A-Za-z0-9_-]{0,128})\n"
    rb"(?P<body_sha256>[0-9a-f]{64})"
)


class Parts(NamedTuple):
    """What a signature covers, each of its grammar."""

    timestamp: bytes
    client_id: bytes
    method: bytes
    action: bytes
    idempotency_key: bytes
    body_sha256: bytes

    @property
    def text(self) -> bytes:
        return signing.string_to_sign(**self._asdict())


def _text(alphabet: str, least: int, most: int) -> st.SearchStrategy[bytes]:
    return st.text(alphabet, min_size=least, max_size=most).map(str.encode)


ANY_PART = {
    "timestamp": st.integers(10**9, 10**10 - 1).map(lambda second: b"%d" % second),
    "client_id": _text(TOKENS, 8, 64),
    "method": _text(METHOD_CHARACTERS, 1, 12),
    "action": st.tuples(_text(NAMES, 1, 16), _text(NAMES, 0, 16)).map(
        lambda both: b".".join(filter(None, both))
    ),
    "idempotency_key": _text(TOKENS, 0, 128),
    "body_sha256": st.binary(min_size=32, max_size=32).map(lambda digest: digest.hex().encode()),
}
ANY_PARTS = st.builds(Parts, **ANY_PART)


@st.composite
def moved(draw: st.DrawFn) -> tuple[Parts, Parts]:
    """Give two requests whose parts, written one behind the other, read the same."""
    one = draw(ANY_PARTS)
    left, right = draw(
        st.sampled_from(
            [
                ("client_id", "idempotency_key"),
                ("method", "action"),
                ("client_id", "action"),
                ("action", "idempotency_key"),
            ]
        )
    )
    shared = draw(_text(NAMES, 1, 8))
    return (
        one._replace(**{left: (getattr(one, left) + shared)[-64:]}),
        one._replace(**{right: (shared + getattr(one, right))[:64]}),
    )


@examples(200)
@given(ANY_PARTS)
def test_the_parts_can_be_read_back(parts: Parts) -> None:
    """Whoever has the string has each of its parts: so no two requests share one."""
    found = LINES.fullmatch(parts.text)
    assert found is not None
    assert Parts(**found.groupdict()) == parts


@examples(100)
@given(ANY_PARTS, st.data(), st.sampled_from(Parts._fields))
def test_another_part_is_another_string(parts: Parts, data: st.DataObject, name: str) -> None:
    """Whichever part is another one, however near, the string is another one."""
    other = parts._replace(**{name: data.draw(ANY_PART[name])})
    assert (other.text == parts.text) == (other == parts)


@examples(100)
@given(moved())
def test_nothing_moves_from_one_part_to_the_next(both: tuple[Parts, Parts]) -> None:
    """What ends one part cannot begin the other."""
    one, other = both
    assert (one.text == other.text) == (one == other)
