"""Bytes to text: by BOM, label or detection."""

import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"<meta[^>]+?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_SNIFFED_BYTES = 4096
# Labels that stand for a larger set than they say (WHATWG Encoding, 4.2).
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "utf8": "utf-8",
}
# What servers say of everything (RFC 2616, 3.7.1), and what decodes anything: a page's own label counts more.
_DEFAULTS = ("iso-8859-1", "latin1")
# Text of another encoding is valid UTF-8 by chance only when short (the two characters of 联通 in GBK are).
_MIN_UTF8_CHARACTERS = 8
_LEAD_BYTES = bytes(range(0xC0, 0x100))
# What neither XML 1.0 (2.2) nor readers bear.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def decode(body: bytes, content_type: str = "") -> str:
    """Return the text of a document: by its BOM, as UTF-8 if it surely is, by its labels, else by detection.

    A label that the bytes contradict is passed over. NULs, controls and lone surrogates are dropped.

    >>> decode("台湾新闻".encode("gb18030"), "text/html; charset=gb2312")
    '台湾新闻'
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return _FORBIDDEN.sub("", body[len(bom) :].decode(encoding, "replace"))
    for encoding in _candidates(body, content_type):
        try:
            return _FORBIDDEN.sub("", body.decode(_SUPERSETS.get(encoding, encoding)))
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(body).best()
    return _FORBIDDEN.sub("", str(best) if best else body.decode("utf-8", "replace"))


def without_controls(text: str) -> str:
    """Return *text* without the characters that XML forbids."""
    return _FORBIDDEN.sub("", text)


def _candidates(body: bytes, content_type: str) -> Iterator[str]:
    if len(body) - len(body.translate(None, _LEAD_BYTES)) >= _MIN_UTF8_CHARACTERS:
        yield "utf-8"
    header = match[1].lower() if (match := _HEADER_CHARSET.search(content_type)) else ""
    if header and header not in _DEFAULTS:
        yield header
    for found in _DECLARED.finditer(body[:_SNIFFED_BYTES]):
        yield (found[1] or found[2]).decode("ascii", "replace").lower()
    if header:
        yield header
    yield "utf-8"
