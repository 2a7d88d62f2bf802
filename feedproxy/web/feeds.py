"""Answer requests for feeds with readers' options, within a rate limit."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from feedproxy import paths
from feedproxy.feed_options import parse_options
from feedproxy.output import (
    RAW,
    FeedSelector,
    RenderContext,
    in_script,
    make_feed,
    show_feed,
    version_of,
)
from feedproxy.web.access import client_of
from feedproxy.web.cache import Validity
from feedproxy.web.rate_limits import RateLimiter
from feedproxy.web.responses import (
    HTML,
    NO_STORE,
    OPENED_VARY,
    REVALIDATE,
    cacheable,
    is_opened,
    respond,
)

# The encoding is also in RSS and Atom documents, and JSON Feed is always UTF-8; the header names it
# for all.
FEED_TYPES = {
    feed_format: f"{media_type}; charset=utf-8" for feed_format, media_type in paths.FORMATS.items()
}


def wants_page() -> bool:
    """Return whether the current request comes from a browser that opens a feed's address."""
    return is_opened() and RAW not in request.args


def feed_or_page(
    feed: Callable[[], bytes],
    page: Callable[[], bytes],
    feed_format: str,
    context: RenderContext,
    validity: Validity,
    *,
    cache_control: str = REVALIDATE,
) -> Response:
    """Return a feed, or the HTML page that a browser gets at the feed's address.

    Other caches must not store the page: one that ignores Vary would send it to feed readers.
    """
    if wants_page():
        response = respond(
            in_script(page(), context.script), HTML, cache_control=NO_STORE, vary=OPENED_VARY
        )
    else:
        response = respond(
            feed(), FEED_TYPES[feed_format], cache_control=cache_control, vary=OPENED_VARY
        )
    return cacheable(response, validity)


@dataclass(frozen=True, slots=True)
class Feeds:
    """Makes feeds.

    A rate limit applies to feeds with options, merged feeds and feeds of searches.
    """

    limiter: RateLimiter

    def respond(self, context: RenderContext, selector: FeedSelector, feed_format: str) -> Response:
        """Return a feed with the options in the current request's parameters.

        Raises:
            OptionError: a parameter is invalid.
            TooManyRequests: the client exceeds the rate limit.
            StoreError: the store can't be read.

        """
        options = parse_options(request.args, context.mirror.feeds.entries)
        feed_format = options.feed_format or feed_format
        if options.query or selector.merged or selector.words:
            self.admit(context.mirror.feeds.filtered_per_minute)
        version = version_of(context.store, selector)
        return feed_or_page(
            lambda: make_feed(context, selector, feed_format, options, version),
            lambda: show_feed(context, selector, feed_format, options),
            feed_format,
            context,
            Validity(version, lambda: version_of(context.store, selector)),
        )

    def admit(self, per_minute: int) -> None:
        """Count a response made specially for the current request's client.

        Raises:
            TooManyRequests: the client exceeds the rate limit.

        """
        if not self.limiter.hit(
            RateLimitItemPerMinute(per_minute), "feeds", client_of(request.remote_addr or "")
        ):
            raise TooManyRequests(retry_after=60)
