"""What the entries of articles depend on, without their texts, inside a transaction that the caller holds."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select, type_coerce

from feedproxy.model import ArticleId, EntryState
from feedproxy.store import queries
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
    type_coerce(_article.updated, BigInteger),
    type_coerce(_article.stored, BigInteger),
    _saves.label("saves"),
    _channels.label("channels"),
    _links.label("links"),
    _pictures.label("pictures"),
)
_of_some = _states.where(_article.id.in_(bindparam("ids", expanding=True)))


def states_of(db: Connection, ids: Collection[ArticleId]) -> list[EntryState]:
    """Return the states of those of *ids* that are held, in that order."""
    found = {row.id: row for row in db.execute(_of_some, {"ids": ids})}
    return [_state(*found[each]) for each in ids if each in found]


def newest_of(db: Connection, channels: Collection[str], limit: int, tag: str) -> list[EntryState]:
    """Return the states of the newest articles of *channels*, or of those with a *tag*, newest first."""
    return [_state(*row) for row in db.execute(_TAGGED if tag else _NEWEST, queries.wanted(channels, limit, tag)).all()]


def _ordered(newest: Select[Any]) -> Select[Any]:
    shown = newest.subquery()
    query = _states.join_from(t.article, shown, shown.c.article_id == _article.id)
    return query.order_by(shown.c.published.desc(), shown.c.article_id.desc())


@lru_cache(1_000)  # the same articles are in several feeds, and most are as they were
def _state(article_id: str, updated: int, *others: Any) -> EntryState:  # noqa: ANN401 (a row of `_states`)
    channels, links = others[2], others[3]
    stamp = repr((article_id, *others))
    return EntryState(ArticleId(article_id), t.moment(updated), frozenset((channels or "").split()), bool(links), stamp)


_NEWEST, _TAGGED = _ordered(queries.NEWEST), _ordered(queries.TAGGED)
