"""Parse feeds as listings: RSS and Atom by feedparser, JSON Feed by json. Pure.

The only module that imports feedparser.
"""

import json
import re
import sys
from calendar import timegm
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape
from html.entities import html5
from io import BytesIO
from time import struct_time
from typing import Any, NamedTuple

import feedparser

from feedproxy import markup, urls
from feedproxy.dates import DateReader, StatedDate
from feedproxy.errors import ListingError
from feedproxy.model import Enclosure, Listing, Page, Picture, Site, Statement, Url
from feedproxy.parse.entries import FeedEntry, identify_entries

_DECLARED_ENCODING = re.compile(r"(<\?xml[^>]*?)\s+encoding\s*=\s*([\"'])[\w.:-]+\2")
_HEAD_CHARACTERS = 1_000
# A feed of a thousand entries has 20,000 elements; feedparser takes 0.1 ms for each.
_MAX_ELEMENTS = 100_000
_MAX_REFERENCES = 500_000
_REFERENCE = re.compile(r"&#(x[0-9a-f]{1,40}|[0-9]{1,40});?", re.IGNORECASE)
_SURROGATES = range(0xD800, 0xE000)
_MINUTES = re.compile(r"[0-9]{1,7}")
# A document type declaration is in the prolog, after the XML declaration, instructions and comments
# (XML 1.0, 2.8). Its internal subset is in brackets.
_DOCTYPE = re.compile(
    r"((?:\s++|<\?.*?\?>|<!--.*?-->)*+)<!DOCTYPE\s+[^\[<>]*(?:\[(?P<subset>.*?)\]\s*)?>",
    re.IGNORECASE | re.DOTALL,
)
_DECLARES = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!", re.DOTALL)
# An entity that stands for plain text (XML 1.0, 4.2.1): the only kind that is replaced.
_ENTITY = re.compile(r"<!ENTITY\s+([\w.-]+)\s+(?:\"([^\"&%<]*)\"|'([^'&%<]*)')\s*>")
_OTHER_DECLARATION = re.compile(
    r"<!--.*?-->|<!(?:ELEMENT|ATTLIST|NOTATION)\b[^<>]*>|\s+", re.DOTALL
)
_NAMED = re.compile(r"&([A-Za-z][\w.-]*);")
_MAX_GROWTH_CHARACTERS = 1_000_000
_XML_ENTITIES = ("amp", "lt", "gt", "quot", "apos")
_TAG = re.compile(r"<[A-Za-z/!]")
_BLOCK = re.compile(
    r"<(?:p|div|h[1-6]|ul|ol|dl|table|blockquote|pre|figure|section|article|hr|audio|video|main)\b",
    re.IGNORECASE,
)
_W3CDTF = re.compile(r"\d{4}-[\dW:TZ+.-]+")
# The root element of a feed, or the version of a JSON Feed, near the beginning of a response.
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(?:rss|feed|RDF)[\s>]")
_HTML, _JSON_VERSION = (
    re.compile(r"<html[\s>]", re.IGNORECASE),
    re.compile(r"jsonfeed\.org\\?/version"),
)
_SNIFFED_CHARACTERS = 10_000
# Smaller pictures are icons; feeds state the size of most.
_MIN_PICTURE_PX = 300
_PICTURE_TYPES, _MEDIA_TYPES = (
    re.compile("image/", re.IGNORECASE),
    re.compile("(?:audio|video)/", re.IGNORECASE),
)
_MEDIA_SUFFIXES: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "webm": "video/webm",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "pdf": "application/pdf",
}
_MAX_ENCLOSURES, _MAX_TAGS, _MAX_AUTHORS = 20, 50, 20
_DIGITS = re.compile(r"\d{1,15}")
_BRACKETED, _ADDRESS = re.compile(r"\(([^()]+)\)?\s*\Z"), re.compile(r"\S+@\S+")


@dataclass(frozen=True, slots=True)
class _Feed:
    """A parsed feed; its entries have HTML titles.

    *home* is the page that it is about. *ttl_s* is its declared time to live in seconds (RSS 2.0,
    "ttl"). *cut* says where the document ends too early, "" if it is complete.
    """

    title: str
    entries: tuple[FeedEntry, ...]
    home: Url | None = None
    language: str = ""
    ttl_s: float = 0
    cut: str = ""


class FeedDescription(NamedTuple):
    """What a feed says of itself: title, page, language, and the hosts that its entries lead to."""

    title: str
    home: Url | None
    language: str
    hosts: tuple[str, ...]


