"""Templates: what they are given, and how money and time are written in them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from orderflow_bridge.console.assets import Assets
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.zones import Zone
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.time import as_utc

__all__ = ["Views"]

_TICKED = re.compile("`([^`]+)`")
_HTML = ("Content-Type", "text/html; charset=utf-8")


class Views:
    """Make pages of templates; whatever is not known in one is an error, and all is escaped."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("orderflow_bridge.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"asset": assets.name_of}
        self._environment.filters |= {
            "count": count,
            "money": money,
            "segment": segment,
            "ticks": ticks,
            "when": when,
        }

    def show(self, template: str, *, status: int, values: Mapping[str, Any]) -> Answer:
        """Answer with a template."""
        page = self._environment.get_template(template).render(values)
        return Answer(status=status, headers=(_HTML,), body=page.encode("utf-8"))

    def stream(self, template: str, *, values: Mapping[str, Any]) -> Iterator[bytes]:
        """Make a page piece by piece, each as soon as its values are there."""
        for piece in self._environment.get_template(template).generate(values):
            yield piece.encode("utf-8")


def money(amount: int, currency: str) -> Markup:
    """Write an amount of minor units; a script may write it as the reader's language does."""
    price = format_price(amount, currency)
    whole, point, fraction = price.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = f"{sign}{int(digits):,}{point}{fraction}"
    return Markup('<data class="money" value="{}" data-currency="{}">{} {}</data>').format(
        price, currency, grouped, currency
    )


def when(milliseconds: int, zone: Zone, *, seconds: bool = False) -> Markup:
    """Write a moment in the operator's zone; the element has it in UTC for a script.

    `seconds` says that the script keeps them, too.
    """
    iso = as_utc(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    kept = Markup(" data-seconds") if seconds else Markup()
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        iso, zone.full(milliseconds), kept, zone.text(milliseconds)
    )


def segment(text: str) -> str:
    """Write a text as one segment of a path, a slash in it too."""
    return quote(text, safe="")


def count(number: int) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,}"


def ticks(text: str) -> Markup:
    """Write what stands between backticks as code; the text is escaped as any other."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped
