"""Jobs on all cores: each process opens the store itself; what comes back comes in the order of the jobs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from feedproxy.errors import ExportError
from feedproxy.export import gitform, htmlform
from feedproxy.export.values import (
    ExportEnvironment,
    ExportOptions,
    ExportPlan,
    Job,
    JobResult,
    open_environment,
)
from feedproxy.export.wellformed import find_fault_in_html, find_fault_in_markdown
from feedproxy.model import ExportForm
from feedproxy.processes import pool_of
from feedproxy.store import open_store

FORMS: dict[ExportForm, ExportPlan] = {ExportForm.GIT: gitform.FORM, ExportForm.HTML: htmlform.FORM}
# Jobs that are under way or wait for a process, for each of them; what is done waits in memory for its turn.
_AHEAD = 3
Run = Callable[[Iterable[Job]], Iterator[tuple[Job, JobResult]]]
# What a process of the pool has, once it has begun.
_benches: list[ExportEnvironment] = []


def make(bench: ExportEnvironment, job: Job) -> JobResult:
    """Return what comes of a job.

    Raises:
        ExportError: a page is not well-formed.

    """
    made = FORMS[bench.order.form].makers[job.kind](bench, job)
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
def workers(bench: ExportEnvironment, count: int) -> Iterator[Run]:
    """Provide what does jobs, in *count* processes of their own, or here if that is one."""
    if count <= 1:
        yield lambda jobs: ((job, make(bench, job)) for job in jobs)
        return
    with pool_of(count, _begin, bench.order) as pool:
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
        raise ExportError(
            "a process ended before its work did; there may be too little memory: try --workers 1"
        ) from e


def _begin(order: ExportOptions) -> None:
    _benches[:] = [open_environment(order, open_store(order.store_url, order.data))]


def _make(job: Job) -> JobResult:
    return make(_benches[0], job)
