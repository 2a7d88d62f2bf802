"""Answers before routing: what is on a shelf and good is given without Flask; the rest falls through to it.

Both ways answer alike, as an answer's headers are made in one place, and all that is not plain (other methods, parts, lists of
tags, dates that are not ours) is left to Flask. Whatever Flask gave from a shelf is found here by its address the next time.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from werkzeug.http import http_date

from feedproxy.errors import StoreError
from feedproxy.store import Clock
from feedproxy.web.answers import Answer
from feedproxy.web.shelf import Heads, Held, Made
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


def modified_of(answer: Answer, began: datetime) -> datetime | None:
    """Return the Last-Modified of an answer, to be given from then on.

    It has seconds, so it is given once its second is over; and as another configuration makes other pages, too, it is
    never earlier than when this process *began*.
    """
    changed = max(answer.changed, began) if answer.changed else None
    return (changed + timedelta(seconds=1)).replace(microsecond=0) if changed else None


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
        if not _NOT_PLAIN.isdisjoint(environ):
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
        coding = held.answer.coding(environ.get("HTTP_ACCEPT_ENCODING", ""))
        heads = held.heads.get(coding) or self._make_heads(held, coding)
        date = heads.date if heads.changed and heads.changed <= now else ""
        is_known = _is_known(environ, heads.tag, date)
        if is_known is None:
            return None
        if is_known:
            return "304 NOT MODIFIED", heads.known, []
        body = [] if environ["REQUEST_METHOD"] == "HEAD" else [held.answer.forms[coding]]
        return "200 OK", heads.dated if date else heads.undated, body

    def _feel(self, now: datetime) -> int:
        """Return the store's pulse, once for all requests of a moment."""
        at, pulse = self._felt
        if not at <= now < at + self._moment:  # clocks are set back, too
            pulse = self._pulse()
            self._felt = now, pulse
        return pulse

    def _make_heads(self, held: Held, coding: str) -> Heads:
        """Make the headers of an answer in a content coding, and leave them with it."""
        answer, changed = held.answer, modified_of(held.answer, self._began)
        own, date = answer.headers(coding), http_date(changed) if changed else ""
        own["Content-Length"] = str(len(answer.forms[coding]))
        security = self._security(answer.media_type.partition(";")[0])
        undated, dated = Made((own | security).items()), Made((own | {"Last-Modified": date} | security).items())
        known = Made(pair for pair in undated if pair[0] not in _OF_BODY)
        heads = Heads(own["ETag"], date, changed, undated, dated, known)
        if answer.size:  # what takes no memory shall stay small
            held.heads[coding] = heads
        return heads


def _is_known(environ: "WSGIEnvironment", tag: str, date: str) -> bool | None:
    """Return whether the client has what has that *tag* and *date* (RFC 9110, 13.2.2); None if it asks in another way."""
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        one = _TAG.fullmatch(tags)
        return one[1] == tag if one else None
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    return False if since is None else True if date and since == date else None
