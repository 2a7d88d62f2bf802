"""`feedproxy reindex`: index all stored articles for search now."""

import threading

import click

from feedproxy.cli.console import TERMINATED, end_gently, examples, progress
from feedproxy.configuration.settings import Settings
from feedproxy.store import SEARCH_LOT, open_store


@click.command(epilog=examples("reindex", "reindex --anew"))
@click.option(
    "--anew", is_flag=True, help="Begin with an empty index, as after changes to what words are."
)
@click.pass_obj
def reindex(settings: Settings, *, anew: bool) -> None:
    """Index the articles that search does not know yet, now; the poller does the same, by and by.

    One that was interrupted goes on where it was. Ends with 0.
    """
    stop = threading.Event()
    end_gently(stop)
    store = open_store(settings.store_url, settings.data)
    if anew:
        store.search.forget()
    done, due = 0, store.search.due()
    with progress("reindex", due) as bar:
        while not stop.is_set() and (some := store.search.index(SEARCH_LOT)):
            done += some
            bar.advance(bar.task_ids[0], some)
    store.close()
    click.echo(f"{done} articles indexed")
    if stop.is_set():
        raise SystemExit(TERMINATED)
