"""HTML trees: decode, parse, remove the white space of mark-up, serialise. Pure.

Nothing here makes HTML safe: see `sanitise`.
"""

from lxml.etree import LxmlError
from lxml.html import HtmlElement as Element

from feedproxy.markup.depth import flatten
from feedproxy.markup.encodings import decode, without_controls
from feedproxy.markup.losses import MAX_ELEMENTS, LostError, check_xml, cut_off, undecodable
from feedproxy.markup.pieces import grouped, pieces
from feedproxy.markup.spaces import (
    BLOCKS,
    as_html,
    beginning_of,
    clean_text_of,
    plain,
    text_of,
    tighten,
    unescaped,
)
from feedproxy.markup.srcset import best_candidate
from feedproxy.markup.trees import (
    attributes_at,
    base_of,
    blocks,
    check_xpath,
    drop,
    elements_at,
    first_picture,
    fragment,
    inner_html,
    make_absolute,
    new_element,
    outer_html,
    parse,
    select_elements,
    select_text,
    select_texts,
    unlazy,
    unwrap,
)
from feedproxy.markup.xhtml import as_xhtml

# Errors that trees, expressions and the libraries that read documents raise on unexpected input.
ERRORS = (
    LxmlError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

__all__ = [
    "BLOCKS",
    "ERRORS",
    "MAX_ELEMENTS",
    "Element",
    "LostError",
    "as_html",
    "as_xhtml",
    "attributes_at",
    "base_of",
    "beginning_of",
    "best_candidate",
    "blocks",
    "check_xml",
    "check_xpath",
    "clean_text_of",
    "cut_off",
    "decode",
    "drop",
    "elements_at",
    "first_picture",
    "flatten",
    "fragment",
    "grouped",
    "inner_html",
    "make_absolute",
    "new_element",
    "outer_html",
    "parse",
    "pieces",
    "plain",
    "select_elements",
    "select_text",
    "select_texts",
    "text_of",
    "tighten",
    "undecodable",
    "unescaped",
    "unlazy",
    "unwrap",
    "without_controls",
]
