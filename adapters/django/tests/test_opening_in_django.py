"""`django://ALIAS`, also in a process that Django is not set up in."""

import os
import subprocess
import sys

import pytest
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings

import site_databases
from orderflow_bridge_django.storage import open_storage
from samples import add, cart, find

OPEN = """
from orderflow_bridge.settings import Settings
from orderflow_bridge_django.storage import open_storage
from samples import find
print(find(open_storage(Settings(database="django://sqlite"))).cart_id)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """Open the storage in a fresh interpreter."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-c", OPEN],
        env=kept | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_process_without_django_is_set_up(tmp_path):
    """The command line finds what the site stored."""
    add(site_databases.open_sqlite(tmp_path), cart())
    done = run(DJANGO_SETTINGS_MODULE="site_settings")
    assert done.stdout.strip() == "cart_1", done.stderr


def test_settings_that_nobody_names():
    """The message says which variable to set."""
    assert "set DJANGO_SETTINGS_MODULE" in run().stderr


def test_settings_that_cannot_be_imported():
    """The message says what was looked for."""
    done = run(DJANGO_SETTINGS_MODULE="site_of_nobody.settings")
    assert "cannot be imported (site_of_nobody)" in done.stderr


def test_an_app_that_is_not_installed():
    """The message says what to add, and where."""
    done = run(DJANGO_SETTINGS_MODULE="django.conf.global_settings")
    assert "INSTALLED_APPS" in done.stderr


def test_an_alias_that_is_not_there():
    """The message names those that are."""
    with pytest.raises(ConfigurationError, match=r"mariadb.*postgres.*sqlite"):
        open_storage(Settings(database="django://nobody"))


def test_without_an_alias_the_routers_choose():
    """That is what the site's settings are for."""
    assert repr(open_storage(Settings(database="django://"))) == "DjangoStorage(using=None)"


def test_find_needs_no_more_than_the_alias(tmp_path):
    """The URL's alias is the database."""
    add(site_databases.open_sqlite(tmp_path), cart())
    assert find(open_storage(Settings(database="django://sqlite"))) == cart()
