"""Read a page's metadata: headline, date, authors, tags, lead picture. Pure."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import unescape
from itertools import islice
from typing import Any

from feedproxy import markup, urls
from feedproxy.dates import StatedDate, parse_dateline, read_date
from feedproxy.extract.authors import byline_in, names_in
from feedproxy.markup import Element
from feedproxy.model import ArticleRules, Origin, Picture, Site, Statement, Url

# Machine-readable metadata, best first (Open Graph protocol; schema.org; HTML, 4.5.14 and 4.2.5).
_TITLES = ("//meta[@property='og:title']/@content",)
# Headings and titles name the site as often as the article.
_GUESSED_TITLES = ("//h1", "//title")
_DATES = (
    "//meta[@property='article:published_time']/@content",
    (
        "//meta[@itemprop='datePublished' or @name='pubdate' or @name='publishdate'"
        " or @name='date' or @name='DC.date.issued' or @name='dcterms.created']/@content"
    ),
    "//time[@datetime][1]/@datetime",
)
_SUMMARIES = ("//meta[@property='og:description']/@content", "//meta[@name='description']/@content")
_LANGUAGES = ("//html/@lang",)
_KEYWORDS = ("//meta[@property='article:tag']/@content",)
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
_MAX_AUTHORS, _MAX_TAGS = 10, 20
_AUTHORS = ("//meta[@name='author']/@content",)
_PICTURES = ("//meta[@property='og:image']/@content",)
_LD_JSON = "//script[@type='application/ld+json']"
_MAX_LD_CHARACTERS = 200_000
# Real pages have their metadata in the first few scripts and objects.
_MAX_LD_SCRIPTS, _MAX_LD_VALUES = 10, 1_000


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """The metadata of a page: statements by their origin, and links to other pages of the article.

    *text* is the text that its JSON-LD gives (schema.org, "articleBody").
    """

    statements: Mapping[Origin, Statement]
    single_url: Url | None = None
    next_url: Url | None = None
    text: str = ""


def read(root: Element, rules: ArticleRules, site: Site | None, url: Url) -> PageMetadata:
    """Return the page's metadata. It must be called before elements are stripped."""
    timezone, outlets = site.timezone if site else "UTC", (site.title,) if site else ()
    linked = list(_linked_data(root))
    by_rules = _date(root, rules.date, timezone)
    stated = _date(root, _DATES, timezone) or _linked_date(linked, timezone)
    guessed = _date_in_text(root, timezone)
    return PageMetadata(
        {
            Origin.RULES: Statement(
                title=markup.select_text(root, rules.title),
                **_dated(by_rules),
                authors=_authors(root, rules.author, outlets),
                picture=_ruled_picture(root, rules, url),
            ),
            Origin.PAGE: Statement(
                title=_linked_title(linked) or markup.select_text(root, _TITLES),
                **_dated(stated),
                authors=_authors(root, _AUTHORS, outlets) or _linked_authors(linked, outlets),
                tags=_tags(root),
                summary=_linked_text(linked, "description") or markup.select_text(root, _SUMMARIES),
                picture=None if rules.picture else _shared_picture(root, url),
                language=_linked_text(linked, "inLanguage") or markup.select_text(root, _LANGUAGES),
            ),
            Origin.GUESS: Statement(
                title=markup.select_text(root, _GUESSED_TITLES), **_dated(guessed)
            ),
        },
        single_url=_link(root, rules.single_page_link, url),
        next_url=_link(root, rules.next_page_link, url),
        text=max((each["articleBody"] for each in linked if _has_text(each)), key=len, default=""),
    )


def _has_text(value: dict[str, Any]) -> bool:
    return isinstance(value.get("articleBody"), str)


def _dated(found: StatedDate | None) -> dict[str, Any]:
    return {"published": found.moment, "has_time": found.has_time} if found else {}


def with_body(
    statements: Mapping[Origin, Statement], body: Element, site: Site | None
) -> dict[Origin, Statement]:
    """Return *statements* with those of an article's text: its dateline, and a byline as a guess.

    A dateline in brackets before the text, as newspapers print it, is a statement of the page.
    """
    stated, guessed = statements[Origin.PAGE], statements[Origin.GUESS]
    if not stated.published and (printed := dateline(body, site)):
        stated = replace(stated, published=printed, has_time=False)
    names = byline_in(body, (site.title,) if site else ())
    return {
        **statements,
        Origin.PAGE: stated,
        Origin.GUESS: replace(guessed, authors=guessed.authors or names),
    }


def dateline(body: Element, site: Site | None) -> datetime | None:
    """Return the date of the dateline in brackets before an article's text, None without one."""
    return parse_dateline(
        markup.beginning_of(body, _DATELINE_CHARACTERS), site.timezone if site else "UTC"
    )


def authors_by(body: Element, pattern: str, site: Site | None) -> tuple[str, ...]:
    """Return the authors that *pattern* finds at a text's beginning."""
    text = re.sub(r"\s+", " ", markup.beginning_of(body, _BYLINE_CHARACTERS)) if pattern else ""
    match = re.search(pattern, text) if pattern else None
    return names_in(match["author"], (site.title,) if site else ()) if match else ()


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


def _date(root: Element, expressions: tuple[str, ...], timezone: str) -> StatedDate | None:
    for expression in expressions:
        if found := read_date(markup.select_text(root, (expression,)), timezone):
            return found
    return None


def _date_in_text(root: Element, timezone: str) -> StatedDate | None:
    texts = (markup.text_of(element) for element in markup.elements_at(root, _DATED)[:_MAX_DATED])
    dates = (
        read_date(text, timezone) for text in texts if text and len(text) <= _MAX_DATED_CHARACTERS
    )
    return next((date for date in dates if date), None)


def _tags(root: Element) -> tuple[str, ...]:
    texts = islice(markup.select_texts(root, _KEYWORDS[0]), _MAX_TAGS)
    return tuple(dict.fromkeys(tag for tag in map(urls.plain_tag, texts) if tag))


def _ruled_picture(root: Element, rules: ArticleRules, base: Url) -> Picture | None:
    """Return the first picture in the container that the rules name."""
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
    return None


def _shared_picture(root: Element, base: Url) -> Picture | None:
    """Return the page's `og:image`."""
    shared = markup.select_text(root, _PICTURES)
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


def _linked_date(linked: list[dict[str, Any]], timezone: str) -> StatedDate | None:
    dates = (
        read_date(str(each["datePublished"]), timezone)
        for each in linked
        if each.get("datePublished")
    )
    return next((date for date in dates if date), None)


def _linked_title(linked: list[dict[str, Any]]) -> str:
    return next((text for each in linked if (text := _text(each, "headline"))), "")


def _linked_text(linked: list[dict[str, Any]], name: str) -> str:
    """Return a text of the object that describes the article: the first one with a headline."""
    return next((_text(each, name) for each in linked if each.get("headline")), "")


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return markup.plain(unescape(found)) if isinstance(found, str) else ""


def _authors(
    root: Element, expressions: tuple[str, ...], outlets: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the authors of the first expression that names any."""
    for expression in expressions:
        texts = islice(markup.select_texts(root, expression), _MAX_AUTHORS)
        if names := _names(texts, outlets):
            return names
    return ()


def _names(texts: Iterable[str], outlets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for text in texts for name in names_in(text, outlets)))


def _linked_authors(linked: list[dict[str, Any]], outlets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the authors of the first object with any; organisations are skipped."""
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
            return _names(found, outlets)
    return ()
