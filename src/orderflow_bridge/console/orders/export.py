"""Orders as CSV: RFC 4180 in UTF-8, piece by piece, for a spreadsheet that runs nothing of it.

A piece is one page of the list, so that memory stays flat however many orders there are. Where the
storage fails on the way, the last line says that the file is incomplete, and the failure goes
through to the server, which breaks the answer off. The line is for HTTP/1.0, where the end of the
connection is the end of the file, whatever was the reason.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from orderflow_bridge.domain.customer import Address
from orderflow_bridge.domain.money import CURRENCIES, format_price
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.orders import Orders
from orderflow_bridge.ports import OrderQuery

__all__ = ["COLUMNS", "INCOMPLETE", "ROWS", "export", "harmless", "written"]

ROWS = 500
"""How many orders are read at once."""

COLUMNS = (
    "number",
    "order_id",
    "placed_at",
    "updated_at",
    "status",
    "payment_state",
    "payment_intent",
    "connection",
    "connection_name",
    "channel",
    "cart_id",
    "customer_email",
    "customer_name",
    "customer_company",
    "shipping_name",
    "shipping_address",
    "shipping_postal_code",
    "shipping_city",
    "shipping_region",
    "shipping_country",
    "shipping_method",
    "purchase_order",
    "note",
    "cancel_reason",
    "items",
    "subtotal",
    "discount",
    "shipping",
    "tax",
    "total",
    "currency",
    "total_minor_units",
    "minor_unit_digits",
)
"""The header. Amounts are decimals of the currency, times ISO 8601 in UTC."""

INCOMPLETE = b"INCOMPLETE: the storage failed here. Export again.\r\n"
"""The last line of a file that is not whole."""

# Excel reads UTF-8 as UTF-8 only behind it.
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# Full-width signs begin a formula in some languages' spreadsheets.
_SIGNS = "=+@＝＋－＠-"
# Where the list separator is not a comma, cells begin within a text.
_BREAKS = ";\t\r\n\v\f\x85\u2028\u2029"
# What is trimmed or not seen at the beginning of a cell; the quotes of RFC 4180 are none there.
_PASSED = r'\s";\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff'
_BEFORE_SIGN = re.compile(f"(?<![{_PASSED}])[{_PASSED}]*+(?=[{_SIGNS}])")
_BREAK = re.compile(f"[{_BREAKS}]")


def export(orders: Orders, query: OrderQuery, names: Mapping[str, str]) -> Iterator[bytes]:
    """Write every order that a query finds; `names` are those of the connections by client id.

    The first page is read at once, so that a storage that is down is told in place of a file.
    """
    query = replace(query, limit=ROWS)
    return _pieces(orders, query, orders.search(query), names)


def _pieces(
    orders: Orders, query: OrderQuery, page: Sequence[Order], names: Mapping[str, str]
) -> Iterator[bytes]:
    yield written(page, names, header=True)
    while len(page) == ROWS:
        last = page[-1]
        try:
            page = orders.search(replace(query, after=(last.placed_at, last.order_id)))
        except Exception:
            yield INCOMPLETE
            raise
        if page:
            yield written(page, names)


def written(orders: Sequence[Order], names: Mapping[str, str], *, header: bool = False) -> bytes:
    """Write some orders, perhaps behind a byte order mark and the header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        text.write(_MARK)
        writer.writerow(COLUMNS)
    writer.writerows(_row(order, names) for order in orders)
    return text.getvalue().encode("utf-8", "replace")


def harmless(text: str | None) -> str:
    """Give a text as a cell that no spreadsheet takes for a formula, whatever separates its cells.

    Each formula that a cell could begin with, at the beginning or behind a semicolon, a tab or a
    line's end, gets an apostrophe in front of its sign; all else stays.
    """
    if not text:
        return ""
    cell = _BEFORE_SIGN.sub(_marked, text)
    return "'" + cell if cell.startswith(("\t", "\r", "\n")) else cell


def _marked(found: re.Match[str]) -> str:
    begins = found.start() == 0 or _BREAK.search(found[0]) is not None
    return found[0] + "'" if begins else found[0]


def _row(order: Order, names: Mapping[str, str]) -> list[str]:
    totals, customer = order.totals, order.customer

    def money(amount: int) -> str:
        return format_price(amount, order.currency)

    texts: list[str | None] = [
        order.number,
        order.order_id,
        _instant(order.placed_at),
        _instant(order.updated_at),
        order.status,
        order.payment.state,
        order.payment.intent,
        order.connection,
        names.get(order.connection),
        order.channel,
        order.cart_id,
        customer.email,
        customer.name,
        customer.company,
        *_address(order.shipping_address),
        order.shipping_method,
        order.purchase_order,
        order.note,
        order.cancel_reason,
    ]
    return [
        *(harmless(text) for text in texts),
        str(totals.item_count),
        money(totals.subtotal),
        money(totals.discount),
        money(totals.shipping),
        money(totals.tax),
        money(totals.total),
        order.currency,
        str(totals.total),
        str(CURRENCIES[order.currency]),
    ]


def _address(address: Address) -> list[str | None]:
    lines = ", ".join(line for line in (address.line1, address.line2) if line)
    return [
        address.name,
        lines,
        address.postal_code,
        address.city,
        address.region,
        address.country,
    ]


def _instant(milliseconds: int) -> str:
    return as_utc(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
