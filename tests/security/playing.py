"""How a row is played at a level, and what is looked at afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hosts.hosts import Answer
from tests.security.attacks import THE_SITE_S_OWN, Attack, Sent, Table
from tests.security.checking import nothing_happened, nothing_is_told, of_the_published_form
from tests.security.levels import CORE, LEVELS, Level
from tests.security.stage import Stage, stage_in_memory, stage_in_sqlite

__all__ = ["Player", "made_ready", "rows"]


def rows(table: Table) -> list[object]:
    """Give each row at each level where its input exists, as parameters `attack` and `level`."""
    return [
        pytest.param(attack, level, id=f"{kind}: {attack.name} ({level.name})")
        for kind, attacks in table.items()
        for attack in attacks
        for level in LEVELS
        if attack.expected_at(level.family) and not (attack.url and level.family == "core")
    ]


@dataclass
class Player:
    """Play rows, each on a fresh copy of the shop."""

    folder: Path
    original: Callable[[], Path]
    caplog: pytest.LogCaptureFixture

    @contextmanager
    def stage(self, level: Level, attack: Attack) -> Iterator[Stage]:
        """Open the shop of a row, and close it."""
        if level.storage == "sqlite":
            file = self.folder / "shop.db"
            stage = stage_in_sqlite(self.original(), file, **attack.settings)
        else:
            stage = stage_in_memory(**attack.settings)
        with stage.shop.bridge:
            yield stage

    def play(self, attack: Attack, level: Level) -> Answer:
        """Send a row with all that comes before it, and hold what it brings to what is due."""
        answer = None
        with self.stage(level, attack) as stage:
            for one in (*attack.earlier, attack):
                answer = self._take(one, level, stage, answer)
        if (
            level is not CORE
            and attack.url is None
            and not {"core", level.family} & {*attack.unlike}
        ):
            self._compare(answer, attack)
        return answer

    def _take(self, attack: Attack, level: Level, stage: Stage, previous: Answer | None) -> Answer:
        sent = made_ready(attack, stage)
        before = stage.contents()
        self.caplog.clear()
        answer = level.send(stage.shop.bridge, sent)
        expected = attack.expected_at(level.family)
        if expected == THE_SITE_S_OWN:
            assert answer.status == 404
            assert answer.headers.get("content-type") != "application/problem+json"
        status, _, code = expected.partition(" ")
        assert answer.status == int(status), answer.body
        assert attack.says in answer.body.decode()
        stored = attack.replayed
        assert answer.headers.get("idempotent-replayed") == ("true" if stored else None)
        assert not stored or answer.body == previous.body
        if expected != THE_SITE_S_OWN and code:
            of_the_published_form(
                answer, status=int(status), code=code, method=sent.method, stored=stored
            )
        if code or stored:
            nothing_happened(before, stage.contents(), code=code, stored=stored)
        nothing_is_told(sent, answer, self.caplog.records, stage.secrets)
        return answer

    def _compare(self, answer: Answer, attack: Attack) -> None:
        """Hold a site's answer to the core's: the same decision, in the same bytes."""
        with self.stage(CORE, attack) as stage:
            for one in (*attack.earlier, attack):
                core = CORE.send(stage.shop.bridge, made_ready(one, stage))
        assert answer.status == core.status
        assert answer.body == core.body or (attack.method == "HEAD" and not answer.body)
        for name, value in core.headers.items():
            assert answer.headers[name] == value


def made_ready(attack: Attack, stage: Stage) -> Sent:
    """Let happen what comes before a request, and sign it."""
    stage.shop.clock.forward(attack.wait)
    if attack.given is not None:
        attack.given(stage)
    return attack.sent(stage)
