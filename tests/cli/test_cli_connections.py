"""`connections`: secrets only where they were asked for."""

import json
from datetime import UTC, datetime

import pytest

pytest.importorskip("click")


def test_create_prints_credentials_that_work(ready):
    """The document has what a storefront's environment needs."""
    made = ready(
        "connections", "create", "Storefront", "--scopes", "carts:write,orders:write", "--json"
    ).document
    assert list(made)[:2] == ["client_id", "secret"]
    assert made["secret"].startswith("ofs_")
    assert made["scopes"] == ["carts:write", "orders:write"]
    assert made["warnings"] == ["The allow-list is empty: every address may use this connection."]
    created = datetime.fromisoformat(made["created_at"])
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60
    ready("request", "cart.create", "-d", '{"currency":"GBP"}')


def test_create_takes_every_option(ready):
    """What the options said is what the connection has."""
    made = ready.connect(
        "--channel", "web", "--allow", "10.0.0.0/8", "--allow", "::1", "--window", "30",
        "--currency", "EUR", "--scopes", "reporting",
    )  # fmt: skip
    assert made["channel"] == "web"
    assert made["allow_list"] == ["10.0.0.0/8", "::1"]
    assert (made["window"], made["default_currency"]) == (30, "EUR")
    assert made["scopes"] == ["carts:read", "orders:read"]
    assert made["warnings"] == []


def test_create_prints_a_block_for_an_environment(ready):
    """People get lines that can be pasted."""
    out = ready("connections", "create", "Shop").out
    assert "ORDERFLOW_BRIDGE_CLIENT_ID=ofc_" in out
    assert "ORDERFLOW_BRIDGE_SECRET=ofs_" in out


def test_only_reveal_shows_a_secret_again(ready):
    """Neither list, show, enable, disable nor allow prints one, in text or as JSON."""
    made = ready.connect()
    client_id = made["client_id"]
    for words in (
        ("list",),
        ("show", client_id),
        ("disable", client_id),
        ("enable", client_id),
        ("allow", client_id, "127.0.0.1"),
    ):
        for more in ((), ("--json",)):
            ended = ready("connections", *words, *more)
            assert "ofs_" not in ended.out + ended.err
    assert ready("connections", "reveal", client_id, "--json").document["secret"] == made["secret"]


def test_errors_show_no_secret(ready):
    """A secret that was misplaced is not repeated."""
    secret = ready.connect()["secret"]
    ended = ready("connections", "show", secret, code=3)
    assert secret not in ended.out + ended.err


def test_disable_shuts_out_and_enable_lets_in(ready):
    """Each works with the next request."""
    client_id = ready.connect("--currency", "GBP")["client_id"]
    assert ready("connections", "disable", client_id, "--json").document["status"] == "disabled"
    refused = ready("request", "cart.create", "--json", code=1)
    assert refused.document["error"]["code"] == "connection_disabled"
    ready("connections", "enable", client_id)
    ready("request", "cart.create")


def test_rotate_gives_a_new_secret_and_leaves_the_old_one_its_grace(ready):
    """The old one works until the grace is over; a second rotation has to say that it ends it."""
    old = ready.connect("--currency", "GBP")
    client_id = old["client_id"]
    new = ready("connections", "rotate", client_id, "--grace", "24h", "--json").document
    assert new["secret"] != old["secret"]
    until = datetime.fromisoformat(new["previous_secret_until"])
    assert 86_000 < (until - datetime.now(UTC)).total_seconds() <= 86_400
    given = ("--client-id", client_id, "--secret")
    ready("request", "cart.create", *given, old["secret"])
    refused = ready("connections", "rotate", client_id, "--json", code=3).document["error"]
    assert refused["code"] == "invalid_request"
    assert refused["detail"].startswith(
        f"The previous secret is in its grace period until {until.isoformat(timespec='seconds')},"
    )
    assert refused["detail"].endswith(" To end it, rotate with --end-open-grace.")
    ready("connections", "rotate", client_id, "--end-open-grace")
    ready("request", "cart.create", *given, old["secret"], code=1)
    ready("connections", "rotate", client_id, "--grace", "soon", code=2)


