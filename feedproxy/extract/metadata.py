"""Read a page's metadata: headline, date, authors, tags, lead picture. Pure."""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from feedproxy import markup, urls
from feedproxy.dates import parse_date, parse_dateline
from feedproxy.extract.authors import byline_in, names_in
from feedproxy.markup import Element
from feedproxy.model import ArticleRules, Picture, Site, Url

# Machine-readable metadata, best first (Open Graph protocol; schema.org; HTML, 4.5.14 and 4.2.5).
_TITLES = ("//meta[@property='og:title']/@content", "//h1", "//title")
_DATES = (
    "//meta[@property='article:published_time']/@content",
    "//time[@datetime][1]/@datetime",
    (
        "//meta[@itemprop='datePublished' or @name='pubdate' or @name='publishdate'"
        " or @name='date']/@content"
    ),
)
# Elements whose class or ID suggests a date, and how many of them are examined.
_DATED = (
    "//body//*[contains(@class, 'date') or contains(@class, 'time') or contains(@class, 'publi')"
    " or contains(@id, 'date')]"
)
_MAX_DATED, _MAX_DATED_CHARACTERS = 10, 100
# A byline is at the beginning of a text. The limit also bounds the time of a slow pattern on a
# hostile page.
_BYLINE_CHARACTERS = 2_000
_DATELINE_CHARACTERS = 150
_MAX_AUTHORS = 10
_AUTHORS = ("//meta[@name='author']/@content",)
_PICTURES = ("//meta[@property='og:image']/@content",)
_LD_JSON = "//script[@type='application/ld+json']"
_MAX_LD_CHARACTERS = 200_000
# Real pages have their metadata in the first few scripts and objects.
_MAX_LD_SCRIPTS, _MAX_LD_VALUES = 10, 1_000


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The metadata of a page; "" and None for what was not found.

    *title* is found by the site's rules, *stated_title* is the page's own.
    """

    title: str = ""
    stated_title: str = ""
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    picture: Picture | None = None
    single_url: Url | None = None
    next_url: Url | None = None


def read(root: Element, rules: ArticleRules, site: Site | None, url: Url) -> PageMetadata:
    """Return the page's metadata; the rules' expressions come first.

    It must be called before elements are stripped.
    """
    timezone = site.timezone if site else "UTC"
    linked = list(_linked_data(root))
    return PageMetadata(
        title=markup.select_text(root, rules.title),
        stated_title=markup.select_text(root, _TITLES),
        published=_date(root, rules.date, timezone)
        or _date(root, _DATES, timezone)
        or _linked_date(linked, timezone)
        or _date_in_text(root, timezone),
        authors=_authors(root, rules, linked, (site.title,) if site else ()),
        picture=_picture(root, rules, url),
        single_url=_link(root, rules.single_page_link, url),
        next_url=_link(root, rules.next_page_link, url),
    )


def authors_in(body: Element, pattern: str, site: Site | None) -> tuple[str, ...]:
    """Return the authors that *pattern* finds at a text's beginning, else those of a byline."""
    outlets = (site.title,) if site else ()
    text = re.sub(r"\s+", " ", markup.beginning_of(body, _BYLINE_CHARACTERS)) if pattern else ""
    match = re.search(pattern, text) if pattern else None
    return (names_in(match["author"], outlets) if match else ()) or byline_in(body, outlets)


def dateline(body: Element, site: Site | None) -> datetime | None:
    """Return the date of the dateline in brackets before an article's text, None without one."""
    return parse_dateline(
        markup.beginning_of(body, _DATELINE_CHARACTERS), site.timezone if site else "UTC"
    )


def tags_in(body: Element, site: Site | None, url: Url) -> tuple[str, ...]:
    """Return the tags that a body links to, each once, in the order of the text."""
    if site is None:
        return ()
    links = (urls.resolve(url, link.get("href", "")) for link in body.iter("a"))
    names = (urls.tag_name(site, link) for link in links if link)
    return tuple(dict.fromkeys(name for name in names if name))


