"""Rows to values and back, inside a transaction that the caller holds."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, insert, select, tuple_, union_all, update

from feedproxy.model import Article, ArticleId, Headline, ListingItem, Page, Picture, SafeHtml, Url
from feedproxy.store import tables as t

# How many IDs are named in one query; SQLite takes 32,766 variables, and hostile pages have more links than that.
CHUNK = 500


def newest_of(channels: Collection[str], limit: int) -> Select[Any]:
    """Return the query for the IDs of the newest articles of *channels*: a short index range of each, merged."""
    ranges = [
        select(t.membership.c.article_id, t.membership.c.published)
        .where(t.membership.c.channel == channel, t.membership.c.published.is_not(None))
        .order_by(t.membership.c.published.desc(), t.membership.c.article_id.desc())
        .limit(limit)
        .subquery()
        for channel in sorted(channels)
    ]
    merged = union_all(*(select(each.c.article_id, each.c.published) for each in ranges)).subquery()
    return (
        select(merged.c.article_id)
        .group_by(merged.c.article_id, merged.c.published)
        .order_by(merged.c.published.desc(), merged.c.article_id.desc())
        .limit(limit)
    )


def members_newest_first(channel: str) -> Select[Any]:
    """Return the query for the IDs of a channel's articles that are held."""
    members = t.membership.c
    held = select(members.article_id).where(members.channel == channel, members.published.is_not(None))
    return held.order_by(members.published.desc(), members.article_id.desc())


def neighbours_of(article_id: ArticleId, channel: str) -> tuple[Select[Any], Select[Any]]:
    """Return the queries for the IDs of the articles before and after one in a channel."""
    members = t.membership.c
    own = select(members.published).where(members.channel == channel, members.article_id == article_id).scalar_subquery()
    held = select(members.article_id).where(members.channel == channel)
    here, there = tuple_(members.published, members.article_id), tuple_(own, article_id)
    before = held.where(here < there).order_by(members.published.desc(), members.article_id.desc()).limit(1)
    after = held.where(here > there).order_by(members.published, members.article_id).limit(1)
    return before, after


def newest_tagged(tag: str, limit: int) -> Select[Any]:
    """Return the query for the IDs of the newest articles with a tag."""
    tags = t.article_tag.c
    newest_first = select(tags.article_id).where(tags.name == tag).order_by(tags.published.desc(), tags.article_id.desc())
    return newest_first.limit(limit)


def articles(db: Connection, ids: Collection[str]) -> list[Article]:
    """Return the articles with *ids*, in that order."""
    tags, links, pictures = defaultdict(list), defaultdict(list), defaultdict(list)
    by_position = select(t.article_tag).where(t.article_tag.c.article_id.in_(ids)).order_by(t.article_tag.c.position)
    for row in db.execute(by_position):
        tags[row.article_id].append(row.name)
    by_target = select(t.article_link).where(t.article_link.c.article_id.in_(ids)).order_by(t.article_link.c.target_id)
    for row in db.execute(by_target):
        links[row.article_id].append((ArticleId(row.target_id), Url(row.target_url)))
    shown = select(t.article_picture).where(t.article_picture.c.article_id.in_(ids)).order_by(t.article_picture.c.url)
    for row in db.execute(shown):
        pictures[row.article_id].append(Url(row.url))
    found = {row.id: row for row in db.execute(select(t.article).where(t.article.c.id.in_(ids)))}
    lists = ((each, tuple(tags[each]), tuple(links[each]), tuple(pictures[each])) for each in ids if each in found)
    return [_article(found[each], *parts) for each, *parts in lists]


def headlines(db: Connection, ids: Collection[str]) -> list[Headline]:
    """Return the headlines of the articles with *ids*, in that order."""
    columns = t.article.c
    query = select(columns.id, columns.site, columns.title, columns.published).where(columns.id.in_(ids))
    channels = channels_of(db, [ArticleId(each) for each in ids])
    found = {
        row.id: Headline(ArticleId(row.id), row.site, row.title, row.published, channels.get(ArticleId(row.id), frozenset()))
        for row in db.execute(query)
    }
    return [found[each] for each in ids if each in found]


def channels_of(db: Connection, ids: Collection[ArticleId]) -> dict[ArticleId, frozenset[str]]:
    """Return the channels of those of *ids* that are held."""
    found: dict[ArticleId, set[str]] = defaultdict(set)
    members, wanted = t.membership.c, sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        query = select(members.article_id, members.channel).where(
            members.article_id.in_(wanted[start : start + CHUNK]), members.published.is_not(None)
        )
        for row in db.execute(query):
            found[ArticleId(row.article_id)].add(row.channel)
    return {article_id: frozenset(channels) for article_id, channels in found.items()}


