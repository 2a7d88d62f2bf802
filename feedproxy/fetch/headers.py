"""Response headers about caching, validators and retries. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from feedproxy.model import Validators

_MAX_AGE = re.compile(r"(?:\A|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:\A|[\s,])no-(?:cache|store)\b", re.IGNORECASE)
# A year is the longest delay that is accepted, so that the resulting time stays a valid date.
_MOST_S = 366 * 86_400.0
_SECONDS = re.compile(r"\d{1,18}")
_MAX_VALIDATOR_CHARACTERS = 500


def validators_in(headers: Mapping[str, str]) -> Validators:
    """Return the validators for the next conditional request (RFC 9110, 8.8).

    A value of more than 500 characters or with a NUL is ignored.
    """
    etag, last_modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    stated = (
        value if len(value) <= _MAX_VALIDATOR_CHARACTERS and "\0" not in value else ""
        for value in (etag, last_modified)
    )
    return Validators(*stated)


def conditions(known: Validators) -> dict[str, str]:
    """Return the headers of a conditional request (RFC 9110, 13.1)."""
    named = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in named.items() if value}


def fresh_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Return for how many seconds a response is fresh, 0 if unknown (RFC 9111, 4.2.1).

    >>> fresh_seconds({"Cache-Control": "public, max-age=600", "Age": "60"}, datetime.now(UTC))
    540.0
    """
    control = headers.get("Cache-Control", "")
    if _NOT_KEPT.search(control):
        return 0
    if match := _MAX_AGE.search(control):
        age = headers.get("Age", "").strip()
        return max(0.0, float(match[1]) - (float(age) if _SECONDS.fullmatch(age) else 0))
    expires = _moment(headers.get("Expires", ""))
    stated = _moment(headers.get("Date", "")) or now
    return max(0.0, (expires - stated) / timedelta(seconds=1)) if expires else 0


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the time in a Retry-After header, None if there is none (RFC 9110, 10.2.3).

    >>> retry_after({"Retry-After": "120"}, datetime(2031, 5, 6, tzinfo=UTC))
    datetime.datetime(2031, 5, 6, 0, 2, tzinfo=datetime.timezone.utc)
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return now + timedelta(seconds=min(float(value), _MOST_S))
    return _moment(value)


def sent_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the time in the Date header, None if there is none (RFC 9110, 6.6.1)."""
    return _moment(headers.get("Date", ""))


def _moment(value: str) -> datetime | None:
    """Return the time of an HTTP date, None if it is not valid (RFC 9110, 5.6.7)."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
