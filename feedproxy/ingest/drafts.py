"""Build an article from its pages: join the parts, clean the body, and determine the metadata."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape
from urllib.parse import unquote, urlsplit

from feedproxy import configuration, markup, policy, urls
from feedproxy.dates import date_in_address
from feedproxy.errors import ExtractError, TooLargeError, UpstreamError
from feedproxy.extract import extract_article, names_in, refresh_target
from feedproxy.markup import Element
from feedproxy.model import (
    EXCERPT,
    FEED,
    HEURISTICS,
    STATING,
    Article,
    Channel,
    DateSource,
    Details,
    DirtyHtml,
    Enclosure,
    Entry,
    Extract,
    ListingItem,
    Mirror,
    Origin,
    Page,
    Picture,
    SafeHtml,
    Site,
    Statement,
    TextSource,
    Url,
    Waiting,
    date_origin,
    merge_statements,
    one_line,
)
from feedproxy.rewrite import linked_articles, shown_pictures
from feedproxy.sanitise import clean_tree

# Length of a summary, which is shown in lists: about three lines of Chinese.
_SUMMARY_CHARACTERS = 200
# Maximum length of headlines and author names; longer ones are truncated. A headline made of the
# text, as microblogs have none, is shorter.
_TITLE_CHARACTERS, _HEADLINE_CHARACTERS = 300, 60
# The signs of links to enclosures, by their kind; others get a paper clip.
_SIGNS: Mapping[str, str] = {"audio": "🔊", "video": "🎬"}
# A language tag (RFC 5646), roughly.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
# No real article has more parts; a longer chain of links is a trap for crawlers.
_MAX_PARTS = 20


def article_parts(
    page: Page,
    mirror: Mirror,
    site: Site,
    fetch: Callable[[Url], Page],
    on_loss: Callable[[UpstreamError], None] | None = None,
) -> list[tuple[Page, Extract]]:
    """Return the pages of the article that begins on *page*, each with its extract.

    There are several pages only if the article is split into parts. With *on_loss* a further part
    that can't be read ends the article there, and *on_loss* gets the error.

    Raises:
        UpstreamError: no article was found, a part can't be fetched, or there are too many parts.

    """
    target = refresh_target(page)
    if target and target != page.url and urls.host_of(target) in site.hosts:
        page = fetch(target)
    rules = configuration.rules_for(mirror, urls.host_of(page.url))
    extract = extract_article(page, rules, site)
    if extract.single_url and extract.single_url != page.url:
        page = fetch(extract.single_url)
        extract = extract_article(page, rules, site)
    parts, seen = [(page, extract)], {page.url}
    while (url := parts[-1][1].next_url) and url not in seen and len(parts) < _MAX_PARTS:
        seen.add(url)
        try:
            page = fetch(url)
            parts.append((page, extract_article(page, rules, site)))
        except UpstreamError as e:
            if on_loss is None:
                raise
            on_loss(e)
            break
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
    """An article built from its pages, and the figures of its text that quality checks need.

    *page_titles* are the headlines that its page has itself. *lost* is why a further part of it is
    missing, None if it is complete.
    """

    article: Article
    content: policy.Content
    page_titles: frozenset[str] = frozenset()
    lost: UpstreamError | None = None


def make_article(
    parts: list[tuple[Page, Extract]], item: ListingItem, site: Site, mirror: Mirror, now: datetime
) -> Draft:
    """Build an article with a clean body from its parts; *item* is its entry in the listing.

    Raises:
        ExtractError: no origin states a headline, and there is no text.
        TooLargeError: a part is too large to be cleaned.

    """
    first = parts[0][1]
    stated = _statements(parts, item, now)
    merged = merge_statements(stated, site.timezone)
    titles = {one_line(each.title) for each in stated.values()}
    body, root = join_clean(_with_enclosures(_without_heading(parts, titles), merged.enclosures))
    content = policy.content_of(root, sum(part.visible for _, part in parts))
    title = _shortened(merged.title, _TITLE_CHARACTERS) or _shortened(
        content.text, _HEADLINE_CHARACTERS
    )
    if not title:
        raise ExtractError(item.url, "no headline found: neither in the listing nor on the page")
    beginning = _shortened(content.text, _SUMMARY_CHARACTERS)
    is_ruled = first.rule not in (HEURISTICS, FEED)
    published, dated = _date(item, site, now, stated)
    article = Article(
        id=item.id,
        site=site.name,
        url=item.url,
        title=title,
        body=body,
        summary=beginning
        if is_ruled
        else _shortened(merged.summary, _SUMMARY_CHARACTERS) or beginning,
        published=published,
        updated=_updated(item, published, now),
        authors=tuple(_shortened(name, _TITLE_CHARACTERS) for name in merged.authors)
        or (site.title,),
        tags=merged.tags,
        picture=_plain(merged.picture),
        links=linked_articles(root, mirror, besides=item.id),
        pictures=shown_pictures(root, merged.picture),
        rule=first.rule,
        dated=dated,
        details=_details(item, merged),
    )
    own = frozenset(each.title for each in first.statements.values() if each.title)
    return Draft(article, content, own)


def make_from_entry(item: ListingItem, site: Site, mirror: Mirror, now: datetime) -> Draft:
    """Build an article from its feed entry alone; see `make_article`."""
    entry = item.entry or Entry()
    page = Page(entry.base or item.url, b"")
    draft = make_article([(page, Extract(entry.content, FEED, {}))], item, site, mirror, now)
    # no page will give a date, so the date that keeps the feed's order counts as an estimate
    if item.published and draft.article.dated is DateSource.UNKNOWN:
        estimated = replace(
            draft.article,
            published=item.published,
            updated=item.published,
            dated=DateSource.ESTIMATED,
        )
        return replace(draft, article=estimated)
    return draft


def choose_draft(
    page: Draft | None, item: ListingItem, channel: Channel, mirror: Mirror, now: datetime
) -> Draft | None:
    """Return the better draft of an article: that of its *page*, or that of its feed entry.

    Without a page it is that of the entry, if its text can stand for the article, else None. The
    channel's `text` may exclude either.
    """
    entry = item.entry
    if entry is None or (entry.has_page and (not entry.content or channel.text is TextSource.PAGE)):
        return page
    feed = make_from_entry(item, channel.site, mirror, now)
    if not needs_page(item, channel):
        return feed
    is_full = entry.is_full
    if page is None:
        return feed if policy.is_whole(feed.content, is_full=is_full) else None
    has_rules = page.article.rule != HEURISTICS
    chosen = policy.choose_text(page.content, feed.content, is_full=is_full, has_rules=has_rules)
    return feed if chosen is TextSource.FEED else page


def needs_page(item: ListingItem, channel: Channel) -> bool:
    """Return whether the page of an article has to be fetched."""
    entry = item.entry
    if entry is None:
        return True
    return entry.has_page and not (channel.text is TextSource.FEED and entry.content)


def make_excerpt(waiting: Waiting, site: Site, mirror: Mirror, now: datetime) -> Article:
    """Return a stand-in for an article whose text can't be fetched, made of its listing entry."""
    item = waiting.item
    if item.entry is None:
        excerpt = DirtyHtml(f"<p>{escape(item.excerpt)}</p>" if item.excerpt else "")
        item = replace(item, entry=Entry(Statement(item.title), content=excerpt))
    return replace(make_from_entry(item, site, mirror, now).article, rule=EXCERPT)


