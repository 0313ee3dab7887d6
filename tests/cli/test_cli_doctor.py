"""`doctor`: each finding with its fix."""

import socket
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

pytest.importorskip("click")

from orderflow_bridge import Bridge
from orderflow_bridge.settings import Settings
from tests.redis_server import REDIS, redis_prefix  # noqa: F401 -- a fixture


class Later:
    """A clock an hour ahead."""

    def now(self) -> int:
        """Tell Unix milliseconds."""
        return time.time_ns() // 1_000_000 + 3_600_000


def examined(line, *words: str, code: int = 0) -> dict[str, list[tuple[str, str, str]]]:
    """Run the doctor; give (state, found, fix) by check."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in line("doctor", "--json", *words, code=code).document["findings"]:
        found.setdefault(one["check"], []).append((one["state"], one["found"], one["fix"]))
    return found


def problem(line, check: str, *words: str) -> str:
    """Give found and fix of the one problem there is."""
    findings = examined(line, *words, code=1)
    problems = [name for name, all_ in findings.items() for one in all_ if one[0] == "problem"]
    assert problems == [check]
    [(_, found, fix)] = findings[check]
    assert fix
    return f"{found} {fix}"


def settings(text: str) -> None:
    """Put settings in front of those that `init` wrote."""
    path = Path("orderflow-bridge.toml")
    path.write_text(text + "\n" + path.read_text())


def test_a_sound_configuration_has_no_problem(ready):
    """Everything is named with what was compared, and only warnings remain."""
    client_id = ready.connect()["client_id"]
    findings = examined(ready)
    states = {name: all_[0][0] for name, all_ in findings.items()}
    assert states.pop(f"connection {client_id}") == "warning"
    assert set(states.values()) == {"ok"}
    assert "newest record in the database" in findings["clock"][0][1]
    ready("connections", "allow", client_id, "127.0.0.1")
    assert "warning" not in ready("doctor").out


def test_an_empty_folder_is_told_to_init(line):
    """Nothing is created by looking."""
    findings = examined(line, code=1)
    assert findings["settings"][0][0] == "warning"
    assert findings["keys"][0][0] == "problem"
    assert "orderflow-bridge init" in findings["keys"][0][1]
    assert list(Path().iterdir()) == []


def test_settings_that_cannot_be_read_are_a_problem(ready):
    """The finding names the setting."""
    settings("pool_size = 0")
    assert "pool_size" in problem(ready, "settings")


def test_keys_that_others_can_read_are_a_problem(ready):
    """The fix is a command."""
    Path("orderflow-bridge.keys").chmod(0o644)
    assert "chmod 600" in problem(ready, "keys")


def test_weak_keys_are_a_problem_and_are_not_shown(ready):
    """The file is judged, its content never printed."""
    path = Path("orderflow-bridge.keys")
    path.write_text("k1:c2hvcnQ\n")
    assert "c2hvcnQ" not in problem(ready, "keys")


def test_keys_in_an_open_settings_file_are_a_problem(ready):
    """The same goes for a ring that stands among the settings."""
    ring = Path("orderflow-bridge.keys").read_text().strip()
    settings(f'master_keys = "{ring}"')
    assert "chmod 600" in problem(ready, "settings")
    assert "chmod 600" in ready("orders", "list", code=2).err
    Path("orderflow-bridge.toml").chmod(0o600)
    assert examined(ready)["keys"][0][0] == "ok"


def test_a_wrong_table_is_a_problem(ready):
    """Pricing would refuse to start."""
    path = Path("orderflow-bridge.toml")
    path.write_text(path.read_text() + '\n[[tax]]\nrate = "20"\ncountry = "XX"\n')
    problem(ready, "pricing")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ('trusted_proxies = ["127.0.0.1"]', "client_address_header"),
        ('client_address_header = "X-Forwarded-For"', "trusted_proxies"),
        ('trusted_proxies = ["proxy"]\nclient_address_header = "X-Real-IP"', "trusted_proxies"),
    ],
)
def test_proxies_and_their_header_go_together(ready, text, fix):
    """One without the other sees the wrong address."""
    settings(text)
    assert fix in problem(ready, "proxies")


def test_proxies_with_a_header_are_fine(ready):
    """Requests of the command line itself still say where they seem to come from."""
    settings('trusted_proxies = ["127.0.0.1"]\nclient_address_header = "X-Forwarded-For"')
    assert examined(ready)["proxies"][0][0] == "ok"
    ready.connect("--allow", "127.0.0.1", "--currency", "GBP")
    ready("request", "cart.create")


def test_a_missing_database_file_is_a_problem(ready):
    """It is not created by looking."""
    Path("orderflow-bridge.db").unlink()
    assert "migrate" in problem(ready, "database")
    assert not Path("orderflow-bridge.db").exists()


def test_an_empty_database_needs_its_migrations(ready):
    """And `migrate` is the fix."""
    for path in Path().glob("orderflow-bridge.db*"):
        path.unlink()
    Path("orderflow-bridge.db").touch()
    assert "orderflow-bridge migrate" in problem(ready, "migrations")
    assert ready("migrate", "--plan", "--json").document["pending"]
    assert ready("migrate", "--json").document["applied"]
    assert examined(ready)["migrations"][0][0] == "ok"


def test_a_database_that_does_not_answer_is_a_problem(ready):
    """Its password is not printed, and other commands end with 4."""
    pytest.importorskip("psycopg")
    url = "postgresql://u:hidden@127.0.0.1:1/shop"
    assert "hidden" not in problem(ready, "database", "--database", url)
    ended = ready("orders", "list", "--database", url, "--json", code=4)
    assert ended.document["error"]["code"] == "storage_unavailable"


def test_a_database_of_no_kind_is_a_problem(ready):
    """It says which kinds there are."""
    assert "postgresql" in problem(ready, "database", "--database", "oracle://x")


def test_the_fix_is_what_the_error_says(ready, monkeypatch):
    """A driver to install, another version, another file: not a setting to correct."""

    def fix(*words: str) -> str:
        [(_, _, fix)] = [
            one for one in examined(ready, *words, code=1)["database"] if one[0] == "problem"
        ]
        return fix

    Path("other.db").write_text("this is no database at all\n" * 100)
    assert "another one" in fix("--database", "sqlite:///other.db")
    with sqlite3.connect("orderflow-bridge.db") as database:
        database.execute("INSERT INTO ofb_migrations VALUES (999, '0999_later', 0)")
    database.close()
    assert fix().startswith("install the orderflow-bridge that made it")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert fix("--database", "postgresql://u@h/n").startswith("pip install")


def test_memory_is_a_warning(ready):
    """Nothing would be kept, and what else is off stands beside it."""
    [(state, found, fix)] = examined(ready, "--database", "memory://")["storage"]
    assert state == "warning"
    assert found == (
        "MemoryStorage of orderflow_bridge can: products, stock, rates, audit, privacy, search,"
        " journal, sessions. Off: `migrate` (see migrations); nothing outlives the process; one"
        " process at a time."
    )
    assert "file" in fix


def test_a_storage_that_can_do_everything_says_so(ready):
    """Nothing is off."""
    [(state, found, _)] = examined(ready)["storage"]
    assert state == "ok"
    assert found == (
        "PeeweeStorage of orderflow_bridge can: products, stock, rates, audit, privacy, search,"
        " journal, sessions, migrations, durable, processes."
    )


def test_a_connection_of_another_key_is_a_problem(ready):
    """The key has to come back, or the connection be rotated."""
    client_id = ready.connect()["client_id"]
    Path("orderflow-bridge.keys").unlink()
    ready("init", "--home", "other")
    Path("orderflow-bridge.keys").write_text(
        Path("other/orderflow-bridge.keys").read_text().replace("k1:", "k2:")
    )
    Path("orderflow-bridge.keys").chmod(0o600)
    assert f"connections rotate {client_id}" in problem(ready, f"connection {client_id}")
    assert "not in the ring" in ready("connections", "show", client_id).err
    ready("connections", "reveal", client_id, code=2)


def test_a_clock_behind_the_records_is_a_problem(ready):
    """A record from the future tells it."""
    with Bridge.open(settings=Settings.load(), clock=Later()) as bridge:
        bridge.connections.create("Later", scopes=["carts:read"])
    assert "NTP" in problem(ready, "clock")


def test_a_pool_of_one_is_a_warning(ready):
    """One request would wait for another."""
    settings("pool_size = 1")
    assert examined(ready)["pool"][0][0] == "warning"


def test_no_connection_is_a_warning(ready):
    """Nobody could call."""
    assert examined(ready)["connections"][0][0] == "warning"


@pytest.fixture
def site():
    """Give a site that has no bridge; `answers` is what it says: status, headers, body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body = self.server.answers
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("answers", "fix"),
    [
        ((404, {}, b"<h1>no</h1>"), "not mounted there"),
        ((403, {}, b"CSRF"), "Something before the bridge"),
        ((301, {"Location": "https://x/"}, b""), "redirects"),
        (
            (415, {"X-Request-Id": "req_1"}, b'{"code":"unsupported_media_type"}'),
            "what does the proxy change",
        ),
    ],
)
def test_a_site_without_the_bridge_is_a_problem(ready, site, answers, fix):
    """What answered is told, and what it may mean."""
    site.answers = answers
    url = f"http://127.0.0.1:{site.server_port}"
    assert fix in problem(ready, "mount", "--url", url)


