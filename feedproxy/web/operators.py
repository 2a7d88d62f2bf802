"""Views for operators: readiness, status and metrics."""

import hmac
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Response, abort, request
from werkzeug.exceptions import TooManyRequests

from feedproxy.configuration.settings import Settings, is_loopback
from feedproxy.errors import StoreError
from feedproxy.model import Mirror
from feedproxy.output import ChannelHealth, Health, Problem, look, probe, unreadable
from feedproxy.output.render import render_status
from feedproxy.store import Clock, Store
from feedproxy.web.access import count_guess, given_secret
from feedproxy.web.metrics import MEDIA_TYPE, make_metrics
from feedproxy.web.rate_limits import RateLimiter
from feedproxy.web.responses import HTML, Routes, respond
from feedproxy.web.views import refuse

_log = logging.getLogger(__name__)
_JSON = "application/json"
# Browsers use Basic and ask for a password, programs send the token as Bearer (RFC 9110, section
# 11.6.1).
_CHALLENGES = ('Basic realm="operator", charset="UTF-8"', 'Bearer realm="operator"')
# Headers that proxies add. They show that the request may come from another machine.
_FORWARDING = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)


@dataclass(frozen=True, slots=True)
class Operators:
    """The views for operators."""

    settings: Settings
    mirror: Mirror
    store: Store
    clock: Clock
    guesses: RateLimiter

    def routes(self) -> Routes:
        """Return the views of GET requests, by URL rule."""
        return {
            "/readyz": self.readyz,
            "/status": self.status,
            "/status.json": self.status_json,
            "/metrics": self.metrics,
        }

    def readyz(self) -> Response:
        """Answer 200 if the store can be read, independent of the state of upstream.

        Operators also get the leader, the problems, the alarms and the store's sizes.
        """
        probe(self.mirror, self.store)
        answer: dict[str, object] = {"ready": True}
        if self._shows_details():
            health = look(self.mirror, self.store, self.settings.data, self.clock())
            answer["poller"] = health.leader[0] if health.leader else None
            answer |= _wrong(health) | {"sizes": dict(health.sizes)}
        return _plain(_json(answer), _JSON)

    def status(self) -> Response:
        """Answer with the status page, which starts with the problems."""
        health = self._look()
        days = {f"{day:%m-%d}": count for day, count in health.days.items()}
        delays = {
            f"{hours} h" if hours.isdecimal() else hours: count
            for hours, count in health.delays.items()
        }
        return _plain(render_status(self.mirror, health, days, delays), HTML, health)

    def status_json(self) -> Response:
        """Answer with the status as a JSON document."""
        health = self._look()
        return _plain(_json(_document(health)), _JSON, health)

    def metrics(self) -> Response:
        """Answer with the metrics; without a readable store only with those that need none."""
        return _plain(make_metrics(self.mirror, self._look()), MEDIA_TYPE)

    def _look(self) -> Health:
        """Return the mirror's health; refuse anyone who is not an operator.

        If the store can't be read, that is one of the problems.
        """
        if not self._is_operator():
            abort(_refusal(has_token=bool(self.settings.operator_token)))
        try:
            return look(self.mirror, self.store, self.settings.data, self.clock())
        except StoreError as e:
            _log.error("%s", e)
            return unreadable(str(e), self.settings.data, self.clock())

    def _shows_details(self) -> bool:
        """Return whether a readiness request comes from an operator.

        After too many wrong tokens the answer is no, so that a load balancer with an outdated token
        still gets a response.
        """
        try:
            return self._is_operator()
        except TooManyRequests:
            return False

    def _is_operator(self) -> bool:
        """Return whether the request has the operator's token or, if none is set, is local.

        A forwarder on this machine (a bare `proxy_pass`, an onion service, `ssh -R`) also connects
        from loopback. So without a token the server must be configured for this machine only, and
        the request must name a loopback host and carry no forwarding headers.

        Raises:
            TooManyRequests: the client has sent too many wrong tokens.

        """
        token = self.settings.operator_token
        if not token:
            host = urlsplit(f"//{request.host}").hostname or ""
            is_forwarded = any(name in request.headers for name in _FORWARDING)
            return (
                self.settings.is_local
                and not is_forwarded
                and is_loopback(host)
                and is_loopback(request.remote_addr or "")
            )
        given = given_secret("token")
        if hmac.compare_digest(given.encode(), token.encode()):
            return True
        if given:
            count_guess(self.guesses)
        return False


def _refusal(*, has_token: bool) -> Response:
    """Return the response to anyone who is not an operator."""
    if not has_token:
        return refuse(
            403,
            "this page is open on the server itself; "
            "elsewhere once FEEDPROXY_OPERATOR_TOKEN is set",
        )
    response = refuse(401, "this page needs the operator's token")
    for challenge in _CHALLENGES:
        response.headers.add("WWW-Authenticate", challenge)
    return response


def _document(health: Health) -> dict[str, object]:
    return {
        "moment": _moment(health.moment),
        "well": not health.problems,
        **_wrong(health),
        "poller": {"name": health.leader[0], "until": _moment(health.leader[1])}
        if health.leader
        else None,
        "store": {
            "readable": health.is_readable,
            "bytes": health.bytes_held,
            "free_bytes": health.bytes_free,
            **health.sizes,
        },
        "quiet": {host: _moment(until) for host, until in sorted(health.quiet.items())},
        "days": {day.isoformat(): count for day, count in health.days.items()},
        "delays": health.delays,
        "channels": list(map(_channel, health.channels)),
    }


def _wrong(health: Health) -> dict[str, object]:
    alarms = [
        {
            "channel": alarm.channel,
            "site": alarm.site,
            "rule": alarm.rule,
            "example": alarm.url,
            "reason": alarm.reason,
        }
        for alarm in health.alarms
    ]
    return {"problems": [_problem(each) for each in health.problems], "alarms": alarms}


def _problem(problem: Problem) -> dict[str, str]:
    return {"what": problem.what, "advice": problem.advice}


def _channel(each: ChannelHealth) -> dict[str, object]:
    state = each.state
    return {
        "id": each.channel.id,
        "title": each.channel.title,
        "well": each.is_well,
        "words": each.words,
        "reason": each.reason,
        "failures": state.failures,
        "polled": _moment(state.polled_at),
        "succeeded": _moment(state.succeeded_at),
        "next_poll": _moment(state.next_poll_at),
        "newest": _moment(each.newest),
        "delay_hours": each.delay,
        "waiting": each.waiting,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _plain(body: bytes, media_type: str, health: Health | None = None) -> Response:
    status = 503 if health and not health.is_readable else 200
    return respond(body, media_type, status)
