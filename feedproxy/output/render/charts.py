"""Draw bar charts as SVG, in the colour of the surrounding text. Pure.

The numbers are repeated as text for readers who can't see the chart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT, _HEAD, _FOOT = 400, 110, 14, 16
# The share of a column's width that the bar fills; and the column width, in units of the drawing,
# from which every bar shows its number. The highest bar always does.
_FULL, _NUMBERED = 0.8, 24
# Half the width of a label.
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
    """Return a bar chart of *counts*, in their order, with a label below each *every*-th bar.

    The last bar has a label. A tooltip shows the label and number of a bar; the text alternative
    holds the title and all numbers.
    """
    maximum = max(counts.values(), default=0)
    step, room = _WIDTH / max(len(counts), 1), _HEIGHT - _HEAD - _FOOT
    bars = [
        _Bar(
            label,
            count,
            step >= _NUMBERED or count == maximum,
            at * step,
            step * _FULL,
            room * count / maximum if maximum else 0,
        )
        for at, (label, count) in enumerate(counts.items())
    ]
    words = ", ".join(f"{bar.label}: {bar.count}" for bar in bars)
    names = "".join(_name(bar) for at, bar in enumerate(bars) if (len(bars) - 1 - at) % every == 0)
    return Markup(  # noqa: S704 (all text in it is escaped)
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(f"{title}. {words}")}">'
        f'{"".join(map(_drawn, bars))}<g font-size="11" fill="currentColor">{names}</g></svg>'
    )


def _drawn(bar: _Bar) -> str:
    bottom, height = _HEIGHT - _FOOT, max(bar.height, 1)
    middle = _middle(bar)
    number = (
        f'<text x="{middle:.1f}" y="{bottom - height - 4:.1f}"'
        f' text-anchor="middle" font-size="10">{bar.count}</text>'
    )
    return (
        f'<g fill="currentColor"><title>{escape(bar.label)}: {bar.count}</title>'
        f'<rect x="{bar.x:.1f}" y="{bottom - height:.1f}" width="{bar.width:.1f}"'
        f' height="{height:.1f}" fill-opacity="0.6"/>'
        f"{number if bar.count and bar.is_numbered else ''}</g>"
    )


def _name(bar: _Bar) -> str:
    return (
        f'<text x="{_middle(bar):.1f}" y="{_HEIGHT - 4}" text-anchor="middle">'
        f"{escape(bar.label)}</text>"
    )


def _middle(bar: _Bar) -> float:
    """Return the horizontal position of a bar's label: its middle, moved inwards near the edges."""
    return min(max(bar.x + bar.width / 2, _NAME), _WIDTH - _NAME)