def test_a_site_with_another_clock_is_a_problem(ready, site):
    """Signatures would be refused."""
    date = {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}
    site.answers = (401, date, b'{"code":"missing_auth_header"}')
    url = f"http://127.0.0.1:{site.server_port}"
    assert "NTP" in problem(ready, "site clock", "--url", url)


def test_a_site_that_is_down_is_a_problem(ready):
    """The doctor goes on to tell it."""
    problem(ready, "mount", "--url", "http://127.0.0.1:1")


def test_a_rate_ledger_is_asked(ready, redis_prefix):  # noqa: F811 -- a fixture
    """It answers, and what it limits stands beside it; without a limit it has nothing to do."""
    assert "rates" not in examined(ready)
    settings(f'rate_ledger = "{REDIS}"')
    [(state, found, fix)] = examined(ready)["rates"]
    assert (state, found) == ("warning", "RedisRates has nothing to count: no limit is set.")
    assert "max_writes_per_minute" in fix
    settings("max_writes_per_minute = 60")
    [(state, found, _)] = examined(ready)["rates"]
    assert (state, found) == ("ok", "RedisRates answers; 60 writes a minute for each connection.")


def test_a_rate_ledger_that_is_away_is_a_problem(ready, redis_prefix):  # noqa: F811 -- a fixture
    """Nothing is limited then, and nothing but the doctor and the log would tell."""
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    settings(f'max_writes_per_minute = 60\nrate_ledger = "redis://:hush@127.0.0.1:{port}/0"')
    said = problem(ready, "rates")
    assert "writes are not limited" in said
    assert "hush" not in said
