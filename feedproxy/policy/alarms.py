"""When to worry: how a channel's pages have fitted its site's rules lately. Pure."""

from collections.abc import Iterable

FITS, FITS_NOT = ".", "x"
_REMEMBERED = 20
# A few bad pages are a site's daily bread: the worst real channel has three in its last two dozen, never three in six.
_LATEST, _MIN_FAILURES = 6, 3
# As many good ones in a row end it, and what was before is forgiven: a next alarm needs as many bad ones again.
_MIN_GOOD = 3
FORGIVEN = FITS * _MIN_GOOD
# One bad listing may be an error page; it is asked for again and again.
MIN_LISTING_FAILURES = 3


def remember_outcomes(outcomes: str, new: Iterable[str]) -> str:
    """Return the latest outcomes, oldest first."""
    return (outcomes + "".join(new))[-_REMEMBERED:]


def decide_alarm(outcomes: str, *, is_on: bool) -> bool:
    """Tell whether a channel's alarm is to be on: when at least half of its latest pages do not fit; until three do in a row.

    >>> decide_alarm("........x.x.", is_on=False), decide_alarm("......xx.x", is_on=False), decide_alarm("xxxx..", is_on=True)
    (False, True, True)
    """
    latest = outcomes[-_LATEST:]
    if is_on:
        return FITS_NOT in outcomes[-_MIN_GOOD:] or len(outcomes) < _MIN_GOOD
    return latest.count(FITS_NOT) >= max(_MIN_FAILURES, len(latest) / 2)
