"""What may have been signed in place of a body: another spelling of it, or none of it."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from orderflow_bridge.diagnosis.finding import Finding

__all__ = ["LONGEST", "other_bodies"]

LONGEST = 256 * 1024
"""Of a longer body (in bytes) no other spelling is tried."""

_RAW = "Sign the very bytes that are sent, and send them as they were signed."
_ONCE = f"Serialise once: keep the bytes, sign them, send them. {_RAW}"
# As the protocol allows; an indented text grows with its depth.
_DEEPEST = 32
_BOM = b"\xef\xbb\xbf"
_LAYOUTS: tuple[tuple[str, tuple[str, str], int | str | None], ...] = (
    ("without spaces", (",", ":"), None),
    ("with a space behind `,` and `:`", (", ", ": "), None),
    ("indented by 2", (",", ": "), 2),
    ("indented by 4", (",", ": "), 4),
    ("indented by tabs", (",", ": "), "\t"),
)


def other_bodies(body: bytes | None) -> Iterator[tuple[bytes, Finding]]:
    """Give other bodies that a signature is often made over, likely ones first.

    None is a body that is not known. Of one that is no JSON there are fewer.
    """
    for other, what in (
        (b"", "an empty body"),
        (b"{}", "the body `{}`"),
        (b"null", "the body `null`"),
        (b"[object Object]", "the body `[object Object]`: an object was turned into text"),
    ):
        yield other, Finding(f"The signature was made over {what}.", _RAW)
    if body is not None and len(body) <= LONGEST:
        yield from _same_text(body)
        yield from _other_json(body)


def _same_text(body: bytes) -> Iterator[tuple[bytes, Finding]]:
    """Give what editors, shells and transports make of a text."""

    def said(what: str) -> Finding:
        return Finding(f"The body was signed {what}.", _RAW)

    yield body.strip(), said("without the white space around it")
    yield body.removesuffix(b"\n").removesuffix(b"\r"), said("without the newline at its end")
    yield body + b"\n", said("with a newline at its end, which was not sent")
    yield body + b"\r\n", said("with a Windows line end at its end, which was not sent")
    yield body.replace(b"\r\n", b"\n"), said("with LF line ends, and sent with CRLF")
    yield (
        body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        said("with CRLF line ends, and sent with LF"),
    )
    yield body.replace(b"\n", b"").replace(b"\r", b""), said("without its line ends")
    yield body.removeprefix(_BOM), said("without the byte order mark that was sent")
    yield _BOM + body, said("with a byte order mark, which was not sent")
    yield body.replace(b"\\/", b"/"), said("with plain slashes, and sent with `\\/`")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    yield text.encode("latin-1", "replace"), said("in Latin-1, and sent in UTF-8")
    yield text.encode("utf-16-le"), said("in UTF-16, and sent in UTF-8")
    yield (
        body.decode("latin-1").encode(),
        said("encoded to UTF-8 twice, and sent encoded once"),
    )


def _other_json(body: bytes) -> Iterator[tuple[bytes, Finding]]:
    """Give the same document as other serialisers write it."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not _within(document, _DEEPEST):
        return
    if isinstance(document, dict):
        form = urlencode(
            [
                (name, value if isinstance(value, str) else _written(value))
                for name, value in document.items()
            ],
            errors="replace",
        )
        yield form.encode(), Finding("The body was signed form-encoded, and sent as JSON.", _RAW)
    for in_order, order in ((False, ""), (True, ", with its names sorted")):
        for in_ascii, letters in ((False, ""), (True, r", with \u escapes")):
            for name, separators, indent in _LAYOUTS:
                text = json.dumps(
                    document,
                    ensure_ascii=in_ascii,
                    sort_keys=in_order,
                    separators=separators,
                    indent=indent,
                )
                yield _encoded(text), _serialised(f"{name}{letters}{order}")
        compact = _written(document, in_order=in_order)
        yield (
            _encoded(compact.replace("/", "\\/")),
            _serialised(f"without spaces, with `\\/` for `/`{order}"),
        )
        yield (
            _encoded(_written(document, in_order=in_order, in_ascii=True).replace("/", "\\/")),
            _serialised(rf"as PHP writes it, with `\/` and \u escapes{order}"),
        )
        yield (
            _encoded(
                compact.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
            ),
            _serialised(rf"as Go writes it, with \u003c for `<`{order}"),
        )
    try:
        quoted = json.dumps(body.decode())
    except UnicodeDecodeError:
        return
    yield quoted.encode(), _serialised("as a JSON text of the JSON: serialised twice")


def _within(value: object, levels: int) -> bool:
    """Tell whether a document is nested in so many levels at most."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(
        _within(part, levels - 1) for part in inner if isinstance(part, dict | list)
    )


def _written(value: object, *, in_order: bool = False, in_ascii: bool = False) -> str:
    return json.dumps(value, ensure_ascii=in_ascii, sort_keys=in_order, separators=(",", ":"))


def _encoded(text: str) -> bytes:
    # A lone surrogate that was escaped has no bytes of its own.
    return text.encode("utf-8", "surrogatepass")


def _serialised(how: str) -> Finding:
    return Finding(
        f"The body was serialised again after it was signed; it was signed {how}.", _ONCE
    )
