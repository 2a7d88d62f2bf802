"""Store counters of events and alarms in SQL, and compute figures of the store."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, insert, select, type_coerce, update

from feedproxy.model import Alarm, Url
from feedproxy.store import engine as engines
from feedproxy.store import tables as t
from feedproxy.store.database import Connections

_this = (
    (t.counter.c.name == bindparam("of"))
    & (t.counter.c.source == bindparam("at"))
    & (t.counter.c.outcome == bindparam("became"))
)
_count = update(t.counter).where(_this).values(value=t.counter.c.value + bindparam("more"))
_alarms = select(t.alarm).order_by(t.alarm.c.opened, t.alarm.c.channel)
_EPOCH, _DAY_US = date(1970, 1, 1), 86_400_000_000


class Records:
    """Counters of events, figures of the store, and alarms."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def add(self, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Add to the counters of events, by name, source and outcome."""
        if not counts:
            return
        with self._db.writing() as db:
            for (name, source, outcome), more in sorted(counts.items()):
                if not db.execute(
                    _count, {"of": name, "at": source, "became": outcome, "more": more}
                ).rowcount:
                    db.execute(
                        insert(t.counter),
                        {"name": name, "source": source, "outcome": outcome, "value": more},
                    )

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Return the counters of events since the store was created."""
        with self._db.reading() as db:
            return {
                (row.name, row.source, row.outcome): row.value
                for row in db.execute(select(t.counter))
            }

    def sizes(self) -> dict[str, int]:
        """Return the number of rows of each kind.

        The kinds are articles, gone, waiting, checks, requests, pictures and missing_pictures.
        """
        queries = {
            "articles": select(func.count()).select_from(t.article),
            "gone": select(func.count())
            .select_from(t.article)
            .where(t.article.c.gone.is_not(None)),
            "waiting": select(func.count())
            .select_from(t.waiting)
            .where(t.waiting.c.article_id.not_in(select(t.article.c.id))),
            "checks": select(func.count())
            .select_from(t.waiting)
            .where(t.waiting.c.article_id.in_(select(t.article.c.id))),
            "requests": select(func.count()).select_from(t.request),
            "pictures": select(func.count())
            .select_from(t.picture)
            .where(t.picture.c.original.is_not(None)),
            "missing_pictures": select(func.count())
            .select_from(t.picture)
            .where(t.picture.c.original.is_(None)),
        }
        with self._db.reading() as db:
            return {name: int(db.execute(query).scalar() or 0) for name, query in queries.items()}

    def bytes_held(self) -> int:
        """Return the bytes that the store and its pictures take."""
        with self._db.reading() as db:
            return engines.size_of(db) + int(
                db.execute(select(func.sum(t.media_file.c.size))).scalar() or 0
            )

    def queues(self) -> dict[str, int]:
        """Return the number of queued articles that are not stored, by channel."""
        members = t.membership.c
        shown = select(members.channel, func.count()).where(
            members.article_id.in_(select(t.waiting.c.article_id))
        )
        with self._db.reading() as db:
            found = db.execute(shown.where(members.published.is_(None)).group_by(members.channel))
            return {row[0]: row[1] for row in found}

    def newest(self) -> dict[str, datetime]:
        """Return when the newest article of each channel was published."""
        members = t.membership.c
        # One seek in an index for each channel, regardless of its number of articles.
        last = (
            select(func.max(members.published))
            .where(members.channel == t.channel.c.id)
            .scalar_subquery()
        )
        with self._db.reading() as db:
            return {
                channel: moment
                for channel, moment in db.execute(select(t.channel.c.id, last))
                if moment
            }

    def per_day(self, channels: Collection[str], since: datetime) -> dict[date, int]:
        """Return the number of articles of *channels* published on each day (UTC) since *since*.

        Days without articles are left out.
        """
        members = t.membership.c
        day = (type_coerce(members.published, BigInteger) // _DAY_US).label("day")
        query = select(day, func.count(members.article_id.distinct())).group_by(day)
        with self._db.reading() as db:
            found = db.execute(
                query.where(members.channel.in_(channels), members.published >= since)
            )
            return {_EPOCH + timedelta(days=number): count for number, count in found}

    def alarms(self) -> list[Alarm]:
        """Return the last alarm of each channel and rule, oldest first."""
        with self._db.reading() as db:
            return [_alarm(row) for row in db.execute(_alarms)]

    def put_alarm(self, alarm: Alarm) -> None:
        """Open or close a channel's alarm."""
        values = {
            "site": alarm.site,
            "url": alarm.url,
            "reason": alarm.reason,
            "opened": alarm.opened,
            "closed": alarm.closed,
            "sent": 0,
        }
        with self._db.writing() as db:
            same_state = (t.alarm.c.channel == alarm.channel) & (t.alarm.c.rule == alarm.rule)
            if not db.execute(update(t.alarm).where(same_state).values(values)).rowcount:
                db.execute(insert(t.alarm).values(channel=alarm.channel, rule=alarm.rule, **values))

    def unsent(self) -> list[Alarm]:
        """Return the alarms whose present state was not sent to the webhook yet."""
        with self._db.reading() as db:
            return [
                _alarm(row)
                for row in db.execute(
                    select(t.alarm).where(t.alarm.c.sent == 0).order_by(t.alarm.c.opened)
                )
            ]

    def mark_sent(self, alarm: Alarm) -> None:
        """Mark the state of an alarm as sent to the webhook."""
        closed = (
            t.alarm.c.closed.is_(None) if alarm.closed is None else t.alarm.c.closed == alarm.closed
        )
        same_rule = (t.alarm.c.channel == alarm.channel) & (t.alarm.c.rule == alarm.rule)
        same_state = same_rule & (t.alarm.c.opened == alarm.opened) & closed
        with self._db.writing() as db:
            db.execute(update(t.alarm).where(same_state).values(sent=1))


def _alarm(row: Any) -> Alarm:  # noqa: ANN401 (a row)
    return Alarm(row.channel, row.site, row.rule, Url(row.url), row.reason, row.opened, row.closed)