def remember_items(db: Connection, channel: str, items: Sequence[ListingItem], start: int) -> tuple[int, list[str]]:
    """Store what a part of a listing shows, *start* items below its top.

    Return how many articles were unknown, and those that are held and new in this channel.
    """
    ids = [item.id for item in items]
    members, articles_, queue = t.membership.c, t.article.c, t.waiting.c
    mine = members.channel == channel
    titles = _pairs(db, select(members.article_id, members.title).where(mine, members.article_id.in_(ids)))
    held = _pairs(db, select(articles_.id, articles_.published).where(articles_.id.in_(ids)))
    queued = set(db.execute(select(queue.article_id).where(queue.article_id.in_(ids))).scalars())
    renamed = {item.id for item in items if item.title and titles.get(item.id, item.title) != item.title}
    for item in items:
        if item.id in renamed:
            db.execute(update(t.membership).where(mine, members.article_id == item.id).values(title=item.title))
    insert_all(db, t.membership, [_member(channel, item, held.get(item.id)) for item in items if item.id not in titles])
    wanted = [
        (item, at)
        for at, item in enumerate(items, start)
        if item.id not in queued and (item.id in renamed or item.id not in held)
    ]
    insert_all(db, t.waiting, [waiting_values(item.id, item.url, item, at) for item, at in wanted])
    unknown = sum(each not in held and each not in queued for each in ids)
    return unknown, [each for each in ids if each in held and each not in titles]


def put(db: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Write a row over the one with the same ID, if there is one."""
    if not db.execute(update(table).where(table.c.id == key).values(values)).rowcount:
        db.execute(insert(table).values(id=key, **values))


def write_article(db: Connection, saved: Article, now: datetime) -> None:
    """Write an article over what may be there."""
    put(db, t.article, saved.id, _values_of(saved) | {"stored": now})
    db.execute(delete(t.article_tag).where(t.article_tag.c.article_id == saved.id))
    db.execute(delete(t.article_link).where(t.article_link.c.article_id == saved.id))
    tags = [
        {"article_id": saved.id, "position": at, "name": name, "published": saved.published} for at, name in enumerate(saved.tags)
    ]
    insert_all(db, t.article_tag, tags)
    insert_all(db, t.article_link, [{"article_id": saved.id, "target_id": to, "target_url": url} for to, url in saved.links])


def write_pages(db: Connection, article_id: ArticleId, pages: Sequence[tuple[Page, bytes]], now: datetime) -> None:
    """Write the pages that an article was extracted from, with their compressed bodies, over what may be there."""
    db.execute(delete(t.raw_page).where(t.raw_page.c.article_id == article_id))
    values = [
        {
            "article_id": article_id,
            "part": at,
            "url": page.url,
            "content_type": page.content_type,
            "body_zstd": body,
            "fetched": now,
        }
        for at, (page, body) in enumerate(pages)
    ]
    insert_all(db, t.raw_page, values)


def touch(db: Connection, changed: Sequence[str], now: datetime) -> None:
    """Count a change for each channel that shows one of the articles *changed*, or one that links to it."""
    members, links = t.membership.c, t.article_link.c
    channels: set[str] = set()
    for start in range(0, len(changed), CHUNK):
        ids = changed[start : start + CHUNK]
        linking = select(links.article_id).where(links.target_id.in_(ids))
        affected = members.article_id.in_(ids) | members.article_id.in_(linking)
        channels.update(db.execute(select(members.channel).where(affected).distinct()).scalars())
    count_change(db, channels, now)


def count_change(db: Connection, channels: set[str], now: datetime) -> None:
    """Count a change for each of *channels*."""
    known = set(db.execute(select(t.channel.c.id).where(t.channel.c.id.in_(channels))).scalars())
    values = {"changed": t.channel.c.changed + 1, "changed_at": now}
    db.execute(update(t.channel).where(t.channel.c.id.in_(known)).values(values))
    for each in sorted(channels - known):
        db.execute(insert(t.channel).values(id=each, changed=1, changed_at=now))


def _pairs(db: Connection, query: Select[Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in db.execute(query)}


def insert_all(db: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    """Insert rows, if there are any."""
    if values:
        db.execute(insert(table), values)


def _member(channel: str, item: ListingItem, published: datetime | None) -> dict[str, Any]:
    return {"channel": channel, "article_id": item.id, "title": item.title, "published": published}


def waiting_values(article_id: str, url: str, item: ListingItem | None = None, position: int = 0) -> dict[str, Any]:
    """Return the row of an article that is to be fetched; *item* is what a listing says of it."""
    return {
        "article_id": article_id,
        "url": url,
        "title": item.title if item else "",
        "excerpt": item.excerpt if item else "",
        "published": item.published if item else None,
        "position": position,
        "tries": 0,
        "error": "",
    }


def _values_of(saved: Article) -> dict[str, Any]:
    picture = saved.picture
    return {
        "site": saved.site,
        "url": saved.url,
        "entry_id": saved.entry_id,
        "title": saved.title,
        "body": saved.body,
        "summary": saved.summary,
        "author": saved.author,
        "picture_url": picture.url if picture else None,
        "picture_alt": picture.alt if picture else None,
        "picture_caption": picture.caption if picture else None,
        "published": saved.published,
        "updated": saved.updated,
        "rule": saved.rule,
    }


def _article(row: Any, tags: Any, links: Any, pictures: Any) -> Article:  # noqa: ANN401 (a row, and what belongs to it)
    picture = Picture(Url(row.picture_url), row.picture_alt, row.picture_caption) if row.picture_url else None
    return Article(
        id=ArticleId(row.id),
        site=row.site,
        url=Url(row.url),
        entry_id=row.entry_id,
        title=row.title,
        body=SafeHtml(row.body),
        summary=row.summary,
        published=row.published,
        updated=row.updated,
        author=row.author,
        tags=tags,
        picture=picture,
        links=links,
        pictures=pictures,
        rule=row.rule,
    )
