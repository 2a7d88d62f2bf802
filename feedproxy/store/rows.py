"""Rows to values and back, inside a transaction that the caller holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Select, delete, insert, select, union_all, update

from feedproxy.model import Article, ArticleId, Headline, ListingItem, Picture, SafeHtml, Url
from feedproxy.store import tables as t


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


def articles(db: Connection, ids: Collection[str]) -> list[Article]:
    """Return the articles with *ids*, in that order."""
    tags, links = defaultdict(list), defaultdict(list)
    by_position = select(t.article_tag).where(t.article_tag.c.article_id.in_(ids)).order_by(t.article_tag.c.position)
    for row in db.execute(by_position):
        tags[row.article_id].append(row.name)
    by_target = select(t.article_link).where(t.article_link.c.article_id.in_(ids)).order_by(t.article_link.c.target_id)
    for row in db.execute(by_target):
        links[row.article_id].append((ArticleId(row.target_id), Url(row.target_url)))
    found = {row.id: row for row in db.execute(select(t.article).where(t.article.c.id.in_(ids)))}
    return [_article(found[each], tuple(tags[each]), tuple(links[each])) for each in ids if each in found]


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
    query = select(t.membership.c.article_id, t.membership.c.channel).where(
        t.membership.c.article_id.in_(ids), t.membership.c.published.is_not(None)
    )
    for row in db.execute(query):
        found[ArticleId(row.article_id)].add(row.channel)
    return {article_id: frozenset(channels) for article_id, channels in found.items()}


def pairs(db: Connection, query: Select[Any]) -> Iterable[tuple[str, Any]]:
    """Return the rows of a query of two columns."""
    return [(row[0], row[1]) for row in db.execute(query)]


def wait(item: ListingItem, position: int) -> Insert:
    """Return the statement that has an article wait."""
    return insert(t.waiting).values(
        article_id=item.id,
        url=item.url,
        title=item.title,
        excerpt=item.excerpt,
        published=item.published,
        position=position,
        tries=0,
        error="",
    )


def write_article(db: Connection, saved: Article, now: datetime) -> None:
    """Write an article over what may be there."""
    picture = saved.picture
    values = {
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
        "stored": now,
    }
    if not db.execute(update(t.article).where(t.article.c.id == saved.id).values(values)).rowcount:
        db.execute(insert(t.article).values(id=saved.id, **values))
    db.execute(delete(t.article_tag).where(t.article_tag.c.article_id == saved.id))
    db.execute(delete(t.article_link).where(t.article_link.c.article_id == saved.id))
    if saved.tags:
        db.execute(
            insert(t.article_tag), [{"article_id": saved.id, "position": at, "name": name} for at, name in enumerate(saved.tags)]
        )
    if saved.links:
        db.execute(
            insert(t.article_link), [{"article_id": saved.id, "target_id": to, "target_url": url} for to, url in saved.links]
        )


def touch(db: Connection, channels: Collection[str], now: datetime) -> None:
    """Count a change for each of *channels*."""
    known = set(db.execute(select(t.channel.c.id).where(t.channel.c.id.in_(channels))).scalars())
    changed = {"changed": t.channel.c.changed + 1, "changed_at": now}
    db.execute(update(t.channel).where(t.channel.c.id.in_(known)).values(changed))
    for each in sorted(set(channels) - known):
        db.execute(insert(t.channel).values(id=each, changed=1, changed_at=now))


def _article(row: Any, tags: tuple[str, ...], links: tuple[tuple[ArticleId, Url], ...]) -> Article:  # noqa: ANN401 (a row)
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
    )
