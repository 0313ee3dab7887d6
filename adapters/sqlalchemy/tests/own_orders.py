"""A site's own repository of orders, in a table of its own, as a team would write it."""

import msgspec
from msgspec.structs import replace
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.order import Order
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.exc import IntegrityError

from orderflow_bridge_sqlalchemy.types import Key

metadata = MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"})
sales = Table(
    "sale",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("order_id", Key(64), nullable=False, unique=True),
    Column("cart_id", Key(64), nullable=False, unique=True),
    Column("intent", Key(255), nullable=False, unique=True),
    Column("connection", Key(64), nullable=False),
    Column("status", Key(16), nullable=False),
    Column("email", Key(512), nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("document", Text().with_variant(LONGTEXT, "mysql", "mariadb"), nullable=False),
    sqlite_autoincrement=True,
    mysql_default_charset="utf8mb4",
)


class Sales:
    """The port `OrderRepository`, on the connection of a unit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, order_id, *, connection):
        """Read one."""
        ours = [] if connection is None else [sales.c.connection == connection]
        return self._first(select(sales).where(sales.c.order_id == order_id, *ours))

    def of_cart(self, cart_id):
        """Read the order of a cart."""
        return self._first(select(sales).where(sales.c.cart_id == cart_id))

    def place(self, order):
        """Store one; the database's own constraints say what is taken."""
        row = self._row(order) | {
            "order_id": order.order_id,
            "cart_id": order.cart_id,
            "intent": order.payment.intent,
            "connection": order.connection,
            "placed_at": order.placed_at,
            "version": 1,
        }
        try:
            done = self._connection.execute(insert(sales), row)
        except IntegrityError:
            raise Conflict("The order, its cart or its payment intent is taken.") from None
        return replace(order, number=_number(done.inserted_primary_key[0]))

    def save(self, order, *, expecting):
        """Replace one while it has the status `expecting`."""
        guarded = update(sales).where(
            sales.c.order_id == order.order_id, sales.c.status == expecting
        )
        row = self._row(order) | {"version": sales.c.version + 1}
        return self._connection.execute(guarded.values(row)).rowcount == 1

    def search(self, query):
        """Give those that match, newest first."""
        rows = select(sales).order_by(sales.c.placed_at.desc(), sales.c.order_id.desc())
        if query.connection is not None:
            rows = rows.where(sales.c.connection == query.connection)
        if query.status is not None:
            rows = rows.where(sales.c.status == query.status)
        if query.placed_after is not None:
            rows = rows.where(sales.c.placed_at >= query.placed_after)
        if query.placed_before is not None:
            rows = rows.where(sales.c.placed_at < query.placed_before)
        if query.email is not None:
            rows = rows.where(sales.c.email == query.email.lower())
        if query.after is not None:
            placed, last = query.after
            rows = rows.where(
                (sales.c.placed_at < placed)
                | ((sales.c.placed_at == placed) & (sales.c.order_id < last))
            )
        return [_order(row) for row in self._connection.execute(rows.limit(query.limit))]

    def _first(self, statement):
        row = self._connection.execute(statement).first()
        return None if row is None else _order(row)

    def _row(self, order):
        return {
            "status": order.status,
            "email": order.customer.email.lower(),
            "document": msgspec.json.encode(order).decode(),
        }


def _order(row):
    return replace(msgspec.json.decode(row.document, type=Order), number=_number(row.id))


def _number(serial):
    return f"OF-{serial:06d}"
