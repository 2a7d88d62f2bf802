"""The exception tree: who is to blame, and whether to try again. Imports nothing of ours.

    FeedproxyError
    ├── ConfigError          the operator's: a file or variable, a key, a reason; the start stops
    ├── StoreError           the store can't be opened, read or written; the run stops
    └── UpstreamError        the upstream's: an address and a reason; costs one item, is tried again
        ├── FetchError       no usable answer came
        │   └── NotAskedError  nobody was asked, as the host was silent too often
        ├── ListingError     an answer came, but it is no listing we can read
        ├── ExtractError     an article page came, but no article was found in it
        ├── PictureError     what came is no picture that can be kept
        └── TooLargeError    more than the limits allow

Messages are one line, in lower case, without a full stop, and name the address or the key.
"""


class FeedproxyError(Exception):
    """Something a user is told in one line."""


class ConfigError(FeedproxyError):
    """A setting or a configuration file is wrong.

    Shown as ``<where>: <key>: <reason>``, where *where* is a file or "environment".
    """

    def __init__(self, where: object, key: str, reason: str) -> None:
        super().__init__(": ".join(part for part in (str(where), key, reason) if part))


class StoreError(FeedproxyError):
    """The store can't be opened, read or written."""


class UpstreamError(FeedproxyError):
    """Something from upstream could not be used; shown as ``<url>: <reason>``."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class FetchError(UpstreamError):
    """No usable answer: network, status, limits, a refused address."""


class NotAskedError(FetchError):
    """A host that was silent too often was not asked again; says nothing of the address."""


class ListingError(UpstreamError):
    """An answer that is no listing we can read."""


class ExtractError(UpstreamError):
    """A page in which no article was found."""


class PictureError(UpstreamError):
    """What came is no picture that can be kept."""


class TooLargeError(UpstreamError):
    """A document beyond the limits."""
