"""The replay of a real shop's invoices: every order is its invoice, to the penny."""

import csv
import gzip
import importlib.util
import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orderflow_bridge import Bridge, BridgeWSGI
from orderflow_bridge.domain.order import Order
from orderflow_bridge.ports import OrderQuery
from tests.databases import (
    ADAPTED,
    SHARED,
    databases,  # noqa: F401 -- a fixture
    fresh_url,  # noqa: F401 -- a fixture
)
from tests.rig import RING

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "online_retail" / "replay.py"
RETAIL = Path(
    os.environ.get("OFB_TEST_RETAIL_DATA") or ROOT.parent / "shared" / "data" / "online-retail"
)
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
MORNING = "2010-12-01 08:26:00"

ROWS = [
    # One code at two prices, and twice at one of them.
    ("536365", "85123A", "WHITE HANGING HEART", "6", MORNING, "2.55", "17850.0", "United Kingdom"),
    ("536365", "85123A", "WHITE HANGING HEART", "1", MORNING, "5.06", "17850.0", "United Kingdom"),
    ("536365", "85123A", "wrong colour, sent", "2", MORNING, "2.55", "17850.0", "United Kingdom"),
    # No sale: cancelled, adjusted, given away, taken back, less than a penny.
    ("C536366", "85123A", "WHITE HANGING HEART", "-6", MORNING, "2.55", "17850.0", "EIRE"),
    ("A563185", "B", "Adjust bad debt", "1", MORNING, "11062.06", "", "United Kingdom"),
    ("536367", "22139", "", "56", MORNING, "0.0", "", "United Kingdom"),
    ("536367", "22140", "damages", "-3", MORNING, "1.0", "", "United Kingdom"),
    ("536367", "PADS", "PADS TO MATCH", "1", MORNING, "0.001", "", "United Kingdom"),
    # No customer, no description, quotes, spaces, an amount that a shop seldom sees.
    ("541431", "23166", "", "74215", "2011-01-18 10:01:00", "1.04", "", "Channel Islands"),
    ("541432", "BANK CHARGES", ' 12" "RED" ', "1", "2011-01-18 10:02", "15", "", "EIRE"),
    ("541433", "gift_0001_20", "Dotcomgiftshop £20", "1", "1/18/2011 10:03", "16.6", "", "RSA"),
    ("541434", "M", "Manual", "1", "2011-01-18 10:04:00", "0.01", "1", "European Community"),
    # More rows than one request carries.
    *(
        ("541435", f"{code}", "ONE OF MANY", "3", "2011-01-31 23:59:00", "0.85", "2", "France")
        for code in range(10_000, 10_230)
    ),
]
TOTALS = {
    "536365": 8 * 255 + 506,
    "541431": 7_718_360,
    "541432": 1_500,
    "541433": 1_660,
    "541434": 1,
    "541435": 230 * 3 * 85,
}
MONTHS = {
    "2010-12": {"orders": 1, "total_minor": 2_546},
    "2011-01": {"orders": 5, "total_minor": 7_780_171},
}


