"""Orders as CSV: what the list shows, all of it, and nothing that a spreadsheet would run."""

import asyncio
import csv
import io
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.domain.order import Totals
from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.faults import FaultyStorage, fail
from tests.hosts.hosts import optional
from tests.rig import TestShop, open_shop

optional("jinja2")

from orderflow_bridge.console import (  # noqa: E402
    Answer,
    BridgeConsole,
    ConsoleASGI,
    ConsoleWSGI,
    Operator,
    Request,
)
from orderflow_bridge.console.orders.export import (  # noqa: E402
    COLUMNS,
    INCOMPLETE,
    ROWS,
    export,
    harmless,
)
from tests.console.placed import AT, PLACED, numbers_of, open_console, place, place_many  # noqa: E402
from tests.console.stage import WHO, by_header, form_token_of  # noqa: E402


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_the_export_is_the_list(shop: TestShop) -> None:
    """The same filters give the same orders in the same order."""
    place(shop.bridge, "a", status="paid")
    place(shop.bridge, "b", placed_at=PLACED + 1)
    place(shop.bridge, "c", placed_at=PLACED + 86_400_000, status="paid")
    console = open_console(shop, "vera viewer")
    for query in ("", "?status=paid", "?from=2026-01-02", "?to=2026-01-01", "?q=zoe@example.com"):
        page = console.get(f"{AT}/orders{query}")
        found = console.get(f"{AT}/orders.csv{query}")
        assert [row["number"] for row in rows_of(found.body)] == numbers_of(page)
    assert rows_of(console.get(f"{AT}/orders.csv?q=OF-000002").body)[0]["order_id"] == "order_b"
    assert rows_of(console.get(f"{AT}/orders.csv?q=OF-000009").body) == []


def test_a_file_says_what_it_is(shop: TestShop) -> None:
    """UTF-8 with a mark, a header, lines that end as RFC 4180 wants, and a name with the day."""
    place(shop.bridge, "a", note='two\nlines, "quoted"')
    answer = open_console(shop).get(f"{AT}/orders.csv")
    assert answer.content_type == "text/csv"
    assert answer.charset == "utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders-2026-01-01.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.startswith(b"\xef\xbb\xbfnumber,order_id,")
    assert b'"two\nlines, ""quoted"""' in answer.body
    assert answer.body.endswith(b"\r\n")
    [row] = rows_of(answer.body)
    assert tuple(row) == COLUMNS
    assert row["placed_at"] == "2026-01-01T00:00:00.000Z"
    assert row["connection_name"] == "Zoë's shop"


def test_the_day_in_the_name_is_the_operators(shop: TestShop) -> None:
    """On Kiritimati it is tomorrow already."""
    console = open_console(shop, HTTP_COOKIE="ofb-zone=Pacific/Kiritimati")
    shop.clock.forward(11 * 3600)
    answer = console.get(f"{AT}/orders.csv")
    assert "orders-2026-01-02.csv" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("total", "currency", "text", "digits"),
    [
        (1_234_567, "JPY", "1234567", "0"),
        (1_234_567, "KWD", "1234.567", "3"),
        (-1_050, "GBP", "-10.50", "2"),
        (0, "EUR", "0.00", "2"),
    ],
)
def test_amounts_are_numbers_for_a_machine(
    shop: TestShop, total: int, currency: str, text: str, digits: str
) -> None:
    """Decimals of the currency and no thousands; below zero a sign, and no apostrophe."""
    place(shop.bridge, "a", currency=currency, totals=Totals(item_count=1, total=total))
    [row] = rows_of(open_console(shop).get(f"{AT}/orders.csv").body)
    assert (row["total"], row["currency"]) == (text, currency)
    assert (row["total_minor_units"], row["minor_unit_digits"]) == (str(total), digits)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_is_a_formula(shop: TestShop, begin: str) -> None:
    """What a storefront sent begins with an apostrophe where a spreadsheet would run it."""
    evil = begin + "1+1"
    place(
        shop.bridge,
        "a",
        note=evil,
        purchase_order=evil,
        cancel_reason=evil,
        shipping_method=evil,
        customer=Customer(email="a@b.c", name=evil, company=evil),
    )
    [row] = rows_of(open_console(shop).get(f"{AT}/orders.csv").body)
    columns = ("note", "purchase_order", "cancel_reason", "shipping_method", "customer_name",
               "customer_company")  # fmt: skip
    assert {row[column] for column in columns} == {"'" + evil}


