"""`feedproxy bundle`: articles as an EPUB book, for reading offline."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from glob import escape
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click

from feedproxy import files
from feedproxy.cli.console import as_json, examples, now, progress, say
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import ConfigError
from feedproxy.media import open_media
from feedproxy.media.variants import make_book_variant
from feedproxy.model import Mirror
from feedproxy.output import (
    BookContents,
    FeedSelector,
    Period,
    RenderContext,
    selector_of,
    write_bundle,
)
from feedproxy.store import Store, open_store

_SPAN = re.compile(r"([1-9]\d{0,4})([dh])", re.ASCII)
_HOURS = {"d": 24, "h": 1}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@click.command(
    epilog=examples(
        "bundle epoch-news --since 7d",
        "bundle all --since 2021-11-01 --until 2021-11-30 --out november.epub",
    )
)
@click.argument("section")
@click.option("--channel", default="", help="Only articles of this channel.")
@click.option(
    "--since",
    required=True,
    help="First day (2021-11-01), or a period before the newest article (7d, 24h).",
)
@click.option("--until", default="", help="Last day, or a period before the newest article.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Maximum number of articles; the newest are taken."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write; <section>-<since>.epub if not given.",
)
@click.option(
    "--publish",
    is_flag=True,
    help="Publish it on the mirror's pages, in place of the last one.",
)
@click.option("--no-pictures", is_flag=True, help="Leave pictures out.")
@as_json
@click.pass_obj
def bundle(
    settings: Settings,
    *,
    section: str,
    channel: str,
    since: str,
    until: str,
    limit: int | None,
    out: Path | None,
    publish: bool,
    no_pictures: bool,
    is_json: bool,
) -> None:
    """Write a section's articles as an EPUB to read offline.

    SECTION is the name of a section, or `all`.

    Exits with 0.
    """
    mirror = load_mirror(settings.config)
    selector = _selector(mirror, section, channel)
    store, media = open_store(settings.store_url, settings.data), open_media(settings)
    period = _period(store, mirror, selector, since=since, until=until, limit=limit)
    ids = store.period(selector.channel_ids, period.since, period.until, period.limit)
    if not ids:
        raise ConfigError(
            "bundle",
            section,
            f"no article is stored from {since} " + (f"to {until}" if until else "on"),
        )
    make_picture = (
        None if no_pictures else partial(make_book_variant, read=media.read, rules=mirror.images)
    )
    file = out or Path("-".join(filter(None, (section, channel, since, until))) + ".epub")
    if publish:
        file = _published(settings, selector, out)
    done, context = BookContents(0, 0), RenderContext(mirror, store, settings.public_url)
    with _written(file) as opened, progress("bundle", len(ids)) as bar:
        for done in write_bundle(
            context, selector, period, ids=ids, out=opened, make_picture=make_picture
        ):
            bar.update(bar.task_ids[0], completed=done.articles)
    values = {
        "file": file,
        "articles": done.articles,
        "pictures": done.pictures,
        "bytes": file.stat().st_size,
    }
    say(
        values,
        f"{file}: {done.articles} articles, {done.pictures} pictures, {values['bytes']} bytes",
        is_json=is_json,
    )


def _selector(mirror: Mirror, section: str, channel: str) -> FeedSelector:
    found = selector_of(mirror, section, channel)
    if found is None:
        raise ConfigError(
            "bundle",
            section,
            f"there is no channel {channel!r} in it" if channel else "there is no such section",
        )
    return found


def _published(settings: Settings, selector: FeedSelector, out: Path | None) -> Path:
    """Return the file where the web server finds a feed's book; there is one for each feed."""
    if out:
        raise ConfigError(
            "bundle", "--out", "can't be combined with --publish, which writes to the data folder"
        )
    file = settings.books / f"{selector.log}.epub"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _period(
    store: Store,
    mirror: Mirror,
    selector: FeedSelector,
    *,
    since: str,
    until: str,
    limit: int | None,
) -> Period:
    newest = store.headlines(selector.channel_ids, 1)
    if not newest:
        raise ConfigError("bundle", selector.name, "no article is stored")
    zone = mirror.timezone_of(selector.channels[0].site.name)
    first = _moment("--since", since, newest[0].published, zone)
    last = _moment("--until", until, newest[0].published, zone, days=1) if until else None
    if last and last <= first:
        raise ConfigError("bundle", "--until", f"{until} is not after {since}")
    return Period(first, last, limit)


def _moment(option: str, text: str, newest: datetime, zone: ZoneInfo, days: int = 0) -> datetime:
    """Return the time that an option means.

    A day is its beginning in the site's *zone*, *days* days later. A span counts back from the
    *newest* article.

    Raises:
        ConfigError: *text* is neither a day nor a span.

    """
    span, day = _SPAN.fullmatch(text), _DAY.fullmatch(text)
    try:
        if span:
            return newest - timedelta(hours=int(span[1]) * _HOURS[span[2]])
        if day:
            return datetime.combine(
                date.fromisoformat(text) + timedelta(days=days), time(), zone
            ).astimezone(UTC)
    except (ValueError, OverflowError):  # not a calendar day, or outside of datetime's range
        pass
    raise ConfigError(
        "bundle",
        option,
        f"{text!r} is neither a day such as 2021-11-01 nor a span such as 7d or 24h",
    )


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; it appears under its name once it is complete.

    Raises:
        ConfigError: the file can't be written.

    """
    try:
        for part in files.abandoned(file.parent, f".{escape(file.name)}.*", now()):
            part.unlink(missing_ok=True)
        with files.whole(file) as opened:
            yield opened
    except OSError as e:
        raise ConfigError(
            "bundle", "--out", f"{file} can't be written: {(e.strerror or str(e)).lower()}"
        ) from e
