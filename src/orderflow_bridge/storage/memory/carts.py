"""Carts."""

from collections.abc import Sequence

from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import CartQuery
from orderflow_bridge.storage.memory.rows import Rows, last
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Carts"]


class Carts:
    """The ports `SearchableCartRepository` and `ListedCartRepository`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, Cart]) -> None:
        self._session = session
        self._rows = rows

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        cart = self._rows.get(cart_id)
        return cart if cart is not None and cart.connection == connection else None

    lock = find  # one writing unit at a time: what it reads is locked

    def add(self, cart: Cart) -> None:
        """Store a new cart; raises `Conflict` where its id is taken."""
        self._session.must_write()
        if self._rows.get(cart.cart_id) is not None:
            raise Conflict("The cart id is taken.")
        self._rows.put(cart.cart_id, cart)

    def save(self, cart: Cart, *, replacing: int) -> None:
        """Replace the cart whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        stored = self._rows.get(cart.cart_id)
        if stored is None or stored.version != replacing:
            raise Conflict("The cart has another version.")
        self._rows.put(cart.cart_id, cart)

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        """Give carts whose conversion's lease ended before `before` (Unix ms)."""
        late = [
            (cart.conversion.lease_until, cart.cart_id, cart)
            for cart in self._rows.values()
            if cart.conversion is not None and cart.conversion.lease_until < before
        ]
        return [cart for _, _, cart in sorted(late, key=lambda one: one[:2])[:limit]]

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        """Give a customer's carts by id, beyond `after`."""
        found = [
            cart for cart in self._rows.values() if cart.cart_id > after and _is_of(cart, email)
        ]
        return sorted(found, key=lambda cart: cart.cart_id)[:limit]

    def find_any(self, cart_id: str) -> Cart | None:
        """Read one of any connection."""
        return self._rows.get(cart_id)

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first, at most `query.limit`."""
        found = self._listed(query)
        if query.after is not None:
            last = _place(query, *query.after)
            found = [cart for cart in found if _place(query, cart.expires_at, cart.cart_id) < last]
        return found[: query.limit]

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than`, newest first."""
        first = _place(query, *than)
        found = [
            cart
            for cart in self._listed(query)
            if _place(query, cart.expires_at, cart.cart_id) > first
        ]
        return last(found, query.limit)

    def _listed(self, query: CartQuery) -> list[Cart]:
        found = [
            cart
            for cart in self._rows.values()
            if query.status in (None, cart.status(query.now))
            and query.connection in (None, cart.connection)
            and (query.email is None or _is_of(cart, query.email))
        ]
        found.sort(key=lambda cart: _place(query, cart.expires_at, cart.cart_id), reverse=True)
        return found

    def purge(self, *, before: int, limit: int) -> int:
        """Delete up to `limit` unconverted, unclaimed carts that expired before `before`."""
        self._session.must_write()
        stale = [
            cart.cart_id
            for cart in sorted(self._rows.values(), key=lambda cart: cart.expires_at)
            if cart.expires_at < before and cart.order_id is None and cart.conversion is None
        ]
        for cart_id in stale[:limit]:
            self._rows.remove(cart_id)
        return len(stale[:limit])


def _is_of(cart: Cart, email: str) -> bool:
    return cart.customer is not None and cart.customer.email.lower() == email.lower()


def _place(query: CartQuery, expires_at: int, cart_id: str) -> tuple[int, str]:
    return (expires_at if query.status in ("open", "expired") else 0, cart_id)
