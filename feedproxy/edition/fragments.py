"""Entries that were made: an entry is made once for all that its bytes depend on, whichever feeds show it.

A key is a digest of just that, so what is found under one is never out of date, and nothing has to be taken back.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from feedproxy import render
from feedproxy.edition.documents import Document, Piece, packed_memo
from feedproxy.edition.memo import Memo

# Of a feed of 50 entries of 7 KB: 350 KB in each form, 130 KB compressed, and as much as text.
_PIECES_BYTES, _ENTRIES_BYTES, _LOOKS_BYTES = 20_000_000, 2_000_000, 500_000
# A character of Chinese in memory; an entry besides its text.
_CHARACTER_BYTES, _ENTRY_BYTES = 2, 2_000
_KEY_BYTES = 60
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Look:
    """What a feed shows, in whatever form: the keys of its entries, and when one of them changed last."""

    keys: tuple[bytes, ...]
    updated: datetime


@dataclass(frozen=True, slots=True)
class Fragments:
    """Entries as values and in the forms of feeds, those compressed, and what feeds show; of one mirror in one layout."""

    looks: Memo[Look] = field(default_factory=lambda: Memo(_LOOKS_BYTES, lambda look: _KEY_BYTES * len(look.keys)))
    entries: Memo[render.Entry] = field(
        default_factory=lambda: Memo(_ENTRIES_BYTES, lambda entry: _CHARACTER_BYTES * len(entry.content) + _ENTRY_BYTES)
    )
    pieces: Memo[Piece] = field(default_factory=lambda: Memo(_PIECES_BYTES, lambda piece: len(piece.body)))
    packed: Memo[bytes] = field(default_factory=packed_memo)

    def find(self, keys: Sequence[bytes], form: str) -> list[Piece | None]:
        """Return the entries with *keys* in a form, None for each that must be read anew."""
        found = self.pieces.find([(key, form) for key in keys])
        lost = [at for at, piece in enumerate(found) if piece is None]
        for at, entry in zip(lost, self.entries.find([keys[at] for at in lost]), strict=True):
            found[at] = self._make(keys[at], form, entry) if entry else None
        return found

    def fill(
        self, found: list[Piece | None], keys: Sequence[bytes], form: str, read: Iterable[render.Entry]
    ) -> tuple[Piece, ...]:
        """Return what was *found*, the gaps filled with the entries *read*."""
        lost = [at for at, piece in enumerate(found) if piece is None]
        kept = {at: self._keep(keys[at], form, entry) for at, entry in zip(lost, read, strict=True)}
        return tuple(piece or kept[at] for at, piece in enumerate(found))

    def document(self, feed: render.Feed, form: str, pieces: tuple[Piece, ...]) -> Document:
        """Return a feed in a form: *feed* without its entries, and those."""
        head, tail = render.render_ends(feed, form)
        return Document(head, pieces, tail, render.JOINTS[form], self.packed)

    def _keep(self, key: bytes, form: str, entry: render.Entry) -> Piece:
        return self._make(key, form, self.entries.keep(key, entry))

    def _make(self, key: bytes, form: str, entry: render.Entry) -> Piece:
        return self.pieces.keep((key, form), Piece.of(render.render_entry(entry, form)))


@lru_cache(1_000)
def key_of(*parts: str) -> bytes:
    """Return the key of what depends on *parts*, each the `repr` of values that say there all that they hold."""
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