def _statements(
    parts: list[tuple[Page, Extract]], item: ListingItem, now: datetime
) -> dict[Origin, Statement]:
    """Return what all origins state about an article, with credible dates only.

    Tags are those of all parts.
    """
    tags = {
        origin: tuple(
            dict.fromkeys(
                tag
                for _, part in parts
                if origin in part.statements
                for tag in part.statements[origin].tags
            )
        )
        for origin in Origin
    }
    listed = item.entry.stated if item.entry else Statement(summary=item.excerpt)
    in_listing = item.published if item.dated is DateSource.STATED else None
    found = {
        origin: replace(statement, tags=tags[origin])
        for origin, statement in parts[0][1].statements.items()
    } | {
        Origin.FEED: replace(
            listed,
            title=item.title or listed.title,
            published=listed.published or in_listing,
            has_time=listed.has_time if listed.published else item.has_time,
            authors=tuple(name for text in listed.authors for name in _names(text)),
        )
    }
    return {
        origin: replace(each, published=policy.credible(each.published, now))
        for origin, each in found.items()
    }


def _names(text: str) -> tuple[str, ...]:
    """Return the names in an author of a feed: several, if all parts are names; else the whole."""
    names = names_in(text)
    return names if len(names) > 1 else (text,)


def _without_heading(
    parts: list[tuple[Page, Extract]], titles: Collection[str]
) -> list[tuple[Page, Extract]]:
    """Return the parts without a heading at the beginning that repeats one of the *titles*.

    The site's rules say themselves where the text begins.
    """
    (page, first), *others = parts
    if first.rule != HEURISTICS:
        return parts
    root = markup.fragment(first.body)
    heading = next(root.iter("h1", "h2"), None)
    if heading is None or one_line(markup.text_of(heading)) not in titles:
        return parts
    before = markup.text_of(root).partition(markup.text_of(heading))[0]
    if before.strip():
        return parts
    heading.drop_tree()
    return [(page, replace(first, body=markup.inner_html(root))), *others]


