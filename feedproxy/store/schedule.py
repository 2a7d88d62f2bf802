"""Store the schedule of polls, the lease, and the budgets of hosts in SQL."""

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from feedproxy.errors import StoreError
from feedproxy.model import (
    LONGEST_DELAY,
    LONGEST_QUEUE,
    LONGEST_QUIET,
    MOST_QUEUED,
    ArticleId,
    Backfill,
    ChannelState,
    Url,
)
from feedproxy.store import pictures, rows, waiting
from feedproxy.store import tables as t
from feedproxy.store.database import Connections
from feedproxy.store.schema import locked

_LEADER = "poller"
# The name of a second row in `lease` while the store is copied from another database; its owner is
# the address of that database.
COPYING = "move"
# TTLs from upstream are capped: PostgreSQL would refuse integers of more than 32 bits.
_LONGEST_TTL_S = 366 * 86_400
_states = select(
    *(t.channel.c["id" if each.name == "channel" else each.name] for each in fields(ChannelState))
)
_state = _states.where(t.channel.c.id == rows.MINE)
_mine = update(t.channel).where(t.channel.c.id == rows.MINE)
_claim = _mine.where(t.channel.c.next_poll_at == bindparam("seen"))
_claim_first = _mine.where(t.channel.c.next_poll_at.is_(None))
_host, _change_host = (
    select(t.host).where(t.host.c.name == rows.MINE),
    update(t.host).where(t.host.c.name == rows.MINE),
)
_quiet = select(t.host).where(t.host.c.quiet_until > bindparam("now"))


class Schedule:
    """The schedule of the channels' polls."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    # -------------------------------------------------------------- channels

    def states(self) -> dict[str, ChannelState]:
        """Return the poll state of each channel, by its ID."""
        with self._db.reading() as db:
            return {row.id: ChannelState(*row) for row in db.execute(_states)}

    def state(self, channel: str) -> ChannelState:
        """Return the poll state of one channel."""
        with self._db.reading() as db:
            row = db.execute(_state, {"mine": channel}).first()
        return ChannelState(*row) if row else ChannelState(channel)

    def due(self, now: datetime, horizon: datetime) -> dict[str, ChannelState]:
        """Return the poll states of the channels that may be due.

        A time after *horizon* counts as due, as it was written by a clock that was wrong.
        """
        at, polled_at = t.channel.c.next_poll_at, t.channel.c.polled_at
        query = _states.where(or_(at.is_(None), at <= now, at > horizon, polled_at > now))
        with self._db.reading() as db:
            return {row.id: ChannelState(*row) for row in db.execute(query)}

    def save_poll(self, state: ChannelState) -> None:
        """Store a channel's state, without its outcomes."""
        values = asdict(state)
        channel = values.pop("channel")
        del values["outcomes"]
        values["ttl_s"] = min(int(state.ttl_s), _LONGEST_TTL_S)
        with self._db.writing() as db:
            rows.put(db, t.channel, channel, values)

    def save_outcomes(self, channel: str, outcomes: str) -> None:
        """Store how the latest pages of a channel fitted the rules."""
        with self._db.writing() as db:
            rows.put(db, t.channel, channel, {"outcomes": outcomes})

    def plan_first(self, polls: Mapping[str, datetime]) -> None:
        """Set when channels are polled first, unless they have been polled or scheduled before."""
        with self._db.writing() as db:
            known = set(
                db.execute(select(t.channel.c.id).where(t.channel.c.id.in_(polls))).scalars()
            )
            never = t.channel.c.next_poll_at.is_(None) & t.channel.c.polled_at.is_(None)
            for channel, at in polls.items():
                if channel in known:
                    db.execute(
                        update(t.channel)
                        .where(t.channel.c.id == channel, never)
                        .values(next_poll_at=at)
                    )
                else:
                    db.execute(insert(t.channel).values(id=channel, next_poll_at=at))

    def begin_poll(self, channel: str, seen: datetime | None, until: datetime) -> bool:
        """Claim the poll of a channel until *until*, if its due time is still *seen*.

        Return False if another process has claimed it.
        """
        mine = {"mine": channel, "next_poll_at": until}
        with self._db.writing() as db:
            if seen is not None:
                return bool(db.execute(_claim, {**mine, "seen": seen}).rowcount)
            if not _exists(db, channel):
                db.execute(insert(t.channel).values(id=channel))
            return bool(db.execute(_claim_first, mine).rowcount)

    def begin_articles(
        self, seen: Mapping[ArticleId, datetime | None], until: datetime
    ) -> set[ArticleId]:
        """Claim queued articles in the same way; return those that no other process has claimed."""
        with self._db.writing() as db:
            return waiting.claim(db, seen, until)

    def next_due(
        self, channels: Collection[str], hosts: Collection[str], showing: Collection[str]
    ) -> datetime | None:
        """Return when the next poll, article or picture is due, None if nothing is planned.

        Polls and articles are those of *channels*; pictures those at *hosts* in articles of the
        channels *showing* them.
        """
        polls = select(func.min(t.channel.c.next_poll_at)).where(t.channel.c.id.in_(channels))
        with self._db.reading() as db:
            found = [
                db.execute(polls).scalar(),
                db.execute(waiting.next_of(channels)).scalar(),
                db.execute(pictures.next_of(hosts, showing)).scalar(),
            ]
        return min((moment for moment in found if moment is not None), default=None)

    # -------------------------------------------------------------- backfill

    def backfill(self, channel: str) -> Backfill | None:
        """Return how far the walk down a channel's listing has come, None if it has not begun."""
        with self._db.reading() as db:
            row = db.execute(select(t.backfill).where(t.backfill.c.channel == channel)).first()
        return (
            Backfill(row.channel, Url(row.next_url) if row.next_url else None, row.pages)
            if row
            else None
        )

    def save_backfill(self, progress: Backfill) -> None:
        """Store how far a walk has come."""
        values = {"next_url": progress.next_url, "pages": progress.pages}
        with self._db.writing() as db:
            if not db.execute(
                update(t.backfill).where(t.backfill.c.channel == progress.channel).values(values)
            ).rowcount:
                db.execute(insert(t.backfill).values(channel=progress.channel, **values))

    def forget_backfill(self, channel: str) -> None:
        """Delete the progress of a channel's walk, so that the next one begins at the top."""
        with self._db.writing() as db:
            db.execute(delete(t.backfill).where(t.backfill.c.channel == channel))


