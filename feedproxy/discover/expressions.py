"""Build XPath expressions for elements of a page that still match when its content changes. Pure.

They prefer names to positions.
"""

import re
from collections.abc import Iterator, Sequence

from feedproxy.markup import Element

# Names that distinguish an element from others of its kind: "post-123", "odd". They change with the
# page's content.
_PASSING = re.compile(
    r"\d|^(?:odd|even|first|last|active|current|sticky|featured|new|hot|lazy)$", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z_][\w-]*")
# Expressions that begin further out in the tree are no more specific.
_MAX_ANCESTORS = 3


def tag_of(element: Element) -> str:
    """Return an element's tag, "" for a comment."""
    return element.tag if isinstance(element.tag, str) else ""


def lasting_classes(element: Element) -> list[str]:
    """Return the class names of an element that others of its kind are likely to have, too."""
    return [
        name
        for name in element.get("class", "").split()
        if _NAME.fullmatch(name) and not _PASSING.search(name)
    ]


def item_expressions(items: Sequence[Element]) -> Iterator[str]:
    """Yield expressions for similar elements with the same path of tags, the shortest first."""
    tag = tag_of(items[0])
    common = [
        name
        for name in lasting_classes(items[0])
        if all(name in item.get("class", "").split() for item in items)
    ]
    step = f"{tag}{has_class(common[0])}" if common else tag
    if common:
        yield f"//{step}"
    parent = _common_ancestor(items)
    named_ancestors = 0
    for ancestor in (parent, *parent.iterancestors()):
        if (named := _named(ancestor)) and named_ancestors < _MAX_ANCESTORS:
            named_ancestors += 1
            yield f"//{named}/{_tags_between(ancestor, items[0])}{step}"
    yield f"{parent.getroottree().getpath(parent)}/{_tags_between(parent, items[0])}{step}"


def inner_expressions(item: Element, element: Element) -> Iterator[str]:
    """Yield expressions, relative to *item*, for an element in it.

    They use the element's own name, its parent's name, the tags in between, and classes or
    positions.
    """
    if element is item:
        yield "."
        return
    named = _named(element)
    if named:
        yield f".//{named}"
    parent = element.getparent()
    if parent is not None and parent is not item and (outer := _named(parent)):
        yield f".//{outer}/{tag_of(element)}"
    between = _tags_between(item, element)
    yield f"{between}{tag_of(element)}"
    yield "/".join(_placed(each) for each in (*_between(item, element), element))


def beside_expression(distance: int, element: Element) -> str:
    """Return the expression for the element *distance* siblings after an item."""
    return f"following-sibling::*[{distance}][self::{tag_of(element)}]"


def has_class(name: str) -> str:
    """Return the XPath predicate for elements with the class *name*."""
    return f"[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"


def _named(element: Element) -> str:
    """Return an element's tag with its ID or its first class, "" if none of them is lasting."""
    name = element.get("id", "")
    if _NAME.fullmatch(name) and not _PASSING.search(name):
        return f"{tag_of(element)}[@id='{name}']"
    classes = lasting_classes(element)
    return f"{tag_of(element)}{has_class(classes[0])}" if classes else ""


def _placed(element: Element) -> str:
    """Return the step to an element: by its class, else by its position among equal tags."""
    if classes := lasting_classes(element):
        return f"{tag_of(element)}{has_class(classes[0])}"
    before = len(list(element.itersiblings(tag_of(element), preceding=True)))
    is_alone = not before and next(element.itersiblings(tag_of(element)), None) is None
    return tag_of(element) if is_alone else f"{tag_of(element)}[{before + 1}]"


def _between(outer: Element, inner: Element) -> list[Element]:
    """Return the elements between two, outermost first."""
    found: list[Element] = []
    for ancestor in inner.iterancestors():
        if ancestor is outer:
            break
        found.insert(0, ancestor)
    return found


def _tags_between(outer: Element, inner: Element) -> str:
    return "".join(f"{tag_of(element)}/" for element in _between(outer, inner))


def _common_ancestor(items: Sequence[Element]) -> Element:
    shared = list(items[0].iterancestors())
    for item in items[1:]:
        others = set(item.iterancestors())
        shared = [each for each in shared if each in others]
    return shared[0]
