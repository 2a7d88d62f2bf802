"""Feeds as readers choose them: who may have how many made, and how they are kept."""

from dataclasses import dataclass

from flask import request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from feedproxy import paths
from feedproxy.choice import parse_choice
from feedproxy.edition import RAW, Document, Ground, Scope, in_script, make_feed, show_feed, version_of
from feedproxy.model import Version
from feedproxy.web.answers import HTML, NO_STORE, OPENED_VARY, REVALIDATE, Answer, is_opened, prepare
from feedproxy.web.gate import client_of
from feedproxy.web.shelf import Held, Shelf
from feedproxy.web.windows import Windows

# RSS and Atom say their encoding in the document, too; JSON Feed is UTF-8 by its specification and named so all the same.
FEED_TYPES = {form: f"{media_type}; charset=utf-8" for form, media_type in paths.FORMATS.items()}


def wants_page() -> bool:
    """Return whether the present request is of somebody who opens a feed's address in a browser."""
    return is_opened(request.environ) and RAW not in request.args


def feed_answer(body: bytes | Document, form: str, version: Version, cache_control: str = REVALIDATE) -> Answer:
    """Return the answer with a feed."""
    return prepare(body, FEED_TYPES[form], version.moment, cache_control, OPENED_VARY)


def page_answer(body: bytes, ground: Ground, version: Version) -> Answer:
    """Return the answer with its page, which no cache may keep: one that ignores Vary would give it to feed readers."""
    return prepare(in_script(body, ground.script), HTML, version.moment, NO_STORE, OPENED_VARY)


@dataclass(frozen=True, slots=True)
class Feeds:
    """Feeds that were made are kept until the store changes; what a reader chose or searched for is made so often a minute."""

    shelf: Shelf
    limiter: Windows

    def answer(self, ground: Ground, scope: Scope, form: str) -> Held:
        """Return a feed by the parameters of the present request, made once for each change of what it shows.

        Raises:
            ChoiceError: one of the parameters is wrong.
            TooManyRequests: it would have to be made, and the client had too many made.
            StoreError: the store can't be read.

        """
        choice = parse_choice(request.args, ground.mirror.entries)
        form, is_page = choice.form or form, wants_page()

        def make(version: Version) -> Answer:
            if choice.query or scope.merged or scope.words:
                self.admit(ground.mirror.filtered_per_minute)
            if is_page:
                return page_answer(show_feed(ground, scope, form, choice), ground, version)
            return feed_answer(make_feed(ground, scope, form, choice, version), form, version)

        key = (scope.path(form), scope.query, choice.query, ground.public_url, ground.key, is_page)
        return self.shelf.get(key, lambda: version_of(ground.library, scope), make)

    def admit(self, per_minute: int) -> None:
        """Count what is made for the client of the present request.

        Raises:
            TooManyRequests: it had too many made.

        """
        if not self.limiter.hit(RateLimitItemPerMinute(per_minute), "feeds", client_of(request.remote_addr or "")):
            raise TooManyRequests(retry_after=60)
