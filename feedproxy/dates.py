"""Parse dates as news sites write them into aware UTC `datetime`s. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as offset_zone
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from feedproxy.model import Site, Url

# Year, month and day in that order, in digits, as in "2021-11-09 14:05 中港台时间" and
# "2021年11月9日". Chinese sites use no other order, and an English "9/11/2021" does not match.
_NUMERIC = re.compile(
    r"(?<!\d)((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)\s*日?"
    r"(?:[\sT,]*(上午|下午|中午|晚上|晚间|凌晨|早上)?\s*(\d{1,2})\s*[:：时點点]\s*(\d{1,2})"
    r"(?:\s*[:：分]\s*(\d{1,2}))?\s*[分秒]?"
    r"\s*(am|pm)?)?",
    re.IGNORECASE,
)
# A time of day with its zone: an offset, which may begin with GMT and be followed by a name, or a
# name: "08:00 GMT+8", "08:00:00 +0800 CST", "08:00+08:00[Asia/Shanghai]", "8:00 PM EST".
_ZONED = re.compile(
    r"(?P<time>\d{1,2}[:：]\d\d(?:[:：]\d\d)?)(?:[.,]\d+)?(?P<half>\s*[ap]\.?m\b\.?)?\s*"
    r"(?:(?:GMT|UTC|UT|Z)?\s*(?P<sign>[+-])(?P<hours>\d\d?)(?::?(?P<minutes>\d\d))?(?![\d:])"
    r"(?:\s*(?:\([^)]{0,40}\)|[A-Z]{2,5}\b))?"
    r"|(?P<name>[A-Z]{1,4}\b))(?:\[[^\]]{0,40}\])?",
    re.IGNORECASE,
)
# Hours east of UTC: the zones of RFC 822 (5.1), and others that feeds contain.
_ZONES: Mapping[str, float] = {
    "z": 0,
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "wet": 0,
    "bst": 1,
    "west": 1,
    "cet": 1,
    "cest": 2,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
    "eet": 2,
    "eest": 3,
    "msk": 3,
    "ist": 5.5,
    "hkt": 8,
    "sgt": 8,
    "jst": 9,
    "kst": 9,
    "aest": 10,
    "aedt": 11,
    "nzst": 12,
    "nzdt": 13,
}
# CST is China's time, too; which one it is follows from the zone of the site.
_CHINESE_HOURS = 8
_MAX_OFFSET_HOURS = 15
# RFC 822, section 5, with the years of four digits of RFC 1123, and months in full.
_RFC822 = re.compile(
    r"(?:[a-z]{3,9}\.?,?\s+)?\d{1,2}[ -]+[a-z]{3,9}\.?[ -]+\d{2}(?:\d{2})?,?"
    r"\s+\d\d?:\d\d(?::\d\d)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d\s*(?:[:：]\s*\d\d|[时時点點]|h\d\d)|\dT\d\d|\d\s*[ap]\.?m\b", re.IGNORECASE)
_MIDNIGHT = re.compile(r"(?<![\d:：])24([:：]00(?:[:：]00)?)(?![\d:：])")
_LEAP_SECOND = re.compile(r"([:：]\d\d[:：])60(?!\d)")
_COMPACT = re.compile(r"(19|20)\d{6}")
# Seconds or milliseconds since 1970, from 2001 on.
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?")
_EPOCH_DIGITS = 10
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
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d")
_MAX_LENGTH = 200
# Texts of a document without a date, of 0.1 s each at most, until words are no more tried.
_MAX_FAILURES = 20
# Complete dates only, and a fixed base, so that the result does not depend on the current day;
# relative dates such as "yesterday" are not parsed.
_WRITTEN = {
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month", "year"],
    "RELATIVE_BASE": datetime(2000, 1, 1),  # noqa: DTZ001 (the zone is that of the parsed date)
}


# The time zones of most sites in a language, for dates that name none.
_ZONES_OF_LANGUAGES: Mapping[str, str] = {
    "zh": "Asia/Shanghai",
    "zh-tw": "Asia/Taipei",
    "zh-hk": "Asia/Hong_Kong",
    "zh-mo": "Asia/Macau",
    "zh-sg": "Asia/Singapore",
    "ja": "Asia/Tokyo",
    "ko": "Asia/Seoul",
    "vi": "Asia/Ho_Chi_Minh",
    "th": "Asia/Bangkok",
    "id": "Asia/Jakarta",
    "hi": "Asia/Kolkata",
    "de": "Europe/Berlin",
    "fr": "Europe/Paris",
    "it": "Europe/Rome",
    "es": "Europe/Madrid",
    "nl": "Europe/Amsterdam",
    "pl": "Europe/Warsaw",
    "cs": "Europe/Prague",
    "sv": "Europe/Stockholm",
    "uk": "Europe/Kyiv",
    "ru": "Europe/Moscow",
    "tr": "Europe/Istanbul",
    "el": "Europe/Athens",
    "fa": "Asia/Tehran",
    "he": "Asia/Jerusalem",
    "en-gb": "Europe/London",
    "pt-br": "America/Sao_Paulo",
    "pt": "Europe/Lisbon",
}


class StatedDate(NamedTuple):
    """A date as stated: in UTC, and whether a time of day is stated with it."""

    moment: datetime
    has_time: bool


class DateReader:
    """Reads the dates of one document, in *timezone* where they name none.

    Words in any language take long to try, so they are tried no more after some texts without a
    date.
    """

    def __init__(self, timezone: str) -> None:
        self._timezone, self._failures = timezone, 0

    def read(self, text: str) -> StatedDate | None:
        """Return the date that *text* states, None if it states none."""
        found = read_date(text, self._timezone, in_words=self._failures < _MAX_FAILURES)
        self._failures += found is None and bool(text)
        return found


def read_date(text: str, timezone: str, *, in_words: bool = True) -> StatedDate | None:
    """Return the date that *text* states, None if it states none.

    *timezone* names the time zone to assume if *text* has none. Months may be *in_words*.

    >>> read_date("2021-11-09 14:05 中港台时间", "Asia/Shanghai")
    StatedDate(moment=datetime.datetime(2021, 11, 9, 6, 5, tzinfo=...), has_time=True)
    >>> read_date("30 Nov 26", "UTC").has_time
    False
    >>> for text in ("Mon, 30 Nov 2026 24:00:00 GMT+8", "2026年11月30日 08:00", "1795939200"):
    ...     print(read_date(text, "Asia/Shanghai").moment)
    2026-11-30 16:00:00+00:00
    2026-11-30 00:00:00+00:00
    2026-11-29 08:00:00+00:00
    """
    text = _LEAP_SECOND.sub(r"\g<1>59", text.strip()[:_MAX_LENGTH])
    if _EPOCH.fullmatch(text):
        seconds = int(text[:_EPOCH_DIGITS])
        return StatedDate(datetime.fromtimestamp(seconds, UTC), has_time=True)
    has_time = _TIME.search(text) is not None
    day = timedelta(days=1) if _MIDNIGHT.search(text) else timedelta()
    try:
        local, zone = _without_zone(_MIDNIGHT.sub(r"00\1", text), ZoneInfo(timezone))
        moment = _iso(local) or _compact(local) or _numeric(local) or _rfc822(local)
        moment = moment or (_written(local) if in_words else None)
        if moment is None:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return StatedDate((aware + day).astimezone(UTC), has_time)
    except (ValueError, OverflowError):
        return None


def parse_date(text: str, timezone: str) -> datetime | None:
    """Return the time that *text* states, in UTC, None if it states none; see `read_date`.

    >>> parse_date("2021-11-09T14:05:00-05:00", "Asia/Shanghai").hour
    19
    """
    found = read_date(text, timezone)
    return found.moment if found else None


def zone_of(language: str) -> str:
    """Return the time zone of most sites in a language (RFC 5646), UTC for worldwide ones.

    >>> zone_of("zh-CN"), zone_of("zh-Hant-TW"), zone_of("en-US"), zone_of("")
    ('Asia/Shanghai', 'Asia/Taipei', 'UTC', 'UTC')
    """
    parts = language.lower().replace("_", "-").split("-")
    region = f"{parts[0]}-{parts[-1]}"
    return _ZONES_OF_LANGUAGES.get(region) or _ZONES_OF_LANGUAGES.get(parts[0], "UTC")


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


def _without_zone(text: str, default: tzinfo) -> tuple[str, tzinfo]:
    """Return *text* without the time zone of its time, and that zone; *default* without one."""
    match = _ZONED.search(text)
    if match is None:
        return text, default
    if match["sign"]:
        hours = int(match["hours"]) + int(match["minutes"] or 0) / 60
        hours *= -1 if match["sign"] == "-" else 1
    elif (name := match["name"].lower()) in _ZONES:
        hours = _ZONES[name]
        if name == "cst" and default.utcoffset(datetime(2000, 1, 1)) == timedelta(  # noqa: DTZ001 (its zone is *default*)
            hours=_CHINESE_HOURS
        ):
            hours = _CHINESE_HOURS
    else:
        return text, default
    if abs(hours) > _MAX_OFFSET_HOURS:
        return text, default
    local = text[: match.start()] + match["time"] + (match["half"] or "") + text[match.end() :]
    return local, offset_zone(timedelta(hours=hours))


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _ISO.match(text) else None
    except ValueError:
        return None


def _compact(text: str) -> datetime | None:
    return datetime.strptime(text, "%Y%m%d") if _COMPACT.fullmatch(text) else None  # noqa: DTZ007 (its zone follows)


def _numeric(text: str) -> datetime | None:
    match = _NUMERIC.search(text)
    if match is None:
        return None
    year, month, day, before, hour, minute, second, after = match.groups()
    half = (before or after or "").lower()
    hours = int(hour or 0)
    if half in _AFTERNOON and hours < _NOON:
        hours += _NOON
    elif half in ("am", "上午", "凌晨") and hours == _NOON:
        hours = 0
    return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0))  # noqa: DTZ001 (its zone follows)


def _rfc822(text: str) -> datetime | None:
    """Parse the most common dates of feeds without the large library, in UTC time or local time."""
    if _RFC822.fullmatch(text) is None:
        return None
    try:
        return parsedate_to_datetime(text).replace(tzinfo=None)
    except (ValueError, TypeError):  # months in other languages
        return None


def _written(text: str) -> datetime | None:
    """Parse a date in words; import the library here, as it is large and rarely needed."""
    if not re.search(r"\d", text):
        return None
    import dateparser  # noqa: PLC0415

    return dateparser.parse(text, settings=_WRITTEN)
