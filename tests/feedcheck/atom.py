"""Check Atom 1.0: RFC 4287, and what the W3C feed validator warns of.

Pure but for reading the schema that it is given. The schema is the RELAX NG grammar of RFC 4287 appendix B with its
Schematron rules; without it the same rules are held by the tables here.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from .grammar import (
    PAGING,
    Attribute,
    Grammar,
    child_of,
    children_of,
    grammar_problems,
    history_problems,
    name_of,
    need,
    read_xml,
    select,
    self_link_problems,
    text_of,
)
from .markup import html_faults
from .values import (
    email,
    filled,
    iri,
    language,
    matching,
    mime_type,
    moment_of,
    natural,
    no_references,
    no_tags,
    one_of,
    parse_rfc3339,
    rfc3339,
    show,
    words,
)

_SCHEMATRON = "{http://www.ascc.net/xml/schematron}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


def _atom(names: str) -> frozenset[str]:
    return frozenset(f"atom:{name}" for name in names.split())


_SOURCE = _atom(
    "author category contributor generator icon id link logo rights subtitle title updated"
)
_EXTENSIONS = words(
    "dc:creator dc:date dc:subject media:content media:group media:thumbnail media:title media:description"
)
_PERSONS = _atom("author contributor")
_TEXTS = _atom("title subtitle summary rights")
# registered relations that are met in feeds; any other has to be an IRI (RFC 4287 section 4.2.7.2)
_RELATIONS = PAGING | words(
    "alternate describedby edit edit-media enclosure hub license payment related replies search self service up via"
)
# values in which white space is not allowed (RFC 4287 section 2)
_EXACT = _atom("id icon logo updated published")
_TEXT_TYPE = {"type": Attribute(one_of("text", "html", "xhtml"))}
_MEDIA_ATTRIBUTES = dict.fromkeys(
    words("url type medium height width fileSize isDefault duration expression lang"),
    Attribute(filled),
)

_GRAMMAR = Grammar(
    children={
        "atom:feed": _SOURCE | _EXTENSIONS | {"atom:entry", "fh:archive", "fh:complete"},
        "atom:entry": (_SOURCE - _atom("generator icon logo subtitle"))
        | _atom("content published source summary")
        | _EXTENSIONS,
        "atom:source": _SOURCE,
        "media:group": _EXTENSIONS - {"media:group"},
        "media:content": _EXTENSIONS - {"media:group", "media:content"},
    }
    | dict.fromkeys(_PERSONS, _atom("name uri email")),
    required=dict.fromkeys(_atom("feed entry"), _atom("id title updated"))
    | dict.fromkeys(_PERSONS, _atom("name")),
    repeatable=_atom("author category contributor entry link") | (_EXTENSIONS - {"dc:date"}),
    values={
        "atom:title": (filled,),
        "atom:name": (filled, no_tags, no_references),
        "atom:generator": (filled, no_tags),
        "atom:email": (email,),
        "dc:date": (rfc3339,),
    }
    | dict.fromkeys(_atom("id icon logo uri"), (iri,))
    | dict.fromkeys(_atom("published updated"), (rfc3339,)),
    attributes={
        "atom:category": {
            "term": need(filled),
            "scheme": Attribute(iri),
            "label": Attribute(filled),
        },
        "atom:generator": {"uri": Attribute(iri), "version": Attribute(filled)},
        "atom:link": {
            "href": need(filled),
            "rel": Attribute(filled),
            "type": Attribute(mime_type),
            "hreflang": Attribute(language),
            "title": Attribute(filled),
            "length": Attribute(natural),
        },
        "atom:content": {
            "type": Attribute(
                matching(r"text|html|xhtml|[^\s/;]+/[^\s/;]+(;.*)?", "not a type of content")
            ),
            "src": Attribute(filled),
        },
        "media:content": _MEDIA_ATTRIBUTES,
        "media:thumbnail": _MEDIA_ATTRIBUTES,
    }
    | dict.fromkeys(_TEXTS, _TEXT_TYPE),
    opaque=_TEXTS | _atom("content category"),
)


def check_atom(data: bytes, *, schema: Path | None = None) -> list[str]:
    """Return what is wrong with the Atom feed *data*, one line per problem, errors and warnings alike.

    *schema* is a RELAX NG file (XML syntax); its findings come after the others and are marked `relaxng` and
    `schematron`.
    """
    root, problems = read_xml(data)
    if root is None:
        return problems
    if name_of(root) != "atom:feed":
        return [*problems, f"the root element is {name_of(root)}, not atom:feed"]
    problems += grammar_problems(root, _GRAMMAR, "feed")
    problems += _feed_problems(root)
    return problems + (_schema_problems(root, schema) if schema else [])


def _feed_problems(feed: etree._Element) -> Iterator[str]:
    entries = children_of(feed, "atom:entry")
    yield from self_link_problems(feed, "feed", "application/atom+xml")
    yield from history_problems(feed, "feed")
    yield from _common_problems(feed, "feed")
    names = [name_of(child) for child in feed.iterchildren("*")]
    if entries and set(names[names.index("atom:entry") :]) != {"atom:entry"}:
        yield "feed: an element of the feed stands after an entry"
    ids = Counter(text_of(id_) for entry in entries for id_ in children_of(entry, "atom:id"))
    yield from (
        f"feed: entry atom:id {id_} stands {count} times" for id_, count in ids.items() if count > 1
    )
    updated = [
        moment_of(text_of(child_of(element, "atom:updated")), parse_rfc3339)
        for element in (feed, *entries)
    ]
    known = [moment for moment in updated[1:] if moment]
    if len(set(known)) < len(known):
        yield "feed: several entries have the same atom:updated"
    if updated[0] and known and updated[0] < min(known):
        yield "feed: atom:updated is older than every entry's"
    for number, entry in enumerate(entries, 1):
        yield from _entry_problems(entry, f"feed/entry[{number}]")
        if not select(entry, "atom:author | ../atom:author | atom:source/atom:author"):
            yield f"feed/entry[{number}]: atom:author is missing here and in the feed"
    if not entries and child_of(feed, "atom:author") is None:
        yield "feed: atom:author is missing"


def _entry_problems(entry: etree._Element, where: str) -> Iterator[str]:
    yield from _common_problems(entry, where)
    content = child_of(entry, "atom:content")
    links = children_of(entry, "atom:link")
    if content is None and not any(link.get("rel", "alternate") == "alternate" for link in links):
        yield f"{where}: neither atom:content nor an alternate link"
    yield from (
        f"{where}/atom:link: rel={link.get('rel')} is for feeds only"
        for link in links
        if link.get("rel") in PAGING
    )
    if content is not None:
        summary = child_of(entry, "atom:summary") is not None
        yield from (
            f"{where}/atom:content: {fault}" for fault in _content_faults(content, summary=summary)
        )


def _common_problems(element: etree._Element, where: str) -> Iterator[str]:
    """Check what feeds and entries have in common: links and texts."""
    links = children_of(element, "atom:link")
    for link in links:
        yield from (f"{where}/atom:link: {fault}" for fault in _link_faults(link))
    alternates = Counter(
        (link.get("type"), link.get("hreflang"))
        for link in links
        if link.get("rel", "alternate") == "alternate"
    )
    for kind, count in alternates.items():
        if count > 1:
            yield f"{where}: {count} alternate links of the type and language {show(kind)}"
    for child in element.iterchildren("*"):
        if name_of(child) in _EXACT and child.text != text_of(child):
            yield f"{where}/{name_of(child)}: white space around {show(text_of(child))}"
        if name_of(child) in _TEXTS:
            yield from (f"{where}/{name_of(child)}: {fault}" for fault in _text_faults(child))


def _link_faults(link: etree._Element) -> Iterator[str]:
    if not _has_base(link):
        yield from (f"href: {fault}" for fault in iri(link.get("href", "")))
    relation = link.get("rel", "alternate")
    if relation not in _RELATIONS and list(iri(relation)):
        yield f"rel is neither registered nor an IRI: {show(relation)}"
    if text_of(link):
        yield "not empty"


def _text_faults(element: etree._Element) -> Iterator[str]:
    """Check a text construct (RFC 4287 section 3.1) or the content of one of its three types."""
    kind = element.get("type", "text")
    elements = list(element.iterchildren("*"))
    if kind == "xhtml":
        if [name_of(child) for child in elements] != ["xhtml:div"] or element.xpath(
            "normalize-space(text())"
        ):
            yield "type xhtml without a single xhtml:div"
        for child in elements:
            yield from html_faults(_as_html(child), relative_urls=_has_base(child))
    elif elements:
        yield f"type {kind} with elements inside"
    elif kind == "html":
        yield from html_faults(text_of(element), relative_urls=_has_base(element))
    else:
        yield from (*no_tags(text_of(element)), *no_references(text_of(element)))


def _content_faults(content: etree._Element, *, summary: bool) -> Iterator[str]:
    kind = content.get("type", "text")
    inline = kind in {"text", "html", "xhtml"}
    source = content.get("src")
    if source is not None:
        if inline:
            yield "src without a MIME type"
        if text_of(content) or len(content):
            yield "src and yet not empty"
        if not _has_base(content):
            yield from (f"src: {fault}" for fault in iri(source))
    elif inline:
        yield from _text_faults(content)
        yield from (
            fault for fault in filled(text_of(content)) if not select(content, ".//xhtml:img")
        )
    readable = inline or kind.startswith("text/") or kind.endswith(("+xml", "/xml"))
    if not summary and (source is not None or not readable):
        yield "content that is elsewhere or not readable, and no atom:summary"


def _as_html(element: etree._Element) -> str:
    """Return an XHTML element written as HTML, as a reader will use it: without name spaces."""
    plain = copy.deepcopy(element)
    for inner in plain.iter("*"):
        inner.tag = str(inner.tag).removeprefix(_XHTML)
    etree.cleanup_namespaces(plain)
    return str(etree.tostring(plain, method="html", encoding="unicode", with_tail=False))


def _has_base(element: etree._Element) -> bool:
    return any(scope.get(_XML_BASE) for scope in (element, *element.iterancestors()))


def _schema_problems(feed: etree._Element, schema: Path) -> list[str]:
    grammar = etree.parse(str(schema))
    validator = etree.RelaxNG(grammar)
    validator.validate(feed)
    problems = [f"relaxng: line {entry.line}: {entry.message}" for entry in validator.error_log]
    # lxml.isoschematron finds no rules of the older namespace, and these few are plain XPath
    for rule in grammar.iter(f"{_SCHEMATRON}rule"):
        for test in rule.iter(f"{_SCHEMATRON}assert"):
            broken = select(feed, f"//{rule.get('context')}[not({test.get('test')})]")
            problems += [f"schematron: line {node.sourceline}: {text_of(test)}" for node in broken]
    return problems
