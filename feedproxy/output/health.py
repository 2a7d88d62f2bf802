"""Report the mirror's health to operators. Reads the store and the free disk space, nothing else.

Every query reads a small table or a range of an index, so the time does not grow with the size of
the store.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from feedproxy.errors import StoreError
from feedproxy.model import Alarm, Channel, ChannelState, Mirror
from feedproxy.output import problems
from feedproxy.output.problems import Problem
from feedproxy.store import Store

_DAYS = 30
# The store's classes of delay: the hours within which a new article was stored.
_DELAYS = ("1", "3", "6", "12", "24", "more")


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """The health of one channel, summarized in *words*.

    *delay* is the number of hours within which half of its new articles were stored, "" if none is
    known. *waiting* is the number of articles still to be fetched.
    """

    channel: Channel
    state: ChannelState
    words: str
    is_well: bool
    reason: str
    newest: datetime | None
    waiting: int
    delay: str


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the mirror at *moment*.

    *leader* is the polling process and the time at which its lease expires. *quiet* gives the hosts
    that are not requested for now, and until when. *counts* are the store's counters. *days* are
    the numbers of articles published on each of the last days, *delays* the numbers of new articles
    by the hours until they were stored. *bytes_held* and *bytes_free* are None where they are not
    known. If the store can't be read, only the problems and *bytes_free* are set.
    """

    moment: datetime
    problems: tuple[Problem, ...]
    leader: tuple[str, datetime] | None = None
    channels: tuple[ChannelHealth, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    quiet: Mapping[str, datetime] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    days: Mapping[date, int] = field(default_factory=dict)
    delays: Mapping[str, int] = field(default_factory=dict)
    bytes_held: int | None = None
    bytes_free: int | None = None
    is_readable: bool = True


def look(mirror: Mirror, store: Store, folder: Path, now: datetime) -> Health:
    """Return the health of a mirror with the data folder *folder*.

    Raises:
        StoreError: the store can't be read.

    """
    probe(mirror, store)
    channels = [channel.id for channel in mirror.channels]
    states, records, free = store.schedule.states(), store.records, free_bytes(folder)
    leader, quiet, away = _shared(store, now)
    alarms = tuple(
        alarm for alarm in records.alarms() if alarm.closed is None and alarm.channel in channels
    )
    counts = records.counts()
    delays = {channel: _delays(counts, channel) for channel in channels}
    wrong = [
        *(
            map(problems.of_engine, away)
            if away
            else problems.of_poller(leader, mirror, states, now)
        ),
        *problems.of_disk(folder, free),
        *map(problems.of_alarm, alarms),
        *problems.of_channels(mirror, states, now),
        *problems.of_hosts(quiet),
    ]
    return Health(
        moment=now,
        problems=tuple(wrong),
        leader=leader,
        channels=_channels(mirror, store, states, alarms, delays=delays, now=now),
        alarms=alarms,
        quiet=quiet,
        sizes=records.sizes(),
        counts=counts,
        days=_days(store, channels, now),
        delays={hours: sum(each[hours] for each in delays.values()) for hours in _DELAYS},
        bytes_held=records.bytes_held(),
        bytes_free=free,
    )


def probe(mirror: Mirror, store: Store) -> None:
    """Check that the newest articles can be read and that no process has found the store damaged.

    Raises:
        StoreError: the articles can't be read, or the store is damaged.

    """
    store.probe([channel.id for channel in mirror.channels], mirror.feeds.entries)


def unreadable(error: str, folder: Path, now: datetime) -> Health:
    """Return the health of a mirror whose store can't be read."""
    free = free_bytes(folder)
    wrong = problems.of_store(error), *problems.of_disk(folder, free)
    return Health(now, wrong, bytes_free=free, is_readable=False)


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of a folder's disk, None if the folder can't be examined."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _shared(
    store: Store, now: datetime
) -> tuple[tuple[str, datetime] | None, Mapping[str, datetime], list[str]]:
    """Return the leader, the paused hosts with the end of their pause, and read errors.

    They may be kept in Redis, which can fail while the store works.
    """
    try:
        found, quiet = store.lease.leader(), store.budget.quiet(now)
    except StoreError as e:
        return None, {}, [str(e)]
    return found if found and found[1] > now else None, quiet, []


def _channels(
    mirror: Mirror,
    store: Store,
    states: Mapping[str, ChannelState],
    alarms: tuple[Alarm, ...],
    *,
    delays: Mapping[str, Mapping[str, int]],
    now: datetime,
) -> tuple[ChannelHealth, ...]:
    """Return the health of each channel: first those with a problem, then the others.

    Both groups are in the configured order.
    """
    newest, queues, open_alarms = (
        store.records.newest(),
        store.records.queues(),
        {alarm.channel: alarm for alarm in alarms},
    )
    found = []
    for channel in mirror.channels:
        state, alarm = states.get(channel.id, ChannelState(channel.id)), open_alarms.get(channel.id)
        words, is_well = _judge(state, alarm, now)
        reason = (
            state.last_error
            if state.failures
            else state.stand_in or (alarm.reason if alarm else "")
        )
        delay = _median(delays[channel.id])
        found.append(
            ChannelHealth(
                channel,
                state,
                words,
                is_well,
                reason,
                newest.get(channel.id),
                queues.get(channel.id, 0),
                delay,
            )
        )
    return tuple(sorted(found, key=lambda each: each.is_well))


def _judge(state: ChannelState, alarm: Alarm | None, now: datetime) -> tuple[str, bool]:
    """Return a channel's health in words, and whether it is well."""
    if state.failures >= problems.MIN_FAILURES:
        return f"failed {state.failures} times in a row", False
    if alarm:
        return f"{alarm.rule} no longer matches", False
    if state.stand_in and not state.failures:
        return "read from a fallback source", False
    if state.next_poll_at and state.next_poll_at < now - problems.LATE:
        return f"late since {problems.format_time(state.next_poll_at)}", False
    if state.polled_at is None:
        return "not polled yet", True
    return ("failed, will be retried" if state.failures else "well"), True


def _days(store: Store, channels: list[str], now: datetime) -> dict[date, int]:
    """Return the number of articles published on each of the last days; today is the last."""
    days = [now.astimezone(UTC).date() - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    found = store.records.per_day(channels, datetime.combine(days[0], time(), UTC))
    return {day: found.get(day, 0) for day in days}


def _delays(counts: Mapping[tuple[str, str, str], int], channel: str) -> dict[str, int]:
    return {hours: counts.get(("delays", channel, hours), 0) for hours in _DELAYS}


def _median(delays: Mapping[str, int]) -> str:
    """Return the class of delay, in hours, within which half of the new articles were stored."""
    passed, half = 0, sum(delays.values()) / 2
    for hours in _DELAYS:
        passed += delays[hours]
        if passed and passed >= half:
            return hours
    return ""
