"""The tables: what is searched is a column, the rest a JSON document.

Money is an integer of minor units, time an integer of Unix milliseconds, keys compare by their
bytes. The storage alone writes here: a change past it is a change past the bridge's guarantees.
"""

from django.db import models
from orderflow_bridge.domain.numbers import as_number

from orderflow_bridge_django.fields import DocumentField, KeyField

__all__ = [
    "Answer",
    "AuditEntry",
    "Cart",
    "Connection",
    "Intent",
    "JournalEntry",
    "Order",
    "OrderLine",
    "Product",
    "Replay",
    "Session",
    "Stock",
]

_ID = 64
_SKU = 64
_KEY = 128
_INTENT = 255
_HEX = 64  # SHA-256 in hexadecimal digits
_OPERATOR = 255
_EMAIL = 512  # twice the 254 of the protocol: a letter may become two in lower case


class Connection(models.Model):
    """A storefront's way in; its secret is derived and never stored."""

    client_id = KeyField("client id", max_length=_ID, primary_key=True)
    name = DocumentField("name")
    channel = KeyField("channel", max_length=_ID)
    status = KeyField(
        "status", max_length=16, choices=[("enabled", "enabled"), ("disabled", "disabled")]
    )
    created_at = models.BigIntegerField("created at", help_text="Unix milliseconds")
    updated_at = models.BigIntegerField("updated at", help_text="Unix milliseconds")
    document = DocumentField("document", editable=False)

    class Meta:
        verbose_name = "connection"
        verbose_name_plural = "connections"
        ordering = ("created_at", "client_id")
        permissions = [("reveal_secret", "Can reveal a connection's secret")]
        constraints = [
            models.CheckConstraint(
                name="ofb_connection_status",
                condition=models.Q(status__in=["enabled", "disabled"]),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Cart(models.Model):
    """A basket of one connection, read and written whole with its version."""

    cart_id = KeyField("cart id", max_length=_ID, primary_key=True)
    connection = KeyField("connection", max_length=_ID)
    version = models.BigIntegerField("version")
    updated_at = models.BigIntegerField("updated at", help_text="Unix milliseconds")
    expires_at = models.BigIntegerField("expires at", help_text="Unix milliseconds")
    order_id = KeyField("order id", max_length=_ID, null=True)
    lease_until = models.BigIntegerField("claimed until", null=True, help_text="Unix milliseconds")
    currency = KeyField("currency", max_length=3)
    total = models.BigIntegerField("total", help_text="Minor units")
    email = KeyField("e-mail", max_length=_EMAIL, null=True)
    document = DocumentField("document", editable=False)

    class Meta:
        verbose_name = "cart"
        verbose_name_plural = "carts"
        # Without conditions: MariaDB and MySQL would have no index at all.
        indexes = [
            models.Index(fields=["lease_until"], name="ofb_cart_lease_until"),
            # Newest first, a page at a time, for an operator; those without an order are found by
            # the index alone.
            models.Index(fields=["expires_at", "cart_id", "order_id"], name="ofb_cart_expires_at"),
            models.Index(
                fields=["connection", "expires_at", "cart_id", "order_id"],
                name="ofb_cart_unconverted",
            ),
            models.Index(
                fields=["connection", "cart_id", "order_id"], name="ofb_cart_of_connection"
            ),
            models.Index(fields=["email", "cart_id"], name="ofb_cart_of_email"),
        ]
        constraints = [
            models.CheckConstraint(name="ofb_cart_version", condition=models.Q(version__gte=1))
        ]

    def __str__(self) -> str:
        return self.cart_id


class Order(models.Model):
    """An order: written once from a cart, then moved through guarded states."""

    serial = models.BigAutoField("serial", primary_key=True)
    order_id = KeyField("order id", max_length=_ID)
    cart_id = KeyField("cart id", max_length=_ID)
    intent = KeyField("payment intent", max_length=_INTENT)
    connection = KeyField("connection", max_length=_ID)
    status = KeyField(
        "status",
        max_length=16,
        choices=[
            ("pending_payment", "pending payment"),
            ("paid", "paid"),
            ("cancelled", "cancelled"),
        ],
    )
    currency = KeyField("currency", max_length=3)
    total = models.BigIntegerField("total", help_text="Minor units")
    email = KeyField("e-mail", max_length=_EMAIL)
    placed_at = models.BigIntegerField("placed at", help_text="Unix milliseconds")
    updated_at = models.BigIntegerField("updated at", help_text="Unix milliseconds")
    document = DocumentField("document", editable=False)

    class Meta:
        verbose_name = "order"
        verbose_name_plural = "orders"
        ordering = ("-placed_at", "-order_id")
        # Newest first, a page at a time, for a storefront and for an operator.
        indexes = [
            models.Index(fields=["placed_at", "order_id"], name="ofb_order_newest"),
            models.Index(
                fields=["connection", "placed_at", "order_id"], name="ofb_order_of_connection"
            ),
            # With what is summed up for an operator.
            models.Index(
                fields=["status", "placed_at", "order_id", "currency", "total"],
                name="ofb_order_of_status",
            ),
            models.Index(
                fields=["connection", "status", "placed_at", "order_id", "currency", "total"],
                name="ofb_order_of_both",
            ),
            models.Index(fields=["email", "placed_at", "order_id"], name="ofb_order_of_email"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order_id"], name="ofb_order_order_id"),
            models.UniqueConstraint(fields=["cart_id"], name="ofb_order_cart_id"),
            models.UniqueConstraint(fields=["intent"], name="ofb_order_intent"),
            models.CheckConstraint(
                name="ofb_order_status",
                condition=models.Q(status__in=["pending_payment", "paid", "cancelled"]),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """Give the number that a buyer sees."""
        return as_number(self.serial)


class OrderLine(models.Model):
    """One line of an order as a row, for the site's own reports."""

    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, related_name="lines", verbose_name="order"
    )
    position = models.IntegerField("position")
    sku = KeyField("sku", max_length=_SKU)
    quantity = models.BigIntegerField("quantity")
    unit_price = models.BigIntegerField("unit price", help_text="Minor units")
    total = models.BigIntegerField("total", help_text="Minor units")

    class Meta:
        verbose_name = "order line"
        verbose_name_plural = "order lines"
        ordering = ("order", "position")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="ofb_line_position"),
            models.CheckConstraint(name="ofb_line_quantity", condition=models.Q(quantity__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"


class Product(models.Model):
    """A product of the default catalogue; `prices` maps currencies to minor units, in JSON."""

    sku = KeyField("sku", max_length=_SKU, primary_key=True)
    name = DocumentField("name")
    tax_class = DocumentField("tax class")
    active = models.BooleanField("active")
    prices = DocumentField("prices")

    class Meta:
        verbose_name = "product"
        verbose_name_plural = "products"
        ordering = ("sku",)

    def __str__(self) -> str:
        return self.sku


class Stock(models.Model):
    """What is left of a sku that is tracked."""

    sku = KeyField("sku", max_length=_SKU, primary_key=True)
    available = models.BigIntegerField("available")

    class Meta:
        verbose_name = "stock"
        verbose_name_plural = "stock"
        ordering = ("sku",)
        constraints = [
            models.CheckConstraint(name="ofb_stock_available", condition=models.Q(available__gte=0))
        ]

    def __str__(self) -> str:
        return self.sku


class Intent(models.Model):
    """A payment intent: whom it pays for, and whether the money came."""

    intent = KeyField("intent", max_length=_INTENT, primary_key=True)
    version = models.BigIntegerField("version")
    cart_id = KeyField("cart id", max_length=_ID, null=True)
    settled_amount = models.BigIntegerField("settled amount", null=True, help_text="Minor units")
    settled_currency = KeyField("settled currency", max_length=3, null=True)
    settled_at = models.BigIntegerField("settled at", null=True, help_text="Unix milliseconds")

    class Meta:
        verbose_name = "payment intent"
        verbose_name_plural = "payment intents"
        constraints = [
            models.CheckConstraint(name="ofb_intent_version", condition=models.Q(version__gte=1))
        ]

    def __str__(self) -> str:
        return self.intent


class Replay(models.Model):
    """A signature that was spent; the MAC in hexadecimal digits."""

    connection = KeyField("connection", max_length=_ID)
    mac = KeyField("mac", max_length=_HEX)
    kept_until = models.BigIntegerField("kept until", help_text="Unix milliseconds")

    class Meta:
        verbose_name = "spent signature"
        verbose_name_plural = "spent signatures"
        indexes = [
            models.Index(fields=["kept_until"], name="ofb_replay_kept_until"),
            models.Index(fields=["connection", "kept_until"], name="ofb_replay_of_connection"),
        ]
        constraints = [models.UniqueConstraint(fields=["connection", "mac"], name="ofb_replay_mac")]

    def __str__(self) -> str:
        return f"a signature of {self.connection}"


class Answer(models.Model):
    """An idempotency key and its answer; without a status it is claimed and runs."""

    connection = KeyField("connection", max_length=_ID)
    action = KeyField("action", max_length=_ID)
    idempotency_key = KeyField("idempotency key", max_length=_KEY)
    fingerprint = KeyField("fingerprint", max_length=_HEX)
    status = models.IntegerField("status", null=True)
    body = models.BinaryField("body", null=True)
    running_until = models.BigIntegerField("running until", help_text="Unix milliseconds")
    kept_until = models.BigIntegerField("kept until", help_text="Unix milliseconds")

    class Meta:
        verbose_name = "stored answer"
        verbose_name_plural = "stored answers"
        indexes = [
            models.Index(fields=["kept_until"], name="ofb_answer_kept_until"),
            models.Index(fields=["connection", "kept_until"], name="ofb_answer_of_connection"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "action", "idempotency_key"], name="ofb_answer_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.connection}"


class AuditEntry(models.Model):
    """What an operator did; appended, and never changed."""

    entry_id = KeyField("entry id", max_length=_ID, primary_key=True)
    happened_at = models.BigIntegerField("happened at", help_text="Unix milliseconds")
    actor = DocumentField("actor")
    event = KeyField("event", max_length=_ID)
    subject = KeyField("subject", max_length=_ID)
    details = DocumentField("details")

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit"
        ordering = ("-happened_at", "-entry_id")
        indexes = [
            models.Index(fields=["happened_at", "entry_id"], name="ofb_audit_newest"),
            models.Index(fields=["subject", "happened_at", "entry_id"], name="ofb_audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.subject}"


class JournalEntry(models.Model):
    """A recent request; appended, never changed, and forgotten after a while."""

    request_id = KeyField("request id", max_length=_ID, primary_key=True)
    arrived_at = models.BigIntegerField("arrived at", help_text="Unix milliseconds")
    connection = KeyField("connection", max_length=_ID)
    refused = models.SmallIntegerField("refused")
    made_order = KeyField("made the order", max_length=_ID, null=True)
    document = DocumentField("document", editable=False)

    class Meta:
        verbose_name = "request"
        verbose_name_plural = "requests"
        ordering = ("-arrived_at", "-request_id")
        # Without conditions: MariaDB and MySQL would have no index at all.
        indexes = [
            models.Index(fields=["arrived_at", "request_id"], name="ofb_journal_newest"),
            models.Index(
                fields=["connection", "arrived_at", "request_id"], name="ofb_journal_of_connection"
            ),
            models.Index(
                fields=["refused", "arrived_at", "request_id"], name="ofb_journal_of_verdict"
            ),
            models.Index(
                fields=["connection", "refused", "arrived_at", "request_id"],
                name="ofb_journal_of_both",
            ),
            models.Index(fields=["made_order"], name="ofb_journal_made_order"),
        ]
        constraints = [
            models.CheckConstraint(
                name="ofb_journal_refused", condition=models.Q(refused__in=[0, 1])
            )
        ]

    def __str__(self) -> str:
        return self.request_id


class Session(models.Model):
    """A sign-in to the console; the token's SHA-256 in hexadecimal digits."""

    digest = KeyField("digest", max_length=_HEX, primary_key=True)
    kind = KeyField("kind", max_length=16, choices=[("session", "session"), ("link", "link")])
    operator = KeyField("operator", max_length=_OPERATOR)
    role = KeyField("role", max_length=16)
    created_at = models.BigIntegerField("created at", help_text="Unix milliseconds")
    expires_at = models.BigIntegerField("expires at", help_text="Unix milliseconds")

    class Meta:
        verbose_name = "sign-in"
        verbose_name_plural = "sign-ins"
        indexes = [
            models.Index(fields=["operator"], name="ofb_session_of_operator"),
            models.Index(fields=["expires_at"], name="ofb_session_expires_at"),
        ]
        constraints = [
            models.CheckConstraint(
                name="ofb_session_kind", condition=models.Q(kind__in=["session", "link"])
            )
        ]

    def __str__(self) -> str:
        return f"a {self.kind} of {self.operator}"
