"""Convert HTML to XHTML that conforms to the content model of HTML 5. No text is lost.

E-readers and their validator require this. Clean HTML may nest elements in any way, and browsers
accept it. An element that the content model does not allow becomes a `div` or a `span` with its old
name as its class, so that a style sheet can still select it.
"""

import re
from collections.abc import Collection, Mapping
from html import escape
from urllib.parse import quote, unquote

from lxml import etree
from lxml.html import HtmlElement

from feedproxy.markup.encodings import without_controls
from feedproxy.markup.trees import drop, fragment, unwrap

# Phrasing content (HTML 5, 3.2.5.2.5), and the elements allowed in `ruby` only; all others are
# blocks here.
_PHRASES = frozenset(
    (
        *(
            "a",
            "abbr",
            "audio",
            "b",
            "bdi",
            "bdo",
            "big",
            "br",
            "cite",
            "code",
            "del",
            "dfn",
            "em",
            "i",
            "img",
            "ins",
            "kbd",
        ),
        *(
            "mark",
            "q",
            "rp",
            "rt",
            "ruby",
            "s",
            "samp",
            "small",
            "span",
            "strong",
            "sub",
            "sup",
            "time",
            "u",
            "var",
            "video",
        ),
        "wbr",
    )
)
# Elements that may contain what their parent may (3.2.5.3).
_TRANSPARENT = frozenset(("a", "del", "ins"))
# Blocks that may contain phrasing content only.
_LINES = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"))
# Elements that are not in HTML 5, that require other elements or attributes, or that are allowed in
# few places and look like any other block.
_RENAMED = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "details",
            "figcaption",
            "figure",
            "footer",
            "header",
            "section",
            "summary",
        ),
        *("audio", "bdo", "big", "time", "video"),
    )
)
# Empty elements that are useless once their parent is renamed, or where a style sheet does their
# work.
_DROPPED = frozenset(("col", "colgroup", "source"))
_EMPTY = frozenset(("br", "hr", "img", "wbr"))
_ONLY_IN: Mapping[str, frozenset[str]] = {
    "caption": frozenset(("table",)),
    "dd": frozenset(("dl",)),
    "dt": frozenset(("dl",)),
    "li": frozenset(("ol", "ul")),
    "rp": frozenset(("ruby",)),
    "rt": frozenset(("ruby",)),
    "tbody": frozenset(("table",)),
    "td": frozenset(("tr",)),
    "tfoot": frozenset(("table",)),
    "th": frozenset(("tr",)),
    "thead": frozenset(("table",)),
    "tr": frozenset(("table", "tbody", "tfoot", "thead")),
}
_NOT_INSIDE = {"a": "a", "dfn": "dfn", "table": "caption"}
# Allowed sequences of children; "#" is text. No pattern backtracks, as hostile documents have
# thousands of children.
_CONTENT = {
    "dl": re.compile(r"(?:(?:dt )++(?:dd )++)*+"),
    "ol": re.compile(r"(?:li )*"),
    "ruby": re.compile(r"(?:(?:(?!r[pt] )\S+ )*+(?:(?:rt )++|rp (?:rt rp )++))++"),
    "table": re.compile(r"(?:caption )?(?:thead )?(?:(?:tbody )*|(?:tr )+)(?:tfoot )?"),
    "tbody": re.compile(r"(?:tr )*"),
    "tfoot": re.compile(r"(?:tr )*"),
    "thead": re.compile(r"(?:tr )*"),
    "tr": re.compile(r"(?:t[dh] )*"),
    "ul": re.compile(r"(?:li )*"),
}
_SPACES = " \t\r\n"
_NUMBER, _INTEGER, _SPAN = (
    re.compile(r"\d{1,5}"),
    re.compile(r"-?\d{1,6}"),
    re.compile(r"[1-9]\d{0,2}"),
)
_ANY = re.compile(r".*", re.DOTALL)
# Allowed attributes by element; addresses are checked separately. A file of the same book has no
# scheme.
_ATTRIBUTES: Mapping[tuple[str, str], re.Pattern[str]] = {
    ("a", "href"): _ANY,
    ("a", "rel"): _ANY,
    ("img", "alt"): _ANY,
    ("img", "height"): _NUMBER,
    ("img", "src"): _ANY,
    ("img", "width"): _NUMBER,
    ("li", "value"): _INTEGER,
    ("ol", "start"): _INTEGER,
    ("ol", "type"): re.compile("[1aAiI]"),
    ("td", "colspan"): _SPAN,
    ("td", "rowspan"): _SPAN,
    ("th", "colspan"): _SPAN,
    ("th", "rowspan"): _SPAN,
    ("th", "scope"): re.compile("(?:row|col)(?:group)?"),
}
_GLOBAL = {
    "dir": re.compile("ltr|rtl|auto"),
    "lang": re.compile("[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*"),
    "title": _ANY,
}
_FILE = re.compile(r"(?:[\w-]+/)*[\w-]+\.(\w+)", re.ASCII)
_ADDRESS = re.compile(
    r"(https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)(/[^?#]*)?(\?[^#]*)?(#.*)?",
    re.DOTALL,
)
# Characters of an address that are not escaped (RFC 3986, 3.3 to 3.5); a "%" that begins no escape
# is text.
_SAFE, _LONE_PERCENT = "/:@!$&'()*+,;=-._~%", re.compile("%(?![0-9A-Fa-f]{2})")


