"""What the documentation lists is what the code has."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from peewee import SqliteDatabase

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.client.signing import sign
from orderflow_bridge.http import CODES
from orderflow_bridge.ports import PORTS_VERSION, Capability
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.storage.peewee.migrations import migrate
from orderflow_bridge.storage.peewee.sqlite import Sqlite

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)\s#]+)?(?:#([^)\s]+))?\)")


def rows(page: str, marker: str | None = None) -> list[list[str]]:
    """Give the cells of a page's tables, or of the one between a marker and its end."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if marker is not None:
        text = text.split(f"<!-- {marker} -->")[1].split("<!-- end -->")[0]
    return [
        [cell.strip() for cell in line.strip("|\n ").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def test_every_setting_is_documented_with_its_default():
    """docs/settings.md has the names, the variables and the defaults of `Settings`."""
    listed = {
        name.strip("`"): (variable, default)
        for name, variable, default, _ in rows("settings.md", "settings")
    }
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    assert list(listed) == list(fields)
    for name, (variable, default) in listed.items():
        value = fields[name].default
        if value == "":
            assert default == "(empty)"
        elif value == ():
            assert default == "(none)"
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            assert default == f"`{text}`", name
        if name in ("shipping", "tax", "operators"):
            assert variable == "(file only)"
        else:
            assert variable == f"`ORDERFLOW_BRIDGE_{name.upper()}`"


def test_the_settings_example_is_accepted(tmp_path):
    """The TOML of docs/settings.md is a settings file."""
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "orderflow-bridge.toml").write_text(example[1], encoding="utf-8")
    settings = Settings.load(home=tmp_path, environ={})
    assert [row.method for row in settings.shipping] == ["post", "van"]
    assert len(settings.tax) == 3


def test_every_code_is_documented_with_its_status():
    """docs/protocol.md has the codes of `CODES`, and no other."""
    listed = {row[0].strip("`"): int(row[1]) for row in rows("protocol.md", "codes")}
    assert listed == {code: status for code, (status, _) in CODES.items()}


def test_every_action_is_documented_with_its_scopes_and_fields():
    """docs/protocol.md has the actions of `ACTIONS`, what they need and what they take."""
    listed = {row[0].strip("`"): row for row in rows("protocol.md") if row[0].strip("`") in ACTIONS}
    assert list(listed) == list(ACTIONS)
    for name, (_, scopes, writes, request, _) in listed.items():
        action = ACTIONS[name]
        assert frozenset(scopes.split(", ")) == action.scopes
        assert (writes == "yes") == action.writes
        fields = {
            field.name + ("" if field.required else "?")
            for field in msgspec.structs.fields(action.request)
        }
        # `{...}` inside the cell tells the shape of an item, not a field.
        plain = re.sub(r"\(.*?\)", "", request)
        assert set(re.findall(r"`(\w+\??)`", plain)) == fields, name


def test_the_worked_example_is_right():
    """The signature in docs/protocol.md is the one that the client makes."""
    cells = dict(
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in (DOCS / "protocol.md").read_text(encoding="utf-8")
        .split("<!-- worked example -->")[1].split("<!-- end -->")[0].splitlines()
        if line.count("|") == 3 and "---" not in line
    )  # fmt: skip
    headers = sign(
        client_id=cells["client id"],
        secret=cells["secret"],
        action=cells["action"],
        body=cells["body"].encode(),
        timestamp=int(cells["timestamp"]),
        idempotency_key=None,
    )
    assert headers["X-Signature"] == cells["signature"]


def test_every_capability_is_documented_with_who_has_it():
    """docs/storage.md has the names of `Capability`, and says of each storage what it declares."""
    listed = {row[0].strip("`"): row[-2:] for row in rows("storage.md", "capabilities")}
    assert list(listed) == list(get_args(Capability))
    for column, storage in enumerate((PeeweeStorage, MemoryStorage)):
        told = {name for name, cells in listed.items() if cells[column] == "yes"}
        assert told == storage.capabilities


def test_every_table_is_documented_with_its_bound():
    """docs/limits.md says of each table of the schema what makes it grow."""
    words = {
        "answers": "idempotency keys and answers",
        "intents": "payment intents",
        "order_lines": "orders, their lines",
        "replays": "spent signatures",
    }
    text = (DOCS / "limits.md").read_text(encoding="utf-8").split("## Tables")[1].split("\n## ")[0]
    first = " ".join(re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE))
    database = SqliteDatabase(":memory:")
    migrate(database, Sqlite("sqlite:///unused.db", timeout=1, synchronous="FULL"))
    tables = [
        name.removeprefix("ofb_") for name in database.get_tables() if name.startswith("ofb_")
    ]
    database.close()
    assert "orders" in tables
    assert [name for name in tables if words.get(name, name) not in first] == []


def test_the_version_of_the_ports_is_documented():
    """docs/compatibility.md tells the present version last."""
    text = (DOCS / "compatibility.md").read_text(encoding="utf-8")
    history = text.split("| ports | since |")[1].split("\n\n")[0]
    assert re.findall(r"^\| (\d+) \|", history, re.MULTILINE)[-1] == str(PORTS_VERSION)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """A link inside the repository has a file, and a heading where it names one."""
    text = page.read_text(encoding="utf-8")
    for target, anchor in LINK.findall(text):
        if target.startswith(("http:", "https:")):
            continue
        file = (page.parent / target).resolve() if target else page
        if file.name == "LICENSE" or not file.is_relative_to(ROOT):
            continue
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, anchor
