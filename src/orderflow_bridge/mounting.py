"""What both shells share: the prefix arithmetic of a mount, and the core as a shell sees it."""

import re
from typing import Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from orderflow_bridge.http import Head, Response

__all__ = ["Admitted", "Core", "Mount", "body_flaw", "socket_peer", "undecoded"]

_MOUNT = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")


class Admitted(Protocol):
    """A request whose head passed, as far as a shell needs to know it."""

    @property
    def limit(self) -> int:
        """Tell how many bytes the body may have."""
        ...

    @property
    def length(self) -> int | None:
        """Tell how many bytes the body was declared to have; None where nothing was declared."""
        ...


AdmittedT = TypeVar("AdmittedT")


class Core(Protocol[AdmittedT]):
    """What a shell calls: every answer is made behind it."""

    def admit(self, head: Head) -> AdmittedT | Response:
        """Judge a head without a thread, a database or a wait (protocol §2, steps 1 to 8)."""
        ...

    def execute(self, admitted: AdmittedT, body: bytes) -> Response:
        """Answer an admitted request with its whole body; may block and never raises."""
        ...

    def refuse(self, code: str, admitted: AdmittedT) -> Response:
        """Answer an admitted request whose body did not arrive as it should (step 9)."""
        ...

    @property
    def workers(self) -> int:
        """Tell how many threads may be inside `execute` at once."""
        ...

    @property
    def read_headers(self) -> tuple[bytes, ...]:
        """Name the headers that the core reads, in lower case."""
        ...

    def refuse_aliases(self) -> None:
        """Refuse to be served by a host that cannot tell a header from its alias, as in WSGI.

        Raises `ConfigurationError` where an alias could name the client's address.
        """
        ...


class Mount:
    """Hold a place in a site's paths and tell which requests belong to it.

    `path` is what the operator wrote: it begins with a slash, does not end with one unless it is
    the root, and has no query, escape, empty or dot segment, so that no two servers can read it
    differently. Raises ValueError otherwise.
    """

    __slots__ = ("path", "prefix")

    def __init__(self, path: str) -> None:
        if path != "/" and not _MOUNT.fullmatch(path):
            raise ValueError(
                f"mount={path!r} is not a path to mount at: write it like '/bridge', with a slash"
                " in front, none behind, and plain ASCII without '?', '%' or '..' between"
            )
        self.path: str = path
        self.prefix: str = "" if path == "/" else path

    def __repr__(self) -> str:
        return f"Mount({self.path!r})"

    def under(self, path: str, root: str = "") -> str | None:
        """Cut a request's decoded path down to what lies under the mount.

        The answer is empty for the mount itself, begins with a slash below it, and is None where
        the path is the host application's. WSGI gives `PATH_INFO`, which is without the prefix the
        application runs under; ASGI gives `path`, which has it, and `root_path`, which is it. A
        path that does not begin with `root_path` comes from a server that leaves it out, and is
        taken as it is (protocol §2, step 1).
        """
        if root:
            own = _below(path, root.rstrip("/"))
            path = path if own is None else own
        return _below(path, self.prefix)


def _below(path: str, prefix: str) -> str | None:
    """Remove a prefix that ends where a segment ends; None where the path has another."""
    if not path.startswith(prefix):
        return None
    rest = path[len(prefix) :]
    return rest if not rest or rest[0] == "/" else None


def undecoded(rest: str, path: str, raw: bytes | None) -> bytes:
    """Give the path under a mount as it was sent, where the host shows that.

    `rest` is what `Mount.under` made of the decoded `path`; `raw` is the path on the wire. Escapes
    under the mount come back undecoded, and no escape fits the grammar, so that `%2F` never
    becomes a slash and `%63` never a letter. Where `raw` is not a spelling of `rest`, because the
    host rewrote one of the two or hides the other, the decoded path decides.
    """
    decoded = rest.encode("utf-8", "surrogatepass")
    if not raw or raw.endswith(decoded) or not unquote_to_bytes(raw).endswith(decoded):
        return decoded
    before = path[: len(path) - len(rest)]
    return raw.removeprefix(before.encode("utf-8", "surrogatepass"))


def socket_peer(address: str | None) -> str | None:
    """Read the peer's address; None for the ways in which servers say that there is none."""
    return None if address in (None, "", "-") else address


def body_flaw(admitted: Admitted, body: bytes) -> str | None:
    """Name the code for a body over the limit or unlike its declaration; None for a good one.

    Step 9 of protocol §2.
    """
    if len(body) > admitted.limit:
        return "body_too_large"
    if admitted.length is not None and len(body) != admitted.length:
        return "incomplete_body"
    return None
