"""Render the status page for operators as HTML. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from feedproxy.model import Mirror
from feedproxy.output.render.charts import bar_chart
from feedproxy.output.render.environment import make_environment

_MEGABYTE, _GIGABYTE = 1_000_000, 1_000_000_000
_WEEK = 7


def render_status(
    mirror: Mirror, health: object, days: Mapping[str, int], delays: Mapping[str, int]
) -> bytes:
    """Return the status page.

    *days* are the numbers of articles by day, *delays* the numbers of new articles by hours of
    delay.
    """
    charts = (
        (
            f"Articles by day of publication, the last {len(days)} days (UTC)",
            bar_chart("Articles by day of publication", days, every=_WEEK),
        ),
        (
            "New articles by the hours between publication and storage",
            bar_chart("New articles by delay", delays),
        ),
    )
    return (
        _environment.get_template("status.html")
        .render(mirror=mirror, health=health, charts=charts)
        .encode()
    )


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _span(moment: datetime | None, now: datetime) -> str:
    """Return the distance of a moment from *now*, in the largest unit with at least two."""
    if moment is None:
        return "never"
    seconds = round((moment - now) / timedelta(seconds=1))
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)):
        if abs(seconds) >= 2 * size or unit == "seconds":
            words = f"{abs(seconds) // size} {unit}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    raise AssertionError


def _bytes(count: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count / _GIGABYTE:.1f} GB" if count >= _GIGABYTE else f"{count / _MEGABYTE:.0f} MB"


_environment = make_environment(minute=_minute, span=_span, bytes=_bytes)
