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

__all__ = ["Player", "rows"]


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
        with self.stage(level, attack) as stage:
            for earlier in attack.earlier:
                self._take(earlier, level, stage)
            answer = self._take(attack, level, stage)
        if level is not CORE and not attack.unlike and attack.url is None:
            self._compare(answer, attack)
        return answer

    def _take(self, attack: Attack, level: Level, stage: Stage) -> Answer:
        stage.shop.clock.forward(attack.wait)
        if attack.given is not None:
            attack.given(stage)
        sent = attack.sent(stage)
        before = stage.contents()
        self.caplog.clear()
        answer = level.send(stage.shop.bridge, sent)
        self._judge(attack, level, sent, answer)
        status, _, code = attack.expected_at(level.family).partition(" ")
        if status != "200":
            nothing_happened(before, stage.contents(), code=code)
        nothing_is_told(sent, answer, self.caplog.records, stage.secrets)
        return answer

    def _judge(self, attack: Attack, level: Level, sent: Sent, answer: Answer) -> None:
        expected = attack.expected_at(level.family)
        if expected == THE_SITE_S_OWN:
            assert answer.status == 404
            assert answer.headers.get("content-type") != "application/problem+json"
            return
        status, _, code = expected.partition(" ")
        assert answer.status == int(status), answer.body
        if code:
            of_the_published_form(answer, status=int(status), code=code, method=sent.method)
        assert attack.says.encode() in answer.body

    def _compare(self, answer: Answer, attack: Attack) -> None:
        """Hold a site's answer to the core's: the same decision, in the same bytes."""
        with self.stage(CORE, attack) as stage:
            for earlier in (*attack.earlier, attack):
                stage.shop.clock.forward(earlier.wait)
                if earlier.given is not None:
                    earlier.given(stage)
                core = CORE.send(stage.shop.bridge, earlier.sent(stage))
        assert answer.status == core.status
        assert answer.body in (core.body, b"" if attack.method == "HEAD" else core.body)
        for name, value in core.headers.items():
            assert answer.headers[name] == value