def as_xhtml(html: str) -> str:
    """Return the HTML fragment *html* as XML without a namespace, to be put into a `div`.

    Links may lead to web pages, to `.xhtml` files of the same book, or to anchors of the fragment;
    any other address becomes the link's title. Pictures must be files of the same book; any other
    picture becomes its alternative text. Anchors are renumbered: `p1`, `p2`, ...

    Raises:
        ValueError: the fragment has too many tags.
    """
    root = fragment(html)
    drop([each for each in root.iter() if not isinstance(each.tag, str) or each.tag in _DROPPED])
    for around in list(root.iter("rp")):
        unwrap(around, {"*"})  # `rp` may contain text only
    _settle_names(root)
    for element in list(root.iterdescendants()):
        _settle_attributes(element)
    blocks: set[HtmlElement] = set()
    for element in reversed(list(root.iterdescendants())):  # children come before their parents
        _settle_content(element, blocks)
    for element in root.iterdescendants():
        _settle_place(element, blocks)
    parts = (etree.tostring(child, encoding="unicode", method="xml") for child in root)
    return without_controls(escape(root.text or "", quote=False) + "".join(parts))


def _settle_names(root: HtmlElement) -> None:
    """Renumber anchors so that they are unique, and clear links to anchors that do not exist."""
    ids: dict[str, str] = {}
    for element in root.iter():
        element.attrib.pop("id", None)
    for anchor in root.iter("a"):
        name = anchor.attrib.pop("name", "")
        if name and name not in ids:
            ids[name] = f"p{len(ids) + 1}"
            anchor.set("id", ids[name])
    for link in root.iter("a"):
        href = link.get("href", "")
        if href.startswith("#"):
            found = ids.get(href[1:]) or ids.get(unquote(href[1:]))
            link.set("href", f"#{found}" if found else "")


def _settle_attributes(element: HtmlElement) -> None:
    tag = str(element.tag)
    for name, value in element.attrib.items():
        rule = _ATTRIBUTES.get((tag, name)) or _GLOBAL.get(name)
        if name != "id" and (rule is None or not rule.fullmatch(value)):
            del element.attrib[name]
    parent = element.getparent()
    if tag == "li" and (parent is None or parent.tag != "ol"):
        element.attrib.pop("value", None)
    if tag == "a":
        _settle_link(element)
    if tag == "img" and not _FILE.fullmatch(element.get("src", "")):
        element.tag, element.text = "span", without_controls(element.get("alt", ""))
        _keep(element, _GLOBAL)
    if tag not in _EMPTY and not element.text:
        element.text = ""  # otherwise it gets no end tag, which parsers of HTML need


def _settle_link(link: HtmlElement) -> None:
    href = link.attrib.pop("href", "")
    file, address = _FILE.fullmatch(href), _ADDRESS.fullmatch(href)
    if href.startswith("#") or (file and file[1] == "xhtml"):
        link.set("href", href)
    elif address:
        host, *rest = address.groups()
        parts = (
            part[0] + quote(_LONE_PERCENT.sub("%25", part[1:]), safe=_SAFE + "?")
            for part in rest
            if part
        )
        link.set("href", host + "".join(parts))
    else:
        link.attrib.pop("rel", None)
        if href and not _FILE.fullmatch(href):
            link.set("title", without_controls(href))


def _settle_content(element: HtmlElement, blocks: set[HtmlElement]) -> None:
    """Rename an element whose content is not allowed in it; its children are settled already."""
    has_block = any(child in blocks for child in element)
    tag = str(element.tag)
    if has_block or tag not in _PHRASES:
        blocks.add(element)
    is_line = tag in _LINES or (tag in _PHRASES and tag not in _TRANSPARENT)
    content = _CONTENT.get(tag)
    if (
        tag in _RENAMED
        or (is_line and has_block)
        or (content and not content.fullmatch(_children(element)))
    ):
        _rename(element, blocks)


def _settle_place(element: HtmlElement, blocks: set[HtmlElement]) -> None:
    """Rename an element that is not allowed where it is; its ancestors are settled already."""
    tag, parent = str(element.tag), element.getparent()
    is_lost = tag in _ONLY_IN and (parent is None or parent.tag not in _ONLY_IN[tag])
    if is_lost or (
        tag in _NOT_INSIDE and next(element.iterancestors(_NOT_INSIDE[tag]), None) is not None
    ):
        _rename(element, blocks)


def _children(element: HtmlElement) -> str:
    texts = [element.text, *(child.tail for child in element)]
    tags = [f"{child.tag!s} " for child in element]
    return "".join(
        ("# " if text and text.strip(_SPACES) else "") + tag
        for text, tag in zip(texts, [*tags, ""], strict=True)
    )


def _rename(element: HtmlElement, blocks: set[HtmlElement]) -> None:
    name = str(element.tag)
    element.tag = "div" if element in blocks else "span"
    _keep(element, {*_GLOBAL, "id"})
    if name not in ("div", "span"):
        element.set("class", name)


def _keep(element: HtmlElement, names: Collection[str]) -> None:
    for name in set(element.attrib) - set(names):
        del element.attrib[name]
