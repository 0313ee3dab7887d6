"""`serve` and `demo`: real processes, real HTTP, and an end when they are told."""

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from http.client import HTTPConnection
from importlib.util import find_spec

import pytest

pytest.importorskip("click")

SERVERS = [
    pytest.param(("--development",), id="development"),
    pytest.param(
        (),
        id="granian",
        marks=pytest.mark.skipif(find_spec("granian") is None, reason="granian is not installed"),
    ),
]


def get(url: str, path: str, method: str = "GET", headers: dict[str, str] | None = None):
    """Send one request; give status and body."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("options", SERVERS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_and_ends_cleanly(ready, options, number):
    """The bridge is at /bridge, a page at /; a signal ends it with exit code 0."""
    ready.connect("--currency", "GBP")
    with ready.start("serve", "--port", "0", *options) as server:
        url = server.until(r"Serving (http://\S+)/bridge")[1]
        status, page = get(url, "/")
        assert (status, b"mounted at /bridge" in page) == (200, True)
        assert get(url, "/favicon.ico")[0] == 404
        status, body = get(url, "/bridge/ofc_unknown0/cart.get", "GET")
        assert (status, json.loads(body)["code"]) == (405, "method_not_allowed")
        made = ready("request", "cart.create", "--url", url, "--json").document
        assert ready("doctor", "--url", url, "--json").document["problems"] == 0
        assert server.end(number) == 0
    got = ready("request", "cart.get", "-d", json.dumps({"cart_id": made["cart_id"]}), "--json")
    assert got.document["cart_id"] == made["cart_id"]


def test_the_development_server_queues_no_more_than_it_says():
    """Connections that say nothing fill its room and no more; when they are gone it answers."""
    from orderflow_bridge.cli.serving import DevelopmentServer  # noqa: PLC0415 -- needs Click

    class Narrow(DevelopmentServer):
        request_queue_size = 2

    def page(_environ, start_response):
        start_response("204 No Content", [])
        return []

    server = Narrow(page, host="127.0.0.1", port=0, threads=1, quiet=True)
    address = server.server_address[:2]
    with server.running():
        silent = [socket.create_connection(address, timeout=10) for _ in range(5)]
        deadline = time.monotonic() + 10
        while server._pool._work_queue.qsize() < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert server._pool._work_queue.qsize() == 2
        for one in silent:
            one.close()
        assert get(server.url, "/")[0] == 204


@pytest.mark.parametrize("options", SERVERS)
def test_serve_writes_decisions_where_it_is_asked(ready, options):
    """One line of JSON for each, on every server, and none without the option."""
    for more, expected in (((), 0), (("--log-requests",), 1)):
        with ready.start("serve", "--port", "0", *options, *more) as server:
            url = server.until(r"Serving (http://\S+)/bridge")[1]
            get(url, "/bridge/ofc_unknown0/cart.get", "GET")
            assert server.end(signal.SIGTERM) == 0
            while (line := server.lines.get(timeout=30)) is not None:
                server.seen.append(line)
        decided = [json.loads(line) for line in server.seen if line.startswith('{"request_id"')]
        assert [one["code"] for one in decided] == ["method_not_allowed"] * expected


@pytest.mark.skipif(find_spec("granian") is None, reason="granian is not installed")
def test_several_workers_share_the_database_of_the_options(ready):
    """What --home and --database said reaches every process; standard output is one document."""
    made = ready.connect("--currency", "GBP")
    home = str(ready.folder)
    elsewhere = ready.folder / "elsewhere"
    elsewhere.mkdir()
    words = ("--home", home, "serve", "--port", "0", "--workers", "2", "--json", "--quiet")
    with replace(ready, folder=elsewhere).start(*words) as server:
        server.until("^}$")
        document = json.loads("".join(server.seen))
        assert document["server"] == "granian"
        given = ("--client-id", made["client_id"], "--secret", made["secret"])
        for _ in range(4):
            ready("request", "cart.create", "--url", document["url"], *given)
        assert server.end(signal.SIGTERM) == 0
        assert server.lines.get(timeout=30) is None
    assert list(elsewhere.iterdir()) == []


def test_a_taken_port_is_told_in_one_line(ready):
    """Nothing is left half started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in ((), ("--development",)):
            ended = ready("serve", "--port", port, *options, code=2)
            assert f"Cannot listen on 127.0.0.1 port {port}" in ended.err
        assert (
            "Cannot listen" in ready("demo", "--once", "--folder", "d", "--port", port, code=2).err
        )


