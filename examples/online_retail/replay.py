"""Replay a real shop's invoices through the bridge: one cart and one order for each invoice."""

import argparse
import csv
import gzip
import json
import os
import ssl
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TextIO
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from orderflow_bridge import Bridge, BridgeError, BridgeWSGI, ConfigurationError, Settings
from orderflow_bridge.client.signing import sign
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.keys import write_keys_file
from orderflow_bridge.security.secrets import new_master_key
from orderflow_bridge.settings import KEYS_FILE

COLUMNS = frozenset(
    {
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    }
)
CURRENCY = "GBP"
CONNECTION = "Online Retail replay"
SCOPES = ("carts:write", "orders:read", "orders:write", "prices:write")
DEFAULT_HOME = Path("online-retail")
MOUNT = "/bridge"

# The longest row the protocol allows is a little over 2 kB: 100 of them stay under 256 KiB.
ROWS_PER_REQUEST = 100
ORDERS_PER_PAGE = 100
ATTEMPTS = 8
OK = 200
TRY_AGAIN = frozenset({"replayed_request", "idempotency_in_progress", "cart_converting"})
HINTS = {
    "payment_intent_used": "Another connection to this store has ordered this invoice before.",
    "insufficient_scope": f"A replay needs {', '.join(SCOPES)}.",
}
BUSY = frozenset({429, 502, 503, 504})

DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%y %H:%M")
HOME_COUNTRY = "GB"
COUNTRIES = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Brazil": "BR",
    "Canada": "CA",
    "Channel Islands": "JE",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Lebanon": "LB",
    "Lithuania": "LT",
    "Malta": "MT",
    "Netherlands": "NL",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "RSA": "ZA",
    "Saudi Arabia": "SA",
    "Singapore": "SG",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "USA": "US",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
}
"""The shop's own names; every other ("European Community", "Unspecified") is sent as GB."""


class Problem(Exception):  # noqa: N818 -- what a person reads, not a fault of the program
    """Say what stopped the replay."""


# The files.


