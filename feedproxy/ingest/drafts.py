"""Build an article from its pages: join the parts, clean the body, and determine the metadata."""

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
)
from feedproxy.rewrite import linked_articles, shown_pictures
from feedproxy.sanitise import clean, clean_tree

# Length of a summary, which is shown in lists: about three lines of Chinese.
_SUMMARY_CHARACTERS = 200
# Maximum length of headlines and author names; longer ones are truncated.
_TITLE_CHARACTERS = 300
# No real article has more parts; a longer chain of links is a trap for crawlers.
_MAX_PARTS = 20


def article_parts(
    page: Page, mirror: Mirror, site: Site, fetch: Callable[[Url], Page]
) -> list[tuple[Page, Extract]]:
    """Return the pages of the article that begins on *page*, each with its extract.

    There are several pages only if the article is split into parts.

    Raises:
        UpstreamError: no article was found, a part can't be fetched, or there are too many parts.

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
    """Return the joined clean body of all parts, and its element tree.

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
    """An article built from its pages, and the figures of its text that quality checks need."""

    article: Article
    content: policy.Content


def make_article(
    parts: list[tuple[Page, Extract]], item: ListingItem, site: Site, mirror: Mirror, now: datetime
) -> Draft:
    """Build an article with a clean body from its parts; *item* is its entry in the listing."""
    first = parts[0][1]
    body, root = join_clean(parts)  # parse once for all checks below
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
    """Return a stand-in for an article whose text can't be fetched, made of its listing entry."""
    item = waiting.item
    published, dated = _date(item, site, now)
    # no page will give a date, so the date that keeps the listing's order counts as an estimate
    if item.published and dated is DateSource.UNKNOWN:
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
    """Return when an article was published, and the source of the date.

    The first credible date counts: stated on the page or in the listing, then from the URL, then
    the listing's estimate.
    """
    listed = policy.credible(item.published, now)
    stated = policy.credible(on_page, now) or (listed if item.dated is DateSource.STATED else None)
    if stated:
        return stated, DateSource.STATED
    if listed and item.dated is DateSource.ADDRESS:  # the URL's day, in listing order
        return listed, DateSource.ADDRESS
    if day := policy.credible(date_in_address(item.url, site), now):
        return day, DateSource.ADDRESS
    return (listed, item.dated) if listed else (policy.NEVER_DATED, DateSource.UNKNOWN)


def _plain(picture: Picture | None) -> Picture | None:
    if picture is None:
        return None
    return replace(picture, alt=markup.plain(picture.alt), caption=markup.plain(picture.caption))


def _shortened(text: str, max_characters: int) -> str:
    """Return *text* on one line, without hidden characters, cut after *max_characters*."""
    text = markup.plain(text)
    return text if len(text) <= max_characters else text[:max_characters].rstrip() + "…"
