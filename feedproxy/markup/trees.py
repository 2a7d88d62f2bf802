"""Parse, query, change and serialise HTML trees."""

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from urllib.parse import urljoin

from lxml import etree, html
from lxml.html import HtmlElement

from feedproxy.markup.encodings import without_controls
from feedproxy.markup.losses import check_html, check_parsed
from feedproxy.markup.spaces import BLOCKS, plain
from feedproxy.markup.srcset import best_candidate
from feedproxy.model import DirtyHtml

# Elements without content in HTML 5 that libxml2 does not know as such: it would put the following
# content inside them.
_VOID = "embed|keygen|source|track|wbr"
_VOID_START = re.compile(rf"<({_VOID})\b([^<>]*?)/?>", re.IGNORECASE)
_VOID_END = re.compile(rf"</(?:{_VOID})\s*>", re.IGNORECASE)
# Content after these tags belongs to the body (HTML, 13.2.6.4.19 and 22), but libxml2 puts it after
# the body, or drops it.
_LAST_END = re.compile(r"</(?:body|html)\b[^<>]*>", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")

_XPATH_LITERALS = re.compile(r"'[^']*'|\"[^\"]*\"")
_XPATH_NAMES = re.compile(r"\$[\w.-]+|[\w.-]+:(?=[\w*])(?!:)[\w.*-]+|(?<![\w:.-])[\w.-]+(?=\s*\()")
# Functions (XPath 1.0, 4), node types (2.3) and operators (3.1) that may precede a parenthesis.
_XPATH_CORE = frozenset(
    (
        *(
            "last",
            "position",
            "count",
            "id",
            "local-name",
            "namespace-uri",
            "name",
            "string",
            "concat",
            "contains",
        ),
        *(
            "substring-before",
            "substring-after",
            "substring",
            "string-length",
            "normalize-space",
            "translate",
            "boolean",
            "not",
        ),
        *(
            "starts-with",
            "true",
            "false",
            "lang",
            "number",
            "sum",
            "floor",
            "ceiling",
            "round",
            "comment",
            "text",
            "node",
        ),
        *("processing-instruction", "and", "or", "div", "mod"),
    )
)

_SRCSETS = ("srcset", "data-srcset", "data-lazy-srcset")
# Only sources of a `picture` that apply to every screen count, with a type that every browser
# shows.
_SHOWN, _ANY = re.compile(r"\s*image/(?:avif|gif|jpe?g|png|webp|\*)\s*", re.IGNORECASE), "image/*"
_LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-echo", "data-url")

# lxml.html's own class lookup is Python code that runs for each element at each walk through a
# tree. This one is not; forms and the like need no class of their own.
_CLASSES = etree.ElementDefaultClassLookup(
    element=HtmlElement,
    comment=html.HtmlComment,
    pi=html.HtmlProcessingInstruction,
    entity=html.HtmlEntity,
)


# Names of pictures that stand in until a script loads the real one.
_PLACEHOLDER = re.compile(
    r"(?:^|[/_.-])(?:blank|spacer|pixel|placeholder|loading|loader|lazy\w*|gr[ae]y|transparent|1x1|dot|none"
    r"|empty|default|holder|grey\d*|ph|px)(?:[._-][^/]*)?$",
    re.IGNORECASE,
)
# An address that ends as a picture does, or is one as a whole.
_PICTURE_ADDRESS = re.compile(
    r"(?:https?:)?//\S+|[^\s{}<>\"']+\.(?:jpe?g|png|gif|webp|avif|bmp)(?:[?#!@]\S*)?", re.IGNORECASE
)
_NO_SOURCES = frozenset(("src", "alt", "title", "class", "id", "style", "longdesc", "usemap"))
_OTHER_SIZE = re.compile(r"thumb|avatar|small|icon|link|href|permalink|share|page", re.IGNORECASE)


def new_element(tag: str) -> HtmlElement:
    """Return a new element that is in no tree."""
    return _parser().makeelement(tag)


def parse(text: str) -> HtmlElement:
    """Return the root of an HTML document; that of an empty document if *text* has no content.

    Raises:
        LostError: a part of the document would be lost.

    """
    try:
        return _read(_XML_DECLARATION.sub("", text))
    except etree.ParserError:  # empty, or only comments and a document type
        return _read("<html><body></body></html>")


def fragment(markup: str) -> HtmlElement:
    """Return a `div` with the content *markup*; raises the errors of `parse`."""
    document = _read(f"<html><body>{without_controls(markup)}")
    whole = new_element("div")
    for body in document.findall("body"):  # several if the mark-up has body elements itself
        body.tag = "div"
        body.attrib.clear()
        whole.append(body)
    return whole[0] if len(whole) == 1 else whole


def _read(text: str) -> HtmlElement:
    text = _LAST_END.sub("", _close_voids(text))
    check_html(text)
    parser = _parser()
    root = html.document_fromstring(text, parser=parser)
    check_parsed(parser)
    return root


def _parser() -> html.HTMLParser:
    """Return a new parser: each document needs one, as a parser keeps its last errors."""
    parser = html.HTMLParser(remove_pis=True, huge_tree=True)
    parser.set_element_class_lookup(_CLASSES)
    return parser


def base_of(root: HtmlElement, url: str) -> str:
    """Return what relative addresses on a page are relative to: its ``<base href>``, else *url*.

    Only the first base element counts (HTML, 4.2.3), and only with a web address.
    """
    for element in root.iter("base"):
        if href := element.get("href", "").strip():
            found = urljoin(url, href)
            return found if found.startswith(("http://", "https://")) else url
    return url


def inner_html(element: HtmlElement) -> DirtyHtml:
    """Return the HTML inside an element."""
    whole = outer_html(element)
    return DirtyHtml(whole[whole.index(">") + 1 : whole.rindex("<")] if "</" in whole else "")


def outer_html(element: HtmlElement) -> DirtyHtml:
    """Return an element as HTML with its tags, without its tail and invalid XML characters."""
    for item in element.iter("li"):
        item.text = item.text or ""  # libxml2 omits the end tag of an empty one
    text = html.tostring(element, encoding="unicode", with_tail=False)
    return DirtyHtml(without_controls(_VOID_END.sub("", text)))


def blocks(root: HtmlElement) -> Iterator[str]:
    """Yield the content of *root* block by block; inline content between blocks stays together."""
    run = escape(root.text or "", quote=False)
    for child in root:
        piece = outer_html(child)
        if child.tag in BLOCKS:
            yield run
            yield piece
            run = ""
        else:
            run += piece
        run += escape(child.tail or "", quote=False)
    yield run


def unwrap(root: HtmlElement, tags: set[str]) -> None:
    """Remove the elements *tags* below *root*, in place, but keep their content."""
    etree.strip_tags(root, *tags)


def drop(elements: list[HtmlElement]) -> None:
    """Remove elements with their content, but keep the text after each."""
    for element in elements:
        if element.getparent() is not None:
            element.drop_tree()


def unlazy(root: HtmlElement, more_sources: tuple[str, ...] = ()) -> None:
    """Give lazy-loaded pictures their real address, and unpack `noscript`, in place.

    A `noscript` with a picture replaces the picture before it. Any other `noscript` is content for
    browsers without scripts, which applies here. A picture without an address of its own, or with
    that of a placeholder, gets the address that another of its attributes holds.
    """
    _unpack_noscripts(root)
    for image in list(root.iter("amp-img", "amp-anim")):
        image.tag = "img"
    for image in root.iter("img"):
        best = best_candidate(*_srcsets_of(image))
        sources = [image.attrib.pop(name, "") for name in (*more_sources, *_LAZY_SOURCES)]
        real = best or next(filter(None, sources), "") or _held_address(image)
        if real:
            image.set("src", real)
        for name in _SRCSETS:
            image.attrib.pop(name, None)
    for picture in root.iter("picture"):
        drop(list(picture.iter("source")))


def _unpack_noscripts(root: HtmlElement) -> None:
    for noscript in list(root.iter("noscript")):
        twin = noscript.getprevious()
        follower = noscript.getnext()
        if twin is not None and _is_twin(twin, noscript):
            twin.drop_tree()
        elif (
            follower is not None
            and _is_lazy_picture(follower)
            and noscript.find(".//img") is not None
        ):
            follower.drop_tree()
        noscript.drop_tag()


def make_absolute(root: HtmlElement, base: str) -> None:
    """Resolve relative addresses of links and media against *base*, but not those of fragments."""
    for name in ("href", "src", "poster", "data"):
        for element in root.iterfind(f".//*[@{name}]"):
            address = element.get(name, "").strip()
            if address and not address.startswith("#"):
                element.set(name, _joined(base, address))


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _is_twin(element: HtmlElement, noscript: HtmlElement) -> bool:
    """Return whether an element is the lazy form of the picture in the `noscript` behind it.

    That is a picture, or an element with nothing but a picture, one of whose attributes has the
    address of the other.
    """
    shown = noscript.find(".//img")
    if shown is None or element.tag == "img":
        return shown is not None
    pictures = list(element.iter("img"))
    if len(pictures) != 1 or element.text_content().strip():
        return False
    return bool(shown.get("src")) and shown.get("src") in pictures[0].attrib.values()


def _is_lazy_picture(element: HtmlElement) -> bool:
    return element.tag == "img" and _is_placeholder(element.get("src", "data:"))


def _is_placeholder(src: str) -> bool:
    return src.startswith("data:") or _PLACEHOLDER.search(src) is not None


def _held_address(image: HtmlElement) -> str:
    """Return the picture's address in another attribute than `src`, if `src` is a placeholder."""
    src = image.get("src", "")
    if src and not _is_placeholder(src):
        return ""
    held = (
        value.strip()
        for name, value in image.attrib.items()
        if name not in _NO_SOURCES and not _OTHER_SIZE.search(name)
    )
    return next((value for value in held if _PICTURE_ADDRESS.fullmatch(value)), "")


def _srcsets_of(image: HtmlElement) -> list[str]:
    """Return the `srcset`s of an image, lazy ones too, and of the sources in its `picture`."""
    parent = image.getparent()
    sources = parent.findall("source") if parent is not None and parent.tag == "picture" else []
    sources = [
        source
        for source in sources
        if not source.get("media") and _SHOWN.fullmatch(source.get("type", _ANY))
    ]
    found = (element.get(name) for element in (image, *sources) for name in _SRCSETS)
    return [srcset for srcset in found if srcset]


def first_picture(root: HtmlElement) -> HtmlElement | None:
    """Return the first `img` whose address is not a `data:` URL; to be called after `unlazy`."""
    return next(
        (
            image
            for image in root.iter("img")
            if image.get("src", "data:")[:5].lower() not in ("", "data:")
        ),
        None,
    )


def check_xpath(expression: str) -> str:
    """Return *expression* if it is XPath 1.0; raise ValueError with the reason if not."""
    try:
        etree.XPath(expression)
    except etree.XPathError as e:
        raise ValueError(f"{expression!r} is not an XPath 1.0 expression: {e}") from e
    # libxml2 resolves functions, prefixes and variables only when it evaluates them.
    for name in _XPATH_NAMES.findall(_XPATH_LITERALS.sub("''", expression)):
        if name not in _XPATH_CORE:
            raise ValueError(f"{expression!r} is not an XPath 1.0 expression: {name} is unknown")
    return expression


def select_text(element: HtmlElement, expressions: tuple[str, ...]) -> str:
    """Return the first text that XPath *expressions* find, on one line, "" if there is none.

    Spaces within a line are kept: headlines use them as punctuation.
    """
    return next(
        (text for expression in expressions for text in select_texts(element, expression)), ""
    )


def select_texts(element: HtmlElement, expression: str) -> Iterator[str]:
    """Yield the non-empty texts that an XPath *expression* finds, each on one line."""
    found = _evaluate(element, expression)
    for each in found if isinstance(found, list) else [found]:
        text = str(each.text_content()) if isinstance(each, HtmlElement) else str(each)
        if text.strip():
            yield plain(text)


def select_elements(element: HtmlElement, expressions: tuple[str, ...]) -> list[HtmlElement]:
    """Return the elements that the first matching XPath expression finds, outermost only."""
    for expression in expressions:
        found = elements_at(element, expression)
        if found:
            return _outermost(found)
    return []


def _outermost(found: list[HtmlElement]) -> list[HtmlElement]:
    """Return the elements that are inside none of the others.

    No ancestor is visited twice, so the time does not depend on the depth of the tree.
    """
    is_inside = dict.fromkeys(found, True)
    outermost = []
    for each in found:
        passed, inside = [], False
        for ancestor in each.iterancestors():
            if ancestor in is_inside:
                inside = is_inside[ancestor]
                break
            passed.append(ancestor)
        is_inside.update(dict.fromkeys(passed, inside))
        if not inside:
            outermost.append(each)
    return outermost


def elements_at(element: HtmlElement, expression: str) -> list[HtmlElement]:
    """Return the elements that an XPath expression finds; other results are ignored."""
    found = _evaluate(element, expression)
    return (
        [each for each in found if isinstance(each, HtmlElement)] if isinstance(found, list) else []
    )


def _evaluate(element: HtmlElement, expression: str) -> object:
    """Return the result of an expression, [] if it can't be evaluated (as too few arguments)."""
    try:
        return _compiled(expression)(element)
    except etree.XPathError:
        return []


@lru_cache(maxsize=1_000)
def _compiled(expression: str) -> etree.XPath:
    return etree.XPath(expression)


def attributes_at(element: HtmlElement, expression: str) -> list[tuple[HtmlElement, str]]:
    """Return the attributes that an XPath expression finds, each as its element and its name."""
    found = _evaluate(element, expression)
    pairs = (
        ((each.getparent(), each.attrname) for each in found if hasattr(each, "attrname"))
        if isinstance(found, list)
        else ()
    )
    return [(parent, name) for parent, name in pairs if isinstance(parent, HtmlElement) and name]


def _close_voids(text: str) -> str:
    return _VOID_START.sub(r"<\1\2></\1>", _VOID_END.sub("", text))
