"""How the mirror does, for those who run it: what is wrong, and what to do. Pure but for what it reads of the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from feedproxy.errors import StoreError
from feedproxy.model import Alarm, ChannelState, Mirror
from feedproxy.store import Desk

# A poll that is so late says that the poller is behind, or not there.
_LATE = timedelta(minutes=15)
# One failure is the network's daily bread.
_MIN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do about it."""

    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class Health:
    """What operators look at; *leader* is who polls, until when, *quiet* hosts are left alone until then."""

    moment: datetime
    leader: tuple[str, datetime] | None
    states: Mapping[str, ChannelState]
    alarms: tuple[Alarm, ...]
    quiet: Mapping[str, datetime]
    sizes: Mapping[str, int]
    problems: tuple[Problem, ...]


def look(mirror: Mirror, desk: Desk, now: datetime) -> Health:
    """Return how the mirror does.

    Raises:
        StoreError: the store can't be read.

    """
    states = desk.schedule.states()
    try:
        found, quiet, unknown = desk.lease.leader(), desk.budget.quiet(now), []
    except StoreError as e:  # what is shared by all machines is away, and the store is not
        advice = "nothing, if it is to be away: polling goes on by itself once it is back, and what is held is served"
        found, quiet, unknown = None, {}, [Problem(str(e), advice)]
    leader = found if found and found[1] > now else None
    channels = {channel.id for channel in mirror.channels}
    states = {channel: state for channel, state in states.items() if channel in channels}
    alarms = tuple(alarm for alarm in desk.records.alarms() if alarm.closed is None and alarm.channel in channels)
    problems = [*unknown, *_of_poller(leader, mirror, states, now), *_of_alarms(alarms), *_of_channels(mirror, states, now)]
    problems += [
        Problem(f"{host} asked to be left alone until {_said(until)}", "nothing: it is asked again then")
        for host, until in sorted(quiet.items())
    ]
    return Health(now, leader, states, alarms, quiet, desk.records.sizes(), tuple(problems))


def _of_poller(
    leader: tuple[str, datetime] | None, mirror: Mirror, states: Mapping[str, ChannelState], now: datetime
) -> list[Problem]:
    if leader is None:
        return [Problem("no poller is running", "start one: feedproxy serve, or feedproxy poll")]
    due = [states[channel.id].next_poll_at for channel in mirror.channels if channel.id in states]
    late = [at for at in due if at and at < now - _LATE]
    if not late:
        return []
    behind = int((now - min(late)) / timedelta(minutes=1))
    advice = "see whether upstream is slow (the log says it), or raise fetch.requests_per_second"
    return [Problem(f"the poller is behind: {len(late)} channels are due, one for {behind} minutes", advice)]


def _of_alarms(alarms: tuple[Alarm, ...]) -> list[Problem]:
    return [_of_alarm(alarm) for alarm in alarms]


def _of_alarm(alarm: Alarm) -> Problem:
    since = f"{alarm.rule} fits what {alarm.channel} shows no more since {_said(alarm.opened)}"
    advice = (
        f"look at the page, mend the rule in config/sites/{alarm.site}.toml, try it with: feedproxy check {alarm.url}; "
        f"then: feedproxy reextract --channel {alarm.channel}"
    )
    return Problem(f"{since}, for example {alarm.url}: {alarm.reason}", advice)


def _of_channels(mirror: Mirror, states: Mapping[str, ChannelState], now: datetime) -> list[Problem]:
    known = [states[channel.id] for channel in mirror.channels if channel.id in states]
    failing = [state for state in known if state.failures >= _MIN_FAILURES]
    words = "{} failed {} times running, last success {}: {}"
    standing_in = [
        Problem(
            f"{state.channel} is taken from another source: {state.stand_in}",
            "see whether the first one answers: feedproxy doctor",
        )
        for state in known
        if state.stand_in and not state.failures
    ]
    return standing_in + [
        Problem(
            words.format(state.channel, state.failures, _ago(state.succeeded_at, now), state.last_error),
            "see whether the address answers: feedproxy doctor",
        )
        for state in failing
    ]


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{(now - moment) / timedelta(hours=1):.1f} hours ago" if moment else "never"
