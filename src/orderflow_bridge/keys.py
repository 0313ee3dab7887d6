"""The master-key ring where it is kept: the settings, or a file that only its owner can read."""

import os
import re
from contextlib import suppress
from pathlib import Path

from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.ports import Entropy
from orderflow_bridge.security.secrets import KEY_BYTES, MasterKeyRing, new_master_key
from orderflow_bridge.settings import KEYS_FILE, Settings

__all__ = [
    "add_to_file",
    "keys_file",
    "new_key",
    "read_ring",
    "remove_from_file",
    "write_keys_file",
]

_OTHERS = 0o077
_NEW = ".new"
_SEPARATORS = re.compile(r"[,\s]+")


def read_ring(settings: Settings) -> MasterKeyRing:
    """Read the ring from `master_keys`, else from the key file in `home`.

    Raises `ConfigurationError` where there is none, where it is weak, and where others can read
    the file.
    """
    if settings.master_keys:
        return MasterKeyRing.parse(settings.master_keys)
    return MasterKeyRing.parse(",".join(_entries(Path(settings.home) / KEYS_FILE)))


def keys_file(settings: Settings) -> Path | None:
    """Tell which file the ring is read from; None where it stands in `master_keys`."""
    return None if settings.master_keys else Path(settings.home) / KEYS_FILE


def new_key(entropy: Entropy) -> str:
    """Make an entry of a ring, `id:key`, with an id that no earlier key has.

    A database that outlives its keys says which one it misses.
    """
    return f"k{entropy.token(4).hex()}:{new_master_key(entropy.token(KEY_BYTES))}"


def write_keys_file(path: Path, ring: str) -> None:
    """Write a new key file with mode 0600; an existing one is never overwritten."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(ring + "\n")


def add_to_file(path: Path, entry: str) -> None:
    """Put a new key in front of a key file, where it issues; those that were there stay.

    The file is replaced whole, or not at all. Raises `ConfigurationError` as `read_ring` does, and
    where another process is changing the file.
    """
    _replace(path, [entry, *_entries(path)])


def remove_from_file(path: Path, key_id: str) -> None:
    """Take a key out of a key file; raises as `add_to_file`, and where it is not there or issues.

    The key that issues cannot be taken out: `BridgeError` `invalid_request`.
    """
    entries = _entries(path)
    kept = [entry for entry in entries if entry.partition(":")[0] != key_id]
    if entries[:1] != kept[:1] or len(kept) == len(entries):
        raise BridgeError("invalid_request", f"{path} cannot do without that key.")
    _replace(path, kept)


def _entries(path: Path) -> list[str]:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There are no master keys: run `orderflow-bridge init` in {path.parent}, or set"
            " ORDERFLOW_BRIDGE_MASTER_KEYS."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} cannot be read as a key file.") from None
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigurationError(f"Others can read the master keys: run `chmod 600 {path}`.")
    return [entry for entry in _SEPARATORS.split(text) if entry]


def _replace(path: Path, entries: list[str]) -> None:
    """Replace the file by one with the same owner; a link stays, and what it leads to changes."""
    path = path.resolve()
    # What would not be read again is not written.
    MasterKeyRing.parse(",".join(entries))
    new = path.with_name(path.name + _NEW)
    try:
        # Where it is there, someone else is at it: two changes at once would lose one of them.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"Another process is changing {path}. If none is, an earlier one was interrupted:"
            f" delete {new}, which holds keys, and try again."
        ) from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("\n".join(entries) + "\n")
            file.flush()
            _give_to_owner(file.fileno(), path)
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            new.unlink()
        raise
    _sync_folder(path.parent)


def _give_to_owner(descriptor: int, path: Path) -> None:
    """Leave the file to whom it belongs: the server may not run as who changes its keys."""
    if os.name != "posix":
        return
    before, now = path.stat(), os.fstat(descriptor)
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(descriptor, before.st_uid, before.st_gid)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
