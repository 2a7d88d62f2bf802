"""HTML trees: decode, parse, undo what mark-up did to the text, serialise. Pure.

It cleans nothing: what comes out is as dirty as what went in (see `sanitise`).
"""

import re
from collections.abc import Iterator
from html import escape as html_escape

from charset_normalizer import from_bytes
from lxml import etree, html

from feedproxy.model import DirtyHtml

Element = html.HtmlElement

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"<meta[^>]+?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_SNIFFED_BYTES = 4096
# Labels that stand for a larger set than they say (WHATWG Encoding, 4.2).
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
              "iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252", "utf8": "utf-8"}
# Text of another encoding is valid UTF-8 by chance only when short (the two characters of 联通 in GBK are).
_MIN_UTF8_CHARACTERS = 8
_LEAD_BYTES = bytes(range(0xC0, 0x100))
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")

# Chinese, Japanese and Korean characters and their full-width punctuation: no space belongs between two of them.
_CJK = "\u2018-\u201d\u2026\u2014\u2027\u2e80-\u2fdf\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_IS_CJK = re.compile(f"[{_CJK}]")
_BREAK = re.compile(r"[ \t\r\f]*\n[ \t\r\n\f]*")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLOCKS = frozenset("address article aside blockquote body br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
                    "header hr li main nav ol p pre section table tbody td tfoot th thead tr ul audio video".split())
_VERBATIM = frozenset(("pre", "textarea", "script", "style"))
_LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-echo", "data-url")


