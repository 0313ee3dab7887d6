"""Purging: bounded, opportunistic after writes, never by a read."""

from orderflow_bridge.domain.product import Product
from orderflow_bridge.maintenance import Purged
from orderflow_bridge.storage.memory import MemoryStorage
from tests.rig import SetClock, Storefront, TestShop, item, open_shop


def spent(shop: TestShop, storefront: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        return unit.replays.spent_after(0, connection=storefront.client_id, limit=1_000)


def test_purge_forgets_what_expired_and_nothing_else(
    shop: TestShop, storefront: Storefront
) -> None:
    """Spent signatures after fifteen minutes, once there is another write; answers after a day."""
    cart_id = storefront.cart()["cart_id"]
    storefront.ok("items.add", cart_id=cart_id, items=[item("mug")])
    assert shop.bridge.purge() == Purged()
    shop.clock.forward(904)
    assert shop.bridge.purge() == Purged()
    storefront.cart()
    assert shop.bridge.purge() == Purged(signatures=2)
    shop.clock.forward(86_400 - 903)
    assert shop.bridge.purge() == Purged(answers=2)
    shop.clock.forward(86_400)
    assert shop.bridge.purge() == Purged(answers=1)


def test_purge_is_bounded(shop: TestShop, storefront: Storefront) -> None:
    """One call forgets at most `limit` of each kind."""
    for _ in range(5):
        storefront.cart()
    shop.clock.forward(2 * 86_400)
    storefront.cart()
    assert shop.bridge.purge(limit=3) == Purged(signatures=3, answers=3)
    assert shop.bridge.purge(limit=3) == Purged(signatures=2, answers=2)


class Uncounted(MemoryStorage):
    """Keeps everything, counts nothing."""

    capabilities = MemoryStorage.capabilities - {"rates"}


def test_a_storage_that_counts_nothing_is_believed_its_clock() -> None:
    """Its signatures are forgotten when they have expired, as its clock has it."""
    shop = open_shop(storage=Uncounted())
    shop.storefront().cart()
    shop.clock.forward(900)
    assert shop.bridge.purge() == Purged()
    shop.clock.forward(1)
    assert shop.bridge.purge() == Purged(signatures=1)


class Jumping:
    """A catalogue in whose time the clock jumps, if it is told to."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.ahead = 0

    def find(self, skus, currency):
        """Find what is asked for, later."""
        self.clock.forward(self.ahead)
        return {sku: Product(sku=sku, name="Tea", unit_price=255, tax_class="") for sku in skus}


def test_a_write_is_no_proof_of_the_time_after_it() -> None:
    """A clock that jumps ahead within a write purges by the time at which the write came."""
    clock = SetClock()
    catalogue = Jumping(clock)
    shop = open_shop(clock=clock, catalogue=catalogue, stocked=False)
    front = shop.storefront()
    body = b'{"currency":"GBP"}'
    headers = front.headers("cart.create", body)
    assert front.send("cart.create", body, headers).status == 200
    for _ in range(126):
        front.cart()
    catalogue.ahead = 2 * 86_400
    front.cart(item("tea"))
    clock.forward(-catalogue.ahead)
    assert spent(shop, front) == 128
    assert front.send("cart.create", body, headers).code == "replayed_request"


def test_writes_purge_now_and_then_and_reads_never(shop: TestShop, storefront: Storefront) -> None:
    """After 128 writes what expired is gone; any number of reads changes nothing."""
    cart_id = storefront.cart()["cart_id"]
    for _ in range(126):
        storefront.cart()
    shop.clock.forward(2 * 86_400)
    for _ in range(300):
        storefront.ok("cart.get", cart_id=cart_id)
    assert spent(shop, storefront) == 127
    storefront.cart()
    assert spent(shop, storefront) == 1
    assert shop.bridge.purge() == Purged()


def test_a_failing_purge_is_never_the_storefront_s_business(
    shop: TestShop, storefront: Storefront, monkeypatch, caplog
) -> None:
    """The write is answered, the failure is logged without its message."""

    def fail(*_arguments, **_options):
        raise RuntimeError("secret words")

    for _ in range(127):
        storefront.cart()
    monkeypatch.setattr("orderflow_bridge.maintenance.transact", fail)
    assert storefront.call("cart.create", currency="GBP").status == 200
    assert "purging failed: RuntimeError" in caplog.text
    assert "secret words" not in caplog.text
