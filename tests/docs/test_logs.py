"""docs/logs.md: its configuration works, and its fields are those of a line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import orderflow_bridge
from orderflow_bridge.decisions import _Decision
from tests.docs.blocks import DOCS, blocks_of, file_of

PAGE = "logs.md"


def test_the_example_writes_decisions_to_its_file(tmp_path):
    """One line for one refusal, and nothing on standard error."""
    (tmp_path / "site_logging.py").write_text(file_of(PAGE, "site_logging.py"), encoding="utf-8")
    run = (
        "import site_logging\n"
        "from tests.rig import open_shop\n"
        "front = open_shop().storefront()\n"
        "front.secret = 'ofs_' + 'x' * 43\n"
        "front.call('orders.list')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", run], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{DOCS.parent}"},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    (line,) = (tmp_path / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["code"] == "authentication_failed"


def test_the_fields_are_those_of_a_line():
    """In the example and in the table, in the order of the line."""
    (example,) = (one.text for one in blocks_of(PAGE) if one.language == "json")
    fields = list(_Decision.__struct_fields__)
    assert list(json.loads(example)) == fields
    text = (DOCS / PAGE).read_text(encoding="utf-8").split("## A decision")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == fields


def test_the_loggers_are_those_of_the_code():
    """Each in the table is asked for somewhere in the package, and each asked for is in it."""
    listed = re.findall(
        r"^\| `(orderflow_bridge\.\w+)` \|", (DOCS / PAGE).read_text(encoding="utf-8"), re.MULTILINE
    )
    package = Path(orderflow_bridge.__file__).parent
    asked = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r'getLogger\("(.+?)"\)', path.read_text(encoding="utf-8"))
    }
    assert set(listed) == asked
