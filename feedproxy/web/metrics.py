"""Metrics in Prometheus' text format.

Events are counted in the store, so all processes report the same numbers. Label values are names
from the configuration, so the number of series is bounded: one or two dozen per channel.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from feedproxy import __version__
from feedproxy.model import REQUESTED, Mirror
from feedproxy.output import ChannelHealth, Health
from feedproxy.web import counters

MEDIA_TYPE = CONTENT_TYPE_LATEST
# Counters of the store: for each its metric's name, description, and the label of its source.
_COUNTERS = {
    "polls": ("feedproxy_polls", "Polls of channels' listings", "channel"),
    "articles": ("feedproxy_articles", "What became of articles that were fetched", "channel"),
    "pictures": ("feedproxy_pictures", "What became of pictures that were fetched", "channel"),
    "requests": (
        "feedproxy_upstream_requests",
        "Requests to upstream, by status or failed",
        "host",
    ),
    "delays": (
        "feedproxy_new_articles_by_delay",
        "New articles by the hours from publication until they were stored",
        "channel",
    ),
}
# Sources other than channels: pictures fetched after their article, and articles that readers
# requested.
_MORE_SOURCES = ("later", REQUESTED)
_OTHER = "other"
_Value = Callable[[ChannelHealth], float | None]
_CHANNELS: tuple[tuple[str, str, _Value], ...] = (
    ("feedproxy_channel_failures", "Failed polls running", lambda each: each.state.failures),
    (
        "feedproxy_channel_success_timestamp_seconds",
        "When a channel was polled well last",
        lambda each: _seconds(each.state.succeeded_at),
    ),
    (
        "feedproxy_channel_due_timestamp_seconds",
        "When a channel is polled next",
        lambda each: _seconds(each.state.next_poll_at),
    ),
    (
        "feedproxy_channel_newest_timestamp_seconds",
        "When its newest article was published",
        lambda each: _seconds(each.newest),
    ),
    ("feedproxy_channel_waiting", "Articles that are not stored yet", lambda each: each.waiting),
    (
        "feedproxy_channel_stands_in",
        "Whether another source stands in for the first one",
        lambda each: bool(each.state.stand_in),
    ),
)


def make_metrics(mirror: Mirror, health: Health) -> bytes:
    """Return the metrics of a mirror."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(mirror, health))
    return generate_latest(registry)


class _Collector:
    """Collects the counts in the store and those of this server's workers."""

    def __init__(self, mirror: Mirror, health: Health) -> None:
        self._mirror, self._health = mirror, health

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics; if the store can't be read, only those that do not depend on it."""
        health = self._health
        yield _gauge("feedproxy_info", "The version of the program", {__version__: 1}, "version")
        yield GaugeMetricFamily(
            "feedproxy_store_up", "Whether the store can be read", value=health.is_readable
        )
        yield GaugeMetricFamily(
            "feedproxy_problems", "What is wrong, as /status lists it", value=len(health.problems)
        )
        yield from _bytes("feedproxy_disk_free_bytes", "Room in the data folder", health.bytes_free)
        answers = CounterMetricFamily(
            "feedproxy_web_responses",
            "Responses of this server: from its cache, others by status",
            labels=["outcome"],
        )
        for outcome, count in counters.totals().items():
            answers.add_metric([outcome], count)
        yield answers
        if health.is_readable:
            yield from self._counters()
            yield from self._channels()
            yield from self._store()

    def _store(self) -> Iterable[Metric]:
        health = self._health
        yield _gauge("feedproxy_store", "How much the store holds, by kind", health.sizes, "kind")
        yield from _bytes(
            "feedproxy_store_bytes", "What the store and its pictures take", health.bytes_held
        )
        alarms = GaugeMetricFamily(
            "feedproxy_alarm",
            "Rules of sites that fit no more what a channel shows",
            labels=["channel", "site", "rule"],
        )
        for alarm in health.alarms:
            alarms.add_metric([alarm.channel, alarm.site, alarm.rule], 1)
        yield alarms
        quiet = {
            host: (until - health.moment).total_seconds() for host, until in health.quiet.items()
        }
        yield _gauge("feedproxy_host_quiet_seconds", "How long hosts are paused", quiet, "host")
        yield GaugeMetricFamily(
            "feedproxy_poller_up", "Whether a poller leads", value=health.leader is not None
        )
        lease = (health.leader[1] - health.moment).total_seconds() if health.leader else 0
        yield GaugeMetricFamily(
            "feedproxy_poller_lease_seconds",
            "For how long the leading poller's lease still holds",
            value=lease,
        )

    def _counters(self) -> Iterable[Metric]:
        known = {
            "channel": {*_MORE_SOURCES, *(channel.id for channel in self._mirror.channels)},
            "host": self._mirror.picture_hosts,
        }
        for kind, (name, words, source_name) in _COUNTERS.items():
            family = CounterMetricFamily(name, words, labels=[source_name, "outcome"])
            counts = Counter[tuple[str, str]]()
            for (counter, source, outcome), count in self._health.counts.items():
                if counter == kind:
                    counts[source if source in known[source_name] else _OTHER, outcome] += count
            for labels, count in sorted(counts.items()):
                family.add_metric(labels, count)
            yield family

    def _channels(self) -> Iterable[Metric]:
        for name, words, value_of in _CHANNELS:
            values = {each.channel.id: value_of(each) for each in self._health.channels}
            yield _gauge(
                name,
                words,
                {channel: value for channel, value in values.items() if value is not None},
                "channel",
            )


def _gauge(name: str, words: str, values: Mapping[str, float], label: str) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for source, value in sorted(values.items()):
        family.add_metric([source], value)
    return family


def _bytes(name: str, words: str, count: int | None) -> Iterable[Metric]:
    if count is not None:
        yield GaugeMetricFamily(name, words, value=count)


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
