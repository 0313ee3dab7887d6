"""What an operator does with carts: find and search."""

from collections.abc import Sequence

from msgspec.structs import replace

from orderflow_bridge.capabilities import listed_carts, refuse_unsearchable
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.storable import is_storable, storable_time
from orderflow_bridge.ports import CartQuery, Storage

__all__ = ["Carts"]


class Carts:
    """The carts of every connection, for the host and its operators.

    Needs a storage with the capability `search`: each method raises `ConfigurationError` on
    another one.
    """

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    def find(self, cart_id: str) -> Cart:
        """Read one; raises `BridgeError` `cart_not_found`."""
        refuse_unsearchable(self._storage)
        cart = None
        if is_storable(cart_id):
            with self._storage.reading() as unit:
                cart = listed_carts(unit).find_any(cart_id)
        if cart is None:
            raise BridgeError("cart_not_found", "There is no cart with that id.")
        return cart

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first."""
        refuse_unsearchable(self._storage)
        if not _is_askable(query):
            return ()
        with self._storage.reading() as unit:
            return listed_carts(unit).search(_askable(query))

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than` (expires_at, cart_id), newest first."""
        refuse_unsearchable(self._storage)
        query = replace(query, after=than)
        if not _is_askable(query):
            return ()
        query = _askable(query)
        with self._storage.reading() as unit:
            return listed_carts(unit).newer(query, than=query.after or than)


def _is_askable(query: CartQuery) -> bool:
    texts = (query.connection, query.email, query.after and query.after[1])
    return all(text is None or is_storable(text) for text in texts)


def _askable(query: CartQuery) -> CartQuery:
    after = query.after and (storable_time(query.after[0]), query.after[1])
    return replace(query, now=storable_time(query.now), after=after)