SIGNS = "=+-@＝＋－＠"
BLANKS = " \t\r\n\v\f\x00\x85\xa0\xad\u200b\u200e\u2028\u2029\u202e\u2060\u3000\ufeff"
TEXTS = st.text(st.sampled_from(f"{SIGNS}{BLANKS};,\"'a1") | st.characters(), max_size=30)


def written_row(text: str) -> str:
    """Write a text as a cell between two others."""
    written = io.StringIO(newline="")
    csv.writer(written).writerow(["first", harmless(text), "last"])
    return written.getvalue()


@given(text=TEXTS)
def test_any_text_comes_back(text: str) -> None:
    """Apostrophes are put in front of signs, and nothing else is changed by quotes or line ends."""
    [[_, cell, _]] = csv.reader(io.StringIO(written_row(text), newline=""))
    assert cell.replace("'", "") == text.replace("'", "")
    if not set(text) & set(SIGNS) and not text.startswith(("\t", "\r", "\n")):
        assert cell == text


@given(text=TEXTS)
def test_no_cell_is_a_formula_whatever_separates_cells(text: str) -> None:
    """Comma, semicolon or tab, one or all, with quotes as they stand or not; blanks are passed."""
    row = written_row(text)
    [cells] = csv.reader(io.StringIO(row, newline=""))
    pieces = [*cells, *re.split(r"[\r\n;]", row), *re.split(r"[\r\n\t]", row)]
    pieces += [piece for cell in cells for piece in re.split(r"[;\t\r\n\x85\u2028\u2029]", cell)]
    for piece in pieces:
        assert piece.lstrip(f'{BLANKS}"')[:1] not in tuple(SIGNS)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Anna;=HYPERLINK(A1)", "Anna;'=HYPERLINK(A1)"),
        ("Anna; \xa0=1", "Anna; \xa0'=1"),
        ("\u200b\ufeff@SUM(1)", "\u200b\ufeff'@SUM(1)"),
        ('x\t"=1"', 'x\t"\'=1"'),
        ("Ring twice.\r\n-1", "Ring twice.\r\n'-1"),
        ("a=1;=2;+3", "a=1;'=2;'+3"),
    ],
)
def test_a_formula_within_a_text_is_none(text: str, cell: str) -> None:
    """An apostrophe stands before its sign, wherever a cell could begin."""
    assert harmless(text) == cell


@pytest.mark.parametrize(
    "text",
    ["Anna Müller-Lüdenscheidt", "a@b.example", "Flat 2, -1st floor", "1 + 1 = 2; x=y", "10-12; ok",
     "C++", "it's 5 \u2212 3", "OF-000001"],
)  # fmt: skip
def test_honest_text_stays_as_it_is(text: str) -> None:
    """A sign within a text is no formula."""
    assert harmless(text) == text


