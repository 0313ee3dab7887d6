"""The rows of a database, whichever it is: what is kept, table by table."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["as_bytes", "is_sqlite", "rows_of", "rows_of_redis", "rows_of_sqlite"]

_HEADER = b"SQLite format 3\0"
_SIDE_FILES = ("-wal", "-journal", "-shm")

Rows = Iterator[tuple[str, bytes]]


def is_sqlite(path: Path) -> bool:
    """Tell whether a file is a SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def is_beside_sqlite(path: Path) -> bool:
    """Tell whether a file is what SQLite keeps beside a database."""
    return path.name.endswith(_SIDE_FILES)


def rows_of_sqlite(path: Path) -> Rows:
    """Give the rows of a SQLite file, each as one text, with the name of its table."""
    with closing(sqlite3.connect(path)) as database:
        cursor = database.cursor()
        cursor.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = [name for (name,) in cursor.fetchall() if not name.startswith("sqlite_")]
        yield from rows_of(cursor, tables)


def rows_of(cursor: Any, tables: Iterable[str], *, quote: str = '"') -> Rows:
    """Give the rows of tables through a cursor of any driver."""
    for table in tables:
        cursor.execute(f"SELECT * FROM {quote}{table}{quote}")
        while rows := cursor.fetchmany(500):
            for row in rows:
                yield table, as_bytes(row)


def rows_of_redis(client: Any, pattern: str) -> Rows:
    """Give each key that matches, with what is kept under it, through a client of redis-py."""
    read = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": lambda key: list(client.smembers(key)),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"hash": client.hgetall,
        b"stream": client.xrange,
    }
    for key in client.scan_iter(pattern, count=1_000):
        kind = client.type(key)
        # It may have expired just now.
        if kind != b"none":
            yield "Redis", as_bytes((key, read[kind](key)))


def as_bytes(row: Iterable[object]) -> bytes:
    """Write a row's values one after the other."""
    return b"\n".join(_bytes(value) for value in row)


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        return as_bytes(part for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return as_bytes(value)
    return str(value).encode(errors="surrogatepass")
