"""Verify that content from another mirror is what the mirror signed.

If a source has a public key, content without a valid signature is refused. Each signature names
the path of its content. It must be the path requested, even if a redirect led to another URL.

- A git-hosted mirror signs `channels.sha256`. This file has the hash of each channel's manifest,
  which has the hashes of the channel's index and pages.
- A live mirror signs each page of an archive and each picture.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from feedproxy import paths
from feedproxy.errors import (
    AlteredPictureError,
    ExtractError,
    GoneError,
    ListingError,
    SignatureError,
)
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
    """Verifies content from mirrors that must be signed; fetches each manifest once."""

    fetcher: Fetcher
    serials: Serials
    manifests: dict[Url, dict[str, str]] = field(default_factory=dict)

    def check(self, requested: Url, page: Page, source: Source) -> Page:
        """Verify and return a page of a git-hosted mirror, requested at the URL *requested*.

        Without a key for the source, the page is returned as it is.

        Raises:
            ExtractError: the page is not in the manifest, or its hash or a signature is wrong.
            FetchError: a manifest or its signature can't be fetched.

        """
        if not source.key:
            return page
        path = requested.removeprefix(source.base + "/")
        known = self._manifest_with(source, path)
        if path not in known:
            raise ExtractError(
                requested,
                f"is rejected: it is not in the mirror's signed manifest; {_ELSEWHERE}",
                MIRRORED,
            )
        _check_hash(requested, page, known[path])
        return replace(page, url=requested)

    def channels(self, source: Source, some: Iterable[str]) -> frozenset[str]:
        """Return the channels of *some* that a git-hosted mirror's signed manifest lists.

        Raise the same errors as `check`.
        """
        section = self._section(source)
        return frozenset(channel for channel in some if paths.channel_manifest(channel) in section)

    def check_archive(self, requested: Url, page: Page, source: Source, path: MirrorPath) -> None:
        """Verify an archive page of a live mirror, signed as *path*; do nothing without a key.

        Raises:
            ListingError: the signature is missing or wrong, or an older version than before.
            FetchError: the signature can't be fetched.

        """
        if not source.key:
            return
        try:
            serial = self._verify(requested, page.body, source, path)
            self._check_serial(source, requested.partition("/feed/")[0], path, serial)
        except SignatureError as e:
            raise ListingError(requested, f"is rejected: {e}") from e

    def check_picture(self, requested: Url, body: bytes, source: Source, path: MirrorPath) -> None:
        """Verify a picture of a live mirror, signed as *path*; do nothing without a key.

        Pictures never change, so the serial is not checked.

        Raises:
            AlteredPictureError: the signature is missing or wrong.
            FetchError: the signature can't be fetched.

        """
        if not source.key:
            return
        try:
            self._verify(requested, body, source, path)
        except SignatureError as e:
            raise AlteredPictureError(requested, f"is rejected: {e}") from e

    def _manifest_with(self, source: Source, path: str) -> dict[str, str]:
        """Return the manifest that must list a path of a git-hosted mirror.

        This is the channel's manifest, or the section's for its own entries and unknown channels.
        """
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
                raise ExtractError(url, f"is rejected: {e}", MIRRORED) from e
            self.manifests[url] = _read(url, page)
        return self.manifests[url]

    def _fetch(self, url: Url) -> Page:
        """Fetch a manifest; report a missing one as an ExtractError, not as a page that is gone."""
        try:
            return self.fetcher.fetch(url, keep=True)
        except GoneError as e:
            raise ExtractError(
                url, f"is rejected: a signed mirror must have it; {_ELSEWHERE}", MIRRORED
            ) from e

    def _verify(self, url: Url, body: bytes, source: Source, path: str) -> int:
        """Verify *body* with the signature file beside *url*; return the serial it names."""
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
    """Verify that the name of a picture of a git-hosted mirror is the hash of its content.

    The name itself comes from a verified page.

    Raises:
        AlteredPictureError: the hash differs.

    """
    if not is_named_by(url.rpartition("/")[2], body):
        raise AlteredPictureError(
            url, f"is rejected: its name is not the hash of its content; {_ELSEWHERE}"
        )


def _check_hash(url: Url, page: Page, digest: str) -> None:
    if hashlib.sha256(page.body).hexdigest() != digest:
        raise ExtractError(
            url, f"is rejected: it differs from what its mirror signed; {_ELSEWHERE}", MIRRORED
        )


def _read(url: Url, page: Page) -> dict[str, str]:
    try:
        return read_manifest(page.body, max_lines=_MOST_LINES)
    except SignatureError as e:
        raise ExtractError(url, f"is rejected: {e}; {_ELSEWHERE}", MIRRORED) from e
