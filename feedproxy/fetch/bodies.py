"""Read response bodies completely and within their size limit. Pure except for the stream.

The limit also applies after decompression (a megabyte of gzip can hold a gigabyte of zeros). A
compressed body that ends early is an error, not a shorter page.
"""

import re
import zlib
from enum import StrEnum
from typing import Protocol

# The content codings that requests accept, and zlib's window bits for each (RFC 9110, 8.4.1);
# "deflate" is the zlib format.
WINDOW_BITS = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}
ACCEPT_ENCODING = "gzip, deflate"
_RAW_DEFLATE = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
# Codings of bytes that no client can read without asking for them.
_UNREADABLE = frozenset(
    ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip")
)
_MAX_CODINGS = 3
_CHUNK_BYTES = 64 * 1024
_MAX_MEMBERS = 100
# The kind of a body is judged by its first bytes (WHATWG MIME Sniffing, 5.2 and 7.1).
_SNIFFED_BYTES = 1_445
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_UTF16 = (b"<\x00", b"\x00<", b"{\x00", b"\x00{")
# The first bytes of documents, archives, programs, sounds and films; and control characters, of
# which broken texts have a few.
_NO_TEXT = re.compile(
    rb"%PDF-|%!PS-Adobe-|PK\x03\x04|\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xfd7zXZ|\x28\xb5\x2f\xfd|\x7fELF|MZ"
    rb"|ID3|\xff\xfb|OggS|fLaC|\x1aE\xdf\xa3|RIFF|....ftyp|wOFF|wOF2",
    re.DOTALL,
)
_CONTROLS, _MAX_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]"), 0.1
_PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP|BM|....ftyp(?:avif|avis|heic|mif1)"
    rb"|\x00\x00\x01\x00|II\*\x00|MM\x00\*|\xff\x0a|\x00\x00\x00\x0cJXL ",
    re.DOTALL,
)


class Kind(StrEnum):
    """The kind of body that is looked for, whatever its media type says."""

    TEXT = "text"
    PICTURE = "picture"


class BodyError(Exception):
    """A response body that is refused; the message has the reason."""


class Stream(Protocol):
    """The part of urllib3's response that is used here."""

    def read1(self, amt: int, *, decode_content: bool) -> bytes:
        """Return the bytes that have arrived, at most *amt*; b"" at the end."""


def read_body(stream: Stream, encoding: str, kind: Kind | None, *, max_bytes: int) -> bytes:
    """Return the decompressed body.

    Servers mislabel bodies: a coding that is no coding ("none", "utf-8") is ignored, as browsers
    do; a body that is not compressed as declared, or that is compressed without being declared so,
    is what its first bytes say.

    Args:
        stream: the response, whose body is unread.
        encoding: its Content-Encoding, "" for none.
        kind: the kind of body that is looked for; another one is refused by its first bytes. None
            for any.
        max_bytes: the limit, before and after decompression.

    Raises:
        BodyError: the body is too large, cut short or of another kind, or its encoding was not
            requested.

    """
    names = [each.strip().lower() for each in encoding.split(",")]
    codings = [each for each in names if each in WINDOW_BITS]
    if len(codings) > _MAX_CODINGS or _UNREADABLE.intersection(names):
        raise BodyError(f"content encoding {encoding[:80]!r} was not requested")
    raw, size = bytearray(), 0
    is_checked = bool(codings)
    while chunk := stream.read1(_CHUNK_BYTES, decode_content=False):
        size += len(chunk)
        if size > max_bytes:
            raise BodyError(f"larger than {max_bytes} bytes")
        raw += chunk
        if not is_checked and size >= _SNIFFED_BYTES and not raw.startswith(_GZIP_MAGIC):
            _check_kind(bytes(raw[:_SNIFFED_BYTES]), kind)
            is_checked = True
    body = bytes(raw)
    for coding in reversed(codings or ["gzip"] * body.startswith(_GZIP_MAGIC)):
        body = _decode(body, coding, max_bytes)
    _check_kind(body[:_SNIFFED_BYTES], kind)
    return body


def is_text(beginning: bytes) -> bool:
    """Return whether bytes are the beginning of a text: a page or a feed in any encoding.

    >>> is_text(b"<html>"), is_text("<rss".encode("utf-16-le")), is_text(b"%PDF-1.4"), is_text(b"")
    (True, True, False, True)
    """
    if beginning.startswith((*_BOMS, *_UTF16)):
        return True
    controls = len(_CONTROLS.findall(beginning))
    is_other = _NO_TEXT.match(beginning) or is_picture(beginning)
    return not is_other and controls <= _MAX_CONTROLS * len(beginning)


def is_picture(beginning: bytes) -> bool:
    """Return whether bytes are the beginning of a picture.

    >>> is_picture(b"GIF89a..."), is_picture(b"<svg>")
    (True, False)
    """
    return _PICTURES.match(beginning) is not None


def _check_kind(beginning: bytes, kind: Kind | None) -> None:
    is_kind = is_picture if kind is Kind.PICTURE else is_text
    if kind and not is_kind(beginning):
        raise BodyError(f"is not a {kind}")


def _decode(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Return a body without a coding; a body that is not in this coding stays as it is."""
    if coding != "deflate":
        is_coded = body.startswith(_GZIP_MAGIC)
        return _decompress(body, WINDOW_BITS[coding], max_bytes) if is_coded else body
    try:
        return _decompress(body, WINDOW_BITS[coding], max_bytes)
    except _NotCompressedError:
        pass
    try:  # some servers send deflate without the zlib format (RFC 9110, 8.4.1.2)
        return _decompress(body, _RAW_DEFLATE, max_bytes)
    except _NotCompressedError as e:
        if is_text(body[:_SNIFFED_BYTES]):
            return body
        raise BodyError(f"is not compressed as declared: {e}") from e


class _NotCompressedError(BodyError):
    """The body does not begin as one in this coding does."""


def _decompress(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    plain, rest, members = b"", body, 0
    while rest:  # a gzip body may have several members (RFC 1952, 2.2)
        if members and not rest.startswith(_GZIP_MAGIC):
            break  # padding behind the end
        members += 1
        if members > _MAX_MEMBERS:
            raise BodyError(f"compressed in more than {_MAX_MEMBERS} pieces")
        decoder = zlib.decompressobj(window_bits)
        try:
            plain += decoder.decompress(rest, max_bytes + 1 - len(plain))
        except zlib.error as e:
            error = BodyError if plain else _NotCompressedError
            raise error(f"is not compressed as declared: {e}") from e
        if len(plain) > max_bytes:
            raise BodyError(f"larger than {max_bytes} bytes when decompressed")
        if not decoder.eof:
            raise BodyError("compressed body is cut short")
        rest = decoder.unused_data
    return plain
