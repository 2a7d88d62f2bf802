"""Split a large tree into pieces that can be processed one by one and joined again."""

import re
from collections.abc import Iterable, Iterator
from html import escape

from lxml.html import HtmlElement

from feedproxy.markup.trees import outer_html

# Text is split here, but not inside a character reference.
_TEXT = re.compile(r"[\s\S]{1,4000}(?<!&)(?<!&[a-z])(?<!&[a-z]{2})(?<!&[a-z]{3})")


def pieces(root: HtmlElement, most_characters: int) -> Iterator[str]:
    """Yield the content of *root*, text and elements, in pieces that are well-formed by themselves.

    An element longer than *most_characters* is split into several of its kind. It stays whole if
    its tags and attributes alone take more than half of that length.
    """
    return _pieces(root, most_characters, _sizes(root))


def grouped(parts: Iterable[str], most_characters: int) -> Iterator[str]:
    """Yield adjacent parts joined, up to a length that only a single part may exceed."""
    group: list[str] = []
    size = 0
    for part in parts:
        if group and size + len(part) > most_characters:
            yield "".join(group)
            group, size = [], 0
        group.append(part)
        size += len(part)
    if group:
        yield "".join(group)


def _pieces(root: HtmlElement, limit: int, sizes: dict[HtmlElement, int]) -> Iterator[str]:
    yield from _cut(root.text)
    for child in root:
        if sizes[child] > limit:
            yield from _split(child, limit, sizes)
        else:
            yield outer_html(child)
        yield from _cut(child.tail)


def _split(element: HtmlElement, limit: int, sizes: dict[HtmlElement, int]) -> Iterator[str]:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items())
    tag = str(element.tag)
    start, end = f"<{tag}{attributes}>", f"</{tag}>"
    room = limit - len(start) - len(end)
    if room < limit / 2:
        yield outer_html(element)
        return
    for group in grouped(_pieces(element, room, sizes), room):
        yield start + group + end


def _cut(text: str | None) -> list[str]:
    return _TEXT.findall(escape(text, quote=False)) if text else []


def _sizes(root: HtmlElement) -> dict[HtmlElement, int]:
    """Return the approximate length of each element as HTML: with its tags, without its tail."""
    sizes: dict[HtmlElement, int] = {}
    for element in reversed(list(root.iter())):  # children come before their parents
        attributes = sum(
            len(name) + len(escape(value)) + 4 for name, value in element.attrib.items()
        )
        texts = sum(
            len(escape(text, quote=False))
            for text in (element.text, *(child.tail for child in element))
            if text
        )
        sizes[element] = (
            2 * len(str(element.tag))
            + 5
            + attributes
            + texts
            + sum(sizes[child] for child in element)
        )
    return sizes
