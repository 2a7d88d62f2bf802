"""What is answered at the addresses of archives: feeds' older entries, and pictures by their upstream addresses."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Response, request

from feedproxy import paths
from feedproxy.edition import Scope, make_archive, scope_of, show_archive
from feedproxy.errors import StoreError
from feedproxy.model import MirrorPath, Version
from feedproxy.sign import FINAL_SERIAL, SIGNATURE_SUFFIX, SecretKey, sign_publication
from feedproxy.store import PAGE_ENTRIES
from feedproxy.web.answers import FOR_EVER, NO_STORE, REVALIDATE, TEXT, Answer, prepare, send
from feedproxy.web.feeds import feed_answer, page_answer, wants_page
from feedproxy.web.shelf import Held, Shelf
from feedproxy.web.views import DAY, FORM, NUMBER, Views, redirect_to

# Pages have twice the entries of a feed; who walks an archive asks for each once, and takes no room from feeds.
_SHELF_BYTES = 16_000_000
_Give = Callable[..., Response]
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Archives:
    """One method for each address; what it has in common with feeds is *views*'."""

    views: Views
    key: SecretKey | None = None
    shelf: Shelf = field(default_factory=lambda: Shelf(_SHELF_BYTES))
    lengths: dict[str, int] = field(default_factory=dict)

    def rules(self) -> tuple[tuple[str, Callable[..., Response], str], ...]:
        """Return each URL rule with what answers it, and the method."""
        pages = (f"/feed/<name>/archive/<number>.{FORM}", f"/feed/<name>/<channel>/archive/<number>.{FORM}")
        return (
            *((page, self.archive, "GET") for page in pages),
            *((page + SIGNATURE_SUFFIX, self.signature, "GET") for page in pages if self.key),
            *([(f"/media/of/<key>/original{SIGNATURE_SUFFIX}", self.original_signature, "GET")] if self.key else []),
            ("/media/of/<key>", self.picture, "GET"),
            ("/media/of/<key>/original", self.original, "GET"),
        )

    def archive(self, name: str, number: str, form: str, channel: str = "") -> Response:
        """Answer with a page of an archive; a full one never changes, but for what is deleted."""

        def give(held: Held, _path: MirrorPath, *, is_full: bool) -> Response:  # noqa: ARG001 (as for a signature)
            return self.views.give(held)

        return self._answer(name, number, form, channel, give)

    def signature(self, name: str, number: str, form: str, channel: str = "") -> Response:
        """Answer with the signature of such a page; its comment names the page, and a serial that grows until it is full."""

        def give(held: Held, path: MirrorPath, *, is_full: bool) -> Response:
            page = held.answer
            serial = FINAL_SERIAL if is_full else self.views.settings.serial_base + held.version.serial
            signature = self._sign(page.body, path, serial)
            return self.views.answer(prepare(signature, TEXT, page.changed, page.cache_control))

        return self._answer(name, number, form, channel, give)

    def _sign(self, body: bytes, path: MirrorPath, serial: int) -> bytes:
        assert self.key is not None  # noqa: S101 (else nothing leads here)
        return sign_publication(body, self.key, path=path, serial=serial)

    def _answer(self, name: str, number: str, form: str, channel: str, give: "_Give") -> Response:
        scope = scope_of(self.views.mirror, name, channel)
        if scope is None:
            return self.views.no_feed()
        page = int(number) if NUMBER.fullmatch(number) else 0
        full = self._length(scope.log) // PAGE_ENTRIES
        if not 1 <= page <= full + 1:
            text = f"no such page; this archive has {full + 1}\n"
            return send(prepare(text.encode(), TEXT), status=404, cache_control=NO_STORE)
        is_full = page <= full
        return give(self._page(scope, page, form, is_full=is_full), scope.archive_path(page, form), is_full=is_full)

    def picture(self, key: str) -> Response:
        """Lead to the reading form of a picture, by the key of its upstream address, if it is held by now."""
        return self._lead(key, is_original=False)

    def original(self, key: str) -> Response:
        """Lead to its original size."""
        return self._lead(key, is_original=True)

    def original_signature(self, key: str) -> Response:
        """Answer with the signature of a picture's original size; its comment names the key of the upstream address."""
        stored = self.views.library.picture(key) if _KEY.fullmatch(key) else None
        body = self.views.media.read(stored.original.name) if stored else None
        if body is None:
            return send(prepare(b"no such picture\n", TEXT), status=404, cache_control=NO_STORE)
        signature = self._sign(body, MirrorPath(f"/media/of/{key}/original"), FINAL_SERIAL)
        return send(prepare(signature, TEXT, cache_control=DAY))

    def _length(self, log: str) -> int:
        """Return how long a log is; as long as it was last if the store fails, so that what was made before is still given."""
        try:
            self.lengths[log] = self.views.library.archive.length(log)
        except StoreError:
            if log not in self.lengths:
                raise
        return self.lengths[log]

    def _page(self, scope: Scope, page: int, form: str, *, is_full: bool) -> Held:
        ground, archive = self.views.feed_ground(), self.views.library.archive
        is_page = wants_page() and not request.path.endswith(SIGNATURE_SUFFIX)

        def make(version: Version) -> Answer:
            if is_page:
                return page_answer(show_archive(ground, scope, page, form), ground, version)
            body = make_archive(ground, scope, page, form) or b""
            return feed_answer(body, form, version, FOR_EVER if is_full else REVALIDATE)

        def version() -> Version:
            return archive.page_version(scope.log, page) if is_full else archive.version(scope.log, scope.channel_ids)

        return self.shelf.get(
            (scope.archive_path(page, form), is_full, ground.public_url, ground.key, is_page, ground.script), version, make
        )

    def _lead(self, key: str, *, is_original: bool) -> Response:
        stored = self.views.library.picture(key) if _KEY.fullmatch(key) else None
        if stored is None:
            return self.views.say(404, "没有这张图片", "镜像里还没有这张图片。")
        response = redirect_to(paths.media((stored.original if is_original else stored.reading).name), 302)
        response.headers["Cache-Control"] = DAY
        return response
