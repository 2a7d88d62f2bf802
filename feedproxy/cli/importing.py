"""`feedproxy import`: import a whole git-hosted mirror."""

import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from time import monotonic
from urllib.parse import unquote, urlsplit

import click

from feedproxy import urls
from feedproxy.cli.console import (
    TERMINATED,
    as_json,
    end_gently,
    examples,
    index_for_search,
    open_services,
    progress,
    say,
)
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import FeedproxyError, FetchError
from feedproxy.ingest import Import, Importer, Verifier, entries_of, prepare
from feedproxy.model import DateSource, Source, Url
from feedproxy.processes import cores, pool_of
from feedproxy.sign import read_public_key


@click.command(
    "import",
    epilog=examples(
        "import /srv/mirror", "import https://raw.example.org/{section}/master --key RW... --json"
    ),
)
@click.argument("place")
@click.option(
    "--section", "sections", multiple=True, help="Only this section; may be given several times."
)
@click.option("--key", default="", help="Public key (RW...) that must have signed the mirror.")
@click.option(
    "--allow-older",
    is_flag=True,
    help="Accept a signed copy that is older than one seen before.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=cores(),
    help="Number of processes that read pages.",
)
@as_json
@click.pass_obj
def import_mirror(
    settings: Settings,
    place: str,
    sections: tuple[str, ...],
    key: str,
    workers: int,
    *,
    allow_older: bool,
    is_json: bool,
) -> None:
    """Import a whole git-hosted mirror from PLACE.

    PLACE is a local folder, or the address of its raw files. PLACE contains a folder for each
    section, or {section} where their names stand, or it is that of the one section named with
    --section. An interrupted import continues where it was; a repeated one changes nothing. Exits
    with 0, or with 1 if a page could not be read.
    """
    mirror = load_mirror(settings.config)
    names = sections or tuple(section.name for section in mirror.sections)
    for name in names:
        if mirror.section(name) is None:
            raise click.BadParameter(f"there is no section {name!r}", param_hint="--section")
    if key:
        read_public_key(key)
    bases = {name: _base(place, name, is_only=len(names) == 1) for name in names}
    stop = threading.Event()
    end_gently(stop)
    folders = tuple(
        Path(unquote(urlsplit(base).path)) for base in bases.values() if base.startswith("file:")
    )
    services = open_services(
        settings, stop, more_hosts=tuple(map(urls.host_of, bases.values())), more_folders=folders
    )
    result, began = Import(), monotonic()
    sources = {
        name: Source(
            "mirror", Url(f"{base}/indexes/"), key=key, section=name, allow_older=allow_older
        )
        for name, base in bases.items()
    }
    verifier = Verifier(services.fetcher, services.store.serials)
    entries = entries_of(services, sources, verifier, result)
    if not entries:
        why = (
            result.failures[0]
            if result.failures
            else "none of its channels has an index there (indexes/<channel>.csv)"
        )
        raise FetchError(place, f"no mirror was found: {why}")
    with (
        progress("import", len(entries)) as bar,
        pool_of(workers, prepare, services.mirror) as pool,
    ):
        try:
            importer = Importer(services, pool, workers, result, verifier, sources.values())
            importer.run(entries, lambda count: bar.advance(bar.task_ids[0], count))
        except BrokenProcessPool as e:
            raise FeedproxyError(
                "a process that reads pages was killed, perhaps out of memory; "
                "run the same command again"
            ) from e
    index_for_search(services.store, stop)
    _print_result(result, monotonic() - began, is_json=is_json)
    sys.exit(TERMINATED if stop.is_set() else 1 if result.failures else 0)


def _base(place: str, section: str, *, is_only: bool) -> str:
    """Return the base URL of a section's mirror: *place* itself, or the section's folder in it."""
    if "{section}" in place:
        is_only, place = True, place.replace("{section}", section)
    if place.startswith(("http://", "https://")):
        return place.rstrip("/") if is_only else f"{place.rstrip('/')}/{section}"
    folder = Path(place).resolve()
    return (folder if is_only and not (folder / section).is_dir() else folder / section).as_uri()


def _print_result(result: Import, seconds: float, *, is_json: bool) -> None:
    read, counts = (
        sum(result.counts.values()),
        {name: result.counts[name] for name in ("new", "updated", "redated", "same")},
    )
    words = ", ".join(
        f"{count} {name}" for name, count in counts.items() if count or name != "redated"
    )
    dates = {source.value: result.dates[source] for source in DateSource}
    date_counts = ", ".join(f"{count} {name}" for name, count in dates.items())
    lines = [
        *(f"passed over: {failure}" for failure in result.failures),
        (
            f"{read} articles ({words}), {result.pictures} pictures, "
            f"{len(result.failures)} passed over; "
            f"{seconds:.1f} s, {read / max(seconds, 0.001):.0f} pages a second"
        ),
        f"dates: {date_counts}",
    ]
    values = {
        **counts,
        "dates": dates,
        "pictures": result.pictures,
        "failures": list(map(str, result.failures)),
        "seconds": round(seconds, 1),
    }
    say(values, "\n".join(lines), is_json=is_json)
