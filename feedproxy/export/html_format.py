"""The export format `html`: the web server's pages as plain files with relative links.

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


def jobs(environment: ExportEnvironment) -> Iterator[Job]:
    """Yield all jobs of an export."""
    mirror = environment.options.mirror
    everything = frozenset(channel.id for channel in mirror.channels)
    yield from common.page_jobs(environment)
    yield from common.index_jobs(environment)
    for section in mirror.sections:
        yield Job("fronts", common.channels_of(section), section.name)
    yield Job("home", everything)
    for names in common.batches(environment.store.tags(everything)):
        yield Job("tags", everything, parts=names)
    for selector in _scopes(environment) if environment.context.has_feeds else ():
        yield Job("feeds", selector.channel_ids, selector.name, selector.channel)
    yield Job("fixed", frozenset())


def _scopes(environment: ExportEnvironment) -> Iterator[FeedSelector]:
    mirror = environment.options.mirror
    names = [(ALL, ""), *((section.name, "") for section in mirror.sections)]
    names += [
        (section.name, channel.id) for section, channel in common.section_channels(environment)
    ]
    return (selector for name, channel in names if (selector := selector_of(mirror, name, channel)))


def _pages(environment: ExportEnvironment, job: Job) -> JobResult:
    article_context, articles = common.context_and_articles(environment, job)
    shown, pages = common.on_pages(article_context, articles, job), Pages(environment.context)
    layout = environment.context.layout
    files = tuple(
        _file(
            environment,
            layout.article(job.section, job.channel, article.id),
            pages.article_in(article_context, article, job.channel),
        )
        for article in shown
    )
    return JobResult(files, common.pictures_of(article_context, shown, job.section))


def _indexes(environment: ExportEnvironment, job: Job) -> JobResult:
    section, channel = common.place_of(environment, job)
    made = (
        (int(number), Pages(environment.context).index(section, channel, int(number)))
        for number in job.parts
    )
    files = (
        _file(environment, environment.context.layout.index(section.name, channel.id, number), body)
        for number, body in made
        if body is not None
    )
    return JobResult(tuple(files))


def _fronts(environment: ExportEnvironment, job: Job) -> JobResult:
    section = next(
        section for section in environment.options.mirror.sections if section.name == job.section
    )
    page = environment.context.layout.section(section.name)
    return JobResult((_file(environment, page, Pages(environment.context).section(section, page)),))


def _home(environment: ExportEnvironment, _job: Job) -> JobResult:
    return JobResult(
        (_file(environment, environment.context.layout.home, Pages(environment.context).home()),)
    )


def _tags(environment: ExportEnvironment, job: Job) -> JobResult:
    found = (
        (environment.context.layout.tag(name), Pages(environment.context).tag(name))
        for name in job.parts
    )
    return JobResult(
        tuple(_file(environment, page, body) for page, body in found if page and body is not None)
    )


def _feeds(environment: ExportEnvironment, job: Job) -> JobResult:
    selector = selector_of(environment.options.mirror, job.section, job.channel)
    return (
        JobResult(tuple(file for make in OF_SELECTORS for file in make(environment, selector)))
        if selector
        else JobResult(())
    )


def _fixed(environment: ExportEnvironment, _job: Job) -> JobResult:
    return JobResult(tuple(file for make in FIXED for file in make(environment)))


def _file(environment: ExportEnvironment, path: MirrorPath, body: bytes) -> File:
    return File(environment.context.layout.file(path), body)


def _feed_in_all_forms(environment: ExportEnvironment, selector: FeedSelector) -> Iterator[File]:
    return (
        _file(environment, selector.path(form), make_feed(environment.context, selector, form))
        for form in paths.FORMATS
    )


def _static(environment: ExportEnvironment) -> Iterator[File]:
    yield from (
        _file(environment, MirrorPath(f"/static/{name}"), body)
        for name, body in render.STATIC.items()
    )
    yield _file(environment, _ROBOTS, render.robots(is_indexed=environment.options.is_indexed))
    yield File(_AS_IT_IS, b"")


def _opml(environment: ExportEnvironment) -> Iterator[File]:
    if environment.context.has_feeds:
        yield _file(environment, paths.OPML, make_opml(environment.context))


def _subscribe(environment: ExportEnvironment) -> Iterator[File]:
    context = environment.context
    if context.has_feeds:
        yield _file(environment, context.layout.subscribe, make_subscribe(context))


def _about(environment: ExportEnvironment) -> Iterator[File]:
    pages = Pages(environment.context)
    yield _file(environment, paths.ADDRESSES, pages.addresses())
    yield _file(environment, _NOT_FOUND, pages.lost("没有这个页面", "请从首页进入。"))


# The other files: for each selector (a channel, a section, everything), and once.
OF_SELECTORS: tuple[Callable[[ExportEnvironment, FeedSelector], Iterator[File]], ...] = (
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
FORMAT = ExportPlan(jobs, _MAKERS)