def test_revoke_previous_ends_the_grace_now(ready):
    """The old secret stops, the new one goes on, and a second time changes nothing."""
    old = ready.connect("--currency", "GBP")
    client_id = old["client_id"]
    new = ready("connections", "rotate", client_id, "--grace", "7d", "--json").document
    given = ("request", "cart.create", "--client-id", client_id, "--secret")
    ready(*given, old["secret"])
    for _ in range(2):
        shown = ready("connections", "revoke-previous", client_id, "--json").document
        assert shown["previous_secret_until"] is None
        ready(*given, old["secret"], code=1)
    ready(*given, new["secret"])


def test_window_and_scopes_replace(ready):
    """What is shown is what there is from now on; what cannot be changes nothing."""
    client_id = ready.connect()["client_id"]
    assert ready("connections", "window", client_id, "30", "--json").document["window"] == 30
    ready("connections", "window", client_id, "0", code=2)
    ready("connections", "window", client_id, "100000", code=2)
    changed = ready("connections", "scopes", client_id, "reporting", "--json").document
    assert changed["scopes"] == ["carts:read", "orders:read"]
    ready("request", "cart.create", "-d", "{}", code=1)
    ready("connections", "scopes", client_id, "everything", code=2)
    shown = ready("connections", "show", client_id, "--json").document
    assert (shown["window"], shown["scopes"]) == (30, ["carts:read", "orders:read"])
    ready("connections", "scopes", "ofc_nobody", "storefront", code=3)


def test_allow_replaces_and_clear_empties(ready):
    """An empty list is never made by accident."""
    client_id = ready.connect("--allow", "127.0.0.1")["client_id"]
    changed = ready("connections", "allow", client_id, "10.1.0.0/16", "10.2.0.1", "--json")
    assert changed.document["allow_list"] == ["10.1.0.0/16", "10.2.0.1"]
    ready("connections", "allow", client_id, code=2)
    ready("connections", "allow", client_id, "10.0.0.1", "--clear", code=2)
    ready("connections", "allow", client_id, "shop.example", code=2)
    host_bits = ready("connections", "allow", client_id, "10.0.0.1/8", code=2).err
    assert host_bits.startswith("Error: allow: '10.0.0.1/8' has host bits set")
    assert "?." not in host_bits
    cleared = ready("connections", "allow", client_id, "--clear")
    assert "Warning: The allow-list is empty" in cleared.err


@pytest.mark.parametrize(
    "words",
    [
        ("Storefront", "--window", "0"),
        ("Storefront", "--channel", "A B!"),
        ("Storefront", "--currency", "POUNDS"),
        ("Storefront", "--allow", "everywhere"),
        ("",),
    ],
)
def test_what_cannot_be_is_misuse(ready, words):
    """The document tells the code and what to correct."""
    error = ready("connections", "create", *words, "--json", code=2).document["error"]
    assert error["code"] == "invalid_request"
    field = words[1].removeprefix("--") if len(words) > 1 else "name"
    assert error["detail"].startswith(f"{field}: ")


def test_a_scope_that_is_none_is_named(ready):
    """Beside what there is, presets too."""
    words = ("connections", "create", "Shop", "--scopes")
    shown = ready(*words, "carts:read,foo", code=2).err
    assert "'foo'" in shown
    assert "'carts:read'" not in shown
    assert "storefront, reporting" in shown
    ready(*words, " ,", code=2)


def test_enable_and_disable_do_not_repeat_the_warnings(ready):
    """They were said when the list was made, and a document still has them."""
    client_id = ready.connect()["client_id"]
    for verb in ("disable", "enable"):
        assert ready("connections", verb, client_id).err == ""
        assert ready("connections", verb, client_id, "--json").document["warnings"]


def test_list_shows_every_connection(ready):
    """The oldest is first, as text and as JSON."""
    made = [ready.connect()["client_id"] for _ in range(2)]
    listed = ready("connections", "list", "--json").document["connections"]
    assert [one["client_id"] for one in listed] == made
    assert "secret" not in json.dumps(listed).replace("previous_secret_until", "")
    assert all(client_id in ready("connections", "list").out for client_id in made)
