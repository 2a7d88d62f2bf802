"""`feedproxy add URL`: find a site's listings and add one to the configuration."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import click
from rich.table import Column, Table

from feedproxy import urls
from feedproxy.characters import visible
from feedproxy.cli.console import examples, now, print_table, say, sleep
from feedproxy.configuration import load_mirror
from feedproxy.configuration.additions import (
    Addition,
    added_files,
    name_of,
    template_name,
    write_files,
)
from feedproxy.configuration.settings import Settings
from feedproxy.discover import without_scheme
from feedproxy.errors import FetchError, OptionError
from feedproxy.fetch import Fetcher, open_fetcher
from feedproxy.ingest import FoundListing, Sample, sample, survey
from feedproxy.model import FEED, DateSource, Mirror, RuleTest
from feedproxy.store import open_store

_SAMPLES = 3
_SHOWN_CHARACTERS = 80
# The part of a sample's text that becomes its `test-rules` test. It begins after the first
# characters, which may be a dateline.
_TEST_FROM, _TEST_CHARACTERS = 20, 30


@click.command(
    epilog=examples(
        "add https://blog.example.org/",
        "add https://news.example.org/science/ --section science --title Science",
        "add https://blog.example.org/ --dry-run",
    )
)
@click.argument("url")
@click.option(
    "--section",
    help="Section to add the channel to; created if it does not exist.",
)
@click.option("--title", help="Title of the channel, and of a new section.")
@click.option("--channel", help="ID of the channel, used in addresses.")
@click.option(
    "--timezone",
    help="Time zone of dates without one; by default that of the site's language.",
)
@click.option("--yes", is_flag=True, help="Add the best result without asking.")
@click.option(
    "--dry-run", is_flag=True, help="Show what was found and what would be written; write nothing."
)
@click.option(
    "--json",
    "is_json",
    is_flag=True,
    help="Print one JSON document for scripts; write only with --yes.",
)
@click.pass_obj
def add(
    settings: Settings,
    /,
    url: str,
    *,
    yes: bool,
    dry_run: bool,
    is_json: bool,
    **wishes: str | None,
) -> None:
    """Add a site's feed or listing as a channel.

    Finds the feeds of a site, or the list of articles on a page. Shows what it found, with three
    articles as readers would see them, and asks before it writes the configuration. Exits with 0,
    with 1 if nothing was added, or with 2 if nothing was found.
    """
    mirror = load_mirror(settings.config)
    plain = without_scheme(url)
    address = urls.resolve("", plain if "://" in plain else f"https://{plain}")
    if address is None:
        raise FetchError(url, "is not an http or https address")
    with ExitStack() as opened:
        reach = _reach(settings, mirror, opened)
        found = survey(address, mirror, reach)

        def read(find: FoundListing) -> list[Sample]:
            return sample(find, mirror, reach(frozenset(find.site.hosts)), now(), count=_SAMPLES)

        chosen, samples = (
            (found[0], read(found[0]))
            if is_json
            else _choose(found, read, asks=not (yes or dry_run))
        )
    zone = _zone(chosen, mirror, wishes["timezone"], asks=not (yes or dry_run or is_json))
    chosen = replace(chosen, site=replace(chosen.site, timezone=zone))
    new = _addition(settings.config, mirror, chosen, samples, wishes)
    files = added_files(settings.config, mirror, new)
    changes = {str(file): "changed" if file.exists() else "new" for file in files}
    is_dry = dry_run or (is_json and not yes)
    if is_json:
        _print_json(found, samples, new, {"files": changes, "written": bool(files) and not is_dry})
    elif is_dry:
        _print_changes(files)
    if not is_dry:
        write_files(settings.config, files)
    if not is_json:
        _print_end(changes, new, is_dry=is_dry)


def _zone(find: FoundListing, mirror: Mirror, wish: str | None, *, asks: bool) -> str:
    """Return the time zone of a site's dates; ask for that of a new site.

    Raises:
        OptionError: there is no such time zone.

    """
    zone = wish or find.site.timezone
    if asks and not wish and mirror.site_of(find.site.hosts[0]) is None:
        zone = str(click.prompt("Time zone of dates that name none", default=zone))
    if zone not in available_timezones():
        raise OptionError("--timezone", f"{zone!r} is not a time zone such as Asia/Shanghai")
    return zone


def _reach(
    settings: Settings, mirror: Mirror, opened: ExitStack
) -> Callable[[frozenset[str]], Fetcher]:
    """Return a function that opens a fetcher for some hosts besides the configured ones.

    It opens one fetcher for each set of hosts; *opened* closes them.
    """
    store = open_store(settings.store_url, settings.data)
    opened.callback(store.close)

    @cache
    def reach(hosts: frozenset[str]) -> Fetcher:
        fetcher = open_fetcher(settings, mirror, store.budget, now, sleep, more_hosts=tuple(hosts))
        opened.callback(fetcher.close)
        return fetcher

    return reach


def _choose(
    found: list[FoundListing], read: Callable[[FoundListing], list[Sample]], *, asks: bool
) -> tuple[FoundListing, list[Sample]]:
    """Show the listings found; return the one to add with its samples.

    Exits with code 1 if the user chooses none.
    """
    _print_finds(found)
    chosen = 0
    while True:
        samples = read(found[chosen])
        _print_samples(found[chosen], samples)
        number = _ask(len(found)) if asks else chosen + 1
        if number == chosen + 1:
            return found[chosen], samples
        chosen = number - 1


# -------------------------------------------------------------- addition to the configuration


def _addition(
    folder: Path,
    mirror: Mirror,
    find: FoundListing,
    samples: Sequence[Sample],
    wishes: Mapping[str, str | None],
) -> Addition:
    own = next(
        (
            each
            for each in mirror.sections
            if find.site.name in {every.site.name for every in each.channels}
        ),
        None,
    )
    name = wishes["section"] or (own.name if own else name_of(find.site.name))
    drafts = [each.draft for each in samples if each.draft]
    pictures = {urls.host_of(picture) for draft in drafts for picture in draft.article.pictures} - {
        *find.site.hosts,
        "",
    }
    return Addition(
        section=name,
        channel=wishes["channel"] or _channel_name(folder, mirror, name, find),
        title=wishes["title"] or find.title or find.site.title,
        kind=find.kind,
        url=find.url,
        site=find.site,
        picture_hosts=tuple(sorted(pictures)),
        tests=tuple(
            RuleTest(draft.article.url, (_telling(draft.content.text),))
            for draft in drafts
            if draft.article.rule != FEED  # rules are for pages
        ),
    )


def _channel_name(folder: Path, mirror: Mirror, section: str, find: FoundListing) -> str:
    """Return a channel name that no other listing has, by the section's template or by the URL."""
    if found := template_name(folder / "sections" / f"{section}.toml", find.kind, find.url):
        return found
    path = urlsplit(find.url).path
    name = name_of(f"{find.site.name}-{path.rpartition('.')[0] or path}") or "channel"
    others = {channel.id for channel in mirror.channels if channel.url != find.url}
    return next(
        each
        for each in (name, *(f"{name}-{number}" for number in range(2, len(others) + 3)))
        if each not in others
    )


