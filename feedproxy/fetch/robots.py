"""What a host's robots.txt says (RFC 9309): how far apart requests are to be, and what is not to be asked for. Pure."""

from protego import Protego

# A file that says more than a day between two requests means to say no, or is mistaken.
_MAX_DELAY_S = 60.0
# RFC 9309, 2.5.
_MAX_BYTES = 512 * 1024
AGENT = "feedproxy"


class Rules:
    """The rules of one host for us."""

    def __init__(self, text: str = "") -> None:
        self._rules = Protego.parse(text[:_MAX_BYTES])

    @property
    def delay_s(self) -> float:
        """How many seconds at least are to lie between two requests."""
        delay = self._rules.crawl_delay(AGENT)
        return min(max(float(delay), 0.0), _MAX_DELAY_S) if delay else 0.0

    def allow(self, url: str) -> bool:
        """Tell whether an address may be asked for."""
        return bool(self._rules.can_fetch(url, AGENT))
