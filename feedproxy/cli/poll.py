"""`feedproxy poll` and `feedproxy backfill`: fetch listings and articles into the store."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import click
from rich.progress import Progress

from feedproxy.cli.console import (
    TERMINATED,
    as_json,
    end_gently,
    examples,
    index_for_search,
    now,
    open_services,
    print_reports,
    progress,
    report_values,
    say,
)
from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.fetch import Hub, Webhook
from feedproxy.ingest import Announcer, ChannelPoller, Poller, Report, Services
from feedproxy.model import Backfill, Channel

_log = logging.getLogger(__name__)
# The longest time between two looks for readers' requests, and the shortest time between two steps.
_MAX_STEP_S, _MIN_STEP_S = 5.0, 0.2
_MAX_PAGES = 10_000
# No single fetch, parse or transaction takes this long.
_HUNG_S = 600.0
_RENEWALS = 3


@click.command(epilog=examples("poll", "poll --once", "poll --once --json | jq .channels"))
@click.option("--once", is_flag=True, help="Poll every channel once, print a table, and exit.")
@as_json
@click.pass_obj
def poll(settings: Settings, *, once: bool, is_json: bool) -> None:
    """Poll the channels by their schedule, or all of them once.

    Of several pollers of one store one leads; the others wait to take over. Exits with 0, or with 1
    if a channel failed with --once.
    """
    if once:
        stop = threading.Event()
        end_gently(stop)
        services = open_services(settings, stop)
        reports = _poll_all(services)
        index_for_search(services.store, stop)
        _finish(reports, stop, is_json=is_json)
    run_poller(settings)


def run_poller(settings: Settings, executor: Callable[[Poller], datetime] | None = None) -> None:
    """Poll until SIGTERM or Ctrl-C; with *executor*, that function handles due work instead."""
    stop = threading.Event()
    end_gently(stop, signal.SIGTERM, signal.SIGINT)
    services = open_services(settings, stop)
    alive = _Alive(stop)
    services = replace(services, is_stopping=alive.is_stopping)
    webhook = Webhook(settings.webhook_url) if settings.webhook_url else None
    announcer = (
        Announcer(Hub(settings.websub_hub), settings.public_url) if settings.websub_hub else None
    )
    poller = Poller(
        services,
        f"{socket.gethostname()} {os.getpid()} {now():%H%M%S.%f}",
        webhook,
        announcer,
        executor=executor,
    )
    for name in services.media.leftovers(now()):
        services.media.remove(name)
    _log.info(
        "polling %d channels; contact: %s",
        len(services.mirror.channels),
        settings.contact or "not given",
    )
    threading.Thread(target=_keep_leading, args=(poller, stop, alive), daemon=True).start()
    while not stop.is_set():
        wait_s = (poller.step() - now()).total_seconds()
        stop.wait(min(max(wait_s, _MIN_STEP_S), _MAX_STEP_S))
    try:
        poller.resign()
    except StoreError as e:
        _log.warning("%s; the lease expires by itself", e)


@click.command(
    epilog=examples("backfill --pages 5", "backfill --channel ncid277 --since 2021-01-01")
)
@click.option(
    "--pages",
    type=click.IntRange(1, _MAX_PAGES),
    default=_MAX_PAGES,
    help="Maximum number of pages per listing.",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Go back to articles of this day.")
@click.option(
    "--channel", "channels", multiple=True, help="Only this channel; may be given several times."
)
@click.option(
    "--restart",
    is_flag=True,
    help="Begin with the first page, even if the last backfill was interrupted.",
)
@as_json
@click.pass_obj
def backfill(
    settings: Settings,
    pages: int,
    since: datetime | None,
    channels: tuple[str, ...],
    *,
    restart: bool,
    is_json: bool,
) -> None:
    """Page back through listings, and fetch missing articles.

    An interrupted backfill continues where it was. Exits with 0, or with 1 if a channel failed.
    """
    stop = threading.Event()
    end_gently(stop)
    services = open_services(settings, stop)
    chosen = [
        channel for channel in services.mirror.channels if channel.id in channels or not channels
    ]
    for name in set(channels) - {channel.id for channel in chosen}:
        raise click.BadParameter(f"there is no channel {name!r}", param_hint="--channel")
    if restart:
        for channel in chosen:
            services.store.schedule.forget_backfill(channel.id)
    began = since.replace(tzinfo=UTC) if since else None
    with progress("backfill", len(chosen)) as bar:

        def backfill_channel(channel: Channel) -> Report:
            return ChannelPoller(services).backfill(
                channel, pages=pages, since=began, on_page=_shown(bar, channel)
            )

        reports = _each(services, chosen, backfill_channel, bar, "backfill")
    index_for_search(services.store, stop)
    _finish(reports, stop, is_json=is_json)


def _poll_all(services: Services) -> list[Report]:
    began, channel_poller = now(), ChannelPoller(services)
    with progress("polling", len(services.mirror.channels)) as bar:
        channel_poller.serve_readers()
        return _each(
            services,
            services.mirror.channels,
            lambda channel: channel_poller.poll(channel, round_began=began),
            bar,
            "polling",
        )


def _each(
    services: Services,
    channels: "tuple[Channel, ...] | list[Channel]",
    work: Callable[[Channel], Report],
    bar: Progress,
    title: str,
) -> list[Report]:
    """Call *work* for each channel, then fetch the due pictures.

    An unexpected exception is reported as the failure of its channel; a StoreError ends the loop.
    """
    reports: list[Report] = []
    for channel in channels:
        if services.is_stopping():
            break
        bar.update(bar.task_ids[0], description=f"{title} {channel.id}")
        try:
            reports.append(work(channel))
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001 (the outermost loop)
            _log.exception("%s failed", channel.id)
            reports.append(ChannelPoller(services).give_up(channel, e))
        bar.advance(bar.task_ids[0])
    if reports:
        bar.update(bar.task_ids[0], description=f"{title}: pictures")
        due_at = now()  # pictures that fail now are due again later; they do not delay the end
        while not services.is_stopping() and ChannelPoller(services).pictures.fetch_due(
            reports[-1], due_at=due_at
        ):
            pass
    return reports


def _shown(bar: Progress, channel: Channel) -> Callable[[Backfill, Report], None]:
    """Return a callback that shows the progress of a backfill."""

    def show(backfill: Backfill, report: Report) -> None:
        words = f"backfill {channel.id}: page {backfill.pages}, "
        words += f"{report.listed} listed, {report.new} new"
        bar.update(bar.task_ids[0], description=words)

    return show


def _finish(reports: list[Report], stop: threading.Event, *, is_json: bool) -> None:
    if is_json:
        say(report_values(reports), "", is_json=True)
    else:
        print_reports(reports)
    if stop.is_set():
        _log.warning("stopped before the end; run the same command again to continue")
        sys.exit(TERMINATED)
    sys.exit(1 if any(report.failures for report in reports) else 0)


class _Alive:
    """Records when the poller last made progress; it calls `is_stopping` between any two steps."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self.at = stop, time.monotonic()

    def is_stopping(self) -> bool:
        self.at = time.monotonic()
        return self._stop.is_set()


def _keep_leading(poller: Poller, stop: threading.Event, alive: _Alive) -> None:
    """Renew the lease during long work.

    If the work hangs, the lease is not renewed, so that another poller takes over.
    """
    while not stop.wait(poller.services.mirror.poll.lease_seconds / _RENEWALS):
        if poller.is_leading and time.monotonic() - alive.at < _HUNG_S:
            try:
                poller.lead()
            except StoreError as e:
                _log.debug("%s; the lease is not renewed", e)
