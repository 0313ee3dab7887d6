"""The search for canaries in bytes, whoever wrote them."""

import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple, Self

from tests.canary.marks import CARDS, KINDS, MASTER_KEY, PEOPLE, SECRET, Kind
from tests.canary.spelling import grouped, inside_base64, spellings

__all__ = ["Found", "Search"]

_CHUNK = 1 << 20
_LONGEST = 1024
# Base64 may hold a part of the first letter only.
_TAIL = re.compile(rb"fs_[A-Za-z0-9_-]{43}")
_PRINTED = re.compile(rb"ofs_[A-Za-z0-9_-]{43}")
_UTF_16 = re.compile(rb"o\0f\0s\0_\0(?:[A-Za-z0-9_-]\0){43}")
_HEX = re.compile(rb"6[fF]66735[fF](?:[0-9a-fA-F]{2}){43}")
_BASE64 = re.compile(
    rb"(?:%b)[A-Za-z0-9+/_-]{53,}" % b"|".join(map(re.escape, inside_base64(b"ofs_")))
)


class Found(NamedTuple):
    """What was found: its kind, and how it was written; never the thing itself."""

    kind: Kind
    spelling: str


class Search:
    """Look for canaries in texts and streams."""

    def __init__(self) -> None:
        self._needles: dict[bytes, Found] = {}
        self._tests: list[tuple[Callable[[bytes], object], Found]] = []

    @classmethod
    def for_all(cls) -> Self:
        """Look for each canary, and for every secret of this project whether it is one or not."""
        search = cls.for_key(MASTER_KEY)
        unmarked = SECRET.removeprefix("ofs_")
        search._add("secret", unmarked, _decoded(unmarked))
        search._add("personal data", *PEOPLE)
        for test, spelling in (
            (_PRINTED.search, "plain"),
            (_UTF_16.search, "UTF-16"),
            (_HEX.search, "hex"),
            (_in_base64, "base64"),
        ):
            search._tests.append((test, Found("secret", spelling)))
        for number in CARDS:
            search._add("card number", number)
            # Within more digits it is another number.
            del search._needles[number.encode()]
            search._tests.append((grouped(number).search, Found("card number", "plain")))
        return search

    @classmethod
    def for_key(cls, written: str) -> Self:
        """Look for one master key."""
        search = cls()
        search._add("master key", written, _decoded(written))
        return search

    def _add(self, kind: Kind, *texts: str | bytes) -> None:
        for text in texts:
            for needle, way in spellings(text).items():
                self._needles.setdefault(needle, Found(kind, way))

    def find(self, text: bytes, kinds: Iterable[Kind] = KINDS) -> set[Found]:
        """Tell what of these kinds is in `text`."""
        found = {what for needle, what in self._needles.items() if needle in text}
        found |= {what for holds, what in self._tests if holds(text)}
        return {what for what in found if what.kind in kinds}

    def find_in(self, stream: BinaryIO, kinds: Iterable[Kind] = KINDS) -> set[Found]:
        """Tell what of these kinds is in a stream of any length, a piece at a time."""
        found: set[Found] = set()
        before = b""
        while piece := stream.read(_CHUNK):
            found |= self.find(before + piece, kinds)
            before = piece[-_LONGEST:]
        return found


def _decoded(written: str) -> bytes:
    return urlsafe_b64decode(written + "=" * (-len(written) % 4))


def _in_base64(text: bytes) -> bool:
    """Tell whether any secret stands in base64: where one may begin, it is decoded."""
    for candidate in _BASE64.finditer(text):
        written = candidate[0].replace(b"-", b"+").replace(b"_", b"/")
        for before in range(4):
            # Cut to whole bytes, then padded.
            whole = b"A" * before + written
            whole = whole[: len(whole) - (len(whole) % 4 == 1)]
            if _TAIL.search(b64decode(whole + b"=" * (-len(whole) % 4))):
                return True
    return False
