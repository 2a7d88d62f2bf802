"""Sanitise HTML by allow-lists. The only maker of `SafeHtml`. Pure.

This is the only module that imports bleach. bleach's time grows with the square of a document's
size (1 MB of plain paragraphs takes 15 s). Therefore the elements to drop with their content are
removed first, and the rest is cleaned in pieces, within limits.
"""

import re
import threading
from collections.abc import Callable, Mapping

from bleach.sanitizer import Cleaner

from feedproxy import markup, urls
from feedproxy.errors import ExtractError, TooLargeError
from feedproxy.model import DirtyHtml, SafeHtml, Url

# Limits of what remains of an article, besides `markup.MAX_ELEMENTS`; an allowed attribute costs
# bleach as much as an element. Scripts and inlined pictures are not counted. The longest real
# article has 60,000 characters and 900 elements.
MAX_CHARACTERS = 1_000_000
_MAX_ATTRIBUTES = markup.MAX_ELEMENTS
# Content longer than the first limit is split into pieces: bleach takes 1.1 us for a character in
# pieces of 5,000 to 20,000, and 1.4 us in those of 40,000. An element that can't be split, as its
# attributes are long, is refused beyond the second limit.
_PIECE_CHARACTERS = 20_000
_MAX_PIECE_CHARACTERS = 200_000
# Elements removed with their content; bleach alone would keep their text.
DROPPED = frozenset(
    (
        *(
            "applet",
            "base",
            "button",
            "canvas",
            "datalist",
            "dialog",
            "embed",
            "form",
            "frame",
            "frameset",
            "head",
            "iframe",
        ),
        *(
            "input",
            "link",
            "map",
            "math",
            "meta",
            "noembed",
            "noframes",
            "noscript",
            "object",
            "optgroup",
            "option",
            "param",
        ),
        *(
            "plaintext",
            "portal",
            "script",
            "select",
            "slot",
            "style",
            "svg",
            "template",
            "textarea",
            "title",
            "track",
            "xmp",
        ),
    )
)
# Allowed elements; any other is unwrapped, and its text is kept.
TAGS = frozenset(
    (
        *(
            "a",
            "abbr",
            "address",
            "article",
            "aside",
            "audio",
            "b",
            "bdi",
            "bdo",
            "big",
            "blockquote",
            "br",
            "caption",
            "cite",
        ),
        *(
            "code",
            "col",
            "colgroup",
            "dd",
            "del",
            "details",
            "dfn",
            "div",
            "dl",
            "dt",
            "em",
            "figcaption",
            "figure",
            "footer",
        ),
        *(
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "i",
            "img",
            "ins",
            "kbd",
            "li",
            "mark",
            "ol",
            "p",
            "pre",
            "q",
        ),
        *(
            "rp",
            "rt",
            "ruby",
            "s",
            "samp",
            "section",
            "small",
            "source",
            "strong",
            "sub",
            "summary",
            "sup",
            "table",
            "tbody",
        ),
        *("td", "tfoot", "th", "thead", "time", "tr", "u", "ul", "var", "video", "wbr"),
    )
)
# Blocks that are not allowed, but whose text must stay separate from its neighbours.
_BECOME_DIV = ("center", "fieldset", "main", "nav")
# Misnested mark-up may need several passes; after this many, the result is used as it is.
_MAX_PASSES = 5
# A line break at the beginning of `pre`, also of the parts of a long one: parsers differ in how
# they read it.
_LOOSE_PRE = re.compile(r"<pre\b[^<>]*>\n")
_ADDRESSES = frozenset(
    (
        ("a", "href"),
        ("img", "src"),
        ("audio", "src"),
        ("video", "src"),
        ("video", "poster"),
        ("source", "src"),
    )
)
_PLAIN: Mapping[str, frozenset[str]] = {
    "*": frozenset(("dir", "lang", "title")),
    "a": frozenset(("name",)),
    "audio": frozenset(("controls",)),
    "col": frozenset(("span",)),
    "img": frozenset(("alt", "height", "width")),
    "li": frozenset(("value",)),
    "ol": frozenset(("start", "type")),
    "source": frozenset(("type",)),
    "td": frozenset(("colspan", "headers", "rowspan")),
    "th": frozenset(("colspan", "headers", "rowspan", "scope")),
    "time": frozenset(("datetime",)),
    "video": frozenset(("controls", "height", "width")),
}
_cleaners = threading.local()


def clean(dirty: DirtyHtml, base: Url) -> SafeHtml:
    """Return *dirty* with allowed elements and attributes, and absolute http(s) URLs only.

    Parameters that track readers are removed from the URLs.

    Args:
            dirty: a fragment, as upstream sent it.
            base: the URL of its page, for relative addresses.

    Raises:
        TooLargeError: it exceeds MAX_CHARACTERS or the limit of attributes, or one element's
            attributes are too long.
        ExtractError: it can't be read completely.

    """
    return clean_tree(dirty, base)[0]


