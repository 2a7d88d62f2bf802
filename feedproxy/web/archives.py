"""Views for archive pages of feeds and for pictures by upstream address, with signatures."""

import re
from dataclasses import dataclass

from flask import Response

from feedproxy import paths
from feedproxy.model import MirrorPath, Version
from feedproxy.output import make_archive, selector_of, show_archive
from feedproxy.sign import FINAL_SERIAL, SIGNATURE_SUFFIX, SecretKey, sign_publication
from feedproxy.store import PAGE_ENTRIES
from feedproxy.web.cache import Validity
from feedproxy.web.feeds import feed_or_page
from feedproxy.web.responses import (
    DAY,
    FOR_EVER,
    REVALIDATE,
    TEXT,
    Routes,
    View,
    cacheable,
    respond,
)
from feedproxy.web.views import FEED_FORMAT, NUMBER, Views, redirect_to

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Archives:
    """The views for archives; *views* provides what they share with other views."""

    views: Views
    key: SecretKey | None = None

    def routes(self) -> Routes:
        """Return the views of GET requests, by URL rule; those of signatures if there is a key."""
        pages = (
            f"/feed/<name>/archive/<number>.{FEED_FORMAT}",
            f"/feed/<name>/<channel>/archive/<number>.{FEED_FORMAT}",
        )
        original = "/media/of/<key>/original"
        found: dict[str, View] = {
            **dict.fromkeys(pages, self.archive),
            "/media/of/<key>": self.picture,
            original: self.original,
        }
        if self.key:
            found |= dict.fromkeys((page + SIGNATURE_SUFFIX for page in pages), self.signature)
            found[original + SIGNATURE_SUFFIX] = self.original_signature
        return found

    def archive(self, name: str, number: str, feed_format: str, channel: str = "") -> Response:
        """Answer with an archive page.

        A full page changes only when an article in it is deleted.
        """
        return self._respond(name, number, feed_format, channel)

    def signature(self, name: str, number: str, feed_format: str, channel: str = "") -> Response:
        """Answer with the signature of an archive page.

        Its comment contains the page's path and a serial, which grows until the page is full.
        """
        return self._respond(name, number, feed_format, channel, key=self.key)

    def _respond(
        self,
        name: str,
        number: str,
        feed_format: str,
        channel: str,
        *,
        key: SecretKey | None = None,
    ) -> Response:
        """Answer with an archive page, or with its signature if *key* is given."""
        selector, archive = (
            selector_of(self.views.mirror, name, channel),
            self.views.store.archive,
        )
        if selector is None:
            return self.views.no_feed()
        page = int(number) if NUMBER.fullmatch(number) else 0
        full = archive.length(selector.log) // PAGE_ENTRIES
        if not 1 <= page <= full + 1:
            return respond(f"no such page; this archive has {full + 1}\n".encode(), TEXT, 404)
        context, is_full = self.views.feed_context(), page <= full
        cache_control = FOR_EVER if is_full else REVALIDATE

        def current() -> Version:
            return (
                archive.page_version(selector.log, page)
                if is_full
                else archive.version(selector.log, selector.channel_ids)
            )

        def make() -> bytes:
            return make_archive(context, selector, page, feed_format) or b""

        version = current()
        validity = Validity(version, current)
        if key:
            serial = FINAL_SERIAL if is_full else self.views.settings.serial_base + version.serial
            signature = sign_publication(
                make(), key, path=selector.archive_path(page, feed_format), serial=serial
            )
            return cacheable(respond(signature, TEXT, cache_control=cache_control), validity)
        return feed_or_page(
            make,
            lambda: show_archive(context, selector, page, feed_format),
            feed_format,
            context,
            validity,
            cache_control=cache_control,
        )

    def picture(self, key: str) -> Response:
        """Redirect to the reading form of a stored picture, by the key of its upstream address."""
        return self._lead(key, is_original=False)

    def original(self, key: str) -> Response:
        """Redirect to the original size of a stored picture, by the key of its upstream address."""
        return self._lead(key, is_original=True)

    def original_signature(self, key: str) -> Response:
        """Answer with the signature of a picture's original size.

        Its comment contains a path with the key of the upstream address.
        """
        stored = self.views.store.pictures.find(key) if _KEY.fullmatch(key) else None
        body = self.views.media.read(stored.original.name) if stored else None
        if body is None or self.key is None:
            return respond(b"no such picture\n", TEXT, 404)
        path = MirrorPath(f"/media/of/{key}/original")
        return respond(
            sign_publication(body, self.key, path=path, serial=FINAL_SERIAL),
            TEXT,
            cache_control=DAY,
        )

    def _lead(self, key: str, *, is_original: bool) -> Response:
        stored = self.views.store.pictures.find(key) if _KEY.fullmatch(key) else None
        if stored is None:
            return self.views.say(404, "没有这张图片", "镜像里还没有这张图片。")
        response = redirect_to(
            paths.media((stored.original if is_original else stored.reading).name), 302
        )
        response.headers["Cache-Control"] = DAY
        return response
