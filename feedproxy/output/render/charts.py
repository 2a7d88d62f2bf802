"""Charts: numbers in, SVG out, in the colour of the text around it, with the same in words for who does not see it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT, _HEAD, _FOOT = 400, 110, 14, 16
# The share of its place that a bar fills, and how wide a place must be to have its number printed, as the highest has anyway.
_FULL, _NUMBERED = 0.8, 24
# Half of a name's width.
_NAME = 16


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    count: int
    is_numbered: bool
    x: float
    width: float
    height: float


def bar_chart(title: str, counts: Mapping[str, int], *, every: int = 1) -> Markup:
    """Return a chart with a bar for each of *counts*, in their order, every so many of them named below.

    A pointer that rests on a bar sees its name and number; a screen reader hears the title, and all of them.
    """
    most = max(counts.values(), default=0)
    step, room = _WIDTH / max(len(counts), 1), _HEIGHT - _HEAD - _FOOT
    bars = [
        _Bar(
            label,
            count,
            step >= _NUMBERED or count == most,
            at * step,
            step * _FULL,
            room * count / most if most else 0,
        )
        for at, (label, count) in enumerate(counts.items())
    ]
    words = ", ".join(f"{bar.label}: {bar.count}" for bar in bars)
    names = "".join(_name(bar) for at, bar in enumerate(bars) if (len(bars) - 1 - at) % every == 0)
    return Markup(  # noqa: S704 (all that is text in it is escaped)
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(f"{title}. {words}")}">'
        f'{"".join(map(_drawn, bars))}<g font-size="11" fill="currentColor">{names}</g></svg>'
    )


def _drawn(bar: _Bar) -> str:
    bottom, height = _HEIGHT - _FOOT, max(bar.height, 1)
    middle = _middle(bar)
    number = f'<text x="{middle:.1f}" y="{bottom - height - 4:.1f}" text-anchor="middle" font-size="10">{bar.count}</text>'
    return (
        f'<g fill="currentColor"><title>{escape(bar.label)}: {bar.count}</title>'
        f'<rect x="{bar.x:.1f}" y="{bottom - height:.1f}" width="{bar.width:.1f}" height="{height:.1f}" fill-opacity="0.6"/>'
        f"{number if bar.count and bar.is_numbered else ''}</g>"
    )


def _name(bar: _Bar) -> str:
    return f'<text x="{_middle(bar):.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(bar.label)}</text>'


def _middle(bar: _Bar) -> float:
    """Return where a bar's name stands: in its middle, but whole."""
    return min(max(bar.x + bar.width / 2, _NAME), _WIDTH - _NAME)
