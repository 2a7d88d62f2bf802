"""Read an XML feed and hold it against a grammar given as tables.

Pure. Elements are named by the usual prefix of their namespace (`media:content`), whatever prefix the feed uses; a
name that a table does not know, or knows elsewhere only, is a problem.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from .values import Check, http_url, show, words

PREFIXES = {
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.w3.org/2005/Atom": "atom",
    "http://search.yahoo.com/mrss/": "media",
    "http://purl.org/syndication/history/1.0": "fh",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
NAMESPACES = {prefix: uri for uri, prefix in PREFIXES.items()}
_COMMON_ATTRIBUTES = frozenset({"xml:lang", "xml:base", "xml:space"})
# link relations that RFC 5005 gives a meaning for feeds
PAGING = words("current first last next next-archive prev-archive previous")


@dataclass(frozen=True, slots=True)
class Attribute:
    check: Check
    required: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a form of feed allows; `values` are looked up under "parent/child" first, then under "child"."""

    children: Mapping[str, frozenset[str]]
    required: Mapping[str, frozenset[str]]
    repeatable: frozenset[str]
    values: Mapping[str, tuple[Check, ...]]
    attributes: Mapping[str, Mapping[str, Attribute]]
    opaque: frozenset[str] = frozenset()  # their content is looked at elsewhere


def need(check: Check) -> Attribute:
    """Return an attribute that must be there and pass *check*."""
    return Attribute(check, required=True)


