"""The tables, as Peewee models: what is searched is a column, the rest a document.

Those of a migration are frozen once released: a later change is a migration of its own. Money is
BIGINT minor units, time BIGINT Unix milliseconds; text compares by its bytes. `revision` counts the
saves of a row, so that a guarded update always changes something.
"""

from typing import Any, NamedTuple

import peewee
from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    Check,
    CompositeKey,
    IntegerField,
    Model,
    ModelIndex,
    Node,
    SmallIntegerField,
    TextField,
)

from orderflow_bridge.storage.peewee.dialect import ColumnTypes

__all__ = ["create_audit", "create_console", "create_tables"]

_ID = 64
_SKU = 64
_KEY = 128
_INTENT = 255
_OPERATOR = 255
_EMAIL = 512  # twice the 254 of the protocol: a letter may become two in lower case


class _Index(NamedTuple):
    name: str
    made: ModelIndex


class _Table(NamedTuple):
    name: str
    model: type[Model]
    indexes: tuple[_Index, ...] = ()


class _MacField(BlobField):
    """A MAC as a key: MariaDB indexes bytes only where their length is known."""

    field_type = "MAC"


def create_tables(database: peewee.Database, types: ColumnTypes) -> None:
    """Create whatever is missing of the tables of migration 1 and their indexes."""
    kept = _kept(database, types)
    _create(database, [*_shop(kept, types), *_ledgers(kept, types)])


def create_audit(database: peewee.Database, types: ColumnTypes) -> None:
    """Create the table of the audit and its indexes, where they are missing."""
    _create(database, [_audit(_kept(database, types), types)])


def create_console(database: peewee.Database, types: ColumnTypes) -> None:
    """Create the tables of the journal and of the sessions and their indexes, where missing."""
    kept = _kept(database, types)
    _create(database, [_journal(kept, types), _sessions(kept, types)])


def _create(database: peewee.Database, tables: list[_Table]) -> None:
    execute: Any = database.execute
    for table in tables:
        table.model.create_table(safe=True)
        present = {index.name for index in database.get_indexes(table.name)}
        for index in table.indexes:
            # MySQL has no IF NOT EXISTS for an index, and a crash may have come before it.
            if index.name not in present:
                execute(index.made)


def _kept(given: peewee.Database, types: ColumnTypes) -> type[Model]:
    class Kept(Model):
        class Meta:
            database = given
            table_settings = types.table_settings

    return Kept


