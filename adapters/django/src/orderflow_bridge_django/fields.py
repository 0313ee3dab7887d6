"""Text that compares and sorts by its bytes, on every database."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["DocumentField", "KeyField"]

# What is assigned to a field, and what is read from it.
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")

if TYPE_CHECKING:
    _Char = models.CharField
    _Text = models.TextField
else:
    # A field is generic for type checkers alone.
    _Char = {(_Set, _Get): models.CharField}
    _Text = {(_Set, _Get): models.TextField}


def _byte_order(connection: BaseDatabaseWrapper) -> str | None:
    """Name the collation that compares bytes; None where the database's own one does.

    MariaDB's and MySQL's bring utf8mb4 along, so that a column takes every character whatever the
    database's default is, and neither of the two ignores spaces at the end.
    """
    if connection.vendor == "postgresql":
        return "C"
    if connection.vendor == "mysql":
        is_mariadb: bool = connection.mysql_is_mariadb  # type: ignore[attr-defined]  # MySQL's own
        return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
    return None


class KeyField(_Char[_Set, _Get]):
    """A short text that identifies something: compared and sorted by its bytes."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Give the column's type, on PostgreSQL by its long name.

        Django adds a second index for LIKE to each unique `varchar`; under the collation C the
        first one serves it already.
        """
        kind = super().db_type(connection)
        if kind is not None and connection.vendor == "postgresql":
            return kind.replace("varchar", "character varying")
        return kind

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Add the collation of bytes to the column."""
        parameters = super().db_parameters(connection)
        parameters["collation"] = self.db_collation or _byte_order(connection)
        return parameters


class DocumentField(_Text[_Set, _Get]):
    """A long text, of every character whatever the database's default is."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Add the collation of bytes to the column."""
        parameters = super().db_parameters(connection)
        parameters["collation"] = self.db_collation or _byte_order(connection)
        return parameters
