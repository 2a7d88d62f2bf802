"""A host's robots.txt (RFC 9309): crawl delay and disallowed URLs. Pure."""

from protego import Protego

# The longest crawl delay that is obeyed; a file with a day between two requests is mistaken, or
# means to disallow everything.
_MAX_DELAY_S = 60.0
# The size up to which a crawler must parse the file (RFC 9309, 2.5).
_MAX_BYTES = 512 * 1024
AGENT = "feedproxy"


class Rules:
    """The rules of one host for this program's user agent."""

    def __init__(self, text: str = "") -> None:
        self._rules = Protego.parse(text[:_MAX_BYTES])

    @property
    def delay_s(self) -> float:
        """The minimum number of seconds between two requests, at most 60."""
        delay = self._rules.crawl_delay(AGENT)
        return min(max(float(delay), 0.0), _MAX_DELAY_S) if delay else 0.0

    def allow(self, url: str) -> bool:
        """Return whether robots.txt allows a URL."""
        return bool(self._rules.can_fetch(url, AGENT))
