"""The export format `git`: one repository for each section, pages in Markdown, indexes in CSV.

The form is that of the git-hosted mirrors. A page carries the article's record, so another mirror
can import the article from its page alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from feedproxy import paths
from feedproxy.export import common
from feedproxy.export.values import ExportEnvironment, ExportPlan, File, Job, JobResult, Maker
from feedproxy.model import Links, Section, one_line
from feedproxy.output import (
    RenderContext,
    make_markdown_front,
    make_markdown_list,
    make_opml,
    markdown_of,
)

# Rows of an index that are read with one query.
_LINES = 1_000
# What a spreadsheet reads as the start of a formula, in any cell that it may find in a line; titles
# may have it in full-width characters, too (OWASP, "CSV Injection"). `parse.mirrored` removes the
# apostrophe again.
_FORMULA = re.compile(r"""((?:\A|[,;])[\s"]*)('*[=+\-@＝＋－＠])""")


def jobs(environment: ExportEnvironment) -> Iterator[Job]:
    """Yield all jobs of an export."""
    yield from common.page_jobs(environment)
    yield from common.index_jobs(environment)
    for section, channel in common.section_channels(environment):
        yield Job("lists", frozenset((channel.id,)), section.name, channel.id)
    for section in environment.options.mirror.sections:
        yield Job("fronts", frozenset(), section.name)


def _pages(environment: ExportEnvironment, job: Job) -> JobResult:
    article_context, articles = common.context_and_articles(environment, job)
    layout, shown = environment.context.layout, common.on_pages(article_context, articles, job)
    files = (
        File(
            layout.file(layout.article(job.section, job.channel, article.id)),
            markdown_of(article_context, article, job.channel, environment.options.links),
        )
        for article in shown
    )
    # with Links.SEED, as in the first mirrors, pages show pictures at their original URLs
    pictures = (
        common.pictures_of(article_context, shown, job.section)
        if environment.options.links is Links.MIRROR
        else ()
    )
    return JobResult(tuple(files), pictures)


def _indexes(environment: ExportEnvironment, job: Job) -> JobResult:
    (section, channel), layout = common.place_of(environment, job), environment.context.layout
    made = (
        (number, make_markdown_list(environment.context, section, channel, int(number)))
        for number in job.parts
    )
    files = (
        File(layout.file(layout.index(job.section, job.channel, int(number))), body)
        for number, body in made
        if body
    )
    return JobResult(tuple(files))


def _lists(environment: ExportEnvironment, job: Job) -> JobResult:
    """Render a channel's index, newest article first."""
    count = environment.store.count(job.channel)
    rows = (
        row
        for start in range(0, count, _LINES)
        for row in environment.store.index(job.channel, start, _LINES)
    )
    lines = "".join(list_line(row.id, row.title) for row in rows)
    return JobResult((File(f"{job.section}/indexes/{job.channel}.csv", lines.encode()),))


def list_line(name: str, title: str) -> str:
    """Return an ID and a title as an unquoted line of CSV; no cell of it is a formula."""
    return _FORMULA.sub(r"\1'\2", f"{name},{one_line(title)}") + "\n"


def _fronts(environment: ExportEnvironment, job: Job) -> JobResult:
    section = _section(environment, job)
    made = ((path, make(environment.context, section)) for path, make in FRONTS.items())
    return JobResult(tuple(File(f"{section.name}/{path}", body) for path, body in made if body))


def _section(environment: ExportEnvironment, job: Job) -> Section:
    return next(
        section for section in environment.options.mirror.sections if section.name == job.section
    )


def _feeds(context: RenderContext, _section: Section) -> bytes:
    """Render the list of feeds; empty without a public URL, at which the feeds would be."""
    return make_opml(context) if context.public_url else b""


def _names(_context: RenderContext, section: Section) -> bytes:
    return "".join(list_line(channel.id, channel.title) for channel in section.channels).encode()


# The other files that are written once in each repository.
FRONTS: Mapping[str, Callable[[RenderContext, Section], bytes]] = {
    "README.md": make_markdown_front,
    "feeds.opml": _feeds,
    paths.CHANNEL_LIST: _names,
}
_MAKERS: Mapping[str, Maker] = {
    "pages": _pages,
    "indexes": _indexes,
    "lists": _lists,
    "fronts": _fronts,
}
FORMAT = ExportPlan(jobs, _MAKERS)
