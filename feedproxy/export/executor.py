"""Run export jobs in several processes, each with its own store; results keep the jobs' order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from feedproxy.errors import ExportError
from feedproxy.export import git_format, html_format
from feedproxy.export.values import (
    ExportEnvironment,
    ExportOptions,
    ExportPlan,
    Job,
    JobResult,
    open_environment,
)
from feedproxy.export.wellformed import find_fault_in_html, find_fault_in_markdown
from feedproxy.model import ExportFormat
from feedproxy.processes import pool_of
from feedproxy.store import open_store

FORMATS: dict[ExportFormat, ExportPlan] = {
    ExportFormat.GIT: git_format.FORMAT,
    ExportFormat.HTML: html_format.FORMAT,
}
# Jobs per process that are submitted at the same time; results wait in memory for their order.
_AHEAD = 3
Run = Callable[[Iterable[Job]], Iterator[tuple[Job, JobResult]]]
# The export environment of a worker process, empty until the process has started.
_environments: list[ExportEnvironment] = []


def make(environment: ExportEnvironment, job: Job) -> JobResult:
    """Run a job and return its result.

    Raises:
        ExportError: a page is not well-formed.

    """
    made = FORMATS[environment.options.format].makers[job.kind](environment, job)
    for file in made.files:
        is_page = job.kind == "pages" and file.path.endswith(".md")
        look = (
            find_fault_in_markdown
            if is_page
            else find_fault_in_html
            if file.path.endswith(".html")
            else None
        )
        if look and (fault := look(file.body)):
            raise ExportError(f"{file.path}: is not well-formed: {fault}; nothing was changed")
    return made


@contextmanager
def workers(environment: ExportEnvironment, count: int) -> Iterator[Run]:
    """Provide a function that runs jobs in *count* processes, or in this one if *count* is 1."""
    if count <= 1:
        yield lambda jobs: ((job, make(environment, job)) for job in jobs)
        return
    with pool_of(count, _begin, environment.options) as pool:
        try:
            yield lambda jobs: _in_order(pool, jobs, count * _AHEAD)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, jobs: Iterable[Job], ahead: int
) -> Iterator[tuple[Job, JobResult]]:
    waiting: deque[tuple[Job, Future[JobResult]]] = deque()
    for job in jobs:
        waiting.append((job, pool.submit(_make, job)))
        if len(waiting) >= ahead:
            yield _next(waiting)
    while waiting:
        yield _next(waiting)


def _next(waiting: deque[tuple[Job, Future[JobResult]]]) -> tuple[Job, JobResult]:
    job, future = waiting.popleft()
    try:
        return job, future.result()
    except BrokenProcessPool as e:
        raise ExportError("a process was killed, perhaps out of memory: try --workers 1") from e


def _begin(options: ExportOptions) -> None:
    _environments[:] = [open_environment(options, open_store(options.store_url, options.data))]


def _make(job: Job) -> JobResult:
    return make(_environments[0], job)
