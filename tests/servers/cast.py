"""The storefronts of the shop that is served: each stands for what an operator did to it."""

from collections.abc import Mapping

from tests.rig import Storefront, TestShop, item
from tests.servers.wire import Front

__all__ = ["INTENT_OF_ANOTHER", "SET_UP", "play_the_cast"]

SET_UP = 120
"""How many seconds ago the shop was set up: the grace of one secret is over since."""

INTENT_OF_ANOTHER = "pi_of_another_1"
"""What pays an order of another storefront."""

_SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
_NAMES = ("storefront", "another", "reader", "disabled", "in grace", "past grace", "revoked")


def play_the_cast(shop: TestShop) -> Mapping[str, Front]:
    """Make the storefronts, each with a cart; the last three keep their first secret."""
    made = {name: shop.storefront(name.capitalize(), scopes=_SCOPES) for name in _NAMES}
    fronts = {name: _front(storefront) for name, storefront in made.items()}
    paid = made["another"].cart(item("mug"))
    made["another"].order(paid["cart_id"], intent=INTENT_OF_ANOTHER)
    operator = shop.bridge.connections
    operator.disable(made["disabled"].client_id)
    operator.set_scopes(made["reader"].client_id, ["carts:read"])
    operator.rotate(made["in grace"].client_id, grace=SET_UP * 100)
    operator.rotate(made["past grace"].client_id, grace=SET_UP // 2)
    operator.rotate(made["revoked"].client_id)
    return fronts


def _front(storefront: Storefront) -> Front:
    cart = storefront.cart(item("mug"))
    return Front(storefront.client_id, storefront.secret, cart["cart_id"])
