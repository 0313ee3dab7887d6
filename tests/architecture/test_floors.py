"""Imports point down: each module stands on a floor and knows only what lies below it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orderflow_bridge

PACKAGE = Path(orderflow_bridge.__file__).parent
NAME = "orderflow_bridge"

# The first part of a module's name under the package → its floor. What stands on one floor may
# know each other unless `SIDEWAYS` says otherwise.
FLOORS = {
    "__main__": 8,
    "domain": 0,
    "capabilities": 1,
    "http": 1,
    "ports": 1,
    "settings": 1,
    "system": 1,
    "pricing": 2,
    "security": 2,
    "actions": 3,
    "audit": 4,
    "carts": 4,
    "connections": 4,
    "customers": 4,
    "decisions": 4,
    "diagnosis": 4,
    "inspection": 4,
    "journal": 4,
    "keys": 4,
    "masterkeys": 4,
    "maintenance": 4,
    "orders": 4,
    "parsing": 4,
    "payments": 4,
    "protocol": 4,
    "quotas": 4,
    "rates": 4,
    "refusals": 4,
    "sign_ins": 4,
    "transactions": 4,
    "asgi": 5,
    "catalogue": 5,
    "mounting": 5,
    "storage": 5,
    "wsgi": 5,
    "bridge": 6,
    "client": 6,
    "cli": 8,
    "console": 7,
    "doctor": 6,
    "testing": 7,
}

# Who knows less of the package than its floor would let it know.
ONLY = {
    "actions": {"actions", "capabilities", "domain", "ports", "security", "settings"},
    "asgi": {"http", "mounting"},
    "capabilities": {"domain", "ports", "settings"},
    "catalogue": {
        "audit",
        "capabilities",
        "catalogue",
        "domain",
        "ports",
        "security",
        "transactions",
    },
    "client": {"client"},
    "diagnosis": {"actions", "diagnosis", "domain", "security"},
    "domain": {"domain"},
    "http": set(),
    "mounting": {"http"},
    "parsing": {"domain", "security"},
    "ports": {"domain"},
    "pricing": {"domain", "settings"},
    "quotas": {"domain"},
    "rates": {"capabilities", "domain", "ports", "quotas"},
    "refusals": {"domain"},
    "security": {"domain", "security"},
    "settings": {"domain"},
    "storage": {"domain", "ports", "settings", "storage"},
    "system": set(),
    "wsgi": {"http", "mounting"},
}

# Who may import what is not the standard library, by the beginning of the module's name.
LIBRARIES = {
    "msgspec": {
        "actions", "bridge", "carts", "catalogue", "cli", "connections", "console", "customers",
        "decisions", "diagnosis", "doctor", "domain", "http", "inspection", "journal",
        "maintenance", "masterkeys", "orders", "parsing", "ports", "protocol", "quotas",
        "security", "settings", "storage", "testing",
    },
    "asgiref": {"asgi"},
    "click": {"cli"},
    "flask": {"cli.flask", "console.flask"},
    "flask_login": {"console.flask"},
    "granian": {"cli"},
    "jinja2": {"console.views"},
    "markupsafe": {"console"},
    "peewee": {"storage.peewee"},
    "playhouse": {"storage.peewee"},
    "pytest": {"testing"},
    "psycopg": {"storage.peewee"},
    "psycopg_pool": {"storage.peewee"},
    "pymysql": {"storage.peewee"},
    "redis": {"storage.redis_rates"},
    "webtest": {"testing"},
}  # fmt: skip

SAY_NOTHING = {"base", "common", "helpers", "manager", "misc", "utils"}


def modules() -> dict[str, ast.Module]:
    """Parse every module of the package; the key is its name under the package."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return found


MODULES = modules()


def imports_of(name: str) -> Iterator[str]:
    """Name everything a module imports, wherever in it, by full name."""
    is_package = name == "" or any(other.startswith(f"{name}.") for other in MODULES)
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                here = [NAME, *filter(None, name.split("."))]
                kept = len(here) - node.level + (1 if is_package else 0)
                origin = ".".join([*here[:kept], *filter(None, [origin])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                own = inner.removeprefix(f"{NAME}.")
                yield inner if inner.startswith(f"{NAME}.") and own in MODULES else origin


def own_imports(name: str) -> set[str]:
    """Name the modules of the package that a module imports, under the package."""
    return {
        found[len(NAME) + 1 :]
        for found in imports_of(name)
        if found == NAME or found.startswith(f"{NAME}.")
    }


def foreign_imports(name: str) -> set[str]:
    """Name the libraries that a module imports, without the standard library."""
    roots = {found.partition(".")[0] for found in imports_of(name)}
    return roots.difference(sys.stdlib_module_names, {NAME})


def top(name: str) -> str:
    """Give the first part of a name."""
    return name.partition(".")[0]


INNER = [name for name in MODULES if name]


def test_every_module_is_on_a_floor():
    """A new module is given a floor, and a floor names no module that is gone."""
    assert {top(name) for name in INNER} == set(FLOORS)


@pytest.mark.parametrize("name", INNER)
def test_imports_point_down_or_sideways(name):
    """No module knows what is built on top of it."""
    above = {
        other for other in own_imports(name) if other and FLOORS[top(other)] > FLOORS[top(name)]
    }
    assert not above


@pytest.mark.parametrize("name", INNER)
def test_a_module_knows_no_more_than_it_needs(name):
    """Domain, ports, drivers, shells and client keep to the few modules that they are made for."""
    allowed = ONLY.get(top(name))
    if allowed is not None:
        assert {top(other) for other in own_imports(name)} <= allowed


@pytest.mark.parametrize("name", INNER)
def test_only_the_command_line_knows_the_facade(name):
    """Inside, everything is found by its module."""
    if top(name) != "cli":
        assert "" not in own_imports(name)


@pytest.mark.parametrize("name", list(MODULES))
def test_a_library_is_imported_only_where_it_belongs(name):
    """One driver knows Peewee, one shell knows asgiref, the command line knows Click."""
    strangers = {
        library
        for library in foreign_imports(name)
        if not any(
            name == owner or name.startswith(f"{owner}.") for owner in LIBRARIES.get(library, ())
        )
    }
    assert not strangers


@pytest.mark.parametrize("name", [name for name in INNER if top(name) == "client"])
def test_the_client_needs_nothing_but_python(name):
    """A storefront copies the client without the server and without a library."""
    assert not foreign_imports(name)


def test_no_name_says_nothing():
    """A module is named for its one idea."""
    parts = {part for name in INNER for part in name.split(".")}
    assert not parts & SAY_NOTHING


def test_no_two_modules_need_each_other():
    """Imports, those inside functions included, make no circle."""
    graph = {name: own_imports(name) - {name, ""} for name in INNER}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                # A package that gathers its own modules is no circle.
                if not name.startswith(f"{other}."):
                    visit(other, (*path, name))
            done.add(name)

    for name in INNER:
        visit(name, ())


@pytest.mark.parametrize("name", INNER)
def test_no_import_is_for_the_type_checker_alone(name):
    """What types need is imported in the open; only the two that load lazily may differ."""
    if name == "testing":
        return
    names = {node.id for node in ast.walk(MODULES[name]) if isinstance(node, ast.Name)}
    assert "TYPE_CHECKING" not in names


def test_the_facade_imports_nothing_when_it_is_imported():
    """Importing the package costs next to nothing."""
    at_once = [
        node
        for node in MODULES[""].body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.ImportFrom) and node.module == "typing")
    ]
    assert not at_once
