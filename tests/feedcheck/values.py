"""Check single values: addresses, dates, languages, MIME types, numbers, plain text.

Pure. A `Check` takes a value and returns its faults; no check looks at the clock.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from html.entities import html5

Check = Callable[[str], Iterable[str]]

YEARS = range(
    1990, 2101
)  # the W3C validator's lower bound; the upper one stands in for "not in the far future"
_SHOWN_CHARS = 80

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# RFC 822 section 5.1; of the military zones only Z is safe (RFC 1123 section 5.2.14)
_ZONES = {"UT": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
          "PDT": -7}  # fmt: skip
_RFC822 = re.compile(
    rf"(?:({'|'.join(_DAYS)}), )?([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}})"
    rf"(?::([0-9]{{2}}))? ({'|'.join(_ZONES)}|[+-](?:0[0-9]|1[0-4])[03]0)"
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)

_URI = r"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_IRI = r"(?:[^\x00-\x20<>\"{}|\\^`%#\[\]\x7f-\xa0]|%[0-9A-Fa-f]{2})*"
_HOST = r"(?:[^\s/?#@:%<>\"{}|\\^`\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
_HTTP_URL = rf"https?://(?=[!-~]+$){_HOST}(?:[/?]{_URI})?(?:#{_URI})?"
# RFC 3987, and the forms of the schemes that are met in feeds: RFC 4151 (tag), RFC 8141 and 9562 (urn)
_FORMS = {
    "http": re.compile(rf"https?://{_HOST}(?:[/?]{_IRI})?(?:#{_IRI})?"),
    "tag": re.compile(
        rf"tag:(?:[\w.-]+@)?[A-Za-z0-9.-]+,[0-9]{{4}}(?:-[0-9]{{2}}){{0,2}}:{_IRI}(?:#{_IRI})?"
    ),
    "urn": re.compile(
        rf"urn:(?!uuid:)[A-Za-z0-9][A-Za-z0-9-]{{1,31}}:{_IRI}|urn:uuid:[0-9a-fA-F-]{{36}}"
    ),
}
_FORMS["https"] = _FORMS["http"]
_ANY_IRI = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*):(?=.){_IRI}(?:#{_IRI})?")

# RFC 5646 section 2.1 without its grandfathered tags and with ISO 639's two or three letters only
_LANGUAGE = (
    r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[0-9A-WYZa-wyz](?:-[A-Za-z0-9]{2,8})+)*"
    r"(?:-x(?:-[A-Za-z0-9]{1,8})+)?"
)
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ENTITY = re.compile(r"&(#[xX]?[0-9A-Fa-f]+;|[A-Za-z][A-Za-z0-9]*;)")


def words(text: str) -> frozenset[str]:
    """Return the words of *text*: the short way to write a table of names."""
    return frozenset(text.split())


def show(value: object) -> str:
    """Return *value* as it should stand in a problem: quoted, one line, not endless."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."


def matching(pattern: str, fault: str) -> Check:
    """Return a check that a whole value matches *pattern*."""
    compiled = re.compile(pattern)
    return lambda value: () if compiled.fullmatch(value) else (f"{fault}: {show(value)}",)


def one_of(*allowed: str) -> Check:
    """Return a check that a value is one of *allowed*."""
    return lambda value: (
        () if value in allowed else (f"not one of {', '.join(allowed)}: {show(value)}",)
    )


def parse_rfc822(value: str) -> datetime:
    """Return the moment that an RFC 822 date with a four-digit year means; ValueError says what is wrong."""
    match = _RFC822.fullmatch(value)
    if match is None:
        raise ValueError("not an RFC 822 date with a four-digit year and a legal zone")
    weekday, day, month, year, hour, minute, second, zone = match.groups()
    hours = _ZONES.get(zone)
    offset = timedelta(hours=hours or 0)
    if hours is None:
        offset = int(zone[0] + "1") * timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    numbers = (
        int(year),
        _MONTHS.index(month) + 1,
        int(day),
        int(hour),
        int(minute),
        int(second or 0),
    )
    moment = datetime(*numbers, tzinfo=timezone(offset))
    if weekday and weekday != _DAYS[moment.weekday()]:
        raise ValueError(f"that weekday should be {_DAYS[moment.weekday()]}")
    return _plausible(moment)


def parse_rfc3339(value: str) -> datetime:
    """Return the moment that an RFC 3339 date-time means; ValueError says what is wrong."""
    if _RFC3339.fullmatch(value) is None:
        raise ValueError("not an RFC 3339 date-time with a zone")
    return _plausible(datetime.fromisoformat(value))


def moment_of(value: str, parse: Callable[[str], datetime]) -> datetime | None:
    """Return the moment of *value*, None where it has none (its own check says so)."""
    try:
        return parse(value)
    except ValueError:
        return None


def _plausible(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(f"a year out of {YEARS.start} to {YEARS.stop - 1}")
    return moment.astimezone(UTC)


def _dated(parse: Callable[[str], datetime]) -> Check:
    def check(value: str) -> Iterable[str]:
        try:
            parse(value)
        except ValueError as e:
            return (f"bad date: {e}: {show(value)}",)
        return ()

    return check


def iri(value: str) -> Iterable[str]:
    """Check for an absolute IRI (RFC 3987), in its scheme's own form where that is known."""
    match = _ANY_IRI.fullmatch(value)
    form = _FORMS.get(match[1].lower()) if match else None
    if match is None or (form and not form.fullmatch(value)):
        return (f"not an absolute IRI: {show(value)}",)
    return ()


def no_tags(value: str) -> Iterable[str]:
    """Check that plain text does not hold HTML."""
    return (
        (f"plain text holds HTML: {show(value)}",)
        if re.search(r"</[A-Za-z][A-Za-z0-9]*>", value)
        else ()
    )


def no_references(value: str) -> Iterable[str]:
    """Check that plain text holds no HTML entities (text escaped twice)."""
    names = [name for name in _ENTITY.findall(value) if name.startswith("#") or name in html5]
    return (f"plain text holds the HTML entity &{names[0]}: {show(value)}",) if names else ()


filled = matching(r"(?s).*\S.*", "blank")
http_url = matching(_HTTP_URL, "not an absolute http(s) URL")
language = matching(_LANGUAGE, "not a language tag (RFC 5646)")
mime_type = matching(
    rf"{_TOKEN}/{_TOKEN}(?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|\"[^\"]*\"))*", "not a MIME type"
)
positive = matching(r"0*[1-9][0-9]*", "not a positive integer")
natural = matching(r"[0-9]+", "not a non-negative integer")
number = matching(r"[0-9]+(?:\.[0-9]+)?", "not a number")
email = matching(r"[^\s@<>()]+@[^\s@<>()]+", "not an email address")
email_with_name = matching(
    r"[^\s@<>()]+@[A-Za-z0-9.-]+ \(.*\S.*\)", "not an email address with a name"
)
boolean = one_of("true", "false")
rfc822 = _dated(parse_rfc822)
rfc3339 = _dated(parse_rfc3339)