def is_feed(page: Page) -> bool:
    """Return whether a page is a feed, whatever its declared type is."""
    text = markup.decode(page.body, page.content_type).lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return _JSON_VERSION.search(text) is not None
    beginning = text[:_SNIFFED_CHARACTERS]
    root, html = _ROOT.search(beginning), _HTML.search(beginning)
    return root is not None and (html is None or root.start() < html.start())


def parse_feed(page: Page, site: Site) -> Listing:
    """Return the entries of a feed.

    Raises:
        ListingError: the page is neither RSS, Atom nor JSON Feed.

    """
    text = markup.decode(page.body, page.content_type)
    lost = [markup.undecodable(text)]
    feed = _read(page, text, DateReader(site.timezone), lost)
    items = identify_entries(feed.entries, site, feed.home or page.url)
    lost.append(feed.cut)
    return Listing(tuple(items), ttl_s=feed.ttl_s, lost=tuple(filter(None, lost)))


def describe_feed(page: Page) -> FeedDescription:
    """Return what a feed says of itself; raises the errors of `parse_feed`."""
    feed = _read(page, markup.decode(page.body, page.content_type), DateReader("UTC"), [])
    hosts = tuple(urls.host_of(each.link) for each in feed.entries if each.link)
    return FeedDescription(feed.title, feed.home, feed.language, hosts)


def _read(page: Page, text: str, dates: DateReader, lost: list[str]) -> _Feed:
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    read = _json_feed if is_json else _xml_feed
    return read(page, text, dates, lost)


def _plain(value: object, lost: list[str]) -> str:
    """Return the text of a part of an entry, "" if it can't be read: *lost* then says why."""
    text = str(value or "")
    if "<" not in text and "&" not in text:
        return markup.plain(text)
    try:
        root = markup.fragment(text)
        markup.drop(list(root.iter("script", "style", "template", "noscript")))
        return markup.text_of(root)
    except markup.LostError as e:
        lost.append(f"an entry's text can't be read: {e}")
        return ""


def _xml_feed(page: Page, text: str, dates: DateReader, lost: list[str]) -> _Feed:
    if (count := text.count("&")) > _MAX_REFERENCES:
        raise ListingError(
            page.url, f"{count} character references are more than {_MAX_REFERENCES}"
        )
    text = _without_doctype(page, text)
    # The text is decoded already, so the encoding in its declaration must not be applied again.
    head, rest = text[:_HEAD_CHARACTERS], text[_HEAD_CHARACTERS:]
    text = _REFERENCE.sub(_bearable, _DECLARED_ENCODING.sub(r"\1", head, count=1) + rest)
    data = text.encode()
    markup.check_xml(data, _MAX_ELEMENTS)
    feed = feedparser.parse(
        BytesIO(data),
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={"content-type": "application/xml; charset=utf-8"},
    )
    if not feed.get("version"):
        raise ListingError(
            page.url,
            f"is not an RSS or Atom feed ({feed.get('bozo_exception', 'no root element of one')})",
        )
    if feed.bozo and not feed.entries:
        raise ListingError(page.url, f"is a broken feed: {feed.bozo_exception}")
    ttl, language = str(feed.feed.get("ttl", "")).strip(), str(feed.feed.get("language") or "")
    home = urls.resolve(page.url, str(feed.feed.get("link") or ""))
    return _Feed(
        _plain(feed.feed.get("title"), lost),
        tuple(_xml_entry(page.url, each, dates, language, lost) for each in feed.entries),
        home if feed.feed.get("link") else None,
        language,
        int(ttl) * 60.0 if _MINUTES.fullmatch(ttl) else 0.0,
        markup.cut_off(text) if feed.bozo else "",
    )


def _without_doctype(page: Page, text: str) -> str:
    """Return a feed without its document type declaration, and with its plain entities replaced.

    RSS 0.91 has a declaration. It is never loaded: the names of its entities are those of HTML.

    Raises:
        ListingError: it declares entities that are external or contain others.

    """
    text = text.lstrip("\ufeff \t\r\n")
    match = _DOCTYPE.match(text)
    if match is None:
        if _DECLARES.match(text):
            raise ListingError(page.url, "is not a feed: its document type can't be read")
        return text
    subset = match["subset"] or ""
    entities = {name: double or single for name, double, single in _ENTITY.findall(subset)}
    if _OTHER_DECLARATION.sub("", _ENTITY.sub("", subset)):
        raise ListingError(
            page.url, "is not a feed: its document type declares external or nested entities"
        )
    rest, grown = text[match.end() :], 0

    def named(reference: re.Match[str]) -> str:
        nonlocal grown
        name = reference[1]
        if name in _XML_ENTITIES:
            return reference[0]
        value = entities.get(name, html5.get(f"{name};"))
        grown += len(value or "")
        if grown > _MAX_GROWTH_CHARACTERS:
            raise ListingError(
                page.url, "is not a feed: the entities of its document type are too large"
            )
        return reference[0] if value is None else escape(value, quote=False)

    return match[1] + _NAMED.sub(named, rest)


