"""One Django site for every test here, and its databases."""

import os
import secrets
import tempfile
from pathlib import Path

import pytest

# Named before Django reads its settings, and the same in every process that a test starts.
_folder = tempfile.TemporaryDirectory(prefix="ofb_test_")
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
os.environ["OFB_TEST_DJANGO_NAME"] = f"ofb_test_{secrets.token_hex(6)}"
# No thread has a connection of its own beside those of the tests.
os.environ["ORDERFLOW_BRIDGE_JOURNAL_ROWS"] = "0"
os.environ["OFB_TEST_DJANGO_FILE"] = str(Path(_folder.name) / "site.sqlite3")

import django  # noqa: E402 -- after its settings are named

django.setup()

from tests.canary.session import canary_of, watch  # noqa: E402 -- the same

import site_databases  # noqa: E402 -- after Django is set up


def pytest_configure(config: pytest.Config) -> None:
    """Search whatever the session leaves, says and answers for what must not be there."""
    watch(config)
    site_databases.CANARIES.append(canary_of(config))


@pytest.fixture(scope="session", autouse=True)
def databases():
    """Drop at the end what was made on the way."""
    yield
    site_databases.drop()
    _folder.cleanup()


@pytest.fixture(params=site_databases.KINDS)
def alias(request) -> str:
    """Give the alias of each kind of database."""
    return request.param


@pytest.fixture
def storage(alias: str, tmp_path: Path):
    """Give an empty storage of each kind."""
    opened = site_databases.open_alias(alias, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def staffed(tmp_path: Path):
    """Give the storage of a site whose bridge is in the SQLite file, and whose people in memory."""
    from django.contrib.auth.management import create_permissions  # noqa: PLC0415 -- models
    from django.contrib.auth.models import User  # noqa: PLC0415 -- the same
    from django.core.management import call_command  # noqa: PLC0415 -- the same
    from django.test import override_settings  # noqa: PLC0415 -- the same

    from orderflow_bridge_django.bridge import get_app  # noqa: PLC0415 -- the same

    for label in ("contenttypes", "auth", "admin", "sessions"):
        call_command("migrate", label, database="default", verbosity=0)
    create_permissions(get_app(), using="default", verbosity=0)
    User.objects.all().delete()
    storage = site_databases.open_alias("sqlite", tmp_path)
    ring = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
    with override_settings(
        ORDERFLOW_BRIDGE={"MASTER_KEYS": ring, "HOME": str(tmp_path)},
        DATABASE_ROUTERS=["site_routers.ToSqlite"],
    ):
        yield storage
    storage.close()
