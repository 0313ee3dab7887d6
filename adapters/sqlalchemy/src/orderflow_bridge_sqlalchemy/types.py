"""The column types: keys that compare as bytes, serials, documents and large bytes."""

from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

__all__ = ["Key", "blob", "digest", "document", "serial"]

_MYSQL = ("mysql", "mariadb")
_WIDEST = 4  # bytes of one character in UTF-8


class Key(TypeDecorator[str]):
    """Text that compares and sorts by the bytes of its UTF-8, whatever the server's locale is.

    `length` is in characters. MySQL and MariaDB keep it as VARBINARY: their collations fold case,
    ignore spaces at the end, or exist on one of the two only. PostgreSQL has the collation "C", and
    SQLite compares bytes anyway.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length
        self.octets = length * _WIDEST

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the type in `dialect`."""
        if dialect.name in _MYSQL:
            return dialect.type_descriptor(mysql.VARBINARY(self.octets))
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(self.length, collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Send bytes where the column is of bytes."""
        return value.encode() if value is not None and dialect.name in _MYSQL else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Read text from either."""
        return bytes(value).decode() if isinstance(value, (bytes, bytearray)) else value


def serial() -> TypeEngine[int]:
    """Give the type of a number that the database counts up; SQLite counts INTEGER alone."""
    return BigInteger().with_variant(Integer(), "sqlite")


def document() -> TypeEngine[str]:
    """Give the type of a JSON text of any size."""
    return Text().with_variant(mysql.LONGTEXT(), *_MYSQL)


def blob() -> TypeEngine[bytes]:
    """Give the type of bytes of any number."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)


def digest() -> TypeEngine[bytes]:
    """Give the type of a hash or a MAC; MySQL indexes bytes only where their length is known."""
    return LargeBinary().with_variant(mysql.VARBINARY(64), *_MYSQL)
