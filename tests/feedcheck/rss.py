"""Check RSS 2.0: the specification, the Best Practices Profile, and what the W3C feed validator warns of.

Pure. https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile,
https://www.rssboard.org/media-rss
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product

from lxml import etree

from .grammar import (
    Attribute,
    Grammar,
    child_of,
    children_of,
    grammar_problems,
    history_problems,
    name_of,
    need,
    read_xml,
    self_link_problems,
    text_of,
)
from .markup import html_faults
from .values import (
    boolean,
    email_with_name,
    filled,
    http_url,
    iri,
    language,
    matching,
    mime_type,
    moment_of,
    natural,
    no_tags,
    number,
    one_of,
    parse_rfc822,
    positive,
    rfc822,
    words,
)

_DC = words(
    "dc:title dc:creator dc:subject dc:description dc:publisher dc:contributor dc:date dc:type dc:format "
    "dc:identifier dc:source dc:language dc:relation dc:coverage dc:rights"
)
# the metadata of Media RSS that one may expect in a news feed; rarer ones count as unknown
_MEDIA = words(
    "media:title media:description media:keywords media:thumbnail media:category media:credit media:copyright media:rating"
)
_CHANNEL = words(
    "title link description language copyright managingEditor webMaster pubDate lastBuildDate category generator docs "
    "cloud ttl image rating skipHours skipDays item atom:link fh:archive fh:complete"
)
_ITEM = words(
    "title link description author category comments enclosure guid pubDate source content:encoded atom:link "
    "atom:updated media:content media:group"
)
_PLAIN = (
    "channel/title",
    "channel/description",
    "item/title",
    "category",
    "copyright",
    "generator",
    "source",
)

_GRAMMAR = Grammar(
    children={
        "rss": frozenset({"channel"}),
        "channel": _CHANNEL | _DC | _MEDIA,
        "item": _ITEM | _DC | _MEDIA,
        "image": words("url title link width height description"),
        "skipHours": frozenset({"hour"}),
        "skipDays": frozenset({"day"}),
        "media:group": _MEDIA | {"media:content"},
        "media:content": _MEDIA,
    },
    required={
        "rss": frozenset({"channel"}),
        "channel": frozenset({"title", "link", "description"}),
        "item": frozenset({"guid"}),
        "image": frozenset({"url", "title", "link"}),
    },
    repeatable=frozenset(
        {"category", "item", "atom:link", "hour", "day", "media:content", "media:group"}
    )
    | {"dc:creator", "dc:subject", "dc:contributor"}
    | (_MEDIA - {"media:title", "media:description", "media:copyright"}),
    values={
        "item/description": (html_faults,),
        "content:encoded": (filled, html_faults),
        "guid": (filled, matching(r"(?![0-9]{1,8}$).*", "not likely to be unique")),
        "image/width": (
            matching(r"[1-9]|[1-9][0-9]|1[0-3][0-9]|14[0-4]", "not a width of 1 to 144"),
        ),
        "image/height": (
            matching(r"[1-9]|[1-9][0-9]|[1-3][0-9]{2}|400", "not a height of 1 to 400"),
        ),
        "hour": (matching(r"[0-9]|1[0-9]|2[0-3]", "not an hour of 0 to 23"),),
        "day": (
            one_of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ),
        "language": (language,),
        "dc:language": (language,),
        "ttl": (positive,),
    }
    | dict.fromkeys((*_PLAIN, "dc:creator", "image/title"), (filled, no_tags))
    | dict.fromkeys(("link", "comments", "docs", "image/url"), (http_url,))
    | dict.fromkeys(("pubDate", "lastBuildDate"), (rfc822,))
    | dict.fromkeys(("author", "managingEditor", "webMaster"), (email_with_name,)),
    attributes={
        "rss": {"version": need(one_of("2.0"))},
        "category": {"domain": Attribute(filled)},
        "guid": {"isPermaLink": Attribute(boolean)},
        "source": {"url": need(http_url)},
        "enclosure": {"url": need(http_url), "length": need(natural), "type": need(mime_type)},
        "cloud": dict.fromkeys(
            ("domain", "port", "path", "registerProcedure", "protocol"), need(filled)
        ),
        "atom:link": {
            "href": need(http_url),
            "rel": Attribute(filled),
            "type": Attribute(mime_type),
            "hreflang": Attribute(language),
            "title": Attribute(filled),
            "length": Attribute(natural),
        },
        "media:content": {
            "url": need(http_url),
            "medium": Attribute(one_of("image", "audio", "video", "document", "executable")),
            "type": Attribute(mime_type),
            "isDefault": Attribute(boolean),
            "expression": Attribute(one_of("sample", "full", "nonstop")),
            "lang": Attribute(language),
        }
        | dict.fromkeys(("fileSize", "height", "width"), Attribute(positive))
        | dict.fromkeys(
            ("bitrate", "framerate", "samplingrate", "channels", "duration"), Attribute(number)
        ),
        "media:thumbnail": {"url": need(http_url), "time": Attribute(filled)}
        | dict.fromkeys(("height", "width"), Attribute(positive)),
        "media:title": {"type": Attribute(one_of("plain", "html"))},
        "media:description": {"type": Attribute(one_of("plain", "html"))},
        "media:rating": {"scheme": Attribute(iri)},
        "media:credit": {"role": Attribute(filled), "scheme": Attribute(iri)},
        "media:copyright": {"url": Attribute(http_url)},
        "media:category": {"scheme": Attribute(iri), "label": Attribute(filled)},
    },
    opaque=_MEDIA,
)
_MARKUP = re.compile(r"&(?:#[0-9xX]|[A-Za-z]+;)|<[/A-Za-z]")
# the same thing said twice: by RSS itself and by Dublin Core
_RIVALS = {
    "author": "dc:creator",
    "category": "dc:subject",
    "pubDate": "dc:date",
    "source": "dc:source",
    "managingEditor": "dc:creator",
    "webMaster": "dc:publisher",
    "language": "dc:language",
    "copyright": "dc:rights",
}


def check_rss(data: bytes) -> list[str]:
    """Return what is wrong with the RSS 2.0 feed *data*, one line per problem, errors and warnings alike."""
    root, problems = read_xml(data)
    if root is None:
        return problems
    if name_of(root) != "rss":
        return [*problems, f"the root element is {name_of(root)}, not rss"]
    problems += grammar_problems(root, _GRAMMAR, "rss")
    for channel in children_of(root, "channel"):
        problems += _channel_problems(channel)
    return problems + list(_character_data_problems(data))


def _channel_problems(channel: etree._Element) -> Iterator[str]:
    yield from self_link_problems(channel, "channel", "application/rss+xml")
    yield from history_problems(channel, "channel")
    yield from _rival_problems(channel, "channel")
    names = [name_of(child) for child in channel.iterchildren("*")]
    if "item" in names and set(names[names.index("item") :]) != {"item"}:
        yield "channel: an element of the channel stands after an item"
    for image, name in product(children_of(channel, "image"), ("title", "link")):
        if text_of(child_of(image, name)) != text_of(child_of(channel, name)):
            yield f"channel/image: {name} is not the {name} of the channel"
    items = children_of(channel, "item")
    guids = Counter(text_of(guid) for item in items for guid in children_of(item, "guid"))
    yield from (
        f"channel: guid {guid} stands {count} times" for guid, count in guids.items() if count > 1
    )
    built = moment_of(text_of(child_of(channel, "lastBuildDate")), parse_rfc822)
    for number_, item in enumerate(items, 1):
        where = f"channel/item[{number_}]"
        yield from _item_problems(item, where)
        published = moment_of(text_of(child_of(item, "pubDate")), parse_rfc822)
        if built and published and published > built:
            yield f"{where}: pubDate is later than the channel's lastBuildDate"


def _item_problems(item: etree._Element, where: str) -> Iterator[str]:
    names = [name_of(child) for child in item.iterchildren("*")]
    if not {"title", "description"} & set(names):
        yield f"{where}: neither title nor description"
    if "content:encoded" in names and "description" not in names[: names.index("content:encoded")]:
        yield f"{where}: content:encoded without a description before it"
    for guid in children_of(item, "guid"):
        if guid.get("isPermaLink", "true") == "true":
            yield from (
                f'{where}: guid: {fault}, without isPermaLink="false"'
                for fault in http_url(text_of(guid))
            )
    for group in children_of(item, "media:group"):
        if len(children_of(group, "media:content")) < 2:
            yield f"{where}: media:group without alternatives (fewer than two media:content)"
    yield from _rival_problems(item, where)


def _rival_problems(element: etree._Element, where: str) -> Iterator[str]:
    names = {name_of(child) for child in element.iterchildren("*")}
    yield from (
        f"{where}: both {a} and {b}" for a, b in _RIVALS.items() if a in names and b in names
    )


def _character_data_problems(data: bytes) -> Iterator[str]:
    """Check the Profile's "character data": in plain text & and < are to be written &#x26; and &#x3C;.

    The references are hidden from the parser, so that what it still finds was written in another way.
    """
    root, _ = read_xml(re.sub(rb"&#(?:0*(?:60|38)|[xX]0*(?:3[cC]|26));", b"_", data))
    for element in () if root is None else root.iter("*"):
        parent = element.getparent()
        name = name_of(element)
        path = name if parent is None else f"{name_of(parent)}/{name}"
        if {name, path} & set(_PLAIN) and _MARKUP.search(text_of(element)):
            yield f"{path}: HTML or an unescaped character in plain text: write & and < as &#x26; and &#x3C;"
