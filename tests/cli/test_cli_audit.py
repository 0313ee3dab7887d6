"""`audit`: who it was, printed so that nothing in it steers a terminal."""

import getpass

import pytest

pytest.importorskip("click")


def test_it_is_who_is_logged_in_or_who_is_named(ready):
    """By default the login name; newest first, and of one connection where that is asked."""
    client_id = ready.connect()["client_id"]
    other = ready.connect()["client_id"]
    ready("connections", "disable", client_id, "--actor", "Zoë (ticket 7)")
    entries = ready("audit", "--json").document["entries"]
    assert {one["event"] for one in entries} == {
        "catalogue.imported",
        "connection.created",
        "connection.disabled",
    }
    actors = {one["event"]: one["actor"] for one in entries}
    assert actors["connection.created"] == getpass.getuser()
    assert actors["connection.disabled"] == "Zoë (ticket 7)"
    of_one = ready("audit", "--subject", client_id, "--json").document["entries"]
    assert {one["subject"] for one in of_one} == {client_id}
    assert of_one[0]["details"] == {"status": {"from": "enabled", "to": "disabled"}}
    assert len(ready("audit", "--limit", "1", "--json").document["entries"]) == 1
    text = ready("audit").out
    assert "Zoë (ticket 7)" in text
    assert other in text
    assert ready("audit", "--subject", "nobody").out == "There is no entry.\n"


def test_every_command_that_changes_or_shows_takes_an_actor(ready, tmp_path):
    """And each is in the audit."""
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price,currency\nmug,Mug,3.39,GBP\n")
    client_id = ready.connect()["client_id"]
    acts = [
        ("connections", "disable", client_id),
        ("connections", "enable", client_id),
        ("connections", "window", client_id, "30"),
        ("connections", "scopes", client_id, "reporting"),
        ("connections", "allow", client_id, "127.0.0.1"),
        ("connections", "rotate", client_id, "--grace", "1h"),
        ("connections", "revoke-previous", client_id),
        ("connections", "reveal", client_id),
        ("connections", "create", "Another"),
        ("keys", "rotate"),
        ("catalogue", "import", str(file)),
    ]
    for words in acts:
        ready(*words, "--actor", "zoe")
    old = ready("keys", "list", "--json").document["keys"][-1]["key"]
    for one in ready("connections", "list", "--json").document["connections"]:
        ready("connections", "rotate", one["client_id"], "--actor", "zoe")
    ready("keys", "retire", old, "--actor", "zoe")
    entries = ready("audit", "--json").document["entries"]
    assert [one["actor"] for one in entries].count("zoe") == len(acts) + 2 + 1
    ready("connections", "disable", client_id, "--actor", "a\nb", code=2)


def test_what_looks_is_not_in_the_audit(ready):
    """Lists, pages and the doctor show no secret, and write nothing."""
    client_id = ready.connect()["client_id"]
    before = ready("audit", "--json").document
    for words in (("connections", "list"), ("connections", "show", client_id), ("keys", "list")):
        ready(*words)
    ready("doctor")
    assert ready("audit", "--json").document == before


def test_names_cannot_steer_a_terminal(ready):
    """A name with marks of direction is refused; what stands in a document is escaped."""
    ready("connections", "create", "a\u202eb", code=2)
    from orderflow_bridge.cli.output import as_json, table  # noqa: PLC0415 -- needs Click

    hostile = "a\x1b[31m\r\nb\u2028\u202e\u2066\x9b"
    for text in (as_json({"a": hostile}), table(("a",), [(hostile,)])):
        assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "\\u202e" in as_json({"a": hostile})
