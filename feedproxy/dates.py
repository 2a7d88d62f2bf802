"""Dates as news sites write them, to aware UTC `datetime`s. Pure."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

# Year, month and day in that order, in digits, as in "2021-11-09 14:05 中港台时间" and "2021年11月9日";
# no Chinese site writes them otherwise, and an English "9/11/2021" does not match.
_NUMERIC = re.compile(
    r"(?<!\d)((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)\s*日?"
    r"(?:[\sT,]*(上午|下午|中午|晚上|晚间|凌晨|早上)?\s*(\d{1,2})\s*[:：时点]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2}))?\s*[分秒]?"
    r"\s*(am|pm)?(?:\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)(?!\w))?)?",
    re.IGNORECASE,
)
_AFTERNOON = ("下午", "晚上", "晚间", "pm")
_NOON = 12
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_MAX_LENGTH = 200
# Whole dates only, and a fixed base, so that the result never depends on today; "yesterday" is not ours to guess.
_WRITTEN = {
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month", "year"],
    "RELATIVE_BASE": datetime(2000, 1, 1),  # noqa: DTZ001 (a base has the zone of what is read)
}


def parse_date(text: str, timezone: str) -> datetime | None:
    """Return the moment that *text* names, in UTC; *timezone* is meant where it names no zone. None if it names none.

    >>> parse_date("2021-11-09 14:05 中港台时间", "Asia/Shanghai")
    datetime.datetime(2021, 11, 9, 6, 5, tzinfo=datetime.timezone.utc)
    >>> parse_date("2021-11-09T14:05:00-05:00", "Asia/Shanghai").hour
    19
    """
    text = text.strip()[:_MAX_LENGTH]
    zone = ZoneInfo(timezone)
    try:
        moment = _iso(text) or _numeric(text) or _written(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _ISO.match(text) else None
    except ValueError:
        return None


def _numeric(text: str) -> datetime | None:
    match = _NUMERIC.search(text)
    if match is None:
        return None
    year, month, day, before, hour, minute, second, after, zone = match.groups()
    half = (before or after or "").lower()
    hours = int(hour or 0)
    if half in _AFTERNOON and hours < _NOON:
        hours += _NOON
    elif half in ("am", "上午", "凌晨") and hours == _NOON:
        hours = 0
    moment = datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0))  # noqa: DTZ001 (its zone follows)
    if not zone:
        return moment
    offset = zone if zone[0] in "+-" else "+0000"
    return moment.replace(tzinfo=datetime.strptime(offset, "%z").tzinfo)


def _written(text: str) -> datetime | None:
    """Read a date in words; the library is large, so it is loaded where it is first needed."""
    if not re.search(r"\d", text):
        return None
    import dateparser  # noqa: PLC0415

    return dateparser.parse(text, settings=_WRITTEN)