def _shop(kept: type[Model], types: ColumnTypes) -> list[_Table]:
    byte_order = types.collation
    counting: list[Node] | None = [SQL(types.autoincrement)] if types.autoincrement else None

    class Connection(kept):  # type: ignore[valid-type, misc]  # a parent made for one database
        client_id = CharField(_ID, primary_key=True, collation=byte_order)
        status = CharField(16, constraints=[Check("status IN ('enabled', 'disabled')")])
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        revision = BigIntegerField()
        document = TextField()

        class Meta:
            table_name = "ofb_connections"

    class Cart(kept):  # type: ignore[valid-type, misc]  # as above
        cart_id = CharField(_ID, primary_key=True, collation=byte_order)
        connection = CharField(_ID, collation=byte_order)
        version = BigIntegerField(constraints=[Check("version >= 1")])
        updated_at = BigIntegerField()
        expires_at = BigIntegerField()
        order_id = CharField(_ID, null=True, collation=byte_order)
        lease_until = BigIntegerField(null=True)
        currency = CharField(3)
        total = BigIntegerField()
        email = CharField(_EMAIL, null=True, collation=byte_order)
        revision = BigIntegerField()
        document = TextField()

        class Meta:
            table_name = "ofb_carts"

    class Order(kept):  # type: ignore[valid-type, misc]  # as above
        serial = BigAutoField(constraints=counting)
        order_id = CharField(_ID, collation=byte_order)
        cart_id = CharField(_ID, collation=byte_order)
        intent = CharField(_INTENT, collation=byte_order)
        connection = CharField(_ID, collation=byte_order)
        status = CharField(
            16, constraints=[Check("status IN ('pending_payment', 'paid', 'cancelled')")]
        )
        currency = CharField(3)
        total = BigIntegerField()
        email = CharField(_EMAIL, collation=byte_order)
        placed_at = BigIntegerField()
        updated_at = BigIntegerField()
        revision = BigIntegerField()
        document = TextField()

        class Meta:
            table_name = "ofb_orders"

    class OrderLine(kept):  # type: ignore[valid-type, misc]  # as above
        order_serial = BigIntegerField()
        position = IntegerField()
        sku = CharField(_SKU, collation=byte_order)
        quantity = BigIntegerField(constraints=[Check("quantity >= 1")])
        unit_price = BigIntegerField()
        total = BigIntegerField()

        class Meta:
            table_name = "ofb_order_lines"
            primary_key = CompositeKey("order_serial", "position")
            without_rowid = types.without_rowid

    class Product(kept):  # type: ignore[valid-type, misc]  # as above
        sku = CharField(_SKU, primary_key=True, collation=byte_order)
        name = TextField()
        tax_class = TextField()
        active = BooleanField()
        prices = TextField()

        class Meta:
            table_name = "ofb_products"

    class Stock(kept):  # type: ignore[valid-type, misc]  # as above
        sku = CharField(_SKU, primary_key=True, collation=byte_order)
        available = BigIntegerField(constraints=[Check("available >= 0")])

        class Meta:
            table_name = "ofb_stock"

    unconverted = SQL("order_id IS NULL") if types.partial_indexes else None
    claimed = SQL("lease_until IS NOT NULL") if types.partial_indexes else None
    # Newest first, a page at a time, for a storefront and for an operator.
    newest = (Order.placed_at, Order.order_id)
    return [
        _Table("ofb_connections", Connection),
        _Table(
            "ofb_carts",
            Cart,
            (
                _index("ofb_carts_expires_at", Cart, Cart.expires_at, where=unconverted),
                _index("ofb_carts_lease_until", Cart, Cart.lease_until, where=claimed),
            ),
        ),
        _Table(
            "ofb_orders",
            Order,
            (
                _index("ofb_orders_order_id", Order, Order.order_id, unique=True),
                _index("ofb_orders_cart_id", Order, Order.cart_id, unique=True),
                _index("ofb_orders_intent", Order, Order.intent, unique=True),
                _index("ofb_orders_newest", Order, *newest),
                _index("ofb_orders_of_connection", Order, Order.connection, *newest),
                _index("ofb_orders_of_status", Order, Order.status, *newest),
                _index("ofb_orders_of_both", Order, Order.connection, Order.status, *newest),
                _index("ofb_orders_of_email", Order, Order.email, *newest),
            ),
        ),
        _Table("ofb_order_lines", OrderLine),
        _Table("ofb_products", Product),
        _Table("ofb_stock", Stock),
    ]


def _ledgers(kept: type[Model], types: ColumnTypes) -> list[_Table]:
    byte_order = types.collation

    class Intent(kept):  # type: ignore[valid-type, misc]  # a parent made for one database
        intent = CharField(_INTENT, primary_key=True, collation=byte_order)
        version = BigIntegerField(constraints=[Check("version >= 1")])
        cart_id = CharField(_ID, null=True, collation=byte_order)
        settled_amount = BigIntegerField(null=True)
        settled_currency = CharField(3, null=True)
        settled_at = BigIntegerField(null=True)
        revision = BigIntegerField()

        class Meta:
            table_name = "ofb_intents"

    class Replay(kept):  # type: ignore[valid-type, misc]  # as above
        connection = CharField(_ID, collation=byte_order)
        mac = _MacField()
        kept_until = BigIntegerField()

        class Meta:
            table_name = "ofb_replays"
            primary_key = CompositeKey("connection", "mac")
            without_rowid = types.without_rowid

    class Answer(kept):  # type: ignore[valid-type, misc]  # as above
        connection = CharField(_ID, collation=byte_order)
        action = CharField(_ID, collation=byte_order)
        idempotency_key = CharField(_KEY, collation=byte_order)
        fingerprint = BlobField()
        status = IntegerField(null=True)
        body = BlobField(null=True)
        running_until = BigIntegerField()
        kept_until = BigIntegerField()

        class Meta:
            table_name = "ofb_answers"
            primary_key = CompositeKey("connection", "action", "idempotency_key")

    return [
        _Table("ofb_intents", Intent),
        _Table(
            "ofb_replays", Replay, (_index("ofb_replays_kept_until", Replay, Replay.kept_until),)
        ),
        _Table(
            "ofb_answers", Answer, (_index("ofb_answers_kept_until", Answer, Answer.kept_until),)
        ),
    ]


