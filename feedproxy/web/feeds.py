"""Feeds as readers choose them: who may have how many made, and how they are kept."""

from dataclasses import dataclass, field

from flask import request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from feedproxy import paths
from feedproxy.choice import parse_choice
from feedproxy.edition import Fragments, Ground, Scope, make_feed, version_of
from feedproxy.model import Version
from feedproxy.web.answers import Answer, prepare
from feedproxy.web.gate import client_of
from feedproxy.web.shelf import Held, Shelf
from feedproxy.web.windows import Windows

# RSS and Atom say their encoding in the document, too; JSON Feed is UTF-8 by its specification and named so all the same.
FEED_TYPES = {form: f"{media_type}; charset=utf-8" for form, media_type in paths.FORMATS.items()}


@dataclass(frozen=True, slots=True)
class Feeds:
    """Feeds that were made are kept until the store changes; what a reader chose or searched for is made so often a minute."""

    shelf: Shelf
    limiter: Windows
    fragments: Fragments = field(default_factory=Fragments)

    def answer(self, ground: Ground, scope: Scope, form: str) -> Held:
        """Return a feed by the parameters of the present request, made once for each change of what it shows.

        Raises:
            ChoiceError: one of the parameters is wrong.
            TooManyRequests: it would have to be made, and the client had too many made.
            StoreError: the store can't be read.

        """
        choice = parse_choice(request.args, ground.mirror.entries)
        form = choice.form or form

        def make(version: Version) -> Answer:
            if choice.query or scope.merged or scope.words:
                self.admit(ground.mirror.filtered_per_minute)
            return prepare(make_feed(ground, scope, form, choice, version), FEED_TYPES[form], version.moment)

        key = (scope.path(form), scope.query, choice.query, ground.public_url, ground.key)
        return self.shelf.get(key, lambda: version_of(ground.library, scope), make)

    def admit(self, per_minute: int) -> None:
        """Count what is made for the client of the present request.

        Raises:
            TooManyRequests: it had too many made.

        """
        if not self.limiter.hit(RateLimitItemPerMinute(per_minute), "feeds", client_of(request.remote_addr or "")):
            raise TooManyRequests(retry_after=60)