def write(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """Write rows as the data set has them, packed where the name says so."""
    text = StringIO()
    csv.writer(text).writerows([HEADER.split(","), *rows])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Give a file with one of each awkward case."""
    return write(tmp_path / "small.csv", ROWS)


def run(
    *arguments: object, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the script as a person does, in an environment without settings of the bridge."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ORDERFLOW_BRIDGE_")}
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)],
        cwd=cwd,
        env=clean | {"PYTHONIOENCODING": "utf-8", **(environ or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def replayed(*arguments: object, cwd: Path, **options: Any) -> Any:
    """Replay with `--json`, and give the one object on standard output."""
    done = run(*arguments, "--json", cwd=cwd, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def orders_in(home: Path, database: str | None = None) -> dict[str, Order]:
    """Read the orders as an operator does, by invoice."""
    with Bridge.open(database, home=home) as bridge:
        orders = bridge.orders.search(OrderQuery(limit=1000))
    found = {str(order.metadata["invoice"]): order for order in orders}
    assert len(found) == len(orders)
    return found


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Import the script."""
    spec = importlib.util.spec_from_file_location("online_retail_replay", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# A small file with every awkward case.


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
@pytest.mark.parametrize("way", [("--workers", "1"), ("--workers", "4"), ("--http",)])
def test_orders_are_the_invoices_to_the_penny(tmp_path, suffix, way):
    file = write(tmp_path / f"small.{suffix}", ROWS)
    summary = replayed(file, "--database", "sqlite:///shop.db", *way, cwd=tmp_path)
    assert summary["orders"] == len(TOTALS)
    assert summary["total_minor"] == sum(TOTALS.values()) == 7_782_717
    assert summary["by_month"] == MONTHS
    assert (summary["rows"], summary["sale_rows"]) == (len(ROWS), 237)
    orders = orders_in(tmp_path, f"sqlite:///{tmp_path}/shop.db")
    assert {number: order.totals.total for number, order in orders.items()} == TOTALS


def test_an_order_says_what_its_invoice_said(tmp_path, small):
    replayed(small, "--database", "memory://", cwd=tmp_path)
    assert not (tmp_path / "online-retail").exists()
    replayed(small, cwd=tmp_path)
    orders = orders_in(tmp_path / "online-retail")
    first = orders["536365"]
    assert [(line.sku, line.quantity, line.unit_price) for line in first.lines] == [
        ("85123A", 8, 255),
        ("85123A", 1, 506),
    ]
    assert first.customer.external_id == "17850"
    assert first.metadata == {
        "invoice": "536365",
        "invoiced_at": "2010-12-01 08:26:00",
        "country": "United Kingdom",
    }
    assert orders["541431"].lines[0].name == "23166"
    assert orders["541432"].lines[0].name == '12" "RED"'
    assert orders["541433"].lines[0].name == "Dotcomgiftshop £20"
    assert orders["541433"].metadata["invoiced_at"] == "2011-01-18 10:03:00"
    assert orders["541432"].customer.email == "guest-541432@example.invalid"
    assert len(orders["541435"].lines) == 230
    countries = {
        str(order.metadata["country"]): order.shipping_address.country for order in orders.values()
    }
    assert countries == {
        "United Kingdom": "GB",
        "Channel Islands": "JE",
        "EIRE": "IE",
        "RSA": "ZA",
        "European Community": "GB",
        "France": "FR",
    }


def test_a_new_database_brings_its_own_keys_that_nobody_else_can_read(tmp_path, small):
    replayed(small, cwd=tmp_path)
    keys = tmp_path / "online-retail" / "orderflow-bridge.keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


def test_the_table_has_a_line_for_each_month_and_country(tmp_path, small):
    done = run(small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["2011-01", "EIRE", "1", "15.00"] in lines
    assert ["2011-01", "Channel", "Islands", "1", "77,183.60"] in lines
    assert ["2011-01", "all", "5", "77,801.71"] in lines
    assert ["All", "all", "6", "77,827.17"] in lines
    assert "6 of 6 orders" in done.stderr
    assert "European Community" in done.stderr


def test_orders_are_paid_where_the_money_is_let_in(tmp_path, small):
    replayed(small, "--settle", cwd=tmp_path)
    orders = orders_in(tmp_path / "online-retail")
    assert {order.status for order in orders.values()} == {"paid"}


def test_started_again_it_goes_on_and_doubles_nothing(tmp_path, small):
    half = write(tmp_path / "half.csv", ROWS[:11])
    assert replayed(half, cwd=tmp_path)["placed_now"] == 4
    summary = replayed(small, cwd=tmp_path)
    assert (summary["placed_before"], summary["placed_now"]) == (4, 2)
    again = replayed(small, cwd=tmp_path)
    assert (again["orders"], again["total_minor"]) == (6, 7_782_717)
    assert (again["placed_before"], again["placed_now"]) == (6, 0)
    assert len(orders_in(tmp_path / "online-retail")) == 6


def test_through_another_connection_the_same_invoice_is_refused_by_name(tmp_path, small):
    replayed(small, cwd=tmp_path)
    with Bridge.open(home=tmp_path / "online-retail") as bridge:
        (connection,) = bridge.connections.all()
        bridge.connections.disable(connection.client_id)
    done = run(small, "--workers", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "Invoice 536365: convertToOrder: payment_intent_used" in done.stderr
    assert not done.stdout


def test_another_total_than_the_invoices_ends_it_with_the_invoices_name(tmp_path, small):
    (tmp_path / "orderflow-bridge.toml").write_text('tax = [{ country = "GB", rate = "20" }]\n')
    done = run(small, "--database", "sqlite:///shop.db", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "Invoice 536365: convertToOrder: total_changed" in done.stderr


def test_a_running_bridge_is_filled_through_its_url(tmp_path, small, script, monkeypatch):
    with Bridge.open("memory://", master_keys=RING) as bridge:
        made = bridge.connections.create("Replay", scopes=script.SCOPES)
        environ = {
            "ORDERFLOW_BRIDGE_CLIENT_ID": made.connection.client_id,
            "ORDERFLOW_BRIDGE_SECRET": made.secret,
        }
        with script.serving(BridgeWSGI(bridge=bridge)) as url:
            summary = replayed(small, "--url", url, "--workers", "4", cwd=tmp_path, environ=environ)
            nowhere = run(small, "--url", url + "/x", cwd=tmp_path, environ=environ)
    assert (summary["orders"], summary["total_minor"]) == (6, 7_782_717)
    assert nowhere.returncode == 1
    assert list(tmp_path.iterdir()) == [small]


# What goes wrong on the way.


class Unsteady:
    """A transport that loses the answer of chosen requests, after they have happened."""

    def __init__(self, within: Any, *, losing: set[int]) -> None:
        self._within = within
        self._losing = losing
        self.carts: list[str] = []
        self.sent = 0

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        self.sent += 1
        answer = self._within.post(path, headers, body)
        if self.sent in self._losing:
            raise ConnectionResetError("lost")
        if answer[0] == 200:
            self.carts.append(json.loads(answer[1])["cart_id"])
        return answer

    def close(self) -> None:
        pass


@pytest.fixture
def invoice(script, small) -> Any:
    """Give the invoice that takes three requests to fill."""
    return script.read([small], "utf-8").invoices["541435"]


def test_lost_answers_are_asked_for_again_and_nothing_happens_twice(script, invoice):
    with Bridge.open("memory://", master_keys=RING) as bridge:
        client_id, secret = script.connect(bridge)
        transport = Unsteady(script.InProcess(BridgeWSGI(bridge=bridge)), losing={2, 5})
        storefront = script.Storefront(transport, client_id, secret)
        script.replay(storefront, invoice)
        (order,) = bridge.orders.search()
    assert order.totals.total == TOTALS["541435"]
    assert order.totals.item_count == 690
    assert storefront.requests == 6


def test_a_half_filled_cart_is_found_again(script, invoice, monkeypatch):
    with Bridge.open("memory://", master_keys=RING) as bridge:
        client_id, secret = script.connect(bridge)
        within = script.InProcess(BridgeWSGI(bridge=bridge))
        stopped = Unsteady(within, losing={3})
        with monkeypatch.context() as impatient:
            impatient.setattr(script, "ATTEMPTS", 1)
            with pytest.raises(script.Problem, match="cannot be reached"):
                script.replay(script.Storefront(stopped, client_id, secret), invoice)
        resumed = Unsteady(within, losing=set())
        script.replay(script.Storefront(resumed, client_id, secret), invoice)
        (order,) = bridge.orders.search()
    assert order.totals.total == TOTALS["541435"]
    assert {*stopped.carts, *resumed.carts} == {order.cart_id}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("536365", "A", "", "six", MORNING, "1", "", "France")], "line 2: "),
        ([("536365", "A", "", "6", MORNING, "free", "", "France")], "line 2: "),
        ([("536365", "A", "", "6", "yesterday", "1", "", "France")], "is not a date"),
        ([("536365", "A")], "line 2: "),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, rows, said):
    done = run(write(tmp_path / "bad.csv", rows), cwd=tmp_path)
    assert done.returncode == 1
    assert "bad.csv" in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "online-retail").exists()


def test_a_file_that_is_no_invoices_file_is_named(tmp_path, small):
    twice = run(small, write(tmp_path / "copy.csv.gz", ROWS), cwd=tmp_path)
    assert twice.returncode == 1
    assert "was one file given twice?" in twice.stderr
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    other = run(tmp_path / "other.csv", cwd=tmp_path)
    assert "has no column Country, CustomerID" in other.stderr
    (tmp_path / "latin.csv").write_bytes(f"{HEADER}\n1,A,\xa3,1,x,1,,".encode("cp1252"))
    assert "--encoding cp1252" in run(tmp_path / "latin.csv", cwd=tmp_path).stderr
    assert run(tmp_path / "missing.csv", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("f.csv", "--workers", "0"),
        ("f.csv", "--url", "shop.example"),
        ("f.csv", "--url", "http://shop.example"),
        ("f.csv", "--url", "http://shop.example", "--http"),
        ("f.csv", "--url", "http://shop.example", "--database", "memory://"),
    ],
)
def test_a_wrong_command_line_ends_with_2(tmp_path, arguments):
    assert run(*arguments, cwd=tmp_path).returncode == 2


