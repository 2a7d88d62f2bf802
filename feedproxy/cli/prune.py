"""`feedproxy prune`: delete old or surplus articles, and pictures and files that are unused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import click

from feedproxy.cli.console import as_json, examples, now, progress, say
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.media import Media, open_media
from feedproxy.model import ArticleId, KeepRules, Mirror
from feedproxy.store import Store, open_store

_MEGABYTE = 1_000_000
# Articles deleted in one transaction.
_CHUNK = 100


@click.command(
    epilog=examples("prune --dry-run", "prune --days 365", "prune --megabytes 2000 --json")
)
@click.option(
    "--days",
    type=click.FloatRange(0, 36_500),
    help="Keep articles of this many days, instead of keep.days; 0 keeps all.",
)
@click.option(
    "--megabytes",
    type=click.FloatRange(min=0),
    help="Keep this many megabytes, instead of keep.megabytes; 0 keeps all.",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted; delete nothing.")
@as_json
@click.pass_obj
def prune(
    settings: Settings, days: float | None, megabytes: float | None, *, dry_run: bool, is_json: bool
) -> None:
    """Delete old articles and unused pictures.

    Articles in the feed of a section or channel are never deleted. Exits with 0.
    """
    mirror = load_mirror(settings.config)
    given = {
        name: value
        for name, value in (("days", days), ("megabytes", megabytes))
        if value is not None
    }
    store, media = open_store(settings.store_url, settings.data), open_media(settings)
    articles = _too_many(store, mirror, replace(mirror.keep, **given))
    tell = partial(_tell, is_json=is_json)
    for article_id in articles:
        tell("article", article_id)
    if not dry_run:
        _drop(store, articles)
    pictures, files, size = _prune_pictures(store, media, tell, dry_run=dry_run)
    if articles and not dry_run:
        store.compact()
    verb = "would be deleted" if dry_run else "deleted"
    totals = {
        "articles": len(articles),
        "pictures": pictures,
        "files": files,
        "bytes": size,
        "dry_run": dry_run,
    }
    say(
        totals,
        f"{len(articles)} articles, {pictures} pictures and {files} files ({size} bytes) {verb}",
        is_json=is_json,
    )


def _tell(kind: str, name: str, *, is_json: bool) -> None:
    say({kind: name}, f"{kind} {name}", is_json=is_json)


def _too_many(store: Store, mirror: Mirror, keep: KeepRules) -> list[ArticleId]:
    """Return the articles to delete, oldest first.

    These are the articles older than `keep.days`, and then the oldest ones until the store is no
    larger than `keep.megabytes`.
    """
    if not keep.days and not keep.megabytes:
        return []
    oldest_first = store.prunable([channel.id for channel in mirror.channels], mirror.feeds.entries)
    first = now() - timedelta(days=keep.days) if keep.days else None
    surplus = store.records.bytes_held() - keep.megabytes * _MEGABYTE if keep.megabytes else 0.0
    chosen = []
    for article in oldest_first:
        if surplus <= 0 and not (first and article.published < first):
            break
        chosen.append(article.id)
        surplus -= article.size
    return chosen


def _drop(store: Store, articles: list[ArticleId]) -> None:
    with progress("prune", len(articles)) as bar:
        for start in range(0, len(articles), _CHUNK):
            some = articles[start : start + _CHUNK]
            with store.exclusive_lock():
                store.drop(some, now())
            bar.advance(bar.task_ids[0], len(some))


def _prune_pictures(
    store: Store, media: Media, tell: Callable[[str, str], None], *, dry_run: bool
) -> tuple[int, int, int]:
    """Delete pictures that no article shows, and files without a picture.

    Return the number of pictures, the number of files, and the bytes of the files. A picture whose
    file is missing is fetched again.
    """
    with store.exclusive_lock():  # no poller has written a file and not yet the picture's row
        unused, used = store.pictures.unused(), store.pictures.used_files()
        names = set(media.names())
        files = sorted(names - used)
        leftovers = sorted(media.leftovers(now()))
        for url in unused:
            tell("picture", url)
        if not dry_run:
            store.pictures.drop_unused()
            store.pictures.fetch_again(used - names, now())
        size = 0
        with progress("prune", len(files) + len(leftovers)) as bar:
            for name in [*files, *leftovers]:
                size += media.size(name) if dry_run else media.remove(name)
                tell("file", name)
                bar.advance(bar.task_ids[0])
    for name in sorted(used - names):
        tell("missing", name)
    return len(unused), len(files) + len(leftovers), size
