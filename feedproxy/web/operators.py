"""What those who run the mirror look at: whether it is ready, how it does, and its metrics."""

import hmac
import ipaddress
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from werkzeug.exceptions import Forbidden

from feedproxy.edition import Health, look
from feedproxy.model import Mirror
from feedproxy.render import render_status
from feedproxy.settings import Settings
from feedproxy.store import Clock, Desk
from feedproxy.web.answers import HTML, NO_STORE, prepare, send

_JSON = "application/json"
# Counters of the store, by the metric they are, with what their source and outcome are called there.
_COUNTERS = {
    "polls": ("feedproxy_polls", "Polls of channels' listings", "channel"),
    "articles": ("feedproxy_articles", "What became of articles that were fetched", "channel"),
    "pictures": ("feedproxy_pictures", "What became of pictures that were fetched", "channel"),
    "requests": ("feedproxy_upstream_requests", "Requests to upstream, by status or failed", "host"),
    "delays": ("feedproxy_new_articles_by_delay", "New articles by the hours from publication until they were stored", "channel"),
}


@dataclass(frozen=True, slots=True)
class Operators:
    """One method for each address."""

    settings: Settings
    mirror: Mirror
    desk: Desk
    clock: Clock

    def rules(self) -> tuple[tuple[str, Callable[[], Response], str], ...]:
        """Return each URL rule with what answers it, and the method."""
        return (("/readyz", self.readyz, "GET"), ("/status", self.status, "GET"), ("/metrics", self.metrics, "GET"))

    def readyz(self) -> Response:
        """Answer 200 while the store can be read, whatever upstream does; with what is wrong, to operators."""
        self.desk.version([])
        answer: dict[str, object] = {"ready": True}
        if self._is_operator():
            health = look(self.mirror, self.desk, self.clock())
            answer["poller"] = health.leader[0] if health.leader else None
            answer["problems"] = [{"what": problem.what, "advice": problem.advice} for problem in health.problems]
            answer["alarms"] = [
                {"channel": alarm.channel, "site": alarm.site, "rule": alarm.rule, "example": alarm.url, "reason": alarm.reason}
                for alarm in health.alarms
            ]
            answer["sizes"] = dict(health.sizes)
        return _plain(json.dumps(answer, ensure_ascii=False).encode(), _JSON)

    def status(self) -> Response:
        """Answer with a page that says how the mirror does, what is wrong first."""
        self._admit()
        health = look(self.mirror, self.desk, self.clock())
        return _plain(render_status(self.mirror, health), HTML)

    def metrics(self) -> Response:
        """Answer with the metrics, in Prometheus' text form."""
        self._admit()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(look(self.mirror, self.desk, self.clock()), self.desk))
        return _plain(generate_latest(registry), CONTENT_TYPE_LATEST)

    def _admit(self) -> None:
        if not self._is_operator():
            raise Forbidden

    def _is_operator(self) -> bool:
        """Tell whether a request shows the operators' token, or comes from this machine where there is none."""
        token = self.settings.operator_token
        if token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.args.get("token", "")
            return hmac.compare_digest(given.encode(), token.encode())
        # a proxy that is not counted speaks for somebody else
        is_passed_on = any(name in request.headers for name in ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"))
        return not is_passed_on and _is_local(request.remote_addr or "")


class _Collector:
    """Gives what the store counts; every process of the web side gives the same."""

    def __init__(self, health: Health, desk: Desk) -> None:
        self._health, self._desk = health, desk

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        yield from self._counters()
        yield from self._channels()
        sizes = GaugeMetricFamily("feedproxy_store", "How much the store holds, by kind", labels=["kind"])
        for kind, size in self._health.sizes.items():
            sizes.add_metric([kind], size)
        yield sizes
        alarms = GaugeMetricFamily(
            "feedproxy_alarm", "Rules of sites that fit no more what a channel shows", labels=["channel", "site", "rule"]
        )
        for alarm in self._health.alarms:
            alarms.add_metric([alarm.channel, alarm.site, alarm.rule], 1)
        yield alarms
        quiet = GaugeMetricFamily("feedproxy_host_quiet_seconds", "For how long hosts are left alone", labels=["host"])
        for host, until in self._health.quiet.items():
            quiet.add_metric([host], (until - self._health.moment).total_seconds())
        yield quiet
        yield GaugeMetricFamily("feedproxy_poller_up", "Whether a poller leads", value=self._health.leader is not None)

    def _counters(self) -> Iterable[Metric]:
        counts = sorted(self._desk.records.counts().items())
        for kind, (name, words, source_name) in _COUNTERS.items():
            family = CounterMetricFamily(name, words, labels=[source_name, "outcome"])
            for (counter, source, outcome), count in counts:
                if counter == kind:
                    family.add_metric([source, outcome], count)
            yield family

    def _channels(self) -> Iterable[Metric]:
        failures = GaugeMetricFamily("feedproxy_channel_failures", "Failed polls running", labels=["channel"])
        succeeded = GaugeMetricFamily(
            "feedproxy_channel_success_timestamp_seconds", "When a channel was polled well last", labels=["channel"]
        )
        due = GaugeMetricFamily("feedproxy_channel_due_timestamp_seconds", "When a channel is polled next", labels=["channel"])
        for channel, state in sorted(self._health.states.items()):
            failures.add_metric([channel], state.failures)
            if state.succeeded_at:
                succeeded.add_metric([channel], state.succeeded_at.timestamp())
            if state.next_poll_at:
                due.add_metric([channel], state.next_poll_at.timestamp())
        return failures, succeeded, due


def _plain(body: bytes, media_type: str) -> Response:
    return send(prepare(body, media_type), cache_control=NO_STORE)


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
