"""Flatten trees that are nested too deeply for other parsers, and keep their text."""

from lxml import etree
from lxml.html import HtmlElement

from feedproxy.markup.spaces import BLOCKS

# Other parsers stop at 256 levels (libxml2) or 512 (browsers), and an article is nested inside its
# page as well. The deepest real page has 13.
_MAX_DEPTH = 100
# A subtree at the maximum depth stays as it is if it is at most this deep itself, as a paragraph's
# or a list's is.
_MAX_KEPT_DEPTH = 10
_AT_DEPTH = etree.XPath("/".join("*" * _MAX_DEPTH))
# Elements that contain only their parts; the parts mean nothing elsewhere.
_WHOLES = frozenset(
    ("colgroup", "dl", "ol", "ruby", "table", "tbody", "tfoot", "thead", "tr", "ul"),
)
_PARTS = frozenset(
    (
        *("caption", "col", "colgroup", "dd", "dt", "li", "rp", "rt"),
        *("tbody", "td", "tfoot", "th", "thead", "tr"),
    )
)
_GONE = "gone"


def flatten(root: HtmlElement) -> None:
    """Remove, in place, the elements that are nested too deeply; their text stays, in order.

    Line breaks separate the texts of blocks. Such trees result from tags that are never closed;
    browsers limit nesting, too.
    """
    for top in dict.fromkeys(_around(element) for element in _AT_DEPTH(root)):
        _flatten_inside(top)


def _around(element: HtmlElement) -> HtmlElement:
    """Return the nearest element that may contain text: the element itself or an ancestor."""
    while element.tag in _WHOLES and (parent := element.getparent()) is not None:
        element = parent
    return element


def _flatten_inside(top: HtmlElement) -> None:
    depths: dict[HtmlElement, int] = {}
    for element in reversed(list(top.iter())):  # children come before their parents
        depths[element] = 1 + max((depths[child] for child in element), default=0)
    if depths[top] <= _MAX_KEPT_DEPTH:
        return
    gone = {top}
    for element in list(top.iterdescendants()):
        is_kept = depths[element] <= _MAX_KEPT_DEPTH and element.tag not in _PARTS
        if element.getparent() in gone and not is_kept:
            gone.add(element)
            if element.tag in BLOCKS:
                _break_lines(element)
    for element in gone - {top}:
        element.tag = _GONE
    etree.strip_tags(top, _GONE)


def _break_lines(block: HtmlElement) -> None:
    """Insert a line break before a block with text, and one after it if text follows."""
    if (block.text or "").strip():
        block.addprevious(block.makeelement("br"))
    if (block.tail or "").strip():
        block.addnext(block.makeelement("br"))
