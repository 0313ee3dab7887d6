"""How a schema comes to be, moves forward, and is refused."""

import pytest

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.storage.peewee import migrations
from orderflow_bridge.storage.peewee.dialect import run
from orderflow_bridge.storage.peewee.migrations import Migration
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, order
from orderflow_bridge.testing.storage.journal import append, request
from orderflow_bridge.testing.storage.sessions import sign_in, signed_in
from tests.databases import SHARED
from tests.rig import open_shop
from tests.storage.workers import create_in_process, in_processes

KNOWN = migrations.MIGRATIONS
NAMES = [one.name for one in KNOWN]
LATER = Migration(
    9_999,
    "9999_later",
    lambda database, dialect: run(database, "CREATE TABLE IF NOT EXISTS ofb_later (one INT)"),
)


@pytest.fixture(params=SHARED)
def blank_url(request, databases) -> str:
    """Give the URL of a database without tables."""
    return databases.blank(request.param)


@pytest.fixture
def newer(monkeypatch):
    """Give a function that makes this version know a later migration, or forget it."""

    def know(*, later: bool) -> None:
        known = [one for one in migrations.MIGRATIONS if one is not LATER]
        known += [LATER] if later else []
        monkeypatch.setattr(migrations, "MIGRATIONS", tuple(known))

    return know


def test_an_empty_database_is_created_on_first_use(blank_url: str, open_at):
    """Nobody has to run a command for a new shop."""
    storage = open_at(blank_url)
    assert list(storage.pending_migrations()) == NAMES
    add(storage, cart())
    assert list(storage.pending_migrations()) == []
    assert list(storage.migrate()) == []


def test_an_empty_database_can_be_migrated_by_hand(blank_url: str, open_at):
    """The command names what it applied."""
    storage = open_at(blank_url)
    assert list(storage.migrate()) == NAMES
    add(storage, cart())


def test_a_current_database_is_used_as_it_is(blank_url: str, open_at):
    """A second process, later, changes nothing of the schema."""
    add(open_at(blank_url), cart())
    storage = open_at(blank_url)
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()


def test_an_older_schema_is_refused_with_the_command(blank_url: str, open_at, newer):
    """It is never changed behind an operator's back; the command brings it forward."""
    add(open_at(blank_url), cart())
    newer(later=True)
    storage = open_at(blank_url)
    for use in (storage.reading, storage.writing):
        with pytest.raises(ConfigurationError, match=r"9999_later.*`orderflow-bridge migrate`"):
            use()
    assert list(storage.pending_migrations()) == ["9999_later"]
    assert list(storage.migrate()) == ["9999_later"]
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()


def test_the_audit_comes_to_a_shop_that_has_been_trading(blank_url: str, open_at, monkeypatch):
    """What was stored by the version before stays, and operators are written down from now on."""
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN[:1])
    before = open_at(blank_url)
    add(before, connection(), cart(), order())
    before.close()
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(blank_url)
    assert "0003_audit" in storage.migrate()
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
        assert unit.orders.of_cart(order().cart_id).order_id == order().order_id
        assert list(unit.audit.page(subject=None, before=None, limit=9)) == []
    shop = open_shop(blank_url, storage=storage, stocked=False)
    shop.bridge.connections.disable(SHOP, actor="zoe")
    (entry,) = shop.bridge.audit.page()
    assert (entry.actor, entry.event, entry.subject) == ("zoe", "connection.disabled", SHOP)


def test_the_console_comes_to_a_shop_that_has_been_trading(blank_url: str, open_at, monkeypatch):
    """What was stored by the version before stays, and requests and sign-ins are kept from now."""
    monkeypatch.setattr(migrations, "MIGRATIONS", [one for one in KNOWN if one.number < 5])
    before = open_at(blank_url)
    add(before, connection(), cart(), order())
    before.close()
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(blank_url)
    assert "0005_journal_and_sessions" in storage.migrate()
    append(storage, request())
    sign_in(storage, signed_in())
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
        assert unit.journal.of_order("ord_1") == request()
        assert unit.sessions.find(signed_in().digest) == signed_in()


def test_a_newer_schema_is_refused(blank_url: str, open_at, newer):
    """An older version of the package does not touch what it does not understand."""
    newer(later=True)
    add(open_at(blank_url), cart())
    newer(later=False)
    storage = open_at(blank_url)
    for use in (storage.reading, storage.writing, storage.migrate, storage.pending_migrations):
        with pytest.raises(ConfigurationError, match=r"9999_later.*newer"):
            use()


def test_a_migration_that_fails_is_run_again(blank_url: str, open_at, monkeypatch):
    """What a crash left half done is completed by the next start."""

    def half(database, dialect) -> None:
        migrations._first(database, dialect)
        run(database, "DROP INDEX ofb_orders_newest" + on_table)
        raise OSError("crash")

    on_table = " ON ofb_orders" if blank_url.startswith("mysql") else ""
    broken = (KNOWN[0]._replace(apply=half), *KNOWN[1:])
    monkeypatch.setattr(migrations, "MIGRATIONS", broken)
    storage = open_at(blank_url)
    with pytest.raises(OSError, match="crash"):
        storage.reading()
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    assert list(storage.pending_migrations()) == NAMES
    add(storage, cart())
    assert list(storage.pending_migrations()) == []


def test_processes_that_create_at_once_agree(blank_url: str):
    """Four first uses at once make one schema, and none fails."""
    with in_processes(4) as pool:
        jobs = [pool.submit(create_in_process, blank_url) for _ in range(4)]
        assert [job.result(60) for job in jobs] == [[]] * 4


def test_a_live_shop_is_brought_forward_one_by_one(blank_url: str, open_at, monkeypatch):
    """What each version left is migrated with all that is in it, and then is the newest."""
    for count in range(1, len(KNOWN)):
        monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN[:count])
        open_at(blank_url).migrate()
        if count == 1:
            add(open_at(blank_url), cart())
    monkeypatch.setattr(migrations, "MIGRATIONS", KNOWN)
    storage = open_at(blank_url)
    assert list(storage.migrate()) == NAMES[-1:]
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
