"""What readers get: the store's articles as feeds and pages, rewritten to the mirror's addresses.

The counterpart of `harvest`: it knows the rooms of the way out (store, rewrite, render, paths) and opens no network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from feedproxy import paths, render
from feedproxy.model import Article, ArticleId, Channel, Headline, Mirror, MirrorPath, NavigationLink, Picture, SafeHtml, Section
from feedproxy.paths import Layout
from feedproxy.rewrite import Place, rewrite_links, shows
from feedproxy.store import Library
from feedproxy.urls import MAX_TAG_CHARACTERS

ALL = "all"
_HOME_HEADLINES, _LIST_HEADLINES = 10, 50


@dataclass(frozen=True, slots=True)
class Scope:
    """What a feed covers: a section, one of its channels, or everything (`ALL`); *label* is its name among the others."""

    name: str
    label: str
    title: str
    description: str
    home: MirrorPath
    channels: tuple[Channel, ...]
    channel: str = ""

    @property
    def channel_ids(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(channel.id for channel in self.channels)

    def path(self, form: str = "xml") -> MirrorPath:
        """Return its feed's address."""
        return paths.feed(self.name, self.channel, form=form)


def scope_of(mirror: Mirror, name: str, channel_id: str = "") -> Scope | None:
    """Return the scope that a feed's address names, None if there is none."""
    if name == ALL and not channel_id:
        return Scope(ALL, "全部", mirror.name, mirror.description, paths.HOME, mirror.channels)
    section = mirror.section(name)
    if section is None:
        return None
    home = paths.section(name)
    if not channel_id:
        return Scope(name, section.title, f"{section.title} - {mirror.name}", section.description, home, section.channels)
    channel = next((channel for channel in section.channels if channel.id == channel_id), None)
    if channel is None:
        return None
    return Scope(name, channel.title, f"{channel.title} - {mirror.name}", channel.title, home, (channel,), channel_id)


