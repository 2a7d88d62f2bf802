"""What the commands share: services opened by the settings, signals, and printed results."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from feedproxy.characters import visible
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import Report, Services
from feedproxy.media import open_media
from feedproxy.store import INDEX_BATCH, Store, open_store

# Seconds for requests that are under way at shutdown; unfinished work is done again later.
GRACE_S = 8.0
# The line width where the output is not a terminal, so that lines are not broken.
_WIDEST = 1000
# The exit code that a shell reports for a process that SIGTERM ended (128 + 15).
TERMINATED = 143


def now() -> datetime:
    """Return the present time in UTC; the program's only access to the clock."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Wait; the program's only sleep."""
    time.sleep(seconds)


def open_services(
    settings: Settings,
    stop: threading.Event,
    *,
    shares_lock: bool = False,
    **more: Any,  # noqa: ANN401 (arguments of `open_fetcher`)
) -> Services:
    """Open the services with the configured store and network access; they stop when *stop* is set.

    *more* are additional hosts and folders for `open_fetcher`. *shares_lock* is for `open_store`.
    """
    mirror = load_mirror(settings.config)
    store = open_store(
        settings.store_url, settings.data, redis_url=settings.redis_url, shares_lock=shares_lock
    )
    cache_file = settings.data / "http-cache.sqlite"
    fetcher = open_fetcher(
        settings, mirror, store.budget, now, sleep, cache_file=cache_file, **more
    )
    return Services(mirror, store, fetcher, open_media(settings), now, stop.is_set)


def examples(*lines: str) -> str:
    """Return the examples below a command's help.

    A line consists of the arguments of `feedproxy`; a line that contains "feedproxy" is complete.
    """
    shown = (line if "feedproxy" in line else f"feedproxy {line}" for line in lines)
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in shown)))


as_json = click.option(
    "--json",
    "is_json",
    is_flag=True,
    help="Print JSON for scripts: one document, or one per line.",
)


def say(value: Mapping[str, object], words: str, *, is_json: bool) -> None:
    """Print a result in words, or as JSON on one line.

    Control characters and bidirectional overrides from upstream are made visible, so they cannot
    move the cursor or reverse text.
    """
    if is_json:
        click.echo(visible(json.dumps(value, ensure_ascii=False, default=str), json.dumps))
    else:
        click.echo("\n".join(map(visible, words.split("\n"))))


@contextmanager
def progress(title: str, total: int) -> Iterator[Progress]:
    """Show a progress bar on a terminal, nothing elsewhere; its only task has number 0."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task(title, total=total)
        yield bar


def print_reports(reports: Sequence[Report]) -> None:
    """Print a table of polls, and below it each failure once, with its URL and reason."""
    table = Table(
        "channel",
        "title",
        *(
            Column(name, justify="right")
            for name in ("listed", "new", "updated", "pictures", "missing", "failed", "seconds")
        ),
    )
    rows = (
        (
            report.channel.id,
            report.channel.title,
            *(
                str(number)
                for number in (report.listed, report.new, report.updated, report.pictures)
            ),
            *(str(len(each)) for each in (report.missing, report.failures)),
            f"{report.seconds:.1f}",
        )
        for report in reports
    )
    print_table(
        table,
        rows,
        dict.fromkeys(str(failure) for report in reports for failure in report.failures),
    )


def report_values(reports: Sequence[Report]) -> dict[str, object]:
    """Return the polls as values for JSON."""
    polls = [
        {
            "channel": report.channel.id,
            "title": report.channel.title,
            "listed": report.listed,
            "new": report.new,
            "updated": report.updated,
            "pictures": report.pictures,
            "missing": list(map(str, report.missing)),
            "failures": list(map(str, report.failures)),
            "seconds": round(report.seconds, 1),
        }
        for report in reports
    ]
    return {"channels": polls, "ok": not any(report.failures for report in reports)}


def print_table(table: Table, rows: Iterable[Sequence[str]], failures: Iterable[str] = ()) -> None:
    """Print a table with *rows*, and below it a line for each failure.

    Without a terminal the rows are plain lines. Cells are printed literally: rich's mark-up has no
    effect in them, and control characters are made visible.
    """
    for row in rows:
        table.add_row(*map(visible, row))
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width, table.box, table.pad_edge = _WIDEST, None, False
    console.print(table)
    for failure in failures:
        console.print(f"failed: {visible(failure)}", highlight=False, soft_wrap=True)


def end_gently(stop: threading.Event, *numbers: signal.Signals) -> None:
    """Make SIGTERM, or *numbers*, set *stop*, and end the process after `GRACE_S` seconds.

    Work that is unfinished by then is lost, and is still due, because its transaction was not
    committed.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        timer = threading.Timer(GRACE_S, os._exit, (TERMINATED,))
        timer.daemon = True
        timer.start()

    for number in numbers or (signal.SIGTERM,):
        signal.signal(number, end)


def index_for_search(store: Store, stop: threading.Event) -> None:
    """Index the stored articles that search does not know yet; end early once *stop* is set."""
    if due := store.search.due():
        with progress("indexing for search", due) as bar:
            while not stop.is_set() and (count := store.search.index(INDEX_BATCH)):
                bar.advance(bar.task_ids[0], count)
