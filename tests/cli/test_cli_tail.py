"""`tail`: the requests as they come, from every process that serves them."""

import signal

import pytest

pytest.importorskip("click")


def test_the_last_requests_are_shown_once(ready):
    """Oldest first for a person, newest first in the document, as the journal has them."""
    client_id = ready.connect()["client_id"]
    assert ready("tail", "--once").out == "There is no request.\n"
    ready("request", "cart.create", "-d", '{"currency": "GBP"}')
    ready("request", "cart.get", "-d", '{"cart_id": "cart_none"}', code=1)
    other = ready.connect()["client_id"]
    ready("request", "orders.list", "--connection", other)
    out = ready("tail", "--once").out.splitlines()
    assert [line.split()[3] for line in out] == ["cart.create", "cart.get", "orders.list"]
    found = ready("tail", "--once", "--json").document["requests"]
    assert [one["action"] for one in found] == ["orders.list", "cart.get", "cart.create"]
    of_one = ready("tail", "--once", "--connection", client_id, "--refused", "--json").document
    assert [one["code"] for one in of_one["requests"]] == ["cart_not_found"]
    assert len(ready("tail", "--once", "--limit", "1").out.splitlines()) == 1


def test_a_code_that_nobody_proved_to_have_signed_stands_in_brackets(ready):
    """Anybody can name a client id."""
    client_id = ready.connect()["client_id"]
    wrong = ("--client-id", client_id, "--secret", "ofs_" + "x" * 43)
    ready("request", "orders.list", *wrong, code=1)
    assert " [authentication_failed] " in ready("tail", "--once").out


def test_live_lines_are_no_document(ready):
    """With --json there is exactly one."""
    assert ready("tail", "--json", code=2).document["error"]["code"] == "usage"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_shows_what_comes_until_it_is_told_to_stop(ready, number):
    """What was there, then what comes, each once; a signal ends it with exit code 0."""
    ready.connect()
    ready("request", "orders.list")
    with ready.start("tail") as tail:
        tail.until(r" orders\.list .* 200 ")
        for code in ("cart_not_found", "order_not_found"):
            if code == "cart_not_found":
                ready("request", "cart.get", "-d", '{"cart_id": "cart_none"}', code=1)
            else:
                ready("request", "orders.get", "-d", '{"order_id": "order_none"}', code=1)
            tail.until(code)
        assert tail.end(number) == 0
    assert sum("orders.list" in line for line in tail.seen) == 1
    assert sum("cart_not_found" in line for line in tail.seen) == 1


def test_only_the_refused_are_shown_where_that_is_asked(ready):
    """Live, too."""
    ready.connect()
    with ready.start("tail", "--refused", "--limit", "0") as tail:
        tail.until("Waiting for requests")
        ready("request", "orders.list")
        ready("request", "orders.get", "-d", '{"order_id": "order_none"}', code=1)
        tail.until("order_not_found")
        assert tail.end(signal.SIGTERM) == 0
    assert not any("orders.list" in line for line in tail.seen)
