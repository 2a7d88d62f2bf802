"""Render a list of feeds in OPML 2.0 (opml.org/spec2.opml), without dates. Pure."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

_SPECIFICATION = "http://opml.org/spec2.opml"


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed with its absolute addresses, or a group of feeds.

    *text* is its name among its neighbours, *title* its full title.
    """

    text: str
    title: str
    feed: str = ""
    home: str = ""
    description: str = ""
    children: tuple["Outline", ...] = ()


def render_opml(title: str, outlines: tuple[Outline, ...]) -> bytes:
    """Return the OPML document with a title and outlines."""
    root = Element("opml", version="2.0")
    head = SubElement(root, "head")
    SubElement(head, "title").text = title
    SubElement(head, "docs").text = _SPECIFICATION
    _add(SubElement(root, "body"), outlines)
    indent(root, "")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(parent: Element, outlines: tuple[Outline, ...]) -> None:
    for outline in outlines:
        feed = {
            "type": "rss",
            "xmlUrl": outline.feed,
            "htmlUrl": outline.home,
            "description": outline.description,
        }
        values = {"text": outline.text, "title": outline.title} | (feed if outline.feed else {})
        _add(
            SubElement(parent, "outline", {name: value for name, value in values.items() if value}),
            outline.children,
        )
