"""Parameters of a feed's address: any query to a frozen value or a clear error."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from feedproxy.errors import OptionError
from feedproxy.feed_options.patterns import compile_all
from feedproxy.feed_options.script import SCRIPTS

# What an expression may look at, and what it does there; each pair is a parameter.
PARTS = ("", "_title", "_description", "_author", "_category")
FILTERS = tuple(f"{kind}{part}" for kind in ("filter", "filterout") for part in PARTS)
FORMS = {"atom": "atom", "json": "json", "rss": "xml"}
# RSSHub takes a brief of 100 characters and more.
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
    """What a reader wants of a feed; equal wishes are equal values, however they were spelt, 0 and "" are no wish.

    *expressions* are pairs of one of FILTERS and an expression, *within_s* counts back from the newest article, *brief* is
    in characters, *script* one of SCRIPTS, *form* one of `paths.FORMATS`.
    """

    limit: int = 0
    brief: int = 0
    script: str = ""
    within_s: int = 0
    expressions: tuple[tuple[str, str], ...] = ()
    is_sensitive: bool = True
    form: str = ""

    @property
    def is_filter(self) -> bool:
        """Whether it leaves articles out that a feed would show."""
        return bool(self.expressions or self.within_s)

    @property
    def query(self) -> str:
        """Its normal form: sorted, without what feeds do anyway, and without the form, which a feed's path says.

        >>> FeedOptions(limit=5, expressions=(("filter", "台湾"),), form="json").query
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
    """Return what *given* parameters of a feed of so many *entries* say; other parameters, and empty ones, say nothing.

    Raises:
        ChoiceError: one of them is wrong; names it, and what it takes.

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
        form=FORMS.get(_word(values, "format", FORMS), ""),
    )


def _number(values: Mapping[str, str], name: str, least: int, most: int) -> int:
    """Return a number, 0 where none is given."""
    if name not in values:
        return 0
    number = int(values[name]) if _NUMBER.fullmatch(values[name]) else 0
    if not least <= number <= most:
        raise OptionError(name, f"takes a whole number from {least} to {most}")
    return number


def _word(values: Mapping[str, str], name: str, known: Collection[str]) -> str:
    """Return one of the *known* words, "" where none is given."""
    if name in values and values[name] not in known:
        raise OptionError(name, f"takes {' or '.join(known)}")
    return values.get(name, "")