def decode(body: bytes, content_type: str = "") -> str:
    """Return the text of a document: by its BOM, as UTF-8 if it surely is, by its labels, else by detection.

    A label that the bytes contradict is passed over. NULs, controls and lone surrogates are dropped.

    >>> decode("台湾新闻".encode("gb18030"), "text/html; charset=gb2312")
    '台湾新闻'
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return _FORBIDDEN.sub("", body[len(bom):].decode(encoding, "replace"))
    for encoding in _candidates(body, content_type):
        try:
            return _FORBIDDEN.sub("", body.decode(_SUPERSETS.get(encoding, encoding)))
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(body).best()
    return _FORBIDDEN.sub("", str(best) if best else body.decode("utf-8", "replace"))


def parse(text: str) -> Element:
    """Return the root of an HTML document; an empty one for text without any mark-up or content."""
    parser = html.HTMLParser(remove_pis=True, huge_tree=False)
    text = _XML_DECLARATION.sub("", text)
    root = html.document_fromstring(text, parser=parser) if text.strip() else None
    return root if root is not None else html.document_fromstring("<html><body></body></html>")


def fragment(markup: str) -> Element:
    """Return a `div` that holds *markup*."""
    return html.fragment_fromstring(_FORBIDDEN.sub("", markup), create_parent="div")


def inner_html(element: Element) -> DirtyHtml:
    """Return what stands inside an element."""
    lead = html.tostring(element, encoding="unicode", with_tail=False)
    return DirtyHtml(lead[lead.index(">") + 1 : lead.rindex("<")] if "</" in lead else "")


def outer_html(element: Element) -> DirtyHtml:
    """Return an element with its tags, without its tail."""
    return DirtyHtml(html.tostring(element, encoding="unicode", with_tail=False))


def text_of(element: Element) -> str:
    """Return the text of an element on one line, as a reader sees it.

    >>> text_of(fragment("<p>新闻\\n <a>标题</a></p><p>two\\nwords</p>"))
    '新闻标题 two words'
    """
    return _SPACES.sub(" ", " ".join(plain(piece) for piece in _pieces(element) if piece.strip()))


def plain(text: str) -> str:
    """Return *text* on one line: a line break is one space, or nothing between two Chinese characters; typed spaces stay.

    >>> plain(" 新闻\\n标题  在此\\tx ")
    '新闻标题  在此 x'
    """
    return _BREAK.sub(lambda m: _joint(m.string[: m.start()], m.string[m.end() :]), text.strip()).replace("\t", " ")


def tighten(root: Element) -> None:
    """Remove, in place, the white space that pretty-printing put into text.

    A run with a line break vanishes beside a block's edge and between two Chinese characters, also across
    inline tags; elsewhere it is one space. Runs without a line break were typed, and stay.
    """
    slots = list(_slots(root))
    for index, slot in enumerate(slots):
        if slot.verbatim or "\n" not in slot.text:
            continue
        slot.write(_tight(_text_before(slots, index), slot.text, _text_after(slots, index)))


def blocks(root: Element, wrappers: frozenset[str], most_characters: int) -> Iterator[str]:
    """Yield what stands inside *root* piece by piece, so that no piece is needlessly long.

    Text and its inline neighbours stay together; a block longer than *most_characters* comes in parts if it is
    one of *wrappers*, which are lost then, else whole.
    """
    run = html_escape(root.text or "")
    for child in root:
        piece = outer_html(child)
        if child.tag not in _BLOCKS:
            run += piece + html_escape(child.tail or "")
            continue
        yield run
        if len(piece) > most_characters and child.tag in wrappers:
            yield from blocks(child, wrappers, most_characters)
        else:
            yield piece
        run = html_escape(child.tail or "")
    yield run


def drop(elements: list[Element]) -> None:
    """Remove elements with their content; the text behind each stays."""
    for element in elements:
        if element.getparent() is not None:
            element.drop_tree()


def unlazy(root: Element, more_sources: tuple[str, ...] = ()) -> None:
    """Give pictures that scripts would load their real address, in place; `noscript` is unpacked or dropped.

    A `noscript` with a picture stands for the picture beside it; any other is for browsers without scripts,
    which we are.
    """
    for noscript in list(root.iter("noscript")):
        twin = noscript.getprevious()
        if twin is not None and twin.tag == "img" and noscript.find(".//img") is not None:
            twin.drop_tree()
        noscript.drop_tag()
    for image in root.iter("img"):
        real = next((image.get(name) for name in (*more_sources, *_LAZY_SOURCES) if image.get(name)), None)
        if real:
            image.set("src", real)


def first_picture(root: Element) -> Element | None:
    """Return the first `img` with an address that is not inlined, after `unlazy`."""
    return next((image for image in root.iter("img") if image.get("src") and not image.get("src", "").startswith("data:")), None)


def check_xpath(expression: str) -> str:
    """Return *expression* if it is XPath 1.0; raises ValueError with its fault if not."""
    try:
        etree.XPath(expression)
    except etree.XPathError as e:
        raise ValueError(f"{expression!r} is no XPath 1.0 expression: {e}") from e
    return expression


def select(element: Element, expressions: tuple[str, ...]) -> list[Element | str]:
    """Return what the first of *expressions* that matches finds: elements, or non-blank strings."""
    for expression in expressions:
        found = element.xpath(expression)
        found = [found] if isinstance(found, str | float | bool) else found
        kept = [str(each) if isinstance(each, str | float | bool) else each for each in found]
        kept = [each for each in kept if not isinstance(each, str) or each.strip()]
        if kept:
            return kept
    return []


def select_text(element: Element, expressions: tuple[str, ...]) -> str:
    """Return the first thing that *expressions* find as text on one line, "" if there is none.

    Spaces inside a line stay as they are: headlines use them as punctuation.
    """
    for found in select(element, expressions):
        text = found if isinstance(found, str) else "".join(str(piece) for piece in found.itertext())
        if text.strip():
            return plain(text)
    return ""


def select_elements(element: Element, expressions: tuple[str, ...]) -> list[Element]:
    """Return the elements that the first of *expressions* with any finds, outermost only."""
    found = [each for each in select(element, expressions) if not isinstance(each, str)]
    return [each for each in found if not any(other in found for other in each.iterancestors())]


# ------------------------------------------------------------------ encodings


def _candidates(body: bytes, content_type: str) -> Iterator[str]:
    if len(body) - len(body.translate(None, _LEAD_BYTES)) >= _MIN_UTF8_CHARACTERS:
        yield "utf-8"
    if match := _HEADER_CHARSET.search(content_type):
        yield match[1].lower()
    for found in _DECLARED.finditer(body[:_SNIFFED_BYTES]):
        yield (found[1] or found[2]).decode("ascii", "replace").lower()
    yield "utf-8"


# ------------------------------------------------------------------ white space


class _Slot:
    """A place where text stands in a tree: the text of an element, or the tail behind it."""

    def __init__(self, element: Element, *, tail: bool, verbatim: bool) -> None:
        self.element, self.tail, self.verbatim = element, tail, verbatim
        self.text = (element.tail if tail else element.text) or ""
        self.opens_block = element.tag in _BLOCKS
        follower = element.getnext() if tail else next(iter(element), None)
        closing = element.getparent() if tail else element
        self.closes_block = (follower if follower is not None else closing).tag in _BLOCKS if closing is not None else True

    def write(self, text: str) -> None:
        self.text = text
        if self.tail:
            self.element.tail = text
        else:
            self.element.text = text


def _slots(root: Element) -> Iterator[_Slot]:
    """Yield the text slots below *root* in reading order."""
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end", "comment")):
        if event == "comment":
            yield _Slot(element, tail=True, verbatim=depth > 0)
        elif event == "start":
            depth += element.tag in _VERBATIM
            yield _Slot(element, tail=False, verbatim=depth > 0)
        else:
            depth -= element.tag in _VERBATIM
            if element is not root:
                yield _Slot(element, tail=True, verbatim=depth > 0)


def _text_before(slots: list[_Slot], index: int) -> str:
    """Return the text in front of a slot in the same block, "" at the block's edge."""
    while index > 0 and not slots[index].opens_block:
        index -= 1
        if slots[index].text.strip():
            return slots[index].text
    return ""


def _text_after(slots: list[_Slot], index: int) -> str:
    """Return the text behind a slot in the same block, "" at the block's edge."""
    while index + 1 < len(slots) and not slots[index].closes_block:
        index += 1
        if slots[index].text.strip():
            return slots[index].text
    return ""


def _tight(before: str, text: str, after: str) -> str:
    def mend(match: re.Match[str]) -> str:
        left = text[: match.start()] or before
        right = text[match.end() :] or after
        return _joint(left, right) if left and right else ""

    return _BREAK.sub(mend, text)


def _joint(left: str, right: str) -> str:
    left, right = left.rstrip(), right.lstrip()
    return "" if left and right and _IS_CJK.match(left[-1]) and _IS_CJK.match(right[0]) else " "


def _pieces(element: Element) -> Iterator[str]:
    """Yield the text of each block below *element*."""
    piece = ""
    for slot in _slots(element):
        if slot.opens_block:
            yield piece
            piece = ""
        piece += slot.text
    yield piece
