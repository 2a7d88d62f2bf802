"""Decide when to raise an alarm: a channel's latest pages do not match its site's rules. Pure."""

from collections.abc import Iterable

FITS, FITS_NOT = ".", "x"
_REMEMBERED = 20
# A few bad pages are normal: the worst real channel has three among its last two dozen pages, but
# never three among six.
_LATEST, _MIN_FAILURES = 6, 3
# This number of good pages in a row ends an alarm. The earlier outcomes are then forgotten, so that
# the next alarm needs the full number of bad pages again.
_MIN_GOOD = 3
FORGIVEN = FITS * _MIN_GOOD
# Failed polls before a listing raises an alarm: one bad listing may be an error page.
MIN_LISTING_FAILURES = 3


def append_outcomes(outcomes: str, new: Iterable[str]) -> str:
    """Append *new* outcomes, and return the latest ones, oldest first."""
    return (outcomes + "".join(new))[-_REMEMBERED:]


def decide_alarm(outcomes: str, *, is_on: bool) -> bool:
    """Return whether a channel's alarm is to be on.

    It goes on when at least half of the latest six pages, and at least three, do not match the
    rules. It goes off when the last three match.

    >>> (
    ...     decide_alarm("........x.x.", is_on=False),
    ...     decide_alarm("......xx.x", is_on=False),
    ...     decide_alarm("xxxx..", is_on=True),
    ... )
    (False, True, True)
    """
    latest = outcomes[-_LATEST:]
    if is_on:
        return FITS_NOT in outcomes[-_MIN_GOOD:] or len(outcomes) < _MIN_GOOD
    return latest.count(FITS_NOT) >= max(_MIN_FAILURES, len(latest) / 2)
