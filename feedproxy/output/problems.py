"""Problems of a mirror, each with advice to the operator. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from feedproxy.model import Alarm, ChannelState, Mirror

# A poll that is later than this shows that the poller is behind or does not run.
LATE = timedelta(minutes=15)
# Single failures are normal on a network; only several consecutive ones are a problem.
MIN_FAILURES = 3
# One day's articles and pictures, and working space for the database.
_MIN_FREE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem and what to do about it."""

    what: str
    advice: str


def of_poller(
    leader: tuple[str, datetime] | None,
    mirror: Mirror,
    states: Mapping[str, ChannelState],
    now: datetime,
) -> Iterator[Problem]:
    """Yield a problem if no poller runs, or if the poller is behind."""
    if leader is None:
        yield Problem("no poller is running", "start one: feedproxy serve, or feedproxy poll")
        return
    due = [states[channel.id].next_poll_at for channel in mirror.channels if channel.id in states]
    late = [at for at in due if at and at < now - LATE]
    if late:
        behind = int((now - min(late)) / timedelta(minutes=1))
        advice = "check in the log whether upstream is slow, or raise fetch.requests_per_second"
        yield Problem(
            f"the poller is behind: {len(late)} channels are due, one for {behind} minutes", advice
        )


def of_disk(folder: Path, free: int | None) -> Iterator[Problem]:
    """Yield a problem if the data folder's disk is nearly full or can't be examined."""
    if free is None:
        yield Problem(
            f"{folder} can't be read",
            "give this user access to it, or set FEEDPROXY_DATA to another folder",
        )
    elif free < _MIN_FREE_BYTES:
        yield Problem(
            f"{free / 1_000_000:.0f} MB are free in {folder}",
            "make room, or: feedproxy prune --days 365",
        )


def of_alarm(alarm: Alarm) -> Problem:
    """Return the problem of a rule that no longer matches a channel's pages."""
    opened = format_time(alarm.opened)
    since = f"{alarm.rule} has not matched the pages of {alarm.channel} since {opened}"
    advice = (
        f"look at the page, correct the rule in config/sites/{alarm.site}.toml, "
        f"try it with: feedproxy check {alarm.url}; "
        f"then: feedproxy reextract --channel {alarm.channel}"
    )
    return Problem(f"{since}, for example {alarm.url}: {alarm.reason}", advice)


def of_channels(
    mirror: Mirror, states: Mapping[str, ChannelState], now: datetime
) -> Iterator[Problem]:
    """Yield the channels that are read from a fallback source, then those that fail."""
    known = [states[channel.id] for channel in mirror.channels if channel.id in states]
    for state in known:
        if state.stand_in and not state.failures:
            what = f"{state.channel} is read from a fallback source: {state.stand_in}"
            yield Problem(what, "test whether the first source answers: feedproxy doctor")
    for state in known:
        if state.failures >= MIN_FAILURES:
            last = ago(state.succeeded_at, now)
            what = (
                f"{state.channel} failed {state.failures} times in a row, "
                f"last success {last}: {state.last_error}"
            )
            yield Problem(what, "test whether the address answers: feedproxy doctor")


def of_hosts(quiet: Mapping[str, datetime]) -> Iterator[Problem]:
    """Yield the hosts that asked for a pause in requests."""
    for host, until in sorted(quiet.items()):
        yield Problem(
            f"{host} asked for a pause until {format_time(until)}",
            "nothing: requests continue then",
        )


def of_store(error: str) -> Problem:
    """Return the problem of a store that can't be read."""
    return Problem(
        error,
        "readers get the last good responses from the cache; "
        "find the cause: feedproxy doctor --offline",
    )


def of_engine(error: str) -> Problem:
    """Return the problem of an unreachable shared service (Redis) while the store works."""
    return Problem(
        error,
        "nothing, if it is stopped on purpose: "
        "polling continues once it is back, and stored articles are served",
    )


def ago(moment: datetime | None, now: datetime) -> str:
    """Return the time since a moment, in words."""
    return f"{(now - moment) / timedelta(hours=1):.1f} hours ago" if moment else "never"


def format_time(moment: datetime) -> str:
    """Return a moment as text."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
