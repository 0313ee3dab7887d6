"""Exit codes that scripts can trust, and JSON that is always one document."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")

from orderflow_bridge.cli.app import cli
from orderflow_bridge.cli.output import Output, colour, program

EVERY = (
    "init", "demo", "serve", "migrate", "purge", "connections", "keys", "audit", "catalogue",
    "request", "sign", "curl", "explain", "tail", "orders", "customers", "doctor", "storage",
    "console", "operators",
)  # fmt: skip


@pytest.mark.parametrize("place", ["before", "after"])
def test_shared_options_stand_before_or_after_the_command(ready, place):
    """People write them where they think of them."""
    shared = ("--home", str(ready.folder), "--json", "--quiet")
    command = ("connections", "list")
    words = (*shared, *command) if place == "before" else (*command, *shared)
    assert ready(*words).document == {"connections": []}


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("orders", "nothing"),
        ("orders", "show"),
        ("orders", "list", "--limit", "none"),
        ("orders", "list", "--unknown"),
        ("connections", "allow"),
    ],
)
def test_misuse_ends_with_2(ready, words):
    """As text on standard error, as a document on standard output."""
    ended = ready(*words, code=2)
    assert ended.out == ""
    assert "Usage:" in ended.err
    for more in ((*words, "--json"), ("--json", *words)):
        assert ready(*more, code=2).document["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "words",
    [
        ("{}",),
        ("orders", "{}"),
        ("orders", "list", "--status", "{}"),
        ("orders", "list", "--limit", "x {}"),
        ("orders", "cancel", "OF-1", "{}"),
        ("connections", "create", "Blog", "--scopes", "{}"),
        ("connections", "create", "Blog {}"),
        ("connections", "create", "Blog", "--channel", "{}"),
        ("connections", "create", "Blog", "--allow", "{}"),
        ("connections", "create", "Blog", "--actor", "{}"),
        ("connections", "rotate", "ofc_1", "--grace", "x {}"),
    ],
    ids=" ".join,
)
def test_a_card_number_on_the_line_is_not_repeated(ready, words):
    """Whatever is wrong with it: what a command prints is often kept."""
    for number in ("4111111111111111", "4111-1111-1111-1111"):
        given = [word.format(number) for word in words]
        plain, document = ready(*given, code=2), ready(*given, "--json", code=2)
        assert "looks like a card number" in plain.err
        assert number not in plain.out + plain.err + document.out + document.err
        assert document.document["error"]["code"] in ("usage", "invalid_request")
    assert ready("connections", "list", "--json").document == {"connections": []}


def test_a_group_without_a_command_names_its_commands(ready):
    """The document does not hold the whole help."""
    for words in (("orders", "--json"), ("--json", "orders")):
        detail = ready(*words, code=2).document["error"]["detail"]
        assert detail == "Missing command: one of list, show, settle, cancel."


def test_the_program_is_named_as_it_was_started(tmp_path, monkeypatch):
    """A line that is pasted has to find it."""
    there = tmp_path / "a b" / "orderflow-bridge"
    there.parent.mkdir()
    there.touch(mode=0o755)
    for started, shown in (
        ("orderflow-bridge", "orderflow-bridge"),
        (str(there), shlex.quote(str(there))),
        (".venv/bin/ofb", ".venv/bin/ofb"),
        ("/usr/bin/pytest", "orderflow-bridge"),
        ("/x/orderflow_bridge/__main__.py", f"{shlex.quote(sys.executable)} -m orderflow_bridge"),
    ):
        monkeypatch.setattr(sys, "argv", [started])
        assert program() == shown
    monkeypatch.setenv("PATH", str(there.parent))
    monkeypatch.setattr(sys, "argv", [str(there)])
    assert program() == "orderflow-bridge"


def test_no_configuration_ends_with_2(line):
    """The message names the fix, and nothing is created."""
    ended = line("orders", "list", "--json", code=2)
    assert ended.document["error"]["code"] == "configuration"
    assert "orderflow-bridge init" in ended.document["error"]["detail"]
    assert list(Path().iterdir()) == []


def test_an_unforeseen_error_shows_where_and_not_what(ready, monkeypatch):
    """Its message may quote a buyer or a secret."""

    def fail(*_arguments: object) -> None:
        raise RuntimeError("ofs_secret")

    monkeypatch.setattr(Output, "show", fail)
    ended = ready("orders", "list", code=1)
    assert "ofs_secret" not in ended.err
    assert "RuntimeError" in ended.err


def test_a_folder_that_cannot_be_written_ends_with_1(line):
    """The operating system's word, without a traceback."""
    Path("file").write_text("")
    error = line("init", "--home", "file/below", "--json", code=1).document["error"]
    assert error["code"] == "system"


def test_every_command_has_help(line):
    """Each says what it does; the first page tells the exit codes."""
    assert "Exit codes" in line("--help").out
    for name in EVERY:
        assert "Usage: " in line(name, "--help").out
    assert line("--version").out.startswith("orderflow-bridge, version ")
    assert cli.list_commands(cli.make_context("x", ["migrate"])) == list(EVERY)


def test_no_color_is_respected(ready, monkeypatch):
    """Not even a terminal gets colours then."""
    assert colour() is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert colour() is False
    assert "\x1b[" not in ready("doctor").out


def test_the_module_and_the_entry_point_are_one(line):
    """`python -m orderflow_bridge` is the command, exit codes included."""
    ended = subprocess.run(
        [sys.executable, "-m", "orderflow_bridge", "orders", "list", "--json"],
        cwd=line.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["error"]["code"] == "configuration"


def test_help_loads_no_database_and_no_server():
    """A command is imported when it is asked for."""
    code = (
        "import sys\nfrom orderflow_bridge.cli import main\nsys.argv = ['x', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(shown.stdout.split())
    assert not loaded & {"peewee", "granian", "orderflow_bridge.cli.demo", "asgiref"}
