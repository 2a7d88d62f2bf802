"""Build the HTML pages of articles and lists, with links relative to each page."""

from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from feedproxy import paths
from feedproxy.model import (
    ALL,
    Article,
    ArticleId,
    Channel,
    Headline,
    Mirror,
    MirrorPath,
    Placement,
    Section,
)
from feedproxy.output import render
from feedproxy.output.articles import describe
from feedproxy.output.context import ArticleContext, RenderContext, context_of
from feedproxy.output.page_layout import block_of, feed_link, layout_of
from feedproxy.output.search import found_of
from feedproxy.output.selectors import FeedSelector, search_selector, selector_of, tag_selector
from feedproxy.rewrite import LinkContext
from feedproxy.search_terms import Query
from feedproxy.store import Store

_HOME_HEADLINES, _LIST_HEADLINES = 10, 50
# The number of articles on an index page of the git-hosted mirrors.
INDEX_HEADLINES = 30


@dataclass(frozen=True, slots=True)
class Pages:
    """Builds the mirror's HTML pages."""

    context: RenderContext

    def home(self) -> bytes:
        """Return the front page: the newest articles of each section, and how to subscribe."""
        home = self._layout.home
        blocks = tuple(
            block_of(
                self.context,
                render.Link(
                    section.title, paths.relative(self._layout.section(section.name), home)
                ),
                self._newest(section, _HOME_HEADLINES),
                home,
                section=section.name,
            )
            for section in self._mirror.sections
        )
        selectors = [
            selector_of(self._mirror, section.name) for section in self._mirror.sections
        ] + [selector_of(self._mirror, ALL)]
        page_layout = layout_of(
            self.context,
            self._mirror.about.name,
            home,
            canonical=home,
            description=self._mirror.about.description,
            selectors=selectors,
        )
        known = self._mirror.addresses if self.context.files else ()
        addresses = paths.relative(paths.ADDRESSES, home) if known else ""
        return render.render_home(page_layout, blocks, paths.relative(paths.OPML, home), addresses)

    def section(self, section: Section, page: MirrorPath) -> bytes:
        """Return a section's front page at address *page*: its newest articles and its channels."""
        channels = [
            selector_of(self._mirror, section.name, channel.id) for channel in section.channels
        ]
        block = block_of(
            self.context,
            render.Link("最新文章"),
            self._newest(section, _LIST_HEADLINES),
            page,
            section=section.name,
        )
        page_layout = layout_of(
            self.context,
            section.title,
            page,
            canonical=self._layout.section(section.name),
            description=section.description,
            section=section.name,
            selectors=[selector_of(self._mirror, section.name)],
        )
        return render.render_list(
            page_layout,
            (block,),
            tuple(feed_link(self.context, selector, page) for selector in channels if selector),
        )

    def index(self, section: Section, channel: Channel, number: int) -> bytes | None:
        """Return a page of a channel's article list, None beyond the last page.

        Page 1 always exists.
        """
        count = self._store.count(channel.id)
        last = last_index(count)
        if not 1 <= number <= last:
            return None
        page = self._layout.index(section.name, channel.id, number)
        headlines = self._store.index(channel.id, (number - 1) * INDEX_HEADLINES, INDEX_HEADLINES)
        block = block_of(
            self.context,
            render.Link(f"{count} 篇文章"),
            headlines,
            page,
            section=section.name,
            channel=channel.id,
        )
        page_layout = layout_of(
            self.context,
            channel.title,
            page,
            canonical=page,
            description=f"{section.title}：{channel.title}",
            section=section.name,
            selectors=[selector_of(self._mirror, section.name, channel.id)],
        )
        return render.render_list(
            page_layout, (block,), pager=pager_of(self._layout, section, channel, number, last)
        )

    def tag(self, tag: str) -> bytes | None:
        """Return a tag's page, None if no article has the tag."""
        selector = tag_selector(self._mirror, tag)
        found = self._store.tagged(tag, selector.channel_ids, _LIST_HEADLINES) if selector else []
        if selector is None or not found:
            return None
        page = selector.home(self._layout)
        block = block_of(self.context, render.Link("最新文章"), found, page)
        page_layout = layout_of(
            self.context,
            tag,
            page,
            canonical=page,
            description=selector.description,
            selectors=self._if_live(selector),
        )
        return render.render_list(page_layout, (block,))

    def search(
        self, query_text: str, words: Query | None, before: ArticleId | None = None
    ) -> bytes:
        """Return the page of articles that match all *words* and are older than article *before*.

        Without *words* the page explains how to search.
        """
        selector = search_selector(self._mirror, words) if words else None
        query = (
            f"{selector.query}&before={quote(before, safe='')}"
            if selector and before
            else selector.query
            if selector
            else ""
        )
        title = f"搜索：{query_text}" if query_text else "搜索"
        page_layout = layout_of(
            self.context, title, paths.SEARCH, selectors=[selector], query=query
        )
        return render.render_search(
            replace(page_layout, query_text=query_text),
            found_of(self.context, selector, before) if selector else None,
        )

    def article(self, section: str, channel: str, article_id: ArticleId) -> bytes | None:
        """Return an article's page in one of its channels, None if it is not in that channel."""
        with self._store.snapshot() as store:
            article = store.article(article_id)
            article_context = (
                context_of(replace(self.context, store=store), [article], section)
                if article
                else None
            )
            if (
                article is None
                or article_context is None
                or channel not in article_context.channels.get(article_id, ())
            ):
                return None
            return Pages(article_context.context).article_in(article_context, article, channel)

    def article_in(self, article_context: ArticleContext, article: Article, channel: str) -> bytes:
        """Return an article's page in one of its channels, from an existing context."""
        page = self._layout.article(article_context.prefer, channel, article.id)
        link_context = article_context.link_context(
            article, Placement(article_context.prefer, channel), lambda to: paths.relative(to, page)
        )
        body = self._article_body(article, article_context, link_context)
        return render.render_article(
            self._article_layout(article, article_context, link_context, body), body
        )

    def canonical(self, article_id: ArticleId, section: str) -> MirrorPath | None:
        """Return the canonical page of an article, None if it is not stored."""
        channels = self._store.channels_of([article_id]).get(article_id)
        return self.context.page_of(article_id, channels, section) if channels else None

    def not_held(
        self, section: str, article_id: ArticleId, page: MirrorPath, *, may_ask: bool = True
    ) -> bytes:
        """Return the page for an article that is not stored, with its original address if known.

        The page offers to queue the article, unless it is queued already, its address is not known,
        or *may_ask* is false.
        """
        page_layout = layout_of(self.context, "这篇文章还没有收录", page, section=section)
        request = self._store.requests.find(article_id)
        original = self._store.requests.original(article_id) or ""
        text = (
            "镜像里还没有这篇文章。" if original else "镜像里没有这篇文章，也没有一篇文章提到过它。"
        )
        if request:
            text = "已经排队，镜像正在取这篇文章。过一会儿再打开这一页，它就在这里。"
            text += f"（上次没有取到：{request.error}）" if request.error else ""
        elif original and not may_ask:
            text = "排队的文章太多了，请过几分钟再试。"
        can_ask = may_ask and self._mirror.requests.max_queued > 0
        return render.render_message(
            page_layout, text, original, ask=bool(original and can_ask and not request)
        )

    def message(self, title: str, text: str, page: MirrorPath) -> bytes:
        """Return a page with a single message."""
        return render.render_message(layout_of(self.context, title, page), text)

    def lost(self, title: str, text: str) -> bytes:
        """Return the page that a file host shows for addresses that do not exist.

        It may appear at any depth, so its links begin at the mirror's root.
        """
        root = urlsplit(self.context.public_url).path
        page_layout = replace(
            layout_of(self.context, title, paths.HOME),
            home=root + self._layout.home,
            style=root + paths.STYLE,
            subscribe=root + self._layout.subscribe if self.context.has_feeds else "",
            icon=root + paths.ICON,
            navigation=(),
            canonical="",
        )
        return render.render_message(page_layout, text)

    def addresses(self) -> bytes:
        """Return the page with the mirror's other addresses and the sites that it mirrors."""
        page = paths.ADDRESSES
        sites = tuple((site.title, site.hosts[0]) for site in self._mirror.sites)
        return render.render_addresses(
            layout_of(self.context, "镜像的其他地址", page), sites, self._mirror.addresses
        )

    # -------------------------------------------------------------- articles

    def _article_body(
        self, article: Article, article_context: ArticleContext, link_context: LinkContext
    ) -> render.ArticleBody:
        def linked(title: str, target: MirrorPath) -> render.Link:
            return render.Link(title, link_context.address(target))

        def neighbour(headline: Headline | None) -> render.Link | None:
            if headline is None:
                return None
            return linked(
                headline.title,
                self.context.listed_page(
                    headline.id, headline.channels, link_context.section, link_context.channel
                ),
            )

        is_shown = any(channel.id == link_context.channel for channel in self._mirror.channels)
        before, after = (
            self._store.neighbours(article.id, link_context.channel) if is_shown else (None, None)
        )
        return replace(
            describe(article_context, article, link_context),
            channels=tuple(
                linked(channel.title, self._layout.index(section.name, channel.id))
                for section in self._mirror.sections
                for channel in section.channels
                if channel.id in article_context.channels[article.id]
            ),
            before=neighbour(before),
            after=neighbour(after),
        )

    def _article_layout(
        self,
        article: Article,
        article_context: ArticleContext,
        link_context: LinkContext,
        body: render.ArticleBody,
    ) -> render.PageLayout:
        canonical = self.context.page_of(
            article.id, article_context.channels[article.id], link_context.section
        )
        stored = article_context.stored(article, link_context)
        properties = [
            *(
                []
                if article.dated.is_guess
                else [("article:published_time", body.published.isoformat())]
            ),
            ("article:modified_time", body.updated.isoformat()),
            *(("article:tag", tag) for tag in article.tags),
        ]
        if stored:
            file = stored.original
            properties += [
                (
                    "og:image",
                    paths.absolute(
                        self._layout.media(file.name, link_context.section), self.context.public_url
                    ),
                ),
                ("og:image:width", str(file.width)),
                ("og:image:height", str(file.height)),
            ]
        return layout_of(
            self.context,
            article.title,
            link_context.page,
            kind="article",
            canonical=canonical,
            description=article.summary,
            section=link_context.section,
            selectors=[
                selector_of(self._mirror, link_context.section),
                selector_of(self._mirror, link_context.section, link_context.channel),
            ],
            query=article.id,
            properties=properties,
        )

    # -------------------------------------------------------------- helpers

    @property
    def _mirror(self) -> Mirror:
        return self.context.mirror

    @property
    def _layout(self) -> paths.Layout:
        return self.context.layout

    @property
    def _store(self) -> Store:
        return self.context.store

    def _if_live(self, selector: FeedSelector) -> list[FeedSelector]:
        """Return the selector if a server answers; exports have no feed for it."""
        return [selector] if self.context.files is None else []

    def _newest(self, section: Section, limit: int) -> list[Headline]:
        return self._store.headlines(frozenset(channel.id for channel in section.channels), limit)


def last_index(count: int) -> int:
    """Return the number of pages that a list of *count* articles has."""
    return max(1, -(-count // INDEX_HEADLINES))


def pager_of(
    layout: paths.Layout, section: Section, channel: Channel, number: int, last: int
) -> tuple[render.Link, ...]:
    """Return the links between the pages of a channel's list; none if there is one page only.

    The link of the current page has no address.
    """
    page = layout.index(section.name, channel.id, number)
    shown = sorted({1, last, *range(max(1, number - 2), min(last, number + 2) + 1)})
    targets = {at: paths.relative(layout.index(section.name, channel.id, at), page) for at in shown}
    return (
        tuple(render.Link(str(at), "" if at == number else targets[at]) for at in shown)
        if last > 1
        else ()
    )
