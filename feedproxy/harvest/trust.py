"""Whether what a git-hosted mirror gives is what it signed.

A mirror of ours has for each channel a manifest of hashes of its index and pages, ``indexes/<channel>.sha256``, and a
signature of that. Whoever demands a key believes nothing else.
"""

import hashlib
from dataclasses import dataclass, field

from feedproxy import paths
from feedproxy.errors import ExtractError, SignatureError
from feedproxy.fetch import Fetcher
from feedproxy.model import MIRRORED, Page, Source, Url
from feedproxy.sign import SIGNATURE_SUFFIX, read_manifest, read_public_key, verify

_MOST_LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class Trust:
    """Checks what comes from mirrors that are to be signed; each manifest is asked for once."""

    fetcher: Fetcher
    manifests: dict[Url, dict[str, str]] = field(default_factory=dict)

    def check(self, page: Page, source: Source) -> None:
        """Hold that a page is as its mirror signed it, if it is to be signed.

        Raises:
            ExtractError: it is not.
            FetchError: its manifest, or the signature of that, can't be had.

        """
        if not source.key:
            return
        path = page.url.removeprefix(source.base + "/")
        channel = paths.channel_of(path)
        sums = self._sums(source, channel) if channel else {}
        if sums.get(path) != hashlib.sha256(page.body).hexdigest():
            raise ExtractError(page.url, "is refused: it is not as its mirror signed it", MIRRORED)

    def _sums(self, source: Source, channel: str) -> dict[str, str]:
        url = Url(f"{source.base}/{paths.channel_manifest(channel)}")
        if url not in self.manifests:
            manifest = self.fetcher.fetch(url, keep=True)
            signature = self.fetcher.fetch(Url(url + SIGNATURE_SUFFIX))
            try:
                verify(manifest.body, signature.body, read_public_key(source.key))
                self.manifests[url] = read_manifest(manifest.body, max_lines=_MOST_LINES)
            except SignatureError as e:
                raise ExtractError(url, f"is refused: {e}", MIRRORED) from e
        return self.manifests[url]
