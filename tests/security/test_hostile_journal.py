"""The tables once more with the journal on, as it is by default: it changes no answer.

Nor does it keep of them what must not be kept. Elsewhere it is off, for the sake of time.
"""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from orderflow_bridge.security.cards import find_card
from orderflow_bridge.settings import Settings
from tests.canary.marks import PEOPLE
from tests.hosts.hosts import Answer
from tests.security.attacks import Attack, Sent, Table
from tests.security.checking import texts
from tests.security.levels import CORE
from tests.security.playing import made_ready
from tests.security.stage import Stage, stage_in_memory
from tests.security.test_kinds import tables

AWAY = "a storage that is away"
# Of a body an entry may have the ids that its answer is about.
IDS = ("cart_", "order_", "ofc_")
SHORTEST = 6


def played(table: Table) -> Iterator[tuple[str, Attack]]:
    """Give the rows that the core can be sent, but for those that take the storage away."""
    for kind, attacks in table.items():
        for attack in attacks:
            if kind != AWAY and attack.expected_at("core") and not attack.url:
                yield f"{kind}: {attack.name}", attack


def play(attack: Attack, *, rows: int) -> tuple[Stage, list[tuple[Sent, Answer]]]:
    """Send a row, and what comes before it, to a fresh shop whose journal has so many rows."""
    stage = stage_in_memory(**{"journal_rows": rows} | attack.settings)
    exchanged = []
    with stage.shop.bridge as bridge:
        for one in (*attack.earlier, attack):
            sent = made_ready(one, stage)
            exchanged.append((sent, CORE.send(bridge, sent)))
    return stage, exchanged


@pytest.mark.parametrize("table", tables(), ids=lambda table: next(iter(table)))
def test_the_journal_changes_no_answer_and_keeps_nothing_private(table: Table, caplog):
    """The same bytes, nothing dropped, no fault; no secret, no signature, no card, no person."""
    for name, attack in played(table):
        stage, exchanged = play(attack, rows=Settings().journal_rows)
        _, without = play(attack, rows=0)
        assert [answer for _, answer in exchanged] == [answer for _, answer in without], name
        bridge = stage.shop.bridge
        assert bridge._recorder.dropped == 0, name
        entries = {entry.request_id: entry for entry in bridge.journal.page(limit=1_000)}
        for _, answer in exchanged:
            entry = entries.get(answer.headers["x-request-id"])
            assert entry is not None or answer.status >= 400, name
            assert entry is None or entry.status == answer.status, name
        private = {secret.removeprefix("ofs_") for secret in stage.secrets} | set(PEOPLE)
        for sent, _ in exchanged:
            private |= {text for text in texts(sent.body) if not text.startswith(IDS)}
            # Of a signature the first eight digits are kept.
            private |= {
                value.decode("latin-1")[11:] for key, value in sent.headers if key == b"X-Signature"
            }
        for entry in entries.values():
            kept = repr(replace(entry, at=0))
            for text in private:
                assert len(text) < SHORTEST or text not in kept, (name, text)
            assert find_card(msgspec.to_builtins(entry)) is None, name
    told = [one for one in caplog.records if one.name == "orderflow_bridge.journal"]
    assert told == []
