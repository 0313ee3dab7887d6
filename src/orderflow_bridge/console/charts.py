"""A bar chart as inline SVG: attributes and classes, no style, so that the page's policy holds.

Whoever shows one shows its table beside it.
"""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from msgspec import Struct

__all__ = ["Bar", "bar_chart", "round_up"]

_HEIGHT = 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 112, 8, 12, 24
_PLOT_HEIGHT = _HEIGHT - _TOP - _BOTTOM
_GRID = 4
# From one label to the next, and how wide one is.
_LABEL, _LETTERS = 100, 48


class Bar(Struct, frozen=True, kw_only=True):
    """One bar: `value` is 0 or more, `label` stands below, `text` is what it says when asked."""

    value: int
    label: str
    text: str


def bar_chart(
    bars: Sequence[Bar],
    *,
    name: str,
    title: str,
    description: str,
    scale: Callable[[int], str],
    width: int = 720,
) -> Markup:
    """Draw bars from left to right; `name` makes ids unique, `scale` writes a value at the grid.

    `width` is about how many pixels there are: letters stay as large as they are, and a narrow
    picture has fewer labels.
    Values are integers of any size, and so is all arithmetic: a picture of money rounds pixels, and
    never money.
    """
    most = round_up(max((bar.value for bar in bars), default=0))
    parts = [
        Markup(
            '<svg class="chart" role="img" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
            ' aria-labelledby="{name}-title {name}-desc" font-size="11" fill="currentColor">'
            '<title id="{name}-title">{title}</title><desc id="{name}-desc">{desc}</desc>'
        ).format(w=width, h=_HEIGHT, name=name, title=title, desc=description),
        *_grid(most, scale, width),
        *_bars(bars, most, width),
        Markup("</svg>"),
    ]
    return Markup("").join(parts)


def round_up(value: int) -> int:
    """Give the next 4, 8, 12, 20, 40, ... at or above a value: four lines divide it exactly."""
    power = _GRID
    while True:
        for step in (1, 2, 3, 5):
            if power * step >= value:
                return power * step
        power *= 10


def _grid(most: int, scale: Callable[[int], str], width: int) -> list[Markup]:
    lines = []
    for line in range(_GRID + 1):
        y = _TOP + _PLOT_HEIGHT - _PLOT_HEIGHT * line // _GRID
        lines.append(
            Markup(
                '<line class="gridline" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}" stroke="currentColor"'
                ' stroke-opacity="0.2"/><text x="{x}" y="{t}" text-anchor="end">'
                "{text}</text>"
            ).format(
                x1=_LEFT,
                x2=width - _RIGHT,
                y=y,
                x=_LEFT - 6,
                t=y + 4,
                text=scale(most * line // _GRID),
            )
        )
    return lines


def _bars(bars: Sequence[Bar], most: int, width: int) -> list[Markup]:
    drawn = []
    plot = width - _LEFT - _RIGHT
    every = max(1, -(-len(bars) * _LABEL // plot))
    for place, bar in enumerate(bars):
        begin = _LEFT + plot * place // len(bars)
        end = _LEFT + plot * (place + 1) // len(bars)
        height = _PLOT_HEIGHT * bar.value // most
        if bar.value:
            # What is there is seen, however small beside the largest.
            height = max(1, height)
            drawn.append(
                Markup(
                    '<rect class="bar" x="{x}" y="{y}" width="{w}" height="{h}">'
                    "<title>{text}</title></rect>"
                ).format(
                    x=begin + 1,
                    y=_TOP + _PLOT_HEIGHT - height,
                    w=max(1, end - begin - 2),
                    h=height,
                    text=bar.text,
                )
            )
        if place % every == 0 and begin + _LETTERS <= width:
            drawn.append(
                Markup('<text x="{x}" y="{y}">{label}</text>').format(
                    x=begin + 1, y=_HEIGHT - 6, label=bar.label
                )
            )
    return drawn