# The real months.


@pytest.fixture(scope="module")
def months() -> dict[str, Any]:
    """Give what every month comes to; without the data, skip."""
    if not (RETAIL / "expected.json").exists():
        pytest.skip(f"no data in {RETAIL}: set OFB_TEST_RETAIL_DATA to its folder")
    return json.loads((RETAIL / "expected.json").read_text())


def check_month(summary: Any, month: str, expected: Any) -> None:
    """Hold what was ordered in a month to what was sold in it."""
    assert summary["by_month"][month] == {
        "orders": expected["sale_invoices"],
        "total_minor": expected["sale_total_minor"],
    }


def check_months(summary: Any, months: Any) -> None:
    """Hold every month, and the whole, to what was sold."""
    for month, expected in months.items():
        check_month(summary, month, expected)
    for ours, theirs in (("orders", "sale_invoices"), ("total_minor", "sale_total_minor")):
        assert summary[ours] == sum(month[theirs] for month in months.values())
    for counted in ("rows", "sale_rows"):
        assert summary[counted] == sum(month[counted] for month in months.values())


HTTP = [
    pytest.param("sqlite", ("--http",), id="sqlite-http"),
    pytest.param("postgres", ("--http",), id="postgres-http", marks=pytest.mark.long),
]
# One file (replayed twice, below) and one server prove every penny with each change; the others
# have a month of it.
WHOLE = [pytest.param("postgres", (), id="postgres")]
OTHERS = [kind for kind in (*SHARED, *ADAPTED) if kind not in {"sqlite", "postgres"}]


