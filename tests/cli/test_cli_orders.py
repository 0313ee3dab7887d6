"""`orders` and `catalogue`: what an operator does from a terminal."""

import getpass
from pathlib import Path

import pytest

pytest.importorskip("click")


@pytest.fixture
def shop(ready):
    """Give a shop with one connection."""
    ready.connect()
    return ready


def test_orders_are_listed_newest_first(shop):
    """Number, status, total as people write it, and whose it is."""
    first, second = shop.order("pi_1"), shop.order("pi_2", "max@shop.example")
    listed = shop("orders", "list", "--json").document["orders"]
    assert [one["order_id"] for one in listed] == [second["order_id"], first["order_id"]]
    lines = shop("orders", "list").out.splitlines()
    assert " ".join(lines[0].split()) == "number status total currency email placed at order id"
    assert lines[1].split()[:5] == [
        second["number"],
        "pending_payment",
        "23.00",
        "GBP",
        "max@shop.example",
    ]


def test_orders_are_found_by_status_customer_and_connection(shop):
    """Filters are those of the store."""
    first, second = shop.order("pi_1"), shop.order("pi_2", "Max@shop.example")
    shop("orders", "settle", first["order_id"])

    def numbers(*words: str) -> list[str]:
        return [
            one["number"] for one in shop("orders", "list", "--json", *words).document["orders"]
        ]

    assert numbers("--status", "paid") == [first["number"]]
    assert numbers("--email", "max@SHOP.example") == [second["number"]]
    assert numbers("--limit", "1") == [second["number"]]
    shop("orders", "list", "--connection", "ofc_unknown0", code=3)
    assert shop("orders", "list", "--status", "cancelled").out == "No such order.\n"
    shop("orders", "list", "--status", "lost", code=2)


def test_who_settled_or_cancelled_is_in_the_audit(shop):
    """By the name that was given, or the login name."""
    paid, cancelled = shop.order("pi_1"), shop.order("pi_2")
    shop("orders", "settle", paid["number"], "--actor", "zoe")
    shop("orders", "cancel", cancelled["number"])
    entries = shop("audit", "--json").document["entries"]
    assert [(one["event"], one["actor"], one["subject"]) for one in entries[:2]] == [
        ("order.cancelled", getpass.getuser(), cancelled["order_id"]),
        ("order.settled", "zoe", paid["order_id"]),
    ]


def test_an_order_is_shown_by_id_and_by_number(shop):
    """Whatever the customer read from the confirmation is enough."""
    order = shop.order()
    for name in (order["order_id"], order["number"], order["number"].lower()):
        assert shop("orders", "show", name, "--json").document["order_id"] == order["order_id"]
    assert "total 23.00 GBP" in shop("orders", "show", order["number"]).out
    for name in ("OF-999999", "order_none"):
        ended = shop("orders", "show", name, "--json", code=3)
        assert ended.document["error"]["code"] == "order_not_found"


def test_settle_pays_and_a_paid_order_is_not_cancelled(shop):
    """A refusal has exit code 3 and the protocol's code."""
    number = shop.order()["number"]
    assert shop("orders", "settle", number, "--json").document["status"] == "paid"
    ended = shop("orders", "cancel", number, "--json", code=3)
    assert ended.document["error"]["code"] == "order_not_cancellable"


def test_a_reason_with_a_card_number_is_refused(shop):
    """The order stays as it is; the reason would have been kept with it."""
    number = shop.order()["number"]
    reason = "paid with 4111 1111 1111 1111"
    ended = shop("orders", "cancel", number, "--reason", reason, "--json", code=2)
    assert "looks like a card number" in ended.document["error"]["detail"]
    assert "4111" not in ended.out + ended.err
    assert shop("orders", "show", number, "--json").document["status"] == "pending_payment"


def test_a_reason_that_is_too_long_is_refused(shop):
    """As a storefront's is; the order stays as it is until the reason is shorter."""
    number = shop.order()["number"]
    ended = shop("orders", "cancel", number, "--reason", "é" * 301, "--json", code=2)
    assert ended.document["error"]["detail"] == "reason: has more than 300 characters."
    assert shop("orders", "show", number, "--json").document["status"] == "pending_payment"
    cancelled = shop("orders", "cancel", number, "--reason", "é" * 300, "--json").document
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "é" * 300)


def test_cancel_keeps_the_reason_and_late_money_is_loud(shop):
    """Money that comes after a cancellation asks to be refunded."""
    number = shop.order()["number"]
    cancelled = shop("orders", "cancel", number, "--reason", "changed mind", "--json").document
    assert cancelled["status"] == "cancelled"
    assert cancelled["cancel_reason"] == "changed mind"
    assert "changed mind" in shop("orders", "show", number).out
    settled = shop("orders", "settle", number)
    assert "paid_after_cancel" in settled.out
    assert settled.err.count("refund") == 1
    assert "refund" in shop("orders", "settle", number, "--json").document["warnings"][0]
    assert "refund" in shop("orders", "show", number).err


