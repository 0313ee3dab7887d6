"""What an import costs, and which names it gives."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import orderflow_bridge
from tests.rig import RING

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    "asgiref", "click", "django", "fastapi", "flask", "granian", "peewee", "playhouse", "psycopg",
    "pymysql", "starlette", "werkzeug",
)  # fmt: skip

MOUNTED = f"""
from orderflow_bridge import Bridge, BridgeWSGI
BridgeWSGI(bridge=Bridge.open("memory://", master_keys="{RING}"))
"""


def loaded_by(code: str) -> set[str]:
    """Run `code` in a fresh interpreter; name the top-level modules that are loaded then."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in shown.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import orderflow_bridge",
        "from orderflow_bridge import Bridge",
        MOUNTED,
        "import orderflow_bridge.protocol",
    ],
)
def test_the_core_loads_no_framework_no_driver_and_no_console(code):
    """A site pays only for what it uses."""
    assert not loaded_by(code).intersection(LIBRARIES)


@pytest.mark.parametrize("module", ["client.signing", "client"])
def test_the_client_loads_only_the_standard_library(module):
    """A storefront needs nothing of the server."""
    assert not loaded_by(f"import orderflow_bridge.{module}").intersection((*LIBRARIES, "msgspec"))


def test_importing_the_package_loads_nothing_but_itself():
    """Even msgspec waits for the first name that is used."""
    assert not loaded_by("import orderflow_bridge").intersection((*LIBRARIES, "msgspec"))


def test_every_public_name_can_be_imported():
    """`__all__` promises nothing that is not there."""
    for name in orderflow_bridge.__all__:
        assert getattr(orderflow_bridge, name).__name__ == name


def test_a_name_that_is_not_public_is_an_attribute_error():
    """A typing mistake is said as Python says it."""
    with pytest.raises(AttributeError, match="has no attribute 'Brigde'"):
        _ = orderflow_bridge.Brigde


def test_the_documented_names_are_the_public_ones():
    """docs/compatibility.md lists what a release may not take away."""
    text = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    listed = re.search(r"<!-- public names -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"^\| `(\w+)` \|", listed[1], re.MULTILINE)) == set(
        orderflow_bridge.__all__
    )
