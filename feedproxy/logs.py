"""How log lines look: one event, one line, whatever upstream or a client has put into it."""

import logging
import unicodedata

FORM = "%(asctime)s %(levelname)s %(message)s"
# Controls, separators of lines and paragraphs, what turns the direction of text: all that could forge or hide a line.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class OneLine(logging.Formatter):
    """Writes a message on one line; only a traceback, which is ours, takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line of a record."""
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(map(_seen, line))


def begin(level: str, handler: logging.Handler | None = None, form: str = FORM, moment: str | None = None) -> None:
    """Log from *level* on to stderr, or by *handler*."""
    chosen = handler or logging.StreamHandler()
    chosen.setFormatter(OneLine(form, moment))
    logging.basicConfig(level=level.upper(), handlers=[chosen])


def _seen(character: str) -> str:
    return ascii(character)[1:-1] if unicodedata.category(character) in _UNSEEN else character
