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
    ground: RenderContext,
    title: str,
    page: MirrorPath,
    *,
    kind: str = "website",
    description: str = "",
    section: str = "",
    scopes: Sequence[FeedSelector | None] = (),
    canonical: MirrorPath | None = None,
    query: str = "",
    properties: Sequence[tuple[str, str]] = (),
) -> render.PageLayout:
    """Return the layout around a page's content.

    *query* is the query of the page's address; on an article's page it is the article's ID, which
    all links of the page repeat.
    """
    mirror, layout = ground.mirror, ground.layout
    article_id = query if kind == "article" else ""
    return render.PageLayout(
        language=SCRIPTS.get(ground.script, mirror.language),
        title=title,
        kind=kind,
        description=description,
        mirror=mirror.name,
        style=paths.relative(paths.STYLE, page),
        icon=paths.relative(paths.ICON, page),
        canonical=paths.absolute(canonical, ground.public_url)
        if canonical and ground.has_feeds
        else "",
        home=paths.relative(layout.home, page),
        navigation=navigation_of(ground, page, section, article_id=article_id),
        feeds=tuple(
            feed_link(ground, scope, page) for scope in scopes if scope and ground.has_feeds
        ),
        properties=tuple(properties),
        subscribe=paths.suffixed(paths.relative(layout.subscribe, page), article_id)
        if ground.has_feeds
        else "",
        scripts=scripts_of(ground, query),
        search=paths.relative(paths.SEARCH, page) if ground.files is None else "",
        opensearch=paths.relative(paths.OPENSEARCH, page) if ground.files is None else "",
    )


def feed_link(ground: RenderContext, scope: FeedSelector, page: MirrorPath) -> render.FeedLink:
    """Return a feed as a page announces it.

    Its address is absolute, so that readers can copy it, and in the script of the page.
    """
    forms = paths.FORMATS.items() if ground.has_feeds else ()
    return render.FeedLink(
        label=scope.label,
        title=scope.title,
        anchor=scope.channel,
        home=selector_home(ground, scope, page),
        address=ground.absolute(scope.path(), scope.query_with(query_of(ground.script)))
        if forms
        else "",
        forms=tuple(
            (media_type, _feed_href(ground, scope, form, page)) for form, media_type in forms
        ),
        book=paths.relative(paths.book(scope.name, scope.channel), page)
        if scope.log in ground.books
        else "",
    )


def selector_home(ground: RenderContext, scope: FeedSelector, page: MirrorPath) -> str:
    """Return the link from a page to the page that shows the same articles as a feed."""
    return paths.relative(scope.home(ground.layout), page) + (
        f"?{scope.query}" if scope.query else ""
    )


def _feed_href(ground: RenderContext, scope: FeedSelector, form: str, page: MirrorPath) -> str:
    """Return the link from a page to a feed.

    It carries the reader's key, if there is one: a program that finds the feed there has no cookie.
    """
    feed, query = scope.path(form), f"?{scope.query}" if scope.query else ""
    return ground.absolute(feed, scope.query) if ground.key else paths.relative(feed, page) + query


def block_of(
    ground: RenderContext,
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
        canonical = ground.page_of(each.id, each.channels, section)
        target = (
            ground.listed_page(each.id, each.channels, section, channel) if channel else canonical
        )
        return listed(ground, each, target, page)

    return render.ListBlock(heading, tuple(map(row, headlines)))


def listed(
    ground: RenderContext,
    article: Headline | Article,
    target: MirrorPath,
    page: MirrorPath,
    summary: str = "",
) -> render.ListedArticle:
    """Return a row of a list on *page* that leads to an article's page *target*."""
    link = render.Link(article.title, paths.suffixed(paths.relative(target, page), article.id))
    return render.ListedArticle(
        link, article.published.astimezone(ground.mirror.timezone_of(article.site)), summary
    )
