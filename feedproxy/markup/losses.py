"""Detect whether reading a document loses a part of it.

Every reader of documents uses this module: libxml2 stops at its own limits and returns the
incomplete tree as if it were complete, and a decoder replaces invalid bytes and continues. A
document is either read completely, or refused with a `LostError` that names what is lost, or
returned with a message that does.
"""

import re
from collections.abc import Sized
from io import BytesIO
from xml.parsers import expat

from lxml import etree, html

# The limit for every page and every article's body. The largest real page has 4,000 elements. Each
# element takes 100 bytes or more in a tree, 150 us in bleach, and 0.5 ms in heuristics.
MAX_ELEMENTS = 60_000
# The time of libxml2 and feedparser grows with the square of the number of an element's attributes:
# 1,000 take 1 ms, 100,000 take minutes.
MAX_ATTRIBUTES = 1_000
# libxml2's own limit with `huge_tree`; browsers have 512. The deepest real page has 13.
MAX_DEPTH = 2_048
# libxml2 compares an end tag that closes nothing with each open element: this many take a second at
# the greatest depth.
_MAX_END_TAGS = 2 * MAX_ELEMENTS
# A shorter text is parsed in 30 ms, even if it is hostile.
_MIN_COUNTED_CHARACTERS = 10_000
_REPLACEMENT = "\ufffd"
_ROOT = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<([\w:.-]+)", re.DOTALL)
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"))
# feedparser reads the rest of a feed that is not well-formed tag by tag, except CDATA sections.
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_START_TAG = re.compile(r"<[A-Za-z]")


class LostError(ValueError):
    """Reading a document would lose a part of it; the message says which part, or why."""


def check_html(text: str) -> None:
    """Check that libxml2 can read an HTML document completely, in linear time.

    libxml2 itself counts elements and attributes, without building a tree: no other parser agrees
    with it on what a tag is.

    Raises:
        LostError: it has too many elements or end tags, too many attributes in one element, or
            is nested too deeply.

    """
    if len(text) < _MIN_COUNTED_CHARACTERS:
        return
    if (count := text.count("</")) > _MAX_END_TAGS:
        raise LostError(f"{count} end tags are more than {_MAX_END_TAGS}")
    counter = _Counter(MAX_ELEMENTS, deepest=MAX_DEPTH)
    # the stubs require all methods of a parser target, lxml calls those that exist
    parser = etree.HTMLParser(target=counter, huge_tree=True)  # type: ignore[call-overload]
    try:
        etree.fromstring(text, parser)
    except etree.LxmlError:  # the document is empty
        return


def check_xml(data: bytes, limit: int) -> None:
    """Check that an XML document has at most *limit* elements, and no element too many attributes.

    The document must be in UTF-8 and have no document type declaration, as entities would be
    expanded. After its first syntax error, start tags are counted.

    Raises:
        LostError: it has more elements or attributes.

    """
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True  # a list is cheaper than a mapping
    counter = _Counter(limit, deepest=limit)  # feedparser reads any depth
    parser.StartElementHandler = lambda tag, pairs: counter.start(tag, pairs[::2])
    parser.EndElementHandler = counter.end
    try:
        parser.ParseFile(BytesIO(data))
    except expat.ExpatError:
        rest = data[max(0, parser.ErrorByteIndex) :].decode(errors="ignore")
        counter.add(len(_START_TAG.findall(_CDATA.sub("", rest))))


def check_parsed(parser: html.HTMLParser) -> None:
    """Check that a parser read its document to the end; to be called after each use of the parser.

    Raises:
        LostError: the parser stopped early.

    """
    for entry in parser.error_log.filter_from_fatals():
        if "depth" in entry.message:
            raise LostError(f"elements nested deeper than {MAX_DEPTH}, in line {entry.line}")
        raise LostError(f"text behind line {entry.line} can't be read: {entry.message.strip()}")


def cut_off(document: str) -> str:
    """Return a message on where a malformed XML document ends too early, "" if it has its end.

    >>> cut_off("<rss><item>石桥</item>")
    'ends early: <rss> is never closed'
    """
    for start, end in _SECTIONS:
        if document.rfind(start) > document.rfind(end):
            return f"ends early: its last {start} is never closed"
    root = _ROOT.match(document)
    if root and f"</{root[1]}" not in document:
        return f"ends early: <{root[1]}> is never closed"
    return ""


def undecodable(text: str) -> str:
    """Return a message with the number of undecodable characters in *text*, "" for none.

    >>> undecodable("石\ufffd桥")
    '1 character could not be decoded: its bytes are damaged, or labelled with a wrong encoding'
    """
    count = text.count(_REPLACEMENT)
    what = "1 character" if count == 1 else f"{count} characters"
    reason = "could not be decoded: its bytes are damaged, or labelled with a wrong encoding"
    return f"{what} {reason}" if count else ""


class _Counter:
    """Counts the elements that a parser meets; raises `LostError` when a limit is exceeded."""

    def __init__(self, limit: int, *, deepest: int) -> None:
        self._most, self._deepest = limit, deepest
        self._elements = self._depth = 0

    def start(self, tag: str, attributes: Sized) -> None:
        self.add(1)
        self._depth += 1
        if self._depth > self._deepest:
            raise LostError(f"elements nested deeper than {self._deepest}")
        if len(attributes) > MAX_ATTRIBUTES:
            description = f"an element <{tag[:40]}> with {len(attributes)} attributes"
            raise LostError(f"{description}, more than {MAX_ATTRIBUTES}")

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def add(self, elements: int) -> None:
        self._elements += elements
        if self._elements > self._most:
            raise LostError(f"more than {self._most} elements")

    def close(self) -> None:
        """Return no result; lxml requires this method."""
