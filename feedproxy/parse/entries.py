"""Turn the entries of a feed into the items of a listing: identity, address and own text. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from feedproxy import urls
from feedproxy.model import (
    ArticleId,
    DirtyHtml,
    Entry,
    ListingItem,
    Site,
    Statement,
    Url,
)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry as its feed gives it; what it does not give is empty.

    *description* and *content* are HTML, the latter given as the content of the entry. *base* is
    what their relative URLs are relative to. *target* is the page that an entry of a link blog is
    about. The other fields are those of `Entry`.
    """

    stated: Statement
    base: Url
    guid: str = ""
    link: Url | None = None
    target: Url | None = None
    description: str = ""
    content: str = ""
    updated: datetime | None = None
    comments: str = ""
    source_title: str = ""
    source_url: str = ""

    @property
    def key(self) -> str:
        """What identifies the entry: its id, else its link with the fragment, else its text."""
        return self.guid or self.link or f"{self.stated.title}\n{self.content or self.description}"


def identify_entries(entries: Sequence[FeedEntry], site: Site, home: Url) -> list[ListingItem]:
    """Return the entries of a feed as items of *site*; *home* is the page that the feed is about.

    If the site has an `article_url` rule, only entries that lead to its articles are returned, and
    the rule gives their IDs. Otherwise every entry is an article. Its ID is that of its link, so
    that links to it are recognised, unless it has no link, its link leads to another site, or other
    entries of the feed have the same link. Then the ID follows from the entry's id (RSS 2.0,
    "guid"; RFC 4287, 4.2.6), and the entry's own text is that of the article.
    """
    identified = [(each, urls.identify(site, each.link) if each.link else None) for each in entries]
    keys: dict[ArticleId, set[str]] = defaultdict(set)
    for entry, found in identified:
        if found:
            keys[found[0]].add(entry.key)
    items = []
    for entry, found in identified:
        if found and (site.article_url or len(keys[found[0]]) == 1):
            items.append(_item(entry, *found, site, has_page=True))
        elif not site.article_url and entry.key.strip():
            article_id = entry_id(entry.key)
            url = entry.link or Url(f"{home}#{article_id}")
            has_text = bool(entry.content or entry.description)
            has_page = found is not None and not has_text
            items.append(_item(entry, article_id, url, site, has_page=has_page))
    return items


def entry_id(key: str) -> ArticleId:
    """Return the ID of an article that is identified by its entry, not by its link."""
    return ArticleId("u" + hashlib.sha256(f"entry:{key}".encode()).hexdigest()[:16])


def _item(
    entry: FeedEntry, article_id: ArticleId, url: Url, site: Site, *, has_page: bool
) -> ListingItem:
    stated, content = entry.stated, entry.content or entry.description
    target = entry.target or (entry.link if not has_page else None)
    if target and urls.host_of(target) not in site.hosts and target not in content:
        title = escape(stated.title or target, quote=False)
        content += f'<p><a href="{escape(target)}">{title}</a></p>'
    return ListingItem(
        article_id,
        url,
        stated.title,
        stated.published,
        excerpt=stated.summary,
        has_time=stated.has_time,
        entry=Entry(
            stated=stated,
            guid=entry.guid,
            link=entry.link or "",
            content=DirtyHtml(content),
            base=entry.base,
            is_full=bool(entry.content) or not stated.title,
            updated=entry.updated,
            has_page=has_page,
            comments=entry.comments,
            source_title=entry.source_title,
            source_url=entry.source_url,
        ),
        own_id=None if site.article_url else entry_id(entry.key),
    )
