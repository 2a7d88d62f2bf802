"""Contexts for rendering: article addresses, and article text rewritten for a page or feed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from feedproxy import paths
from feedproxy.model import (
    Article,
    ArticleId,
    Images,
    Mirror,
    MirrorPath,
    Placement,
    SafeHtml,
    StoredPicture,
    Url,
)
from feedproxy.output import render
from feedproxy.paths import Layout
from feedproxy.rewrite import LinkContext, rewrite_links, shows
from feedproxy.store import Store


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The mirror, its library, and the settings that all feeds and pages of a response share.

    *public_url* is the mirror's address without a trailing "/"; absolute addresses carry the
    reader's *key*. *script* is the script of pages, one of `feed_options.SCRIPTS`, or "" for the
    articles' own. *hub* is the WebSub hub that feeds announce. *books* are the names of the
    archives (`FeedSelector.log`) whose articles are available as a book.

    *files* is the layout of an export to static files, where no server answers requests: articles
    outside all sections have no page there, and tags have no feeds. With *is_once* an article has
    one page in a section, whichever of the section's channels list it.
    """

    mirror: Mirror
    store: Store
    public_url: str
    key: str = ""
    files: Layout | None = None
    is_once: bool = False
    script: str = ""
    hub: str = ""
    books: frozenset[str] = frozenset()

    @property
    def layout(self) -> Layout:
        """The addresses of pages."""
        return self.files or Layout(
            self.mirror.about.page_path, self.mirror.about.index_path, self.mirror.sections
        )

    @property
    def has_feeds(self) -> bool:
        """Whether there are feeds; in an export they need the mirror's public address."""
        return self.files is None or bool(self.public_url)

    def placement_of(self, channels: Collection[str], prefer: str) -> Placement:
        """Return the placement of an article's canonical page.

        An article may be in no configured channel: its channel was removed, or a reader requested
        the article. Its page is then in section *prefer*, or in the first section if there is no
        such section.
        """
        found = self.layout.placement(channels, prefer=prefer)
        section = prefer if self.mirror.section(prefer) else self.mirror.sections[0].name
        return found or Placement(section, min(channels, default=""))

    def page_of(self, article_id: ArticleId, channels: Collection[str], prefer: str) -> MirrorPath:
        """Return the address of an article's canonical page."""
        return self.layout.article(*self.placement_of(channels, prefer), article_id)

    def listed_page(
        self, article_id: ArticleId, channels: Collection[str], section: str, channel: str
    ) -> MirrorPath:
        """Return the address of an article's page for links in a channel's lists."""
        return (
            self.page_of(article_id, channels, section)
            if self.is_once
            else self.layout.article(section, channel, article_id)
        )

    def absolute(self, path: MirrorPath, query: str = "") -> str:
        """Return the absolute URL of a path, with *query* and the reader's key."""
        return paths.absolute(path, self.public_url, self.key, query)

    def images_of(self, section: str) -> Images:
        """Return how a section shows pictures; `Images.STORE` if it is not configured."""
        found = self.mirror.section(section)
        return found.images if found else Images.STORE


@dataclass(frozen=True, slots=True)
class ArticleContext:
    """The channels and stored pictures of a feed's or page's articles and of their link targets.

    They are looked up in the store once for all articles, before the first one is rendered. Links
    to an article that is in several sections lead to its page in section *prefer*.
    """

    context: RenderContext
    prefer: str
    channels: Mapping[ArticleId, frozenset[str]]
    pictures: Mapping[Url, StoredPicture]

    def link_context(
        self,
        article: Article,
        placement: Placement,
        write: Callable[[MirrorPath], str],
        *,
        is_standalone: bool = False,
        only_stored: bool = False,
    ) -> LinkContext:
        """Return the link context for an article's text.

        Args:
            article: the article whose text is rewritten.
            placement: where its page is.
            write: turns a path of the mirror into the address to print.
            is_standalone: whether the text appears outside its page, as in a feed.
            only_stored: whether links may lead to stored articles only; always so in an export to
                files.

        """
        pages = {
            target: self.context.page_of(target, self.channels[target], self.prefer)
            for target, _ in article.links
            if target in self.channels
        }
        images, is_live = self.context.images_of(placement.section), self.context.files is None
        tags = None if is_live else article.tags
        only_stored = only_stored or not is_live
        return LinkContext(
            article.id,
            *placement,
            self.context.layout,
            pages,
            write,
            is_standalone,
            self.pictures,
            images,
            only_stored,
            tags,
            enclosures=frozenset(each.url for each in article.details.enclosures),
        )

    def body(self, article: Article, link_context: LinkContext) -> SafeHtml:
        """Return an article's HTML with its links rewritten for a link context."""
        return rewrite_links(article.body, self.context.mirror, link_context)

    def lead(self, article: Article, link_context: LinkContext) -> render.Lead | None:
        """Return the lead picture to show above an article's text, None if the text contains it.

        If the picture is not stored, only its alternative text and caption are returned.
        """
        picture = article.picture
        if picture is None or shows(article.body, picture):
            return None
        alt = "" if picture.alt == article.title else picture.alt
        if link_context.images is Images.LINK:
            return render.Lead(picture.url, picture.alt, picture.caption)
        stored = self.stored(article, link_context)
        if stored is None:
            return render.Lead("", alt, picture.caption) if alt or picture.caption else None
        address, file = (
            link_context.write(
                link_context.layout.media(stored.reading.name, link_context.section)
            ),
            stored.reading,
        )
        return render.Lead(address, picture.alt, picture.caption, file.width, file.height)

    def stored(self, article: Article, link_context: LinkContext) -> StoredPicture | None:
        """Return an article's lead picture if it is stored and its section shows such pictures."""
        return (
            self.pictures.get(article.picture.url)
            if article.picture and link_context.images is Images.STORE
            else None
        )


def context_of(
    context: RenderContext, articles: Collection[Article], prefer: str
) -> ArticleContext:
    """Return the context of the articles of one feed or page in section *prefer*."""
    ids = {article.id for article in articles}
    targets = {target for article in articles for target, _ in article.links}
    return ArticleContext(
        context,
        prefer,
        _shown(context, context.store.channels_of(ids | targets)),
        context.store.pictures.of(ids),
    )


def _shown(
    context: RenderContext, channels: Mapping[ArticleId, frozenset[str]]
) -> Mapping[ArticleId, frozenset[str]]:
    """Return the articles that have a page, with their channels.

    The server has a page for every stored article, an export only for articles of configured
    channels.
    """
    if context.files is None:
        return channels
    configured = {channel.id for channel in context.mirror.channels}
    return {
        article_id: found & configured
        for article_id, found in channels.items()
        if found & configured
    }