@dataclass(slots=True)
class Invoice:
    """The sale rows of one invoice, in the file's order; prices in pence."""

    number: str
    date: datetime
    customer: str
    country: str
    source: Path
    rows: list[tuple[str, str, int, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Sum the rows, each its quantity times its price."""
        return sum(quantity * price for _, _, quantity, price in self.rows)

    @property
    def intent(self) -> str:
        """Name the payment that stands for this invoice in the whole store."""
        return f"online-retail:{self.number}"

    def items(self) -> Iterator[dict[str, Any]]:
        """Give the rows as items at the invoice's own prices."""
        for sku, name, quantity, price in self.rows:
            yield {"sku": sku, "quantity": quantity, "unit_price": price, "name": name}


@dataclass(slots=True)
class Reading:
    """What the files held."""

    invoices: dict[str, Invoice] = field(default_factory=dict)
    rows: int = 0
    sale_rows: int = 0


def pence(text: str) -> int | None:
    """Read a price in pounds; None where it is not a positive number of whole pennies."""
    price = Decimal(text) * 100
    if not price.is_finite() or price <= 0 or price != price.to_integral_value():
        return None
    return int(price)


def moment(text: str) -> datetime:
    """Read an invoice's date in any of the spellings that the data set is handed around in."""
    for form in DATES:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 -- the shop's own local time
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date like 2010-12-01 08:26:00")


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file as text, unpacked where its name ends in `.gz`."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding=encoding, newline="") as file:
            yield file
    else:
        with path.open(encoding=encoding, newline="") as file:
            yield file


def read(paths: Iterable[Path], encoding: str) -> Reading:
    """Collect the sale rows of `paths` by invoice; raises `Problem` that names file and line."""
    reading = Reading()
    for path in paths:
        try:
            with opened(path, encoding) as file:
                read_file(reading, path, csv.DictReader(file))
        except UnicodeDecodeError as error:
            raise Problem(f"{path} is not {encoding}: try --encoding cp1252.") from error
        except (OSError, EOFError, csv.Error) as error:
            raise Problem(f"{path} cannot be read: {error}.") from error
    return reading


def read_file(reading: Reading, path: Path, table: "csv.DictReader[str]") -> None:
    """Collect the sale rows of one file."""
    missing = COLUMNS.difference(table.fieldnames or ())
    if missing:
        raise Problem(f"{path} has no column {', '.join(sorted(missing))}.")
    for row in table:
        reading.rows += 1
        number = row["InvoiceNo"].strip()
        try:
            quantity, price = int(row["Quantity"]), pence(row["UnitPrice"])
            if not (number.isascii() and number.isdigit()) or quantity <= 0 or price is None:
                continue
            invoice = reading.invoices.get(number)
            if invoice is None:
                invoice = reading.invoices[number] = new_invoice(number, row, path)
        except (ValueError, TypeError, InvalidOperation) as error:
            raise Problem(f"{path}, line {table.line_num}: {error}.") from error
        if invoice.source is not path:
            raise Problem(
                f"Invoice {number} is in {invoice.source} and in {path}: was one file given twice?"
            )
        sku = row["StockCode"].strip()
        name = row["Description"].strip()[:300] or sku
        invoice.rows.append((sku, name, quantity, price))
        reading.sale_rows += 1


def new_invoice(number: str, row: Mapping[str, str], path: Path) -> Invoice:
    """Begin an invoice from its first sale row."""
    return Invoice(
        number=number,
        date=moment(row["InvoiceDate"].strip()),
        customer=row["CustomerID"].strip().removesuffix(".0"),
        country=row["Country"].strip(),
        source=path,
    )


# A storefront: it signs, sends, and tries again with the same key.


class Transport(Protocol):
    """A way to the bridge, for one thread at a time."""

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Send one request, give status and body; `path` begins after the mount."""
        ...

    def close(self) -> None:
        """Give back what is open."""
        ...


def call_app(
    app: WSGIApplication, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Call an application as a server does (PEP 3333); `path` begins after the mount."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": MOUNT + path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
    begun: list[tuple[int, list[tuple[str, str]]]] = []

    def start_response(
        status: str, answer_headers: list[tuple[str, str]], _error: object = None, /
    ) -> Callable[[bytes], object]:
        begun.append((int(status[:3]), answer_headers))
        return bytes

    answer = b"".join(app(environ, start_response))
    return *begun[-1], answer


class InProcess:
    """The WSGI application of a site, called in this process."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Call the application."""
        status, _, answer = call_app(self._app, path, headers, body)
        return status, answer

    def close(self) -> None:
        """Leave the application to its owner."""


class OverHTTP:
    """A connection to a running bridge that is kept open between requests."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._mount = parts.path.rstrip("/") or MOUNT
        self._connection = (
            HTTPSConnection(parts.netloc, timeout=60, context=ssl.create_default_context())
            if parts.scheme == "https"
            else HTTPConnection(parts.netloc, timeout=60)
        )

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Send over the open connection; a broken one is opened again by the next request."""
        try:
            self._connection.request("POST", self._mount + path, body, dict(headers))
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Storefront:
    """One thread's signed way to the bridge; `requests` counts every attempt."""

    def __init__(self, transport: Transport, client_id: str, secret: str) -> None:
        self._transport = transport
        self._client_id = client_id
        self._secret = secret
        self.requests = 0

    def call(self, action: str, request: Mapping[str, object], *, key: str = "") -> Any:
        """Call an action until it is answered; raises `Problem` where it is refused.

        Whatever may pass — a lost connection, a busy server — is tried again in the next second,
        signed anew and with the same key, so that it happens once.
        """
        body = json.dumps(request, ensure_ascii=False).encode()
        path = f"/{self._client_id}/{action}"
        problem = ""
        for attempt in range(ATTEMPTS):
            now = time.time()
            if attempt:
                time.sleep(1.01 - now % 1)
            self.requests += 1
            try:
                headers = sign(
                    client_id=self._client_id,
                    secret=self._secret,
                    action=action,
                    body=body,
                    timestamp=int(time.time()),
                    idempotency_key=key or None,
                )
            except ValueError as error:
                raise Problem(f"{error}") from error
            try:
                status, answer = self._transport.post(path, headers, body)
            except (OSError, HTTPException) as error:
                problem = f"the bridge cannot be reached: {error or type(error).__name__}"
                continue
            if status == OK:
                return json.loads(answer)
            code, problem = refusal(status, answer)
            if status not in BUSY and code not in TRY_AGAIN:
                break
        raise Problem(f"{action}: {problem}")

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


def refusal(status: int, answer: bytes) -> tuple[str, str]:
    """Read the code of a refusal, and say it to a person."""
    try:
        problem = json.loads(answer)
        said = f"{problem['code']}: {problem['detail']} {HINTS.get(problem['code'], '')}"
        return problem["code"], said.strip()
    except (ValueError, TypeError, KeyError):
        return "", f"HTTP {status}, and not from a bridge: is this where it is mounted?"


# The replay.


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the bridge keeps it."""

    invoice: str
    total: int
    month: str
    country: str


def replay(storefront: Storefront, invoice: Invoice) -> None:
    """Make the invoice's cart, fill it, and convert it at the invoice's own total.

    The keys follow from the invoice and what is sent: started again within a day, a replay finds
    the cart that an interrupted one left. The intent does the rest, for ever.
    """
    items = list(invoice.items())
    first, *rest = (
        items[start : start + ROWS_PER_REQUEST] for start in range(0, len(items), ROWS_PER_REQUEST)
    )

    def key(*parts: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((invoice.intent, *parts))))

    contents = json.dumps([invoice.rows, invoice.country, str(invoice.date)])
    metadata = {
        "invoice": invoice.number,
        "invoiced_at": invoice.date.isoformat(sep=" "),
        "country": invoice.country,
    }
    cart = storefront.call(
        "cart.create",
        {"currency": CURRENCY, "items": first, "metadata": metadata},
        key=key("create", contents),
    )
    cart_id = cart["cart_id"]
    for number, batch in enumerate(rest):
        storefront.call(
            "items.add",
            {"cart_id": cart_id, "items": batch},
            key=key("add", cart_id, str(number), contents),
        )
    order = storefront.call(
        "convertToOrder",
        {
            "cart_id": cart_id,
            "customer": customer_of(invoice),
            "shipping_address": address_of(invoice),
            "payment_intent": invoice.intent,
            "expected_total": invoice.total,
        },
        # A refusal is final for its key, so that a replay that was put right has a new one.
        key=str(uuid.uuid4()),
    )
    check_total(invoice, order["totals"]["total"])


def check_total(invoice: Invoice, total: int) -> None:
    """Hold an order to its invoice's pence."""
    if total != invoice.total:
        raise Problem(
            f"the order is {format_price(total, CURRENCY)} {CURRENCY}, the invoice"
            f" {format_price(invoice.total, CURRENCY)}"
        )


def customer_of(invoice: Invoice) -> dict[str, str]:
    """Make a customer with an address for mail that reaches nobody (RFC 2606)."""
    if not invoice.customer:
        return {"email": f"guest-{invoice.number}@example.invalid"}
    return {
        "email": f"customer-{invoice.customer}@example.invalid",
        "external_id": invoice.customer,
    }


def address_of(invoice: Invoice) -> dict[str, str]:
    """Make an address; the data set has nothing of it but the country."""
    return {
        "name": f"Customer {invoice.customer}" if invoice.customer else "Guest",
        "line1": "Not in the data set",
        "city": invoice.country or "Unspecified",
        "country": COUNTRIES.get(invoice.country, HOME_COUNTRY),
    }


def placed_orders(storefront: Storefront, invoices: Mapping[str, Invoice]) -> dict[str, Placed]:
    """Read back, page by page, what this connection has ordered of `invoices`."""
    found: dict[str, Placed] = {}
    request: dict[str, Any] = {"limit": ORDERS_PER_PAGE}
    while True:
        page = storefront.call("orders.list", request)
        for order in page["orders"]:
            invoice = invoices.get(str(order["metadata"].get("invoice")))
            if invoice is None or order["payment"]["intent"] != invoice.intent:
                continue
            try:
                check_total(invoice, order["totals"]["total"])
            except Problem as problem:
                raise Problem(f"Invoice {invoice.number}: {problem}") from problem
            found[invoice.number] = Placed(
                invoice=invoice.number,
                total=order["totals"]["total"],
                month=order["metadata"]["invoiced_at"][:7],
                country=order["metadata"]["country"],
            )
        if page["next_cursor"] is None:
            return found
        request["cursor"] = page["next_cursor"]


class Progress:
    """Say on standard error how far it is: a moving line on a terminal, else one every 5 s."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._began = self._said = time.monotonic()
        self._moving = sys.stderr.isatty()

    def tell(self, done: int, *, last: bool = False) -> None:
        """Say it, if it is time to."""
        now = time.monotonic()
        if not last and now - self._said < (0.2 if self._moving else 5):
            return
        self._said = now
        rate = done / max(now - self._began, 1e-9)
        line = f"{done:,} of {self._whole:,} orders, {rate:,.0f}/s"
        end = "\n" if last or not self._moving else ""
        print(f"\r\x1b[K{line}" if self._moving else line, end=end, file=sys.stderr, flush=True)


def replay_all(
    storefronts: Sequence[Storefront],
    invoices: Sequence[Invoice],
    after_each: Callable[[Invoice], object],
) -> None:
    """Replay `invoices` with a thread for each storefront; stop at the first that fails."""
    idle: SimpleQueue[Storefront] = SimpleQueue()
    for storefront in storefronts:
        idle.put(storefront)

    def work(invoice: Invoice) -> None:
        mine = idle.get()
        try:
            replay(mine, invoice)
            after_each(invoice)
        except (Problem, BridgeError) as problem:
            raise Problem(f"Invoice {invoice.number}: {problem}") from problem
        finally:
            idle.put(mine)

    progress = Progress(len(invoices))
    done = 0
    with ThreadPoolExecutor(len(storefronts)) as pool:
        try:
            for future in as_completed([pool.submit(work, invoice) for invoice in invoices]):
                future.result()
                done += 1
                progress.tell(done, last=done == len(invoices))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


# A bridge of its own.


def home_of(database: str | None, home: Path | None) -> Path:
    """Choose the folder of the keys: beside a SQLite file, where an operator looks for them."""
    if home is not None:
        return home
    if database is not None and database.startswith("sqlite:///"):
        return Path(database.removeprefix("sqlite:///")).parent
    return DEFAULT_HOME


def open_bridge(database: str | None, home: Path) -> Bridge:
    """Open the bridge on `database`, with keys made where there are none."""
    database = database or f"sqlite:///{home / 'orderflow-bridge.db'}"
    settings = Settings.load(home=home, database=database)
    if settings.master_keys:
        return Bridge.open(settings=settings)
    ring = f"k{os.urandom(4).hex()}:{new_master_key(os.urandom(32))}"
    if database.startswith("memory:"):
        return Bridge.open(settings=Settings.load(home=home, database=database, master_keys=ring))
    home.mkdir(parents=True, exist_ok=True)
    if not (home / KEYS_FILE).exists():
        write_keys_file(home / KEYS_FILE, ring)
    return Bridge.open(settings=settings)


def connect(bridge: Bridge) -> tuple[str, str]:
    """Give client id and secret of the replay's own connection; make it the first time."""
    for connection in bridge.connections.all():
        if connection.name == CONNECTION and connection.status == "enabled":
            return connection.client_id, bridge.connections.reveal(connection.client_id).secret
    made = bridge.connections.create(CONNECTION, scopes=SCOPES, allow=["127.0.0.1"])
    return made.connection.client_id, made.secret


class _Handler(BaseHTTPRequestHandler):
    """Hand requests over the loopback to the application, on connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Loopback"

    def do_POST(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix(MOUNT)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower().startswith(("x-", "content-type", "idempotency-key"))
        }
        status, answer_headers, answer = call_app(self.server.app, path, headers, body)
        self.send_response(status)
        for name, value in answer_headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep the progress readable."""


class Loopback(ThreadingHTTPServer):
    """A small HTTP server on the loopback, for this replay alone."""

    daemon_threads = True

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.app = app

    @property
    def url(self) -> str:
        """Tell where the bridge is."""
        return f"http://127.0.0.1:{self.server_address[1]}{MOUNT}"


@contextmanager
def serving(app: WSGIApplication) -> Iterator[str]:
    """Serve `app` while the block runs, and give its URL."""
    with Loopback(app) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


# The report.


def report(reading: Reading, placed: Mapping[str, Placed], before: int) -> dict[str, Any]:
    """Sum the orders by month and country, as the bridge gave them back."""
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    months: dict[str, list[int]] = defaultdict(list)
    for order in placed.values():
        cells[order.month, order.country].append(order.total)
        months[order.month].append(order.total)
    return {
        "orders": len(placed),
        "total_minor": sum(order.total for order in placed.values()),
        "currency": CURRENCY,
        "placed_now": len(placed) - before,
        "placed_before": before,
        "rows": reading.rows,
        "sale_rows": reading.sale_rows,
        "by_month": {
            month: {"orders": len(totals), "total_minor": sum(totals)}
            for month, totals in sorted(months.items())
        },
        "by_month_and_country": [
            {
                "month": month,
                "country": country,
                "orders": len(totals),
                "total_minor": sum(totals),
            }
            for (month, country), totals in sorted(cells.items())
        ],
    }


def print_table(summary: Mapping[str, Any]) -> None:
    """Print the closing table."""

    def line(month: str, country: str, orders: int, total: int) -> str:
        pounds, _, decimals = format_price(total, CURRENCY).partition(".")
        return f"{month:<8} {country:<22} {orders:>7,} {int(pounds):>12,}.{decimals}"

    header = f"{'Month':<8} {'Country':<22} {'Orders':>7} {'Total ' + CURRENCY:>15}"
    print(header, "-" * len(header), sep="\n")
    for month, sums in summary["by_month"].items():
        for row in summary["by_month_and_country"]:
            if row["month"] == month:
                print(line(month, row["country"], row["orders"], row["total_minor"]))
        print(line(month, "all", sums["orders"], sums["total_minor"]), end="\n\n")
    print(line("All", "all", summary["orders"], summary["total_minor"]))
    print(
        f"\n{summary['placed_now']:,} orders placed in {summary['seconds']} s"
        f" ({summary['orders_per_second']:,}/s, {summary['requests']:,} requests),"
        f" {summary['placed_before']:,} were there before."
    )


# The command.


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="replay.py",
        description="Replay the Online Retail data set (doi:10.24432/C5BW33) through the bridge.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a .csv or .csv.gz of the data set"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--database",
        metavar="URL",
        help="replay in this process into a database, new or not"
        f" (default: sqlite:///{DEFAULT_HOME}/orderflow-bridge.db)",
    )
    where.add_argument(
        "--url",
        help=f"replay into a running bridge, such as https://shop.example{MOUNT}",
    )
    parser.add_argument(
        "--http", action="store_true", help="go to --database through HTTP on the loopback"
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="the folder of the keys of --database (default: that of the SQLite file, else"
        f" ./{DEFAULT_HOME})",
    )
    parser.add_argument(
        "--client-id",
        default=os.environ.get("ORDERFLOW_BRIDGE_CLIENT_ID"),
        metavar="ID",
        help="the connection for --url (default: ORDERFLOW_BRIDGE_CLIENT_ID)",
    )
    parser.add_argument(
        "--secret",
        default=os.environ.get("ORDERFLOW_BRIDGE_SECRET"),
        help="its secret (default: ORDERFLOW_BRIDGE_SECRET, which other users cannot see)",
    )
    parser.add_argument(
        "--workers", type=int, default=4, metavar="N", help="how many storefronts at once (4)"
    )
    parser.add_argument(
        "--settle",
        action="store_true",
        help="let the money of each order arrive, so that it is paid (not with --url)",
    )
    parser.add_argument("--encoding", default="utf-8-sig", help="of the files (utf-8)")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of the table"
    )
    given = parser.parse_args(arguments)
    if given.workers < 1:
        parser.error("--workers is 1 or more")
    if given.url:
        if given.http or given.settle or given.home:
            parser.error("--http, --settle and --home are for --database")
        if urlsplit(given.url).scheme not in ("http", "https") or not urlsplit(given.url).netloc:
            parser.error("--url is an address like https://shop.example/bridge")
        if not (given.client_id and given.secret):
            parser.error("--url needs --client-id and --secret, or their variables")
    return given


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Replay the files as `given`, and give the report."""
    reading = read(given.files, given.encoding)
    unknown = {i.country for i in reading.invoices.values()} - COUNTRIES.keys()
    if unknown:
        names = ", ".join(sorted(name or "(empty)" for name in unknown))
        print(f"Sent as {HOME_COUNTRY}, in metadata as they are: {names}", file=sys.stderr)
    with ExitStack() as stack:
        settle: Callable[[Invoice], object] = nothing_more
        transports: Callable[[], Transport]
        client_id, secret = given.client_id, given.secret
        if given.url:
            transports = lambda: OverHTTP(given.url)  # noqa: E731 -- one of three
        else:
            home = home_of(given.database, given.home)
            bridge = stack.enter_context(open_bridge(given.database, home))
            client_id, secret = connect(bridge)
            app = BridgeWSGI(bridge=bridge, mount=MOUNT)
            if given.http:
                url = stack.enter_context(serving(app))
                transports = lambda: OverHTTP(url)  # noqa: E731
            else:
                transports = lambda: InProcess(app)  # noqa: E731
            if given.settle:
                settle = settling(bridge)
        storefronts = [Storefront(transports(), client_id, secret) for _ in range(given.workers)]
        for storefront in storefronts:
            stack.callback(storefront.close)
        return replayed(storefronts, reading, settle)


def nothing_more(_invoice: Invoice) -> None:
    """Leave the order unpaid."""


def settling(bridge: Bridge) -> Callable[[Invoice], object]:
    """Make what a payment provider does: tell that the invoice's money arrived."""
    return lambda invoice: bridge.settle(invoice.intent, amount=invoice.total, currency=CURRENCY)


