"""`feedproxy publish`: export the mirror and push it to git remotes."""

import os
from pathlib import Path

import click
from rich.table import Table

from feedproxy.cli.console import as_json, examples, now, print_table, say
from feedproxy.cli.export import end_gently, options_of, signer_of, summary_of, write_export
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import ConfigError
from feedproxy.export import ExportOptions, PublishResult, publish
from feedproxy.model import ExportFormat, Links
from feedproxy.store import open_store


@click.command("publish", epilog=examples("publish", "publish --all --json"))
@click.option("--all", "is_all", is_flag=True, help="Push to every target, due or not.")
@click.option(
    "--force",
    is_flag=True,
    help="Export even if more articles would be lost than export.max_loss allows.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Number of rendering processes; one per core if not given.",
)
@as_json
@click.pass_obj
def publish_mirror(
    settings: Settings, *, is_all: bool, force: bool, workers: int | None, is_json: bool
) -> None:
    """Export the mirror, and push it to git remotes.

    Pushes to those [[publish]] targets that are due. If one target fails, the others are still
    pushed. Access to remotes comes from git's credential helpers and ssh keys; the command never
    prompts. Exits with 0, or with 1 if a target failed.
    """
    mirror = load_mirror(settings.config)
    if not mirror.targets:
        raise ConfigError(
            settings.config / "feedproxy.toml", "publish", "there is no [[publish]] target"
        )
    store = open_store(settings.store_url, settings.data)
    end_gently()

    def write(options: ExportOptions, folder: Path) -> None:
        signer = signer_of(settings, options, store)
        result = write_export(options, store, folder, workers, signer, force=force)
        if not is_json:
            click.echo(f"{options.format}: {summary_of(result)}")

    options = options_of(settings, mirror, ExportFormat.GIT, Links.MIRROR)
    outcomes = publish(
        options, settings.data / "publish", write, dict(os.environ), now(), is_all=is_all
    )
    if is_json:
        say({"targets": list(map(_values, outcomes))}, "", is_json=True)
    else:
        _print(outcomes)
    if any(outcome.error for outcome in outcomes):
        raise SystemExit(1)


def _state(outcome: PublishResult) -> str:
    return "failed" if outcome.error else "pushed" if outcome.is_due else "not due"


def _values(outcome: PublishResult) -> dict[str, object]:
    target = outcome.target
    values = {
        "target": target.name,
        "format": target.format,
        "state": _state(outcome),
        "changes": outcome.changes or None,
    }
    return {**values, "error": str(outcome.error) if outcome.error else None}


def _print(outcomes: list[PublishResult]) -> None:
    table = Table("target", "format", "state", "changes")
    rows = (
        (each.target.name, each.target.format.value, _state(each), each.changes or "-")
        for each in outcomes
    )
    print_table(
        table,
        rows,
        [f"{outcome.target.name}: {outcome.error}" for outcome in outcomes if outcome.error],
    )
