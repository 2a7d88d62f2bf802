"""Query due channels and articles, for the poller and for the dispatcher."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from feedproxy import policy
from feedproxy.ingest.services import Services
from feedproxy.model import Channel, Waiting


def plan_first(services: Services, channels: Sequence[Channel]) -> None:
    """Schedule the first poll of those *channels* that were never polled."""
    first = policy.first_polls(
        channels, services.store.schedule.states(), services.clock(), services.mirror.poll
    )
    if first:
        services.store.schedule.plan_first(first)


def due_channels(
    services: Services, channels: Mapping[str, Channel]
) -> list[tuple[Channel, datetime | None]]:
    """Return the due channels, the longest overdue first, each with its due time."""
    now, rules = services.clock(), services.mirror.poll
    states = services.store.schedule.due(now, policy.horizon(now, rules))
    found = policy.due_channels(
        [channels[name] for name in states if name in channels], states, now, rules
    )
    return [(channel, states[channel.id].next_poll_at) for channel in found]


def due_articles(services: Services, channel: str, limit: int) -> list[Waiting]:
    """Return the first *limit* due articles in a channel's queue, oldest first."""
    return policy.due_articles(
        services.store.queue.of_channel(channel), services.clock(), services.mirror.poll
    )[:limit]
