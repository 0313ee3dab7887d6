"""What an operator does with inbound connections: create, rotate, allow, disable, reveal."""

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.audit import UNKNOWN, Audit
from orderflow_bridge.domain.connection import SCOPES, Connection, Issue, Status
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.money import CURRENCIES
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.ports import Clock, Entropy, Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.security.network import parse_allow_list
from orderflow_bridge.security.secrets import NONCE_BYTES, MasterKeyRing
from orderflow_bridge.settings import Settings
from orderflow_bridge.transactions import transact

__all__ = ["Connections", "Credentials", "Office", "warnings_of"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_CLIENT_ID_BYTES = 16
_NAME_LENGTH = 100
_CHANNEL = re.compile(r"\A[a-z0-9][a-z0-9-]{0,39}\Z")
_CARD = "holds what looks like a card number"


class Credentials(Struct, frozen=True, kw_only=True):
    """A connection and its current secret; `warnings` say what an operator should look at."""

    connection: Connection
    secret: str
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credentials({self.connection.client_id!r}, secret=...)"


class Office(Struct, frozen=True, kw_only=True):
    """What operators work with: where things are kept, the keys, and the audit of what they do."""

    storage: Storage
    keys: MasterKeyRing
    clock: Clock
    entropy: Entropy
    settings: Settings
    audit: Audit


class Connections:
    """The inbound connections of one storage; secrets are derived, never stored (protocol §1).

    What changes one, or shows its secret, is told to the audit in the same transaction; `actor` is
    the person who did it, as the audit names them.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def create(
        self,
        name: str,
        *,
        scopes: Iterable[str],
        channel: str | None = None,
        allow: Iterable[str] = (),
        window: int = 60,
        currency: str | None = None,
        status: Status = "enabled",
        actor: str = UNKNOWN,
        once: str | None = None,
    ) -> Credentials:
        """Make a connection, and give its secret; one made disabled lets nobody in yet.

        `channel` is by default made from the name. `allow` are addresses and CIDR ranges, `window`
        is in seconds, `currency` the default of its carts. `once` is a text that nobody can guess
        and nobody uses twice: who calls again with it, in whatever process, makes nothing, and
        is given the connection that there is. Raises `BridgeError` `invalid_request` that says
        what to correct.
        """
        now = self._office.clock.now()
        connection = Connection(
            client_id=_client_id(
                self._office.entropy.token(_CLIENT_ID_BYTES)
                if once is None
                else sha256(f"connection\0{once}".encode()).digest()[:_CLIENT_ID_BYTES]
            ),
            name=_checked_name(name),
            channel=_checked_channel(channel if channel is not None else _channel_of(name)),
            status=_checked_status(status),
            scopes=_checked_scopes(scopes),
            allow_list=_checked_allow_list(allow),
            window=self._checked_window(window),
            default_currency=_checked_currency(currency),
            current=self._new_issue(),
            created_at=now,
            updated_at=now,
        )

        def act(unit: Unit) -> Connection:
            # Who is slower than another with the same `once` comes here again after a conflict.
            made = None if once is None else unit.connections.find(connection.client_id)
            if made is None:
                unit.connections.add(connection)
                self._record(unit, "connection.created", actor, None, connection)
            return made or connection

        return self._credentials(transact(self._office.storage, act))

    def find(self, client_id: str) -> Connection:
        """Read one; raises `BridgeError` `not_found`."""
        with self._office.storage.reading() as unit:
            connection = unit.connections.find(client_id)
        return _present(connection)

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        with self._office.storage.reading() as unit:
            return unit.connections.all()

    def enable(self, client_id: str, *, actor: str = UNKNOWN) -> Connection:
        """Let it in again; works at once in every process."""
        return self._set_status(client_id, "enabled", actor)

    def disable(self, client_id: str, *, actor: str = UNKNOWN) -> Connection:
        """Shut it out; works at once in every process."""
        return self._set_status(client_id, "disabled", actor)

    def allow(self, client_id: str, allow: Iterable[str], *, actor: str = UNKNOWN) -> Connection:
        """Replace the allow-list; an empty one allows every address."""
        checked = _checked_allow_list(allow)
        return self._changed(
            client_id,
            lambda connection: replace(connection, allow_list=checked),
            event="connection.allow_list_changed",
            actor=actor,
        )

    def set_window(self, client_id: str, window: int, *, actor: str = UNKNOWN) -> Connection:
        """Replace the replay window, in seconds; works at once in every process."""
        checked = self._checked_window(window)
        return self._changed(
            client_id,
            lambda connection: replace(connection, window=checked),
            event="connection.window_changed",
            actor=actor,
        )

    def set_scopes(
        self, client_id: str, scopes: Iterable[str], *, actor: str = UNKNOWN
    ) -> Connection:
        """Replace what it may do; works at once in every process."""
        checked = _checked_scopes(scopes)
        return self._changed(
            client_id,
            lambda connection: replace(connection, scopes=checked),
            event="connection.scopes_changed",
            actor=actor,
        )

    def rotate(
        self,
        client_id: str,
        *,
        grace: int = 0,
        replace_open_grace: bool = False,
        actor: str = UNKNOWN,
    ) -> Credentials:
        """Issue a new secret; the old one still verifies for `grace` seconds.

        Of three secrets only two verify. While an earlier one is in its grace period this is
        refused with `invalid_request`, unless `replace_open_grace` says that it ends now.
        """
        if grace < 0:
            raise _invalid("grace", "is in seconds, 0 or more")
        issue = self._new_issue()
        now = self._office.clock.now()

        def rotated(connection: Connection) -> Connection:
            open_grace = connection.previous is not None and now < connection.previous_until
            if open_grace and not replace_open_grace:
                raise _open_grace(connection)
            return replace(
                connection,
                current=issue,
                previous=connection.current if grace else None,
                previous_until=now + grace * 1000 if grace else 0,
            )

        return self._credentials(
            self._changed(client_id, rotated, event="connection.rotated", actor=actor)
        )

    def revoke_previous(self, client_id: str, *, actor: str = UNKNOWN) -> Connection:
        """End the grace period of the previous secret now; nothing happens where there is none."""
        return self._changed(
            client_id,
            lambda connection: replace(connection, previous=None, previous_until=0),
            event="connection.previous_secret_revoked",
            actor=actor,
        )

    def reveal(self, client_id: str, *, actor: str = UNKNOWN) -> Credentials:
        """Show the current secret again; the audit has it before the caller does."""

        def act(unit: Unit) -> Credentials:
            credentials = self._credentials(_present(unit.connections.find(client_id)))
            self._office.audit.record(
                unit, "secret.revealed", actor=actor, subject=client_id, details={}
            )
            return credentials

        return transact(self._office.storage, act)

    def warnings(self, connection: Connection) -> tuple[str, ...]:
        """Say what an operator should look at.

        Raises `ConfigurationError` where its master key is not in the ring.
        """
        return self._credentials(connection).warnings

    def _set_status(self, client_id: str, status: Status, actor: str) -> Connection:
        return self._changed(
            client_id,
            lambda connection: replace(connection, status=status),
            event=f"connection.{status}",
            actor=actor,
        )

    def _changed(
        self,
        client_id: str,
        change: Callable[[Connection], Connection],
        *,
        event: str,
        actor: str,
    ) -> Connection:
        def act(unit: Unit) -> Connection:
            connection = _present(unit.connections.lock(client_id))
            changed = replace(change(connection), updated_at=self._office.clock.now())
            unit.connections.save(changed)
            self._record(unit, event, actor, connection, changed)
            return changed

        return transact(self._office.storage, act)

    def _record(
        self, unit: Unit, event: str, actor: str, before: Connection | None, after: Connection
    ) -> None:
        self._office.audit.record(
            unit,
            event,
            actor=actor,
            subject=after.client_id,
            details=_difference(_facts(before) if before else {}, _facts(after)),
        )

    def _credentials(self, connection: Connection) -> Credentials:
        issue = connection.current
        secret = self._office.keys.derive(issue.key_id, connection.client_id, issue.nonce)
        if secret is None:
            raise ConfigurationError(
                f"The master key {issue.key_id!r} that {connection.client_id} was issued with is"
                " not in the ring: put it back, or rotate the connection."
            )
        return Credentials(
            connection=connection,
            secret=secret.decode("ascii"),
            warnings=tuple(_warnings(connection)),
        )

    def _new_issue(self) -> Issue:
        return Issue(
            key_id=self._office.keys.issuing, nonce=self._office.entropy.token(NONCE_BYTES)
        )

    def _checked_window(self, window: int) -> int:
        if not 1 <= window <= self._office.settings.max_window:
            raise _invalid("window", f"is 1 to {self._office.settings.max_window} seconds")
        return window


def warnings_of(connections: Connections, connection: Connection) -> tuple[str, ...]:
    """Say what an operator should look at, and whether its master key is gone."""
    try:
        return connections.warnings(connection)
    except ConfigurationError as error:
        return (str(error),)


def _warnings(connection: Connection) -> Iterable[str]:
    if not connection.allow_list:
        yield "The allow-list is empty: every address may use this connection."
    else:
        yield from parse_allow_list(connection.allow_list).warnings


def _client_id(random: bytes) -> str:
    number = int.from_bytes(random, "big")
    digits = []
    for _ in range(20):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "ofc_" + "".join(digits)


def _facts(connection: Connection) -> dict[str, Any]:
    """Tell what the audit keeps of a connection: nothing that a secret could be made of."""
    return {
        "name": connection.name,
        "channel": connection.channel,
        "status": connection.status,
        "scopes": [scope for scope in SCOPES if scope in connection.scopes],
        "allow_list": list(connection.allow_list),
        "window": connection.window,
        "default_currency": connection.default_currency,
        "master_key": connection.current.key_id,
        "previous_secret_until": connection.previous_until if connection.previous else None,
    }


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"from": before.get(name), "to": value}
        for name, value in after.items()
        if before.get(name) != value
    }


def _present(connection: Connection | None) -> Connection:
    if connection is None:
        raise BridgeError("not_found", "There is no connection with that client id.")
    return connection


def _invalid(name: str, message: str) -> BridgeError:
    return BridgeError(
        "invalid_request",
        f"{name} {message}" + ("" if message.endswith("?") else "."),
        {"errors": [{"path": f"/{name}", "message": message}]},
    )


def _open_grace(connection: Connection) -> BridgeError:
    until = as_utc(connection.previous_until).isoformat(timespec="seconds")
    message = (
        f"The previous secret is in its grace period until {until}, and a rotation would end it"
    )
    return BridgeError(
        "invalid_request", f"{message}.", {"errors": [{"path": "", "message": message}]}
    )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_LENGTH or not name.isprintable():
        raise _invalid("name", f"is 1 to {_NAME_LENGTH} printable characters")
    if is_card(name):
        raise _invalid("name", _CARD)
    return name


def _channel_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "storefront"


def _checked_channel(channel: str) -> str:
    if not _CHANNEL.match(channel):
        raise _invalid("channel", "is 1 to 40 of a-z, 0-9 and -, not beginning with -")
    if is_card(channel):
        raise _invalid("channel", _CARD)
    return channel


def _checked_status(status: Status) -> Status:
    if status not in get_args(Status):
        raise _invalid("status", "is enabled or disabled")
    return status


def _checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise _invalid("scopes", f"are some of {', '.join(SCOPES)}")
    return wanted


def _checked_currency(currency: str | None) -> str | None:
    if currency is not None and currency not in CURRENCIES:
        raise _invalid("currency", "is a code of ISO 4217, such as GBP")
    return currency


def _checked_allow_list(allow: Iterable[str]) -> tuple[str, ...]:
    entries = list(allow)
    try:
        return parse_allow_list(entries).entries
    except ValueError as error:
        # What is no address is quoted, so that an operator finds it; but not this.
        raise _invalid("allow", _CARD if any(map(is_card, entries)) else str(error)) from None
