"""The tables: what is searched is a column, the rest a document; order lines and prices are rows.

Money is BIGINT minor units, time BIGINT Unix milliseconds; text that identifies compares by its
bytes. `revision` moves with each change of a row, so that a database that counts changed rows
counts that one.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    literal_column,
)

from orderflow_bridge_sqlalchemy.types import Key, blob, digest, document, serial

__all__ = ["Tables", "tables_in"]

_ID = 64
_SKU = 64
_KEY = 128
_INTENT = 255
_OPERATOR = 255
_EMAIL = 512  # twice the 254 of the protocol: a letter may become two in lower case
_PLACE = "orderflow_bridge.tables"

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_default_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_default_charset": "utf8mb4",
}


class Tables:
    """The bridge's tables in one `MetaData`, with that one's schema and naming convention."""

    def __init__(self, metadata: MetaData) -> None:
        self.metadata = metadata
        self.connections = _connections(metadata)
        self.carts = _carts(metadata)
        self.orders = _orders(metadata)
        self.order_lines = _order_lines(metadata)
        self.products = _products(metadata)
        self.prices = _prices(metadata)
        self.stock = _stock(metadata)
        self.intents = _intents(metadata)
        self.replays = _replays(metadata)
        self.answers = _answers(metadata)
        self.audit = _audit(metadata)
        self.journal = _journal(metadata)
        self.sessions = _sessions(metadata)

    @property
    def all(self) -> tuple[Table, ...]:
        """Give every table."""
        return (
            self.connections,
            self.carts,
            self.orders,
            self.order_lines,
            self.products,
            self.prices,
            self.stock,
            self.intents,
            self.replays,
            self.answers,
            self.audit,
            self.journal,
            self.sessions,
        )


def tables_in(metadata: MetaData) -> Tables:
    """Give the bridge's tables in `metadata`; the first call adds them.

    A module that Alembic's `env.py` imports calls it, so that a migration can be generated.
    """
    tables = metadata.info.get(_PLACE)
    if not isinstance(tables, Tables):
        tables = metadata.info[_PLACE] = Tables(metadata)
    return tables


def _connections(metadata: MetaData) -> Table:
    return Table(
        "orderflow_connections",
        metadata,
        Column("client_id", Key(_ID), primary_key=True),
        Column("status", String(16), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("document", document(), nullable=False),
        CheckConstraint("status IN ('enabled', 'disabled')", name="orderflow_connections_status"),
        **_OPTIONS,
    )


def _carts(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_carts",
        metadata,
        Column("cart_id", Key(_ID), primary_key=True),
        Column("connection", Key(_ID), nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("order_id", Key(_ID)),
        Column("lease_until", BigInteger),
        Column("currency", String(3), nullable=False),
        Column("total", BigInteger, nullable=False),
        Column("email", Key(_EMAIL)),
        Column("revision", BigInteger, nullable=False),
        Column("document", document(), nullable=False),
        CheckConstraint("version >= 1", name="orderflow_carts_version"),
        **_OPTIONS,
    )
    unconverted = table.c.order_id.is_(None)
    converted = table.c.order_id.is_not(None)
    claimed = table.c.lease_until.is_not(None)
    addressed = table.c.email.is_not(None)
    Index(
        "orderflow_carts_expires_at",
        table.c.expires_at,
        postgresql_where=unconverted,
        sqlite_where=unconverted,
    )
    Index(
        "orderflow_carts_lease_until",
        table.c.lease_until,
        postgresql_where=claimed,
        sqlite_where=claimed,
    )
    # Newest first, a page at a time, for an operator.
    Index("orderflow_carts_of_connection", table.c.connection, table.c.cart_id, table.c.order_id)
    Index(
        "orderflow_carts_of_email",
        table.c.email,
        table.c.cart_id,
        postgresql_where=addressed,
        sqlite_where=addressed,
    )
    Index(
        "orderflow_carts_unconverted",
        table.c.connection,
        table.c.expires_at,
        table.c.cart_id,
        postgresql_where=unconverted,
        sqlite_where=unconverted,
    )
    Index(
        "orderflow_carts_converted",
        table.c.cart_id,
        postgresql_where=converted,
        sqlite_where=converted,
    )
    return table


def _orders(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_orders",
        metadata,
        Column("serial", serial(), primary_key=True, autoincrement=True),
        Column("order_id", Key(_ID), nullable=False),
        Column("cart_id", Key(_ID), nullable=False),
        Column("intent", Key(_INTENT), nullable=False),
        Column("connection", Key(_ID), nullable=False),
        Column("status", Key(16), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("total", BigInteger, nullable=False),
        Column("email", Key(_EMAIL), nullable=False),
        Column("placed_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("document", document(), nullable=False),
        CheckConstraint(
            "status IN ('pending_payment', 'paid', 'cancelled')", name="orderflow_orders_status"
        ),
        # SQLite gives the number of a deleted row again otherwise.
        sqlite_autoincrement=True,
        **_OPTIONS,
    )
    # Newest first, a page at a time, for a storefront and for an operator.
    newest = (table.c.placed_at, table.c.order_id)
    Index("orderflow_orders_order_id", table.c.order_id, unique=True)
    Index("orderflow_orders_cart_id", table.c.cart_id, unique=True)
    Index("orderflow_orders_intent", table.c.intent, unique=True)
    Index("orderflow_orders_newest", *newest)
    Index("orderflow_orders_of_connection", table.c.connection, *newest)
    # With what is summed up for an operator.
    summed = (*newest, table.c.currency, table.c.total)
    Index("orderflow_orders_of_status", table.c.status, *summed)
    Index("orderflow_orders_of_both", table.c.connection, table.c.status, *summed)
    Index("orderflow_orders_of_email", table.c.email, *newest)
    return table


def _order_lines(metadata: MetaData) -> Table:
    return Table(
        "orderflow_order_lines",
        metadata,
        Column("order_serial", BigInteger, primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("sku", Key(_SKU), nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("unit_price", BigInteger, nullable=False),
        Column("total", BigInteger, nullable=False),
        CheckConstraint("quantity >= 1", name="orderflow_order_lines_quantity"),
        sqlite_with_rowid=False,
        **_OPTIONS,
    )


def _products(metadata: MetaData) -> Table:
    return Table(
        "orderflow_products",
        metadata,
        Column("sku", Key(_SKU), primary_key=True),
        Column("name", Text, nullable=False),
        Column("tax_class", Text, nullable=False),
        Column("active", Boolean, nullable=False),
        **_OPTIONS,
    )


def _prices(metadata: MetaData) -> Table:
    return Table(
        "orderflow_prices",
        metadata,
        Column("sku", Key(_SKU), primary_key=True),
        Column("currency", Key(3), primary_key=True),
        Column("amount", BigInteger, nullable=False),
        sqlite_with_rowid=False,
        **_OPTIONS,
    )


def _stock(metadata: MetaData) -> Table:
    return Table(
        "orderflow_stock",
        metadata,
        Column("sku", Key(_SKU), primary_key=True),
        Column("available", BigInteger, nullable=False),
        CheckConstraint("available >= 0", name="orderflow_stock_available"),
        **_OPTIONS,
    )


def _intents(metadata: MetaData) -> Table:
    return Table(
        "orderflow_intents",
        metadata,
        Column("intent", Key(_INTENT), primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("cart_id", Key(_ID)),
        Column("settled_amount", BigInteger),
        Column("settled_currency", String(3)),
        Column("settled_at", BigInteger),
        Column("revision", BigInteger, nullable=False),
        CheckConstraint("version >= 1", name="orderflow_intents_version"),
        **_OPTIONS,
    )


def _replays(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_replays",
        metadata,
        Column("connection", Key(_ID), primary_key=True),
        Column("mac", digest(), primary_key=True),
        Column("kept_until", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        sqlite_with_rowid=False,
        **_OPTIONS,
    )
    Index("orderflow_replays_kept_until", table.c.kept_until)
    # What is kept for one connection is counted.
    Index("orderflow_replays_of_connection", table.c.connection, table.c.kept_until)
    return table


def _answers(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_answers",
        metadata,
        Column("connection", Key(_ID), primary_key=True),
        Column("action", Key(_ID), primary_key=True),
        Column("idempotency_key", Key(_KEY), primary_key=True),
        Column("fingerprint", digest(), nullable=False),
        Column("status", Integer),
        Column("body", blob()),
        Column("running_until", BigInteger, nullable=False),
        Column("kept_until", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        **_OPTIONS,
    )
    Index("orderflow_answers_kept_until", table.c.kept_until)
    # What is kept for one connection is counted.
    Index("orderflow_answers_of_connection", table.c.connection, table.c.kept_until)
    return table


def _audit(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_audit",
        metadata,
        Column("entry_id", Key(_ID), primary_key=True),
        Column("happened_at", BigInteger, nullable=False),
        Column("actor", Text, nullable=False),
        Column("event", Key(_ID), nullable=False),
        Column("subject", Key(_ID), nullable=False),
        Column("details", document(), nullable=False),
        Column("revision", BigInteger, nullable=False),
        **_OPTIONS,
    )
    newest = (table.c.happened_at, table.c.entry_id)
    Index("orderflow_audit_newest", *newest)
    Index("orderflow_audit_of_subject", table.c.subject, *newest)
    return table


def _journal(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_journal",
        metadata,
        Column("request_id", Key(_ID), primary_key=True),
        Column("arrived_at", BigInteger, nullable=False),
        Column("connection", Key(_ID), nullable=False),  # empty for none
        Column("refused", SmallInteger, nullable=False),
        Column("made_order", Key(_ID)),
        Column("document", document(), nullable=False),
        Column("revision", BigInteger, nullable=False),
        CheckConstraint("refused IN (0, 1)", name="orderflow_journal_refused"),
        **_OPTIONS,
    )
    newest = (table.c.arrived_at, table.c.request_id)
    made = table.c.made_order.is_not(None)
    refused = table.c.refused == literal_column("1")
    # What is allowed is nearly all there is, and is told apart within the index of the newest.
    Index("orderflow_journal_newest", *newest, table.c.refused)
    Index("orderflow_journal_of_connection", table.c.connection, *newest, table.c.refused)
    Index(
        "orderflow_journal_of_verdict",
        table.c.refused,
        *newest,
        postgresql_where=refused,
        sqlite_where=refused,
    )
    Index(
        "orderflow_journal_of_both",
        table.c.connection,
        table.c.refused,
        *newest,
        postgresql_where=refused,
        sqlite_where=refused,
    )
    Index(
        "orderflow_journal_made_order",
        table.c.made_order,
        postgresql_where=made,
        sqlite_where=made,
    )
    return table


def _sessions(metadata: MetaData) -> Table:
    table = Table(
        "orderflow_sessions",
        metadata,
        Column("digest", digest(), primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("operator", Key(_OPERATOR), nullable=False),
        Column("role", String(16), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        CheckConstraint("kind IN ('session', 'link')", name="orderflow_sessions_kind"),
        sqlite_with_rowid=False,
        **_OPTIONS,
    )
    Index("orderflow_sessions_of_operator", table.c.operator)
    Index("orderflow_sessions_expires_at", table.c.expires_at)
    return table
