"""Build feeds from the store's articles."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths
from feedproxy.feed_options import SCRIPTS, WINDOW, FeedOptions, convert, pick, shape
from feedproxy.model import Article, Images, MirrorPath, Placement, SafeHtml, Version
from feedproxy.output import render
from feedproxy.output.context import ArticleContext, RenderContext, context_of
from feedproxy.output.selectors import FeedSelector
from feedproxy.rewrite import LinkContext
from feedproxy.store import PAGE_ENTRIES, Store

# The words that a feed's title uses for filter parameters and for the fields they apply to.
_SAID = {
    "": "",
    "title": "标题",
    "description": "正文",
    "author": "作者",
    "category": "话题",
    "filter": "含",
    "filterout": "不含",
}
_SAID_CHARACTERS = 40
_PLAIN_CHOICE = FeedOptions()


def make_feed(
    context: RenderContext,
    selector: FeedSelector,
    feed_format: str,
    options: FeedOptions = _PLAIN_CHOICE,
    version: Version | None = None,
) -> bytes:
    """Return a feed in one of `paths.FORMATS`; a reader's options make a different feed.

    *version* is the current version of the feed's content, read before the articles; it is read
    here if the caller does not have it.
    """
    version = version or version_of(context.store, selector)
    with context.store.snapshot() as store:
        context = replace(context, store=store)
        articles = [shape(article, options) for article in articles_of(context, selector, options)]
        article_context = context_of(context, articles, selector.name)
    is_walked = selector.log and version.length and not options.query and context.files is None
    newest = selector.archive_path(-(-version.length // PAGE_ENTRIES), feed_format)
    history = render.History(older=context.absolute(newest) if is_walked else "")
    entries = tuple(
        entry_of(
            article,
            article_context,
            context.placement_of(article_context.channels[article.id], selector.name),
        )
        for article in articles
    )
    return render.FEED_FORMATS[feed_format](
        feed_of(context, selector, selector.path(feed_format), entries, history, options=options)
    )


def version_of(store: Store, selector: FeedSelector) -> Version:
    """Return a version that changes with every change to the feeds of a selector."""
    if selector.words:
        return store.search.version(selector.channel_ids)
    return store.archive.version(selector.log, selector.channel_ids)


def feed_of(
    context: RenderContext,
    selector: FeedSelector,
    path: MirrorPath,
    entries: tuple[render.Entry, ...],
    history: render.History,
    *,
    options: FeedOptions = _PLAIN_CHOICE,
) -> render.Feed:
    """Return the feed document of a selector at *path*."""
    mirror = context.mirror
    # A hub is announced only for feeds that the poller notifies it about.
    is_announced = selector.log and not history.page and not options.query
    query = selector.query_with(options.query)
    name = selector.channels[0].site.name + selector.path() + (f"?{query}" if query else "")
    return render.Feed(
        id=f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        title=convert(selector.title, options.script) + _said(options),
        description=convert(selector.description or selector.title, options.script),
        link=context.absolute(selector.home(context.layout), selector.query),
        self_link=context.absolute(path, query),
        language=SCRIPTS.get(options.script, mirror.about.language),
        ttl_minutes=mirror.feeds.ttl_minutes,
        updated=max((entry.updated for entry in entries), default=render.NEVER),
        entries=entries,
        history=history,
        hub=context.hub if is_announced else "",
    )


def articles_of(
    context: RenderContext, selector: FeedSelector, options: FeedOptions
) -> list[Article]:
    """Return the stored articles of a feed, newest first, before they are shaped."""
    limit = options.limit or context.mirror.feeds.entries
    fetched = max(limit, WINDOW) if options.is_filter else limit
    if selector.words:
        found = context.store.search.find(selector.words, selector.channel_ids, fetched)
    else:
        found = context.store.newest(selector.channel_ids, fetched, tag=selector.tag)
    return pick(found, options, limit)


def _said(options: FeedOptions) -> str:
    """Return the description of a reader's options for a feed's title.

    Characters that could be taken for markup are left out.
    """
    words = []
    for name, expression in options.expressions:
        kind, _, part = name.partition("_")
        words.append(f"{_SAID[part]}{_SAID[kind]} {_harmless(expression)}")
    words += [f"最近 {options.within_s} 秒"] if options.within_s else []
    return f"（{'；'.join(words)}）" if words else ""


def _harmless(expression: str) -> str:
    text = "".join(
        letter for letter in expression if letter.isprintable() and letter not in "<>&\"'`"
    )
    return text if len(text) <= _SAID_CHARACTERS else text[:_SAID_CHARACTERS] + "…"


def entry_of(
    article: Article,
    article_context: ArticleContext,
    placement: Placement,
    record: Mapping[str, object] | None = None,
) -> render.Entry:
    """Return an article as a feed entry.

    *placement* is where its page is; *record* is the article's replication record for other
    mirrors.
    """
    context = article_context.context
    link_context = article_context.link_context(
        article, placement, context.absolute, is_standalone=True
    )
    lead = article_context.lead(article, link_context)
    return render.Entry(
        id=context.mirror.entry_id(article.site, article.id),
        link=paths.suffixed(context.absolute(link_context.page), article.id),
        via=article.url,
        title=article.title,
        summary=article.summary,
        content=SafeHtml(
            (render.lead_figure(lead) if lead else "") + article_context.body(article, link_context)
        ),
        published=article.published,
        updated=article.updated,
        authors=article.authors,
        tags=article.tags,
        enclosure=_enclosure(article, article_context, link_context),
        details=article.details,
        record=record,
    )


def _enclosure(
    article: Article, article_context: ArticleContext, link_context: LinkContext
) -> render.Enclosure | None:
    """Return the lead picture, which readers show beside the headline, as an enclosure.

    A stored picture has its true length and type. Return None if it is not stored, or if they are
    not known.
    """
    if article.picture and link_context.images is Images.LINK:
        return render.Enclosure(article.picture.url, render.picture_type(article.picture.url))
    stored = article_context.stored(article, link_context)
    # In an archive only the picture's address is known.
    if stored is None or not stored.reading.media_type:
        return None
    file = stored.reading
    url = link_context.write(link_context.layout.media(file.name, link_context.section))
    return render.Enclosure(url, file.media_type, file.size, file.width, file.height)
