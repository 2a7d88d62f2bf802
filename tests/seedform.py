"""A reader of the git-hosted mirrors' Markdown form: a page as values that can be compared.

What the program's cleaning takes from every page by design is normalised away on both sides, by the rules below;
text, links, pictures and structure are not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urljoin

import html5lib

# Gone with their content: programs, forms, frames, players of other times.
_DROPPED = {
    "script",
    "style",
    "form",
    "input",
    "textarea",
    "button",
    "ins",
    "embed",
    "object",
    "iframe",
    "twitter-widget",
}
# Wrappers without a meaning of their own.
_UNWRAPPED = {"span", "font", "big", "noscript", "section"}
_MEANING = {
    "a": ("href", "name"),
    "img": ("src", "alt"),
    "td": ("colspan", "rowspan"),
    "source": ("src",),
    "audio": ("src",),
    "video": ("src",),
}
_CJK = "\u2014\u2018-\u201d\u2026\u2027\u2e80-\u2fdf\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_BESIDE_CJK = re.compile(f"(?<=[{_CJK}]) | (?=[{_CJK}])")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")

# Browsers make one of an end tag that stands alone.
_EMPTY_PARAGRAPH = ("p", (), ())
_TRACKING = re.compile(r"[?&](?:utm_\w+|fbclid)=[^&#]*")

Tree = tuple[Any, ...]


@dataclass(frozen=True)
class SeedPage:
    title: str
    navigation: tuple[tuple[str, str], ...]
    picture: tuple[str, str, str] | None
    body: Tree
    label: str
    original: str


def read_seed(text: str) -> SeedPage:
    """Return the parts of a page in the form."""
    head, _, rest = text.partition("\n#### ")
    line, _, rest = rest.partition("\n")
    content, _, footer = rest.rpartition("\n---\n")
    label, _, original = footer.strip().partition("：")
    lead, body = _parts(content.strip(), original)
    navigation = re.findall(r"\[([^\]]*)\]\(([^)]*)\)", line)
    title = head.partition("\n")[0].removeprefix("### ")
    return SeedPage(
        _ESCAPED.sub(r"\1", title).strip(), tuple(navigation), lead, body, label, original
    )


def _parts(content: str, base: str) -> tuple[tuple[str, str, str] | None, Tree]:
    root = _parse(content)
    body = next(each for each in root.iter("div") if each.get("id") == "artbody")
    inside = set(body.iter())
    image = next((each for each in root.iter("img") if each not in inside), None)
    caption = next(
        (
            each
            for each in root.iter("div")
            if each.get("class") == "caption" and each not in inside
        ),
        None,
    )
    lead = None
    if image is not None:
        words = _text("".join(caption.itertext())) if caption is not None else ""
        lead = (_address(image.get("src", ""), base), _text(image.get("alt", "")), words)
    return lead, tree_of(body, base)


def _parse(content: str) -> Any:
    """Return the tree that browsers make of it; `ok` is marked and read as the link that it stands for, as `</ok>` also ends
    an `<a name>`.
    """
    links = re.sub(r"<ok\b", '<a data-ok="" ', content).replace("</ok>", "</a>")
    return html5lib.parse(links, treebuilder="etree", namespaceHTMLElements=False)


def tree_of(element: Any, base: str) -> Tree:
    """Return an element as nested tuples: tag, meaningful attributes, children and texts."""
    return ("div", (), tuple(_joined(_children(element, base))))


def _children(element: Any, base: str) -> Iterator[Any]:
    yield element.text or ""
    children = list(element)
    for at, child in enumerate(children):
        tag = child.tag if isinstance(child.tag, str) else ""
        twin = (
            children[at + 1] if at + 1 < len(children) and not (child.tail or "").strip() else None
        )
        is_lazy = tag == "img" and twin is not None and twin.tag == "noscript"
        if tag in _UNWRAPPED:
            yield from _children(child, base)
        elif tag and tag not in _DROPPED and child.get("id") != "below_article_ad" and not is_lazy:
            yield _name_of(child), _attributes(child, base), tuple(_joined(_children(child, base)))
        yield child.tail or ""


def _name_of(element: Any) -> str:
    if element.tag == "a":
        return "ok" if element.get("data-ok") is not None else "a"
    return "div" if element.tag == "center" else str(element.tag)


def _attributes(element: Any, base: str) -> Tree:
    found = ((name, element.get(name)) for name in _MEANING.get(element.tag, ()))
    values = ((name, value) for name, value in found if value is not None)
    return tuple(
        (name, _address(value, base) if name in ("href", "src") else _text(value))
        for name, value in values
    )


def _address(value: str, base: str) -> str:
    """Return an address as it is meant on its page, in one of its equal spellings (RFC 3986, 5.2, 6.2.2 and 6.2.3).

    What only tracks readers is no part of it.
    """
    if value.startswith("#"):
        return value
    address = quote(
        unquote(_TRACKING.sub("", urljoin(base, value.strip()))), safe="%/:=&?~#+!$,;'@()*[]|"
    )
    return re.sub(r"^(https?://[^/?#]+)$", r"\1/", address)


def _joined(pieces: Iterator[Any]) -> list[Any]:
    """Return children with neighbouring texts as one, without the white space of pretty-printing."""
    found: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        else:
            found.append(piece)
    texts = (_text(each) if isinstance(each, str) else each for each in found)
    return [each for each in texts if each not in ("", _EMPTY_PARAGRAPH)]


def _text(text: str) -> str:
    """Return text without the white space of pretty-printing: none at its edges and beside Chinese characters, else one."""
    return _BESIDE_CJK.sub("", re.sub(r"\s+", " ", text)).strip()
