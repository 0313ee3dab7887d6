"""One typed object of settings: argument > environment > `orderflow-bridge.toml` > default."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.operator import SettledOperator
from orderflow_bridge.domain.pricing import Rounding, ShippingRate, TaxRate

__all__ = ["KEYS_FILE", "SETTINGS_FILE", "Settings"]

SETTINGS_FILE = "orderflow-bridge.toml"
KEYS_FILE = "orderflow-bridge.keys"
_PREFIX = "ORDERFLOW_BRIDGE_"
_DAY = 86_400
_OF_OTHERS = 0o077
# Tables do not fit into a variable; the other two are a storefront's.
_TABLES = {f"{_PREFIX}SHIPPING", f"{_PREFIX}TAX", f"{_PREFIX}OPERATORS"}
_OTHERS = {f"{_PREFIX}CLIENT_ID", f"{_PREFIX}SECRET"}

# Whatever is neither a number nor one of these may hold a key, a password or a person.
_SHOWN = {
    "home", "trusted_proxies", "client_address_header", "rounding", "shipping", "tax",
    "sqlite_synchronous",
}  # fmt: skip

_Positive = Annotated[int, Meta(ge=1)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set; durations in seconds, sizes in bytes.

    `master_keys` is the ring `id:key,id:key`; where it is empty, the file `orderflow-bridge.keys`
    in `home` is read. `trusted_proxies` are addresses, CIDR ranges and the word `unix`, whose
    `client_address_header` is believed; under WSGI only where `header_aliases_dropped` says that
    no header with an underscore in its name arrives. `payment_hold` 0 never cancels an unpaid
    order, `rate_ledger` is the URL of a Redis that counts the writes of a minute in place of the
    storage. `operators` may sign in to the console with a password, for `session_lifetime` at most.
    `max_writes_per_minute`, `max_spent_signatures` and `max_stored_answers` 0 limit no connection,
    `journal_rows` 0 keeps no journal of requests.

    `repr` shows numbers and a few harmless texts: what reports an error often shows every variable.
    """

    database: str = "sqlite:///orderflow-bridge.db"
    master_keys: str = ""
    home: str = "."
    max_body: Annotated[int, Meta(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    max_window: Annotated[int, Meta(ge=1, le=3600)] = 300
    trusted_proxies: tuple[str, ...] = ()
    client_address_header: str = ""
    header_aliases_dropped: bool = False
    payment_hold: Annotated[int, Meta(ge=0)] = _DAY
    conversion_lease: _Positive = 120
    idempotency_lifetime: _Positive = _DAY
    cart_lifetime: _Positive = 90 * _DAY
    cart_retention: Annotated[int, Meta(ge=0)] = 90 * _DAY
    max_lines: _Positive = 2_000
    max_writes_per_minute: Annotated[int, Meta(ge=0)] = 0
    rate_ledger: str = ""
    max_spent_signatures: Annotated[int, Meta(ge=0)] = 100_000
    max_stored_answers: Annotated[int, Meta(ge=0)] = 500_000
    journal_days: _Positive = 14
    journal_rows: Annotated[int, Meta(ge=0)] = 2_000
    max_quantity: Annotated[int, Meta(ge=1, le=2**53 - 1)] = 999_999
    prices_include_tax: bool = False
    rounding: Rounding = "half_even"
    shipping: tuple[ShippingRate, ...] = ()
    tax: tuple[TaxRate, ...] = ()
    operators: tuple[SettledOperator, ...] = ()
    session_lifetime: _Positive = 8 * 3600
    sqlite_synchronous: Literal["FULL", "NORMAL"] = "FULL"
    pool_size: Annotated[int, Meta(ge=1, le=1000)] = 16
    pool_timeout: Annotated[float, Meta(gt=0)] = 10.0

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Settings({shown}, ...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # A Struct has one of its own, with every field.
        return [
            (name, value)
            for name, value in msgspec.structs.asdict(self).items()
            if name in _SHOWN or isinstance(value, int | float)
        ]

    @classmethod
    def load(
        cls,
        *,
        home: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        **arguments: object,
    ) -> "Settings":
        """Read the settings; `arguments` that are None count as not given.

        `home` is the folder of `orderflow-bridge.toml`, by default `ORDERFLOW_BRIDGE_HOME`, else
        the current one. A relative SQLite path in the environment or the file starts there. Lists
        in the environment are separated by commas; the tables are only in the file. Raises
        `ConfigurationError` that names the setting, never its value, and where the file holds
        `master_keys` and others can read it.
        """
        environ = os.environ if environ is None else environ
        folder = Path(home or environ.get(_PREFIX + "HOME") or ".").absolute()
        values = _from_file(folder / SETTINGS_FILE) | _from_environment(cls, environ)
        database = values.get("database")
        if isinstance(database, str) or database is None:
            values["database"] = _anchored(database or "sqlite:///orderflow-bridge.db", folder)
        values |= {name: value for name, value in arguments.items() if value is not None}
        values["home"] = str(folder)
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise ConfigurationError(
                f"A setting is wrong: {_without_value(str(error))}. See {SETTINGS_FILE} in"
                f" {folder} and the variables {_PREFIX}*."
            ) from None


def _without_value(message: str) -> str:
    """Say what is wrong with which setting, without the value."""
    what, _, place = message.partition(" - at `$.")
    name = place.rstrip("`") or "the settings"
    if what.startswith("Invalid enum value"):
        what = "is not one of the values there are"
    elif "matching regex" in what:
        what = "is not written as it should be"
    return f"`{name}`: {what}"


def _from_file(path: Path) -> dict[str, Any]:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    # Even where another ring counts: one that is not used here may be used elsewhere.
    if values.get("master_keys") and os.name == "posix" and mode & _OF_OTHERS:
        raise ConfigurationError(
            f"Others can read the `master_keys` in {path}: run `chmod 600 {path}`, or take them"
            " out."
        )
    return values


def _from_environment(cls: type[Settings], environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    fields = msgspec.structs.fields(cls)
    known = {_PREFIX + field.name.upper() for field in fields} - _TABLES
    for name in environ:
        if name.startswith(_PREFIX) and name not in known | _OTHERS:
            raise ConfigurationError(
                f"There is no setting {name} in the environment: correct its name"
                + (f", or write it into {SETTINGS_FILE}." if name in _TABLES else ".")
            )
    for field in fields:
        value = environ.get(_PREFIX + field.name.upper())
        if not value or field.name == "home":
            continue
        if field.name == "trusted_proxies":
            found[field.name] = [part.strip() for part in value.split(",") if part.strip()]
        else:
            found[field.name] = value
    return found


def _anchored(database: str, folder: Path) -> str:
    scheme, separator, path = database.partition(":///")
    # A plugin's own scheme may stand before it, and a driver behind it.
    if "sqlite" not in scheme.split("+") or not separator or path.startswith(("/", ":")):
        return database
    return f"{scheme}:///{folder / path}"
