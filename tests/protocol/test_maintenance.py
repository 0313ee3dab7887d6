"""Purging: bounded, opportunistic after writes, never by a read."""

from orderflow_bridge.domain.product import Product
from orderflow_bridge.maintenance import Purged
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.storage.journal import append, ids, request
from orderflow_bridge.testing.storage.sessions import sign_in, signed_in
from tests.rig import SetClock, Storefront, TestShop, item, open_shop

DAY = 86_400


class Without(MemoryStorage):
    """A storage of before: it keeps neither requests nor sign-ins."""

    capabilities = MemoryStorage.capabilities - {"journal", "sessions"}


def journal(shop: TestShop, *names: str, connection: str | None = None) -> None:
    """Keep a request of each name that has just come."""
    at = shop.clock.now()
    entries = [request(name, at=at, connection=connection) for name in names]
    append(shop.bridge._storage, *entries)


def spent(shop: TestShop, storefront: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        return unit.replays.spent_after(0, connection=storefront.client_id, limit=1_000)


def test_purge_forgets_what_expired_and_nothing_else(
    shop: TestShop, storefront: Storefront
) -> None:
    """Spent signatures after 25 minutes, once there is another write; answers after a day."""
    cart_id = storefront.cart()["cart_id"]
    storefront.ok("items.add", cart_id=cart_id, items=[item("mug")])
    assert shop.bridge.purge() == Purged()
    shop.clock.forward(1_504)
    assert shop.bridge.purge() == Purged()
    storefront.cart()
    assert shop.bridge.purge() == Purged(signatures=2)
    shop.clock.forward(86_400 - 1_503)
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


class TestJournal:
    """How long requests and sign-ins are kept."""

    def test_requests_are_forgotten_after_the_days_that_are_set(self) -> None:
        """To the millisecond, and those of every connection."""
        shop = open_shop(journal_days=2, journal_rows=2_000)
        journal(shop, "req_1")
        journal(shop, "req_2", connection=shop.storefront().client_id)
        shop.clock.forward(2 * DAY)
        assert shop.bridge.purge() == Purged()
        journal(shop, "req_3")
        shop.clock.forward(1)
        assert shop.bridge.purge() == Purged(journal_entries=2)
        assert ids(shop.bridge._storage) == ["req_3"]

    def test_of_each_connection_the_newest_are_kept(self) -> None:
        """As many as are set; strangers have a share of their own and push nobody out."""
        shop = open_shop(journal_rows=2)
        first, second = (shop.storefront(name).client_id for name in ("First", "Second"))
        journal(shop, "req_1", "req_2", "req_3", "req_4")
        journal(shop, "req_5", "req_6", "req_7", connection=first)
        journal(shop, "req_8", connection=second)
        assert shop.bridge.purge() == Purged(journal_entries=3)
        left = ["req_8", "req_7", "req_6", "req_4", "req_3"]
        assert ids(shop.bridge._storage) == left
        assert shop.bridge.purge() == Purged()

    def test_a_journal_that_is_off_is_emptied(self) -> None:
        """What was kept before is forgotten, too."""
        shop = open_shop(journal_rows=0)
        journal(shop, "req_1")
        journal(shop, "req_2", connection=shop.storefront().client_id)
        assert shop.bridge.purge() == Purged(journal_entries=2)
        assert ids(shop.bridge._storage) == []

    def test_the_limit_is_for_all_of_it(self) -> None:
        """What is too old counts with what is too many, over every connection."""
        shop = open_shop(journal_rows=1)
        journal(shop, "req_1", "req_2")
        shop.clock.forward(15 * DAY)
        journal(shop, "req_3", "req_4", "req_5")
        journal(shop, "req_6", "req_7", connection=shop.storefront().client_id)
        assert shop.bridge.purge(limit=3) == Purged(journal_entries=3)
        assert ids(shop.bridge._storage) == ["req_7", "req_6", "req_5", "req_4"]
        assert shop.bridge.purge(limit=3) == Purged(journal_entries=2)
        assert ids(shop.bridge._storage) == ["req_7", "req_5"]

    def test_sign_ins_are_forgotten_when_they_have_expired(self, shop: TestShop) -> None:
        """And not one moment before, however they came to be."""
        now = shop.clock.now()
        ends = {b"a" * 32: now - 1, b"b" * 32: now, b"c" * 32: now + 1}
        sign_in(
            shop.bridge._storage,
            *(signed_in(digest, kind="link", expires_at=end) for digest, end in ends.items()),
        )
        assert shop.bridge.purge() == Purged(sessions=1)
        shop.clock.forward(1)
        assert shop.bridge.purge(limit=1) == Purged(sessions=1)
        assert shop.bridge.purge(limit=1) == Purged(sessions=1)

    def test_a_storage_that_keeps_neither_is_purged_as_before(self) -> None:
        """Nothing is asked of it that it cannot do."""
        shop = open_shop(storage=Without())
        journal(shop, "req_1")
        sign_in(shop.bridge._storage, signed_in(expires_at=0))
        shop.storefront().cart()
        shop.clock.forward(15 * DAY)
        assert shop.bridge.purge() == Purged(answers=1)
