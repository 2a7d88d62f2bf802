"""How the mirror does, for those who run it. Pure but for what it reads of the store and of the disk.

All that is asked of the store is a number of index ranges or small tables, so it takes no longer where much is held.
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
from feedproxy.store import Library, WebStore

_DAYS = 30
# The hours within which new articles came, as the store counts them.
_DELAYS = ("1", "3", "6", "12", "24", "more")


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How one channel does, in *words*; *delay* is how late half of its new articles come at most, "" if none is known."""

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
    """What operators look at; *leader* is who polls, until when, *quiet* hosts are left alone until then.

    *counts* are the store's counters, *days* how many articles were published on each of the last days, *delays* how many new
    articles took how many hours at most. *bytes_held* and *bytes_free* are None where that can't be told. A store that can't be
    read leaves nothing but a problem.
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


def look(mirror: Mirror, desk: WebStore, folder: Path, now: datetime) -> Health:
    """Return how the mirror does whose data *folder* that is.

    Raises:
        StoreError: the store can't be read.

    """
    probe(mirror, desk)
    channels = [channel.id for channel in mirror.channels]
    states, records, free = desk.schedule.states(), desk.records, free_bytes(folder)
    leader, quiet, away = _shared(desk, now)
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
        channels=_channels(mirror, desk, states, alarms, delays=delays, now=now),
        alarms=alarms,
        quiet=quiet,
        sizes=records.sizes(),
        counts=counts,
        days=_days(desk, channels, now),
        delays={hours: sum(each[hours] for each in delays.values()) for hours in _DELAYS},
        bytes_held=records.bytes_held(),
        bytes_free=free,
    )


def probe(mirror: Mirror, library: Library) -> None:
    """Hold that the newest articles can be read, and that no process has found the store damaged.

    Raises:
        StoreError: they can't, or one has.

    """
    library.probe([channel.id for channel in mirror.channels], mirror.entries)


def unreadable(error: str, folder: Path, now: datetime) -> Health:
    """Return how a mirror does whose store can't be read."""
    free = free_bytes(folder)
    wrong = problems.of_store(error), *problems.of_disk(folder, free)
    return Health(now, wrong, bytes_free=free, is_readable=False)


def free_bytes(folder: Path) -> int | None:
    """Return how many bytes are free in a folder, None if it can't be looked at."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _shared(
    desk: WebStore, now: datetime
) -> tuple[tuple[str, datetime] | None, Mapping[str, datetime], list[str]]:
    """Return who leads, which hosts are left alone, and why that can't be told: it may lie elsewhere than the store does."""
    try:
        found, quiet = desk.lease.leader(), desk.budget.quiet(now)
    except StoreError as e:
        return None, {}, [str(e)]
    return found if found and found[1] > now else None, quiet, []


def _channels(
    mirror: Mirror,
    desk: WebStore,
    states: Mapping[str, ChannelState],
    alarms: tuple[Alarm, ...],
    *,
    delays: Mapping[str, Mapping[str, int]],
    now: datetime,
) -> tuple[ChannelHealth, ...]:
    """Return how each channel does: those first with which something is wrong, else in the configured order."""
    newest, queues, ringing = (
        desk.records.newest(),
        desk.records.queues(),
        {alarm.channel: alarm for alarm in alarms},
    )
    found = []
    for channel in mirror.channels:
        state, alarm = states.get(channel.id, ChannelState(channel.id)), ringing.get(channel.id)
        words, is_well = _in_words(state, alarm, now)
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


def _in_words(state: ChannelState, alarm: Alarm | None, now: datetime) -> tuple[str, bool]:
    """Return how a channel does, and whether that is well."""
    if state.failures >= problems.MIN_FAILURES:
        return f"failed {state.failures} times running", False
    if alarm:
        return f"{alarm.rule} fits no more", False
    if state.stand_in and not state.failures:
        return "taken from another source", False
    if state.next_poll_at and state.next_poll_at < now - problems.LATE:
        return f"late since {problems.said(state.next_poll_at)}", False
    if state.polled_at is None:
        return "not polled yet", True
    return ("failed, is tried again" if state.failures else "well"), True


def _days(desk: WebStore, channels: list[str], now: datetime) -> dict[date, int]:
    """Return how many articles were published on each of the last days, today the last."""
    days = [now.astimezone(UTC).date() - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    found = desk.records.per_day(channels, datetime.combine(days[0], time(), UTC))
    return {day: found.get(day, 0) for day in days}


def _delays(counts: Mapping[tuple[str, str, str], int], channel: str) -> dict[str, int]:
    return {hours: counts.get(("delays", channel, hours), 0) for hours in _DELAYS}


def _median(delays: Mapping[str, int]) -> str:
    """Return within how many hours half of them came."""
    passed, half = 0, sum(delays.values()) / 2
    for hours in _DELAYS:
        passed += delays[hours]
        if passed and passed >= half:
            return hours
    return ""
