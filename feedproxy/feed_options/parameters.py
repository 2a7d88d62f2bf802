"""Parse the query parameters of a feed's address into a frozen value."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from feedproxy.errors import OptionError
from feedproxy.feed_options.patterns import compile_all
from feedproxy.feed_options.script import SCRIPTS

# The fields that an expression can match, and the kinds of filter; each combination is a parameter.
PARTS = ("", "_title", "_description", "_author", "_category")
FILTERS = tuple(f"{kind}{part}" for kind in ("filter", "filterout") for part in PARTS)
FEED_FORMATS = {"atom": "atom", "json": "json", "rss": "xml"}
# RSSHub accepts a brief of 100 characters or more.
_MAX_LIMIT, _LEAST_BRIEF, _MAX_BRIEF = 200, 100, 1000
_TEN_YEARS_S = 10 * 366 * 86_400
_MODES, _SWITCH = ("fulltext",), ("true", "false")
_NUMBER = re.compile(r"[0-9]{1,10}")
PARAMETERS = (
    *FILTERS,
    "brief",
    "filter_case_sensitive",
    "filter_time",
    "format",
    "limit",
    "mode",
    "opencc",
)


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """A reader's options for a feed; 0 and "" mean the default.

    Equal options are equal values, however they were written. *brief* is the length of an excerpt
    in characters, *script* one of SCRIPTS. *within_s* is a time span in seconds before the newest
    article. *expressions* are pairs of a name in FILTERS and a regular expression. *feed_format* is
    one of `paths.FORMATS`.
    """

    limit: int = 0
    brief: int = 0
    script: str = ""
    within_s: int = 0
    expressions: tuple[tuple[str, str], ...] = ()
    is_sensitive: bool = True
    feed_format: str = ""

    @property
    def is_filter(self) -> bool:
        """Whether the options can exclude articles from a feed."""
        return bool(self.expressions or self.within_s)

    @property
    def query(self) -> str:
        """The options as a normalized query.

        It is sorted, and leaves out defaults and the format, which is part of a feed's path.

        >>> FeedOptions(limit=5, expressions=(("filter", "台湾"),), feed_format="json").query
        'filter=%E5%8F%B0%E6%B9%BE&limit=5'
        """
        numbers = {"brief": self.brief, "filter_time": self.within_s, "limit": self.limit}
        values = dict(self.expressions) | {
            name: str(number) for name, number in numbers.items() if number
        }
        values |= {"opencc": self.script} if self.script else {}
        values |= {} if self.is_sensitive else {"filter_case_sensitive": "false"}
        return urlencode(sorted(values.items()), quote_via=quote, safe="")


def parse_options(given: Mapping[str, str], entries: int) -> FeedOptions:
    """Return the options in the parameters *given*; others and empty ones are ignored.

    *entries* is the default number of entries of a feed.

    Raises:
        OptionError: a parameter is invalid; the message names it and the valid values.

    """
    values = {name: given[name] for name in PARAMETERS if given.get(name)}
    expressions = tuple((name, values[name]) for name in FILTERS if name in values)
    is_sensitive = _word(values, "filter_case_sensitive", _SWITCH) != "false" or not expressions
    compile_all(expressions, is_sensitive=is_sensitive)
    limit = _number(values, "limit", 1, _MAX_LIMIT)
    _word(values, "mode", _MODES)
    return FeedOptions(
        limit=0 if limit == entries else limit,
        brief=_number(values, "brief", _LEAST_BRIEF, _MAX_BRIEF),
        script=_word(values, "opencc", SCRIPTS),
        within_s=_number(values, "filter_time", 1, _TEN_YEARS_S),
        expressions=expressions,
        is_sensitive=is_sensitive,
        feed_format=FEED_FORMATS.get(_word(values, "format", FEED_FORMATS), ""),
    )


def _number(values: Mapping[str, str], name: str, minimum: int, maximum: int) -> int:
    """Return a parameter's number, 0 if it is not given."""
    if name not in values:
        return 0
    number = int(values[name]) if _NUMBER.fullmatch(values[name]) else 0
    if not minimum <= number <= maximum:
        raise OptionError(name, f"takes a whole number from {minimum} to {maximum}")
    return number


def _word(values: Mapping[str, str], name: str, known: Collection[str]) -> str:
    """Return a parameter's value, one of *known*, or "" if it is not given."""
    if name in values and values[name] not in known:
        raise OptionError(name, f"takes {' or '.join(known)}")
    return values.get(name, "")
