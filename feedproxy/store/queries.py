"""Queries for the IDs of articles, each a short range of an index."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select, tuple_

from feedproxy.model import ArticleId
from feedproxy.store import tables as t

_newest = (
    select(t.membership.c.published, t.membership.c.article_id)
    .where(t.membership.c.channel == bindparam("channel"), t.membership.c.published.is_not(None))
    .order_by(t.membership.c.published.desc(), t.membership.c.article_id.desc())
    .limit(bindparam("most"))
)
_own = (
    select(t.membership.c.published)
    .where(t.membership.c.channel == bindparam("channel"), t.membership.c.article_id == bindparam("mine"))
    .scalar_subquery()
)
_held = select(t.membership.c.article_id).where(t.membership.c.channel == bindparam("channel"))
_here, _there = tuple_(t.membership.c.published, t.membership.c.article_id), tuple_(_own, bindparam("mine"))
_before = _held.where(_here < _there).order_by(t.membership.c.published.desc(), t.membership.c.article_id.desc()).limit(1)
_after = _held.where(_here > _there).order_by(t.membership.c.published, t.membership.c.article_id).limit(1)


def newest_of(db: Connection, channels: Collection[str], limit: int) -> list[str]:
    """Return the IDs of the newest articles of *channels*, newest first: a short index range of each, merged.

    One statement that is made once is faster than a union of them all: 5 ms against 30 for 37 channels.
    """
    ranges = (db.execute(_newest, {"channel": channel, "most": limit}) for channel in channels)
    found = {(published, article_id) for each in ranges for published, article_id in each}
    return [article_id for _, article_id in sorted(found, reverse=True)[:limit]]


def members_newest_first(channel: str) -> Select[Any]:
    """Return the query for the IDs of a channel's articles that are held."""
    members = t.membership.c
    held = select(members.article_id).where(members.channel == channel, members.published.is_not(None))
    return held.order_by(members.published.desc(), members.article_id.desc())


def neighbours_of(db: Connection, article_id: ArticleId, channel: str) -> list[ArticleId | None]:
    """Return the IDs of the articles before and after one in a channel."""
    at = {"channel": channel, "mine": article_id}
    return [db.execute(query, at).scalar() for query in (_before, _after)]


def newest_tagged(tag: str, channels: Collection[str], limit: int) -> Select[Any]:
    """Return the query for the IDs of the newest articles of *channels* with a tag."""
    tags = t.article_tag.c
    shown = exists().where(t.membership.c.article_id == tags.article_id, t.membership.c.channel.in_(channels))
    newest_first = select(tags.article_id).where(tags.name == tag, shown)
    return newest_first.order_by(tags.published.desc(), tags.article_id.desc()).limit(limit)


def of_channels(channels: Collection[str], since: datetime | None) -> Select[Any]:
    """Return the query for the IDs of all articles of *channels*, of those published *since* then."""
    members = t.membership.c
    held = select(members.article_id).where(members.channel.in_(channels), members.published.is_not(None)).distinct()
    return (held.where(members.published >= since) if since else held).order_by(members.article_id)


def of_period(channels: Collection[str], since: datetime, until: datetime | None) -> Select[Any]:
    """Return the query for the IDs of the articles of *channels* published from *since* on, before *until*, newest first."""
    members = t.membership.c
    query = select(members.article_id, members.published).where(members.channel.in_(channels), members.published >= since)
    bounded = query.where(members.published < until) if until else query
    return bounded.distinct().order_by(members.published.desc(), members.article_id.desc())


def dated(channels: Collection[str]) -> Select[Any]:
    """Return the query for the IDs of all articles of *channels* and when they were published, oldest first."""
    members = t.membership.c
    held = select(members.article_id, members.published).where(members.channel.in_(channels), members.published.is_not(None))
    return held.distinct().order_by(members.published, members.article_id)


def tags_of(channels: Collection[str]) -> Select[Any]:
    """Return the query for the tags that articles of *channels* have."""
    tags, members = t.article_tag.c, t.membership.c
    shown = exists().where(members.article_id == tags.article_id, members.channel.in_(channels))
    return select(tags.name).where(shown).distinct()


def sizes() -> Select[Any]:
    """Return the query for ID, date and about the bytes of all articles, oldest first: of text, pages and pictures."""
    articles, pages, files = t.article.c, t.raw_page.c, t.media_file.c
    raw = select(func.sum(func.length(pages.body_zstd))).where(pages.article_id == articles.id)
    forms = (files.name == t.picture.c.original) | (files.name == t.picture.c.reading)
    pictures = (
        select(func.sum(files.size))
        .join(t.picture, forms)
        .join(t.article_picture, t.article_picture.c.url == t.picture.c.url)
        .where(t.article_picture.c.article_id == articles.id)
    )
    parts = (func.coalesce(part.correlate(t.article).scalar_subquery(), 0) for part in (raw, pictures))
    size = sum(parts, start=func.length(articles.body))
    return select(articles.id, articles.published, size.label("size")).order_by(articles.published, articles.id)
