"""Alarms: opened when a site's rules stop to fit what a channel shows, closed when they fit again; told to whom it concerns."""

import logging
from collections.abc import Callable
from dataclasses import replace

from feedproxy import plan
from feedproxy.errors import FetchError
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.reports import Report
from feedproxy.model import Alarm

_log = logging.getLogger(__name__)


def watch(kit: Kit, report: Report) -> None:
    """Count what became of a poll, and open or close its channel's alarm."""
    channel = report.channel
    _count(kit, report)
    if not report.fits:
        return
    before = kit.store.schedule.state(channel.id).outcomes
    outcomes = plan.remember_outcomes(before, (plan.FITS_NOT if fit.rule else plan.FITS for fit in report.fits))
    kit.store.schedule.remember_outcomes(channel.id, outcomes)
    known = next((alarm for alarm in kit.store.records.alarms() if alarm.channel == channel.id), None)
    is_on = known is not None and known.closed is None
    if plan.decide_alarm(outcomes, is_on=is_on) == is_on:
        return
    if known and is_on:
        _log.warning("%s: alarm over: %s fits again", channel.id, known.rule)
        kit.store.records.put_alarm(replace(known, closed=kit.clock()))
        return
    worst = next(fit for fit in reversed(report.fits) if fit.rule)
    _log.error("%s: alarm: %s fits no more, for example at %s: %s", channel.id, worst.rule, worst.url, worst.reason)
    kit.store.records.put_alarm(Alarm(channel.id, channel.site.name, worst.rule, worst.url, worst.reason, kit.clock()))


def tell(kit: Kit, webhook: Callable[[Alarm], None]) -> None:
    """Tell the webhook what it does not know yet; what it does not take is told again later."""
    for alarm in kit.store.records.untold():
        try:
            webhook(alarm)
        except FetchError as e:
            _log.warning("webhook: %s; telling it again later", e)
            return
        kit.store.records.told(alarm)


def _count(kit: Kit, report: Report) -> None:
    source = report.channel.id
    counts = {("articles", source, outcome): count for outcome, count in report.articles.items()}
    counts |= {("delays", source, hours): count for hours, count in report.delays.items()}
    counts |= {("requests", host, outcome): count for (host, outcome), count in kit.fetcher.counts().items()}
    counts |= {("pictures", source, "stored"): report.pictures, ("pictures", source, "missing"): len(report.missing)}
    kit.store.records.add({key: count for key, count in counts.items() if count})
