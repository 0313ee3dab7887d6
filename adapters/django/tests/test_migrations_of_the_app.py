"""The tables as `manage.py` makes them."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, models
from django.test.utils import CaptureQueriesContext
from msgspec import ValidationError
from orderflow_bridge.ports import OrderQuery

import site_databases
from orderflow_bridge_django.fields import DocumentField, KeyField
from orderflow_bridge_django.models import Order
from orderflow_bridge_django.storage.orders import Orders
from orderflow_bridge_django.storage.session import Session
from samples import SHOP


def test_the_migrations_are_complete():
    """No model has moved on without one."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_they_run_back_and_forth(storage, alias: str):
    """What was made is gone, and is made again."""
    out = StringIO()
    call_command("migrate", "orderflow_bridge", "zero", database=alias, stdout=out)
    tables = connections[alias].introspection.table_names()
    assert not [name for name in tables if name.startswith("orderflow_bridge_")]
    call_command("migrate", database=alias, stdout=out)
    with storage.reading() as unit:
        assert unit.connections.all() == []


def test_no_check_complains(storage, alias: str):
    """Neither of the models nor of what the database supports."""
    out = StringIO()
    call_command("check", "--fail-level", "WARNING", databases=[alias], stdout=out, stderr=out)


@pytest.mark.parametrize(
    ("alias", "expected"), [("mariadb", "utf8mb4_nopad_bin"), ("postgres", "C")]
)
def test_text_compares_as_bytes(alias: str, expected: str):
    """Every key and document says so itself, whatever the database's default is."""
    site_databases.make(alias)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns"
            " WHERE table_name LIKE 'orderflow_bridge_%'"
        )
        found = {(table, column): collation for table, column, collation in cursor.fetchall()}
    texts = [
        (model._meta.db_table, field.column)
        for model in apps.get_app_config("orderflow_bridge").get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.CharField | models.TextField)
    ]
    assert len(texts) > 30
    assert {found[text] for text in texts} == {expected}


def test_one_index_serves_a_key(storage):
    """Django's second index for LIKE is not there: the first one serves it."""
    site_databases.make("postgres")
    with connections["postgres"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'orderflow_bridge_%'"
            " AND indexdef LIKE '%_pattern_ops%'"
        )
        assert cursor.fetchone() == (0,)


def test_no_text_is_of_a_plain_field():
    """A new column has to say how it compares."""
    for model in apps.get_app_config("orderflow_bridge").get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.CharField | models.TextField):
                assert isinstance(field, KeyField | DocumentField), field


def test_a_buyers_orders_are_found_by_the_address(storage, alias: str):
    """Also where a connection or a status is asked for, and the planner knows no numbers yet."""
    query = OrderQuery(email="e7@example.com", connection=SHOP, status="paid")
    rows = [
        Order(
            order_id=f"order_{number}",
            cart_id=f"cart_{number}",
            intent=f"pi_{number}",
            connection=SHOP,
            status="paid",
            currency="GBP",
            total=1,
            email=f"e{number % 500}@example.com",
            placed_at=number,
            updated_at=number,
            document="{}",
        )
        for number in range(2_000)
    ]
    Order.objects.using(alias).bulk_create(rows, batch_size=500)
    with CaptureQueriesContext(connections[alias]) as asked, pytest.raises(ValidationError):
        # The documents are empty: what counts is how they were looked for.
        Orders(Session(alias, writable=False)).search(query)
    plan = "EXPLAIN QUERY PLAN " if alias == "sqlite" else "EXPLAIN "
    with connections[alias].cursor() as cursor:
        cursor.execute(plan + asked.captured_queries[0]["sql"])
        assert "ofb_order_of_email" in str(cursor.fetchall())
