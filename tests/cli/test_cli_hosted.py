"""The command line inside a site: every command works on the site's own bridge."""

import json
import sys
from http.client import HTTPConnection

import pytest

pytest.importorskip("click")

from orderflow_bridge import Bridge
from orderflow_bridge.cli import main
from orderflow_bridge.domain.product import Product
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.samples import add, claimed
from tests.cli.conftest import Ended
from tests.rig import RING

# A site that has its bridge in memory, and its own command line.
SITE = f"""
from orderflow_bridge import Bridge
from orderflow_bridge.cli import main
from orderflow_bridge.storage.memory import MemoryStorage

bridge = Bridge(storage=MemoryStorage(), master_keys="{RING}")
main(["serve", "--port", "0", "--json"], bridge=lambda: bridge, prog_name="site bridge")
"""


class Kept(MemoryStorage):
    """A storage that tells whether it was closed."""

    closed = False

    def close(self):
        self.closed = True


class Six:
    """The unit of a storage that keeps what it must, and no more."""

    def __init__(self, unit):
        self.connections, self.carts, self.orders = unit.connections, unit.carts, unit.orders
        self.intents, self.replays, self.answers = unit.intents, unit.replays, unit.answers


class Narrow(Kept):
    """A storage on the site's own tables: durable, in one process, and nothing besides."""

    capabilities = frozenset({"durable"})

    def reading(self):
        return _Narrowed(super().reading())

    def writing(self):
        return _Narrowed(super().writing())


class _Narrowed:
    def __init__(self, unit):
        self._unit = unit

    def __enter__(self):
        return Six(self._unit.__enter__())

    def __exit__(self, *error):
        return self._unit.__exit__(*error)


class Lamps:
    """A site's own catalogue."""

    def find(self, skus, currency):
        return {sku: Product(sku=sku, name="Lamp", unit_price=1200, tax_class="") for sku in skus}


class Site:
    """A site's command line; `asked` counts how often it gave its bridge."""

    def __init__(self, capsys, storage, **plugins):
        self.storage = storage
        self.bridge = Bridge(storage=storage, master_keys=RING, **plugins)
        self.asked = 0
        self._capsys = capsys

    def __call__(self, *words, code=0):
        """Run a command; it must end with `code`, and leave the bridge open."""

        def give():
            self.asked += 1
            return self.bridge

        with pytest.raises(SystemExit) as caught:
            main(words, bridge=give, prog_name="site bridge")
        out, err = self._capsys.readouterr()
        ended = Ended(caught.value.code or 0, out, err)
        assert ended.code == code, ended
        assert not self.storage.closed
        return ended

    def findings(self, code=0):
        """Run the doctor; give (state, found and fix) by check."""
        found = self("doctor", "--json", code=code).document["findings"]
        return {one["check"]: (one["state"], f"{one['found']} {one['fix']}") for one in found}


@pytest.fixture
def site(line, capsys):
    """Give the command line of a site in an empty folder, with everything in memory."""
    return Site(capsys, Kept())


@pytest.fixture
def narrow(line, capsys):
    """Give the command line of a site whose storage can do the least, with its own catalogue."""
    return Site(capsys, Narrow(), catalogue=Lamps())


def test_every_command_works_on_the_sites_own_bridge(site, line):
    """What one makes, the site and the next command see; nothing is opened beside it."""
    made = site("connections", "create", "Shop", "--currency", "GBP", "--json").document
    [connection] = site.bridge.connections.all()
    assert connection.client_id == made["client_id"]
    path = line.folder / "products.csv"
    path.write_text("sku,name,price,currency\nMUG,Mug,11.50,GBP\n")
    site("catalogue", "import", str(path))
    items = json.dumps({"items": [{"sku": "MUG", "quantity": 2}]})
    cart = site("request", "cart.create", "-d", items, "--json").document
    assert cart["totals"]["total"] == 2300
    assert "OFB1" in site("sign", "cart.get").out
    assert site("orders", "list", "--json").document == {"orders": []}
    assert site("purge", "--json").document["carts"] == 0
    assert list(line.folder.iterdir()) == [path]


def test_nothing_is_imported_beside_a_catalogue_of_the_sites_own(line, capsys):
    """Though the storage could keep it: what would be there, nobody could buy."""
    site = Site(capsys, Kept(), catalogue=Lamps())
    path = line.folder / "products.csv"
    path.write_text("sku,name,price,currency\nMUG,Mug,11.50,GBP\n")
    assert "the site's own catalogue" in site("catalogue", "import", str(path), code=2).err
    assert "the site's own catalogue" in site("catalogue", "list", code=2).err
    assert list(site.bridge.catalogue.entries()) == []


def test_the_site_gives_its_bridge_once(site):
    """A function that makes one is not called again by the same command."""
    site("serve", "--workers", "2", code=2)
    assert site.asked == 1
    site("orders", "list")
    assert site.asked == 2
    site("orders", "--help")
    assert site.asked == 2