def _bearable(reference: re.Match[str]) -> str:
    """Return a character reference, "" for an invalid one (XML 1.0, 2.2 and 4.1).

    References to NUL, to surrogates and beyond Unicode are invalid.
    """
    digits = reference[1].lower().lstrip("0")
    number = int(digits[1:] or "0", 16) if digits.startswith("x") else int(digits or "0")
    is_none = number == 0 or number in _SURROGATES or number > sys.maxunicode
    return "" if is_none else reference[0]


def _xml_entry(
    page: Url,
    entry: Any,  # noqa: ANN401 (feedparser's)
    dates: DateReader,
    language: str,
    lost: list[str],
) -> FeedEntry:
    base = _base_of(entry)
    near = urls.resolve(page, base) if base else page
    link = _link_of(entry, near or page)
    inside = urls.resolve(page, base) if base else (link or page)
    contents = [_as_html(each) for each in entry.get("content") or ()]
    content = max(contents, key=len, default="")
    summary = entry.get("summary_detail") or {}
    # feedparser copies the content of an entry without a summary
    description = _as_html(summary) if summary.get("value") else str(entry.get("summary") or "")
    texts = [str(dict.get(entry, name) or "") for name in ("published", "created", "updated")]
    published = next((found for text in texts if (found := _date(text, dates))), None)
    updated = _date(texts[-1], dates)
    pictures, enclosures = _media_of(entry, near or page)
    source = entry.get("source") or {}
    own_language = (entry.get("content") or [summary])[0].get("language")
    tags = (
        urls.plain_tag(_plain(each.get("label") or each.get("term"), lost))
        for each in (entry.get("tags") or ())[:_MAX_TAGS]
    )
    return FeedEntry(
        Statement(
            title=_title_of(entry, lost),
            **_dated(published),
            authors=_authors_of(entry),
            tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
            summary=_plain(description or content, lost),
            picture=pictures[0] if pictures else None,
            enclosures=enclosures,
            language=str(own_language or language),
        ),
        base=inside or page,
        guid=markup.without_controls(str(entry.get("id") or "")).strip(),
        link=link,
        description=description,
        content="" if _is_copy(content, description, entry) else content,
        updated=updated.moment if updated else None,
        comments=_resolved(near or page, entry.get("comments")),
        source_title=_plain(source.get("title"), lost),
        source_url=_resolved(page, source.get("href") or source.get("link")),
    )


def _resolved(base: str, address: object) -> str:
    return (urls.resolve(base, str(address)) or "") if address else ""


def _dated(found: StatedDate | None) -> dict[str, Any]:
    return {"published": found.moment, "has_time": found.has_time} if found else {}


def _base_of(entry: Any) -> str:  # noqa: ANN401 (feedparser's)
    """Return the xml:base of an entry's text (XML Base, 3)."""
    details = [
        *(entry.get("content") or ()),
        entry.get("summary_detail"),
        entry.get("title_detail"),
    ]
    return next((str(each["base"]) for each in details if each and each.get("base")), "")


def _link_of(entry: Any, base: str) -> Url | None:  # noqa: ANN401 (feedparser's)
    """Return the URL of an entry's page: the original of a link that only counts readers.

    feedparser takes an id as the link of an entry without one; that holds for web addresses only.
    """
    for name in ("feedburner_origlink", "pheedo_origlink"):
        if entry.get(name) and (found := urls.resolve(base, str(entry.get(name)))):
            return found
    for link in entry.get("links") or ():
        if link.get("rel") == "alternate" and link.get("href"):
            return urls.resolve(base, str(link["href"]))
    guid = str(entry.get("id") or "")
    return urls.resolve(base, guid) if entry.get("guidislink") and urls.is_web(guid) else None


