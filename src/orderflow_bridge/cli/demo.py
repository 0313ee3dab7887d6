"""`demo`: a shop, a bridge and a storefront on this machine, in one command."""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.actor import login
from orderflow_bridge.cli.init import set_up
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import Output, counted, program
from orderflow_bridge.cli.sample import CATALOGUE
from orderflow_bridge.cli.sending import Target, sign_request
from orderflow_bridge.cli.serving import (
    CONSOLE,
    MOUNT,
    DevelopmentServer,
    has_console,
    site,
    until_told_to_stop,
)
from orderflow_bridge.cli.signing import as_curl
from orderflow_bridge.cli.storefront import Storefront
from orderflow_bridge.connections import Credentials
from orderflow_bridge.domain.connection import PRESETS
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.settings import Settings

__all__ = ["demo"]

_HOST = "127.0.0.1"
_THREADS = 8
_WINDOW = 300
_INTENT = "pi_demo_1"


class _Shop(Struct, frozen=True):
    """The running demo."""

    folder: Path
    bridge: Bridge
    server: DevelopmentServer
    credentials: Credentials


@click.command(cls=Command, short_help="Show a whole purchase over real HTTP.")
@click.option("--once", is_flag=True, help="Stop when the story is told, instead of serving on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="A new or empty folder for it; by default a temporary one. It stays afterwards.",
)
@click.pass_obj
def demo(invocation: Invocation, *, once: bool, port: int, folder: Path | None) -> None:
    """Show a whole purchase: a fresh shop, a signed storefront over real HTTP, a paid order.

    Needs nothing but this command and touches nothing outside its folder. It ends with a client
    id, a secret and a signed curl that works, and serves until Ctrl-C.
    """
    if invocation.hosted is not None:
        invocation.output.note("A shop of its own, in a folder: the site's bridge is not touched.")
    if invocation.home is not None or invocation.database is not None:
        raise click.UsageError(
            "The demo makes a shop of its own: no --home and no --database, but --folder."
        )
    output = invocation.output
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="orderflow-bridge-demo-"))
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty. Choose another --folder.")
    with until_told_to_stop() as stop, _open_shop(folder.absolute(), port, output) as shop:
        _tell_story(shop, output, once=once)
        if not once:
            output.note("\nServing on; Ctrl-C stops.")
            stop.wait()
            output.note("Stopped.")


@contextmanager
def _open_shop(folder: Path, port: int, output: Output) -> Iterator[_Shop]:
    """Set the shop up in `folder`, whatever the environment says, and serve it."""
    output.tell(f"1. A shop, fresh in {folder}")
    set_up(folder, with_tables=True)
    catalogue = folder / "catalogue.csv"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    with Bridge.open(settings=Settings.load(home=folder, environ={})) as bridge:
        report = bridge.catalogue.import_csv(catalogue)
        output.tell(f"  Imported {counted(report.imported, 'product')} from {catalogue.name}")
        credentials = bridge.connections.create(
            "Demo storefront", scopes=PRESETS["storefront"], window=_WINDOW, currency="GBP"
        )
        output.tell(f"  Made the connection {credentials.connection.client_id}")
        try:
            server = DevelopmentServer(
                site(bridge, with_console=has_console(bridge)),
                host=_HOST,
                port=port,
                threads=_THREADS,
                quiet=True,
            )
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on port {port}: {error.strerror}. Choose another --port."
            ) from None
        with server.running():
            output.tell(f"  Serving a small site at {server.url}, the bridge at {MOUNT}")
            yield _Shop(folder, bridge, server, credentials)


def _tell_story(shop: _Shop, output: Output, *, once: bool) -> None:
    client_id, secret = shop.credentials.connection.client_id, shop.credentials.secret
    target = Target.of(shop.server.url, mount=MOUNT)
    storefront = Storefront(target, client_id=client_id, secret=secret, tell=output.tell)
    output.tell("\n2. A storefront, over HTTP, every request signed")
    cart = storefront.fill_cart()
    order = storefront.place_order(cart, intent=_INTENT)
    output.tell("\n3. The money arrives: the site tells the bridge from its payment callback")
    total, currency = order["totals"]["total"], order["currency"]
    output.tell(f'    bridge.settle("{_INTENT}", amount={total}, currency="{currency}")')
    shop.bridge.settle(_INTENT, amount=total, currency=currency)
    order = storefront.look_at_order(order)
    line = as_curl(
        target,
        sign_request(
            client_id=client_id, secret=secret, action="orders.list", body=b'{"limit":5}', key=None
        ),
    )
    url = shop.server.url
    ofb, home = program(), f"--home {shlex.quote(str(shop.folder))}"
    again = f"{ofb} serve --port {shop.server.server_port} {home}"
    head = (
        "\n4. Your turn\n"
        f"  order      {order['number']}, {order['status']},"
        f" {format_price(total, currency)} {currency}\n"
    )
    link = None if once else _link(shop)
    bridge = "" if once else f"  bridge     {url}{MOUNT}\n"
    if link is not None:
        bridge += f"  console    {link}\n             (signs you in, once, within ten minutes)\n"
    credentials = f"  client id  {client_id}\n  secret     {secret}\n"
    way_in = (
        f"\n  Its console is at {url}{CONSOLE} then. A link that signs you in:\n"
        f"  {ofb} console link --url {url}{CONSOLE} {home}\n"
        if has_console(shop.bridge)
        else ""
    )
    minutes = f"for {_WINDOW // 60} minutes"
    served = (
        "\n  The server ends now; without --once it serves on. To serve this shop again:\n"
        f"  {again}\n{way_in}\n  A signed request, which needs that server, {minutes}:\n\n{line}\n"
        if once
        else f"\n  While it serves, and {minutes}:\n\n{line}\n"
    )
    later = (
        "\n  Without a server, at any time:\n"
        if once
        else "\n  A new one, or without a server, at any time:\n"
        f"  {ofb} curl orders.list --url {url} {home}\n"
    )
    output.show(
        {
            "order_id": order["order_id"],
            "number": order["number"],
            "status": order["status"],
            "total": total,
            "currency": currency,
            "client_id": client_id,
            "secret": secret,
            "serving": not once,
            "url": None if once else url,
            "bridge": None if once else url + MOUNT,
            "console": link,
            "folder": str(shop.folder),
            "curl": line,
            "serve": again,
        },
        f"{head}{bridge}{credentials}{served}{later}"
        f"  {ofb} request orders.list {home}\n"
        f"  {ofb} orders list {home}",
    )


def _link(shop: _Shop) -> str | None:
    """Make the way into the console; None where its package is not installed."""
    if not has_console(shop.bridge):
        return None
    token = shop.bridge.sign_ins.offer_link(login(), "admin", actor=login())
    return f"{shop.server.url}{CONSOLE}/sign-in/link?token={token}"