def check_replay(url: str, months: Any, home: Path, *way: str) -> None:
    """Replay months into a database, and hold every order and penny to what was sold."""
    files = [RETAIL / f"{month}.csv.gz" for month in months]
    given = (*files, "--database", url, "--home", home, "--workers", "4", *way)
    check_months(replayed(*given, cwd=home, environ={"PYTHONPATH": str(ROOT)}), months)


@pytest.mark.parametrize(("kind", "way"), [*WHOLE, *HTTP])
def test_three_real_months_are_exact(
    tmp_path,
    months,
    fresh_url,  # noqa: F811 -- a fixture
    kind,
    way,
):
    """Through the mount and through HTTP."""
    check_replay(fresh_url(kind), months, tmp_path, *way)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_real_month_is_exact_on_every_other_storage(
    tmp_path,
    months,
    fresh_url,  # noqa: F811 -- a fixture
    kind,
):
    month = min(months)
    check_replay(fresh_url(kind), {month: months[month]}, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", OTHERS)
def test_three_real_months_are_exact_on_every_other_storage(
    tmp_path,
    months,
    fresh_url,  # noqa: F811 -- a fixture
    kind,
):
    check_replay(fresh_url(kind), months, tmp_path)


def test_a_second_replay_of_the_months_places_nothing(tmp_path, months):
    """What was sold is found again, and every figure with it."""
    files = [RETAIL / f"{month}.csv.gz" for month in months]
    given = (*files, "--database", "sqlite:///shop.db", "--workers", "4")
    summary = replayed(*given, cwd=tmp_path)
    check_months(summary, months)
    again = replayed(*given, cwd=tmp_path)
    assert again["by_month_and_country"] == summary["by_month_and_country"]
    assert (summary["placed_before"], again["placed_now"]) == (0, 0)
