"""`flask bridge`: the command line on a Flask site's own bridge."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.distributions import make_distribution
from tests.hosts.hosts import optional
from tests.rig import RING

flask = optional("flask")

from orderflow_bridge import Bridge  # noqa: E402 -- behind the test for Flask
from orderflow_bridge.cli.flask import bridge as command  # noqa: E402 -- needs Flask

ROOT = Path(__file__).parents[2]
SITE = f"""
from flask import Flask
from orderflow_bridge import Bridge

app = Flask(__name__)
app.extensions["orderflow_bridge"] = Bridge.open("memory://", master_keys="{RING}")
"""


@pytest.fixture
def app(line):
    """Give a Flask site that says which bridge is its own."""
    site = flask.Flask("shop")
    site.extensions["orderflow_bridge"] = Bridge.open("memory://", master_keys=RING)
    return site


def run(app, *words, code=0):
    """Run `flask bridge`; it must end with `code`."""
    result = app.test_cli_runner().invoke(command, words)
    assert result.exit_code == code, result.output
    return result


def test_it_works_on_the_sites_bridge(app):
    """Arguments and options reach the command line as they stand."""
    made = json.loads(
        run(app, "connections", "create", "Shop", "--currency", "GBP", "-q", "--json").stdout
    )
    [connection] = app.extensions["orderflow_bridge"].connections.all()
    assert connection.client_id == made["client_id"]
    assert "total" in run(app, "request", "cart.create", "-d", '{"currency":"EUR"}').stdout
    assert json.loads(run(app, "--json", "orders", "list", "--limit", "1").stdout) == {"orders": []}


def test_help_and_exit_codes_are_the_command_lines(app):
    """The group answers for itself, in the name that was typed."""
    assert "Exit codes" in run(app, "--help").output
    shown = run(app, "orders", "list", "--help").output
    assert "Usage: bridge orders list" in shown
    assert "--status" in shown
    run(app, "orders", "nothing", code=2)
    run(app, "connections", "show", "ofc_unknown", code=3)


def test_a_site_that_does_not_name_its_bridge_is_told_the_line(line):
    """One line, to be copied; where nothing needs the bridge, nothing asks for it."""
    site = flask.Flask("shop")
    shown = run(site, "orders", "list", code=2)
    assert 'app.extensions["orderflow_bridge"] = bridge' in shown.stderr
    run(site, "orders", "--help")


def test_flask_finds_the_command_by_the_entry_point(line, tmp_path):
    """Installing the package is all: no line in the site registers it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    group = "flask.commands"
    folder = make_distribution(
        tmp_path,
        "as-installed",
        entry_points={group: project["entry-points"][group]},
        modules={"shop": SITE},
    )
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", "bridge", "connections", "list"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "-m flask bridge connections create NAME" in ended.stdout
