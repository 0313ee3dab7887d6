"""Purging: bounded, opportunistic after writes, never by a read."""

from orderflow_bridge.maintenance import Purged
from tests.rig import Storefront, TestShop, item


def spent(shop: TestShop, storefront: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        return unit.replays.spent_after(0, connection=storefront.client_id, limit=1_000)


def test_purge_forgets_what_expired_and_nothing_else(
    shop: TestShop, storefront: Storefront
) -> None:
    """Spent signatures after fifteen minutes, answers after a day."""
    cart_id = storefront.cart()["cart_id"]
    storefront.ok("items.add", cart_id=cart_id, items=[item("mug")])
    assert shop.bridge.purge() == Purged()
    shop.clock.forward(901)
    assert shop.bridge.purge() == Purged(signatures=2)
    shop.clock.forward(86_400)
    assert shop.bridge.purge() == Purged(answers=2)


def test_purge_is_bounded(shop: TestShop, storefront: Storefront) -> None:
    """One call forgets at most `limit` of each kind."""
    for _ in range(5):
        storefront.cart()
    shop.clock.forward(2 * 86_400)
    assert shop.bridge.purge(limit=3) == Purged(signatures=3, answers=3)
    assert shop.bridge.purge(limit=3) == Purged(signatures=2, answers=2)


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