def test_a_long_text_of_blanks_is_looked_at_once() -> None:
    """Each character is passed a bounded number of times."""
    text = "\n" * 1_000_000
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("number", [ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 3])
def test_every_order_is_there_once(shop: TestShop, number: int) -> None:
    """Whatever the pages are that it is read in, and with times that are the same."""
    place_many(shop.bridge, [PLACED + n // 9 for n in range(number)])
    found = rows_of(open_console(shop).get(f"{AT}/orders.csv").body)
    same = shop.bridge.orders.search(OrderQuery(limit=number + 1))
    assert [row["order_id"] for row in found] == [order.order_id for order in same]
    assert len(found) == number


def test_orders_that_come_meanwhile_do_not_disturb_it(shop: TestShop) -> None:
    """What is placed while the file is written is newer than all of it, and left out."""
    place_many(shop.bridge, [PLACED + n for n in range(ROWS + 10)])
    pieces = export(shop.bridge.orders, OrderQuery(), {})
    first = next(pieces)
    place(shop.bridge, "new", placed_at=PLACED + 10_000)
    rows = rows_of(first + b"".join(pieces))
    assert len(rows) == ROWS + 10
    assert "order_new" not in {row["order_id"] for row in rows}


def test_memory_stays_flat_however_many_there_are(tmp_path: Any) -> None:
    """Eight pages need no more at once than two do, but for what the allocator moves about."""
    shop = open_shop(f"sqlite:///{tmp_path}/shop.db", stocked=False)
    shop.bridge.migrate()
    place_many(shop.bridge, [PLACED + n for n in range(8 * ROWS)])

    def peak(query: OrderQuery) -> tuple[int, int]:
        tracemalloc.start()
        size = sum(len(piece) for piece in export(shop.bridge.orders, query, {}))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    peak(OrderQuery())
    small, needed = peak(OrderQuery(placed_before=PLACED + 2 * ROWS))
    large, most = peak(OrderQuery())
    shop.bridge.close()
    assert large > 3 * small
    assert most < 1.5 * needed


def test_a_storage_that_is_down_gives_no_file() -> None:
    """503 and a page, where nothing was sent yet."""
    fault = fail("orders.search", StorageUnavailable())
    shop = open_shop(storage=FaultyStorage(MemoryStorage(), fault))
    answer = open_console(shop).get(f"{AT}/orders.csv", status=503)
    assert answer.content_type == "text/html"
    assert "Content-Disposition" not in answer.headers


def test_a_file_that_breaks_off_is_not_taken_for_whole() -> None:
    """Its last line says so, and the failure goes through to the server."""
    fault = fail("orders.search", StorageUnavailable(), passing=1)
    shop = open_shop(storage=FaultyStorage(MemoryStorage(), fault))
    place_many(shop.bridge, [PLACED + n for n in range(ROWS + 1)])
    pieces = export(shop.bridge.orders, OrderQuery(), {})
    assert len(rows_of(next(pieces))) == ROWS
    assert next(pieces) == INCOMPLETE
    with pytest.raises(StorageUnavailable):
        next(pieces)
    pieces = export(shop.bridge.orders, OrderQuery(), {})
    assert len(rows_of(b"".join(pieces))) == ROWS + 1


def test_a_failure_on_the_way_reaches_the_server() -> None:
    """A WSGI server that sees it breaks the answer off."""
    fault = fail("orders.search", StorageUnavailable(), passing=1)
    shop = open_shop(storage=FaultyStorage(MemoryStorage(), fault))
    place_many(shop.bridge, [PLACED + n for n in range(ROWS + 1)])
    with pytest.raises(StorageUnavailable):
        open_console(shop).get(f"{AT}/orders.csv")


@pytest.mark.parametrize("error", [StorageUnavailable(), ConnectionError("gone")])
def test_an_asgi_server_is_not_told_that_a_broken_file_is_whole(error: Exception) -> None:
    """No length and no last piece are sent, so that the server breaks the answer off."""
    fault = fail("orders.search", error, passing=1)
    shop = open_shop(storage=FaultyStorage(MemoryStorage(), fault))
    place_many(shop.bridge, [PLACED + n for n in range(ROWS + 1)])
    console = ConsoleASGI(console=BridgeConsole(shop.bridge, identify=by_header), mount=AT)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{AT}/orders.csv",
        "headers": [(WHO.lower().encode(), b"olga operator")],
    }
    with suppress(StorageUnavailable):
        asyncio.run(console(scope, receive, send))
    assert [message.get("status", 0) for message in sent] == [200, 0, 0]
    assert b"content-length" not in dict(sent[0]["headers"])
    assert sent[-1]["body"] == INCOMPLETE
    assert sent[-1]["more_body"] is True


class Leaving:
    """A client that goes after some pieces: the server tells of it, or sending fails."""

    def __init__(self, after: int, *, by: str) -> None:
        self._after = after
        self._by = by
        self._gone = asyncio.Event()
        self._asked = False
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._gone.is_set() and self._by == "send":
            raise OSError
        self.sent.append(message)
        if len(self.sent) > self._after and not self._gone.is_set():
            self._gone.set()
            # The one who waits in `receive` has its turn before the next piece is sent.
            await asyncio.sleep(0)


class Slow:
    """A console whose answer has four hundred pieces."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False

    def most_body(self, method: str, path: str) -> int:
        return 0

    def handle(self, request: Request) -> Answer:
        return Answer(body=self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        try:
            for _ in range(400):
                self.made += 1
                yield b"piece"
        finally:
            self.closed = True


def left_by(app: Any, client: Leaving, method: str = "GET") -> None:
    scope = {"type": "http", "method": method, "path": f"{AT}/x", "headers": []}
    asyncio.run(app(scope, client.receive, client.send))


@pytest.mark.parametrize("by", ["receive", "send"])
def test_nothing_is_made_for_an_operator_who_has_gone(by: str) -> None:
    """One piece more than was sent at most, and what makes them is closed."""
    console = Slow()
    left_by(ConsoleASGI(console=console, mount=AT), Leaving(28, by=by))
    assert 28 <= console.made <= 29
    assert console.closed


def test_an_operator_who_stays_has_every_piece() -> None:
    """And the last message says that it was all."""
    console, client = Slow(), Leaving(1_000, by="receive")
    left_by(ConsoleASGI(console=console, mount=AT), client)
    assert (console.made, console.closed, len(client.sent)) == (400, True, 402)
    assert not client.sent[-1].get("more_body")


def test_an_import_ends_whole_though_its_operator_has_gone(shop: TestShop) -> None:
    """What was begun is written, whoever listens."""
    page = BridgeConsole(shop.bridge, identify=lambda _: Operator(name="olga", role="operator"))
    browser = open_console(shop)
    browser.app = ConsoleWSGI(console=page)
    token = form_token_of(browser.get(f"{AT}/catalogue/import"))
    rows = b"".join(b"n%d,N,1,GBP\n" % number for number in range(1_200))
    fields = {"csrf": token, "act": "import"}
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), value.encode())
        for name, value in fields.items()
    ) + (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        b"sku,name,price,currency\n" + rows + b"\r\n--x--\r\n"
    )
    client = Leaving(0, by="receive")
    first = client.receive

    async def receive() -> dict[str, Any]:
        return await first() | {"body": body}

    client.receive = receive  # type: ignore[method-assign]
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{AT}/catalogue/import",
        "headers": [
            (b"content-type", b"multipart/form-data; boundary=x"),
            (b"cookie", f"ofb-console={browser.cookies['ofb-console']}".encode()),
        ],
    }
    asyncio.run(ConsoleASGI(console=page, mount=AT)(scope, client.receive, client.send))
    assert client.sent[0]["status"] == 200
    assert len(client.sent) < 3
    assert (
        len(shop.bridge.catalogue.find([f"n{number}" for number in range(1_200)], "GBP")) == 1_200
    )


def test_looking_changes_nothing(shop: TestShop) -> None:
    """A HEAD has the same headers and no body; neither writes."""
    place_many(shop.bridge, [PLACED])
    console = open_console(shop)
    before = len(shop.bridge.audit.page())
    assert console.head(f"{AT}/orders.csv").body == b""
    console.get(f"{AT}/orders.csv")
    assert len(shop.bridge.audit.page()) == before
