"""`demo`: a shop, a bridge and a storefront on this machine, in one command."""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.connections import STOREFRONT_SCOPES
from orderflow_bridge.cli.init import set_up
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import Output
from orderflow_bridge.cli.sample import CATALOGUE
from orderflow_bridge.cli.sending import Target, sign_request
from orderflow_bridge.cli.serving import MOUNT, DevelopmentServer, site, until_told_to_stop
from orderflow_bridge.cli.signing import as_curl
from orderflow_bridge.cli.storefront import Storefront
from orderflow_bridge.connections import Credentials
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
    output = invocation.output
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="orderflow-bridge-demo-"))
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty. Choose another --folder.")
    with until_told_to_stop() as stop, _open_shop(folder.absolute(), port, output) as shop:
        _tell_story(shop, output)
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
        output.tell(f"  Imported {report.imported} products from {catalogue.name}")
        credentials = bridge.connections.create(
            "Demo storefront", scopes=STOREFRONT_SCOPES, window=_WINDOW, currency="GBP"
        )
        output.tell(f"  Made the connection {credentials.connection.client_id}")
        try:
            server = DevelopmentServer(
                site(bridge), host=_HOST, port=port, threads=_THREADS, quiet=True
            )
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on port {port}: {error.strerror}. Choose another --port."
            ) from None
        with server.running():
            output.tell(f"  Serving a small site at {server.url}, the bridge at {MOUNT}")
            yield _Shop(folder, bridge, server, credentials)


def _tell_story(shop: _Shop, output: Output) -> None:
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
    home = shlex.quote(str(shop.folder))
    output.show(
        {
            "order_id": order["order_id"],
            "number": order["number"],
            "status": order["status"],
            "total": total,
            "currency": currency,
            "client_id": client_id,
            "secret": secret,
            "url": shop.server.url,
            "bridge": shop.server.url + MOUNT,
            "folder": str(shop.folder),
            "curl": line,
        },
        f"\n4. Your turn\n"
        f"  order      {order['number']}, {order['status']},"
        f" {format_price(total, currency)} {currency}\n"
        f"  bridge     {shop.server.url}{MOUNT}\n"
        f"  client id  {client_id}\n"
        f"  secret     {secret}\n"
        f"\n  While it serves, and for {_WINDOW // 60} minutes:\n\n{line}\n"
        f"\n  A new one, or without a server, at any time:\n"
        f"  orderflow-bridge curl orders.list --url {shop.server.url} --home {home}\n"
        f"  orderflow-bridge request orders.list --home {home}\n"
        f"  orderflow-bridge orders list --home {home}",
    )
