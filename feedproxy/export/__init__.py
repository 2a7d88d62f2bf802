"""Exports: the mirror on disk, as git repositories or as plain files, and pushed to git remotes.

The format `git` is that of the git-hosted mirrors, the format `html` is for any web host. The
package uses `output` for rendering, and does not access the network itself, except by git.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from feedproxy.errors import ExportError
from feedproxy.export.executor import FORMATS, Run, workers
from feedproxy.export.publish import PublishResult, publish
from feedproxy.export.tree import MARK, Tree, Write, alone, write_file
from feedproxy.export.values import (
    ExportEnvironment,
    ExportOptions,
    Group,
    Job,
    Result,
    Signer,
    open_environment,
)
from feedproxy.store import Store

__all__ = [
    "MARK",
    "ExportOptions",
    "PublishResult",
    "Result",
    "Signer",
    "ToldProgress",
    "export",
    "publish",
]

_log = logging.getLogger(__name__)
# Called with the number of finished jobs and the number of all jobs.
ProgressCallback = Callable[[int, int], None]
_PAGES = "pages"
_PICTURES = ("pictures", "", "")


def export(
    options: ExportOptions,
    store: Store,
    folder: Path,
    *,
    force: bool = False,
    is_dry: bool = False,
    processes: int = 1,
    on_progress: ProgressCallback = lambda _done, _total: None,
    signer: Signer | None = None,
    write: Write = write_file,
) -> Result:
    """Write the mirror to *folder*; if *is_dry*, only count what would be written.

    The present tree stays in place until the next one is complete. *on_progress* receives the
    progress, *signer* signs each manifest, *write* writes a file.

    Raises:
        ExportError: *folder* is not an export or can't be written, a page is not well-formed, or
            the export would lose more articles than `export.max_loss` allows without *force*. The
            present tree is unchanged.
        StoreError: the store can't be read.

    """
    with alone(folder, options.format):
        tree = Tree(folder, options.format, options.roots, is_dry=is_dry, write=write)
        try:
            tree.begin()
            with workers(open_environment(options, store), processes) as run:
                result = _build(_Build(open_environment(options, store), tree, run, on_progress))
            articles = _check_loss(options, tree, force=force)
            tree.write_manifests(signer)
            if not is_dry:
                tree.swap()
        except BaseException:
            tree.discard()
            raise
    return replace(
        _counted(tree),
        articles=articles,
        rendered=result.rendered,
        missing_pictures=result.missing_pictures,
    )


@dataclass
class _Build:
    """The state of an export: the next tree, the pictures on its pages, the number of pages."""

    environment: ExportEnvironment
    tree: Tree
    run: Run
    on_progress: ProgressCallback
    pictures: dict[Group, set[str]] = field(default_factory=dict)
    rendered: int = 0


def _build(work: _Build) -> Result:
    """Fill the next tree with the store's content at the end of the build.

    Pollers run meanwhile, so jobs run again for channels that changed. The last time they run under
    the store's exclusive lock, while pollers wait.
    """
    seen = _versions(work.environment)
    _run(work, list(FORMATS[work.environment.options.format].jobs(work.environment)))
    seen = _catch_up(work, seen)
    with work.environment.store.exclusive_lock():
        _catch_up(work, seen)
    missing = _put_pictures(work.environment, work.tree, work.pictures)
    return Result(rendered=work.rendered, missing_pictures=missing)


def _catch_up(work: _Build, seen: dict[str, int]) -> dict[str, int]:
    """Run the jobs again whose channels differ from their version in *seen*.

    Return the present versions by channel.
    """
    versions = _versions(work.environment)
    changed = {channel for channel, version in versions.items() if version != seen[channel]}
    jobs = FORMATS[work.environment.options.format].jobs(work.environment) if changed else iter(())
    again = [job for job in jobs if job.channels & changed]
    for group in {job.group for job in again}:
        work.tree.forget(group)
        work.pictures.pop(group, None)
    _run(work, again)
    return versions


def _run(work: _Build, jobs: list[Job]) -> None:
    for done, (job, made) in enumerate(work.run(jobs), 1):
        for file in made.files:
            work.tree.put(job.group, file.path, file.body)
            work.rendered += job.kind == _PAGES
        if made.pictures:
            work.pictures.setdefault(job.group, set()).update(map(sys.intern, made.pictures))
        work.on_progress(done, len(jobs))


def _put_pictures(environment: ExportEnvironment, tree: Tree, shown: dict[Group, set[str]]) -> int:
    """Add the pictures of the pages to the tree; return the number of missing files."""
    media, layout, missing = environment.options.media, environment.options.layout, 0
    for section, name in (
        (section, name) for (_, section, _), names in shown.items() for name in names
    ):
        path = layout.file(layout.media(name, section))
        if path in tree.sums:
            continue
        if file := media.find(name) or tree.kept(path):
            tree.put_copy(_PICTURES, path, file)
        elif body := media.read(name):
            tree.put(_PICTURES, path, body)
        else:
            _log.warning("%s: is missing; feedproxy prune queues it to be fetched again", name)
            missing += 1
    return missing


def _versions(environment: ExportEnvironment) -> dict[str, int]:
    return {
        channel.id: environment.store.version([channel.id]).number
        for channel in environment.options.mirror.channels
    }


def _check_loss(options: ExportOptions, tree: Tree, *, force: bool) -> int:
    """Refuse an export that loses too many articles; return the number of articles in it."""
    before, after = _articles(options, tree.before), _articles(options, tree.sums)
    lost, max_loss = len(before - after), options.mirror.export.max_loss
    if lost > max_loss * len(before) and not force:
        share = f"more than export.max_loss = {max_loss:g} allows"
        raise ExportError(
            f"{tree.folder}: would lose {lost} of {len(before)} articles, {share}; "
            "it stays as it is; see --force"
        )
    return len(after)


def _articles(options: ExportOptions, files: Iterable[str]) -> set[str]:
    pattern = options.layout.page_files
    return {match["id"] for file in files if (match := pattern.fullmatch(file))}


def _counted(tree: Tree) -> Result:
    def by_kind(counts: dict[Group, int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for (kind, _, _), count in sorted(counts.items()):
            found[kind] = found.get(kind, 0) + count
        return found

    return Result(
        written=by_kind(tree.written), unchanged=by_kind(tree.unchanged), removed=tree.removed
    )
