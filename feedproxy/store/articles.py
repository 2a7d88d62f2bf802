"""Read and write articles, their tags, links and versions, in the caller's transaction."""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Details,
    Headline,
    Picture,
    SafeHtml,
    Url,
)
from feedproxy.store import rows
from feedproxy.store import tables as t
from feedproxy.store.indexed import search_due

# The columns that `article` and `article_version` share.
_VERSIONED = (
    *("title", "body", "summary", "authors", "picture_url", "picture_alt", "picture_caption"),
    *("published", "dated", "updated", "rule", "url", "details"),
)
_tags, _links, _shown = t.article_tag.c, t.article_link.c, t.article_picture.c
_of_some = select(t.article).where(t.article.c.id.in_(rows.SOME))
_tags_of = (
    select(_tags.article_id, _tags.name)
    .where(_tags.article_id.in_(rows.SOME))
    .order_by(_tags.position)
)
_links_of = (
    select(t.article_link).where(_links.article_id.in_(rows.SOME)).order_by(_links.target_id)
)
_pictures_of = (
    select(t.article_picture).where(_shown.article_id.in_(rows.SOME)).order_by(_shown.url)
)
_headlines = select(
    t.article.c.id, t.article.c.site, t.article.c.title, t.article.c.published
).where(t.article.c.id.in_(rows.SOME))
_dates = select(t.article.c.id, t.article.c.published, t.article.c.dated).where(
    t.article.c.id.in_(rows.SOME)
)
_is_held = select(t.article.c.id).where(t.article.c.id == rows.MINE)


def read(db: Connection, ids: Collection[str]) -> list[Article]:
    """Return the stored articles with *ids*, in that order."""
    tags, links, pictures = defaultdict(list), defaultdict(list), defaultdict(list)
    some = {"some": ids}
    found = {row.id: row for row in db.execute(_of_some, some)}
    if not found:
        return []
    for article_id, name in db.execute(_tags_of, some):
        tags[article_id].append(name)
    for article_id, target, url in db.execute(_links_of, some):
        links[article_id].append((ArticleId(target), Url(url)))
    for article_id, url in db.execute(_pictures_of, some):
        pictures[article_id].append(Url(url))
    lists = (
        (each, tuple(tags[each]), tuple(links[each]), tuple(pictures[each]))
        for each in ids
        if each in found
    )
    return [_article(found[each], *parts) for each, *parts in lists]


def headlines(db: Connection, ids: Collection[str]) -> list[Headline]:
    """Return the headlines of the stored articles with *ids*, in that order."""
    channels = rows.channels_of(db, [ArticleId(each) for each in ids])
    found = {
        row.id: Headline(
            ArticleId(row.id),
            row.site,
            row.title,
            row.published,
            channels.get(ArticleId(row.id), frozenset()),
        )
        for row in db.execute(_headlines, {"some": ids})
    }
    return [found[each] for each in ids if each in found]


def dates(
    db: Connection, ids: Collection[ArticleId]
) -> dict[ArticleId, tuple[datetime, DateSource]]:
    """Return publication date and date source of each stored article among *ids*."""
    found: dict[ArticleId, tuple[datetime, DateSource]] = {}
    for some in rows.chunks(ids):
        for row in db.execute(_dates, {"some": some}):
            found[ArticleId(row.id)] = (row.published, DateSource(row.dated))
    return found


def is_stored(db: Connection, article_id: ArticleId) -> bool:
    """Return whether an article is stored."""
    return db.execute(_is_held, {"mine": article_id}).first() is not None


def write(db: Connection, saved: Article, now: datetime, *, is_new: bool) -> None:
    """Write an article with its tags and links, over the stored ones unless it *is_new*.

    Also queue the article for the search index.
    """
    values = {"id": saved.id, **_values_of(saved), "stored": now}
    if is_new:
        db.execute(insert(t.article), values)
    else:
        db.execute(update(t.article).where(t.article.c.id == saved.id).values(values))
        db.execute(delete(t.article_tag).where(t.article_tag.c.article_id == saved.id))
        db.execute(delete(t.article_link).where(t.article_link.c.article_id == saved.id))
        db.execute(delete(search_due).where(search_due.c.article_id == saved.id))
    db.execute(insert(search_due), {"article_id": saved.id})
    tags = [
        {"article_id": saved.id, "position": at, "name": name, "published": saved.published}
        for at, name in enumerate(saved.tags)
    ]
    rows.insert_all(db, t.article_tag, tags)
    rows.insert_all(
        db,
        t.article_link,
        [{"article_id": saved.id, "target_id": to, "target_url": url} for to, url in saved.links],
    )