def test_serve_refuses_what_cannot_work(line):
    """No keys, several workers without the extra, or in memory."""
    assert "orderflow-bridge init" in line("serve", "--port", "0", code=2).err
    line("init")
    both = line("serve", "--development", "--workers", "2", code=2).err
    assert "--development" in both.splitlines()[-1]
    for options in ((), ("--development",)):
        ended = line("serve", "--host", "999.9.9.9", *options, code=2)
        assert "Choose another --host." in ended.err
    line("serve", "--database", "memory://", "--workers", "2", code=2)


def test_the_development_server_takes_no_header_for_another(ready):
    """An alias with underscores does not pass as a signature header."""
    with ready.start("serve", "--development", "--port", "0") as server:
        url = server.until(r"Serving (http://\S+)/bridge")[1]
        findings = ready("doctor", "--url", url, "--json").document["findings"]
        [aliases] = [one for one in findings if one["check"] == "aliases"]
        assert aliases["state"] == "ok"


def test_the_demo_tells_a_purchase_in_the_order_it_happens(line):
    """Over real HTTP; its order is in the store afterwards."""
    ended = subprocess.run(
        [sys.executable, "-m", "orderflow_bridge", "demo", "--once", "--folder", "shop"],
        cwd=line.folder, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    steps = ("cart.create", "items.add", "items.update", "items.remove", "cart.update",
             "shipping.options", "convertToOrder", "bridge.settle", "orders.get")  # fmt: skip
    places = [ended.stdout.index(step) for step in steps]
    assert places == sorted(places)
    assert "client id  ofc_" in ended.stdout
    assert "secret     ofs_" in ended.stdout
    assert "curl -sS" in ended.stdout
    assert "without --once it serves on" in ended.stdout
    has_console = find_spec("jinja2") is not None
    assert ("console link --url" in ended.stdout) is has_console
    assert "  bridge     http" not in ended.stdout
    assert f"{sys.executable} -m orderflow_bridge orders list --home" in ended.stdout
    [order] = line("orders", "list", "--home", "shop", "--json").document["orders"]
    assert order["status"] == "paid"
    assert order["number"] in ended.stdout
    total = order["totals"]
    assert total["total"] == sum(part["total"] for part in order["lines"]) + total["shipping"]


def test_the_demos_document_has_the_essentials(line, tmp_path):
    """One JSON object; each run is a fresh shop in a folder of its own."""
    line.folder.joinpath("empty").mkdir()
    first = line("demo", "--once", "--json", "--folder", "empty").document
    assert first["number"] == "OF-000001"
    assert (first["status"], first["currency"]) == ("paid", "GBP")
    shown = line("connections", "reveal", first["client_id"], "--home", "empty", "--json").document
    assert shown["secret"] == first["secret"]
    assert (first["serving"], first["url"], first["bridge"]) == (False, None, None)
    line("demo", "--once", "--folder", "empty", code=2)
    line("demo", "--once", "--home", "elsewhere", code=2)
    line("demo", "--once", "--database", "memory://", code=2)


def test_what_the_finished_demo_shows_works_with_the_server_it_names(line):
    """`serve` as it was printed makes the signed curl good."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with line.start("demo", "--once", "--folder", "shop") as demo:
        words = shlex.split(demo.until(r"orderflow_bridge (serve .+)$")[1])
        command = demo.until(r"^(curl .+)$")[1]
        demo.process.wait(30)
    with line.start(*words) as server:
        server.until("Serving http")
        answer = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30
        )
        assert json.loads(answer.stdout)["orders"][0]["status"] == "paid"
        assert server.end(signal.SIGINT) == 0


def test_the_demo_ignores_the_environment(line, monkeypatch):
    """A shop that is configured here already is not touched."""
    monkeypatch.setenv("ORDERFLOW_BRIDGE_DATABASE", "sqlite:///real.db")
    monkeypatch.setenv("ORDERFLOW_BRIDGE_SHIPPING", "x")
    line("demo", "--once", "--json", "--folder", "shop")
    assert [path.name for path in line.folder.iterdir()] == ["shop"]


def test_the_demo_serves_on_and_its_curl_works(line):
    """What it printed can be pasted while it runs; Ctrl-C ends it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with line.start("demo", "--folder", "shop") as demo:
        command = demo.until(r"^(curl .+)$")[1]
        demo.until("Ctrl-C stops")
        for _ in range(2):
            answer = subprocess.run(
                ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30
            )
            assert json.loads(answer.stdout)["orders"][0]["status"] == "paid"
        assert demo.end(signal.SIGINT) == 0
