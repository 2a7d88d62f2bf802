"""Views for pages, pictures and other files; each answers with what the store holds."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote

from flask import Response, redirect, request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import SecurityError

from feedproxy import paths
from feedproxy.configuration.settings import Settings
from feedproxy.media import MEDIA_TYPES, Media
from feedproxy.model import ArticleId, Channel, Mirror, MirrorPath
from feedproxy.output import (
    ALL,
    SCRIPT,
    Pages,
    RenderContext,
    in_script,
    known_script,
    probe,
)
from feedproxy.output.render import STATIC, robots
from feedproxy.store import Clock, Store
from feedproxy.web.access import ROBOTS, client_of, given_key
from feedproxy.web.cache import Validity
from feedproxy.web.feeds import wants_page
from feedproxy.web.rate_limits import RateLimiter
from feedproxy.web.responses import (
    DAY,
    HTML,
    REVALIDATE,
    TEXT,
    Routes,
    cacheable,
    respond,
    send_file,
)

FEED_FORMAT = f"<any({', '.join(paths.FORMATS)}):feed_format>"
_STATIC_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
NUMBER = re.compile(r"[1-9][0-9]{0,5}")
# Characters allowed in a query (RFC 3986, section 3.4), and "%" of those encoded already.
_QUERY = "!$&'()*+,;=:@/?%"
_PORT = re.compile(r":\d+\Z")


class _NotHeldError(Exception):
    """The requested page does not exist."""


@dataclass(frozen=True, slots=True)
class Views:
    """The views for pages and files, one method per address; `rules` maps addresses to them."""

    settings: Settings
    mirror: Mirror
    store: Store
    media: Media
    clock: Clock
    limiter: RateLimiter

    def routes(self) -> Routes:
        """Return the views of GET requests, by URL rule."""
        article, index = self._layout.article_route, self._layout.index_route
        return {
            "/": self.home,
            "/<name>": self.section,
            "/<name>/": self.section,
            index: self.index,
            article: self.article,
            "/tag/<path:name>": self.tag,
            "/media/<name>": self.picture,
            paths.STYLE: self.static,
            paths.ICON: self.static,
            paths.WELL_KNOWN_ICON: self.icon,
            "/healthz": self.healthz,
            ROBOTS: self.robots,
        }

    def post_routes(self) -> Routes:
        """Return the views of POST requests, by URL rule."""
        return {self._layout.article_route: self.ask}

    @property
    def _layout(self) -> paths.Layout:
        return paths.Layout(self.mirror.about.page_path, self.mirror.about.index_path)

    def home(self) -> Response:
        """Answer with the front page."""
        return self.page(self.mirror.channels, Pages.home)

    def section(self, name: str) -> Response:
        """Answer with a section's front page, at its address with or without a trailing "/"."""
        section = self.mirror.section(name)
        if section is None:
            return self._no_section()
        is_folder = request.path.endswith("/")
        page = paths.section_folder(name) if is_folder else paths.section(name)
        return self.page(section.channels, lambda pages: pages.section(section, page))

    def index(self, section: str, channel: str, page: str) -> Response:
        """Answer with a page of a channel's article list."""
        shown_in = self.mirror.section(section)
        found = (
            next((each for each in shown_in.channels if each.id == channel), None)
            if shown_in
            else None
        )
        number = 1 if page == paths.FIRST else int(page) if NUMBER.fullmatch(page) else 0
        if shown_in is None or found is None or not number:
            return (
                self._no_section()
                if shown_in is None
                else self.say(404, "没有这个页面", "请从首页进入。")
            )
        try:
            return self.page([found], lambda pages: pages.index(shown_in, found, number))
        except _NotHeldError:
            return self.say(404, "没有这一页", "这个频道没有这么多文章。")

    def article(self, section: str, channel: str, article_id: str) -> Response:
        """Answer with an article's page.

        If the article is stored but not in this channel, redirect to its canonical page.
        """
        shown_in, wanted = self.mirror.section(section), ArticleId(article_id)
        if shown_in is None:
            return self._no_section()
        own = [each for each in shown_in.channels if each.id == channel]
        with suppress(_NotHeldError):
            if own:
                return self.page(own, lambda pages: pages.article(section, channel, wanted))
            if all(each.id != channel for each in self.mirror.channels):
                # An article that only a reader requested: no channel's version covers it, so the
                # response is not cacheable.
                body = self._pages().article(section, channel, wanted)
                return (
                    respond(body, HTML, cache_control=REVALIDATE)
                    if body
                    else self._lead(section, wanted)
                )
        return self._lead(section, wanted)

    def _lead(self, section: str, wanted: ArticleId) -> Response:
        """Redirect to an article's canonical page; if it has none, report that it is not stored."""
        elsewhere = self._plain_pages().canonical(wanted, section)
        if elsewhere is not None and elsewhere != request.path:
            return redirect_to(elsewhere, 302)
        return self.tell(
            self._plain_pages().not_held(section, wanted, MirrorPath(request.path)), 404
        )

    def ask(self, section: str, channel: str, article_id: str) -> Response:  # noqa: ARG002 (part of the URL rule)
        """Queue an article that is not stored, and redirect back to its page."""
        wanted = ArticleId(article_id)
        if self.mirror.section(section) is None:
            return self._no_section()
        if self._plain_pages().canonical(wanted, section):
            return redirect_to(MirrorPath(quote(request.path)), 303)
        rule = RateLimitItemPerMinute(self.mirror.requests.per_minute)
        if not self.limiter.hit(rule, "requests", client_of(request.remote_addr or "")):
            return self._refuse_request(429, section, wanted)
        if not self.store.requests.ask(
            wanted, limit=self.mirror.requests.max_queued, now=self.clock()
        ):
            return self._refuse_request(
                503 if self.store.requests.original(wanted) else 404, section, wanted
            )
        return redirect_to(MirrorPath(quote(request.path)), 303)

    def tag(self, name: str) -> Response:
        """Answer with a tag's page."""
        try:
            return self.page(self.mirror.channels, lambda pages: pages.tag(name))
        except _NotHeldError:
            return self.no_tag()

    def no_feed(self) -> Response:
        """Answer that there is no such feed, and name the sections."""
        if wants_page():
            return self.say(404, "没有这个订阅源", "有哪些订阅源，请看“订阅”那一页。")
        names = ", ".join([*(section.name for section in self.mirror.sections), ALL])
        several = "of several: /feed/merged/<section>,<section>/<channel>.xml, 20 at most"
        return refuse(404, f"no such feed; sections: {names}; {several}")

    def picture(self, name: str) -> Response:
        """Answer with a stored picture or a part of it (RFC 9110, section 14).

        Its name is the hash of its content, so it never changes.
        """
        body = self.media.read(name)
        if body is None:
            return self.say(404, "没有这张图片", "镜像里没有这张图片。")
        tag, _, ending = name.partition(".")
        return send_file(body, MEDIA_TYPES[ending], tag)

    def static(self) -> Response:
        """Answer with the style sheet or the icon."""
        name = request.path.rpartition("/")[2]
        return cacheable(
            respond(STATIC[name], _STATIC_TYPES[name.rpartition(".")[2]], cache_control=DAY)
        )

    def icon(self) -> Response:
        """Redirect from the well-known icon address, which some programs request, to the icon."""
        return redirect_to(paths.ICON, 302)

    def healthz(self) -> Response:
        """Answer "ok" if the store can be read and is not known to be damaged."""
        probe(self.mirror, self.store)
        return respond(b"ok\n", TEXT)

    def robots(self) -> Response:
        """Answer with robots.txt."""
        return cacheable(respond(robots(is_indexed=self.settings.indexed), TEXT, cache_control=DAY))

    def say(self, status: int, title: str, text: str) -> Response:
        """Answer with a page with a single message."""
        return self.tell(self._plain_pages().message(title, text, MirrorPath(request.path)), status)

    def tell(self, body: bytes, status: int) -> Response:
        """Answer with an error page in the reader's script."""
        return respond(in_script(body, self._script()), HTML, status)

    def no_tag(self) -> Response:
        """Answer that there is no such tag."""
        return self.say(404, "没有这个话题", "还没有带这个话题的文章。")

    def _no_section(self) -> Response:
        names = "、".join(f"{section.title} {section.name}" for section in self.mirror.sections)
        return self.say(404, "没有这个栏目", f"镜像的栏目有：{names}。")

    def page(self, channels: Sequence[Channel], make: Callable[[Pages], bytes | None]) -> Response:
        """Answer with a page that depends on the articles of *channels*.

        Raises:
            _NotHeldError: the page does not exist.

        """
        ids = [channel.id for channel in channels]
        version = self.store.version(ids)  # read first, so that it is never newer than the page
        body = make(self._pages())
        if body is None:
            raise _NotHeldError
        response = respond(in_script(body, self._script()), HTML, cache_control=REVALIDATE)
        return cacheable(response, Validity(version, lambda: self.store.version(ids)))

    def _refuse_request(self, status: int, section: str, wanted: ArticleId) -> Response:
        body = self._plain_pages().not_held(
            section, wanted, MirrorPath(request.path), may_ask=False
        )
        response = self.tell(body, status)
        if status != 404:  # noqa: PLR2004 (the HTTP status)
            response.headers["Retry-After"] = "60"
        return response

    def _plain_pages(self) -> Pages:
        """Return pages whose addresses contain neither the reader's key nor the request's host.

        So they can be shown to a request with any host.
        """
        return Pages(
            RenderContext(self.mirror, self.store, self.settings.public_url, script=self._script())
        )

    def _pages(self) -> Pages:
        return Pages(replace(self.feed_context(), books=self.books()))

    def feed_context(self) -> RenderContext:
        """Return the render context of feeds and of links to them.

        Absolute addresses carry the reader's key.
        """
        public_url = self.settings.public_url or self._own_address()
        script, hub = self._script(), self.settings.websub_hub
        return RenderContext(
            self.mirror, self.store, public_url, given_key(), script=script, hub=hub
        )

    def _script(self) -> str:
        return known_script(self.mirror.about.language, request.args.get(SCRIPT, ""))

    def books(self) -> frozenset[str]:
        """Return the names of the archives whose articles are available as a book."""
        folder = self.settings.books
        return frozenset(
            str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.epub")
        )

    def _own_address(self) -> str:
        """Return the mirror's address by the scheme and host of the request.

        Raises:
            SecurityError: the operator does not trust this host.

        """
        host = request.environ.get("HTTP_HOST", "")
        if _PORT.sub("", host) not in self.settings.trusted_hosts:
            raise SecurityError
        return f"{request.scheme}://{host}"


def refuse(status: int, reason: str) -> Response:
    """Answer a feed reader with one line of plain text."""
    return respond(f"{reason}\n".encode(), TEXT, status)


def redirect_to(target: MirrorPath, status: int) -> Response:
    """Redirect to a path of the mirror, with the request's query."""
    query = quote(request.query_string, safe=_QUERY)
    response = redirect(target + (f"?{query}" if query else ""), status, Response=Response)
    return response if isinstance(response, Response) else Response(status=status)
