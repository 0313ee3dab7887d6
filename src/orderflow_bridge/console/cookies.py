"""The console's cookies: one for the session, one that says who showed their password lately."""

import hmac
import re
from hashlib import sha256
from urllib.parse import quote

from orderflow_bridge.console.http import Request

__all__ = [
    "CONFIRMED_FOR",
    "came_by_tls",
    "confirmation",
    "dropped",
    "is_confirmed",
    "kept",
    "session_of",
]

_SESSION = "ofb-console"
_CONFIRMED = "ofb-confirmed"
_HOST = "__Host-"
_LOCAL = re.compile(r"(?:.+\.)?localhost|127\.[0-9.]+|\[::1\]|\[:")

CONFIRMED_FOR = 600
"""How long a confirmation holds, in seconds."""


def session_of(request: Request) -> str:
    """Give the token of the session; empty where there is none.

    Over TLS only the cookie counts that no other host can have set (`__Host-`), also where a proxy
    hides the TLS and the browser tells of it.
    """
    return _read(request, _SESSION)


def kept(request: Request, token: str) -> tuple[str, str]:
    """Keep a session's token in the browser, until it is closed."""
    return _set(request, _SESSION, token)


def dropped(request: Request) -> tuple[str, str]:
    """Make the browser forget the session."""
    return _set(request, _SESSION, "", "; Max-Age=0")


def confirmation(request: Request, key: bytes, who: str, now: int) -> tuple[str, str]:
    """Keep in the browser that `who` (operator and session) confirmed at `now` (Unix ms)."""
    until = now + CONFIRMED_FOR * 1000
    return _set(
        request, _CONFIRMED, f"{until}.{_mac(key, who, until)}", f"; Max-Age={CONFIRMED_FOR}"
    )


def is_confirmed(request: Request, key: bytes, who: str, now: int) -> bool:
    """Tell whether `who` confirmed within the last ten minutes."""
    digits, _, mac = _read(request, _CONFIRMED).partition(".")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(2**63)):
        return False
    until = int(digits)
    in_time = now < until <= now + CONFIRMED_FOR * 1000
    return hmac.compare_digest(_mac(key, who, until).encode(), mac.encode()) and in_time


def _mac(key: bytes, who: str, until: int) -> str:
    return hmac.new(key, f"confirmed\0{until}\0{who}".encode(), sha256).hexdigest()


def _read(request: Request, name: str) -> str:
    strict = request.cookies.get(_strict(request, name))
    if strict is not None or came_by_tls(request):
        return strict or ""
    return request.cookies.get(name, "")


def _strict(request: Request, name: str) -> str:
    """Name a cookie for TLS: its path must be `/`, so each console of a host has names of its own.

    As many as there are mounts; 32 bits keep those of one host apart.
    """
    mount = sha256(request.root.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_HOST}{name}-{mount}"


def _set(request: Request, name: str, value: str, more: str = "") -> tuple[str, str]:
    fixed = f"HttpOnly; SameSite=Lax{more}"
    if _is_secure(request):
        return ("Set-Cookie", f"{_strict(request, name)}={value}; Path=/; Secure; {fixed}")
    return ("Set-Cookie", f"{name}={value}; Path={quote(request.root) or '/'}; {fixed}")


def _is_secure(request: Request) -> bool:
    """Tell whether a cookie can be kept for TLS alone.

    A form tells its own origin, also from a browser too old to tell more.
    """
    return came_by_tls(request) or request.headers.get("origin", "").startswith("https://")


def came_by_tls(request: Request) -> bool:
    """Tell whether the browser came by TLS, which a proxy in front may hide.

    A browser sends `Sec-Fetch-Site` by TLS alone, or to its own machine (Fetch Metadata,
    section 4).
    """
    if request.scheme == "https":
        return True
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return "sec-fetch-site" in request.headers and not _LOCAL.fullmatch(host.lower())