@dataclass(frozen=True, slots=True)
class Edition:
    """The mirror as readers see it below one public address (without a "/" at its end)."""

    mirror: Mirror
    library: Library
    public_url: str

    @property
    def layout(self) -> Layout:
        """Where article pages stand."""
        return Layout(self.mirror.page_path, self.mirror.sections)

    # -------------------------------------------------------------- feeds

    def feed(self, scope: Scope, form: str) -> bytes:
        """Return a feed in one of `paths.FORMATS`."""
        articles = self.library.newest(scope.channel_ids, self.mirror.entries)
        targets = {target for article in articles for target, _ in article.links}
        channels = self.library.channels_of(targets | {article.id for article in articles})
        pages = self._pages(channels, scope.name)
        feed = render.Feed(
            id=f"urn:uuid:{uuid5(NAMESPACE_URL, scope.channels[0].site.name + scope.path())}",
            title=scope.title,
            description=scope.description or scope.title,
            link=self._absolute(scope.home),
            self_link=self._absolute(scope.path(form)),
            language=self.mirror.language,
            ttl_minutes=self.mirror.ttl_minutes,
            entries=tuple(self._entry(article, self._place_of(channels[article.id], scope.name), pages) for article in articles),
        )
        return render.FORMS[form](feed)

    def _entry(self, article: Article, at: tuple[str, str], pages: Mapping[ArticleId, MirrorPath]) -> render.Entry:
        place = Place(article.id, *at, self.layout, pages, self._absolute, alone=True)
        picture = _lead_of(article)
        lead = render.lead_figure(picture) if picture else ""
        return render.Entry(
            id=article.entry_id,
            link=paths.suffixed(self._absolute(place.page), article.id),
            via=article.url,
            title=article.title,
            summary=article.summary,
            content=SafeHtml(lead + rewrite_links(article.body, self.mirror, place)),
            published=article.published,
            updated=article.updated,
            author=article.author,
            tags=article.tags,
            picture=article.picture,
        )

    # -------------------------------------------------------------- pages

    def home(self) -> bytes:
        """Return the front page: the newest articles of each section, and how to subscribe."""
        blocks = tuple(
            self._block(
                section.title, paths.section(section.name), self._newest(section, _HOME_HEADLINES), paths.HOME, section.name
            )
            for section in self.mirror.sections
        )
        scopes = [scope_of(self.mirror, section.name) for section in self.mirror.sections] + [scope_of(self.mirror, ALL)]
        feeds = tuple(self._feed_link(scope, paths.HOME) for scope in scopes if scope)
        frame = self._frame(self.mirror.name, paths.HOME, canonical=paths.HOME, description=self.mirror.description, feeds=feeds)
        return render.render_home(frame, blocks)

    def section(self, section: Section) -> bytes:
        """Return a section's front page: its newest articles and its channels."""
        page = paths.section(section.name)
        channels = [scope_of(self.mirror, section.name, channel.id) for channel in section.channels]
        return render.render_section(
            self._frame(section.title, page, canonical=page, description=section.description, section=section.name),
            (self._block("最新文章", None, self._newest(section, _LIST_HEADLINES), page, section.name),),
            tuple(self._feed_link(scope, page) for scope in channels if scope),
        )

    def tag(self, tag: str) -> bytes | None:
        """Return a tag's page, None if no article has the tag."""
        found = self.library.tagged(tag, _LIST_HEADLINES) if len(tag) <= MAX_TAG_CHARACTERS else []
        page = paths.tag(tag)
        block = self._block("最新文章", None, found, page, "")
        return render.render_section(self._frame(tag, page, canonical=page), (block,), ()) if found else None

    def article(self, section: str, channel: str, article_id: ArticleId) -> bytes | None:
        """Return an article's page in one of its channels, None if it is not held there."""
        article = self.library.article(article_id)
        if article is None:
            return None
        channels = self.library.channels_of({article_id} | {target for target, _ in article.links})
        if channel not in channels.get(article_id, ()):
            return None
        page = self.layout.article(section, channel, article_id)
        place = Place(
            article_id, section, channel, self.layout, self._pages(channels, section), lambda to: paths.relative(to, page)
        )
        canonical = self._page_of(article_id, channels[article_id], section)
        frame = self._frame(article.title, page, article=article, canonical=canonical, section=section)
        body = rewrite_links(article.body, self.mirror, place)
        return render.render_article(frame, self._article_body(article, body, channels[article_id], page))

    def canonical(self, article_id: ArticleId, section: str) -> MirrorPath | None:
        """Return the canonical page of an article, None if it is not held."""
        channels = self.library.channels_of([article_id]).get(article_id)
        return self._page_of(article_id, channels, section) if channels else None

    def not_held(self, section: str, article_id: ArticleId, page: MirrorPath) -> bytes:
        """Return the page that says that an article is not held, with its original address if that is known."""
        frame = self._frame("这篇文章还没有收录", page, section=section)
        original = self.library.original(article_id) or ""
        return render.render_message(frame, "镜像里还没有这篇文章。", original)

    def message(self, title: str, text: str, page: MirrorPath) -> bytes:
        """Return a page that says one thing."""
        return render.render_message(self._frame(title, page), text)

    # -------------------------------------------------------------- parts

    def _article_body(self, article: Article, body: SafeHtml, member_of: frozenset[str], page: MirrorPath) -> render.ArticleBody:
        def linked(target: str) -> str:
            path, mark, fragment = target.partition("#")
            return paths.suffixed(paths.relative(MirrorPath(path), page) + mark + fragment, article.id)

        return render.ArticleBody(
            title=article.title,
            author=article.author,
            published=article.published.astimezone(self.mirror.timezone_of(article.site)),
            updated=article.updated.astimezone(self.mirror.timezone_of(article.site)),
            content=body,
            original=article.url,
            picture=_lead_of(article),
            tags=tuple(render.Link(tag, linked(paths.tag(tag))) for tag in article.tags),
            channels=tuple(
                render.Link(channel.title, linked(f"{paths.section(section.name)}#{channel.id}"))
                for section in self.mirror.sections
                for channel in section.channels
                if channel.id in member_of
            ),
        )

    def _frame(
        self,
        title: str,
        page: MirrorPath,
        *,
        description: str = "",
        feeds: tuple[render.FeedLink, ...] = (),
        section: str = "",
        article: Article | None = None,
        canonical: MirrorPath | None = None,
    ) -> render.Frame:
        def printed(href: str) -> str:
            return paths.suffixed(href, article.id) if article else href

        navigation = tuple(
            render.Link(link.title, printed(self._navigation_href(link, section, page))) for link in self.mirror.navigation
        )
        scope = scope_of(self.mirror, section) if section else None
        return render.Frame(
            language=self.mirror.language,
            title=title,
            description=article.summary if article else description,
            mirror=self.mirror.name,
            style=paths.relative(paths.STYLE, page),
            canonical=self._absolute(canonical) if canonical else "",
            navigation=navigation,
            feeds=feeds or ((self._feed_link(scope, page),) if scope else ()),
        )

    def _navigation_href(self, link: NavigationLink, section: str, page: MirrorPath) -> str:
        if link.to == "section":
            return paths.relative(paths.section(section) if section else paths.HOME, page)
        return link.url or paths.from_root(paths.section(link.to), page)

    def _feed_link(self, scope: Scope, page: MirrorPath) -> render.FeedLink:
        addresses = tuple((media_type, paths.relative(scope.path(form), page)) for form, media_type in paths.FORMATS.items())
        return render.FeedLink(scope.label, scope.title, scope.channel, addresses)

    def _newest(self, section: Section, limit: int) -> list[Headline]:
        return self.library.headlines(frozenset(channel.id for channel in section.channels), limit)

    def _block(
        self, title: str, target: MirrorPath | None, headlines: Sequence[Headline], page: MirrorPath, section: str
    ) -> render.ListBlock:
        rows = tuple(
            render.ListedArticle(
                render.Link(
                    each.title,
                    paths.suffixed(paths.relative(self._page_of(each.id, each.channels, section), page), each.id),
                ),
                each.published.astimezone(self.mirror.timezone_of(each.site)),
            )
            for each in headlines
        )
        return render.ListBlock(render.Link(title, paths.relative(target, page) if target else ""), rows)

    def _place_of(self, channels: frozenset[str], prefer: str) -> tuple[str, str]:
        """Return section and channel of an article's canonical page; a channel that is configured no more is in the first."""
        return self.layout.place(channels, prefer=prefer) or (self.mirror.sections[0].name, min(channels, default=""))

    def _page_of(self, article_id: ArticleId, channels: frozenset[str], prefer: str) -> MirrorPath:
        return self.layout.article(*self._place_of(channels, prefer), article_id)

    def _pages(self, channels: Mapping[ArticleId, frozenset[str]], prefer: str) -> dict[ArticleId, MirrorPath]:
        return {article_id: self._page_of(article_id, member_of, prefer) for article_id, member_of in channels.items()}

    def _absolute(self, path: MirrorPath) -> str:
        return paths.absolute(path, self.public_url)


def _lead_of(article: Article) -> Picture | None:
    """Return the picture to show above an article's text, None where the text shows it itself."""
    return article.picture if article.picture and not shows(article.body, article.picture) else None
