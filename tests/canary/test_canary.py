"""The watch over the whole suite can fail: each kind of leak, in each place, is found and told."""

import importlib
import json
import logging
import os
import sqlite3
import subprocess
import sys
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus

import pytest

from orderflow_bridge.http import Response
from tests.canary.marks import CARDS, EMAIL, MASTER_KEY, NAME, PEOPLE, SECRET
from tests.canary.places import FILES, KEYS_FILE, PRINTED, kinds_of_table
from tests.canary.search import Search
from tests.canary.session import Canary
from tests.canary.tables import rows_of_redis
from tests.redis_server import REDIS, redis_prefix  # noqa: F401 -- a fixture
from tests.rig import RING, open_shop

UNKNOWN = "ofs_" + urlsafe_b64encode(bytes(range(100, 132))).decode().rstrip("=")

EACH = [
    pytest.param("master key", MASTER_KEY, id="master-key"),
    pytest.param("secret", SECRET, id="secret"),
    pytest.param("secret", UNKNOWN, id="secret-of-anyone"),
    *(pytest.param("card number", one, id=f"card-{n}") for n, one in enumerate(CARDS)),
    *(pytest.param("personal data", one, id=f"person-{n}") for n, one in enumerate(PEOPLE)),
]

WRITTEN = {
    "plain": str.encode,
    "repr": lambda text: repr({"a": text}).encode(),
    "JSON": lambda text: json.dumps({"a": text}).encode(),
    "base64": lambda text: b64encode(text.encode()),
    "base64-later": lambda text: b64encode(b"Basic 1:" + text.encode() + b":x"),
    "base64-last": lambda text: b64encode(b"1234567" + text.encode()),
    "base64url": lambda text: urlsafe_b64encode(b"??>" + text.encode() + b"??>"),
    "hex": lambda text: text.encode().hex().encode(),
    "upper-case hex": lambda text: text.encode().hex().upper().encode(),
    "URL": lambda text: quote_plus(text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Give a folder that the watch over this session does not search."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def canary() -> Canary:
    """Give a search of this test's own."""
    return Canary()


def kinds(text: bytes) -> set[str]:
    return {found.kind for found in Search.for_all().find(text)}


class TestSearch:
    """What is found in bytes."""

    @pytest.mark.parametrize("way", WRITTEN)
    @pytest.mark.parametrize(("kind", "text"), EACH)
    def test_each_kind_is_found_however_it_is_written(self, kind: str, text: str, way: str) -> None:
        """Whatever stands around it."""
        assert kind in kinds(b"\0 before " + WRITTEN[way](text) + b" after")

    @pytest.mark.parametrize(
        "between", [" ", "-", ".", "\u00a0", "\u200b", " - ", "%20", "\\u00a0"]
    )
    def test_a_card_is_found_in_groups(self, between: str) -> None:
        """Four by four, or as American Express prints it."""
        for card, sizes in ((CARDS[0], (4, 8, 12)), (CARDS[1], (4, 10))):
            ends = [*sizes, len(card)]
            groups = [card[at:end] for at, end in zip([0, *sizes], ends, strict=True)]
            assert kinds(between.join(groups).encode()) == {"card number"}

    def test_the_bytes_of_a_key_and_of_a_secret_are_found(self) -> None:
        """As a column of bytes would have them."""
        for text, kind in ((MASTER_KEY, "master key"), (SECRET[4:], "secret")):
            raw = urlsafe_b64decode(text + "=")
            assert kinds(b"\0" + raw + b"\0") == kinds(raw.hex().encode()) == {kind}

    def test_what_looks_alike_is_not_found(self) -> None:
        """A longer number, a shortened secret, a client id, a hash."""
        for text in (
            "1" + CARDS[0],
            CARDS[0] + "2",
            "ofs_...",
            "ofc_00000000000000000000",
            "ab" * 99,
        ):
            assert kinds(text.encode()) == set()

    def test_the_end_of_a_piece_hides_nothing(self) -> None:
        """A stream is read a piece at a time, and each canary is found across two of them."""
        for where in range((1 << 20) - len(SECRET) - 1, (1 << 20) + 2, 7):
            stream = BytesIO(b"." * where + SECRET.encode() + b"." * 10)
            assert Search.for_all().find_in(stream)


class TestPlaces:
    """Where something may be, and where not."""

    def test_customers_are_in_carts_orders_and_answers_only(
        self, canary: Canary, elsewhere
    ) -> None:
        """A secret is in no table at all; what was deleted, and what is in the WAL, counts too."""
        path = elsewhere / "shop.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            for table in ("ofb_orders", "ofb_audit"):
                database.execute(f"CREATE TABLE {table} (document TEXT)")
                database.execute(f"INSERT INTO {table} VALUES (?)", (json.dumps(NAME),))
            database.execute("INSERT INTO ofb_orders VALUES (?)", (SECRET,))
            database.execute("DELETE FROM ofb_orders WHERE document = ?", (SECRET,))
            canary.look_at_files(elsewhere)
        told = sorted(canary.leaks)
        assert any("personal data" in one and "ofb_audit" in one for one in told)
        assert any("secret" in one and "shop.db-wal" in one for one in told)
        assert not any("personal data" in one and "ofb_orders" in one for one in told)

    def test_what_is_installed_is_no_work_of_the_tests(self, canary: Canary, elsewhere) -> None:
        """Beside it, everything is."""
        for folder in ("site-packages", "own-packages"):
            (elsewhere / folder).mkdir()
            (elsewhere / folder / "sample.txt").write_text(SECRET)
        canary.look_at_files(elsewhere)
        assert all("own-packages" in one for one in canary.leaks)
        assert canary.leaks

    def test_a_table_is_judged_by_its_own_name(self) -> None:
        """The project's name says "order" too."""
        for table in ("ofb_audit", "orderflow_connections", "orderflow_bridge_replay"):
            assert "personal data" in kinds_of_table(table)
        for table in ("ofb_carts", "orderflow_orders", "orderflow_bridge_answer"):
            assert "personal data" not in kinds_of_table(table)
            assert "secret" in kinds_of_table(table)

    def test_redis_is_searched_whatever_is_kept_there(
        self,
        canary: Canary,
        redis_prefix,  # noqa: F811 -- a fixture
    ) -> None:
        """A key's own name, and what is under it, however it is kept; not even a customer."""
        client = importlib.import_module("redis").Redis.from_url(REDIS)
        writes = {
            "string": lambda key: client.set(key, SECRET),
            "list": lambda key: client.rpush(key, "1", SECRET),
            "set": lambda key: client.sadd(key, SECRET),
            "zset": lambda key: client.zadd(key, {SECRET: 1}),
            "hash": lambda key: client.hset(key, "field", SECRET),
            "stream": lambda key: client.xadd(key, {"field": SECRET}),
            EMAIL: lambda key: client.set(key, 1),
        }
        for name, write in writes.items():
            key = f"{redis_prefix}{name}"
            write(key)
            canary.look_at_rows(rows_of_redis(client, f"{redis_prefix}*"), f"a {name}")
            client.delete(key)
        client.close()
        told = [(one.split(" (")[0], one.split(", a ")[1]) for one in canary.leaks]
        assert set(told) == {
            ("personal data" if name == EMAIL else "secret", name) for name in writes
        }

    def test_a_key_is_in_its_ring_only(self, canary: Canary, elsewhere) -> None:
        """Whichever key the ring has."""
        key = urlsafe_b64encode(bytes(range(50, 82))).decode().rstrip("=")
        (elsewhere / KEYS_FILE).write_text(f"k2:{key}\n{RING}\n")
        canary.look_at_files(elsewhere)
        assert not canary.leaks
        (elsewhere / "backup.txt").write_text(key)
        canary.look_at_files(elsewhere)
        canary.look_at_output(("keys", "list"), key, elsewhere)
        assert sorted({one.split(" in ")[1].split(":")[0] for one in canary.leaks}) == [
            "file",
            "output",
        ]

    def test_a_log_record_is_searched_whole(self, canary: Canary) -> None:
        """Its message, its arguments and its traceback."""
        with pytest.raises(KeyError) as raised:
            {}[EMAIL]
        failed = raised.type, raised.value, raised.tb
        for message, given, info in (
            (f"at {SECRET}", (), None),
            ("at %s", (CARDS[0],), None),
            ("%d", (MASTER_KEY,), None),
            ("failed", (), failed),
        ):
            canary.look_at_record(
                logging.LogRecord("x", logging.INFO, "f.py", 1, message, given, info), "a test"
            )
        assert {one.partition(" (")[0] for one in canary.leaks} == {
            "secret",
            "card number",
            "master key",
            "personal data",
        }

    def test_a_refusal_names_a_customer_in_its_cart_only(self, canary: Canary) -> None:
        """An answer names her; neither has anything else."""
        order = json.dumps({"customer": {"email": EMAIL}}).encode()
        canary.look_at_answer(Response(status=200, headers=(), body=order), "a test")
        problem = {"code": "version_conflict", "cart": {"customer": {"email": EMAIL}}}
        canary.look_at_answer(
            Response(status=409, headers=(), body=json.dumps(problem).encode()), "a test"
        )
        assert not canary.leaks
        for text in (EMAIL, CARDS[0]):
            problem["detail"] = text
            canary.look_at_answer(
                Response(status=409, headers=(), body=json.dumps(problem).encode()), "a test"
            )
        assert {one.partition(" (")[0] for one in canary.leaks} == {"personal data", "card number"}

    def test_a_secret_is_printed_by_commands_that_are_for_it(
        self, canary: Canary, elsewhere
    ) -> None:
        """And never on standard error."""
        canary.look_at_output(("connections", "create", "A"), SECRET, elsewhere)
        assert not canary.leaks
        canary.look_at_output(("stderr", "connections", "create", "A"), SECRET, elsewhere)
        canary.look_at_output(("connections", "list"), SECRET, elsewhere)
        assert len(canary.leaks) == 2

    def test_what_is_told_is_bounded(self, canary: Canary) -> None:
        """However many leaks there are."""
        for number in range(1_000):
            canary.look("file", f"number {number}", SECRET.encode())
        assert len(canary.leaks) < 100
        assert canary.leaks.total() == 1_000

    def test_each_exemption_has_its_reason(self) -> None:
        """And exempts one kind, by a pattern that is no name for everything."""
        for one in (*FILES, *PRINTED):
            assert one.reason
            assert len(one.kinds) == 1
            assert len(one.pattern.strip("*")) > 3


def test_the_suite_works_with_the_canaries() -> None:
    """The rig's shop derives the known secret from the known key, for a known customer."""
    shop = open_shop()
    front = shop.storefront()
    assert RING.endswith(MASTER_KEY)
    assert front.secret == SECRET
    assert (
        front.order(front.cart({"sku": "tea", "quantity": 1})["cart_id"])["customer"]["name"]
        == NAME
    )


# Each is a test of a suite that leaks: how, what, and where it must be told.
LEAKS = {
    "file": ("secret", "(tmp_path / 'dump.txt').write_text(SECRET)"),
    "file: test_leak_10/a.db": ("card number", "(tmp_path / 'a.db').write_bytes(kept(CARDS[0]))"),
    "log": ("personal data", "logging.getLogger('orderflow_bridge').debug('from %s', EMAIL)"),
    "output: Captured stdout": ("master key", "print(MASTER_KEY)"),
    "output: Captured stderr": ("secret", "os.system('echo ' + SECRET + ' >&2')"),
    "problem": (
        "personal data",
        "open_shop(catalogue=Quoting()).storefront().cart({'sku': 'tea', 'quantity': 1})",
    ),
}

CONFTEST = """
from tests.canary.session import watch

def pytest_configure(config):
    watch(config)
"""

SUITE = """
import logging, os, sqlite3
from contextlib import closing, suppress
from orderflow_bridge.domain.errors import BridgeError
from tests.canary.marks import CARDS, EMAIL, MASTER_KEY, SECRET
from tests.rig import open_shop

def kept(text):
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE ofb_orders AS SELECT ?", [text])
        return database.serialize()

class Quoting:
    def find(self, skus, currency):
        raise BridgeError("unknown_sku", "Not for " + EMAIL)

def test_nothing(tmp_path):
    with suppress(AssertionError):
        open_shop().storefront().ok("cart.get", cart_id="none")
"""

LEAKING = """
def test_leak_{number}(tmp_path):
    with suppress(AssertionError):
        {leak}
"""


def run_suite(folder: Path, *leaks: str) -> subprocess.CompletedProcess[str]:
    """Run a suite under watch, away from this session's files."""
    tests = [LEAKING.format(number=number, leak=leak) for number, leak in enumerate(leaks)]
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_suite.py").write_text("".join([SUITE, *tests]))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=left"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_each_leak_is_told_and_makes_the_run_fail(elsewhere: Path) -> None:
    """Its kind and its place, and not what leaked; the tests themselves passed."""
    ended = run_suite(elsewhere, *(leak for _, leak in LEAKS.values()))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert f"{len(LEAKS) + 1} passed" in ended.stdout
    told = [line for line in ended.stdout.splitlines() if line.startswith("LEAK")]
    for place, (kind, _) in LEAKS.items():
        assert any(kind in line and place in line for line in told), (place, told)
    for text in (MASTER_KEY, SECRET, *CARDS, *PEOPLE):
        assert text not in ended.stdout


def test_without_a_leak_the_run_passes(elsewhere: Path) -> None:
    """And tells what was searched."""
    ended = run_suite(elsewhere)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "CANARY searched" in ended.stdout
