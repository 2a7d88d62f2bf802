"""Whether what another mirror gives is what it signed. Whoever demands a key believes nothing else.

What is asked for is named by its path: the signature must name the same one, wherever the answer came from.

- Of a git-hosted mirror `channels.sha256` is signed. It holds the hash of each channel's manifest, which holds the hashes of
  the channel's index and pages.
- Of a live mirror each page of an archive, and each picture, has a signature of its own.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from feedproxy import paths
from feedproxy.errors import ExtractError, GoneError, ListingError, RefusedError, SignatureError
from feedproxy.fetch import Fetcher
from feedproxy.media import is_named_by
from feedproxy.model import MIRRORED, MirrorPath, Page, Source, Url
from feedproxy.sign import (
    SIGNATURE_SUFFIX,
    check_serial,
    read_manifest,
    read_public_key,
    verify_publication,
)
from feedproxy.store import Serials

_MOST_LINES = 1_000_000
_ELSEWHERE = "take it from another copy of the mirror, or wait for its next publication"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks what comes from mirrors that are to be signed; each manifest is asked for once."""

    fetcher: Fetcher
    serials: Serials
    manifests: dict[Url, dict[str, str]] = field(default_factory=dict)

    def check(self, asked: Url, page: Page, source: Source) -> Page:
        """Return the page of a git-hosted mirror that was *asked* for, if it is as the mirror signed it, or need not be signed.

        Raises:
            ExtractError: it is not, or is not in the manifest.
            FetchError: a manifest, or its signature, can't be had.

        """
        if not source.key:
            return page
        path = asked.removeprefix(source.base + "/")
        known = self._manifest_with(source, path)
        if path not in known:
            raise ExtractError(
                asked,
                f"is refused: it is not in the mirror's signed manifest; {_ELSEWHERE}",
                MIRRORED,
            )
        _check_hash(asked, page, known[path])
        return replace(page, url=asked)

    def channels(self, source: Source, some: Iterable[str]) -> frozenset[str]:
        """Return those of *some* channels that a git-hosted mirror has, as it signed it; raises as `check` does."""
        section = self._section(source)
        return frozenset(channel for channel in some if paths.channel_manifest(channel) in section)

    def check_archive(self, asked: Url, page: Page, source: Source, path: MirrorPath) -> None:
        """Hold that a page of a live mirror's archive is the one at *path*, if it is to be signed.

        Raises:
            ListingError: it is not, or is older than what was seen before.
            FetchError: its signature can't be had.

        """
        if not source.key:
            return
        try:
            serial = self._verify(asked, page.body, source, path)
            self._check_serial(source, asked.partition("/feed/")[0], path, serial)
        except SignatureError as e:
            raise ListingError(asked, f"is refused: {e}") from e

    def check_picture(self, asked: Url, body: bytes, source: Source, path: MirrorPath) -> None:
        """Hold that a picture of a live mirror is the one at *path*, if it is to be signed; it never changes, so none is old.

        Raises:
            RefusedError: it is not.
            FetchError: its signature can't be had.

        """
        if not source.key:
            return
        try:
            self._verify(asked, body, source, path)
        except SignatureError as e:
            raise RefusedError(asked, f"is refused: {e}") from e

    def _manifest_with(self, source: Source, path: str) -> dict[str, str]:
        """Return the manifest in which a path of a git-hosted mirror must stand, an empty one if there is none."""
        section, channel = self._section(source), paths.channel_of(path)
        manifest = paths.channel_manifest(channel)
        if path in section or not channel or manifest not in section:
            return section
        url = Url(f"{source.base}/{manifest}")
        if url not in self.manifests:
            page = self._fetch(url)
            _check_hash(url, page, section[manifest])
            self.manifests[url] = _read(url, page)
        return self.manifests[url]

    def _section(self, source: Source) -> dict[str, str]:
        url = Url(f"{source.base}/{paths.SECTION_MANIFEST}")
        if url not in self.manifests:
            path = paths.in_git(source.section, paths.SECTION_MANIFEST)
            page = self._fetch(url)
            try:
                self._check_serial(
                    source, source.base, path, self._verify(url, page.body, source, path)
                )
            except SignatureError as e:
                raise ExtractError(url, f"is refused: {e}", MIRRORED) from e
            self.manifests[url] = _read(url, page)
        return self.manifests[url]

    def _fetch(self, url: Url) -> Page:
        """Return a manifest; that a signed mirror has none is no sign that anything is gone."""
        try:
            return self.fetcher.fetch(url, keep=True)
        except GoneError as e:
            raise ExtractError(
                url, f"is refused: a signed mirror must have it; {_ELSEWHERE}", MIRRORED
            ) from e

    def _verify(self, url: Url, body: bytes, source: Source, path: str) -> int:
        """Return the serial of what is signed beside it."""
        place, mark, query = url.partition("?")
        try:
            signature = self.fetcher.fetch(Url(f"{place}{SIGNATURE_SUFFIX}{mark}{query}")).body
            return verify_publication(body, signature, read_public_key(source.key), path=path)
        except GoneError as e:
            raise SignatureError(f"it has no signature ({SIGNATURE_SUFFIX}); {_ELSEWHERE}") from e
        except SignatureError as e:
            raise SignatureError(f"{e}; {_ELSEWHERE}") from e

    def _check_serial(self, source: Source, place: str, path: str, serial: int) -> None:
        highest = self.serials.highest(place, path)
        if not source.allow_older:
            check_serial(serial, highest, source=place, path=path)
        if serial != highest:
            self.serials.remember(place, path, serial)


def check_name(url: Url, body: bytes) -> None:
    """Hold that a picture of a git-hosted mirror is the one that its name, which stands on a page, is the hash of.

    Raises:
        RefusedError: it is another one.

    """
    if not is_named_by(url.rpartition("/")[2], body):
        raise RefusedError(
            url, f"is refused: its name is not the hash of its content; {_ELSEWHERE}"
        )


def _check_hash(url: Url, page: Page, digest: str) -> None:
    if hashlib.sha256(page.body).hexdigest() != digest:
        raise ExtractError(
            url, f"is refused: it is not as its mirror signed it; {_ELSEWHERE}", MIRRORED
        )


def _read(url: Url, page: Page) -> dict[str, str]:
    try:
        return read_manifest(page.body, max_lines=_MOST_LINES)
    except SignatureError as e:
        raise ExtractError(url, f"is refused: {e}; {_ELSEWHERE}", MIRRORED) from e
