"""Build the HTML pages about feeds: how to subscribe, and a feed as a browser shows it."""

from collections.abc import Sequence
from dataclasses import replace

from feedproxy import paths
from feedproxy.feed_options import FeedOptions
from feedproxy.model import ALL, Article, MirrorPath, Placement
from feedproxy.output import render
from feedproxy.output.context import RenderContext, context_of
from feedproxy.output.feeds import articles_of
from feedproxy.output.page_layout import feed_link, layout_of, listed, selector_home
from feedproxy.output.selectors import FeedSelector, selector_of
from feedproxy.store import PAGE_ENTRIES

# The query parameter that requests the feed itself, even in a browser.
RAW = "raw"
# The page is limited to this many articles and characters of each summary, about 40 KB; the feed
# itself has everything.
_MOST_SHOWN, _SUMMARY_CHARACTERS = 50, 80
_PLAIN_CHOICE = FeedOptions()


def make_subscribe(context: RenderContext) -> bytes:
    """Return the page that explains feeds and feed readers, and lists all feeds."""
    mirror, page = context.mirror, context.layout.subscribe
    everything = selector_of(mirror, ALL)
    groups = []
    for section in mirror.sections:
        selectors = [
            selector_of(mirror, section.name),
            *(selector_of(mirror, section.name, channel.id) for channel in section.channels),
        ]
        groups.append(
            render.FeedGroup(
                section.title,
                tuple(feed_link(context, selector, page) for selector in selectors if selector),
            )
        )
    page_layout = layout_of(
        context,
        "订阅",
        page,
        canonical=page,
        description=f"{mirror.about.name}的订阅地址",
        selectors=[everything],
    )
    return render.render_subscribe(
        page_layout, tuple(groups), paths.relative(paths.OPML, page), is_live=context.files is None
    )


def show_feed(
    context: RenderContext, selector: FeedSelector, feed_format: str, options: FeedOptions
) -> bytes:
    """Return the HTML page that a browser shows at a feed's address, with its articles."""
    articles = articles_of(context, selector, options)[:_MOST_SHOWN]
    channels = context_of(context, articles, selector.name).channels
    placements = [context.placement_of(channels[article.id], selector.name) for article in articles]
    return _shown(
        context, selector, selector.path(feed_format), articles, placements, options=options
    )


def show_archive(
    context: RenderContext, selector: FeedSelector, number: int, feed_format: str
) -> bytes:
    """Return the HTML page that a browser shows at the address of an archive page."""
    archive = context.store.archive
    logged = archive.page(selector.log, number)
    last = archive.length(selector.log) // PAGE_ENTRIES + 1
    page = selector.archive_path(number, feed_format)
    pager = [
        render.Link(title, paths.relative(selector.archive_path(to, feed_format), page))
        for title, to in (("更早", number - 1), ("更新", number + 1))
        if 1 <= to <= last
    ]
    articles = [each.article for each in logged]
    placements = [each.placement for each in logged]
    return _shown(
        context,
        selector,
        page,
        articles,
        placements,
        title=f"{selector.label}：存档 {number}",
        pager=pager,
    )


def _shown(
    context: RenderContext,
    selector: FeedSelector,
    page: MirrorPath,
    articles: Sequence[Article],
    placements: Sequence[Placement],
    *,
    title: str = "",
    options: FeedOptions = _PLAIN_CHOICE,
    pager: Sequence[render.Link] = (),
) -> bytes:
    max_characters = _SUMMARY_CHARACTERS if len(articles) <= _MOST_SHOWN else 0
    rows = tuple(
        listed(
            context,
            article,
            context.layout.article(*placement, article.id),
            page,
            _shortened(article.summary, max_characters),
        )
        for article, placement in zip(articles, placements, strict=True)
    )
    query = selector.query_with(options.query)
    plain = selector.query_with(replace(options, script="").query)
    page_layout = layout_of(
        context,
        title or selector.label,
        page,
        description=selector.description,
        section=selector.name,
        query=plain,
    )
    home = render.Link(selector.label, selector_home(context, selector, page))
    raw = f"?{query}&{RAW}" if query else f"?{RAW}"
    return render.render_feed(
        page_layout, home, context.absolute(page, query), raw, rows, pager=tuple(pager)
    )


def _shortened(text: str, max_characters: int) -> str:
    return (
        text if len(text) <= max_characters else text[:max_characters] + "…" * bool(max_characters)
    )
