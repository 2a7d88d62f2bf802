"""Parts that pages share: the layout around the content, links to feeds, and blocks of articles."""

from collections.abc import Sequence

from feedproxy import paths
from feedproxy.feed_options import SCRIPTS
from feedproxy.model import Article, Headline, MirrorPath
from feedproxy.output import render
from feedproxy.output.context import RenderContext
from feedproxy.output.navigation import navigation_of
from feedproxy.output.script import query_of, scripts_of
from feedproxy.output.selectors import FeedSelector


def layout_of(
    context: RenderContext,
    title: str,
    page: MirrorPath,
    *,
    kind: str = "website",
    description: str = "",
    section: str = "",
    selectors: Sequence[FeedSelector | None] = (),
    canonical: MirrorPath | None = None,
    query: str = "",
    properties: Sequence[tuple[str, str]] = (),
) -> render.PageLayout:
    """Return the layout around a page's content.

    *query* is the query of the page's address; on an article's page it is the article's ID, which
    all links of the page repeat.
    """
    mirror, layout = context.mirror, context.layout
    article_id = query if kind == "article" else ""
    return render.PageLayout(
        language=SCRIPTS.get(context.script, mirror.about.language),
        title=title,
        kind=kind,
        description=description,
        mirror=mirror.about.name,
        style=paths.relative(paths.STYLE, page),
        icon=paths.relative(paths.ICON, page),
        canonical=paths.absolute(canonical, context.public_url)
        if canonical and context.has_feeds
        else "",
        home=paths.relative(layout.home, page),
        navigation=navigation_of(context, page, section, article_id=article_id),
        feeds=tuple(
            feed_link(context, selector, page)
            for selector in selectors
            if selector and context.has_feeds
        ),
        properties=tuple(properties),
        subscribe=paths.suffixed(paths.relative(layout.subscribe, page), article_id)
        if context.has_feeds
        else "",
        scripts=scripts_of(context, query),
        search=paths.relative(paths.SEARCH, page) if context.files is None else "",
        opensearch=paths.relative(paths.OPENSEARCH, page) if context.files is None else "",
    )


def feed_link(context: RenderContext, selector: FeedSelector, page: MirrorPath) -> render.FeedLink:
    """Return a feed as a page announces it.

    Its address is absolute, so that readers can copy it, and in the script of the page.
    """
    formats = paths.FORMATS.items() if context.has_feeds else ()
    return render.FeedLink(
        label=selector.label,
        title=selector.title,
        anchor=selector.channel,
        home=selector_home(context, selector, page),
        address=context.absolute(selector.path(), selector.query_with(query_of(context.script)))
        if formats
        else "",
        formats=tuple(
            (media_type, _feed_href(context, selector, feed_format, page))
            for feed_format, media_type in formats
        ),
        book=paths.relative(paths.book(selector.name, selector.channel), page)
        if selector.log in context.books
        else "",
    )


def selector_home(context: RenderContext, selector: FeedSelector, page: MirrorPath) -> str:
    """Return the link from a page to the page that shows the same articles as a feed."""
    return paths.relative(selector.home(context.layout), page) + (
        f"?{selector.query}" if selector.query else ""
    )


def _feed_href(
    context: RenderContext, selector: FeedSelector, feed_format: str, page: MirrorPath
) -> str:
    """Return the link from a page to a feed.

    It carries the reader's key, if there is one: a program that finds the feed there has no cookie.
    """
    feed, query = selector.path(feed_format), f"?{selector.query}" if selector.query else ""
    return (
        context.absolute(feed, selector.query)
        if context.key
        else paths.relative(feed, page) + query
    )


def block_of(
    context: RenderContext,
    heading: render.Link,
    headlines: Sequence[Headline],
    page: MirrorPath,
    *,
    section: str = "",
    channel: str = "",
) -> render.ListBlock:
    """Return a list of articles with a heading.

    Each row leads to the article's page in *channel*, or to its canonical page if no channel is
    given.
    """

    def row(each: Headline) -> render.ListedArticle:
        canonical = context.page_of(each.id, each.channels, section)
        target = (
            context.listed_page(each.id, each.channels, section, channel) if channel else canonical
        )
        return listed(context, each, target, page)

    return render.ListBlock(heading, tuple(map(row, headlines)))


def listed(
    context: RenderContext,
    article: Headline | Article,
    target: MirrorPath,
    page: MirrorPath,
    summary: str = "",
) -> render.ListedArticle:
    """Return a row of a list on *page* that leads to an article's page *target*."""
    link = render.Link(article.title, paths.suffixed(paths.relative(target, page), article.id))
    return render.ListedArticle(
        link, article.published.astimezone(context.mirror.timezone_of(article.site)), summary
    )