def _link(root: Element, expressions: tuple[str, ...], base: Url) -> Url | None:
    """Return a link's target; a rule of ftr-site-config selects its address or its element."""
    for element in markup.select_elements(root, expressions):
        return urls.resolve(base, element.get("href", ""))
    address = markup.select_text(root, expressions)
    return urls.resolve(base, address) if address else None


def _date(root: Element, expressions: tuple[str, ...], timezone: str) -> datetime | None:
    for expression in expressions:
        found = parse_date(markup.select_text(root, (expression,)), timezone)
        if found:
            return found
    return None


def _date_in_text(root: Element, timezone: str) -> datetime | None:
    texts = (markup.text_of(element) for element in markup.elements_at(root, _DATED)[:_MAX_DATED])
    dates = (
        parse_date(text, timezone) for text in texts if text and len(text) <= _MAX_DATED_CHARACTERS
    )
    return next((date for date in dates if date), None)


def _picture(root: Element, rules: ArticleRules, base: Url) -> Picture | None:
    """Return the lead picture: the first one in the rules' container, or the page's `og:image`.

    The latter is used only if the rules name no container.
    """
    for container in markup.select_elements(root, rules.picture):
        copy = markup.fragment(markup.outer_html(container))
        markup.unlazy(copy, rules.src_lazy_load_attr)
        image = markup.first_picture(copy)
        url = urls.resolve(base, image.get("src", "")) if image is not None else None
        if image is not None and url:
            return Picture(
                url,
                alt=markup.plain(image.get("alt", "")),
                caption=markup.select_text(root, rules.caption),
            )
    shared = "" if rules.picture else markup.select_text(root, _PICTURES)
    url = urls.resolve(base, shared) if shared else None
    return Picture(url) if url else None


def _linked_data(root: Element) -> Iterator[dict[str, Any]]:
    """Yield the objects in a page's JSON-LD, also in lists and graphs; invalid JSON is skipped."""
    for script in root.xpath(_LD_JSON)[:_MAX_LD_SCRIPTS]:
        try:
            waiting = deque([json.loads((script.text or "")[:_MAX_LD_CHARACTERS])])
        except (ValueError, RecursionError):
            continue
        for _ in range(_MAX_LD_VALUES):
            if not waiting:
                break
            value = waiting.popleft()
            if isinstance(value, list):
                waiting.extend(value)
            elif isinstance(value, dict):
                yield value
                waiting.append(value.get("@graph"))


def _linked_date(linked: list[dict[str, Any]], timezone: str) -> datetime | None:
    dates = (
        parse_date(str(each["datePublished"]), timezone)
        for each in linked
        if each.get("datePublished")
    )
    return next((date for date in dates if date), None)


def _authors(
    root: Element, rules: ArticleRules, linked: list[dict[str, Any]], outlets: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the authors of the first of these that names any: rules, meta elements, JSON-LD."""
    for expressions in (rules.author, _AUTHORS):
        for expression in expressions:
            texts = islice(markup.select_texts(root, expression), _MAX_AUTHORS)
            if names := tuple(
                dict.fromkeys(name for text in texts for name in names_in(text, outlets))
            ):
                return names
    return tuple(
        dict.fromkeys(name for text in _linked_authors(linked) for name in names_in(text, outlets))
    )


def _linked_authors(linked: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the names of the authors of the first object with any; organisations are skipped."""
    for each in linked:
        value = each.get("author") or []
        authors = (value if isinstance(value, list) else [value])[:_MAX_AUTHORS]
        people = [
            author
            for author in authors
            if not (isinstance(author, dict) and author.get("@type") == "Organization")
        ]
        names = [author.get("name") if isinstance(author, dict) else author for author in people]
        if found := [
            markup.plain(name) for name in names if isinstance(name, str) and name.strip()
        ]:
            yield from found
            return
