"""How log lines look: one event, one line, whatever upstream or a client has put into it.

For people a time, a level and a sentence; for programs one JSON object with `time` (ISO 8601, UTC), `level`, `event` (the
sentence), and what else is known by name: `channel`, `url`, `host`, `error` (a traceback).
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from feedproxy.characters import visible

Form = Literal["auto", "human", "json"]
_HUMAN = "%(asctime)s %(levelname)s %(message)s"
# What events may name besides; `extra` has them.
_NAMED = ("channel", "url", "host")


class OneLine(logging.Formatter):
    """Writes a message on one line; only a traceback, which is ours, takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line of a record."""
        line = super().formatMessage(record)
        return visible(line)


class JsonLine(logging.Formatter):
    """Writes an event as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        moment = (
            datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )
        event = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        event |= {name: str(getattr(record, name)) for name in _NAMED if getattr(record, name, "")}
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        line = json.dumps(event, ensure_ascii=False)
        return visible(line, json.dumps)


def formatter(form: Form, *, is_terminal: bool) -> logging.Formatter:
    """Return what writes lines in a *form*."""
    is_human = form == "human" or (form == "auto" and is_terminal)
    return OneLine(_HUMAN) if is_human else JsonLine()


def begin(level: str, shape: logging.Formatter, handler: logging.Handler | None = None) -> None:
    """Log from *level* on to stderr, or by *handler*, lines of that *shape*."""
    chosen = handler or logging.StreamHandler()
    chosen.setFormatter(shape)
    logging.basicConfig(level=level.upper(), handlers=[chosen])


def without_messages(error: BaseException) -> Exception:
    """Return what may be logged of an error that a request caused: its type and stack, and those of its causes.

    Messages are left out: they may quote what a reader searched for, or the reader's key.
    """
    bare = Exception(type(error).__name__).with_traceback(error.__traceback__)
    if cause := error.__cause__ or error.__context__:
        bare.__cause__ = without_messages(cause)
    return bare
