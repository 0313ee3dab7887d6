"""Print the lower bound of every requirement of some projects, as constraints for pip.

python .ci/lowest.py pyproject.toml...
"""

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9][0-9.]*)")


def main(projects: list[str]) -> None:
    """Print a line for each; where two projects differ, the higher bound is the lowest allowed."""
    lowest: dict[str, tuple[int, ...]] = {}
    for project in projects:
        table = tomllib.loads(Path(project).read_text(encoding="utf-8"))["project"]
        optional = table.get("optional-dependencies", {})
        for requirement in [
            *table["dependencies"],
            *(one for some in optional.values() for one in some),
        ]:
            found = _BOUND.match(requirement)
            if found is not None:
                version = tuple(int(part) for part in found[2].split("."))
                lowest[found[1].lower()] = max(version, lowest.get(found[1].lower(), ()))
    for name, version in sorted(lowest.items()):
        print(f"{name}=={'.'.join(map(str, version))}")


if __name__ == "__main__":
    main(sys.argv[1:])
