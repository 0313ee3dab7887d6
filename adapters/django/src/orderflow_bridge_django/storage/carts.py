"""The carts: one row each, read and written whole."""

from collections.abc import Sequence
from typing import Any

import msgspec
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Carts"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Cart).decode


class Carts:
    """The port `SearchableCartRepository`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Cart.objects.using(session.using)

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        found = self._rows.filter(cart_id=cart_id, connection=connection)
        return next(map(_decode, found.values_list("document", flat=True)), None)

    def lock(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one, and let no other unit change it until this one ends."""
        found = self._rows.filter(cart_id=cart_id, connection=connection).select_for_update()
        return next(map(_decode, found.values_list("document", flat=True)), None)

    def add(self, cart: Cart) -> None:
        """Store a new cart; raises `Conflict` where its id is taken."""
        row = models.Cart(cart_id=cart.cart_id, connection=cart.connection, **_columns(cart))
        if not self._session.insert(row):
            raise Conflict("The cart id is taken.")

    def save(self, cart: Cart, *, replacing: int) -> None:
        """Replace the cart whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        stored = self._rows.filter(cart_id=cart.cart_id, version=replacing)
        if stored.update(**_columns(cart)) != 1:
            raise Conflict("The cart has another version.")

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        """Give carts whose conversion's lease ended before `before` (Unix ms)."""
        late = self._rows.filter(lease_until__lt=before).order_by("lease_until", "cart_id")
        return [_decode(document) for document in late.values_list("document", flat=True)[:limit]]

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        """Give a customer's carts by id, beyond `after`."""
        # No index: one more would cost every request, and this is asked by an operator alone.
        theirs = self._rows.filter(email=email.lower(), cart_id__gt=after).order_by("cart_id")
        return [_decode(document) for document in theirs.values_list("document", flat=True)[:limit]]

    def purge(self, *, before: int, limit: int) -> int:
        """Delete up to `limit` unconverted, unclaimed carts that expired before `before`."""
        self._session.must_write()
        stale = self._rows.filter(
            expires_at__lt=before, order_id__isnull=True, lease_until__isnull=True
        )
        return delete_first(stale.order_by("expires_at"), limit)


def _columns(cart: Cart) -> dict[str, Any]:
    return {
        "version": cart.version,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
        "order_id": cart.order_id,
        "lease_until": None if cart.conversion is None else cart.conversion.lease_until,
        "currency": cart.currency,
        "total": cart.totals.total,
        "email": None if cart.customer is None else cart.customer.email.lower(),
        "document": _encode(cart).decode(),
    }
