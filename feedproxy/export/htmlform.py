"""The export form `html`: the web server's pages as plain files with relative links.

Any file host can serve them, and a browser can read them from disk.
"""

from collections.abc import Callable, Iterator, Mapping

from feedproxy import paths
from feedproxy.export import common
from feedproxy.export.values import ExportEnvironment, ExportPlan, File, Job, JobResult, Maker
from feedproxy.model import MirrorPath
from feedproxy.output import (
    ALL,
    FeedSelector,
    Pages,
    make_feed,
    make_opml,
    make_subscribe,
    render,
    selector_of,
)

_NOT_FOUND, _ROBOTS = MirrorPath("/404.html"), MirrorPath("/robots.txt")
# Makes GitHub Pages serve all files unchanged, also those whose names begin with an underscore.
_AS_IT_IS = ".nojekyll"


def jobs(bench: ExportEnvironment) -> Iterator[Job]:
    """Yield all jobs of an export."""
    mirror = bench.order.mirror
    everything = frozenset(channel.id for channel in mirror.channels)
    yield from common.page_jobs(bench)
    yield from common.index_jobs(bench)
    for section in mirror.sections:
        yield Job("fronts", common.channels_of(section), section.name)
    yield Job("home", everything)
    for names in common.batches(bench.store.tags(everything)):
        yield Job("tags", everything, parts=names)
    for selector in _scopes(bench) if bench.context.has_feeds else ():
        yield Job("feeds", selector.channel_ids, selector.name, selector.channel)
    yield Job("fixed", frozenset())


def _scopes(bench: ExportEnvironment) -> Iterator[FeedSelector]:
    mirror = bench.order.mirror
    names = [(ALL, ""), *((section.name, "") for section in mirror.sections)]
    names += [(section.name, channel.id) for section, channel in common.places(bench)]
    return (selector for name, channel in names if (selector := selector_of(mirror, name, channel)))


def _pages(bench: ExportEnvironment, job: Job) -> JobResult:
    article_context, articles = common.context_and_articles(bench, job)
    shown, pages = common.on_pages(article_context, articles, job), Pages(bench.context)
    layout = bench.context.layout
    files = tuple(
        _file(
            bench,
            layout.article(job.section, job.channel, article.id),
            pages.article_in(article_context, article, job.channel),
        )
        for article in shown
    )
    return JobResult(files, common.pictures_of(article_context, shown, job.section))


def _indexes(bench: ExportEnvironment, job: Job) -> JobResult:
    section, channel = common.place_of(bench, job)
    made = (
        (int(number), Pages(bench.context).index(section, channel, int(number)))
        for number in job.parts
    )
    files = (
        _file(bench, bench.context.layout.index(section.name, channel.id, number), body)
        for number, body in made
        if body is not None
    )
    return JobResult(tuple(files))


def _fronts(bench: ExportEnvironment, job: Job) -> JobResult:
    section = next(
        section for section in bench.order.mirror.sections if section.name == job.section
    )
    page = bench.context.layout.section(section.name)
    return JobResult((_file(bench, page, Pages(bench.context).section(section, page)),))


def _home(bench: ExportEnvironment, _job: Job) -> JobResult:
    return JobResult((_file(bench, bench.context.layout.home, Pages(bench.context).home()),))


def _tags(bench: ExportEnvironment, job: Job) -> JobResult:
    found = ((bench.context.layout.tag(name), Pages(bench.context).tag(name)) for name in job.parts)
    return JobResult(
        tuple(_file(bench, page, body) for page, body in found if page and body is not None)
    )


def _feeds(bench: ExportEnvironment, job: Job) -> JobResult:
    selector = selector_of(bench.order.mirror, job.section, job.channel)
    return (
        JobResult(tuple(file for make in OF_SCOPES for file in make(bench, selector)))
        if selector
        else JobResult(())
    )


def _fixed(bench: ExportEnvironment, _job: Job) -> JobResult:
    return JobResult(tuple(file for make in FIXED for file in make(bench)))


def _file(bench: ExportEnvironment, path: MirrorPath, body: bytes) -> File:
    return File(bench.context.layout.file(path), body)


def _feed_in_all_forms(bench: ExportEnvironment, selector: FeedSelector) -> Iterator[File]:
    return (
        _file(bench, selector.path(form), make_feed(bench.context, selector, form))
        for form in paths.FORMATS
    )


def _static(bench: ExportEnvironment) -> Iterator[File]:
    yield from (
        _file(bench, MirrorPath(f"/static/{name}"), body) for name, body in render.STATIC.items()
    )
    yield _file(bench, _ROBOTS, render.robots(is_indexed=bench.order.is_indexed))
    yield File(_AS_IT_IS, b"")


def _opml(bench: ExportEnvironment) -> Iterator[File]:
    if bench.context.has_feeds:
        yield _file(bench, paths.OPML, make_opml(bench.context))


def _subscribe(bench: ExportEnvironment) -> Iterator[File]:
    context = bench.context
    if context.has_feeds:
        yield _file(bench, context.layout.subscribe, make_subscribe(context))


def _about(bench: ExportEnvironment) -> Iterator[File]:
    pages = Pages(bench.context)
    yield _file(bench, paths.ADDRESSES, pages.addresses())
    yield _file(bench, _NOT_FOUND, pages.lost("没有这个页面", "请从首页进入。"))


# The other files: for each selector (a channel, a section, everything), and once.
OF_SCOPES: tuple[Callable[[ExportEnvironment, FeedSelector], Iterator[File]], ...] = (
    _feed_in_all_forms,
)
FIXED: tuple[Callable[[ExportEnvironment], Iterator[File]], ...] = (
    _static,
    _opml,
    _subscribe,
    _about,
)
_MAKERS: Mapping[str, Maker] = {
    "pages": _pages,
    "indexes": _indexes,
    "fronts": _fronts,
    "home": _home,
    "tags": _tags,
    "feeds": _feeds,
    "fixed": _fixed,
}
FORM = ExportPlan(jobs, _MAKERS)
