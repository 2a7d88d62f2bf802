"""Find the dates and excerpts beside a listing's links, and the link to its next page. Pure."""

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

# How many items are examined, and the share of them that an expression must match.
_LOOKED_AT, _MIN_SHARE = 30, 0.5
# How many siblings after an item may belong to it, where items have no element of their own (`dt`,
# `h3`).
_MAX_BESIDE = 3
# How many elements inside an item are examined.
_MAX_INSIDE = 100
# The longest text of a date, and the shortest excerpt: at least a sentence.
_MAX_DATE_CHARACTERS, _MIN_EXCERPT_CHARACTERS = 40, 25
# Only complete dates count, with a year and a day. Without this test, parsing a text that contains
# no date takes a second.
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
    """Return *rules* with those for date, excerpt and next page that match the page at *url*."""
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
    """Return the expression that matches in most items, as a tuple of one.

    The tuple is empty if the expression matches in less than half of the items. Of equal
    expressions the first one wins. *is_one* decides whether a text is a match.
    """
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
    """Yield expressions for the other elements with a sentence, longest text first.

    Elements that contain the headline or the date, or are inside them, are left out.
    """
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
    """Yield an item's descendants, and siblings that belong to it, each with its expressions."""
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
