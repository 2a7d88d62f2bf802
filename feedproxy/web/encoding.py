"""Choose the content coding of a response, and encode its body (RFC 9110, section 8.4). Pure."""

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

# The encoder with the smallest result comes first. A feed of 360 KB: brotli 116 KB in 8 ms, zstd
# 124 KB in 4 ms, gzip 131 KB in 9 ms.
_BROTLI_QUALITY, _ZSTD_LEVEL, _GZIP_LEVEL = 5, 6, 6
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda body: bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)),
    "zstd": lambda body: zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body),
    "gzip": lambda body: gzip.compress(body, _GZIP_LEVEL, mtime=0),
}
# Smaller bodies gain nothing from compression.
_MIN_BYTES = 500


def encode(body: bytes, coding: str) -> bytes:
    """Return *body* in a content coding that `choose_coding` returned."""
    return _ENCODERS[coding](body) if coding else body


def choose_coding(accept: str, body: bytes) -> str:
    """Return the content coding of *body* for an Accept-Encoding header, "" for none."""
    return _preferred(accept) if len(body) >= _MIN_BYTES else ""


@lru_cache(256)
def _preferred(accept: str) -> str:
    """Return the preferred coding for an Accept-Encoding header, "" for none.

    Of the codings that the client accepts (RFC 9110, section 12.5.3), ours with the smallest result
    is preferred. A client that accepts anything (`*`) may not know codings newer than gzip.

    >>> (_preferred("gzip, deflate, br, zstd"), _preferred("*"),
    ...  _preferred("gzip;q=0, zstd;q=0.1"), _preferred("deflate"))
    ('br', 'gzip', 'zstd', '')
    """
    accepted = parse_accept_header(accept, Accept)
    named = {name.lower() for name, _ in accepted}
    return next(
        (each for each in _ENCODERS if accepted[each] > 0 and (each in named or each == "gzip")), ""
    )