def read_xml(data: bytes) -> tuple[etree._Element | None, list[str]]:
    """Return the root of *data* (None where it has none) and what is wrong below the level of elements."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        return None, [f"xml: not UTF-8: {e.reason} at byte {e.start}"]
    # what the declaration says is checked below; by here the bytes are known to be UTF-8
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as e:
        return None, [f"xml: not well-formed: {e.msg}"]
    return root, [
        f"xml: {fault}" for fault in (*_declaration_faults(data), *_document_faults(root))
    ]


def _declaration_faults(data: bytes) -> Iterator[str]:
    declared = re.match(
        rb"(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)", data
    )
    if declared and declared[1].lower() != b"utf-8":
        yield f"declared as {declared[1].decode()}, not as UTF-8"


def _document_faults(root: etree._Element) -> Iterator[str]:
    if root.getroottree().docinfo.internalDTD is not None:
        yield "has a DTD"
    values = (str(value) for element in root.iter("*") for value in element.attrib.values())
    text = "".join((*values, *(str(piece) for piece in root.itertext())))
    for char in sorted(set(re.findall(r"[\x80-\x9f\ufffd]", text))):
        yield f"has the control or replacement character U+{ord(char):04X}"
    declared = {pair for element in root.iter("*") for pair in element.nsmap.items()}
    for prefix, uri in sorted((prefix or "", uri) for prefix, uri in declared):
        if NAMESPACES.get(prefix, uri) != uri:
            yield f"namespace prefix {prefix} is bound to {uri}, not to {NAMESPACES[prefix]}"


def name_of(element: etree._Element) -> str:
    """Return the name of *element* with the usual prefix of its namespace."""
    return _usual_name(str(element.tag))


def _usual_name(tag: str) -> str:
    uri, _, local = tag.rpartition("}")
    prefix = PREFIXES.get(uri[1:])
    return f"{prefix}:{local}" if prefix else tag


def text_of(element: etree._Element | None) -> str:
    """Return all text inside *element* without the white space around it; "" for None."""
    return "" if element is None else str(element.xpath("string()")).strip()


def select(element: etree._Element, path: str) -> list[etree._Element]:
    """Return the elements at the XPath *path* (usual prefixes), seen from *element*."""
    found: Any = element.xpath(path, namespaces=NAMESPACES)
    return list(found)


def children_of(element: etree._Element, name: str) -> list[etree._Element]:
    """Return the children of *element* that have the usual name *name*."""
    return [child for child in element.iterchildren("*") if name_of(child) == name]


def child_of(element: etree._Element, name: str) -> etree._Element | None:
    """Return the first child of *element* called *name*, or None."""
    return next(iter(children_of(element, name)), None)


def grammar_problems(
    element: etree._Element, grammar: Grammar, where: str, parent: str = ""
) -> Iterator[str]:
    """Hold *element* and everything below it against *grammar*."""
    name = name_of(element)
    checks = grammar.values.get(f"{parent}/{name}", grammar.values.get(name, ()))
    yield from (f"{where}: {fault}" for check in checks for fault in check(text_of(element)))
    yield from (
        f"{where}: {fault}"
        for fault in _attribute_faults(element, grammar.attributes.get(name, {}))
    )
    if name in grammar.opaque:
        return
    allowed = grammar.children.get(name, frozenset())
    yield from (f"{where}: {fault}" for fault in _child_faults(element, grammar, allowed))
    counts: Counter[str] = Counter()
    for child in element.iterchildren("*"):
        kind = name_of(child)
        counts[kind] += 1
        label = (
            f"{where}/{kind}[{counts[kind]}]" if kind in grammar.repeatable else f"{where}/{kind}"
        )
        if kind in allowed:
            yield from grammar_problems(child, grammar, label, name)


def _child_faults(
    element: etree._Element, grammar: Grammar, allowed: frozenset[str]
) -> Iterator[str]:
    counts = Counter(name_of(child) for child in element.iterchildren("*"))
    yield from (f"element {name} is not known here" for name in counts if name not in allowed)
    for name, count in counts.items():
        if count > 1 and name in allowed - grammar.repeatable:
            yield f"element {name} stands {count} times"
    missing = grammar.required.get(name_of(element), frozenset()) - counts.keys()
    yield from (f"element {name} is missing" for name in sorted(missing))
    stray = [element.text or "", *(child.tail or "" for child in element)]
    if allowed and "".join(stray).strip():
        yield f"text between the elements: {show(''.join(stray).strip())}"


def _attribute_faults(
    element: etree._Element, attributes: Mapping[str, Attribute]
) -> Iterator[str]:
    values = {_usual_name(str(name)): str(value) for name, value in element.attrib.items()}
    for name in values:
        if name not in attributes and name not in _COMMON_ATTRIBUTES:
            yield f"attribute {name} is not known here"
    for name, attribute in attributes.items():
        if name in values:
            yield from (f"attribute {name}: {fault}" for fault in attribute.check(values[name]))
        elif attribute.required:
            yield f"attribute {name} is missing"


def self_link_problems(feed: etree._Element, where: str, mime_type: str) -> Iterator[str]:
    """Check that *feed* names its own address exactly once."""
    links = [link for link in children_of(feed, "atom:link") if link.get("rel") == "self"]
    if len(links) != 1:
        yield f'{where}: atom:link rel="self" stands {len(links)} times, not once'
    for link in links:
        if link.get("type") != mime_type:
            yield f'{where}: atom:link rel="self": type is not {mime_type}: {show(link.get("type"))}'
        yield from (
            f'{where}: atom:link rel="self": href: {fault}'
            for fault in http_url(link.get("href", ""))
        )


def history_problems(feed: etree._Element, where: str) -> Iterator[str]:
    """Check what RFC 5005 asks of the links of complete feeds (section 2) and archives (section 4)."""
    links = [(link.get("rel", ""), link.get("href")) for link in children_of(feed, "atom:link")]
    rels = Counter(rel for rel, _ in links)
    yield from (
        f"{where}: link rel={rel} stands {rels[rel]} times"
        for rel in sorted(PAGING)
        if rels[rel] > 1
    )
    if children_of(feed, "fh:complete"):
        own = [href for rel, href in links if rel == "self"]
        wrong = sorted(
            {rel for rel, href in links if rel in PAGING and not (rel == "current" and href in own)}
        )
        yield from (f"{where}: fh:complete together with link rel={rel}" for rel in wrong)
    elif children_of(feed, "fh:archive") and "current" not in rels:
        # one without prev-archive and next-archive may be the only one: they stand only where there are such documents
        yield f"{where}: fh:archive without a link rel=current"