def _audit(kept: type[Model], types: ColumnTypes) -> _Table:
    byte_order = types.collation

    class Audit(kept):  # type: ignore[valid-type, misc]  # a parent made for one database
        entry_id = CharField(_ID, primary_key=True, collation=byte_order)
        happened_at = BigIntegerField()
        actor = TextField()
        event = CharField(_ID, collation=byte_order)
        subject = CharField(_ID, collation=byte_order)
        details = TextField()

        class Meta:
            table_name = "ofb_audit"

    newest = (Audit.happened_at, Audit.entry_id)
    return _Table(
        "ofb_audit",
        Audit,
        (
            _index("ofb_audit_newest", Audit, *newest),
            _index("ofb_audit_of_subject", Audit, Audit.subject, *newest),
        ),
    )


def _journal(kept: type[Model], types: ColumnTypes) -> _Table:
    byte_order = types.collation

    class Journal(kept):  # type: ignore[valid-type, misc]  # a parent made for one database
        request_id = CharField(_ID, primary_key=True, collation=byte_order)
        arrived_at = BigIntegerField()
        connection = CharField(_ID, collation=byte_order)  # empty for none
        refused = SmallIntegerField(constraints=[Check("refused IN (0, 1)")])
        made_order = CharField(_ID, null=True, collation=byte_order)
        document = TextField()

        class Meta:
            table_name = "ofb_journal"

    made = SQL("made_order IS NOT NULL") if types.partial_indexes else None
    refused = SQL("refused = 1") if types.partial_indexes else None
    newest = (Journal.arrived_at, Journal.request_id)
    # What is allowed is nearly all there is, and is told apart within the index of the newest.
    each = (*newest, Journal.refused)
    by_one = Journal.connection
    return _Table(
        "ofb_journal",
        Journal,
        (
            _index("ofb_journal_newest", Journal, *each),
            _index("ofb_journal_of_connection", Journal, by_one, *each),
            _index("ofb_journal_of_verdict", Journal, Journal.refused, *newest, where=refused),
            _index("ofb_journal_of_both", Journal, by_one, Journal.refused, *newest, where=refused),
            _index("ofb_journal_made_order", Journal, Journal.made_order, where=made),
        ),
    )


def _sessions(kept: type[Model], types: ColumnTypes) -> _Table:
    byte_order = types.collation

    class Session(kept):  # type: ignore[valid-type, misc]  # a parent made for one database
        digest = _MacField(primary_key=True)
        kind = CharField(16, constraints=[Check("kind IN ('session', 'link')")])
        operator = CharField(_OPERATOR, collation=byte_order)
        role = CharField(16)
        created_at = BigIntegerField()
        expires_at = BigIntegerField()

        class Meta:
            table_name = "ofb_sessions"
            without_rowid = types.without_rowid

    return _Table(
        "ofb_sessions",
        Session,
        (
            _index("ofb_sessions_of_operator", Session, Session.operator),
            _index("ofb_sessions_expires_at", Session, Session.expires_at),
        ),
    )


def _index(
    name: str, model: type[Model], *fields: Any, unique: bool = False, where: SQL | None = None
) -> _Index:
    return _Index(name, ModelIndex(model, fields, unique=unique, where=where, name=name))
