"""What an error of Django's database layer means to the bridge; never with a value of a row."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, IntegrityError, InterfaceError, OperationalError
from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable

__all__ = ["is_taken", "refusal", "translated"]

# PostgreSQL by SQLSTATE, SQLite by the name of its code, MariaDB and MySQL by number, Oracle by its
# own code.
_TAKEN = frozenset(
    {
        "23505",
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_ROWID",
        1062,
        1586,
        "ORA-00001",
    }
)
_CONFLICTS: dict[str | int, str] = {
    "40001": "Another unit was faster.",
    "40P01": "Two units waited for each other.",
    1020: "Another unit was faster.",
    1213: "Two units waited for each other.",
    "ORA-08177": "Another unit was faster.",
    "ORA-00060": "Two units waited for each other.",
}
_UNAVAILABLE: dict[str | int, str] = {
    "55P03": "The database is busy; try again.",
    "57014": "The database gave up on a statement; try again.",
    "53100": "The disk of the database is full.",
    "53300": "The database has no connection left; try again.",
    "25006": "The database is read-only.",
    "SQLITE_FULL": "The disk of the database is full.",
    "SQLITE_READONLY": "The database file is read-only.",
    "SQLITE_CANTOPEN": "The database file cannot be opened: its folder has to exist and to be"
    " writable.",
    "SQLITE_CORRUPT": "The database file is damaged.",
    "SQLITE_NOTADB": "The database file is not a SQLite database.",
    1205: "The database is busy; try again.",
    1290: "The database is read-only.",
    3024: "The database gave up on a statement; try again.",
    "ORA-00054": "The database is busy; try again.",
}
_MISSING = frozenset({"42P01", "42703", 1146, 1054, "ORA-00942", "ORA-00904"})
_MISSING_IN_SQLITE = ("no such table", "no such column")
_BUSY_IN_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the database refuses in this block into an error of the ports.

    Every other exception goes through unchanged.
    """
    try:
        yield
    except Error as error:
        raise refusal(error) from None


def is_taken(error: IntegrityError) -> bool:
    """Tell whether a unique value is taken; on a database unknown here any integrity error is."""
    code = _code(error)
    return code is None or code in _TAKEN


def refusal(error: Error) -> Exception:
    """Make the exception that the bridge understands."""
    code = _code(error)
    if isinstance(error, IntegrityError) and is_taken(error):
        return Conflict("A unique value is taken.")
    if code in _CONFLICTS:
        return Conflict(_CONFLICTS[code])
    if code in _UNAVAILABLE:
        return StorageUnavailable(_UNAVAILABLE[code])
    if _is_missing(error, code):
        return ConfigurationError(
            "The database lacks a table or a column of the bridge: run `manage.py migrate` for the"
            " database alias that the bridge uses."
        )
    if isinstance(code, str) and code.startswith(_BUSY_IN_SQLITE):
        return StorageUnavailable("The database is busy; try again.")
    if isinstance(error, OperationalError | InterfaceError) and code != "SQLITE_ERROR":
        return StorageUnavailable()
    named = type(error).__name__ if code is None else f"{type(error).__name__} {code}"
    return RuntimeError(f"The database refused a statement ({named}).")


def _is_missing(error: Error, code: str | int | None) -> bool:
    if code == "SQLITE_ERROR":
        text = str(error)
        return text.startswith(_MISSING_IN_SQLITE) or " has no column named " in text
    return code in _MISSING


def _code(error: Error) -> str | int | None:
    """Give the database's own code of an error; None where it has none."""
    first = error.args[0] if error.args else None
    if isinstance(first, int):
        # MariaDB's and MySQL's numbers say more than the SQLSTATE beside them.
        return first
    # psycopg 3, psycopg 2, sqlite3; a connection that was lost has none of them.
    for name in ("sqlstate", "pgcode", "sqlite_errorname"):
        code = getattr(error.__cause__, name, None)
        if code is not None:
            return str(code)
    return getattr(first, "full_code", None)
