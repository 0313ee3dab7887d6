"""`console` and `operators`: ways into the console for whoever runs commands on the server."""

import sqlite3
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.security.passwords import is_password
from orderflow_bridge.settings import Settings

pytest.importorskip("click")

PASSWORD = "correct horse battery"
FILE = Path("orderflow-bridge.toml")


def make(line, name="anna", *, role="admin", typed=PASSWORD, again=None, code=0, json=()):
    return line(
        *("operators", "password", name, "--role", role, *json),
        stdin=f"{typed}\n{typed if again is None else again}\n",
        code=code,
    )


def token_of(url):
    return parse_qs(urlsplit(url).query)["token"][0]


@pytest.mark.parametrize("name", ["anna", 'an "na\\', "Zoë O'Hara", "[x]", "名前"])
def test_what_is_printed_is_pasted_and_lets_in(line, name):
    """The row that is printed goes into the settings file as it is, whatever the name."""
    row = make(line, name).out
    FILE.write_text(row, encoding="utf-8")
    [operator] = Settings.load(environ={}).operators
    assert (operator.name, operator.role) == (name, "admin")
    assert is_password(PASSWORD, operator.password)


def test_the_password_is_shown_nowhere(line):
    """Neither the row nor what is asked for shows the password, and each row has its own salt."""
    first, second = make(line), make(line)
    for ended in (first, second):
        assert PASSWORD not in ended.out + ended.err
    assert first.out != second.out


def test_the_row_is_one_document_too(line):
    """With --json the questions do not get into the document."""
    document = make(line, json=["--json"]).document
    assert set(document) == {"name", "role", "password"}
    assert is_password(PASSWORD, document["password"])


@pytest.mark.parametrize("typed", ["short", "eleven char", "x" * 201])
def test_a_short_password_is_refused(line, typed):
    """A password that is guessed in a day is refused, and one that nobody types."""
    assert "12 to 200 characters" in make(line, typed=typed, code=2).err


@pytest.mark.parametrize("name", ["", "n" * 65])
def test_a_name_that_the_settings_refuse_is_refused_here(line, name):
    """A name that could not be pasted is told at once."""
    assert "1 to 64 characters" in make(line, name, code=2).err


def test_two_different_passwords_make_nothing(line):
    """A password that was mistyped once is refused, and nothing is printed."""
    ended = make(line, again="correct horse batter", code=2)
    assert "scrypt" not in ended.out


def test_a_link_signs_in_where_the_console_runs(ready):
    """A link that the command line prints is known to every process on the same database."""
    printed = ready("console", "link", "--operator", "lena", "--role", "operator")
    url = printed.out.strip()
    assert url.startswith("http://127.0.0.1:8000/bridge-console/sign-in/link?token=")
    assert "lena (operator), once, within 10 minutes" in printed.err
    with Bridge.open() as bridge:
        session = bridge.sign_ins.redeem(token_of(url))
        found = bridge.sign_ins.find(session)
        assert (found.operator, found.role) == ("lena", "operator")
        assert bridge.sign_ins.redeem(token_of(url)) is None


def test_a_link_is_made_for_the_address_that_a_browser_sees(ready):
    """With --url the link begins where the console is; with --json it is in a document."""
    document = ready(
        *("console", "link", "--url", "https://shop.example/admin/bridge-console/", "--json")
    ).document
    assert document["url"].startswith(
        "https://shop.example/admin/bridge-console/sign-in/link?token="
    )
    assert (document["role"], document["seconds"]) == ("admin", 600)


def test_the_database_has_no_link_in_it(ready):
    """Who copies the database cannot sign in by it."""
    token = token_of(ready("console", "link").out.strip())
    with sqlite3.connect("orderflow-bridge.db") as database:
        assert token not in "\n".join(database.iterdump())
    database.close()


@pytest.mark.parametrize(
    "url",
    ["shop.example", "ftp://x/", "https://", "https://x/?a=1", "https://x/#a", "http://[", ""],
)
def test_an_address_that_no_browser_has_is_refused(ready, url):
    """What is no place of a console is refused before a link is made."""
    assert "--url" in ready("console", "link", "--url", url, code=2).err


def test_the_settings_say_what_an_operator_may_do(ready):
    """A link for an operator of the settings has their role, and no other can be asked for."""
    row = make(ready, "vera", role="viewer").out
    FILE.write_text(FILE.read_text(encoding="utf-8") + "\n" + row, encoding="utf-8")
    assert ready("console", "link", "--operator", "vera", "--json").document["role"] == "viewer"
    refused = ready("console", "link", "--operator", "vera", "--role", "admin", code=2)
    assert "vera is viewer" in refused.err


def test_an_operator_is_signed_out_everywhere(ready):
    """Whoever leaves is signed out by a command, and the audit names who did it."""
    url = ready("console", "link", "--operator", "lena").out.strip()
    with Bridge.open() as bridge:
        session = bridge.sign_ins.redeem(token_of(url))
        ready("console", "link", "--operator", "lena")
        ended = ready("operators", "sign-out", "lena", "--actor", "root", "--json").document
        assert ended == {"operator": "lena", "ended": 2}
        assert bridge.sign_ins.find(session) is None
        [entry, *_] = bridge.audit.page(limit=1)
    assert (entry.event, entry.actor) == ("operator.signed_out_everywhere", "root")
    assert "Ended 0 sign-ins of lena." in ready("operators", "sign-out", "lena").out


def test_a_link_into_the_memory_of_a_process_is_refused(ready):
    """A database in memory is another one in each process: no link is printed that cannot work."""
    assert "memory" in ready("console", "link", "--database", "memory://", code=2).err
