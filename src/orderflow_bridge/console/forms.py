"""What a form or a query string says: text fields, and files that were uploaded."""

from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import HTTP
from urllib.parse import parse_qsl

from msgspec import Struct

__all__ = ["Fields", "read_form", "read_query"]

_MOST_FIELDS = 200


class Fields(Struct, frozen=True):
    """Fields by name, each with its values in order; `files` are the bytes of an upload."""

    values: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes] = {}

    def first(self, name: str, otherwise: str = "") -> str:
        """Give the first value of a field, without blanks around it."""
        found = self.values.get(name)
        return found[0].strip() if found else otherwise

    def all(self, name: str) -> Sequence[str]:
        """Give every value of a field."""
        return self.values.get(name, ())

    def __contains__(self, name: object) -> bool:
        return name in self.values


def read_query(text: str) -> Fields:
    """Read a query string; one with more than 200 fields or broken escapes is as good as none."""
    return Fields(_parsed(text))


def read_form(content_type: str, body: bytes) -> Fields:
    """Read a form as browsers send it: `application/x-www-form-urlencoded` or `multipart`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return Fields(_parsed(body.decode("ascii", "replace")))
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    return Fields({})


def _parsed(text: str) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _multipart(content_type: str, body: bytes) -> Fields:
    """Read RFC 7578 with the standard library's parser of MIME."""
    try:
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
        whole = message_from_bytes(head + body, policy=HTTP)
        parts = whole.get_payload() if whole.is_multipart() else []
    except (ValueError, LookupError):
        return Fields({})
    values: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        if not isinstance(part, Message):
            continue
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is not None:
            files[name] = content
        else:
            values.setdefault(name, []).append(content.decode("utf-8", "replace"))
    return Fields(values, files)
