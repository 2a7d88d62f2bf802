"""The exception hierarchy: who is responsible, and whether to retry.

Imports nothing else of the package.

    FeedproxyError
    ├── ConfigError          the operator: a file or variable, a key, a reason; the start stops
    ├── ExportError          a copy of the mirror on disk can't be written, or would lose too much
    ├── StoreError           the store can't be opened, read or written; the run stops
    ├── SignatureError       an invalid key, signature or manifest; the caller adds where it is
    ├── OptionError          the reader: a parameter of a URL is wrong; fails one response
    └── UpstreamError        upstream: a URL and a reason; fails one item, which is retried
        ├── FetchError       there is no usable response
        │   ├── NotAskedError  no request was sent: the host failed too often, or asks to wait
        │   ├── DeniedError  upstream refuses the page to us (a wall, a block)
        │   └── GoneError    upstream says that the page does not exist (any more)
        ├── RuleError        a response does not match a site's rules; names the rule
        │   ├── ListingError   the response is not a readable listing
        │   ├── ExtractError   the page contains no article
        │   └── QualityError   the extracted article is probably incomplete
        ├── PictureError     the response is not a picture that can be stored
        │   └── AlteredPictureError   a copy differs from what its mirror published
        └── TooLargeError    the response exceeds the limits

Messages are one line, in lower case, without a full stop, and name the address or the key.
"""

from datetime import datetime


class FeedproxyError(Exception):
    """An error that is shown to a user in one line."""


class ConfigError(FeedproxyError):
    """A setting or a configuration file is wrong.

    Shown as ``<where>: <key>: <reason>``, where *where* is a file or "environment".
    """

    def __init__(self, where: object, key: str, reason: str) -> None:
        super().__init__(": ".join(part for part in (str(where), key, reason) if part))


class StoreError(FeedproxyError):
    """The store can't be opened, read or written."""


class SignatureError(FeedproxyError):
    """A key, a signature or a manifest is invalid, or does not match.

    *reason* is worded to follow an address, a file or a variable, as in
    ``UpstreamError(url, e.reason)``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OptionError(FeedproxyError):
    """A reader's parameter has an invalid value; shown as ``<parameter>: <what it takes>``."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter


class ExportError(FeedproxyError):
    """An export can't be written, or would be worse than the present copy, which is kept."""


class UpstreamError(FeedproxyError):
    """Something from upstream could not be used; shown as ``<url>: <reason>``."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)  # the arguments with which another process unpickles it
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        """Return the message as it is shown."""
        return f"{self.url}: {self.reason}"


class FetchError(UpstreamError):
    """There is no usable response: network failure, status, exceeded limit, forbidden address.

    *until* is the time until which the host asks not to be contacted.
    """

    def __init__(self, url: str, reason: str, *, until: datetime | None = None) -> None:
        super().__init__(url, reason)
        self.until = until


class NotAskedError(FetchError):
    """No request was sent, as the host failed too often or asks to wait.

    It says nothing about the address itself.
    """


class DeniedError(FetchError):
    """Upstream refuses the page to this client (401, 402, 403, 451)."""


class GoneError(FetchError):
    """Upstream says that there is no such page (404, 410)."""


class RuleError(UpstreamError):
    """A response does not match a site's rules.

    *rule* names the rule, as in "article.body of sites/x.toml".
    """

    def __init__(self, url: str, reason: str, rule: str = "") -> None:
        super().__init__(url, reason)
        self.rule = rule


class ListingError(RuleError):
    """The response is not a readable listing."""


class ExtractError(RuleError):
    """The page contains no article."""


class QualityError(RuleError):
    """The article extracted from a page is probably incomplete."""


class PictureError(UpstreamError):
    """The response is not a picture that can be stored."""


class AlteredPictureError(PictureError):
    """Another mirror's copy of a picture differs from the one that the mirror published."""


class TooLargeError(UpstreamError):
    """A document exceeds the limits."""
