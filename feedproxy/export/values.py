"""The values of an export: options, environment, jobs and results."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feedproxy import paths
from feedproxy.media import Media
from feedproxy.model import ExportFormat, Links, Mirror, PageCopies
from feedproxy.output import RenderContext
from feedproxy.store import Store

# Kind, section and channel of a file, "" where it belongs to none. The files of a group are removed
# and rendered again together.
Group = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of an export; they are all that a worker process needs.

    *store_url* and *data* locate the store, *media* is the picture store. Feeds are exported only
    with a *public_url*.
    """

    mirror: Mirror
    format: ExportFormat
    store_url: str
    data: Path
    media: Media
    public_url: str = ""
    links: Links = Links.MIRROR
    is_indexed: bool = False

    @property
    def layout(self) -> paths.Layout:
        """The paths of the export's pages."""
        mirror = self.mirror
        if self.format is ExportFormat.GIT:
            return paths.git_layout(mirror.sections)
        return paths.file_layout(mirror.about.page_path, mirror.about.index_path, mirror.sections)

    def signed_path(self, path: str) -> str:
        """Return the path that a file's signature states.

        It begins with the format, so a file's signature is not valid for another format or section.
        """
        kind = (
            str(Links.SEED)
            if self.format is ExportFormat.GIT and self.links is Links.SEED
            else str(self.format)
        )
        return f"{kind}/{path}"

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders that are repositories of their own, "" for the whole export."""
        return (
            tuple(section.name for section in self.mirror.sections)
            if self.format is ExportFormat.GIT
            else ("",)
        )


@dataclass(frozen=True, slots=True)
class ExportEnvironment:
    """The options of an export with an open store and a render context."""

    options: ExportOptions
    store: Store
    context: RenderContext


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of work that makes some files.

    *parts* are IDs, numbers or names. The files change only if one of *channels* does.
    """

    kind: str
    channels: frozenset[str]
    section: str = ""
    channel: str = ""
    parts: tuple[str, ...] = ()

    @property
    def group(self) -> Group:
        """The group of the job's files."""
        return self.kind, self.section, self.channel


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export, by its path below the export's folder."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job: its files, and the names of the pictures that their pages show."""

    files: tuple[File, ...]
    pictures: tuple[str, ...] = ()


Maker = Callable[[ExportEnvironment, Job], JobResult]
# Signs a manifest: takes its path and body, returns the signature file.
Signer = Callable[[str, bytes], bytes]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """How a format is exported: a function that lists the jobs, and a maker per kind of job."""

    jobs: Callable[[ExportEnvironment], Iterator[Job]]
    makers: Mapping[str, Maker]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an export.

    *written* and *unchanged* are numbers of files by kind, *removed* the number of files that are
    gone, *articles* the number of articles in the export, *rendered* the number of rendered pages.
    """

    written: Mapping[str, int] = field(default_factory=dict)
    unchanged: Mapping[str, int] = field(default_factory=dict)
    removed: int = 0
    articles: int = 0
    rendered: int = 0
    missing_pictures: int = 0


def open_environment(options: ExportOptions, store: Store) -> ExportEnvironment:
    """Return the environment of an export with *options* and an open store."""
    is_once = options.mirror.export.pages is PageCopies.ONCE
    return ExportEnvironment(
        options,
        store,
        RenderContext(
            options.mirror, store, options.public_url, files=options.layout, is_once=is_once
        ),
    )
