"""What a database's refusal means to the bridge; no message of a driver, and no value, is kept."""

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from sqlalchemy import exc

__all__ = ["refusal"]

_BUSY = "The database is busy; try again."
_FULL = "The disk of the database is full."
_GAVE_UP = "The database gave up on a statement; try again."
_MEMORY = "The database has no memory left; try again."
_READ_ONLY = "The database is read-only."
_LOST = "The connection to the database is lost; try again."

# SQLSTATEs are PostgreSQL's, names SQLite's, and numbers those of MySQL and MariaDB.
_CONFLICTS: dict[str | int, str] = {
    "23505": "A unique value is taken.",
    "23P01": "Two rows exclude each other.",
    "40001": "Another unit was faster.",
    "40P01": "Two units waited for each other.",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "A unique value is taken.",
    "SQLITE_CONSTRAINT_ROWID": "A unique value is taken.",
    "SQLITE_CONSTRAINT_UNIQUE": "A unique value is taken.",
    1020: "Another unit was faster.",
    1062: "A unique value is taken.",
    1213: "Two units waited for each other.",
}
_UNAVAILABLE: dict[str | int, str] = {
    "25006": _READ_ONLY,
    "53100": _FULL,
    "53200": _MEMORY,
    "53300": "The database has no connection left; try again.",
    "55P03": _BUSY,
    "57014": _GAVE_UP,
    1021: _FULL,
    1037: _MEMORY,
    1040: "The database has no connection left; try again.",
    1041: _MEMORY,
    1044: "The database lets this user not in.",
    1045: "The database refused the user or the password.",
    1049: "There is no such database: make it, or correct the URL.",
    1114: _FULL,
    1205: _BUSY,
    1290: _READ_ONLY,
    1317: _GAVE_UP,
    1698: "The database refused the user or the password.",
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    1969: _GAVE_UP,
    2002: "Nobody listens at the database's address; try again when it runs.",
    2003: "Nobody listens at the database's address; try again when it runs.",
    3024: _GAVE_UP,
}
# Beginnings of SQLSTATEs (connection, operator, resources, system, internal, not allowed) and of
# SQLite's names.
_UNAVAILABLE_CLASSES = {
    "08": _LOST,
    "28": "The database refused the user or the password.",
    "3D": "There is no such database: make it, or correct the URL.",
    "53": _LOST,
    "57P": _LOST,
    "58": _LOST,
    "XX": _LOST,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_CANTOPEN": "The database file cannot be opened: its folder has to exist and to be"
    " writable.",
    "SQLITE_CORRUPT": "The database file is damaged.",
    "SQLITE_FULL": _FULL,
    "SQLITE_INTERRUPT": _GAVE_UP,
    "SQLITE_IOERR": "The disk of the database fails.",
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_NOMEM": _MEMORY,
    "SQLITE_NOTADB": "The database file is not a SQLite database.",
    "SQLITE_PERM": "The database file may not be used.",
    "SQLITE_PROTOCOL": _BUSY,
    "SQLITE_READONLY": _READ_ONLY,
}
# A refused connection of PostgreSQL has words only; none of them is passed on.
_WORDS = {
    "password authentication failed": "The database refused the user or the password.",
    "does not exist": "There is no such database or user: make it, or correct the URL.",
    "Connection refused": "Nobody listens at the database's address; try again when it runs.",
}


def refusal(error: exc.SQLAlchemyError) -> Exception:
    """Translate an error: `Conflict`, `StorageUnavailable`, or a fault that quotes no value."""
    if isinstance(error, exc.TimeoutError):
        return StorageUnavailable("The storage is busy; try again.")
    if not isinstance(error, exc.DBAPIError):
        return RuntimeError(f"SQLAlchemy refused a statement ({type(error).__name__}).")
    code = _code(error.orig)
    if code is None:
        return _without_code(error)
    if code in _CONFLICTS:
        return Conflict(_CONFLICTS[code])
    if code in _UNAVAILABLE:
        return StorageUnavailable(_UNAVAILABLE[code])
    for beginning, detail in _UNAVAILABLE_CLASSES.items():
        if isinstance(code, str) and code.startswith(beginning):
            return StorageUnavailable(detail)
    if error.connection_invalidated:
        return StorageUnavailable(_LOST)
    return RuntimeError(f"The database refused a statement ({code}).")


def _code(original: object) -> str | int | None:
    """Give SQLite's name, MySQL's number or the SQLSTATE of a driver's error."""
    first = original.args[0] if isinstance(original, Exception) and original.args else None
    # Some drivers of MySQL tell an SQLSTATE too; only the number tells its errors apart.
    number = getattr(original, "errno", first)
    if isinstance(number, int):
        return number
    for name in ("sqlite_errorname", "sqlstate", "pgcode"):
        code = getattr(original, name, None)
        if isinstance(code, str):
            return code
    return None


def _without_code(error: exc.DBAPIError) -> Exception:
    if isinstance(error, exc.IntegrityError):
        return Conflict("A unique value is taken.")
    if isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated:
        words = str(error.orig)
        found = (detail for part, detail in _WORDS.items() if part in words)
        return StorageUnavailable(next(found, _LOST))
    return RuntimeError(f"The database refused a statement ({type(error.orig).__name__}).")
