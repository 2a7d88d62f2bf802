"""What is exported, and what becomes of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feedproxy import paths
from feedproxy.media import Media
from feedproxy.model import ExportForm, Links, Mirror, PageCopies
from feedproxy.output import RenderContext
from feedproxy.store import Store

# Every file is one of a kind, in a section and a channel where it belongs to one: what is made anew is so much at once.
Group = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is exported, from where, in which form; all that a process needs to help.

    *store_url* and *data* are the store's, *media* is where pictures are; feeds need the *public_url*.
    """

    mirror: Mirror
    form: ExportForm
    store_url: str
    data: Path
    media: Media
    public_url: str = ""
    links: Links = Links.MIRROR
    is_indexed: bool = False

    @property
    def layout(self) -> paths.Layout:
        """Where pages stand."""
        mirror = self.mirror
        if self.form is ExportForm.GIT:
            return paths.git_layout(mirror.sections)
        return paths.file_layout(mirror.page_path, mirror.index_path, mirror.sections)

    def signed_path(self, path: str) -> str:
        """Return what the signature of a file calls it, so that no form or section can stand in for another."""
        kind = (
            str(Links.SEED)
            if self.form is ExportForm.GIT and self.links is Links.SEED
            else str(self.form)
        )
        return f"{kind}/{path}"

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders that are repositories, "" for all in one."""
        return (
            tuple(section.name for section in self.mirror.sections)
            if self.form is ExportForm.GIT
            else ("",)
        )


@dataclass(frozen=True, slots=True)
class ExportEnvironment:
    """An order with an open store."""

    order: ExportOptions
    store: Store
    ground: RenderContext


@dataclass(frozen=True, slots=True)
class Job:
    """Some files to make: *parts* are IDs, numbers or names; they change only if one of *channels* does."""

    kind: str
    channels: frozenset[str]
    section: str = ""
    channel: str = ""
    parts: tuple[str, ...] = ()

    @property
    def group(self) -> Group:
        """What it is part of."""
        return self.kind, self.section, self.channel


@dataclass(frozen=True, slots=True)
class File:
    """A file below the folder of an export."""

    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job: files, and the names of the pictures that its section shows with them."""

    files: tuple[File, ...]
    pictures: tuple[str, ...] = ()


Maker = Callable[[ExportEnvironment, Job], JobResult]
# Signs a manifest: its path and body to its signature.
Signer = Callable[[str, bytes], bytes]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """How a form is exported: which jobs there are, and what does each kind."""

    jobs: Callable[[ExportEnvironment], Iterator[Job]]
    makers: Mapping[str, Maker]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an export: files by kind, written and as before; how many are gone; articles in it; pages rendered."""

    written: Mapping[str, int] = field(default_factory=dict)
    unchanged: Mapping[str, int] = field(default_factory=dict)
    removed: int = 0
    articles: int = 0
    rendered: int = 0
    missing_pictures: int = 0


def open_environment(order: ExportOptions, store: Store) -> ExportEnvironment:
    """Return an order with its store."""
    is_once = order.mirror.export.pages is PageCopies.ONCE
    return ExportEnvironment(
        order,
        store,
        RenderContext(order.mirror, store, order.public_url, files=order.layout, is_once=is_once),
    )
