"""Find a page's listing: links that repeat at the same path of tags, and what is beside them. Pure.

No site's layout is known in advance. Each group of similar links yields candidate rules, which are
applied to the page. The rules that find the most and longest headlines win.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from feedproxy import markup, urls
from feedproxy.discover.beside import complete
from feedproxy.discover.expressions import (
    inner_expressions,
    item_expressions,
    lasting_classes,
    tag_of,
)
from feedproxy.markup import Element
from feedproxy.model import ListingRules, Url

MIN_ITEMS = 3
# How many links are examined, and how many items are scored. A page has some hundreds of links; a
# hostile one has thousands.
_MAX_LINKS, _MAX_SCORED = 500, 100
# How many groups of links are tried, and how many parent elements in each. A page has some dozens
# of groups, and the listing is among the largest.
_MAX_GROUPS, _MAX_PLACES = 20, 3
# The weight of a headline, in letters. It has 4 to 20 Chinese characters, each of which counts as
# two letters; a longer text does not score higher.
_MIN_WEIGHT, _MAX_WEIGHT = 8, 40
# The share of a group's titles that must be distinct: "Read more" and category names repeat.
_MIN_DISTINCT = 0.8
# The share of a group's items that an expression must match.
_MIN_FIT = 0.8
_HEADINGS = ".//h1 | .//h2 | .//h3 | .//h4 | .//h5"
_TITLED = ".//*[contains(@class, 'title') or contains(@class, 'head')]"
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Elements outside the page's main content, by tag and by words in their IDs and classes.
_ASIDE_TAGS = ("nav", "aside", "footer")
_ASIDE_NAMES = re.compile(
    r"(?:^|[-_\s])(?:side\w*|nav\w*|menu\w*|foot\w*|widget\w*|related|popular|hot|rank\w*|recommend\w*|comments?|share|tags?|crumbs?"
    r"|breadcrumbs?)(?:$|[-_\s])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Link:
    element: Element
    url: Url


def find_listing(root: Element, url: Url) -> ListingRules | None:
    """Return rules for the listing on the page at *url*, None if nothing looks like headlines."""
    best, best_score = None, 0.0
    for group in _groups(_links(root, url)):
        for rules in _rules(group):
            score = _score(root, rules, url)
            if score > best_score:
                best, best_score = rules, score
    return complete(root, best, url) if best else None


def _links(root: Element, url: Url) -> list[_Link]:
    """Return the links to other pages of the same site, except its front page."""
    host, page_url = _bare_host(url), url.partition("#")[0]
    found: list[_Link] = []
    for element in islice(root.iter("a"), _MAX_LINKS):
        target = urls.resolve(url, element.get("href", "")) if element.get("href") else None
        plain = Url(target.partition("#")[0]) if target else None
        if (
            plain
            and plain != page_url
            and _bare_host(plain) == host
            and urls.bare(plain) != urls.host_of(plain).removeprefix("www.")
        ):
            found.append(_Link(element, plain))
    return found


def _bare_host(url: str) -> str:
    return urls.host_of(url).removeprefix("www.")


def _groups(links: list[_Link]) -> list[list[_Link]]:
    """Return groups of links with equal tags, and with equal class names as well; largest first."""
    found: dict[tuple[str, ...], list[_Link]] = defaultdict(list)
    for link in links:
        around = [link.element, *link.element.iterancestors()]
        tags = "/".join(tag_of(element) for element in around)
        names = [".".join(lasting_classes(element)) for element in around[:3]]
        for depth in range(len(names) + 1):
            found[str(depth), tags, *names[:depth]].append(link)
    unlike = {
        tuple(id(link) for link in group): group
        for group in found.values()
        if len({link.url for link in group}) >= MIN_ITEMS
    }
    return sorted(unlike.values(), key=_bulk, reverse=True)[:_MAX_GROUPS]


def _bulk(group: list[_Link]) -> float:
    return sum(_weight(link.element.text_content()) + 1.0 for link in group)


def _rules(group: list[_Link]) -> Iterator[ListingRules]:
    """Yield rules for the items of a group's links: for all, and for those with one parent."""
    items = _items(group)
    by_parent: dict[Element | None, list[tuple[Element, _Link]]] = defaultdict(list)
    for item, link in items:
        by_parent[item.getparent()].append((item, link))
    sets = [
        items,
        *(
            each
            for each in sorted(by_parent.values(), key=len, reverse=True)[:_MAX_PLACES]
            if len(each) < len(items)
        ),
    ]
    for each in sets:
        if len(each) >= MIN_ITEMS and len({tag_of(item) for item, _ in each}) == 1:
            yield from _rules_for(each)


