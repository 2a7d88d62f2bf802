"""Feeds as readers choose them, and who may have how many made."""

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

# RSS and Atom say their encoding in the document, too; JSON Feed is UTF-8 by its specification and named so all the same.
FEED_TYPES = {form: f"{media_type}; charset=utf-8" for form, media_type in paths.FORMATS.items()}


def wants_page() -> bool:
    """Return whether the present request is of a person who opens a feed's address in a browser."""
    return is_opened() and RAW not in request.args


def feed_or_page(
    feed: Callable[[], bytes],
    page: Callable[[], bytes],
    form: str,
    ground: RenderContext,
    validity: Validity,
    *,
    cache_control: str = REVALIDATE,
) -> Response:
    """Return a feed, or the page that a browser gets at its address.

    No other cache may keep the page: one that ignores Vary would give it to feed readers.
    """
    if wants_page():
        response = respond(
            in_script(page(), ground.script), HTML, cache_control=NO_STORE, vary=OPENED_VARY
        )
    else:
        response = respond(feed(), FEED_TYPES[form], cache_control=cache_control, vary=OPENED_VARY)
    return cacheable(response, validity)


@dataclass(frozen=True, slots=True)
class Feeds:
    """Makes feeds; limits how often a client has those made that it chose or searched for."""

    limiter: RateLimiter

    def respond(self, ground: RenderContext, scope: FeedSelector, form: str) -> Response:
        """Return a feed by the parameters of the present request.

        Raises:
            ChoiceError: one of the parameters is wrong.
            TooManyRequests: the client had too many made.
            StoreError: the store can't be read.

        """
        choice = parse_options(request.args, ground.mirror.entries)
        form = choice.form or form
        if choice.query or scope.merged or scope.words:
            self.admit(ground.mirror.filtered_per_minute)
        version = version_of(ground.library, scope)
        return feed_or_page(
            lambda: make_feed(ground, scope, form, choice, version),
            lambda: show_feed(ground, scope, form, choice),
            form,
            ground,
            Validity(version, lambda: version_of(ground.library, scope)),
        )

    def admit(self, per_minute: int) -> None:
        """Count what is made for the client of the present request.

        Raises:
            TooManyRequests: it had too many made.

        """
        if not self.limiter.hit(
            RateLimitItemPerMinute(per_minute), "feeds", client_of(request.remote_addr or "")
        ):
            raise TooManyRequests(retry_after=60)
