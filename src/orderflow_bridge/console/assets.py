"""Stylesheet, script and icon: names that change with their content, so that they keep for ever."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files

from orderflow_bridge.console.http import Answer

__all__ = ["Assets"]

_KINDS: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_DIGITS = 12


class Assets:
    """The files that pages need; nothing is fetched from anywhere else."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}
        for file in files("orderflow_bridge.console").joinpath("static").iterdir():
            stem, _, suffix = file.name.rpartition(".")
            if suffix not in _KINDS:
                continue
            content = file.read_bytes()
            name = f"{stem}.{sha256(content).hexdigest()[:_DIGITS]}.{suffix}"
            self._names[file.name] = name
            self._answers[name] = Answer(
                headers=(
                    ("Content-Type", _KINDS[suffix]),
                    ("Cache-Control", "public, max-age=31536000, immutable"),
                ),
                body=content,
            )

    def name_of(self, file: str) -> str:
        """Give the path of a file under the mount: `static/console.0123456789ab.css`."""
        return f"static/{self._names[file]}"

    def find(self, name: str) -> Answer | None:
        """Give a file by its name with the hash; None where there is none."""
        return self._answers.get(name)