def _title_of(entry: Any, lost: list[str]) -> str:  # noqa: ANN401 (feedparser's)
    detail = entry.get("title_detail") or {}
    title = str(entry.get("title") or "")
    return markup.plain(title) if detail.get("type") == "text/plain" else _plain(title, lost)


def _as_html(detail: Any) -> str:  # noqa: ANN401 (feedparser's)
    value = str(detail.get("value") or "")
    if detail.get("type") == "text/plain" or ("\n\n" in value and not _TAG.search(value)):
        return markup.as_html(value if detail.get("type") == "text/plain" else unescape(value))
    return value if _BLOCK.search(value) or not value else f"<p>{value}</p>"


def _is_copy(content: str, description: str, entry: Any) -> bool:  # noqa: ANN401 (feedparser's)
    """Return whether the content is less than the description: feedparser's or iTunes' summary."""
    return bool(entry.get("summary_detail")) and len(content) <= len(description)


def _date(text: str, dates: DateReader) -> StatedDate | None:
    """Return a date of an entry.

    feedparser takes today's date for parts that it can't read, so its reading counts only for the
    rarer forms of W3CDTF, such as a month or a week.
    """
    if not text:
        return None
    if found := dates.read(text):
        return found
    parsed = feedparser.datetimes._parse_date(text) if _W3CDTF.fullmatch(text) else None  # noqa: SLF001
    moment = _moment(parsed)
    return StatedDate(moment, has_time=False) if moment else None


def _moment(parsed: struct_time | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError):
        return None


def _authors_of(entry: Any) -> tuple[str, ...]:  # noqa: ANN401 (feedparser's)
    listed = (entry.get("authors") or ())[:_MAX_AUTHORS]
    found = [_name_of(str(each.get("name") or ""), str(each.get("email") or "")) for each in listed]
    names = found or [_name_of(str(entry.get("author") or ""), "")]
    return tuple(dict.fromkeys(name for name in names if name))


def _name_of(text: str, email: str) -> str:
    """Return the name in an author (RSS 2.0, "author": an e-mail address, and a name in brackets).

    feedparser separates the two, but not at every address.
    """
    match = _BRACKETED.search(text) if email or "@" in text else None
    name = match[1] if match else "" if _ADDRESS.fullmatch(text.strip()) else text
    return markup.plain(unescape(name))


