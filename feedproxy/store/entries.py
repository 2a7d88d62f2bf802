"""What the entries of articles depend on, without their texts, inside a transaction that the caller holds."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, select

from feedproxy.model import ArticleId, EntryState
from feedproxy.store import tables as t

_article, _version, _own, _picture = t.article.c, t.article_version.c, t.membership.c, t.picture.c
_target = t.membership.alias("target")
# Each save but the first leaves a version, so these are others after each, whatever the clock says.
_saves = select(func.count()).where(_version.article_id == _article.id).scalar_subquery()
_channels = (
    select(func.aggregate_strings(_own.channel, " "))
    .where(_own.article_id == _article.id, _own.published.is_not(None))
    .scalar_subquery()
)
_links = (
    select(func.aggregate_strings(t.article_link.c.target_id + " " + _target.c.channel, " "))
    .select_from(t.article_link.join(_target, _target.c.article_id == t.article_link.c.target_id))
    .where(t.article_link.c.article_id == _article.id, _target.c.published.is_not(None))
    .scalar_subquery()
)
# Files are named by their content, so their names say all of them.
_pictures = (
    select(func.aggregate_strings(_picture.url + " " + _picture.original + " " + _picture.reading, " "))
    .select_from(t.article_picture.join(t.picture, _picture.url == t.article_picture.c.url))
    .where(t.article_picture.c.article_id == _article.id, _picture.original.is_not(None))
    .scalar_subquery()
)
_states = select(
    _article.id,
    _article.updated,
    _article.stored,
    _saves.label("saves"),
    _channels.label("channels"),
    _links.label("links"),
    _pictures.label("pictures"),
).where(_article.id.in_(bindparam("ids", expanding=True)))


def states_of(db: Connection, ids: Collection[ArticleId]) -> list[EntryState]:
    """Return the states of those of *ids* that are held, in that order."""
    found = {row.id: row for row in db.execute(_states, {"ids": ids})}
    return [
        EntryState(each, row.updated, frozenset((row.channels or "").split()), bool(row.links), repr(tuple(row)))
        for each in ids
        if (row := found.get(each))
    ]
