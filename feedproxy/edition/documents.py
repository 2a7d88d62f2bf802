"""Documents of pieces that were made before: joined, and compressed piece by piece, so that what is the same costs nothing.

A gzip file holds one deflate stream (RFC 1952), and that is a row of blocks (RFC 1951). A compressor that ends at a byte leaves
blocks that others can follow, and one that is given the bytes before its own may refer to them. So each piece is compressed once
for each piece that it comes after: 8 % larger than all at once, where pieces that know nothing of each other are 25 % larger.
"""

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass, field

from feedproxy.edition.memo import Memo

_LEVEL = 6
# A method, no name, no time, any system (RFC 1952, 2.3).
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
# What deflate sees of what came before (RFC 1951, 2), and how much a block takes that is not compressed (3.2.4).
_WINDOW_BYTES, _MAX_STORED_BYTES = 32_768, 65_535
# Fewer pieces are compressed as one.
_FEW = 4
_PACKED_BYTES = 10_000_000


def packed_memo() -> Memo[bytes]:
    """Return where compressed pieces are kept, by the digests of what they hold and of what they come after."""
    return Memo(_PACKED_BYTES, len)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of documents, with its SHA-256."""

    body: bytes
    digest: bytes

    @classmethod
    def of(cls, body: bytes) -> "Piece":
        """Return the piece with *body*."""
        return cls(body, hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Document:
    """*pieces* between *head* and *tail*, a *joint* between any two; *packed* keeps them compressed."""

    head: bytes
    pieces: tuple[Piece, ...] = ()
    tail: bytes = b""
    joint: bytes = b""
    packed: Memo[bytes] = field(default_factory=packed_memo, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """A SHA-256 in hexadecimal, the same wherever the same document is made; without pieces it is that of its bytes."""
        return hashlib.sha256(b"".join((self.head, *(piece.digest for piece in self.pieces), self.tail))).hexdigest()

    def whole(self) -> bytes:
        """Return its bytes."""
        return self.head + self.joint.join([piece.body for piece in self.pieces]) + self.tail

    def gzip(self, whole: bytes) -> bytes:
        """Return *whole*, its bytes, as a gzip file of one member."""
        if len(self.pieces) < _FEW:
            return gzip.compress(whole, _LEVEL, mtime=0)
        before = (None, *self.pieces[:-1])
        keys = [(piece.digest, last.digest if last else b"") for piece, last in zip(self.pieces, before, strict=True)]
        deflated = self.packed.find(keys)
        blocks = [
            found or self.packed.keep(keys[at], self._deflate(self.pieces[at], before[at])) for at, found in enumerate(deflated)
        ]
        check = struct.pack("<II", zlib.crc32(whole), len(whole) & 0xFFFF_FFFF)
        return b"".join((_HEADER, _stored(self.head), *blocks, _stored(self.tail, is_last=True), check))

    def _deflate(self, piece: Piece, before: Piece | None) -> bytes:
        if before is None:
            packer, body = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS), piece.body
        else:
            known = before.body[-_WINDOW_BYTES:]
            packer, body = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=known), self.joint + piece.body
        return packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)


def _stored(body: bytes, *, is_last: bool = False) -> bytes:
    """Return *body* in blocks that are not compressed, as at the ends it is hardly worth it."""
    parts = [body[at : at + _MAX_STORED_BYTES] for at in range(0, len(body), _MAX_STORED_BYTES)] or [b""]
    ends = (*(False for _ in parts[1:]), is_last)
    return b"".join(
        struct.pack("<BHH", is_end, len(part), len(part) ^ 0xFFFF) + part for part, is_end in zip(parts, ends, strict=True)
    )
