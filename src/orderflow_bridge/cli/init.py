"""`init`: a working configuration in an empty folder."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.keys import new_key, write_keys_file
from orderflow_bridge.settings import KEYS_FILE, SETTINGS_FILE, Settings
from orderflow_bridge.system import SystemEntropy

__all__ = ["DEFAULT_DATABASE", "init", "set_up", "write_new_keys"]

DEFAULT_DATABASE = "sqlite:///orderflow-bridge.db"

_PRIVATE, _PUBLIC = 0o600, 0o644

_SETTINGS = """\
# Settings of orderflow-bridge. An ORDERFLOW_BRIDGE_* variable wins over this file.
# The master keys stand in {keys_file} beside it: keep them out of version control, back
# them up apart from the database, and never use them in a second environment.

# A relative SQLite path starts in this folder.
# Others: "postgresql://user:password@host/name", "mariadb://user:password@host/name".
database = {database}

# Prices in the catalogue contain their tax already.
# prices_include_tax = true

# Seconds after which an unpaid order is cancelled; 0 never cancels one.
# payment_hold = 86400

# Behind a reverse proxy: whose word about the client's address counts, and in which header.
# Addresses of a connection's allow-list are compared with that address.
# trusted_proxies = ["127.0.0.1", "10.0.0.5"]
# client_address_header = "X-Forwarded-For"
# Under WSGI only: the proxy, or the server, drops header names with underscores.
# header_aliases_dropped = true

# The ways to ship. Prices in minor units by currency (495 is 4.95 GBP); without `countries` a way
# goes everywhere; from `free_from` it costs nothing.
{shipping}
# The tax rates, in per cent. The most specific row wins: without `country` or `region` it is for
# any. Products name a `tax_class`; "shipping" is the one of shipping itself.
{tax}"""

_SHIPPING = """\
[[shipping]]
method = "standard"
name = "Standard delivery"
prices = { GBP = 495, EUR = 595 }
free_from = { GBP = 5000, EUR = 6000 }

[[shipping]]
method = "express"
name = "Next working day"
prices = { GBP = 995 }
countries = ["GB"]
"""

_TAX = """\
[[tax]]
rate = "20"
country = "GB"

[[tax]]
rate = "0"
country = "GB"
tax_class = "books"

[[tax]]
rate = "20"
country = "GB"
tax_class = "shipping"
"""


def set_up(folder: Path, *, database: str = DEFAULT_DATABASE, with_tables: bool = False) -> None:
    """Write the settings and a new master key into `folder`, and create the database's schema.

    `with_tables` makes the example tables of shipping and tax count. Nothing is overwritten.
    Raises `ConfigurationError` where there is a configuration already, and `StorageUnavailable`,
    before anything is written, where the database cannot be reached.
    """
    _refuse_overwriting(folder, SETTINGS_FILE, KEYS_FILE)
    ring = new_key(SystemEntropy())
    # As every later command will read it: a relative SQLite path starts in the folder.
    environ = {"ORDERFLOW_BRIDGE_DATABASE": database}
    with Bridge.open(settings=Settings.load(home=folder, environ=environ, master_keys=ring)) as new:
        new.migrate()
    write_keys_file(folder / KEYS_FILE, ring)
    text = _SETTINGS.format(
        keys_file=KEYS_FILE,
        database=_quoted(database),
        shipping=_SHIPPING if with_tables else _commented(_SHIPPING),
        tax=_TAX if with_tables else _commented(_TAX),
    )
    mode = _PRIVATE if _has_password(database) else _PUBLIC
    descriptor = os.open(folder / SETTINGS_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def write_new_keys(folder: Path) -> None:
    """Write a new master key into `folder`, and nothing else; raises `ConfigurationError`."""
    _refuse_overwriting(folder, KEYS_FILE)
    write_keys_file(folder / KEYS_FILE, new_key(SystemEntropy()))


def _refuse_overwriting(folder: Path, *names: str) -> None:
    for name in names:
        if (folder / name).exists():
            raise ConfigurationError(
                f"{folder / name} is there already; nothing was changed. Choose another folder"
                " with --home, or move it away."
            )
    folder.mkdir(parents=True, exist_ok=True)


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves as it is.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _has_password(database: str) -> bool:
    try:
        return urlsplit(database).password is not None
    except ValueError:
        return True


@click.command(cls=Command, short_help="Make a working configuration in a folder.")
@click.option(
    "--keys-only",
    is_flag=True,
    help="Write only the keys: for a site that keeps everything in a storage of its own.",
)
@click.pass_obj
def init(invocation: Invocation, *, keys_only: bool) -> None:
    """Make a working configuration in the current folder, or in --home.

    Writes orderflow-bridge.toml and orderflow-bridge.keys (a new master key that only you can
    read) and creates the schema in a SQLite file, or in --database URL. Every other command and
    Bridge.open() started in that folder find them. Overwrites nothing.
    """
    if invocation.hosted is not None:
        raise click.UsageError(
            "A site's bridge has its settings in the site; nothing was written. For its keys:"
            " orderflow-bridge init --keys-only"
        )
    folder = (invocation.home or Path(os.environ.get("ORDERFLOW_BRIDGE_HOME") or ".")).absolute()
    if keys_only:
        if invocation.database is not None:
            raise click.UsageError("--keys-only looks at no database.")
        write_new_keys(folder)
        keys = str(folder / KEYS_FILE)
        invocation.output.show({"home": str(folder), "written": [keys]}, keys)
        return
    set_up(folder, database=invocation.database or DEFAULT_DATABASE)
    for name in ("ORDERFLOW_BRIDGE_DATABASE", "ORDERFLOW_BRIDGE_MASTER_KEYS"):
        if os.environ.get(name):
            invocation.output.warn(f"{name} is set, and wins over the files written now.")
    written = [str(folder / SETTINGS_FILE), str(folder / KEYS_FILE)]
    invocation.output.show({"home": str(folder), "written": written}, "\n".join(written))
    invocation.output.note(
        "Next:\n"
        '  orderflow-bridge connections create "Storefront" --scopes storefront --currency GBP\n'
        "  orderflow-bridge catalogue import products.csv --currency GBP\n"
        "  orderflow-bridge serve\n"
        "  orderflow-bridge console link     # the way into the console of the running server\n"
        "  orderflow-bridge doctor"
    )
