"""`feedproxy export`: write the mirror to a folder."""

import hashlib
import signal
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from feedproxy.cli.console import TERMINATED, as_json, examples, progress, say
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.export import ExportOptions, Result, Signer, export
from feedproxy.media import open_media
from feedproxy.model import ExportFormat, Links, Mirror
from feedproxy.processes import cores
from feedproxy.sign import sign_publication, signing_key
from feedproxy.store import Store, open_store


@click.command(
    "export",
    epilog=examples("export www --format html", "export mirror --format git --dry-run --json"),
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "export_format",
    type=click.Choice([each.value for each in ExportFormat]),
    required=True,
    help="Format: Markdown for git hosts, or HTML for web hosts.",
)
@click.option(
    "--links",
    type=click.Choice([links.value for links in Links]),
    default=Links.MIRROR.value,
    help="Links in the texts of a git export: to pages of the mirror, or removed (seed).",
)
@click.option(
    "--force",
    is_flag=True,
    help="Write even if more articles would be lost than export.max_loss allows.",
)
@click.option("--dry-run", is_flag=True, help="Print the number of files; write nothing.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Number of rendering processes; one per core if not given.",
)
@as_json
@click.pass_obj
def export_mirror(
    settings: Settings,
    folder: Path,
    export_format: str,
    links: str,
    *,
    force: bool,
    dry_run: bool,
    workers: int | None,
    is_json: bool,
) -> None:
    """Write the whole mirror to DIR as Markdown or HTML.

    Markdown is for git hosts, HTML for any web host. Files that are equal are not written again.
    DIR is replaced only when everything is written. Exits with 0.
    """
    mirror = load_mirror(settings.config)
    options = options_of(settings, mirror, ExportFormat(export_format), Links(links))
    store = open_store(settings.store_url, settings.data)
    if options.format is ExportFormat.HTML and not settings.public_url:
        click.echo(
            "feeds are left out: they need to know their address, by FEEDPROXY_PUBLIC_URL", err=True
        )
    end_gently()
    began = time.monotonic()
    signer = signer_of(settings, options, store, is_dry=dry_run)
    result = write_export(options, store, folder, workers, signer, force=force, is_dry=dry_run)
    seconds = time.monotonic() - began
    pace = (
        f"{result.rendered} pages rendered in {seconds:.1f} s, "
        f"{result.rendered / max(seconds, 0.001):.0f} a second"
    )
    words = f"{summary_of(result, would='would be ' if dry_run else '')}\n{pace}"
    say(
        {**asdict(result), "seconds": round(seconds, 1), "dry_run": dry_run}, words, is_json=is_json
    )


def options_of(
    settings: Settings, mirror: Mirror, export_format: ExportFormat, links: Links
) -> ExportOptions:
    """Return the options of an export."""
    return ExportOptions(
        mirror=mirror,
        format=export_format,
        store_url=settings.store_url,
        data=settings.data,
        media=open_media(settings),
        public_url=settings.public_url,
        links=links,
        is_indexed=settings.indexed,
    )


def signer_of(
    settings: Settings, options: ExportOptions, store: Store, *, is_dry: bool = False
) -> Signer | None:
    """Return a function that signs manifests with their paths and serials.

    The result is None if the mirror has no signing key. The store records each serial, except in a
    dry run.
    """
    key, serials = signing_key(settings), store.serials
    if key is None:
        return None
    number = serials.next if is_dry else serials.issue

    def signer(path: str, body: bytes) -> bytes:
        name = options.signed_path(path)
        serial = settings.serial_base + number(name, hashlib.sha256(body).hexdigest())
        return sign_publication(body, key, path=name, serial=serial)

    return signer


def write_export(
    options: ExportOptions,
    store: Store,
    folder: Path,
    workers: int | None,
    signer: Signer | None,
    *,
    force: bool = False,
    is_dry: bool = False,
) -> Result:
    """Export with a progress bar; see `export`.

    The number of processes is *workers*, or the number of cores if that is None.
    """

    def on_progress(done: int, total: int) -> None:
        bar.update(bar.task_ids[0], completed=done, total=total)

    with progress(f"export {options.format}", 1) as bar:
        return export(
            options,
            store,
            folder,
            force=force,
            is_dry=is_dry,
            processes=workers or cores(),
            on_progress=on_progress,
            signer=signer,
        )


def end_gently() -> None:
    """Make SIGTERM end the export like Ctrl-C: the next tree is deleted, the present one stays."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)


def summary_of(result: Result, would: str = "") -> str:
    """Return the result of an export in words."""

    def counted(counts: dict[str, int]) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
        return f"{sum(counts.values())}" + (f" ({kinds})" if kinds else "")

    missing = f"; {result.missing_pictures} pictures are missing" if result.missing_pictures else ""
    return (
        f"{result.articles} articles; files {would}written: {counted(dict(result.written))}; "
        f"unchanged: {counted(dict(result.unchanged))}; removed: {result.removed}{missing}"
    )
