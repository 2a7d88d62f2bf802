"""The exception tree: who is to blame, and whether to try again. Imports nothing of ours.

    FeedproxyError
    ├── ConfigError          the operator's: a file or variable, a key, a reason; the start stops
    ├── ExportError          a copy of the mirror on disk can't be written, or would be worse than the present one
    ├── StoreError           the store can't be opened, read or written; the run stops
    ├── SignatureError       a key, signature or manifest is none or does not fit; who knows its address or file tells it
    ├── ChoiceError          a reader's: a parameter of an address is wrong; costs one answer
    └── UpstreamError        the upstream's: an address and a reason; costs one item, is tried again
        ├── FetchError       no usable answer came
        │   ├── NotAskedError  nobody was asked: the host was silent too often, or wants to be left alone
        │   └── GoneError    upstream says that there is no such page (any more)
        ├── RuleError        what came is not what a site's rules say; names the rule
        │   ├── ListingError   it is no listing we can read
        │   ├── ExtractError   no article was found in it
        │   └── QualityError   what was found is hardly the whole article
        ├── PictureError     what came is no picture that can be kept
        │   └── RefusedError   another mirror's copy of a picture is not what that mirror published
        └── TooLargeError    more than the limits allow

Messages are one line, in lower case, without a full stop, and name the address or the key.
"""

from datetime import datetime


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


class SignatureError(FeedproxyError):
    """A key, a signature or a manifest is none, or does not fit.

    *reason* reads well behind an address, a file or a variable, as in ``UpstreamError(url, e.reason)``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OptionError(FeedproxyError):
    """A reader asked for what can't be had; shown as ``<parameter>: <what it takes>``."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter


class ExportError(FeedproxyError):
    """A copy of the mirror on disk can't be written, or would be worse than the present one, which stays."""


class UpstreamError(FeedproxyError):
    """Something from upstream could not be used; shown as ``<url>: <reason>``."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)  # as it goes from process to process
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        """Return it as it is shown."""
        return f"{self.url}: {self.reason}"


class FetchError(UpstreamError):
    """No usable answer: network, status, limits, a refused address.

    *until* is how long its host wants to be left alone.
    """

    def __init__(self, url: str, reason: str, *, until: datetime | None = None) -> None:
        super().__init__(url, reason)
        self.until = until


class NotAskedError(FetchError):
    """A host that was silent too often, or asked for patience, was not asked; says nothing of the address."""


class GoneError(FetchError):
    """Upstream says that there is no such page (404, 410)."""


class RuleError(UpstreamError):
    """An answer that a site's rules do not fit; *rule* names the one that does not, as "article.body of sites/x.toml"."""

    def __init__(self, url: str, reason: str, rule: str = "") -> None:
        super().__init__(url, reason)
        self.rule = rule


class ListingError(RuleError):
    """An answer that is no listing we can read."""


class ExtractError(RuleError):
    """A page in which no article was found."""


class QualityError(RuleError):
    """A page in which an article was found that is hardly the whole of it."""


class PictureError(UpstreamError):
    """What came is no picture that can be kept."""


class RefusedError(PictureError):
    """Another mirror's copy of a picture is not what that mirror published."""


class TooLargeError(UpstreamError):
    """A document beyond the limits."""
