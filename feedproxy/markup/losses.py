"""Was anything of a document lost in reading it? The one place that knows.

libxml2 stops at its own limits and returns the tree so far as if it were whole. A decoder replaces
bytes and goes on. So each reader asks here: a document comes whole, or is refused by a `LostError`
that names what is lost, or comes with a line that does.
"""

import re
from collections.abc import Sized
from io import BytesIO
from xml.parsers import expat

from lxml import etree, html

# The limit of every page and every article's body. The largest real page has 4,000 elements. A tree
# takes 100 bytes and more for each, bleach 150 us, and heuristics 0.5 ms.
MAX_ELEMENTS = 60_000
# libxml2's time, and feedparser's, grow with the square of an element's attributes: 1,000 take
# 1 ms, 100,000 take minutes.
MAX_ATTRIBUTES = 1_000
# libxml2's own limit with `huge_tree`; browsers have 512. The deepest real page has 13.
MAX_DEPTH = 2_048
# libxml2 compares an end tag that closes nothing with each open element: so many take a second at
# the greatest depth.
_MAX_END_TAGS = 2 * MAX_ELEMENTS
# A shorter text is read in 30 ms, whatever it holds.
_MIN_COUNTED_CHARACTERS = 10_000
_REPLACEMENT = "\ufffd"
_ROOT = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<([\w:.-]+)", re.DOTALL)
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"))
# Of a feed that is not well-formed feedparser reads the rest tag by tag, CDATA sections aside.
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_START_TAG = re.compile(r"<[A-Za-z]")


class LostError(ValueError):
    """A part of a document would be lost in reading it; the message says which, or why."""


def check_html(text: str) -> None:
    """Hold that libxml2 can read an HTML document whole, in a time that grows with its length.

    libxml2 itself counts elements and attributes, without a tree: nothing else agrees with it on
    what a tag is.

    Raises:
        LostError: it has too many elements or end tags, too many attributes in one element, or
            nests too deep.

    """
    if len(text) < _MIN_COUNTED_CHARACTERS:
        return
    if (count := text.count("</")) > _MAX_END_TAGS:
        raise LostError(f"{count} end tags are more than {_MAX_END_TAGS}")
    counter = _Counter(MAX_ELEMENTS, deepest=MAX_DEPTH)
    # the stubs demand all methods of a target, lxml calls those that there are
    parser = etree.HTMLParser(target=counter, huge_tree=True)  # type: ignore[call-overload]
    try:
        etree.fromstring(text, parser)
    except etree.LxmlError:  # nothing in it
        return


def check_xml(data: bytes, most: int) -> None:
    """Hold that an XML document has at most so many elements, and no element too many attributes.

    It is in UTF-8, and has no document type, as entities would be unfolded.
    What comes after the first error in it is counted by start tags.

    Raises:
        LostError: it has more.

    """
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True  # a list, which is cheap
    counter = _Counter(most, deepest=most)  # feedparser goes to any depth
    parser.StartElementHandler = lambda tag, pairs: counter.start(tag, pairs[::2])
    parser.EndElementHandler = counter.end
    try:
        parser.ParseFile(BytesIO(data))
    except expat.ExpatError:
        rest = data[max(0, parser.ErrorByteIndex) :].decode(errors="ignore")
        counter.add(len(_START_TAG.findall(_CDATA.sub("", rest))))


def check_parsed(parser: html.HTMLParser) -> None:
    """Hold that a parser read its document to the end; to be called behind each use of it.

    Raises:
        LostError: it gave up on the way.

    """
    for entry in parser.error_log.filter_from_fatals():
        if "depth" in entry.message:
            raise LostError(f"elements nested deeper than {MAX_DEPTH}, in line {entry.line}")
        raise LostError(f"text behind line {entry.line} can't be read: {entry.message.strip()}")


def cut_off(document: str) -> str:
    """Say where an XML document that is not well-formed ends too early, "" if it comes to its end.

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
    """Say how many characters of decoded *text* stand for bytes that no decoder took, "" if none.

    >>> undecodable("石\ufffd桥")
    '1 character could not be decoded: its bytes are damaged, or labelled with a wrong encoding'
    """
    count = text.count(_REPLACEMENT)
    what = "1 character" if count == 1 else f"{count} characters"
    reason = "could not be decoded: its bytes are damaged, or labelled with a wrong encoding"
    return f"{what} {reason}" if count else ""


class _Counter:
    """Counts the elements that a parser meets; stops it at the first one beyond a limit."""

    def __init__(self, most: int, *, deepest: int) -> None:
        self._most, self._deepest = most, deepest
        self._elements = self._depth = 0

    def start(self, tag: str, attributes: Sized) -> None:
        self.add(1)
        self._depth += 1
        if self._depth > self._deepest:
            raise LostError(f"elements nested deeper than {self._deepest}")
        if len(attributes) > MAX_ATTRIBUTES:
            told = f"an element <{tag[:40]}> with {len(attributes)} attributes"
            raise LostError(f"{told}, more than {MAX_ATTRIBUTES}")

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def add(self, elements: int) -> None:
        self._elements += elements
        if self._elements > self._most:
            raise LostError(f"more than {self._most} elements")

    def close(self) -> None:
        """Have a parser return nothing."""