def _telling(text: str) -> str:
    """Return some words on one line from near the beginning of a text."""
    line = max(text[:1_000].splitlines(), key=len, default="")
    start = _TEST_FROM if len(line) > _TEST_FROM + _TEST_CHARACTERS else 0
    return line[start : start + _TEST_CHARACTERS].strip()


# -------------------------------------------------------------- output


def _ask(count: int) -> int:
    """Return the number of the listing to add; exits with code 1 if the user chooses none."""
    number = int(
        click.prompt(
            f"Add which, 1 to {count}? 0 for none", type=click.IntRange(0, count), default=1
        )
    )
    if not number:
        click.echo("nothing was added")
        raise SystemExit(1)
    return number


def _print_finds(found: Sequence[FoundListing]) -> None:
    table = Table(
        "",
        "kind",
        "address",
        "title",
        Column("articles", justify="right"),
        Column("newest"),
        title="found",
    )
    rows = []
    for number, find in enumerate(found, start=1):
        dates = [item.published for item in find.listing.items if item.published]
        newest = f"{max(dates):%Y-%m-%d}" if dates else "-"
        rows.append(
            (str(number), find.kind, find.url, find.title, str(len(find.listing.items)), newest)
        )
    print_table(table, rows)


def _print_samples(find: FoundListing, samples: Sequence[Sample]) -> None:
    table = Table(
        "title",
        "date",
        "text",
        Column("characters", justify="right"),
        "by",
        title=f"articles of {visible(find.url)}",
    )
    rows = []
    for each in samples:
        row = _sample_of(each)
        text = row["text"] + ("…" if row["characters"] > len(row["text"]) else "")
        rows.append(
            (
                row["title"],
                (row["date"] or "-")[:10],
                text,
                str(row["characters"]),
                row["rule"] or "-",
            )
        )
    print_table(table, rows, [f"{each.item.url}: {each.fault}" for each in samples if each.fault])


def _print_changes(files: Mapping[Path, str]) -> None:
    """Print the changes that would be written, as a unified diff."""
    for file, text in files.items():
        old = file.read_text("utf-8") if file.exists() else ""
        for line in difflib.unified_diff(
            old.splitlines(), text.splitlines(), str(file), str(file), lineterm=""
        ):
            click.echo(visible(line))


def _print_end(changes: Mapping[str, str], new: Addition, *, is_dry: bool) -> None:
    for name, change in changes.items():
        click.echo(f"would be {change}: {name}" if is_dry else f"{change}: {name}")
    if not changes:
        click.echo(
            f"nothing to write: channel {new.channel} of section {new.section} already exists"
        )
    elif not is_dry:
        click.echo(
            f"start feedproxy again to have it polled; readers subscribe to {_feed_path(new)}"
        )


def _print_json(
    found: Sequence[FoundListing], samples: Sequence[Sample], new: Addition, done: Mapping[str, Any]
) -> None:
    document = {"found": list(map(_find_of, found)), "samples": list(map(_sample_of, samples))}
    place = {"section": new.section, "channel": new.channel, "feed": _feed_path(new)}
    say(document | place | dict(done), "", is_json=True)


def _feed_path(new: Addition) -> str:
    return f"/feed/{new.section}.xml"


def _find_of(find: FoundListing) -> dict[str, Any]:
    return {
        "kind": find.kind,
        "url": find.url,
        "title": find.title,
        "articles": len(find.listing.items),
    }


def _sample_of(each: Sample) -> dict[str, Any]:
    article = each.draft.article if each.draft else None
    is_known = article is not None and article.dated is not DateSource.UNKNOWN
    published = article.published if article and is_known else each.item.published
    text = each.draft.content.text if each.draft else ""
    return {
        "url": each.item.url,
        "title": article.title if article else each.item.title,
        "date": published.isoformat() if published else None,
        "text": " ".join(text[: 2 * _SHOWN_CHARACTERS].split())[:_SHOWN_CHARACTERS],
        "characters": len(text),
        "rule": article.rule if article else "",
        "fault": each.fault,
    }
