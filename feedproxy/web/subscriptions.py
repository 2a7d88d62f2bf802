"""Views for subscribers: feeds, the OPML list of feeds, books, and the page about feeds."""

from dataclasses import dataclass

from flask import Response, send_file

from feedproxy import paths
from feedproxy.errors import OptionError
from feedproxy.output import (
    FeedSelector,
    make_opml,
    make_subscribe,
    merged_selector,
    selector_of,
    tag_selector,
)
from feedproxy.web.feeds import Feeds, wants_page
from feedproxy.web.responses import OPML, REVALIDATE, Routes, cacheable, respond
from feedproxy.web.views import FEED_FORMAT, Views, refuse


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The views for subscribers; *views* provides what they share with other views."""

    views: Views
    feeds: Feeds

    def routes(self) -> Routes:
        """Return the views of GET requests, by URL rule."""
        return {
            paths.SUBSCRIBE: self.subscribe,
            f"/feed/<name>.{FEED_FORMAT}": self.feed,
            f"/feed/<name>/<channel>.{FEED_FORMAT}": self.feed,
            f"/feed/tag/<path:name>.{FEED_FORMAT}": self.tag_feed,
            f"/feed/merged/<path:names>.{FEED_FORMAT}": self.merged_feed,
            paths.OPML: self.opml,
            "/book/<name>.epub": self.book,
            "/book/<name>/<channel>.epub": self.book,
        }

    def subscribe(self) -> Response:
        """Answer with the page about feeds."""
        return self.views.page(
            self.views.mirror.channels, lambda pages: make_subscribe(pages.context)
        )

    def tag_feed(self, name: str, feed_format: str) -> Response:
        """Answer with a tag's feed."""
        selector = tag_selector(self.views.mirror, name)
        if selector is None or not self.views.store.tagged(name, selector.channel_ids, 1):
            return self.views.no_tag()
        return self._feed(selector, feed_format)

    def feed(self, name: str, feed_format: str, channel: str = "") -> Response:
        """Answer with the feed of a section, a channel or everything."""
        return self._feed(selector_of(self.views.mirror, name, channel), feed_format)

    def merged_feed(self, names: str, feed_format: str) -> Response:
        """Answer with a merged feed."""
        return self._feed(merged_selector(self.views.mirror, names), feed_format)

    def opml(self) -> Response:
        """Answer with the OPML list of all feeds."""
        return cacheable(
            respond(make_opml(self.views.feed_context()), OPML, cache_control=REVALIDATE)
        )

    def book(self, name: str, channel: str = "") -> Response:
        """Answer with the book of a section, a channel or everything.

        The command `feedproxy bundle --publish` writes these books.
        """
        selector = selector_of(self.views.mirror, name, channel)
        if selector is None or selector.log not in self.views.books():
            return self.views.say(404, "没有这本电子书", "镜像没有做这个栏目的电子书。")
        file = (self.views.settings.books / f"{selector.log}.epub").absolute()
        response = send_file(file, mimetype="application/epub+zip", download_name=file.name)
        response.headers["Cache-Control"] = REVALIDATE
        return response

    def _feed(self, selector: FeedSelector | None, feed_format: str) -> Response:
        """Answer with a feed, with the reader's options."""
        if selector is None:
            return self.views.no_feed()
        try:
            return self.feeds.respond(self.views.feed_context(), selector, feed_format)
        except OptionError as e:
            return (
                self.views.say(400, "订阅地址里的参数不对", str(e))
                if wants_page()
                else refuse(400, str(e))
            )
