"""Depth: make a tree that is too deep for its readers a flatter one with the same text."""

from lxml import etree
from lxml.html import HtmlElement

from feedproxy.markup.spaces import BLOCKS

# Other readers stop at 256 levels (libxml2) or 512 (browsers), and an article's page stands around
# it, too. The deepest real page has 13.
_MAX_DEPTH = 100
# An element below that level stays as it is if it is no deeper than this, as a paragraph or a list.
_MAX_KEPT_DEPTH = 10
_AT_DEPTH = etree.XPath("/".join("*" * _MAX_DEPTH))
# They hold nothing but their parts, and their parts mean nothing elsewhere.
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
    """Take out, in place, the elements that nest too deep; their text stays, in order.

    Line breaks keep the texts of blocks apart. Tags that nobody closes make trees deep; browsers,
    too, stop nesting at some level.
    """
    for top in dict.fromkeys(_around(element) for element in _AT_DEPTH(root)):
        _flatten_inside(top)


def _around(element: HtmlElement) -> HtmlElement:
    """Return the nearest element, this one or around it, in which text may stand."""
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
    """Put a line break where the text of a block begins, and one behind it where text follows."""
    if (block.text or "").strip():
        block.addprevious(block.makeelement("br"))
    if (block.tail or "").strip():
        block.addnext(block.makeelement("br"))
