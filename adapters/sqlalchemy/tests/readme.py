"""What the README tells people to paste."""

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

PARTS = {
    name: text
    for name, text in re.findall(
        r"<!-- (?:file|part): (.+?) -->\n```python\n(.*?)```\n", README, re.DOTALL
    )
}
