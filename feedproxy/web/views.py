"""What is answered at each address: a look-up in the store's edition, nothing else."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import Response, redirect, request
from werkzeug.exceptions import SecurityError

from feedproxy import paths
from feedproxy.edition import ALL, Edition, scope_of
from feedproxy.model import ArticleId, Channel, Mirror, MirrorPath, Version
from feedproxy.render import STYLESHEET
from feedproxy.settings import Settings
from feedproxy.store import Library
from feedproxy.web.answers import Answer, prepare, send
from feedproxy.web.shelf import Shelf

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# RSS and Atom say their encoding in the document, too; JSON Feed is UTF-8 by its specification and named so all the same.
_FEED_TYPES = {form: f"{media_type}; charset=utf-8" for form, media_type in paths.FORMATS.items()}
_FORM = f"<any({', '.join(paths.FORMATS)}):form>"
_STYLE = prepare(STYLESHEET, "text/css; charset=utf-8")
_DAY = "public, max-age=86400"
_NO_STORE = "no-store"
_PORT = re.compile(r":\d+\Z")
# Every feed of the first site in all forms is 123 answers of about 0.5 MB, but few are asked for.
_SHELF_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Views:
    """One method for each address; Flask finds them in `rules`."""

    settings: Settings
    mirror: Mirror
    library: Library
    shelf: Shelf = field(default_factory=lambda: Shelf(_SHELF_BYTES))

    def rules(self) -> tuple[tuple[str, Callable[..., Response]], ...]:
        """Return each URL rule with what answers it."""
        return (
            ("/", self.home),
            ("/<name>", self.section),
            ("/<name>/", self.section_as_folder),
            (paths.Layout(self.mirror.page_path).route, self.article),
            ("/tag/<path:name>", self.tag),
            (f"/feed/<name>.{_FORM}", self.feed),
            (f"/feed/<name>/<channel>.{_FORM}", self.feed),
            (paths.STYLE, self.stylesheet),
            ("/healthz", self.healthz),
        )

    def home(self) -> Response:
        """Answer with the front page."""
        version = self._version(self.mirror.channels)
        return _page(self._edition().home(), version)

    def section(self, name: str) -> Response:
        """Answer with a section's front page."""
        section = self.mirror.section(name)
        if section is None:
            return self._no_section()
        version = self._version(section.channels)
        return _page(self._edition().section(section), version)

    def section_as_folder(self, name: str) -> Response:
        """Lead from the address that a page's relative link to its section gives to the section's own."""
        return _redirect(paths.section(name), 308) if self.mirror.section(name) else self._no_section()

    def article(self, section: str, channel: str, article_id: str) -> Response:
        """Answer with an article's page; lead to its canonical one if it is held, but not in this channel."""
        shown_in, wanted = self.mirror.section(section), ArticleId(article_id)
        if shown_in is None:
            return self._no_section()
        edition, own = self._edition(), [each for each in shown_in.channels if each.id == channel]
        is_configured = any(each.id == channel for each in self.mirror.channels)
        if own or not is_configured:
            version = self._version(own)
            body = edition.article(section, channel, wanted)
            if body is not None:
                return _page(body, version)
        elsewhere = edition.canonical(wanted, section)
        if elsewhere is not None and elsewhere != request.path:
            return _redirect(elsewhere, 302)
        not_held = self._plain_edition().not_held(section, wanted, MirrorPath(request.path))
        return send(prepare(not_held, HTML), status=404, cache_control=_NO_STORE)

    def tag(self, name: str) -> Response:
        """Answer with a tag's page."""
        version = self._version(self.mirror.channels)
        body = self._edition().tag(name)
        return self.say(404, "没有这个话题", "还没有带这个话题的文章。") if body is None else _page(body, version)

    def feed(self, name: str, form: str, channel: str = "") -> Response:
        """Answer with a feed, made once for each change of what it shows."""
        scope = scope_of(self.mirror, name, channel)
        if scope is None:
            names = ", ".join([*(section.name for section in self.mirror.sections), ALL])
            text = f"no feed at {request.path}; sections: {names}\n"
            return send(prepare(text.encode(), TEXT), status=404, cache_control=_NO_STORE)
        edition = self._edition()

        def make(version: Version) -> Answer:
            return prepare(edition.feed(scope, form), _FEED_TYPES[form], version.moment)

        key = (scope.path(form), edition.public_url)
        return send(self.shelf.get(key, lambda: self.library.version(scope.channel_ids), make))

    def stylesheet(self) -> Response:
        """Answer with the style sheet."""
        return send(_STYLE, cache_control=_DAY)

    def healthz(self) -> Response:
        """Answer "ok" while the store can be read."""
        self.library.version([])
        return send(prepare(b"ok\n", TEXT), cache_control=_NO_STORE)

    def say(self, status: int, title: str, text: str) -> Response:
        """Answer with a page that says one thing."""
        body = self._plain_edition().message(title, text, MirrorPath(request.path))
        return send(prepare(body, HTML), status=status, cache_control=_NO_STORE)

    def _no_section(self) -> Response:
        names = "、".join(f"{section.title} {section.name}" for section in self.mirror.sections)
        return self.say(404, "没有这个栏目", f"镜像的栏目有：{names}。")

    def _version(self, channels: Sequence[Channel]) -> Version:
        """Return the version of a page of *channels*; to be read before the page is made, so that it is never too new."""
        return self.library.version([channel.id for channel in channels])

    def _plain_edition(self) -> Edition:
        """Return an edition for pages that name no absolute address, so that any host may see them."""
        return Edition(self.mirror, self.library, self.settings.public_url)

    def _edition(self) -> Edition:
        return Edition(self.mirror, self.library, self.settings.public_url or self._own_address())

    def _own_address(self) -> str:
        """Return the address that the request itself names.

        Raises:
            SecurityError: its host is not one that the operator trusts.

        """
        host = request.environ.get("HTTP_HOST", "")
        if _PORT.sub("", host) not in self.settings.trusted_hosts:
            raise SecurityError
        return f"{request.scheme}://{host}"


def _page(body: bytes, version: Version) -> Response:
    return send(prepare(body, HTML, version.moment))


def _redirect(target: MirrorPath, status: int) -> Response:
    query = request.query_string.decode("ascii", "ignore")
    response = redirect(target + (f"?{query}" if query else ""), status, Response=Response)
    return response if isinstance(response, Response) else Response(status=status)
