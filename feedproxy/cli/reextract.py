"""`feedproxy reextract`: apply the present rules to stored pages."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from feedproxy.cli.console import as_json, examples, open_services, progress, say
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import Reextraction, reextract
from feedproxy.model import REQUESTED, Article, Mirror
from feedproxy.sanitise import plain_text

# Characters of a text that are shown before its first change, and in all.
_BEFORE, _SHOWN = 10, 30


@click.command(
    "reextract",
    epilog=examples("reextract --dry-run", "reextract --channel ncid277 --since 2021-01-01 --json"),
)
@click.option("--site", help="Only articles of this site.")
@click.option("--channel", help="Only articles of this channel.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only articles published on this day or later.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change; store nothing.")
@as_json
@click.pass_obj
def reextract_articles(
    settings: Settings,
    site: str | None,
    channel: str | None,
    since: datetime | None,
    *,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Extract the stored pages again with the present rules.

    Uses no network. An article whose page can't be read is not changed. Exits with 0, or with 1 if
    there was one.
    """
    services = open_services(settings, threading.Event())
    channels = _channels(services.mirror, site, channel)
    chosen = services.store.ids(channels, since=since.replace(tzinfo=UTC) if since else None)
    changed = failed = 0
    with progress("reextract", len(chosen)) as bar:
        for result in reextract(services, chosen, is_dry=dry_run):
            changed += result.fetched is not None
            failed += result.error is not None
            for value, line in _lines(result):
                say(value, line, is_json=is_json)
            bar.advance(bar.task_ids[0])
    verb = "would change" if dry_run else "changed"
    totals = {"read": len(chosen), "changed": changed, "failed": failed, "dry_run": dry_run}
    say(
        totals,
        f"{len(chosen)} articles read, {changed} {verb}, {failed} could not be read",
        is_json=is_json,
    )
    if failed:
        raise SystemExit(1)


def _channels(mirror: Mirror, site: str | None, channel: str | None) -> set[str]:
    """Return the IDs of the channels whose articles are read.

    Raises:
        BadParameter: there is no such site or channel.

    """
    found = {
        each.id
        for each in mirror.channels
        if channel in (None, each.id) and site in (None, each.site.name)
    }
    if not found:
        raise click.BadParameter(
            f"there is no channel {channel or ''!r} of site {site or ''!r} in config/"
        )
    return found if channel else found | {REQUESTED}


def _lines(result: Reextraction) -> Iterator[tuple[dict[str, object], str]]:
    """Yield the outcome for an article that changed or failed, as values and in words."""
    if result.error:
        yield (
            {"id": result.article_id, "error": str(result.error)},
            f"{result.article_id}: can't be read: {result.error}",
        )
    elif result.stored and result.fetched:
        changes = list(_changes(result.stored, result.fetched)) or ["mark-up"]
        yield (
            {"id": result.article_id, "changes": changes},
            f"{result.article_id} {result.fetched.title}: {'; '.join(changes)}",
        )


def _changes(stored: Article, fetched: Article) -> Iterator[str]:
    """Yield the differences between two versions of an article, in words."""
    for name in ("title", "authors", "tags", "picture", "rule"):
        old, new = getattr(stored, name), getattr(fetched, name)
        if old != new:
            yield f"{name} {old!r} -> {new!r}"
    if stored.published != fetched.published:
        yield (
            f"date {stored.published:%Y-%m-%d %H:%M} ({stored.dated}) -> "
            f"{fetched.published:%Y-%m-%d %H:%M} ({fetched.dated})"
        )
    old_text, new_text = plain_text(stored.body), plain_text(fetched.body)
    if old_text != new_text:
        at = next(
            (
                at
                for at, pair in enumerate(zip(old_text, new_text, strict=False))
                if pair[0] != pair[1]
            ),
            None,
        )
        start = max(0, (min(len(old_text), len(new_text)) if at is None else at) - _BEFORE)
        shown = f"{old_text[start : start + _SHOWN]!r} -> {new_text[start : start + _SHOWN]!r}"
        yield f"text of {len(old_text)} -> {len(new_text)} characters, first at {shown}"
