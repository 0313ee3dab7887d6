"""What a ledger of spent signatures promises."""

from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["ReplaysContract"]


def spend(storage: Storage, mac: bytes, *, connection: str = SHOP, until: int = 100) -> bool:
    """Spend a signature in a unit of its own."""
    with storage.writing() as unit:
        return unit.replays.spend(mac, connection=connection, until=until)


class ReplaysContract(Contract):
    """The port `ReplayLedger`."""

    def test_replays_a_signature_is_spent_once(self, storage: Storage) -> None:
        """The second time is told, also within one unit; any bytes are a signature."""
        mac = bytes(range(32))
        assert spend(storage, mac)
        assert not spend(storage, mac, until=999)
        with storage.writing() as unit:
            assert unit.replays.spend(b"\x00" * 32, connection=SHOP, until=1)
            assert not unit.replays.spend(b"\x00" * 32, connection=SHOP, until=1)

    def test_replays_connections_spend_for_themselves(self, storage: Storage) -> None:
        """The same bytes under another connection are another signature."""
        assert spend(storage, b"m" * 32)
        assert spend(storage, b"m" * 32, connection=OTHER)
        assert spend(storage, b"M" * 32)
        assert spend(storage, b"m" * 31 + b" ")

    def test_replays_times_are_milliseconds(self, storage: Storage) -> None:
        """A signature is kept until its millisecond of today, and not one longer."""
        assert spend(storage, b"m" * 32, until=NOW)
        with storage.writing() as unit:
            assert unit.replays.purge(before=NOW, limit=9) == 0
            assert unit.replays.purge(before=NOW + 1, limit=9) == 1

    def test_replays_purge_is_bounded(self, storage: Storage) -> None:
        """The oldest go first, up to the limit; what is still kept stays spent."""
        for until in (3, 1, 2, 10):
            spend(storage, bytes([until]) * 32, until=until)
        with storage.writing() as unit:
            assert unit.replays.purge(before=10, limit=2) == 2
            assert not unit.replays.spend(bytes([3]) * 32, connection=SHOP, until=3)
            assert unit.replays.purge(before=10, limit=5) == 1
            assert unit.replays.purge(before=10, limit=5) == 0
        assert spend(storage, bytes([1]) * 32)
        assert not spend(storage, bytes([10]) * 32)
