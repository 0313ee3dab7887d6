"""What the README tells people to paste."""

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

_PART = re.compile(r"<!-- (?:file|part): (.+?) -->\n```python\n(.*?)```\n", re.DOTALL)

PARTS = dict(_PART.findall(README))
"""The blocks of Python that have a name."""