def _media_of(entry: Any, base: str) -> tuple[list[Picture], tuple[Enclosure, ...]]:  # noqa: ANN401 (feedparser's)
    """Return an entry's pictures, the best first, and its other enclosures.

    They are in enclosures, Media RSS elements (media:content, media:thumbnail) and itunes:image.
    """
    pictures, enclosures = list[Picture](), dict[Url, Enclosure]()
    duration = _seconds(str(entry.get("itunes_duration") or ""))
    files = [link for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    for file in [*files, *(entry.get("media_content") or ())]:
        url = urls.resolve(base, str(file.get("href") or file.get("url") or ""))
        if url is None or not (file.get("href") or file.get("url")):
            continue
        media_type = _type_of(file, url)
        if _PICTURE_TYPES.match(media_type) or file.get("medium") == "image":
            if _is_large(file):
                pictures.append(Picture(url))
        elif file in files or _MEDIA_TYPES.match(media_type):
            size = str(file.get("length") or file.get("filesize") or "")
            seconds = _seconds(str(file.get("duration") or "")) or duration
            number = int(size) if _DIGITS.fullmatch(size) else 0
            enclosures.setdefault(url, Enclosure(url, media_type, number, seconds))
    others = [entry.get("image") or {}, *(entry.get("media_thumbnail") or ())]
    for other in others:
        address = str(other.get("href") or other.get("url") or "")
        if address and _is_large(other) and (url := urls.resolve(base, address)):
            pictures.append(Picture(url))
    return pictures, tuple(enclosures.values())[:_MAX_ENCLOSURES]


def _type_of(file: Any, url: Url) -> str:  # noqa: ANN401 (feedparser's)
    stated = str(file.get("type") or file.get("mime_type") or "").partition(";")[0].strip().lower()
    suffix = url.partition("?")[0].rpartition(".")[2].lower()
    return stated if "/" in stated else _MEDIA_SUFFIXES.get(suffix, "")


def _is_large(file: Any) -> bool:  # noqa: ANN401 (feedparser's)
    width = str(file.get("width") or "")
    return not _DIGITS.fullmatch(width) or int(width) >= _MIN_PICTURE_PX


def _seconds(text: str) -> int:
    """Return a duration in seconds; iTunes writes it as seconds, M:S or H:M:S.

    >>> _seconds("1:02:03"), _seconds("90"), _seconds("?")
    (3723, 90, 0)
    """
    parts = text.strip().partition(".")[0].split(":")
    if len(parts) > 3 or not all(_DIGITS.fullmatch(part) for part in parts):  # noqa: PLR2004 (H:M:S)
        return 0
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return total


def _json_feed(page: Page, text: str, dates: DateReader, lost: list[str]) -> _Feed:
    if (count := text.count("{") + text.count("[")) > _MAX_ELEMENTS:
        raise ListingError(page.url, f"{count} objects are more than {_MAX_ELEMENTS}")
    try:
        feed = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as e:
        raise ListingError(page.url, f"is not JSON: {e}") from e
    items = feed.get("items") if isinstance(feed, dict) else None
    if "jsonfeed.org/version" not in str(feed.get("version")) or not isinstance(items, list):
        raise ListingError(page.url, "is not a JSON Feed")
    language, home = _string(feed, "language"), _string(feed, "home_page_url")
    return _Feed(
        _plain(_string(feed, "title"), lost),
        tuple(
            _json_entry(page.url, item, dates, language, lost)
            for item in items
            if isinstance(item, dict)
        ),
        urls.resolve(page.url, home) if home else None,
        language,
    )


def _json_entry(
    page: Url, item: dict[str, Any], dates: DateReader, language: str, lost: list[str]
) -> FeedEntry:
    own, external = _string(item, "url"), _string(item, "external_url")
    link = urls.resolve(page, own or external) if own or external else None
    html, text = _string(item, "content_html"), _string(item, "content_text")
    content, summary = html or markup.as_html(text), _string(item, "summary")
    published, modified = (
        dates.read(_string(item, f"date_{name}")) for name in ("published", "modified")
    )
    listed = item.get("authors")
    authors = listed if isinstance(listed, list) and listed else [item.get("author")]
    listed_tags = item.get("tags")
    tags = listed_tags if isinstance(listed_tags, list) else []
    images = [_string(item, name) for name in ("image", "banner_image")]
    picture = next((url for each in images if each and (url := urls.resolve(page, each))), None)
    return FeedEntry(
        Statement(
            title=markup.plain(_string(item, "title")),
            **_dated(published or modified),
            authors=_json_names(authors),
            tags=tuple(
                dict.fromkeys(
                    tag for each in tags[:_MAX_TAGS] if (tag := urls.plain_tag(str(each or "")))
                )
            ),
            summary=markup.plain(summary) or _plain(content, lost),
            picture=Picture(picture) if picture else None,
            enclosures=_attachments(page, item),
            language=_string(item, "language") or language,
        ),
        base=link or page,
        guid=markup.without_controls(_string(item, "id")).strip(),
        link=link,
        target=urls.resolve(page, external) if own and external else None,
        description=markup.as_html(summary),
        content=content,
        updated=modified.moment if modified else None,
    )


def _json_names(authors: Sequence[Any]) -> tuple[str, ...]:
    names = (
        markup.plain(_string(each, "name"))
        for each in authors[:_MAX_AUTHORS]
        if isinstance(each, dict)
    )
    return tuple(dict.fromkeys(name for name in names if name))


def _attachments(page: Url, item: dict[str, Any]) -> tuple[Enclosure, ...]:
    """Return the attachments of an item of a JSON Feed (JSON Feed 1.1, "Attachments")."""
    listed = item.get("attachments")
    found: dict[Url, Enclosure] = {}
    for each in listed if isinstance(listed, list) else []:
        address = _string(each, "url") if isinstance(each, dict) else ""
        if address and (url := urls.resolve(page, address)):
            numbers = (each.get("size_in_bytes"), each.get("duration_in_seconds"))
            size, seconds = (
                int(number) if isinstance(number, int | float) and 0 <= number < 1e15 else 0  # noqa: PLR2004 (no file is larger)
                for number in numbers
            )
            found.setdefault(url, Enclosure(url, _type_of(each, url), size, seconds))
    return tuple(found.values())[:_MAX_ENCLOSURES]


def _string(value: Mapping[str, Any], name: str) -> str:
    """Return a member that should be a string; some feeds have numbers as ids."""
    found = value.get(name)
    # JSON can escape lone surrogates, which no text may contain
    text = str(found).encode("utf-8", "replace").decode()
    return text if isinstance(found, str | int | float) else ""
