"""What feeds and pages stand on: which address an article has, and how its text looks there."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from feedproxy import paths
from feedproxy.model import (
    Article,
    ArticleId,
    Images,
    Mirror,
    MirrorPath,
    SafeHtml,
    StoredPicture,
    Url,
)
from feedproxy.output import render
from feedproxy.paths import Layout
from feedproxy.rewrite import LinkContext, rewrite_links, shows
from feedproxy.store import Library


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The mirror below one public address (without a "/" at its end); absolute addresses carry the reader's *key*.

    Pages are in a *script* of `choice.SCRIPTS`, "" for the articles' own; *hub* is told of changes to feeds; *books* are the
    logs (`FeedSelector.log`) whose articles there are as a book.

    *files* is the layout of plain files, for which nobody answers: what no section shows has no page there, and tags have no
    feeds; *is_once* says that an article has one page in a section, whichever of its channels list it.
    """

    mirror: Mirror
    library: Library
    public_url: str
    key: str = ""
    files: Layout | None = None
    is_once: bool = False
    script: str = ""
    hub: str = ""
    books: frozenset[str] = frozenset()

    @property
    def layout(self) -> Layout:
        """Where pages stand."""
        return self.files or Layout(
            self.mirror.page_path, self.mirror.index_path, self.mirror.sections
        )

    @property
    def has_feeds(self) -> bool:
        """Whether there are feeds: they need to know their own address."""
        return self.files is None or bool(self.public_url)

    def place_of(self, channels: Collection[str], prefer: str) -> tuple[str, str]:
        """Return section and channel of an article's canonical page.

        One that no configured channel shows (any more, or because a reader asked for it) is in the section that is
        asked for.
        """
        found = self.layout.place(channels, prefer=prefer)
        section = prefer if self.mirror.section(prefer) else self.mirror.sections[0].name
        return found or (section, min(channels, default=""))

    def page_of(self, article_id: ArticleId, channels: Collection[str], prefer: str) -> MirrorPath:
        """Return the address of an article's canonical page."""
        return self.layout.article(*self.place_of(channels, prefer), article_id)

    def listed_page(
        self, article_id: ArticleId, channels: Collection[str], section: str, channel: str
    ) -> MirrorPath:
        """Return the address to which a channel's lists lead."""
        return (
            self.page_of(article_id, channels, section)
            if self.is_once
            else self.layout.article(section, channel, article_id)
        )

    def absolute(self, path: MirrorPath, query: str = "") -> str:
        """Return an address with its host."""
        return paths.absolute(path, self.public_url, self.key, query)

    def images_of(self, section: str) -> Images:
        """Return what a section does with pictures."""
        found = self.mirror.section(section)
        return found.images if found else Images.STORE


@dataclass(frozen=True, slots=True)
class ArticleContext:
    """What is to be known of the articles of one feed or page before any of them is shown: one look-up for all."""

    ground: RenderContext
    prefer: str
    channels: Mapping[ArticleId, frozenset[str]]
    pictures: Mapping[Url, StoredPicture]

    def place(
        self,
        article: Article,
        at: tuple[str, str],
        write: Callable[[MirrorPath], str],
        *,
        alone: bool = False,
        only_held: bool = False,
    ) -> LinkContext:
        """Return where an article's text is to stand."""
        held = {
            target: self.ground.page_of(target, self.channels[target], self.prefer)
            for target, _ in article.links
            if target in self.channels
        }
        images, is_live = self.ground.images_of(at[0]), self.ground.files is None
        tags = None if is_live else article.tags
        only_held = only_held or not is_live
        return LinkContext(
            article.id,
            *at,
            self.ground.layout,
            held,
            write,
            alone,
            self.pictures,
            images,
            only_held,
            tags,
        )

    def body(self, article: Article, place: LinkContext) -> SafeHtml:
        """Return an article's text as it stands at a place."""
        return rewrite_links(article.body, self.ground.mirror, place)

    def lead(self, article: Article, place: LinkContext) -> render.Lead | None:
        """Return what to show above an article's text, None where the text shows its lead picture itself."""
        picture = article.picture
        if picture is None or shows(article.body, picture):
            return None
        alt = "" if picture.alt == article.title else picture.alt
        if place.images is Images.LINK:
            return render.Lead(picture.url, picture.alt, picture.caption)
        stored = self.stored(article, place)
        if stored is None:
            return render.Lead("", alt, picture.caption) if alt or picture.caption else None
        address, file = (
            place.write(place.layout.media(stored.reading.name, place.section)),
            stored.reading,
        )
        return render.Lead(address, picture.alt, picture.caption, file.width, file.height)

    def stored(self, article: Article, place: LinkContext) -> StoredPicture | None:
        """Return an article's lead picture, if its section keeps pictures and it is held."""
        return (
            self.pictures.get(article.picture.url)
            if article.picture and place.images is Images.STORE
            else None
        )


def context_of(ground: RenderContext, articles: Collection[Article], prefer: str) -> ArticleContext:
    """Return the context of the articles of one feed or page in section *prefer*."""
    ids = {article.id for article in articles}
    targets = {target for article in articles for target, _ in article.links}
    return ArticleContext(
        ground,
        prefer,
        _shown(ground, ground.library.channels_of(ids | targets)),
        ground.library.pictures(ids),
    )


def _shown(
    ground: RenderContext, channels: Mapping[ArticleId, frozenset[str]]
) -> Mapping[ArticleId, frozenset[str]]:
    """Return those articles that have a page; of plain files only what a section shows."""
    if ground.files is None:
        return channels
    configured = {channel.id for channel in ground.mirror.channels}
    return {
        article_id: found & configured
        for article_id, found in channels.items()
        if found & configured
    }