def replayed(
    storefronts: Sequence[Storefront], reading: Reading, settle: Callable[[Invoice], object]
) -> dict[str, Any]:
    """Replay what is not yet placed, read everything back, and sum it."""
    before = placed_orders(storefronts[0], reading.invoices)
    missing = [i for number, i in reading.invoices.items() if number not in before]
    if before:
        print(f"{len(before):,} orders were placed before; going on.", file=sys.stderr)
        for number in before:
            settle(reading.invoices[number])
    began = time.monotonic()
    if missing:
        replay_all(storefronts, missing, settle)
    seconds = time.monotonic() - began
    placed = placed_orders(storefronts[0], reading.invoices)
    for number in reading.invoices:
        if number not in placed:
            raise Problem(f"Invoice {number}: its order cannot be read back.")
    return report(reading, placed, len(before)) | {
        "workers": len(storefronts),
        "requests": sum(storefront.requests for storefront in storefronts),
        "seconds": round(seconds, 3),
        "orders_per_second": round(len(missing) / seconds, 1) if missing else 0.0,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 is success, 1 a replay that is not exact, 2 a wrong command line."""
    given = parse_arguments(arguments)
    try:
        summary = run(given)
    except (Problem, BridgeError, ConfigurationError, OSError) as problem:
        print(f"replay.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on where this stopped.", file=sys.stderr)
        return 130
    if given.json:
        print(json.dumps(summary))
    else:
        print_table(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
