"""Views for search: its page, its feeds, and its description for browsers."""

from dataclasses import dataclass

from flask import Response, request

from feedproxy import paths
from feedproxy.errors import OptionError
from feedproxy.model import ArticleId
from feedproxy.output import Pages, in_script, search_selector
from feedproxy.output.render import render_opensearch
from feedproxy.search_terms import parse_query
from feedproxy.web.cache import Validity
from feedproxy.web.feeds import Feeds, wants_page
from feedproxy.web.responses import DAY, HTML, REVALIDATE, Routes, cacheable, respond
from feedproxy.web.views import FEED_FORMAT, Views, refuse

_OPENSEARCH = "application/opensearchdescription+xml"
_MAX_ID = 100


@dataclass(frozen=True, slots=True)
class Searches:
    """The views for search; *views* provides what they share with other views."""

    views: Views
    feeds: Feeds

    def routes(self) -> Routes:
        """Return the views of GET requests, by URL rule."""
        return {
            paths.SEARCH: self.page,
            f"/feed/search.{FEED_FORMAT}": self.feed,
            paths.OPENSEARCH: self.description,
        }

    def page(self) -> Response:
        """Answer with the results of a search, or with an explanation of how to search."""
        query_text, before = request.args.get("q", "").strip(), request.args.get("before", "")
        context = self.views.feed_context()
        pages, older_than = (
            Pages(context),
            ArticleId(before) if 0 < len(before) <= _MAX_ID else None,
        )
        if not query_text:
            body = in_script(pages.search("", None), context.script)
            return cacheable(respond(body, HTML, cache_control=REVALIDATE))
        try:
            words = parse_query(query_text)
        except OptionError:
            return self.views.tell(pages.search("", None), 400)
        self.feeds.admit(context.mirror.feeds.filtered_per_minute)
        channels = search_selector(context.mirror, words).channel_ids
        validity = Validity(
            context.store.search.version(channels),
            lambda: context.store.search.version(channels),
        )
        body = in_script(pages.search(query_text, words, older_than), context.script)
        return cacheable(respond(body, HTML, cache_control=REVALIDATE), validity)

    def feed(self, feed_format: str) -> Response:
        """Answer with the feed of a search, with the reader's options."""
        context = self.views.feed_context()
        try:
            selector = search_selector(context.mirror, parse_query(request.args.get("q", "")))
            return self.feeds.respond(context, selector, feed_format)
        except OptionError as e:
            return (
                self.views.say(400, "订阅地址里的参数不对", str(e))
                if wants_page()
                else refuse(400, str(e))
            )

    def description(self) -> Response:
        """Answer with the OpenSearch description, by which browsers search the mirror."""
        context = self.views.feed_context()
        search = context.absolute(paths.SEARCH, "q={searchTerms}")
        body = render_opensearch(context.mirror, search, context.absolute(paths.ICON))
        return cacheable(respond(body, _OPENSEARCH, cache_control=DAY))