def clean_tree(dirty: DirtyHtml, base: Url) -> tuple[SafeHtml, markup.Element]:
    """Return the result of `clean` and the tree built to check it; raises as `clean` does."""
    try:
        safe = _clean_once(dirty, base)
        root = markup.fragment(safe)
        for _ in range(_MAX_PASSES):
            if _is_settled(safe, root):
                break
            safe = _clean_once(DirtyHtml(safe), base)
            root = markup.fragment(safe)
    except markup.ERRORS as e:
        raise ExtractError(base, f"body can't be cleaned: {e}") from e
    return safe, root


def _clean_once(dirty: DirtyHtml, base: Url) -> SafeHtml:
    root = markup.fragment(dirty)
    markup.drop(
        [
            element
            for element in root.iter()
            if not isinstance(element.tag, str) or element.tag in DROPPED
        ]
    )
    for element in list(root.iter(*_BECOME_DIV)):
        element.tag = "div"
    markup.unwrap(root, {str(element.tag) for element in root.iter()} - TAGS)
    for element in root.iter("pre"):
        element.text = (element.text or "").lstrip(
            "\n"
        )  # HTML drops one line break here, libxml2 none, html5lib none in tables
    markup.flatten(root)
    _strip_attributes(root)
    _settle_addresses(root, base)
    values = [value for element in root.iter() for value in element.attrib.values()]
    _check_size(base, len(values), "attributes", _MAX_ATTRIBUTES)
    _check_size(
        base, sum(map(len, (*root.itertext(), *values))), "characters", MAX_CHARACTERS
    )  # before escaping makes them longer
    cleaner, groups = _cleaner(), _groups(root)
    longest = max(map(len, groups), default=0)
    _check_size(base, sum(map(len, groups)), "characters, escaped,", MAX_CHARACTERS)
    if longest > _MAX_PIECE_CHARACTERS:
        raise TooLargeError(
            base, f"an element of {longest} characters is larger than {_MAX_PIECE_CHARACTERS}"
        )
    return SafeHtml("".join(cleaner.clean(group) for group in groups))


def _check_size(base: Url, size: int, unit: str, limit: int) -> None:
    if size > limit:
        raise TooLargeError(base, f"body of {size} {unit} is larger than {limit}")


def _is_settled(safe: SafeHtml, root: markup.Element) -> bool:
    """Return whether both parsers agree on the result, so that another pass changes nothing.

    *root* is libxml2's tree of it. Nested links, which HTML does not allow, are never settled: only
    one of the parsers reads them as such.
    """
    markup.flatten(root)  # html5lib adds a level to each table
    has_nested = any(next(link.iterdescendants("a"), None) is not None for link in root.iter("a"))
    return not has_nested and not _LOOSE_PRE.search(safe) and str(markup.inner_html(root)) == safe


def plain_text(safe: SafeHtml) -> str:
    """Return the text of clean HTML on one line."""
    return markup.text_of(markup.fragment(safe))


def _groups(root: markup.Element) -> list[str]:
    """Return the HTML inside *root* in pieces, in one piece if it is short."""
    whole = markup.inner_html(root)
    if len(whole) <= _PIECE_CHARACTERS:
        return [whole]
    return list(markup.grouped(markup.pieces(root, _PIECE_CHARACTERS), _PIECE_CHARACTERS))


def _strip_attributes(root: markup.Element) -> None:
    """Remove the attributes that bleach would drop only after reading them letter by letter.

    It does so with addresses, styles and data.
    """
    for element in root.iter():
        names = [name for name in element.keys() if _may_have(str(element.tag), name)]  # noqa: SIM118 (it is no mapping)
        if len(names) < len(element.attrib):
            kept = {name: markup.without_controls(element.get(name, "")) for name in names}
            element.attrib.clear()  # a name that is invalid in XML can't be deleted by itself
            element.attrib.update(kept)


def _settle_addresses(root: markup.Element, base: Url) -> None:
    """Make addresses absolute; remove any that is neither http(s) nor a fragment of the page."""
    for tag, name in _ADDRESSES:
        for element in root.iter(tag):
            value = element.get(name)
            if value is None or (name == "href" and value.strip().startswith("#")):
                continue
            url = urls.resolve(base, value)
            if url is None:
                del element.attrib[name]
            else:
                element.set(name, urls.without_tracking(url))


def _cleaner() -> Cleaner:
    """Return this thread's cleaner: its parser keeps state, so it must not be shared."""
    if not hasattr(_cleaners, "cleaner"):
        _cleaners.cleaner = Cleaner(
            tags=TAGS,
            attributes={tag: _attributes_of(tag) for tag in TAGS},
            protocols=frozenset(("http", "https")),
            strip=True,
            strip_comments=True,
        )
        # with its choice of quotes it would escape the text between them twice
        _cleaners.cleaner.serializer.use_best_quote_char = False
    cleaner: Cleaner = _cleaners.cleaner
    return cleaner


def _attributes_of(tag: str) -> Callable[[str, str, str], bool]:
    def is_allowed(_tag: str, name: str, value: str) -> bool:
        if (tag, name) in _ADDRESSES:
            # bleach takes "javascript:123" for a host with a port: check addresses here as well
            return (name == "href" and value.startswith("#")) or value.startswith(
                ("http://", "https://")
            )
        return _may_have(tag, name)

    return is_allowed


def _may_have(tag: str, name: str) -> bool:
    return name in _PLAIN["*"] or name in _PLAIN.get(tag, ()) or (tag, name) in _ADDRESSES