def test_settling_writes_its_warning_once(shop):
    """The log's line, which a process without logging prints, would be the second."""
    number = shop.order()["number"]
    shop("orders", "cancel", number)
    with shop.start("orders", "settle", number) as settling:
        settling.until("subtotal")
        while (text := settling.lines.get(timeout=30)) is not None:
            settling.seen.append(text)
    assert "".join(settling.seen).count("refund it") == 1


def test_a_buyers_text_does_not_steer_the_terminal(shop):
    """Control characters are shown, not obeyed; JSON has them escaped."""
    shop.order(email="\x1b[2Jx\x9b@shop.example")
    for words in (
        ("orders", "list"),
        ("orders", "show", "OF-000001"),
        ("orders", "list", "--json"),
    ):
        out = shop(*words).out
        assert "\x1b" not in out
        assert "\x9b" not in out


def test_an_import_names_every_bad_row_and_imports_nothing(ready):
    """Exit code 1, each line on standard error, and the catalogue as before."""
    Path("bad.csv").write_text("sku,name,price\nA,Apple,1.00\nB,Berry,x\n,Cherry,2.00\n")
    ended = ready("catalogue", "import", "bad.csv", "--currency", "GBP", code=1)
    assert "line 3: " in ended.err
    assert "line 4: " in ended.err
    assert "Nothing was imported: 2 bad rows." in ended.err
    assert ended.out == ""
    document = ready("catalogue", "import", "bad.csv", "--currency", "GBP", "--json", code=1)
    assert document.document["imported"] == 0
    assert [one["line"] for one in document.document["problems"]] == [3, 4]
    assert document.document["error"]["code"] == "bad_rows"
    products = ready("catalogue", "list", "--json").document["products"]
    assert [one["sku"] for one in products] == ["MUG"]


def test_skip_bad_imports_the_rest(ready):
    """What was left out is still named."""
    Path("bad.csv").write_text("sku,name,price\nA,Apple,1.00\nB,Berry,x\n")
    words = ("catalogue", "import", "bad.csv", "--currency", "GBP", "--skip-bad")
    ended = ready(*words)
    assert ended.out == "Imported 1 product, skipped 1 bad row\n"
    assert "line 3: " in ended.err
    assert ready(*words, "--json").document["skipped"] == 1


def test_a_file_that_is_no_catalogue_fails(ready):
    """A wrong header is the file's fault, a wrong currency the command's."""
    Path("bad.csv").write_text("one,two\n1,2\n")
    ended = ready("catalogue", "import", "bad.csv", "--currency", "GBP", "--json", code=1)
    assert ended.document["error"]["code"] == "bad_file"
    Path("bare.csv").write_text("sku,name,price\nA,Apple,1.00\n")
    assert "--currency GBP" in ready("catalogue", "import", "bare.csv", code=1).err
    Path("bare.csv").write_text("sku,name,price,currency\nA,Apple,1.00,\n")
    assert "--currency GBP" in ready("catalogue", "import", "bare.csv", code=1).err
    ready("catalogue", "import", "products.csv", "--currency", "POUND", code=2)
    ready("catalogue", "import", "missing.csv", code=2)


def test_progress_goes_to_standard_error(ready):
    """Lines where there is no terminal; nothing where it was asked to be quiet."""
    rows = "".join(f"S{number},Thing,1.00\n" for number in range(5_000))
    words = ("catalogue", "import", "-", "--currency", "GBP")
    ended = ready(*words, stdin=f"sku,name,price\n{rows}")
    assert "5000 written" in ended.err
    assert ended.out == "Imported 5000 products\n"
    assert ready(*words, "--quiet", stdin=f"sku,name,price\n{rows}").err == ""


def test_the_catalogue_is_listed_in_parts(ready):
    """Prices as people write them; a hint leads on."""
    Path("more.csv").write_text("sku,name,price,currency\nA,Apple,1.00,GBP\nB,Bow,300,JPY\n")
    ready("catalogue", "import", "more.csv")
    listed = ready("catalogue", "list", "--limit", "2")
    assert "1.00 GBP" in listed.out
    assert "300 JPY" in listed.out
    assert "--after B" in listed.err
    rest = ready("catalogue", "list", "--after", "B", "--json").document["products"]
    assert [(one["sku"], one["prices"], one["stock"]) for one in rest] == [
        ("MUG", {"GBP": 1150}, 10)
    ]
    assert "behind zzz" in ready("catalogue", "list", "--after", "zzz").out


def test_columns_stay_in_line_whatever_the_names_are(ready):
    """A sign of East Asia takes two columns, a combining one none; what is too long is cut."""
    Path("more.csv").write_text(
        "sku,name,price,currency,stock\n"
        f"A,茶碗,1.00,GBP,1\nB,Cafe\u0301,1.00,GBP,1\nC,{'long ' * 20}end,1.00,GBP,1\n",
        encoding="utf-8",
    )
    ready("catalogue", "import", "more.csv")
    _, wide, combined, long, _ = ready("catalogue", "list").out.splitlines()
    assert "long…" in long
    assert long.index("1.00") == wide.index("1.00") + 2 == combined.index("1.00") - 1
    assert "end" not in long
    assert "end" in ready("catalogue", "list", "--json").out
