"""What is answered at the addresses of archives: feeds' older entries, and pictures by their upstream addresses."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from feedproxy import paths
from feedproxy.edition import make_archive, scope_of, show_archive
from feedproxy.model import Version
from feedproxy.sign import SIGNATURE_SUFFIX, SecretKey, sign
from feedproxy.store import PAGE_ENTRIES
from feedproxy.web.cache import Validity
from feedproxy.web.feeds import feed_or_page
from feedproxy.web.responses import DAY, FOR_EVER, REVALIDATE, TEXT, cacheable, respond
from feedproxy.web.views import FORM, NUMBER, Views, redirect_to

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Archives:
    """One method for each address; what it has in common with feeds is *views*'."""

    views: Views
    key: SecretKey | None = None

    def rules(self) -> tuple[tuple[str, Callable[..., Response], str], ...]:
        """Return each URL rule with what answers it, and the method."""
        pages = (f"/feed/<name>/archive/<number>.{FORM}", f"/feed/<name>/<channel>/archive/<number>.{FORM}")
        return (
            *((page, self.archive, "GET") for page in pages),
            *((page + SIGNATURE_SUFFIX, self.signature, "GET") for page in pages if self.key),
            ("/media/of/<key>", self.picture, "GET"),
            ("/media/of/<key>/original", self.original, "GET"),
        )

    def archive(self, name: str, number: str, form: str, channel: str = "") -> Response:
        """Answer with a page of an archive; a full one never changes, but for what is deleted."""
        return self._respond(name, number, form, channel)

    def signature(self, name: str, number: str, form: str, channel: str = "") -> Response:
        """Answer with the signature of such a page; its comment names the page."""
        return self._respond(name, number, form, channel, request.path.removesuffix(SIGNATURE_SUFFIX))

    def _respond(self, name: str, number: str, form: str, channel: str, signed_path: str = "") -> Response:
        scope, archive = scope_of(self.views.mirror, name, channel), self.views.library.archive
        if scope is None:
            return self.views.no_feed()
        page = int(number) if NUMBER.fullmatch(number) else 0
        full = archive.length(scope.log) // PAGE_ENTRIES
        if not 1 <= page <= full + 1:
            return respond(f"no such page; this archive has {full + 1}\n".encode(), TEXT, 404)
        ground, cache_control = self.views.feed_ground(), FOR_EVER if page <= full else REVALIDATE

        def version() -> Version:
            return archive.page_version(scope.log, page) if page <= full else archive.version(scope.log, scope.channel_ids)

        def make() -> bytes:
            return make_archive(ground, scope, page, form) or b""

        validity = Validity(version(), version)
        if signed_path and self.key:
            signature = sign(make(), self.key, comment=signed_path)
            return cacheable(respond(signature, TEXT, cache_control=cache_control), validity)
        return feed_or_page(
            make, lambda: show_archive(ground, scope, page, form), form, ground, validity, cache_control=cache_control
        )

    def picture(self, key: str) -> Response:
        """Lead to the reading form of a picture, by the key of its upstream address, if it is held by now."""
        return self._lead(key, is_original=False)

    def original(self, key: str) -> Response:
        """Lead to its original size."""
        return self._lead(key, is_original=True)

    def _lead(self, key: str, *, is_original: bool) -> Response:
        stored = self.views.library.picture(key) if _KEY.fullmatch(key) else None
        if stored is None:
            return self.views.say(404, "没有这张图片", "镜像里还没有这张图片。")
        response = redirect_to(paths.media((stored.original if is_original else stored.reading).name), 302)
        response.headers["Cache-Control"] = DAY
        return response
