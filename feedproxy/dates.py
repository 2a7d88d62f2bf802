"""Parse dates as news sites write them into aware UTC `datetime`s. Pure."""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from feedproxy.model import Site, Url

# Year, month and day in that order, in digits, as in "2021-11-09 14:05 中港台时间" and
# "2021年11月9日". Chinese sites use no other order, and an English "9/11/2021" does not match.
_NUMERIC = re.compile(
    r"(?<!\d)((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)\s*日?"
    r"(?:[\sT,]*(上午|下午|中午|晚上|晚间|凌晨|早上)?\s*(\d{1,2})\s*[:：时点]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2}))?\s*[分秒]?"
    r"\s*(am|pm)?(?:\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)(?!\w))?)?",
    re.IGNORECASE,
)
# A dateline, which news sites print in brackets before the text: 【大纪元2021年11月09日讯】,
# （某社某地2021年11月9日电）. A date within the text is that of an event, not of publication.
_DATELINE = re.compile(r"[【〔\[（(][^】〕\]）)]{0,40}[】〕\]）)]")
_DATELINE_MARK = re.compile(r"日\s*(?:讯|訊|电|電|报导|报道|報導|報道)|【")
_DATELINE_CHARACTERS = 150
# A date in a URL path whose site has no rule for it: /2009/12/17/, /2009-12-17-, /20091217/.
_DAY_IN_PATH = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:([-/_.])(\d\d?)\2(\d\d?)|(\d\d)(\d\d))(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_IN_PATH = re.compile(rf"/(\d{{4}})/({'|'.join(_MONTHS)})[a-z]*/(\d\d?)(?!\d)", re.IGNORECASE)
# Names of query parameters whose value may be a date, as in ?date=2009-12-17.
_DAY_PARAMETER = re.compile(r"date|day|time|publish", re.IGNORECASE)
# Years of two digits are 1969 to 2068 (POSIX, strptime); a year of one digit has lost its leading
# zero.
_CENTURY, _PIVOT = 100, 69
_AFTERNOON = ("下午", "晚上", "晚间", "pm")
_NOON = 12
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_MAX_LENGTH = 200
# Complete dates only, and a fixed base, so that the result does not depend on the current day;
# relative dates such as "yesterday" are not parsed.
_WRITTEN = {
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month", "year"],
    "RELATIVE_BASE": datetime(2000, 1, 1),  # noqa: DTZ001 (the zone is that of the parsed date)
}


def parse_date(text: str, timezone: str) -> datetime | None:
    """Return the time that *text* states, in UTC, None if it states none.

    *timezone* names the time zone to assume if *text* has none.

    >>> parse_date("2021-11-09 14:05 中港台时间", "Asia/Shanghai")
    datetime.datetime(2021, 11, 9, 6, 5, tzinfo=datetime.timezone.utc)
    >>> parse_date("2021-11-09T14:05:00-05:00", "Asia/Shanghai").hour
    19
    """
    text = text.strip()[:_MAX_LENGTH]
    zone = ZoneInfo(timezone)
    try:
        moment = _iso(text) or _numeric(text) or _written(text)
        return (
            (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
            if moment
            else None
        )
    except (ValueError, OverflowError):
        return None


def parse_dateline(text: str, timezone: str) -> datetime | None:
    """Return the date of the dateline in brackets before an article's *text*, None if it has none.

    >>> parse_dateline("【某报2021年11月09日讯】去年……", "Asia/Shanghai")
    datetime.datetime(2021, 11, 8, 16, 0, tzinfo=datetime.timezone.utc)
    >>> parse_dateline("2019年7月20日，……", "UTC") is None
    True
    """
    for match in _DATELINE.finditer(text[:_DATELINE_CHARACTERS]):
        numeric = _NUMERIC.search(match[0])
        if numeric and _DATELINE_MARK.search(match[0]):
            return parse_date(numeric[0], timezone)
    return None


def date_in_address(url: Url, site: Site) -> datetime | None:
    """Return the start of the day that an article's URL states, in UTC, None if it states none.

    The day starts at midnight in the site's time zone. The groups `yyyy` or `yy`, `m` and `d` of
    the site's article_url find it; without these groups, common forms of dates are tried. A URL
    outside the site's hosts states none.

    >>> site = Site("example.org", "Example", ("example.org",))
    >>> date_in_address(Url("https://example.org/2009/12/17/a.htm"), site)
    datetime.datetime(2009, 12, 17, 0, 0, tzinfo=datetime.timezone.utc)
    """
    parts = urlsplit(url)
    if (parts.hostname or "") not in site.hosts:
        return None
    path = unquote(parts.path)
    match = site.article_url.search(path) if site.article_url else None
    groups = match.groupdict() if match else {}
    if {"m", "d"} <= groups.keys() and (groups.get("yyyy") or groups.get("yy")):
        return _day(
            groups.get("yyyy") or groups["yy"] or "",
            groups["m"] or "",
            groups["d"] or "",
            site.timezone,
        )
    if month := _MONTH_IN_PATH.search(path):
        return _day(month[1], str(_MONTHS.index(month[2].lower()) + 1), month[3], site.timezone)
    values = (value for name, value in parse_qsl(parts.query) if _DAY_PARAMETER.search(name))
    found = (_DAY_IN_PATH.search(text) for text in (path, *values))
    days = (_day(day[1], day[3] or day[5], day[4] or day[6], site.timezone) for day in found if day)
    return next((day for day in days if day), None)


def _day(year: str, month: str, day: str, timezone: str) -> datetime | None:
    try:
        number = int(year)
        if number < _CENTURY:
            number += 2000 if number < _PIVOT else 1900
        return datetime(number, int(month), int(day), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
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
    """Parse a date in words; import the library here, as it is large and rarely needed."""
    if not re.search(r"\d", text):
        return None
    import dateparser  # noqa: PLC0415

    return dateparser.parse(text, settings=_WRITTEN)
