"""The format of log lines: one line per event, even if its message contains line breaks.

For people, a line is a time, a level and a sentence. For programs, it is a JSON object with `time`
(ISO 8601, UTC), `level`, `event` (the sentence), and, if known, `channel`, `url`, `host` and
`error` (a traceback).
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from feedproxy.characters import visible

Form = Literal["auto", "human", "json"]
_HUMAN = "%(asctime)s %(levelname)s %(message)s"
# Fields that an event may have in addition, passed by `extra`.
_NAMED = ("channel", "url", "host")


class OneLine(logging.Formatter):
    """Formats a message on one line; only its traceback, which is feedproxy's own, takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line of a record, without line breaks."""
        line = super().formatMessage(record)
        return visible(line)


class JsonLine(logging.Formatter):
    """Formats an event as one JSON object on one line."""

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


def formatter(log_format: Form, *, is_terminal: bool) -> logging.Formatter:
    """Return the formatter for *log_format*; "auto" means human-readable on a terminal only."""
    is_human = log_format == "human" or (log_format == "auto" and is_terminal)
    return OneLine(_HUMAN) if is_human else JsonLine()


def begin(level: str, shape: logging.Formatter, handler: logging.Handler | None = None) -> None:
    """Log messages of *level* and above to stderr, or to *handler*, in the format of *shape*."""
    chosen = handler or logging.StreamHandler()
    chosen.setFormatter(shape)
    logging.basicConfig(level=level.upper(), handlers=[chosen])


def without_messages(error: BaseException) -> Exception:
    """Return a copy of a request's error for the log: types and stacks of it and its causes.

    Messages are left out: they may quote a reader's search terms or access key.
    """
    bare = Exception(type(error).__name__).with_traceback(error.__traceback__)
    if cause := error.__cause__ or error.__context__:
        bare.__cause__ = without_messages(cause)
    return bare
