"""What is new, what is due, when to come back, what to believe, when to worry: decide apart from doing. Pure."""

from feedproxy.plan.alarms import FITS, FITS_NOT, FORGIVEN, MIN_LISTING_FAILURES, decide_alarm, remember_outcomes
from feedproxy.plan.belief import Outcome, credible, doubt, entry_id, is_better_copy, settle
from feedproxy.plan.quality import Flaw, find_flaw
from feedproxy.plan.schedule import (
    MANY_TRIES,
    after_poll,
    due_articles,
    due_channels,
    effective_url,
    first_polls,
    horizon,
    in_turns,
    is_fallback_due,
    is_waited_for,
    is_young,
    next_check,
    next_picture_try,
    next_try,
    remember_redirect,
)

__all__ = [
    "FITS",
    "FITS_NOT",
    "FORGIVEN",
    "MANY_TRIES",
    "MIN_LISTING_FAILURES",
    "Flaw",
    "Outcome",
    "after_poll",
    "credible",
    "decide_alarm",
    "doubt",
    "due_articles",
    "due_channels",
    "effective_url",
    "entry_id",
    "find_flaw",
    "first_polls",
    "horizon",
    "in_turns",
    "is_better_copy",
    "is_fallback_due",
    "is_waited_for",
    "is_young",
    "next_check",
    "next_picture_try",
    "next_try",
    "remember_outcomes",
    "remember_redirect",
    "settle",
]
