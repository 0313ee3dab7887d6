"""What an operator does with the master keys: see what they serve, add one, retire one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from orderflow_bridge.audit import UNKNOWN
from orderflow_bridge.connections import Office
from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.keys import add_to_file, keys_file, new_key, read_ring, remove_from_file
from orderflow_bridge.security.secrets import NONCE_BYTES
from orderflow_bridge.transactions import transact

__all__ = ["KeyUse", "MasterKeys", "NewKey"]


class KeyUse(Struct, frozen=True, kw_only=True):
    """A master key, and the client ids whose live secrets derive from it.

    `current` are connections by their current secret, `in_grace` by one that is in its grace
    period. `in_ring` is False for a key that some connection needs and that is not there.
    """

    key_id: str
    issues: bool
    in_ring: bool
    current: tuple[str, ...]
    in_grace: tuple[str, ...]


class NewKey(Struct, frozen=True, kw_only=True):
    """A key that was made; `file` is where it stands now.

    Where the ring stands in the settings of a site or in its environment, `file` is None, nothing
    was changed, and `entry` is to be put in front of the ring there.
    """

    key_id: str
    file: Path | None
    entry: str = ""

    def __repr__(self) -> str:
        return f"NewKey({self.key_id!r}, file={self.file!r})"


class MasterKeys:
    """The ring that this process read when it started, and where it is kept.

    A change counts for processes that start after it: each reads the ring once. The audit has an
    entry before the file changes: `actor` is the person who did it, as the audit names them.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def all(self) -> Sequence[KeyUse]:
        """Give the keys of the ring, the one that issues first, then those that are missed."""
        now = self._office.clock.now()
        with self._office.storage.reading() as unit:
            connections = unit.connections.all()
        in_ring = self._office.keys.ids
        missed = sorted(
            {issue.key_id for one in connections for issue in _live(one, now)}.difference(in_ring)
        )
        return [self._use(key_id, connections, now) for key_id in (*in_ring, *missed)]

    def console_key(self) -> bytes:
        """Derive what the console proves its own cookies with: another key, another proof.

        No connection can share it, since every client id begins with `ofc_`.
        """
        derived = self._office.keys.derive(self._office.keys.issuing, "console", bytes(NONCE_BYTES))
        return derived or b""

    def file(self) -> Path | None:
        """Tell which file this ring was read from; None where it came another way."""
        path = keys_file(self._office.settings)
        try:
            ours = (
                path is not None and read_ring(self._office.settings).ids == self._office.keys.ids
            )
        except ConfigurationError:
            return None
        return path if ours else None

    def rotate(self, *, actor: str = UNKNOWN) -> NewKey:
        """Make a new key that issues; those that were there stay, and no secret changes.

        Raises `ConfigurationError` where the file is being changed by another process.
        """
        entry = new_key(self._office.entropy)
        key_id, path = entry.partition(":")[0], self.file()
        if path is None:
            self._record("master_key.offered", actor, key_id)
            return NewKey(key_id=key_id, file=None, entry=entry)
        self._record("master_key.added", actor, key_id)
        add_to_file(path, entry)
        return NewKey(key_id=key_id, file=path)

    def retire(self, key_id: str, *, actor: str = UNKNOWN) -> Path | None:
        """Take a key out of the ring file, and tell which; None where the ring is elsewhere.

        Refused with `invalid_request` while the key issues, and while a live secret derives from it
        (`connections` names whose). Raises `BridgeError` `not_found` for a key that is not there.
        """
        if key_id not in self._office.keys.ids:
            raise BridgeError("not_found", "There is no master key with that id in the ring.")
        found = next(use for use in self.all() if use.key_id == key_id)
        if found.issues:
            raise BridgeError(
                "invalid_request", "New secrets come from this key: make another one issue first."
            )
        needed_by = (*found.current, *found.in_grace)
        if needed_by:
            raise BridgeError(
                "invalid_request",
                f"Live secrets derive from this key, those of {', '.join(needed_by)}: rotate them,"
                " and let the grace periods end.",
                {"connections": list(needed_by)},
            )
        path = self.file()
        if path is not None:
            self._record("master_key.retired", actor, key_id)
            remove_from_file(path, key_id)
        return path

    def _record(self, event: str, actor: str, key_id: str) -> None:
        transact(
            self._office.storage,
            lambda unit: self._office.audit.record(
                unit, event, actor=actor, subject=key_id, details={}
            ),
        )

    def _use(self, key_id: str, connections: Iterable[Connection], now: int) -> KeyUse:
        current, in_grace = [], []
        for one in connections:
            if one.current.key_id == key_id:
                current.append(one.client_id)
            elif any(issue.key_id == key_id for issue in _live(one, now)):
                in_grace.append(one.client_id)
        return KeyUse(
            key_id=key_id,
            issues=key_id == self._office.keys.issuing,
            in_ring=key_id in self._office.keys.ids,
            current=tuple(current),
            in_grace=tuple(in_grace),
        )


def _live(connection: Connection, now: int) -> Iterable[Issue]:
    """Give what the secrets derive from that still verify."""
    yield connection.current
    if connection.previous is not None and now < connection.previous_until:
        yield connection.previous
