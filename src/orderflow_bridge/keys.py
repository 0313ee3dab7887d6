"""Where the master-key ring is: the settings, or a file that only its owner can read."""

import os
from pathlib import Path

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security.secrets import MasterKeyRing
from orderflow_bridge.settings import KEYS_FILE, Settings

__all__ = ["read_ring", "write_keys_file"]

_OTHERS = 0o077


def read_ring(settings: Settings) -> MasterKeyRing:
    """Read the ring from `master_keys`, else from the key file in `home`.

    Raises `ConfigurationError` where there is none, where it is weak, and where others can read
    the file.
    """
    if settings.master_keys:
        return MasterKeyRing.parse(settings.master_keys)
    path = Path(settings.home) / KEYS_FILE
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There are no master keys: run `orderflow-bridge init` in {settings.home}, or set"
            " ORDERFLOW_BRIDGE_MASTER_KEYS."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} cannot be read as a key file.") from None
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigurationError(f"Others can read the master keys: run `chmod 600 {path}`.")
    return MasterKeyRing.parse(",".join(text.split()))


def write_keys_file(path: Path, ring: str) -> None:
    """Write a new key file with mode 0600; an existing one is never overwritten."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(ring + "\n")
