"""Decode bytes: by byte order mark, label or detection."""

import re
from collections.abc import Iterator

import webencodings
from charset_normalizer import from_bytes

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(
    rb"<meta[^>]+?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+?encoding\s*=\s*[\"']([\w.:-]+)",
    re.IGNORECASE,
)
_SNIFFED_BYTES = 4096
# Detection tries dozens of encodings, so it reads only this much.
_DETECTED_BYTES = 64 * 1024
# Python's names for what these labels mean on the Web (WHATWG Encoding, 4.2; a page that labels
# itself UTF-16 is UTF-8).
_MEANT = {"gbk": "gb18030", "big5": "big5hkscs", "utf-16le": "utf-8", "utf-16be": "utf-8"}
# Encodings of the WHATWG standard that are not decoded: a placeholder for unsafe encodings, and one
# for arbitrary bytes (4.2, 14.1).
_UNREADABLE = ("replacement", "x-user-defined")
# The encoding that servers declare by default and that decodes any bytes: a page's own label takes
# precedence.
_DEFAULT = "cp1252"
# A page with few invalid bytes still has the encoding that it declares.
_MAX_BAD_SHARE = 0.01
# Private-use characters: Big5 that is decoded as GB 18030 has many of them.
_PRIVATE = re.compile("[\ue000-\uf8ff]")
# Text of another encoding is valid UTF-8 by chance only if it is short: 联通 is, in GBK.
_MIN_UTF8_CHARACTERS = 8
_LEAD_BYTES = bytes(range(0xC0, 0x100))
# Characters that XML 1.0 (2.2) forbids or discourages, and that feed readers do not accept.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def decode(body: bytes, content_type: str = "") -> str:
    """Return the text of a document.

    It is decoded by its byte order mark, as UTF-8 if it certainly is, by its labels, else by
    detection. A label that the bytes contradict is ignored. NUL, control characters and lone
    surrogates are dropped.

    >>> decode("台湾新闻".encode("gb18030"), "text/html; charset=gb2312")
    '台湾新闻'
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return without_controls(body[len(bom) :].decode(encoding, "replace"))
    candidates = list(dict.fromkeys(_candidates(body, content_type)))
    for encoding in candidates:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(_PRIVATE.findall(text)) <= _MAX_BAD_SHARE * len(text):
            return without_controls(text)
    for encoding in candidates:
        text = body.decode(encoding, "replace")
        if text.count("\ufffd") <= _MAX_BAD_SHARE * len(text):
            return without_controls(text)
    best = from_bytes(body[:_DETECTED_BYTES]).best()
    return without_controls(body.decode(best.encoding if best else "utf-8", "replace"))


def without_controls(text: str) -> str:
    """Return *text* without the characters that XML forbids or discourages."""
    return _FORBIDDEN.sub("", text)


def _candidates(body: bytes, content_type: str) -> Iterator[str]:
    """Yield Python's names of the encodings that a document may have, the likeliest first."""
    if len(body) - len(body.translate(None, _LEAD_BYTES)) >= _MIN_UTF8_CHARACTERS:
        yield "utf-8"
    match = _HEADER_CHARSET.search(content_type)
    header = _codec(match[1]) if match else ""
    if header and header != _DEFAULT:
        yield header
    for found in _DECLARED.finditer(body[:_SNIFFED_BYTES]):
        if codec := _codec((found[1] or found[2]).decode("ascii", "replace")):
            yield codec
    if header:
        yield header
    yield "utf-8"


def _codec(label: str) -> str:
    """Return Python's name of the encoding that a label means, "" for an unknown label."""
    encoding = webencodings.lookup(label)
    return (
        _MEANT.get(encoding.name, encoding.codec_info.name)
        if encoding and encoding.name not in _UNREADABLE
        else ""
    )
