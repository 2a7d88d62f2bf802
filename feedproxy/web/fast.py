"""Answers before routing: what is on a shelf and good is given without Flask; the rest falls through to it.

Both ways answer alike, as an answer's headers are made in one place, and all that is not plain (other methods, parts, lists of
tags, dates that are not ours) is left to Flask. Whatever Flask gave from a shelf is found here by its address the next time.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from werkzeug.http import http_date

from feedproxy.errors import StoreError
from feedproxy.store import Clock
from feedproxy.web.answers import OPENED_VARY, Answer, is_opened
from feedproxy.web.heads import Frame, Made
from feedproxy.web.shelf import Held
from feedproxy.web.tally import Tally

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where a view leaves in the environment what it answered with.
HELD = "feedproxy.held"
# More addresses than any shelf has answers were made up by somebody: spellings of one feed. They are found again soon.
_MAX_ADDRESSES = 20_000
# The query that the mirror's own links carry; it says nothing (`paths.suffixed`).
_SUFFIX = re.compile(r"n[0-9]+|")
_METHODS = frozenset(("GET", "HEAD"))
_NOT_PLAIN = frozenset(("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"))
_TAG = re.compile(r'(?:W/)?("[0-9a-z-]*")')
# What a 304 does not say (RFC 9110, 15.4.5): the client has it.
_OF_BODY = frozenset(("Content-Type", "Content-Encoding", "Content-Length"))
_Reply = tuple[str, Made, list[bytes]]


def modified_of(changed: datetime | None, began: datetime) -> datetime | None:
    """Return the Last-Modified of an answer that was *changed* then, to be given from then on.

    It has seconds, so it is given once its second is over; and as another configuration makes other pages, too, it is
    never earlier than when this process *began*.
    """
    return (max(changed, began) + timedelta(seconds=1)).replace(microsecond=0) if changed else None


class Fast:
    """Stands before an application; *security* gives what an answer of a media type says to browsers.

    The store is asked whether it has changed once in a *moment*, so an answer may be older than the store by that.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        pulse: Callable[[], int],
        clock: Clock,
        *,
        began: datetime,
        security: Callable[[str], dict[str, str]],
        moment: timedelta,
    ) -> None:
        self._app, self._pulse, self._clock, self._began, self._security = app, pulse, clock, began, security
        self._moment, self._felt, self._tally = moment, (began - moment, 0), Tally()
        self._held = WeakValueDictionary[tuple[str, str, str], Held]()
        self._frames = dict[tuple[str, str, str, str, bool], Frame]()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        if environ["REQUEST_METHOD"] not in _METHODS or not _SUFFIX.fullmatch(environ.get("QUERY_STRING", "")):
            return self._app(environ, start_response)
        address = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), environ["PATH_INFO"]
        held = self._held.get(address)
        reply = self._reply(held, environ) if held else None
        if reply is not None:
            start_response(reply[0], reply[1])
            self._tally.keep()
            return reply[2]
        given = self._app(environ, start_response)
        if found := environ.get(HELD):
            if len(self._held) >= _MAX_ADDRESSES:
                self._held.clear()
            self._held[address] = found
        return given

    def _reply(self, held: Held, environ: "WSGIEnvironment") -> _Reply | None:
        """Return status, headers and body for a request, None if it is for Flask."""
        if not _NOT_PLAIN.isdisjoint(environ) or (held.answer.vary == OPENED_VARY and is_opened(environ)):
            return None
        try:
            now = self._clock()
            if not held.is_good(self._feel(now)):
                return None
            held.touch()
            return self._say(held, environ, now)
        except StoreError:  # which Flask's way finds, too, and tells
            return None

    def _say(self, held: Held, environ: "WSGIEnvironment", now: datetime) -> _Reply | None:
        answer = held.answer
        coding = answer.coding(environ.get("HTTP_ACCEPT_ENCODING", ""))
        changed, date = _dated(answer.changed, self._began)
        date = date if changed and changed <= now else ""
        is_known = _is_known(environ, answer.entity_tag(coding), date)
        if is_known is None:
            return None
        if is_known:
            return "304 NOT MODIFIED", self._heads(held, coding, "", None), []
        body = answer.form(coding)
        return "200 OK", self._heads(held, coding, date, len(body)), [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _feel(self, now: datetime) -> int:
        """Return the store's pulse, once for all requests of a moment."""
        at, pulse = self._felt
        if not at <= now < at + self._moment:  # clocks are set back, too
            pulse = self._pulse()
            self._felt = now, pulse
        return pulse

    def _heads(self, held: Held, coding: str, date: str, length: int | None) -> Made:
        """Return the headers of an answer in a content coding; of a 304 if it has no *length*."""
        which = coding, date, length is None
        made = held.heads.get(which)
        if made is None:
            answer = held.answer
            own = [("ETag", answer.entity_tag(coding))]
            if length is not None:
                own.append(("Content-Length", str(length)))
            if date:
                own.append(("Last-Modified", date))
            kind = answer.media_type, answer.cache_control, answer.vary, coding, length is None
            frame = self._frames.get(kind) or self._frames.setdefault(kind, self._frame(answer, coding, is_known=length is None))
            made = frame.fill(tuple(own), length)
            if answer.size:  # what takes no memory shall stay small
                held.heads[which] = made
        return made

    def _frame(self, answer: Answer, coding: str, *, is_known: bool) -> Frame:
        said = answer.headers(coding).items()
        security = self._security(answer.media_type.partition(";")[0]).items()
        return Frame((pair for pair in said if pair[0] != "ETag" and not (is_known and pair[0] in _OF_BODY)), security)


@lru_cache(1024)
def _dated(changed: datetime | None, began: datetime) -> tuple[datetime | None, str]:
    """Return from when on an answer says when it was changed, and what it says then."""
    found = modified_of(changed, began)
    return found, http_date(found) if found else ""


def _is_known(environ: "WSGIEnvironment", tag: str, date: str) -> bool | None:
    """Return whether the client has what has that *tag* and *date* (RFC 9110, 13.2.2); None if it asks in another way."""
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        one = _TAG.fullmatch(tags)
        return one[1] == tag if one else None
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    return False if since is None else True if date and since == date else None
