"""The storefront of the kit: what it sends is admitted, and refusals can be looked at."""

import pytest

from orderflow_bridge.testing import CountedEntropy, SetClock, SigningApp
from orderflow_bridge.wsgi import BridgeWSGI
from tests.hosts.hosts import wsgi_site
from tests.rig import ALL_SCOPES, TestShop, item


def front_of(shop: TestShop, *, mount: str = "/bridge", **options) -> SigningApp:
    """Mount the shop, and give a storefront of a new connection."""
    allow = options.pop("allow", ())
    made = shop.bridge.connections.create("Storefront", scopes=ALL_SCOPES, allow=allow)
    return SigningApp(
        BridgeWSGI(wsgi_site(), bridge=shop.bridge, mount=mount),
        client_id=made.connection.client_id,
        secret=made.secret,
        clock=shop.clock,
        mount=mount,
        **options,
    )


@pytest.mark.parametrize("mount", ["/bridge", "/", "/api/v1"])
def test_a_call_is_admitted_wherever_the_bridge_is_mounted(shop: TestShop, mount: str) -> None:
    """A cart is made, and its document is at hand."""
    answer = front_of(shop, mount=mount).call("cart.create", currency="GBP", items=[item("mug")])
    assert (answer.status_int, answer.json["totals"]["item_count"]) == (200, 1)


def test_it_signs_by_the_clock_it_is_given(shop: TestShop) -> None:
    """Moved together with the bridge it is on time; a clock of its own is out of the window."""
    front = front_of(shop)
    shop.clock.forward(86_400)
    assert front.call("cart.create", currency="GBP").status_int == 200
    late = SetClock(shop.clock.now())
    other = front_of(TestShop(shop.bridge, late, shop.entropy))
    shop.clock.forward(86_400)
    assert other.call("cart.create", currency="GBP").json["code"] == "timestamp_out_of_window"


def test_each_call_has_a_key_of_its_own_unless_one_is_given(shop: TestShop) -> None:
    """Two calls are two carts; with one key the second gets the first one's answer."""
    front = front_of(shop)
    first, second = (front.call("cart.create", currency="GBP") for _ in range(2))
    assert first.json["cart_id"] != second.json["cart_id"]
    once = front.call("cart.create", key="once", currency="GBP")
    shop.clock.forward(1)
    again = front.call("cart.create", key="once", currency="GBP")
    assert again.body == once.body
    assert again.headers["Idempotent-Replayed"] == "true"
    # Without a key, the same bytes in the same second have the same signature.
    keyless = [front.call("cart.create", key=None, currency="GBP") for _ in range(2)]
    assert [answer.status_int for answer in keyless] == [200, 409]


def test_a_refusal_is_an_answer(shop: TestShop) -> None:
    """It raises nothing: status and code can be asserted."""
    answer = front_of(shop).call("cart.get", cart_id="nope")
    assert (answer.status_int, answer.json["code"]) == (404, "cart_not_found")


def test_raw_bytes_are_signed_and_sent(shop: TestShop) -> None:
    """A body that is no JSON has a good signature, and is refused for what it is."""
    assert front_of(shop).send("cart.get", b"{\xff").json["code"] == "invalid_json"


def test_the_site_sees_the_peer(shop: TestShop) -> None:
    """An allow list lets in one address and not the other."""
    allowed = front_of(shop, allow=["203.0.113.9"], peer="203.0.113.9")
    assert allowed.call("cart.create", currency="GBP").status_int == 200
    refused = front_of(shop, allow=["203.0.113.9"], peer="203.0.113.10")
    assert refused.call("cart.create", currency="GBP").json["code"] == "ip_not_allowed"


def test_the_site_s_own_pages_are_at_hand(shop: TestShop) -> None:
    """`site` is WebTest's application."""
    assert front_of(shop).site.get("/hello").body == b"hello "


def test_entropy_is_the_same_in_each_run() -> None:
    """One seed gives the same bytes again, each draw and each seed others."""
    one, again, other = CountedEntropy(), CountedEntropy(), CountedEntropy(b"other")
    drawn = [one.token(16) for _ in range(3)]
    assert drawn == [again.token(16) for _ in range(3)]
    assert len({*drawn, other.token(16)}) == 4