@pytest.mark.parametrize("option", ["--home", "--database"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_it_leads_nowhere_else(site, option, place):
    """An option that names another place is misuse: it would be ignored otherwise."""
    shared, command = (option, "memory://"), ("orders", "list", "--json")
    words = (*shared, *command) if place == "before" else (*command, *shared)
    error = site(*words, code=2).document["error"]
    assert error["code"] == "usage"
    assert error["detail"].startswith(f"{option} does not go with site bridge")


def test_hints_name_the_sites_command(site):
    """A line that is pasted works on the same bridge."""
    assert "site bridge connections create NAME" in site("connections", "list").out
    assert "site bridge connections create NAME" in site("request", "cart.create", code=2).err
    assert "site bridge catalogue import FILE" in site("catalogue", "list").out
    assert "Usage: site bridge orders" in site("orders", "--help").out


def test_the_doctor_examines_the_sites_bridge(site):
    """It compares no file and no URL that the site does not use."""
    findings = site.findings()
    assert findings["settings"][0] == "ok"
    assert "keys" not in findings
    assert findings["storage"][0] == "warning"
    assert findings["storage"][1].startswith(
        "Kept of test_cli_hosted can: products, stock, rates, audit, privacy, search, journal,"
        " sessions. Off:"
    )
    assert findings["database"] == ("ok", "Kept of test_cli_hosted answers. ")
    assert findings["connections"] == (
        "warning", "There is none. site bridge connections create NAME",
    )  # fmt: skip
    assert "sqlite" not in str(findings)


def test_the_doctor_says_what_a_storage_cannot(narrow):
    """Each missing capability is named by what is off without it."""
    state, said = narrow.findings()["storage"]
    assert state == "warning"
    for words in (
        "Narrow of test_cli_hosted can: durable.", "default catalogue", "every sku is unlimited",
        "`max_writes_per_minute` without", "one process",
    ):  # fmt: skip
        assert words in said
    assert "outlives" not in said


def test_a_storage_that_breaks_is_a_finding(narrow, monkeypatch):
    """The plugin is named, and neither a traceback nor its message is shown."""

    def fail(self):
        raise KeyError("zoe@shop.example")

    monkeypatch.setattr(Narrow, "reading", fail)
    state, said = narrow.findings(code=1)["database"]
    assert state == "problem"
    assert "Narrow of test_cli_hosted failed: KeyError at" in said
    assert "zoe" not in said


def test_migrate_says_where_migrations_belong(narrow):
    """Nothing is to be done here, and the schema is not called up to date."""
    for words in (("migrate",), ("migrate", "--plan")):
        assert "the site's own migrations" in narrow(*words).out
    assert narrow("migrate", "--json").document == {"applied": [], "has_migrations": False}
    assert "the site's own migrations" in narrow.findings()["migrations"][1]


def test_orders_can_be_kept_without_the_default_catalogue(narrow):
    """Carts price from the site's catalogue, and the default one's commands say where it is."""
    narrow("connections", "create", "Shop", "--currency", "GBP")
    items = json.dumps({"items": [{"sku": "ANY", "quantity": 1}]})
    cart = narrow("request", "cart.create", "-d", items, "--json").document
    assert cart["totals"]["total"] == 1200
    assert "keeps no products" in narrow("catalogue", "list", code=2).err


def test_customers_need_a_storage_that_can(narrow, site):
    """The other one says so, with what to choose."""
    for words in (("export",), ("erase", "--yes"), ("erase", "--dry-run")):
        assert "`privacy`" in narrow("customers", *words, "zoe@shop.example", code=2).err
        site("customers", *words, "zoe@shop.example")


def test_a_cart_that_is_becoming_an_order_is_named(site):
    """The erasure ends with the code of a refusal, and says to try again."""
    add(site.storage, claimed("cart_1", 2**45))
    ended = site("customers", "erase", "zoe@example.com", "--yes", code=3)
    assert ended.out == "Erased 0 orders, 0 carts and 0 stored answers.\n"
    assert "becoming an order now: cart_1." in ended.err


def test_init_refuses_and_demo_stays_apart(site, line):
    """A site has its keys; the demo is a shop of its own and says so."""
    assert "nothing was written" in site("init", code=2).err
    assert list(line.folder.iterdir()) == []
    shown = site("demo", "--once", "--folder", str(line.folder / "demo"))
    assert "the site's bridge is not touched" in shown.err
    assert site.bridge.connections.all() == []


def test_serve_serves_the_sites_bridge(line, tmp_path):
    """In this process, whatever is installed: another one could not have it."""
    (tmp_path / "site.py").write_text(SITE)
    with line.start_python("site.py") as server:
        server.until("^}$")
        document = json.loads("".join(one for one in server.seen if one[0] in " {}"))
        assert document["server"] == "development"
        connection = HTTPConnection(document["url"].removeprefix("http://"), timeout=30)
        connection.request("GET", "/bridge/ofc_unknown0/cart.get")
        assert connection.getresponse().status == 405
        connection.close()


def test_without_a_bridge_it_is_the_command_line(line, monkeypatch, capsys):
    """Words given go before those of the process, and both end with the command's code."""
    monkeypatch.setattr(sys, "argv", ["x", "orders", "nothing"])
    for words, code in ((None, 2), (["--version"], 0), (["orders", "list", "--json"], 2)):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert (caught.value.code or 0) == code
    assert '"configuration"' in capsys.readouterr().out