def redate(db: Connection, saved: Article, now: datetime) -> None:
    """Write a new date of a stored article to all tables that have it; keep the old version.

    Also queue the article for the search index.
    """
    keep_version(db, saved.id, now)
    values = {
        "published": saved.published,
        "dated": saved.dated,
        "updated": saved.updated,
        "stored": now,
    }
    db.execute(update(t.article).where(t.article.c.id == saved.id).values(values))
    for table in (t.article_tag, t.membership):
        db.execute(
            update(table).where(table.c.article_id == saved.id).values(published=saved.published)
        )
    db.execute(delete(search_due).where(search_due.c.article_id == saved.id))
    db.execute(insert(search_due), {"article_id": saved.id})


def keep_version(db: Connection, article_id: ArticleId, now: datetime) -> None:
    """Copy the present state of a stored article to `article_version`, as replaced at *now*."""
    versions = t.article_version.c
    count = select(func.count() + 1).where(versions.article_id == article_id).scalar_subquery()
    columns = [t.article.c[name] for name in _VERSIONED]
    tags = (
        select(t.article_tag.c.name)
        .where(t.article_tag.c.article_id == article_id)
        .order_by(t.article_tag.c.position)
    )
    written = json.dumps(list(db.execute(tags).scalars()), ensure_ascii=False)
    query = select(t.article.c.id, count, literal(now, t.Moment()), literal(written), *columns)
    names = ["article_id", "number", "replaced", "tags", *_VERSIONED]
    db.execute(
        insert(t.article_version).from_select(names, query.where(t.article.c.id == article_id))
    )


def versions_of(db: Connection, article_id: ArticleId) -> list[Article]:
    """Return an article as it was before each of its changes, oldest first."""
    stored = next(iter(read(db, [article_id])), None)
    if stored is None:
        return []
    query = (
        select(t.article_version)
        .where(t.article_version.c.article_id == article_id)
        .order_by(t.article_version.c.number)
    )
    return [as_it_was(stored, row) for row in db.execute(query)]


def as_it_was(stored: Article, row: Row[Any]) -> Article:
    """Return an article as one of its versions, but with its present links and pictures."""
    return replace(
        stored,
        url=Url(row.url or stored.url),
        title=row.title,
        body=SafeHtml(row.body),
        summary=row.summary,
        authors=tuple(json.loads(row.authors)),
        picture=_picture(row),
        tags=stored.tags if row.tags is None else tuple(json.loads(row.tags)),
        published=row.published,
        dated=DateSource(row.dated),
        updated=row.updated,
        rule=row.rule,
        details=Details.from_json(row.details),
    )


def drop(db: Connection, ids: Collection[ArticleId]) -> None:
    """Delete articles, with all rows that belong to them alone."""
    for some in rows.chunks(ids):
        db.execute(delete(t.membership).where(t.membership.c.article_id.in_(some)))
        db.execute(delete(t.waiting).where(t.waiting.c.article_id.in_(some)))
        db.execute(delete(t.entry).where(t.entry.c.article_id.in_(some)))
        db.execute(delete(t.article).where(t.article.c.id.in_(some)))


def _values_of(saved: Article) -> dict[str, Any]:
    picture = saved.picture
    return {
        "site": saved.site,
        "url": saved.url,
        "title": saved.title,
        "body": saved.body,
        "summary": saved.summary,
        "authors": json.dumps(saved.authors, ensure_ascii=False),
        "picture_url": picture.url if picture else None,
        "picture_alt": picture.alt if picture else None,
        "picture_caption": picture.caption if picture else None,
        "published": saved.published,
        "dated": saved.dated,
        "updated": saved.updated,
        "rule": saved.rule,
        "gone": saved.gone,
        "details": saved.details.to_json(),
    }


# The arguments are a row of `article` and values from the rows that belong to it.
def _article(row: Any, tags: Any, links: Any, pictures: Any) -> Article:  # noqa: ANN401
    return Article(
        id=ArticleId(row.id),
        site=row.site,
        url=Url(row.url),
        title=row.title,
        body=SafeHtml(row.body),
        summary=row.summary,
        published=row.published,
        updated=row.updated,
        authors=tuple(json.loads(row.authors)),
        tags=tags,
        picture=_picture(row),
        links=links,
        pictures=pictures,
        rule=row.rule,
        gone=row.gone,
        dated=DateSource(row.dated),
        details=Details.from_json(row.details),
    )


def _picture(row: Row[Any]) -> Picture | None:
    return (
        Picture(Url(row.picture_url), row.picture_alt, row.picture_caption)
        if row.picture_url
        else None
    )
