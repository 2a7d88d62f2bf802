"""Build pages of articles and of lists in the Markdown format of the git-hosted mirrors."""

from dataclasses import replace

from feedproxy import paths
from feedproxy.model import Article, Channel, Headline, Images, Links, Placement, Section
from feedproxy.output import render
from feedproxy.output.articles import describe
from feedproxy.output.context import ArticleContext, RenderContext
from feedproxy.output.navigation import navigation_of
from feedproxy.output.pages import INDEX_HEADLINES, last_index, pager_of
from feedproxy.output.selectors import selector_of
from feedproxy.replication import page_record_of
from feedproxy.urls import host_of


def markdown_of(
    article_context: ArticleContext, article: Article, channel: str, links: Links
) -> bytes:
    """Return the page of an article in one of its channels, from an existing context."""
    context, section = article_context.context, article_context.prefer
    page = context.layout.article(section, channel, article.id)
    link_context = record = None
    if links is Links.MIRROR:
        link_context = article_context.link_context(
            article,
            Placement(section, channel),
            lambda to: paths.relative(to, page),
            only_stored=True,
        )
        link_context = replace(link_context, is_for_mirrors=True)
        shown = article_context.pictures if link_context.images is Images.STORE else {}
        record = page_record_of(article, shown)
    navigation = navigation_of(context, page, section, article_id=article.id)
    body = describe(article_context, article, link_context)
    return render.render_markdown(body, navigation, links, record)


def make_markdown_list(
    context: RenderContext, section: Section, channel: Channel, number: int
) -> bytes | None:
    """Return a page of a channel's article list, None beyond the last one; page 1 always exists."""
    last = last_index(context.store.count(channel.id))
    if not 1 <= number <= last:
        return None
    page, timezone = (
        context.layout.index(section.name, channel.id, number),
        context.mirror.timezone_of(channel.site.name),
    )

    def row(each: Headline) -> render.ListedArticle:
        target = context.listed_page(each.id, each.channels, section.name, channel.id)
        link = render.Link(each.title, paths.suffixed(paths.relative(target, page), each.id))
        return render.ListedArticle(link, each.published.astimezone(timezone))

    headlines = context.store.index(channel.id, (number - 1) * INDEX_HEADLINES, INDEX_HEADLINES)
    navigation = navigation_of(context, page, section.name)
    pager = pager_of(context.layout, section, channel, number, last)
    return render.render_markdown_list(
        render.MarkdownList(channel.title, navigation, tuple(map(row, headlines)), pager)
    )


def make_markdown_front(context: RenderContext, section: Section) -> bytes:
    """Return a section's README; it lists feeds if the mirror has a public address."""
    page = context.layout.readme(section.name)
    places = [
        (channel, context.layout.index(section.name, channel.id)) for channel in section.channels
    ]
    sites = {
        channel.site.title: f"https://{host_of(channel.url) or channel.site.hosts[0]}/"
        for channel in section.channels
    }
    selectors = [
        selector_of(context.mirror, section.name, channel)
        for channel in ("", *(each.id for each in section.channels))
    ]
    feeds = [
        render.Link(f"RSS：{selector.label}", context.absolute(selector.path()))
        for selector in selectors
        if selector
    ]
    feeds.append(render.Link("全部订阅地址（OPML）", context.absolute(paths.OPML)))
    return render.render_markdown_front(
        render.MarkdownFront(
            title=section.title,
            description=section.description,
            mirror=context.mirror.about.name,
            originals=tuple(sites.items()),
            channels=tuple(
                render.Link(channel.title, paths.relative(place, page)) for channel, place in places
            ),
            feeds=tuple(feeds) if context.public_url else (),
            addresses=context.mirror.addresses,
        )
    )
