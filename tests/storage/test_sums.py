"""Takings beyond what a database adds up in one number."""

import sqlite3
from contextlib import closing

from orderflow_bridge.ports import Taking
from orderflow_bridge.testing.samples import add, order


def test_takings_beyond_64_bits_are_exact(fresh_url, open_at):
    """SQLite would refuse the sum: an operator's chart shows it all the same."""
    url, most = fresh_url("sqlite"), 2**63 - 1
    storage = open_at(url)
    add(storage, *(order(f"order_{n}") for n in range(3)))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE ofb_orders SET total = ?", (most,))
    with storage.reading() as unit:
        [found] = unit.orders.takings(connection=None, placed_after=0, placed_before=999)
    assert found == Taking(status="pending_payment", currency="GBP", orders=3, total=3 * most)
