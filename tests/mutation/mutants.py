"""What a change is, what became of it, and what the kept list says about it."""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

__all__ = ["Change", "Mutant", "changed_lines", "explanations"]

Change = tuple[str, str, str]
"""Where, the lines before and the lines after: it holds while other lines come and go."""

# A literal with a space is a sentence for people; bytes never are.
_PROSE = re.compile(r"""(?<![\w"'])f?(?:"[^"\n]* [^"\n]*"|'[^'\n]* [^'\n]*')""")
# Python takes the names of codecs and digests in any case.
_ANY_CASE = re.compile(r'"(?:ASCII|LATIN-1|UTF-8|SHA256)"')


class Mutant(NamedTuple):
    """One change, and what became of it."""

    place: str
    was: str
    now: str
    status: str
    name: str = ""

    @property
    def change(self) -> Change:
        """Name it."""
        return self.place, self.was, self.now

    @property
    def noticed(self) -> bool:
        """Tell whether a test failed. One that never ended may only have been slow."""
        return self.status == "killed"

    @property
    def is_wording(self) -> bool:
        """Tell whether only a sentence, or the case of a codec's name, is another."""
        if self.status == "timeout":
            return False
        return _PROSE.sub('""', self.was) == _PROSE.sub('""', self.now) or (
            self.was == _ANY_CASE.sub(lambda name: name[0].lower(), self.now)
        )

    @property
    def file(self) -> str:
        """Name the file, as a table does."""
        parts = self.place.split(".")[1:]
        return f"security/{parts[1]}.py" if parts[0] == "security" else f"{parts[0]}.py"


def changed_lines(diff: str) -> tuple[str, str]:
    """Give the lines that went and the lines that came in a unified diff."""
    lines = diff[diff.index("\n@@") + 1 :].splitlines()
    went, came = (
        "\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return went, came


def explanations() -> dict[Change, str]:
    """Read the survivors that are kept, each with its reason."""
    text = Path(__file__).with_name("survivors.toml").read_text("utf-8")
    return {
        (kept["place"], kept["was"].strip(), kept["now"].strip()): kept["why"]
        for kept in tomllib.loads(text).get("survivor", ())
    }
