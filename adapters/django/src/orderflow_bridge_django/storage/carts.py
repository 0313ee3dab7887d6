"""The carts: one row each, read and written whole."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import CartQuery
from orderflow_bridge.storage.bounds import needs_now

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Carts"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Cart).decode


class Carts:
    """The ports `SearchableCartRepository` and `ListedCartRepository`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Cart.objects.using(session.using)

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        found = self._rows.filter(cart_id=cart_id, connection=connection)
        return next(map(_decode, found.values_list("document", flat=True)), None)

    def find_any(self, cart_id: str) -> Cart | None:
        """Read one of any connection."""
        found = self._rows.filter(cart_id=cart_id)
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
        theirs = self._rows.filter(email=email.lower(), cart_id__gt=after).order_by("cart_id")
        return [_decode(document) for document in theirs.values_list("document", flat=True)[:limit]]

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first, at most `query.limit`."""
        return self._page(query, query.after, beyond="lt", sign="-")

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than`, newest first."""
        return self._page(query, than, beyond="gt", sign="")[::-1]

    def _page(
        self, query: CartQuery, last: tuple[int, str] | None, *, beyond: str, sign: str
    ) -> list[Cart]:
        found = self._rows.all()
        connection, expires_at = "connection", "expires_at"
        if query.email is not None:
            # One buyer's carts are few: expressions keep a planner to the index of the addresses.
            found = found.filter(email=query.email.lower()).alias(
                any_connection=Coalesce(connection, Value("")),
                any_expires_at=Coalesce(expires_at, Value(0)),
            )
            connection, expires_at = "any_connection", "any_expires_at"
        if query.connection is not None:
            found = found.filter(**{connection: query.connection})
        by_time = query.status in ("open", "expired")
        if query.status is not None:
            found = found.filter(order_id__isnull=by_time)
        if by_time:
            by_now, last = needs_now(query, last, newer=beyond == "gt")
            compare = "gt" if query.status == "open" else "lte"
            if by_now:
                found = found.filter(**{f"{expires_at}__{compare}": query.now})
        if last is not None:
            past = Q(**{f"cart_id__{beyond}": last[1]})
            if by_time:
                past = Q(**{f"{expires_at}__{beyond}e": last[0]}) & (
                    Q(**{f"{expires_at}__{beyond}": last[0]}) | past
                )
            found = found.filter(past)
        order = (expires_at, "cart_id") if by_time else ("cart_id",)
        found = found.order_by(*(f"{sign}{one}" for one in order))
        documents = found.values_list("document", flat=True)[: query.limit]
        return [_decode(document) for document in documents]

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
