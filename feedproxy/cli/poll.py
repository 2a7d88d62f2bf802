"""`feedproxy poll` and `feedproxy backfill`: fill the store."""

import logging
import os
import signal
import sys
import threading
from datetime import datetime
from types import FrameType

import click

from feedproxy import plan
from feedproxy.cli.parts import now, open_harvester, print_reports, progress
from feedproxy.errors import StoreError
from feedproxy.harvest import Harvester, Report
from feedproxy.model import Channel
from feedproxy.settings import Settings

_log = logging.getLogger(__name__)
# How often the poller looks for channels that are due.
_STEP_S = 5.0
_MAX_PAGES = 10_000


@click.command()
@click.option("--once", is_flag=True, help="Poll every channel once, print a table, and end.")
@click.pass_obj
def poll(settings: Settings, *, once: bool) -> None:
    """Poll the channels that are due, for ever; or each once.

    Ends with 0, or with 1 if --once was given and a channel failed.
    """
    harvester = open_harvester(settings)
    if once:
        _poll_all(harvester, "polling", pages=1)
    _stop_at_once_on_sigterm()
    _log.info("polling %d channels; contact: %s", len(harvester.mirror.channels), settings.contact or "not given")
    pause = threading.Event()
    while True:
        _poll_due(harvester)
        pause.wait(_STEP_S)


@click.command()
@click.option(
    "--pages", type=click.IntRange(1, _MAX_PAGES), default=_MAX_PAGES, help="How many pages of each listing; default: all."
)
@click.pass_obj
def backfill(settings: Settings, pages: int) -> None:
    """Walk the listings of all channels deeper than their first page, and fetch what is not held.

    Ends with 0, or with 1 if a channel failed.
    """
    _poll_all(open_harvester(settings), "backfill", pages=pages)


def _poll_all(harvester: Harvester, title: str, *, pages: int) -> None:
    began = now()
    reports: list[Report] = []
    with progress(title, len(harvester.mirror.channels)) as bar:
        for channel in harvester.mirror.channels:
            bar.update(bar.task_ids[0], description=f"{title} {channel.id}")
            reports.append(_poll_one(harvester, channel, round_began=began, pages=pages))
            bar.advance(bar.task_ids[0])
        if reports:
            bar.update(bar.task_ids[0], description=f"{title}: pictures")
            while harvester.pictures.take_due(reports[-1]):
                pass
    print_reports(reports)
    sys.exit(1 if any(report.failures for report in reports) else 0)


def _poll_due(harvester: Harvester) -> None:
    """Poll what is due; nothing that one channel brings may end the poller."""
    try:
        states = harvester.store.states()
    except StoreError as e:
        _log.error("%s; trying again", e)
        return
    harvester.fetcher.new_round()
    try:
        for channel in plan.due_channels(plan.in_turns(harvester.mirror.sections), states, now()):
            _serve_readers(harvester)
            _tell(_poll_one(harvester, channel))
        _serve_readers(harvester)
    except StoreError as e:
        _log.error("%s; trying again", e)


def _serve_readers(harvester: Harvester) -> None:
    """Fetch what readers asked for, and pictures that are due."""
    try:
        report = harvester.answer_requests()
        harvester.pictures.take_due(report)
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 (the outermost loop)
        _log.exception("what readers asked for could not be fetched")
    else:
        _tell(report)


def _tell(report: Report) -> None:
    if report.new or report.updated or report.pictures:
        name = f"{report.channel.id} {report.channel.title}"
        _log.info("%s: %d new, %d updated, %d pictures", name, report.new, report.updated, report.pictures)


def _poll_one(harvester: Harvester, channel: Channel, *, round_began: datetime | None = None, pages: int = 1) -> Report:
    """Poll a channel; what nobody foresaw costs this poll, and not the others."""
    try:
        return harvester.poll(channel, round_began=round_began, pages=pages)
    except StoreError:
        raise
    except Exception as e:  # noqa: BLE001 (the outermost loop)
        _log.exception("%s: poll failed", channel.id)
        return harvester.give_up(channel, e)


def _stop_at_once_on_sigterm() -> None:
    """End within the signal: every transaction is whole or not there, and what was half done is done again."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        os._exit(0)  # nothing else is safe here: the signal may have come while a line was being logged

    signal.signal(signal.SIGTERM, stop)
