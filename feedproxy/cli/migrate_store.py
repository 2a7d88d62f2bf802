"""`feedproxy migrate-store`: copy a store from one database engine to another."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import click
from rich.progress import Progress

from feedproxy.cli.console import (
    TERMINATED,
    as_json,
    end_gently,
    examples,
    index_for_search,
    now,
    progress,
    say,
)
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.store import move, open_store

_log = logging.getLogger(__name__)
# Without a terminal, a line is printed at the end of each table, and at this interval.
_LINE_S = 10.0


@click.command(
    "migrate-store",
    epilog=examples(
        "feedproxy migrate-store sqlite:////var/lib/feedproxy/feedproxy.sqlite "
        "postgresql+psycopg://feedproxy@db/feedproxy --json"
    ),
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@as_json
@click.pass_obj
def migrate_store(settings: Settings, source: str, target: str, *, is_json: bool) -> None:
    """Copy the store at FROM to the empty database at TO.

    Compares both at the end. Pictures stay where they are. Stop the poller first; the web side may
    go on. FROM is not changed. An interrupted copy is continued by the same command. Exits with 0,
    with 2 if the copies differ or an error occurs, or with 143 after SIGTERM.
    """
    stop = threading.Event()
    end_gently(stop)
    lease = timedelta(seconds=load_mirror(settings.config).poll.lease_seconds)
    with progress("migrate-store", 0) as bar:
        found = move(
            source,
            target,
            settings.data,
            clock=now,
            lease=lease,
            on_progress=_progress_callback(bar, stop, is_quiet=is_json),
        )
    store = open_store(target, settings.data)
    index_for_search(store, stop)
    store.close()
    words = (
        f"{sum(found.values())} rows of {len(found)} tables are there, "
        f"{found['article']} articles among them, all as they were"
    )
    say({"tables": found}, words, is_json=is_json)


def _progress_callback(
    bar: Progress, stop: threading.Event, *, is_quiet: bool
) -> Callable[[str, int, int], None]:
    """Return a callback that shows the progress, and exits with code 143 when *stop* is set."""
    told_at = time.monotonic()

    def tell(table: str, done: int, total: int) -> None:
        nonlocal told_at
        bar.update(
            bar.task_ids[0], description=f"migrate-store: {table}", completed=done, total=total
        )
        if bar.disable and not is_quiet and (done == total or time.monotonic() > told_at + _LINE_S):
            told_at = time.monotonic()
            click.echo(f"{table}: {done} of {total} rows")
        if stop.is_set():
            _log.warning("stopped before the end; run the same command again to continue")
            sys.exit(TERMINATED)

    return tell
