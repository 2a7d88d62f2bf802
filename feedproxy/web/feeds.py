"""Feeds as readers choose them: who may have how many made, and how they are kept."""

from dataclasses import dataclass

from flask import request
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from feedproxy import paths
from feedproxy.choice import parse_choice
from feedproxy.edition import Ground, Scope, make_feed
from feedproxy.model import Version
from feedproxy.web.answers import Answer, prepare
from feedproxy.web.gate import client_of
from feedproxy.web.shelf import Held, Shelf
from feedproxy.web.windows import Windows

# RSS and Atom say their encoding in the document, too; JSON Feed is UTF-8 by its specification and named so all the same.
FEED_TYPES = {form: f"{media_type}; charset=utf-8" for form, media_type in paths.FORMATS.items()}


@dataclass(frozen=True, slots=True)
class Feeds:
    """Feeds that were made are kept until the store changes; those that a reader chose are made so often in a minute."""

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
        form = choice.form or form

        def make(version: Version) -> Answer:
            if choice.query or scope.merged:
                self._admit(ground.mirror.filtered_per_minute)
            return prepare(make_feed(ground, scope, form, choice), FEED_TYPES[form], version.moment)

        key = (scope.path(form), choice.query, ground.public_url, ground.key)
        return self.shelf.get(key, lambda: ground.library.archive.version(scope.log, scope.channel_ids), make)

    def _admit(self, per_minute: int) -> None:
        if not self.limiter.hit(RateLimitItemPerMinute(per_minute), "feeds", client_of(request.remote_addr or "")):
            raise TooManyRequests(retry_after=60)
