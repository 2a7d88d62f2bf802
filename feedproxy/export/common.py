"""Parts of both export formats: jobs for batches of articles, and the pictures of articles."""

from collections.abc import Iterable, Iterator, Sequence

from feedproxy.export.values import ExportEnvironment, Job
from feedproxy.model import Article, ArticleId, Channel, Images, Section, StoredPicture
from feedproxy.output import context_of, last_index
from feedproxy.output.context import ArticleContext

# Articles of one job: enough that a query for all of them pays, few enough for a process's memory.
BATCH = 50


def page_jobs(environment: ExportEnvironment) -> Iterator[Job]:
    """Yield jobs for all pages of articles."""
    for section, channel in section_channels(environment):
        ids = [article_id for article_id, _ in environment.store.dated([channel.id])]
        yield from in_batches("pages", section, channel, ids)


def index_jobs(environment: ExportEnvironment) -> Iterator[Job]:
    """Yield jobs for all index pages of channels."""
    for section, channel in section_channels(environment):
        numbers = range(1, last_index(environment.store.count(channel.id)) + 1)
        yield from in_batches("indexes", section, channel, list(map(str, numbers)))


def in_batches(
    kind: str, section: Section, channel: Channel, parts: Sequence[str]
) -> Iterator[Job]:
    """Yield jobs for the *parts* of one channel, one job for each batch."""
    channels = frozenset((channel.id,))
    for some in batches(parts):
        yield Job(kind, channels, section.name, channel.id, some)


def batches(parts: Sequence[str], size: int = BATCH) -> Iterator[tuple[str, ...]]:
    """Yield *parts* in batches of *size*."""
    return (tuple(parts[start : start + size]) for start in range(0, len(parts), size))


def section_channels(environment: ExportEnvironment) -> Iterator[tuple[Section, Channel]]:
    """Yield each section with each of its channels."""
    return (
        (section, channel)
        for section in environment.options.mirror.sections
        for channel in section.channels
    )


def place_of(environment: ExportEnvironment, job: Job) -> tuple[Section, Channel]:
    """Return the section and the channel of a job."""
    return next(
        place
        for place in section_channels(environment)
        if (place[0].name, place[1].id) == (job.section, job.channel)
    )


def channels_of(section: Section) -> frozenset[str]:
    """Return the IDs of a section's channels."""
    return frozenset(channel.id for channel in section.channels)


def context_and_articles(
    environment: ExportEnvironment, job: Job
) -> tuple[ArticleContext, list[Article]]:
    """Return the context that rendering needs, and the articles of a job."""
    articles = environment.store.articles([ArticleId(part) for part in job.parts])
    return context_of(environment.context, articles, job.section), articles


def on_pages(
    article_context: ArticleContext, articles: Iterable[Article], job: Job
) -> list[Article]:
    """Return the *articles* that have a page in the job's channel."""
    if not article_context.context.is_once:
        return [
            article
            for article in articles
            if job.channel in article_context.channels.get(article.id, ())
        ]
    own = (job.section, job.channel)
    return [
        each
        for each in articles
        if article_context.context.placement_of(
            article_context.channels.get(each.id, ()), job.section
        )
        == own
    ]


def pictures_of(
    article_context: ArticleContext, articles: Iterable[Article], section: str
) -> tuple[str, ...]:
    """Return the picture files of *articles*, none if the section does not store pictures."""
    if article_context.context.images_of(section) is not Images.STORE:
        return ()
    stored = [
        article_context.pictures[url]
        for article in articles
        for url in article.pictures
        if url in article_context.pictures
    ]
    return tuple(sorted({name for each in stored for name in _names(each)}))


def _names(stored: StoredPicture) -> tuple[str, str]:
    return stored.original.name, stored.reading.name