def _with_enclosures(
    parts: list[tuple[Page, Extract]], enclosures: tuple[Enclosure, ...]
) -> list[tuple[Page, Extract]]:
    """Return the parts with links to the enclosures that the text does not contain, at the end."""
    text = "".join(part.body for _, part in parts)
    links = "".join(
        f'<p><a href="{escape(each.url)}">{_SIGNS.get(each.media_type.partition("/")[0], "📎")} '
        f"{escape(_file_name(each.url), quote=False)}</a></p>"
        for each in enclosures
        if each.url not in text and escape(each.url) not in text
    )
    page, last = parts[-1]
    return [*parts[:-1], (page, replace(last, body=DirtyHtml(last.body + links)))]


def _file_name(url: Url) -> str:
    parts = urlsplit(url)
    return unquote(parts.path.rpartition("/")[2]) or parts.netloc


def _details(item: ListingItem, merged: Statement) -> Details:
    entry = item.entry or Entry()
    return Details(
        enclosures=merged.enclosures,
        language=merged.language if _LANGUAGE.fullmatch(merged.language) else "",
        comments=entry.comments,
        source_title=_shortened(entry.source_title, _TITLE_CHARACTERS),
        source_url=entry.source_url,
    )


def _updated(item: ListingItem, published: datetime, now: datetime) -> datetime:
    updated = policy.credible(item.entry.updated if item.entry else None, now)
    return max(published, updated) if updated else published


def _date(
    item: ListingItem, site: Site, now: datetime, statements: Mapping[Origin, Statement]
) -> policy.Date:
    """Return when an article was published, and the source of the date.

    The first credible date counts: one that upstream states, then one from the URL, then the time
    at which the article was seen as new, then a guess, then the listing's estimate. A guess of the
    same day is more exact than the time at which the article was seen.
    """
    stating = {each: statements[each] for each in STATING if each in statements}
    if (origin := date_origin(stating, site.timezone)) and (stated := stating[origin].published):
        return stated, DateSource.STATED
    listed = policy.credible(item.published, now)
    if listed and item.dated is DateSource.ADDRESS:  # the URL's day, in listing order
        return listed, DateSource.ADDRESS
    if day := policy.credible(date_in_address(item.url, site), now):
        return day, DateSource.ADDRESS
    guess = statements.get(Origin.GUESS, Statement())
    if listed and item.dated is DateSource.SEEN and guess.published:
        is_same = guess.has_time and abs(guess.published - listed) <= timedelta(days=1)
        return (guess.published, DateSource.GUESSED) if is_same else (listed, item.dated)
    if guess.published:
        return guess.published, DateSource.GUESSED
    return (listed, item.dated) if listed else (policy.NEVER_DATED, DateSource.UNKNOWN)


def _plain(picture: Picture | None) -> Picture | None:
    if picture is None:
        return None
    return replace(picture, alt=markup.plain(picture.alt), caption=markup.plain(picture.caption))


def _shortened(text: str, max_characters: int) -> str:
    """Return *text* on one line, without hidden characters, cut after *max_characters*."""
    text = markup.plain(text)
    return text if len(text) <= max_characters else text[:max_characters].rstrip() + "…"
