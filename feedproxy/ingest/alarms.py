"""Open, close and deliver alarms about site rules.

An alarm opens when a site's rules no longer match a channel's listing or articles. It closes when
they match again. A webhook is notified of both.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from feedproxy import policy
from feedproxy.errors import FetchError
from feedproxy.ingest.reports import Report, RuleFit
from feedproxy.ingest.services import Services
from feedproxy.model import Alarm

_log = logging.getLogger(__name__)


def watch(services: Services, report: Report) -> None:
    """Add a poll's outcome to the counters, and open or close its channel's alarms.

    Listing alarms and article alarms are decided separately.
    """
    _count(services, report)
    state = services.store.schedule.state(report.channel.id)
    on = [
        alarm
        for alarm in services.store.records.alarms()
        if alarm.channel == report.channel.id and alarm.closed is None
    ]
    if report.listing:
        known = [alarm for alarm in on if _is_of_listing(alarm.rule)]
        is_bad = bool(report.listing.rule) and (
            bool(known) or state.failures >= policy.MIN_LISTING_FAILURES
        )
        _decide(services, report, known, report.listing if is_bad else None)
    if not report.fits:
        return
    outcomes = policy.append_outcomes(
        state.outcomes, (policy.FITS_NOT if fit.rule else policy.FITS for fit in report.fits)
    )
    known = [alarm for alarm in on if not _is_of_listing(alarm.rule)]
    is_on = policy.decide_alarm(outcomes, is_on=bool(known))
    worst = next((fit for fit in reversed(report.fits) if fit.rule), None)
    if not is_on and known:
        outcomes = policy.FORGIVEN
    if worst or not is_on:
        _decide(services, report, known, worst if is_on else None)
    services.store.schedule.save_outcomes(report.channel.id, outcomes)


def _is_of_listing(rule: str) -> bool:
    return not rule.startswith("article.")


def _decide(services: Services, report: Report, known: list[Alarm], bad: RuleFit | None) -> None:
    """Open an alarm for *bad* unless *known* has an open one; without *bad*, close *known*."""
    channel = report.channel
    if bad and not known:
        named = {"channel": channel.id, "url": bad.url}
        _log.error(
            "%s: alarm: %s no longer matches, for example at %s: %s",
            channel.id,
            bad.rule,
            bad.url,
            bad.reason,
            extra=named,
        )
        services.store.records.put_alarm(
            Alarm(channel.id, channel.site.name, bad.rule, bad.url, bad.reason, services.clock())
        )
    for alarm in known if bad is None else ():
        _log.warning(
            "%s: alarm over: %s matches again",
            channel.id,
            alarm.rule,
            extra={"channel": channel.id},
        )
        services.store.records.put_alarm(replace(alarm, closed=services.clock()))


def tell(services: Services, webhook: Callable[[Alarm], None]) -> bool:
    """Send the webhook all undelivered alarms; return False as soon as a delivery fails."""
    for alarm in services.store.records.unsent():
        try:
            webhook(alarm)
        except FetchError as e:
            _log.warning("webhook: %s; the notification is sent again later", e)
            return False
        services.store.records.mark_sent(alarm)
    return True


def _count(services: Services, report: Report) -> None:
    source = report.channel.id
    counts = {("articles", source, outcome): count for outcome, count in report.articles.items()}
    counts |= {("delays", source, hours): count for hours, count in report.delays.items()}
    counts |= {
        ("requests", host, outcome): count
        for (host, outcome), count in services.fetcher.counts().items()
    }
    counts |= {
        ("pictures", source, "stored"): report.pictures,
        ("pictures", source, "missing"): len(report.missing),
    }
    services.store.records.add({key: count for key, count in counts.items() if count})
