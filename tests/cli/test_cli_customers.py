"""`customers`: what a person may ask of a shop, done from a terminal."""

import getpass

import pytest

from tests.canary.marks import EMAIL

pytest.importorskip("click")

ZOE = EMAIL


@pytest.fixture
def shop(ready):
    """Give a shop with one connection, and a paid order of one customer."""
    ready.connect()
    ready("orders", "settle", ready.order("pi_1")["order_id"])
    return ready


def test_an_export_is_one_document(shop):
    """With `--json` and without, whatever the case; and of nobody it is empty."""
    document = shop("customers", "export", ZOE.upper()).document
    assert document["format"] == "orderflow-bridge/customer/1"
    assert [one["customer"]["email"] for one in document["orders"]] == [ZOE]
    assert len(document["answers"]) == 2
    words = ("customers", "export", ZOE, "--format", "json", "--json")
    assert shop(*words).document["orders"] == document["orders"]
    nobody = shop("customers", "export", "max@shop.example").document
    assert (nobody["orders"], nobody["carts"], nobody["answers"]) == ([], [], [])
    shop("customers", "export", ZOE, "--format", "csv", code=2)
    shop("customers", "export", " ", code=2)


def test_an_erasure_asks_first(shop):
    """The question has the counts and what is lost; without a yes nothing happens."""
    refused = shop("customers", "erase", ZOE, stdin="n\n", code=3)
    assert "Erase 1 order, 1 cart and 1 stored answer for ever?" in refused.err
    assert "not shipped yet loses its address" in refused.err
    # Older versions of Click's runner show there what was typed.
    assert "rased" not in refused.out
    assert shop("orders", "list", "--email", ZOE, "--json").document["orders"]
    done = shop("customers", "erase", ZOE, stdin="y\n")
    assert done.out.endswith("Erased 1 order, 1 cart and 1 stored answer.\n")
    assert shop("orders", "list", "--email", ZOE, "--json").document["orders"] == []
    [order] = shop("orders", "list", "--json").document["orders"]
    assert order["totals"]["total"] == 2300
    assert order["customer"] == {"email": "erased@customer.invalid"}


def test_a_program_says_yes_beforehand(shop):
    """Standard output is one document, and a second erasure finds nothing."""
    done = shop("customers", "erase", ZOE, "--yes", "--json", "--actor", "bob").document
    assert (done["orders"], done["carts"], done["answers"]) == (1, 1, 1)
    again = shop("customers", "erase", ZOE, "--json").document
    assert (again["orders"], again["carts"], again["answers"]) == (0, 0, 0)
    entries = shop("audit", "--subject", done["erasure_id"], "--json").document["entries"]
    assert {(one["actor"], one["event"]) for one in entries} == {("bob", "customer.erased")}
    shop("customers", "export", ZOE)
    newest = shop("audit", "--limit", "1", "--json").document["entries"][0]
    assert (newest["event"], newest["actor"]) == ("customer.exported", getpass.getuser())


def test_a_dry_run_only_tells(shop):
    """It neither asks nor changes anything."""
    told = shop("customers", "erase", ZOE, "--dry-run")
    assert told.out == "Would erase 1 order, 1 cart and 1 stored answer.\n"
    document = shop("customers", "erase", ZOE, "--dry-run", "--json").document
    assert (document["orders"], document["erasure_id"]) == (1, None)
    assert shop("orders", "list", "--email", ZOE, "--json").document["orders"]


def test_what_waits_for_its_payment_is_left_and_told(shop):
    """The rest is erased; the exit code says that something is left, the warning says what."""
    order = shop.order("pi_2")
    told = shop("customers", "erase", ZOE, "--dry-run")
    assert f"Left whole, since unpaid: {order['order_id']}." in told.err
    ended = shop("customers", "erase", ZOE, "--yes", "--json", code=3)
    assert ended.document["orders"] == 1
    assert ended.document["unpaid"] == [order["order_id"]]
    assert "Warning: Left whole" in ended.err
    shop("orders", "cancel", order["order_id"])
    assert shop("customers", "erase", ZOE, "--yes", "--json").document["orders"] == 1
