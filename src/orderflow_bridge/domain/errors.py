"""The one error root, and the few errors that are not an answer to a storefront."""

from collections.abc import Mapping

__all__ = ["BridgeError", "ConfigurationError", "Conflict", "StorageUnavailable"]


class BridgeError(Exception):
    """Refuse a request for a reason that the protocol names.

    `code` is a code of the protocol (its HTTP status stands in `orderflow_bridge.http`), `detail`
    says to a person what to do, `members` are the JSON members the protocol names for that code,
    `retry_after` is in seconds. Raised anywhere below the protocol; turned into an answer in
    exactly one place.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        members: Mapping[str, object] | None = None,
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.members: Mapping[str, object] = members or {}
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class StorageUnavailable(BridgeError):  # noqa: N818 -- the protocol's word
    """Say that the storage cannot be used now, and that nothing happened.

    Or that nobody knows: a connection that is lost during a commit leaves its outcome open.
    """

    def __init__(self, detail: str = "The storage cannot be reached; try again.") -> None:
        super().__init__("storage_unavailable", detail, retry_after=1)


class Conflict(Exception):  # noqa: N818 -- the field's word; it is never shown to a user
    """Say that someone else was faster: the unit is rolled back and may be run again.

    Storages raise it for a deadlock, a serialisation failure, a version that moved and a unique
    value that is taken.
    """


class ConfigurationError(Exception):
    """Refuse to start; the message names the fix and never quotes key material."""
