"""Push exports to git remotes; each target has its own schedule and fails alone."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from feedproxy import files
from feedproxy.errors import ExportError, FeedproxyError
from feedproxy.export.git import Repository
from feedproxy.export.locks import locked
from feedproxy.export.values import ExportOptions
from feedproxy.model import PublishTarget

_STATE = "state.json"
_VERBS = {"A": "new", "M": "changed", "D": "removed"}


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The outcome of a target; *error* is "" for success, *changes* describes the commit."""

    target: PublishTarget
    error: str = ""
    changes: str = ""
    is_due: bool = True


def publish(
    options: ExportOptions,
    folder: Path,
    write: Callable[[ExportOptions, Path], object],
    environ: Mapping[str, str],
    now: datetime,
    *,
    is_all: bool = False,
) -> list[PublishResult]:
    """Export the due targets with *write*, commit in repositories below *folder*, and push.

    A target that failed is due again immediately; with *is_all* every target is due. Return the
    outcome of each target.

    Raises:
        ExportError: another publish is running, or *folder* can't be written.

    """
    with _alone(folder):
        pushed = _read_state(folder / _STATE)
        due = [
            target
            for target in options.mirror.targets
            if is_all or _is_due(target, pushed.get(target.name), now)
        ]
        outcomes = {
            target.name: PublishResult(target, is_due=False) for target in options.mirror.targets
        }
        for kind in dict.fromkeys(map(_kind_of, due)):
            targets = [target for target in due if _kind_of(target) == kind]
            for outcome in _publish(options, folder, write, environ, targets):
                outcomes[outcome.target.name] = outcome
                if not outcome.error:
                    pushed[outcome.target.name] = now
        _write_state(
            folder / _STATE,
            {name: moment for name, moment in pushed.items() if name in outcomes},
            now,
        )
        return list(outcomes.values())


def _publish(
    options: ExportOptions,
    folder: Path,
    write: Callable[[ExportOptions, Path], object],
    environ: Mapping[str, str],
    targets: list[PublishTarget],
) -> Iterator[PublishResult]:
    """Export once for targets with the same format and links, and push to each of them."""
    first = targets[0]
    work_folder = folder / _kind_of(first)
    export_options = replace(options, format=first.format, links=first.links)
    tree, changes = work_folder / "tree", dict[str, str]()
    try:
        write(export_options, tree)
        repositories = {
            root: Repository(work_folder / "git" / f"{root or 'all'}.git", tree / root, environ)
            for root in export_options.roots
        }
        for root, repository in repositories.items():
            changes[root] = _commit(export_options, repository)
    except FeedproxyError as e:
        yield from (PublishResult(target, str(e)) for target in targets)
        return
    for target in targets:
        roots = [root for root in export_options.roots if not root or root in target.sections]
        errors = [error for root in roots if (error := _push(target, repositories[root], root))]
        words = [
            f"{root}: {changes[root]}" if root else changes[root] for root in roots if changes[root]
        ]
        yield PublishResult(target, "; ".join(errors), "; ".join(words))


def _commit(options: ExportOptions, repository: Repository) -> str:
    """Commit the changes; return a description of them, "" if there are none."""
    repository.open()
    staged = repository.stage()
    if not staged:
        return ""
    pattern = options.layout.page_files
    prefix = "" if repository.tree.name not in options.roots else f"{repository.tree.name}/"
    articles: dict[str, set[str]] = {verb: set() for verb in _VERBS}
    for verb, file in staged:
        match = pattern.fullmatch(prefix + file)
        if match and verb in articles:
            articles[verb].add(match["id"])
    words = _words(articles)
    repository.commit(words)
    return words


def _words(articles: Mapping[str, Iterable[str]]) -> str:
    """Return the numbers of new, changed and removed articles in words.

    An article that is new in one channel and removed or changed in another counts as changed.
    """
    new, changed, removed = (set(articles[verb]) for verb in _VERBS)
    moved = new & removed
    counts = {
        "new": new - moved - changed,
        "changed": changed | moved,
        "removed": removed - moved - changed,
    }
    return ", ".join(f"{len(ids)} {name}" for name, ids in counts.items()) + " articles"


def _push(target: PublishTarget, repository: Repository, root: str) -> str:
    """Push a repository; return the error, "" for success."""
    try:
        repository.push(target.url.replace("{section}", root), target.branch, force=target.force)
    except ExportError as e:
        return str(e)
    return ""


def _kind_of(target: PublishTarget) -> str:
    """Return format and links of an export: targets with equal ones share one export."""
    return f"{target.format}-{target.links}"


def _is_due(target: PublishTarget, pushed: datetime | None, now: datetime) -> bool:
    """Return whether a target is due; a time of the last push in the future is ignored."""
    return pushed is None or pushed > now or now - pushed >= timedelta(hours=target.every_hours)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with locked(folder):
            yield
    except BlockingIOError as e:
        raise ExportError(f"{folder}: another publish is running") from e
    except OSError as e:
        raise ExportError(
            f"{e.filename or folder}: can't be read or written: {(e.strerror or str(e)).lower()}"
        ) from e


def _read_state(file: Path) -> dict[str, datetime]:
    """Return the time of the last push by target; an unreadable file counts as no push."""
    try:
        return {
            str(name): datetime.fromisoformat(moment)
            for name, moment in json.loads(file.read_text("utf-8")).items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write_state(file: Path, pushed: Mapping[str, datetime], now: datetime) -> None:
    text = json.dumps(
        {name: moment.isoformat() for name, moment in sorted(pushed.items())}, indent=1
    )
    for part in files.abandoned(file.parent, f".{file.name}.*", now):
        part.unlink(missing_ok=True)
    with files.whole(file) as opened:
        opened.write(f"{text}\n".encode())
