"""How the storage's own tables come to be, move forward, and are refused."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings
from orderflow_bridge.testing.samples import SHOP, add, cart
from orderflow_bridge.testing.storage.journal import append, request
from orderflow_bridge.testing.storage.sessions import sign_in, signed_in
from sqlalchemy import inspect, text

from orderflow_bridge_sqlalchemy import migrations, open_storage
from orderflow_bridge_sqlalchemy.migrations import Migration

KNOWN = migrations.MIGRATIONS
NAMES = [one.name for one in KNOWN]
LATER = Migration(
    9_999,
    "9999_later",
    lambda connection, tables: connection.execute(
        text("CREATE TABLE IF NOT EXISTS orderflow_later (one INT)")
    ),
)


@pytest.fixture
def newer(monkeypatch):
    """Give a function that makes this version know a later migration, or forget it."""

    def know(*, later: bool) -> None:
        known = [one for one in migrations.MIGRATIONS if one is not LATER]
        known += [LATER] if later else []
        monkeypatch.setattr(migrations, "MIGRATIONS", tuple(known))

    return know


def create(url: str) -> list[str]:
    """Use a new database in a process of its own; give the migrations that are left."""
    storage = open_storage(Settings(database=f"sqlalchemy+{url}"))
    with storage.reading() as unit:
        assert unit.connections.all() == []
    pending = list(storage.pending_migrations())
    storage.close()
    return pending


def test_an_empty_database_is_created_on_first_use(url, open_at):
    """Nobody has to run a command for a new shop."""
    storage = open_at(url)
    assert "migrations" in storage.capabilities
    assert list(storage.pending_migrations()) == NAMES
    add(storage, cart())
    assert list(storage.pending_migrations()) == []
    assert list(storage.migrate()) == []


def test_a_current_database_is_used_as_it_is(url, open_at):
    """A second process, later, changes nothing of the schema; migrating by hand is fine too."""
    assert list(open_at(url).migrate()) == NAMES
    add(open_at(url), cart())
    with open_at(url).reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()


def test_an_older_schema_is_refused_with_the_command(url, open_at, newer):
    """It is never changed behind an operator's back; the command brings it forward."""
    add(open_at(url), cart())
    newer(later=True)
    storage = open_at(url)
    for use in (storage.reading, storage.writing):
        with pytest.raises(ConfigurationError, match=r"9999_later.*`orderflow-bridge migrate`"):
            use()
    assert list(storage.pending_migrations()) == ["9999_later"]
    assert list(storage.migrate()) == ["9999_later"]
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()


def test_the_audit_comes_to_a_shop_that_has_been_trading(url, open_at, monkeypatch):
    """What was stored by the version before stays, and the new table takes entries."""
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN[:1])
    add(open_at(url), cart())
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(url)
    assert "0003_audit" in storage.migrate()
    entry = AuditEntry(
        entry_id="aud_1", at=1, actor="zoe", event="secret.revealed", subject=SHOP, details={}
    )
    with storage.writing() as unit:
        unit.audit.append(entry)
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
        assert list(unit.audit.page(subject=None, before=None, limit=9)) == [entry]


def test_the_console_comes_to_a_shop_that_has_been_trading(url, open_at, monkeypatch):
    """What was stored by the version before stays, and requests and sign-ins are kept from now."""
    monkeypatch.setattr(migrations, "MIGRATIONS", [one for one in KNOWN if one.number < 5])
    add(open_at(url), cart())
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(url)
    assert "0005_journal_and_sessions" in storage.migrate()
    append(storage, request())
    sign_in(storage, signed_in())
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
        assert unit.journal.of_order("ord_1") == request()
        assert unit.sessions.find(signed_in().digest) == signed_in()


def test_a_newer_schema_is_refused(url, open_at, newer):
    """An older version of the package does not touch what it does not understand."""
    newer(later=True)
    add(open_at(url), cart())
    newer(later=False)
    storage = open_at(url)
    for use in (storage.reading, storage.writing, storage.migrate, storage.pending_migrations):
        with pytest.raises(ConfigurationError, match=r"9999_later.*newer"):
            use()


def test_a_migration_that_fails_is_run_again(url, open_at, make_engine, monkeypatch):
    """What a crash left half done is completed by the next start."""

    def half(connection, tables) -> None:
        migrations._first(connection, tables)
        [newest] = [i for i in tables.orders.indexes if i.name == "orderflow_orders_newest"]
        newest.drop(connection)
        raise OSError("crash")

    broken = (KNOWN[0]._replace(apply=half), *KNOWN[1:])
    monkeypatch.setattr(migrations, "MIGRATIONS", broken)
    storage = open_at(url)
    with pytest.raises(OSError, match="crash"):
        storage.reading()
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    assert list(storage.pending_migrations()) == NAMES
    add(storage, cart())
    assert list(storage.pending_migrations()) == []
    indexes = inspect(make_engine(url)).get_indexes("orderflow_orders")
    assert "orderflow_orders_newest" in {index["name"] for index in indexes}


def test_processes_that_create_at_once_agree(url):
    """Four first uses at once make one schema, and none fails."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(create, url) for _ in range(4)]
        assert [job.result(60) for job in jobs] == [[]] * 4


def test_a_live_shop_gets_the_indexes_that_it_lacks(url, open_at, make_engine, monkeypatch):
    """A shop of the first version keeps what it has, and its ledgers can be counted."""

    def first(connection, tables) -> None:
        migrations._first(connection, tables)
        for table in (tables.replays, tables.answers):
            [counted] = [i for i in table.indexes if i.name.endswith("_of_connection")]
            counted.drop(connection)

    monkeypatch.setattr(migrations, "MIGRATIONS", (KNOWN[0]._replace(apply=first),))
    add(open_at(url), cart())
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(url)
    assert list(storage.migrate()) == NAMES[1:]
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
    inspector = inspect(make_engine(url))
    for table in ("orderflow_replays", "orderflow_answers"):
        names = {index["name"] for index in inspector.get_indexes(table)}
        assert f"{table}_of_connection" in names
