"""What an audit promises."""

from typing import Any, ClassVar

import pytest

from orderflow_bridge.capabilities import audit_of
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP, add, connection
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["AuditContract"]


def _entry(entry_id: str = "aud_1", **changes: Any) -> AuditEntry:
    values: dict[str, Any] = {
        "entry_id": entry_id,
        "at": NOW,
        "actor": "Zoë 🌍 o'clerk",
        "event": "connection.allow_list_changed",
        "subject": SHOP,
        "details": {
            "allow_list": {"from": [], "to": ["203.0.113.0/24"]},
            "previous_until": {"from": None, "to": NOW},
        },
    }
    return AuditEntry(**values | changes)


def _append(storage: Storage, *entries: AuditEntry) -> None:
    with storage.writing() as unit:
        for entry in entries:
            audit_of(unit).append(entry)


def _page(
    storage: Storage,
    *,
    subject: str | None = None,
    before: tuple[int, str] | None = None,
    limit: int = 9,
) -> list[AuditEntry]:
    with storage.reading() as unit:
        return list(audit_of(unit).page(subject=subject, before=before, limit=limit))


class AuditContract(Contract):
    """The capability `audit`: the port `AuditLedger`."""

    needs: ClassVar[Capability | None] = "audit"

    def test_audit_round_trip(self, storage: Storage) -> None:
        """An entry comes back as it was: any letters, lists, nothing, large numbers."""
        kept = _entry(details={"a": {"from": [1, "ü", None], "to": 2**53 - 1}, "b": {}})
        _append(storage, kept)
        assert _page(storage) == [kept]

    def test_audit_pages_are_newest_first(self, storage: Storage) -> None:
        """By time and then by id, and each page goes on where the one before it ended."""
        entries = [_entry(f"aud_{n}", at=NOW + n // 2) for n in (3, 0, 4, 1, 2)]
        _append(storage, *entries)
        newest = sorted(entries, key=lambda one: (one.at, one.entry_id), reverse=True)
        seen: list[AuditEntry] = []
        # One page more than there is: a storage that goes round in a circle ends too.
        for _ in range(len(entries)):
            last = (seen[-1].at, seen[-1].entry_id) if seen else None
            page = _page(storage, before=last, limit=2)
            assert len(page) <= 2
            seen += page
        assert seen == newest

    def test_audit_of_one_subject(self, storage: Storage) -> None:
        """Subjects compare as bytes, and pages of one hold nobody else's."""
        upper = SHOP.upper()
        _append(
            storage,
            _entry("aud_1", at=1),
            _entry("aud_2", at=2, subject=OTHER),
            _entry("aud_3", at=3, subject=upper),
            _entry("aud_4", at=4),
        )
        assert [one.entry_id for one in _page(storage, subject=SHOP)] == ["aud_4", "aud_1"]
        assert [one.entry_id for one in _page(storage, subject=upper)] == ["aud_3"]
        older = _page(storage, subject=SHOP, before=(4, "aud_4"))
        assert [one.entry_id for one in older] == ["aud_1"]

    def test_audit_an_entry_is_never_replaced(self, storage: Storage) -> None:
        """A second entry with an id conflicts, and the first one stays."""
        _append(storage, _entry())
        with pytest.raises(Conflict):
            _append(storage, _entry(actor="somebody else"))
        assert _page(storage) == [_entry()]

    def test_audit_is_in_the_transaction_of_the_change(self, storage: Storage) -> None:
        """A unit that fails leaves neither; one that commits leaves both."""

        def fail() -> None:
            with storage.writing() as unit:
                unit.connections.add(connection())
                audit_of(unit).append(_entry())
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        assert _page(storage) == []
        with storage.reading() as unit:
            assert unit.connections.all() == []
        add(storage, connection())
        with storage.writing() as unit:
            unit.connections.save(connection(status="disabled"))
            audit_of(unit).append(_entry())
            assert list(audit_of(unit).page(subject=None, before=None, limit=9)) == [_entry()]
        assert _page(storage) == [_entry()]
