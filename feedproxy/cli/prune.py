"""`feedproxy prune`: take away what nothing refers to any more."""

import click

from feedproxy.cli.parts import progress
from feedproxy.media import MediaFolder
from feedproxy.settings import Settings
from feedproxy.store import open_store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@click.pass_obj
def prune(settings: Settings, *, dry_run: bool) -> None:
    """List and delete the pictures that no article shows any more, and files that no picture has.

    An article, and what it shows, is never deleted. Ends with 0.
    """
    store, media = open_store(settings.store_url, settings.data), MediaFolder(settings.media)
    with store.turn():  # no poller is between a picture's file and its row
        unused, used = store.unused_pictures(), store.used_files()
        files = sorted(name for name in media.names() if name not in used)
        leftovers = sorted(media.leftovers())
        for url in unused:
            click.echo(f"picture {url}")
        if not dry_run:
            store.drop_unused_pictures()
        size = 0
        with progress("prune", len(files) + len(leftovers)) as bar:
            for name in [*files, *leftovers]:
                size += media.size(name) if dry_run else media.remove(name)
                click.echo(f"file {name}")
                bar.advance(bar.task_ids[0])
    verb = "would be deleted" if dry_run else "deleted"
    click.echo(f"{len(unused)} pictures and {len(files) + len(leftovers)} files ({size} bytes) {verb}")
