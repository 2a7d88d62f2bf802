"""Read response bodies completely and within their size limit. Pure except for the stream.

The limit also applies after decompression (a megabyte of gzip can hold a gigabyte of zeros). A
compressed body that ends early is an error, not a shorter page.
"""

import zlib
from typing import Protocol

# The content codings that requests accept, and zlib's window bits for each (RFC 9110, 8.4.1);
# "deflate" is the zlib format.
WINDOW_BITS = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}
ACCEPT_ENCODING = "gzip, deflate"
_CHUNK_BYTES = 64 * 1024
_MAX_MEMBERS = 100


class BodyError(Exception):
    """A response body that is refused; the message has the reason."""


class Stream(Protocol):
    """The part of urllib3's response that is used here."""

    def read1(self, amt: int, *, decode_content: bool) -> bytes:
        """Return the bytes that have arrived, at most *amt*; b"" at the end."""


def read_body(stream: Stream, encoding: str, *, max_bytes: int) -> bytes:
    """Return the decompressed body.

    Args:
        stream: the response, whose body is unread.
        encoding: its Content-Encoding, "" for none.
        max_bytes: the limit, before and after decompression.

    Raises:
        BodyError: the body is too large or cut short, or its encoding was not requested.

    """
    coding = encoding.strip().lower()
    if coding not in ("", "identity", *WINDOW_BITS):
        raise BodyError(f"content encoding {encoding[:80]!r} was not requested")
    raw, size = [], 0
    while chunk := stream.read1(_CHUNK_BYTES, decode_content=False):
        size += len(chunk)
        if size > max_bytes:
            raise BodyError(f"larger than {max_bytes} bytes")
        raw.append(chunk)
    body = b"".join(raw)
    return (
        _decompress(body, WINDOW_BITS[coding], max_bytes)
        if coding in WINDOW_BITS and body
        else body
    )


def _decompress(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    plain, rest, members = b"", body, 0
    while rest:  # a gzip body may have several members (RFC 1952, 2.2)
        members += 1
        if members > _MAX_MEMBERS:
            raise BodyError(f"compressed in more than {_MAX_MEMBERS} pieces")
        decoder = zlib.decompressobj(window_bits)
        try:
            plain += decoder.decompress(rest, max_bytes + 1 - len(plain))
        except zlib.error as e:
            raise BodyError(f"is not compressed as declared: {e}") from e
        if len(plain) > max_bytes:
            raise BodyError(f"larger than {max_bytes} bytes when decompressed")
        if not decoder.eof:
            raise BodyError("compressed body is cut short")
        rest = decoder.unused_data
    return plain
