"""Pages to an article: its parts, its clean body, and what is known about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

from feedproxy import configuration, markup, policy, urls
from feedproxy.dates import date_in_address
from feedproxy.errors import TooLargeError
from feedproxy.extract import extract_article
from feedproxy.markup import Element
from feedproxy.model import (
    EXCERPT,
    Article,
    DateSource,
    DirtyHtml,
    Extract,
    ListingItem,
    Mirror,
    Page,
    Picture,
    SafeHtml,
    Site,
    Url,
    Waiting,
    one_line,
)
from feedproxy.rewrite import linked_articles, shown_pictures
from feedproxy.sanitise import clean, clean_tree

# A summary is for lists: about three lines of Chinese.
_SUMMARY_CHARACTERS = 200
# No headline is longer, whatever an upstream sends.
_TITLE_CHARACTERS = 300
# More parts than any article has; a chain of links that goes on is a trap.
_MAX_PARTS = 20


def article_parts(
    page: Page, mirror: Mirror, site: Site, fetch: Callable[[Url], Page]
) -> list[tuple[Page, Extract]]:
    """Return the pages that hold the article on *page*, with what was found on each: one, unless it comes in parts.

    Raises:
        UpstreamError: there is none, a part of it can't be had, or it has too many parts.

    """
    rules = configuration.rules_for(mirror, urls.host_of(page.url))
    extract = extract_article(page, rules, site)
    if extract.single_url and extract.single_url != page.url:
        page = fetch(extract.single_url)
        extract = extract_article(page, rules, site)
    parts, seen = [(page, extract)], {page.url}
    while (url := parts[-1][1].next_url) and url not in seen and len(parts) < _MAX_PARTS:
        seen.add(url)
        page = fetch(url)
        parts.append((page, extract_article(page, rules, site)))
    if url and url not in seen:
        raise TooLargeError(page.url, f"article of more than {_MAX_PARTS} parts")
    return parts


def join_clean(parts: list[tuple[Page, Extract]]) -> tuple[SafeHtml, Element]:
    """Return the clean body of all parts, and its tree.

    Raises:
        TooLargeError: a part is too large to be cleaned.

    """
    bodies = [clean_tree(extract.body, page.url) for page, extract in parts]
    if len(bodies) == 1:
        return bodies[0]
    joined = SafeHtml("".join(f"<div>{body}</div>" for body, _ in bodies))
    return joined, markup.fragment(joined)


@dataclass(frozen=True, slots=True)
class Draft:
    """An article as its pages make it, and what its text holds."""

    article: Article
    content: policy.Content


def make_article(
    parts: list[tuple[Page, Extract]], item: ListingItem, site: Site, mirror: Mirror, now: datetime
) -> Draft:
    """Return the clean article of its parts; *item* says what its listing knew."""
    first = parts[0][1]
    body, root = join_clean(parts)  # one tree for all that is to be known of it
    content = policy.content_of(root, sum(part.visible for _, part in parts))
    published, dated = _date(item, site, now, first.published)
    article = Article(
        id=item.id,
        site=site.name,
        url=item.url,
        title=_shortened(first.title, _TITLE_CHARACTERS),
        body=body,
        summary=_shortened(content.text, _SUMMARY_CHARACTERS),
        published=published,
        updated=published,
        authors=tuple(_shortened(name, _TITLE_CHARACTERS) for name in first.authors)
        or (site.title,),
        tags=tuple(dict.fromkeys(tag for _, part in parts for tag in part.tags)),
        picture=_plain(first.picture),
        links=linked_articles(root, mirror, besides=item.id),
        pictures=shown_pictures(root, first.picture),
        rule=first.rule,
        dated=dated,
    )
    return Draft(article, content)


def make_excerpt(waiting: Waiting, site: Site, now: datetime) -> Article:
    """Return what stands in for an article whose text can't be had: what its listing says of it."""
    item = waiting.item
    published, dated = _date(item, site, now)
    if (
        item.published and dated is DateSource.UNKNOWN
    ):  # the listing's order is all that there will be
        dated = DateSource.ESTIMATED
    return Article(
        id=item.id,
        site=site.name,
        url=item.url,
        title=_shortened(item.title, _TITLE_CHARACTERS),
        body=clean(DirtyHtml(f"<p>{escape(item.excerpt)}</p>"), item.url)
        if item.excerpt
        else SafeHtml(""),
        summary=_shortened(item.excerpt, _SUMMARY_CHARACTERS),
        published=published,
        updated=published,
        authors=(site.title,),
        rule=EXCERPT,
        dated=dated,
    )


def _date(
    item: ListingItem, site: Site, now: datetime, on_page: datetime | None = None
) -> policy.Date:
    """Return when an article was published, and what says so: its page, its listing, its address, or what is guessed of it."""
    listed = policy.credible(item.published, now)
    stated = policy.credible(on_page, now) or (listed if item.dated is DateSource.STATED else None)
    if stated:
        return stated, DateSource.STATED
    if listed and item.dated is DateSource.ADDRESS:  # the day, and the listing's order in it
        return listed, DateSource.ADDRESS
    if day := policy.credible(date_in_address(item.url, site), now):
        return day, DateSource.ADDRESS
    return (listed, item.dated) if listed else (policy.NEVER_DATED, DateSource.UNKNOWN)


def _plain(picture: Picture | None) -> Picture | None:
    if picture is None:
        return None
    return replace(picture, alt=markup.plain(picture.alt), caption=markup.plain(picture.caption))


def _shortened(text: str, most: int) -> str:
    """Return *text* on one line, without hidden characters, of so many characters at most."""
    text = one_line(markup.plain(text))
    return text if len(text) <= most else text[:most].rstrip() + "…"
