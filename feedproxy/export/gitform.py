"""The form of the git-hosted mirrors: each section a repository of its own, pages in Markdown, lists as CSV, articles as JSON.

A page and its record are all that another mirror needs to have the article.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from feedproxy import exchange
from feedproxy.edition import Ground, make_markdown_front, make_markdown_list, markdown_of
from feedproxy.export import common
from feedproxy.export.values import Bench, File, Form, Job, Made, Maker
from feedproxy.model import Images, Section

_FOLDER = "articles"
# So many lines of a list are asked for at once.
_LINES = 1_000


def jobs(bench: Bench) -> Iterator[Job]:
    """Yield all there is to do."""
    yield from common.page_jobs(bench)
    yield from common.index_jobs(bench)
    for section, channel in common.places(bench):
        yield Job("lists", frozenset((channel.id,)), section.name, channel.id)
    for section in bench.order.mirror.sections:
        yield from _record_jobs(bench, section)
        yield Job("fronts", frozenset(), section.name)


def _record_jobs(bench: Bench, section: Section) -> Iterator[Job]:
    """Yield jobs for the records of whole days, some days at a time."""
    channels, ids, day = common.channels_of(section), list[str](), ""
    for article_id, published in bench.store.dated(channels):
        own = _day(bench, section, published)
        if own != day and len(ids) >= common.BATCH:
            yield Job("records", channels, section.name, parts=tuple(ids))
            ids = []
        ids.append(article_id)
        day = own
    if ids:
        yield Job("records", channels, section.name, parts=tuple(ids))


def _day(bench: Bench, section: Section, published: datetime) -> str:
    """Return the day on which the site published an article, as a file's name."""
    timezone = bench.order.mirror.timezone_of(section.channels[0].site.name)
    return f"{published.astimezone(timezone):%Y/%m-%d}"


def _pages(bench: Bench, job: Job) -> Made:
    context, articles = common.context_and_articles(bench, job)
    layout = bench.ground.layout
    return Made(
        tuple(
            File(
                layout.file(layout.article(job.section, job.channel, article.id)),
                markdown_of(context, article, job.channel, bench.order.links),
            )
            for article in common.on_pages(context, articles, job)
        )
    )


def _indexes(bench: Bench, job: Job) -> Made:
    (section, channel), layout = common.place_of(bench, job), bench.ground.layout
    made = ((number, make_markdown_list(bench.ground, section, channel, int(number))) for number in job.parts)
    files = (File(layout.file(layout.index(job.section, job.channel, int(number))), body) for number, body in made if body)
    return Made(tuple(files))


def _lists(bench: Bench, job: Job) -> Made:
    """Make a channel's list: ID and title on one line, newest first; titles are not quoted, whatever they hold."""
    count = bench.store.count(job.channel)
    rows = (row for start in range(0, count, _LINES) for row in bench.store.index(job.channel, start, _LINES))
    lines = "".join(f"{row.id},{' '.join(row.title.split())}\n" for row in rows)
    return Made((File(f"{job.section}/indexes/{job.channel}.csv", lines.encode()),))


def _records(bench: Bench, job: Job) -> Made:
    context, articles = common.context_and_articles(bench, job)
    section = _section(bench, job)
    days: dict[str, dict[str, bytes]] = defaultdict(dict)
    for article in articles:
        channels = context.channels.get(article.id, frozenset()) & common.channels_of(section)
        shown = context.pictures if section.images is Images.STORE else {}
        record = exchange.record_of(article, channels, shown, with_body=False)
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        days[_day(bench, section, article.published)][article.id] = line.encode()
    files = (File(f"{job.section}/{_FOLDER}/{day}.jsonl", b"".join(days[day][key] for key in sorted(days[day]))) for day in days)
    return Made(tuple(files), common.pictures_of(context, articles, job.section))


def _fronts(bench: Bench, job: Job) -> Made:
    section = _section(bench, job)
    return Made(tuple(File(f"{section.name}/{path}", make(bench.ground, section)) for path, make in FRONTS.items()))


def _section(bench: Bench, job: Job) -> Section:
    return next(section for section in bench.order.mirror.sections if section.name == job.section)


def _names(_ground: Ground, section: Section) -> bytes:
    return "".join(f"{channel.id},{' '.join(channel.title.split())}\n" for channel in section.channels).encode()


# What else is written once in each repository.
FRONTS: Mapping[str, Callable[[Ground, Section], bytes]] = {"README.md": make_markdown_front, "scripts/index.csv": _names}
_MAKERS: Mapping[str, Maker] = {
    "pages": _pages,
    "indexes": _indexes,
    "lists": _lists,
    "records": _records,
    "fronts": _fronts,
}
FORM = Form(jobs, _MAKERS)
