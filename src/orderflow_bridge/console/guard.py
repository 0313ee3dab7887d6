"""What keeps another site's page from acting as the operator (CSRF), and the answers' headers."""

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256
from urllib.parse import urlsplit

from orderflow_bridge.console.http import Answer, Request

__all__ = [
    "NOTHING",
    "TOO_LARGE",
    "form_token",
    "guarded",
    "is_foreign",
    "new_token",
    "same_token",
]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    # With `no-referrer` a browser would send its forms with the origin `null` (Fetch, section 3.2),
    # and nothing would tell them from another site's where it sends no `Sec-Fetch-Site`.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_NO_STORE = ("Cache-Control", "no-store")


def guarded(answer: Answer) -> Answer:
    """Give an answer the headers that every one has; what does not say how long it keeps is not."""
    if not any(name == "Cache-Control" for name, _ in answer.headers):
        answer = answer.with_headers(_NO_STORE)
    return answer.with_headers(*_HEADERS)


def _plain(status: int, text: str) -> Answer:
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return guarded(Answer(status=status, headers=(kind,), body=f"{text}\n".encode()))


TOO_LARGE = _plain(413, "The form is too large; nothing happened.")
"""What a shell answers in place of reading more than a page takes."""

NOTHING = _plain(404, "There is nothing here.")
"""What a shell without a site answers outside of its mount."""


def new_token() -> str:
    """Make 32 random bytes, written for a cookie or a link."""
    return secrets.token_urlsafe(32)


def form_token(key: bytes, session: str, operator: str) -> str:
    """Make what a form of this session must send back; another site cannot know it.

    Nor can a neighbour who gave the browser a session of his own choice: the key is the server's.
    """
    return hmac.new(key, f"form\0{session}\0{operator}".encode(), sha256).hexdigest()


def same_token(expected: str, given: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def is_foreign(request: Request, trusted_origins: Collection[str]) -> bool:
    """Tell whether another site's page sent it.

    `Sec-Fetch-Site` decides where the browser sends it, else `Origin` against `Host`. Who sends
    neither is no browser of today, and has the form's token to show.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin in trusted_origins:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    if origin is None:
        return False
    try:
        sender = urlsplit(origin).netloc.lower()
    except ValueError:
        return True
    # `null`, as a sandboxed page has it, has no host.
    return not sender or sender != request.headers.get("host", "").lower()
