"""What the sign-ins of a console promise."""

from typing import Any, ClassVar

import pytest

from orderflow_bridge.capabilities import sessions_of
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.session import Session
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import NOW
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["SessionsContract", "end", "sign_in", "signed_in"]

_ANNA = "anna@shop.example"


def signed_in(digest: bytes = b"d" * 32, **changes: Any) -> Session:
    """Make a session of Anna's."""
    values: dict[str, Any] = {
        "digest": digest,
        "kind": "session",
        "operator": _ANNA,
        "role": "operator",
        "created_at": NOW,
        "expires_at": NOW + 1,
    }
    return Session(**values | changes)


def sign_in(storage: Storage, *sessions: Session) -> None:
    """Store sessions in one unit."""
    with storage.writing() as unit:
        for session in sessions:
            sessions_of(unit).add(session)


def end(storage: Storage, digest: bytes = b"d" * 32) -> bool:
    """End one in a unit of its own."""
    with storage.writing() as unit:
        return sessions_of(unit).end(digest)


def _end_all(storage: Storage, operator: str) -> int:
    with storage.writing() as unit:
        return sessions_of(unit).end_all(operator)


def _purge(storage: Storage, *, before: int, limit: int) -> int:
    with storage.writing() as unit:
        return sessions_of(unit).purge(before=before, limit=limit)


def _there(storage: Storage, *sessions: Session) -> list[bool]:
    """Tell which of the sessions are found, each as it was."""
    found = []
    with storage.reading() as unit:
        for session in sessions:
            kept = sessions_of(unit).find(session.digest)
            assert kept in (None, session)
            found.append(kept is not None)
    return found


class SessionsContract(Contract):
    """The capability `sessions`: the port `SessionLedger`."""

    needs: ClassVar[Capability | None] = "sessions"

    def test_sessions_round_trip(self, storage: Storage) -> None:
        """A session and a link come back as they were: any bytes, any name, the long one too."""
        kept = [
            signed_in(bytes(range(32)), role="admin"),
            signed_in(b"\xff" * 32, kind="link", role="viewer", expires_at=2**53 - 1),
            signed_in(b"\x00" * 32, operator="Zoë 🌍 o'clerk "),
            signed_in(b" " * 32, operator="ü" * 255),
        ]
        sign_in(storage, *kept)
        assert _there(storage, *kept, signed_in()) == [True, True, True, True, False]

    def test_sessions_a_digest_is_taken_once(self, storage: Storage) -> None:
        """A second session with a digest conflicts, and the first one stays."""
        sign_in(storage, signed_in())
        with pytest.raises(Conflict):
            sign_in(storage, signed_in(operator="somebody else", role="admin"))
        assert _there(storage, signed_in()) == [True]

    def test_sessions_digests_compare_as_bytes(self, storage: Storage) -> None:
        """Bytes that are letters in upper and lower case are two, and so is a zero at the end."""
        kept = [signed_in(one) for one in (b"d" * 32, b"D" * 32, b"d" * 31 + b"\x00")]
        sign_in(storage, *kept)
        assert end(storage, b"D" * 32)
        assert not end(storage, b"d" * 31)
        assert _there(storage, *kept) == [True, False, True]

    def test_sessions_end_once(self, storage: Storage) -> None:
        """The first end says that it was there, the second that it was not; others stay."""
        link, other = signed_in(kind="link"), signed_in(b"e" * 32)
        sign_in(storage, link, other)
        assert [end(storage), end(storage)] == [True, False]
        assert _there(storage, link, other) == [False, True]

    def test_sessions_of_an_operator_end_together(self, storage: Storage) -> None:
        """Links too; names compare as bytes, and another operator's stay."""
        theirs = [signed_in(), signed_in(b"e" * 32, kind="link"), signed_in(b"f" * 32)]
        others = [
            signed_in(bytes([n]) * 32, operator=name)
            for n, name in enumerate(("Anna@shop.example", f"{_ANNA} ", "anna@shop", ""))
        ]
        sign_in(storage, *theirs, *others)
        assert _end_all(storage, _ANNA) == 3
        assert _end_all(storage, _ANNA) == 0
        assert _there(storage, *theirs) == [False] * 3
        assert _there(storage, *others) == [True] * 4

    def test_sessions_purge_is_bounded(self, storage: Storage) -> None:
        """Those that expired before, the earliest first; until then what expired is found."""
        kept = [signed_in(bytes([9 - n]) * 32, expires_at=NOW + n) for n in range(4)]
        sign_in(storage, *kept)
        assert _purge(storage, before=NOW, limit=9) == 0
        assert _purge(storage, before=NOW + 3, limit=2) == 2
        assert _there(storage, *kept) == [False, False, True, True]
        assert _purge(storage, before=NOW + 3, limit=2) == 1
        assert _purge(storage, before=NOW + 3, limit=2) == 0
        assert _there(storage, *kept) == [False, False, False, True]

    def test_sessions_are_in_their_unit(self, storage: Storage) -> None:
        """A unit reads what it did itself, and one that fails leaves nothing of it."""
        kept = [signed_in(), signed_in(b"e" * 32, operator="zoe"), signed_in(b"f" * 32)]
        sign_in(storage, *kept)
        made = signed_in(b"g" * 32, expires_at=NOW)

        def fail() -> None:
            with storage.writing() as unit:
                sessions = sessions_of(unit)
                sessions.add(made)
                assert sessions.find(made.digest) == made
                assert sessions.purge(before=NOW + 1, limit=9) == 1
                assert sessions.end(kept[0].digest)
                assert sessions.find(kept[0].digest) is None
                assert sessions.end_all("zoe") == 1
                sessions.add(made)
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        assert _there(storage, *kept, made) == [True, True, True, False]
