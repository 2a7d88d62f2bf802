"""What stands beside the links of a listing: dates, excerpts, and the link to the next page. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from feedproxy import markup, urls
from feedproxy.dates import parse_date
from feedproxy.discover.expressions import beside_expression, inner_expressions, tag_of
from feedproxy.markup import Element
from feedproxy.model import ListingRules, Url

# Items that are looked at, and what must hold for that share of them.
_LOOKED_AT, _MIN_SHARE = 30, 0.5
# How many elements behind an item may still be its own, where items are no elements of their own (`dt`, `h3`).
_MAX_BESIDE = 3
# Elements of an item that are looked at.
_MAX_INSIDE = 100
# A date stands nearly alone; an excerpt is a sentence at least.
_MAX_DATE_CHARACTERS, _MIN_EXCERPT_CHARACTERS = 40, 25
# Only whole dates count: a year, and a day. To look for one in words takes a second where there is none.
_YEAR_AND_DAY = re.compile(r"(?=.*(?:19|20)\d\d)(?=.*(?<!\d)\d{1,2}(?!\d))")
_TIMES = (
    ".//time/@datetime",
    ".//*[@itemprop='datePublished']/@content",
    ".//abbr/@title",
    "text()",
)
_NEXT = (
    "//a[@rel='next']/@href",
    "//link[@rel='next']/@href",
    "//a[contains(concat(' ', normalize-space(@class), ' '), ' next ')]/@href",
    *(
        f"//a[normalize-space()='{words}']/@href"
        for words in (
            "下一页",
            "下一頁",
            "下页",
            "Next",
            "Next page",
            "Next »",
            "Older posts",
            "Older",
            "Older entries",
            "›",
            "»",
        )
    ),
)


def complete(root: Element, rules: ListingRules, url: Url) -> ListingRules:
    """Return *rules* with those for date, excerpt and next page that fit the page, too."""
    items = markup.select_elements(root, rules.item)[:_LOOKED_AT]
    link = rules.title[0]
    date = _most_telling(items, _date_expressions, _is_date)
    excerpt = _most_telling(items, lambda item: _text_expressions(item, link, date), _is_excerpt)
    following = tuple(each for each in _NEXT if _leads_on(root, each, url))
    return replace(rules, date=date, excerpt=excerpt, next_page=following[:1])


def _most_telling(
    items: list[Element],
    expressions: Callable[[Element], Iterator[str]],
    is_one: Callable[[str], bool],
) -> tuple[str, ...]:
    """Return the expression that finds what is looked for in most items, if it does in half of them; of equals the first."""
    proposed: Counter[str] = Counter()
    for item in items:
        proposed.update(dict.fromkeys(expressions(item), 1))
    hits = {
        expression: sum(is_one(markup.select_text(item, (expression,))) for item in items)
        for expression in list(proposed)[:200]
    }
    best = max(hits, key=lambda expression: hits[expression], default="")
    return (best,) if best and hits[best] >= _MIN_SHARE * len(items) else ()


def _date_expressions(item: Element) -> Iterator[str]:
    yield from (each for each in _TIMES if _is_date(markup.select_text(item, (each,))))
    for element, expressions in _elements(item):
        if _is_date(markup.text_of(element)):
            yield from expressions


def _text_expressions(item: Element, link: str, date: tuple[str, ...]) -> Iterator[str]:
    """Yield expressions for the elements with a sentence that hold neither the headline nor the date, the longest first."""
    others = {each for expression in (link, *date) for each in markup.elements_at(item, expression)}
    found: list[tuple[int, list[str]]] = []
    for element, expressions in _elements(item):
        is_free = others.isdisjoint(element.iter()) and (
            link == "." or others.isdisjoint(element.iterancestors())
        )
        if is_free and _is_excerpt(text := markup.text_of(element)):
            found.append((-len(text), expressions))
    for _, expressions in sorted(found, key=lambda each: each[0]):
        yield from expressions


def _elements(item: Element) -> Iterator[tuple[Element, list[str]]]:
    """Yield the elements in an item and those behind it that are its own, each with expressions for it."""
    for element in islice(item.iterdescendants(), _MAX_INSIDE):
        if tag_of(element):
            yield element, list(inner_expressions(item, element))
    for distance, element in enumerate(item.itersiblings(), start=1):
        if distance > _MAX_BESIDE or element.tag == item.tag:
            break
        if tag_of(element):
            yield element, [beside_expression(distance, element)]


@lru_cache(maxsize=1_000)
def _is_date(text: str) -> bool:
    return (
        len(text) <= _MAX_DATE_CHARACTERS
        and bool(_YEAR_AND_DAY.match(text))
        and parse_date(text, "UTC") is not None
    )


def _is_excerpt(text: str) -> bool:
    return len(text) >= _MIN_EXCERPT_CHARACTERS


def _leads_on(root: Element, expression: str, url: Url) -> bool:
    target = (
        urls.resolve(url, found) if (found := markup.select_text(root, (expression,))) else None
    )
    return target is not None and target != url and urls.host_of(target) == urls.host_of(url)