def _items(group: list[_Link]) -> list[tuple[Element, _Link]]:
    """Return the items of a group, each with its link.

    An item is the largest element around a link that contains no link of the group to another URL.
    """
    stored: dict[Element, set[Url]] = defaultdict(set)
    for link in group:
        for element in (link.element, *link.element.iterancestors()):
            stored[element].add(link.url)
    items: dict[Element, tuple[Element, _Link]] = {}
    for link in group:
        item = link.element
        while (
            (parent := item.getparent()) is not None
            and len(stored[parent]) == 1
            and parent.tag != "body"
        ):
            item = parent
        items.setdefault(item, (item, link))
    return list(items.values())


def _rules_for(items: Sequence[tuple[Element, _Link]]) -> Iterator[ListingRules]:
    first, link = items[0]
    for expression in item_expressions([item for item, _ in items]):
        for inner in inner_expressions(first, link.element):
            address = "@href" if inner == "." else f"{inner}/@href"
            if _fits(items, address):
                for title in _titles(items, inner):
                    yield ListingRules(item=(expression,), link=(address,), title=(title,))
                break


def _titles(items: Sequence[tuple[Element, _Link]], inner: str) -> tuple[str, ...]:
    """Return expressions for headlines.

    In a link around a whole card it is the heading or the titled element inside; otherwise it is
    the link itself, or a heading of the item.
    """
    item, link = items[0]
    is_around = sum(bool(markup.text_of(element)) for element in link.element) > 1
    named = (
        each
        for each in (_HEADINGS, _TITLED)
        if _weight(markup.select_text(item, (each,))) >= _MIN_WEIGHT
    )
    return (next(named, inner),) if is_around else (inner, _HEADINGS)


def _fits(items: Sequence[tuple[Element, _Link]], address: str) -> bool:
    """Return whether an expression finds the link of nearly every item."""
    hits = sum(
        markup.select_text(item, (address,)) == markup.plain(link.element.get("href", ""))
        for item, link in items
    )
    return hits >= _MIN_FIT * len(items)


def _score(root: Element, rules: ListingRules, url: Url) -> float:
    """Return the score of *rules* on the page.

    Longer headlines score more; headlines outside the main content score negatively.
    """
    titles: dict[Url, str] = {}
    score = 0.0
    for item in markup.select_elements(root, rules.item)[:_MAX_SCORED]:
        target = urls.resolve(url, markup.select_text(item, rules.link))
        title = markup.select_text(item, rules.title)
        if target is None or not title or target in titles or _bare_host(target) != _bare_host(url):
            continue
        titles[target] = title
        gain = min(_weight(title), _MAX_WEIGHT) ** 2 / _MAX_WEIGHT
        score += -gain if _is_aside(item) else gain
    if len(titles) < MIN_ITEMS or len(set(titles.values())) < _MIN_DISTINCT * len(titles):
        return 0.0
    is_short = sum(map(_weight, titles.values())) < _MIN_WEIGHT * len(titles)
    return 0.0 if is_short else score


def _weight(text: str) -> int:
    """Return the length of *text* without white space; a CJK character counts as two letters."""
    plain = "".join(text.split())
    return len(plain) + len(_CJK.findall(plain))


def _is_aside(element: Element) -> bool:
    around = (element, *element.iterancestors())
    return any(
        each.tag in _ASIDE_TAGS
        or _ASIDE_NAMES.search(each.get("id", ""))
        or _ASIDE_NAMES.search(each.get("class", ""))
        for each in around
        if each.tag not in ("body", "html")
    )
