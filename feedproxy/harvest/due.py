"""What is due: for the poller, who does it, and for the dispatcher, who has it done."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from feedproxy import plan
from feedproxy.harvest.kit import Kit
from feedproxy.model import Channel, Waiting


def plan_first(kit: Kit, channels: Sequence[Channel]) -> None:
    """Set when those of *channels* are polled that never were."""
    first = plan.first_polls(channels, kit.store.schedule.states(), kit.clock(), kit.mirror.poll)
    if first:
        kit.store.schedule.plan_first(first)


def due_channels(kit: Kit, channels: Mapping[str, Channel]) -> list[tuple[Channel, datetime | None]]:
    """Return the channels whose time has come, the longest overdue first, each with that time."""
    now, rules = kit.clock(), kit.mirror.poll
    states = kit.store.schedule.due(now, plan.horizon(now, rules))
    found = plan.due_channels([channels[name] for name in states if name in channels], states, now, rules)
    return [(channel, states[channel.id].next_poll_at) for channel in found]


def due_articles(kit: Kit, channel: str, limit: int) -> list[Waiting]:
    """Return the first *limit* articles of a channel that wait and are due, oldest first."""
    return plan.due_articles(kit.store.waiting(channel), kit.clock(), kit.mirror.poll)[:limit]