class SqlLease:
    """Implements `Lease`, which documents the methods."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def lead(self, owner: str, now: datetime, until: datetime) -> bool:
        mine = t.lease.c.name == _LEADER
        is_free = or_(
            t.lease.c.owner == owner,
            t.lease.c.until <= now,
            t.lease.c.until > now + 2 * (until - now),
        )
        values = {"owner": owner, "until": until}
        with self._db.writing() as db:
            if origin := db.execute(
                select(t.lease.c.owner).where(t.lease.c.name == COPYING)
            ).scalar():
                raise StoreError(
                    f"store: it is being copied here from {origin}; "
                    "if that was interrupted, run migrate-store again"
                )
            if db.execute(update(t.lease).where(mine, is_free).values(values)).rowcount:
                return True
            if db.execute(select(t.lease.c.name).where(mine)).first():
                return False
            db.execute(insert(t.lease).values(name=_LEADER, **values))
            return True

    def resign(self, owner: str) -> None:
        with self._db.writing() as db:
            db.execute(delete(t.lease).where(t.lease.c.name == _LEADER, t.lease.c.owner == owner))

    def leader(self) -> tuple[str, datetime] | None:
        with self._db.reading() as db:
            row = db.execute(
                select(t.lease.c.owner, t.lease.c.until).where(t.lease.c.name == _LEADER)
            ).first()
        return (row.owner, row.until) if row else None


class SqlBudget:
    """Implements `HostBudget`, which documents the methods.

    Slots are locks on files in *folder*, which the system releases when the process ends, in
    whatever way. If several machines share a database, each has its own slots; the rate limit is
    common.
    """

    def __init__(self, db: Connections, folder: Path) -> None:
        self._db, self._folder = db, folder

    @contextmanager
    def slot(self, host: str, at_once: int) -> Iterator[None]:
        name = hashlib.sha256(host.encode()).hexdigest()[:16]
        files = [self._folder / "slots" / f"{name}-{number}.lock" for number in range(at_once)]
        with ExitStack() as stack:
            if not any(stack.enter_context(locked(file, wait=False)) for file in files):
                stack.enter_context(locked(files[threading.get_native_id() % at_once]))
            yield

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        with self._db.writing(host) as db:
            row = db.execute(_host, {"mine": host}).first()
            longest_queue = max(LONGEST_QUEUE, MOST_QUEUED * timedelta(seconds=gap_s))
            # A time that far in the future was written by a clock that was wrong.
            was_later = row is not None and row.next_at > now + longest_queue
            if row and not was_later and _is_quiet(row, now, timedelta(seconds=most_quiet_s)):
                return now, row.quiet_until
            is_queued = row is not None and now < row.next_at and not was_later
            start = row.next_at if row and is_queued else now
            values = {"next_at": start + timedelta(seconds=gap_s), "quiet_until": None}
            if row:
                db.execute(_change_host, {"mine": host, **values})
            else:
                db.execute(insert(t.host), {"name": host, **values})
            return start, None

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        with self._db.writing(host) as db:
            row = db.execute(_host, {"mine": host}).first()
            if row is None:
                db.execute(insert(t.host).values(name=host, next_at=now, quiet_until=until))
                return
            was_later = row.next_at > now + MOST_QUEUED * LONGEST_DELAY
            is_stored = not was_later and _is_quiet(row, now, LONGEST_QUIET)
            longer = max(until, row.quiet_until) if is_stored else until
            values = {"quiet_until": longer, "next_at": now if was_later else row.next_at}
            db.execute(_change_host, {"mine": host, **values})

    def quiet(self, now: datetime) -> dict[str, datetime]:
        with self._db.reading() as db:
            found = db.execute(_quiet, {"now": now}).all()
        return {row.name: row.quiet_until for row in found if _is_quiet(row, now, LONGEST_QUIET)}


def _is_quiet(row: Any, now: datetime, longest: timedelta) -> bool:  # noqa: ANN401 (a row)
    return bool(row.quiet_until and now < row.quiet_until <= now + longest)


def _exists(db: Connection, channel: str) -> bool:
    return db.execute(select(t.channel.c.id).where(t.channel.c.id == channel)).first() is not None
