"""What a journal of requests promises."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from orderflow_bridge.capabilities import journal_of
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["JournalContract", "append", "ids", "request"]


def request(request_id: str = "req_1", **changes: Any) -> JournalEntry:
    """Make an entry with everything set: a conversion that was allowed."""
    values: dict[str, Any] = {
        "request_id": request_id,
        "at": NOW,
        "connection": SHOP,
        "action": "convertToOrder",
        "verdict": "allowed",
        "code": None,
        "status": 200,
        "replayed": False,
        "address": "203.0.113.7",
        "milliseconds": 12,
        "verified": True,
        "headers": {"content-type": "application/json", "x-note": "Zoë \x00 \x7f 'quoted' \"\\"},
        "string_to_sign": "OFB1-HMAC-SHA256\n1800000000\nofc_1\nPOST convertToOrder\nk\nff",
        "body_bytes": 2**31,
        "detail": "",
        "order_id": "ord_1",
        "cart_id": "cart_1",
    }
    return JournalEntry(**values | changes)


def _stranger(request_id: str, **changes: Any) -> JournalEntry:
    """Make the entry of somebody of whom nothing is known."""
    values: dict[str, Any] = {
        "connection": None,
        "action": None,
        "verdict": "refused",
        "code": "signature_invalid",
        "status": 401,
        "address": None,
        "verified": False,
        "headers": {},
        "string_to_sign": None,
        "body_bytes": None,
        "detail": "The signature is not the one of this request. " * 20,
        "order_id": None,
        "cart_id": None,
    }
    return request(request_id, **values | changes)


def append(storage: Storage, *entries: JournalEntry) -> None:
    """Store entries in a unit of their own, all at once."""
    with storage.writing() as unit:
        journal_of(unit).append(entries)


def ids(
    storage: Storage,
    *,
    connection: str | None = None,
    refused: bool | None = None,
    before: tuple[int, str] | None = None,
    limit: int = 9,
) -> list[str]:
    """Give the request ids of a page."""
    with storage.reading() as unit:
        page = journal_of(unit).page(
            connection=connection, refused=refused, before=before, limit=limit
        )
    return [one.request_id for one in page]


def _find(storage: Storage, request_id: str) -> JournalEntry | None:
    with storage.reading() as unit:
        return journal_of(unit).find(request_id)


def _made(storage: Storage, order_id: str) -> str | None:
    with storage.reading() as unit:
        found = journal_of(unit).of_order(order_id)
    return None if found is None else found.request_id


def _purge(storage: Storage, *, before: int, limit: int) -> int:
    with storage.writing() as unit:
        return journal_of(unit).purge(before=before, limit=limit)


def _trim(storage: Storage, connection: str | None, *, keep: int, limit: int = 99) -> int:
    with storage.writing() as unit:
        return journal_of(unit).trim(connection, keep=keep, limit=limit)


class JournalContract(Contract):
    """The capability `journal`: the port `Journal`."""

    needs: ClassVar[Capability | None] = "journal"

    def test_journal_round_trip(self, storage: Storage) -> None:
        """An entry comes back as it was: any letters, nothing, and large numbers."""
        entries = [request("req_2"), _stranger("req_1"), request("req_0", replayed=True)]
        append(storage, *entries)
        assert [_find(storage, one.request_id) for one in entries] == entries
        with storage.reading() as unit:
            page = journal_of(unit).page(connection=None, refused=None, before=None, limit=9)
        assert list(page) == sorted(entries, key=lambda one: one.request_id, reverse=True)
        assert _find(storage, "req_3") is None

    def test_journal_takes_a_batch(self, storage: Storage) -> None:
        """A thousand at once, and none at all."""
        append(storage)
        append(storage, *(request(f"req_{n:04}", at=NOW + n) for n in range(1_000)))
        assert ids(storage, limit=1_001) == [f"req_{n:04}" for n in reversed(range(1_000))]

    def test_journal_an_entry_is_never_replaced(self, storage: Storage) -> None:
        """An id that is there is skipped, in the same batch too; the rest of it is stored."""
        append(storage, request("req_1"))
        append(
            storage,
            request("req_2"),
            request("req_1", status=500),
            request("req_3", status=201),
            request("req_3", status=500),
        )
        assert ids(storage) == ["req_3", "req_2", "req_1"]
        assert _find(storage, "req_1") == request("req_1")
        third = _find(storage, "req_3")
        assert third is not None
        assert third.status == 201

    def test_journal_ids_compare_as_bytes(self, storage: Storage) -> None:
        """Upper case and lower case are two requests, two orders and two connections."""
        append(storage, request("req_a", order_id="ord_a"), request("req_A", order_id="ord_A"))
        assert ids(storage) == ["req_a", "req_A"]
        assert [_made(storage, "ord_a"), _made(storage, "ord_A")] == ["req_a", "req_A"]
        assert ids(storage, connection=SHOP.upper()) == []
        assert _trim(storage, SHOP.upper(), keep=0) == 0

    def test_journal_pages_are_newest_first(self, storage: Storage) -> None:
        """By time and then by id, and each page goes on where the one before it ended."""
        entries = [request(f"req_{n}", at=NOW + n // 2) for n in (3, 0, 4, 1, 2)]
        append(storage, *entries)
        seen: list[JournalEntry] = []
        # One page more than there is: a storage that goes round in a circle ends too.
        for _ in range(len(entries)):
            last = (seen[-1].at, seen[-1].request_id) if seen else None
            with storage.reading() as unit:
                page = journal_of(unit).page(connection=None, refused=None, before=last, limit=2)
            assert len(page) <= 2
            seen += page
        assert seen == sorted(entries, key=lambda one: (one.at, one.request_id), reverse=True)

    def test_journal_pages_of_a_connection_and_a_verdict(self, storage: Storage) -> None:
        """Each restricts the page and both together do, over every connection and none."""
        append(
            storage,
            request("req_1", at=NOW + 1),
            request("req_2", at=NOW + 2, connection=OTHER),
            _stranger("req_3", at=NOW + 3),
            _stranger("req_4", at=NOW + 4, connection=SHOP),
            request("req_5", at=NOW + 5),
            _stranger("req_6", at=NOW + 6, connection=OTHER),
        )
        assert ids(storage) == ["req_6", "req_5", "req_4", "req_3", "req_2", "req_1"]
        assert ids(storage, connection=SHOP) == ["req_5", "req_4", "req_1"]
        assert ids(storage, refused=True) == ["req_6", "req_4", "req_3"]
        assert ids(storage, refused=False) == ["req_5", "req_2", "req_1"]
        assert ids(storage, connection=SHOP, refused=True) == ["req_4"]
        assert ids(storage, connection=SHOP, refused=False) == ["req_5", "req_1"]
        older = (NOW + 5, "req_5")
        assert ids(storage, refused=True, before=older, limit=1) == ["req_4"]
        assert ids(storage, connection=SHOP, before=older, limit=1) == ["req_4"]
        assert ids(storage, refused=False, before=older, limit=1) == ["req_2"]
        assert ids(storage, connection=SHOP, refused=False, before=older, limit=1) == ["req_1"]

    def test_journal_of_an_order(self, storage: Storage) -> None:
        """The request that made it, not one that was refused, replayed or only about it."""
        append(
            storage,
            request("req_1", at=NOW + 4),
            request("req_2", at=NOW + 5),
            request("req_3", at=NOW + 3, replayed=True),
            request("req_4", at=NOW + 1, action="orders.get"),
            _stranger("req_5", at=NOW + 2, action="convertToOrder", order_id="ord_1"),
            request("req_6", order_id="ord_2"),
            request("req_7", order_id=None),
        )
        assert _made(storage, "ord_1") == "req_1"
        assert _made(storage, "ord_2") == "req_6"
        assert _made(storage, "ord_3") is None

    def test_journal_purge_is_bounded(self, storage: Storage) -> None:
        """Those that arrived before, the earliest first, and no more than so many."""
        verdicts = {0: _stranger, 1: request, 2: _stranger, 3: request}
        append(storage, *(make(f"req_{n}", at=NOW + n) for n, make in verdicts.items()))
        assert _purge(storage, before=NOW, limit=9) == 0
        assert _purge(storage, before=NOW + 3, limit=2) == 2
        assert ids(storage) == ["req_3", "req_2"]
        assert _purge(storage, before=NOW + 3, limit=2) == 1
        assert _purge(storage, before=NOW + 3, limit=2) == 0
        assert ids(storage) == ["req_3"]

    def test_journal_trim_keeps_the_newest(self, storage: Storage) -> None:
        """Of one connection, or of none; the earliest go first, and no more than so many."""
        makers: Sequence[tuple[str, str | None]] = [("s", SHOP), ("o", OTHER), ("n", None)]
        for name, connection in makers:
            append(
                storage,
                *(
                    request(f"req_{name}{n}", at=NOW + n // 2, connection=connection)
                    for n in range(5)
                ),
            )
        assert _trim(storage, SHOP, keep=5) == 0
        assert _trim(storage, SHOP, keep=2, limit=2) == 2
        assert ids(storage, connection=SHOP) == ["req_s4", "req_s3", "req_s2"]
        assert _trim(storage, SHOP, keep=2, limit=2) == 1
        assert _trim(storage, SHOP, keep=2) == 0
        assert _trim(storage, None, keep=1) == 4
        assert _trim(storage, OTHER, keep=0) == 5
        assert ids(storage, limit=99) == ["req_s4", "req_n4", "req_s3"]

    def test_journal_is_in_its_unit(self, storage: Storage) -> None:
        """A unit reads what it did itself, and one that fails leaves nothing of it."""
        append(storage, request("req_1", at=NOW - 2), request("req_2", at=NOW - 1))

        def fail() -> None:
            with storage.writing() as unit:
                journal = journal_of(unit)
                journal.append([request("req_3"), request("req_4")])
                assert journal.find("req_3") == request("req_3")
                assert journal.purge(before=NOW - 1, limit=9) == 1
                assert journal.trim(SHOP, keep=1, limit=9) == 2
                page = journal.page(connection=SHOP, refused=None, before=None, limit=9)
                assert [one.request_id for one in page] == ["req_4"]
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        assert ids(storage) == ["req_2", "req_1"]
