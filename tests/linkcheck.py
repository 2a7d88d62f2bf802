"""A link checker: walks a mirror from its front page as readers and their programs would, and says what does not hold.

`crawl` asks for each path once, with the suffix of the first link that leads there; `faults` judges what was found; `write`
puts it on disk as plain files, to be served by any file server and walked again.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

# Of an address (a path, with its query): status, where a redirect leads, body.
Answer = tuple[int, str, bytes]
_NOWHERE = "http://mirror.invalid"
_GOOD, _NOT_FOUND, _REDIRECTS = 200, 404, (301, 302, 303, 307, 308)
# Attributes that hold an address, or several; a `meta` holds one by its property.
_ADDRESSES = frozenset(
    (
        "action",
        "background",
        "cite",
        "data",
        "data-src",
        "formaction",
        "href",
        "manifest",
        "poster",
        "src",
    )
)
_SETS = frozenset(("data-srcset", "imagesrcset", "ping", "srcset"))
_PROPERTIES = frozenset(("og:audio", "og:image", "og:url", "og:video", "refresh", "twitter:image"))
# What people read, where an address is only shown.
_TEXTS = frozenset(("alt", "content", "title"))
# Links that are followed by a reader's click only, and one that says where an entry came from.
_WALKED = frozenset(("a href", "area href", "entry link", "feed link"))
_UNASKED = _WALKED | {"entry via"}
_STYLED = re.compile(r"""(?:url\(|@import)\s*['"]?([^'")\s;]+)""")
_HOSTS = re.compile(r"(?:https?:)?//([^\s/?#\"'<>:@]+)", re.IGNORECASE)
_ATOM, _CONTENT = (
    "{http://www.w3.org/2005/Atom}",
    "{http://purl.org/rss/1.0/modules/content/}encoded",
)
_MEDIA = "{http://search.yahoo.com/mrss/}content"
_ARTICLE = re.compile(r"/[^/]+/blob/master/pages/[^/]+/(n\d+)\.(?:md|html)\Z")
_NOT_HELD = re.compile(
    r"<h1>这篇文章还没有收录</h1>.*原文链接（需翻墙）：https?://[^<\s]+<", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it stands on a page: *how* it leads there, as "a href" or "entry link"; *of* is the entry it stands in."""

    how: str
    href: str
    rel: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands on a page: its kind (html, feed, css or file), its links, its anchors, the hosts that its mark-up names."""

    kind: str = "file"
    links: tuple[Link, ...] = ()
    anchors: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads: a path inside the mirror with query and fragment, or an address *outside*."""

    path: str = ""
    query: str = ""
    fragment: str = ""
    outside: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a path answered: *leads_to* if it was a redirect; *found_on* is where the first link to it stood."""

    path: str
    status: int
    body: bytes
    found_on: str = ""
    reading: Reading = Reading()
    targets: tuple[tuple[Link, Target], ...] = ()
    leads_to: Target | None = None

    @property
    def is_not_held(self) -> bool:
        """Whether it says of an article that it is not held, and gives its original address."""
        return self.status == _NOT_FOUND and bool(
            _NOT_HELD.search(self.body.decode("utf-8", "replace"))
        )


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror to walk: *ask* answers some addresses, in their order; *folder* is where below its host it lies.

    Nobody may be led to *hosts*; from *picture_hosts* no page may ask for anything. Of the mirror's own paths only those are
    walked that *is_followed* says.
    """

    ask: Callable[[Sequence[str]], Iterable[Answer]]
    public_url: str = "http://localhost"
    folder: str = ""
    hosts: frozenset[str] = frozenset()
    picture_hosts: frozenset[str] = frozenset()
    is_followed: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What does not hold about a link on a page."""

    kind: str
    page: str
    link: str


@dataclass
class Crawl:
    """What was found, by path."""

    mirror: Mirror
    pages: dict[str, Page] = field(default_factory=dict)

    @property
    def links(self) -> Iterator[tuple[Page, Link, Target]]:
        """Every link of every page, equal ones of one page once."""
        return ((page, *pair) for page in self.pages.values() for pair in page.targets)

    @property
    def not_held(self) -> set[str]:
        return {page.path for page in self.pages.values() if page.is_not_held}

    @property
    def outside(self) -> Counter[str]:
        """The hosts elsewhere, and how many links lead there; where an entry came from is no link for readers."""
        return Counter(
            _host(to.outside)
            for _, link, to in self.links
            if to.outside and link.how != "entry via"
        )

    def of_kind(self, kind: str) -> list[Page]:
        return [
            page
            for page in self.pages.values()
            if page.status == _GOOD and page.reading.kind == kind
        ]

    def articles(self) -> dict[str, list[Page]]:
        """Return the articles whose pages were found, each with all its pages."""
        found: dict[str, list[Page]] = {}
        for page in self.of_kind("html"):
            if article_of(page.path):
                found.setdefault(article_of(page.path), []).append(page)
        return found

    def summary(self) -> str:
        kinds = ", ".join(
            f"{len(self.of_kind(kind))} {kind}" for kind in ("html", "feed", "css", "file")
        )
        inside = sum(not target.outside for _, _, target in self.links)
        redirects = sum(page.leads_to is not None for page in self.pages.values())
        outside = f"{self.outside.total()} outside to {len(self.outside)} hosts, most to {self.outside.most_common(5)}"
        return (
            f"{len(self.pages)} addresses: {kinds}, {len(self.not_held)} not-held pages, {redirects} redirects\n"
            f"{inside} links inside, {outside}"
        )


def crawl(mirror: Mirror, start: str = "/") -> Crawl:
    """Return what links from *start* lead to: first what a reader's clicks reach, then what only feeds and `link` name."""
    found = Crawl(mirror)
    now, later = {start: ("", "")}, dict[str, tuple[str, str]]()
    while now or later:
        wave, now, later = (now, {}, later) if now else (later, {}, {})
        wave = {path: asked for path, asked in wave.items() if path not in found.pages}
        addresses = [path + (f"?{query}" if query else "") for path, (query, _) in wave.items()]
        answers = mirror.ask([mirror.folder + address for address in addresses])
        for address, (path, (_, found_on)), answer in zip(
            addresses, wave.items(), answers, strict=True
        ):
            page = found.pages[path] = _page(mirror, address, found_on, *answer)
            if page.leads_to and not page.leads_to.outside:
                now.setdefault(page.leads_to.path, (page.leads_to.query, path))
            for link, target in page.targets:
                if not target.outside:
                    is_late = page.reading.kind == "feed" or link.how in (
                        "link href",
                        "meta content",
                    )
                    (later if is_late else now).setdefault(target.path, (target.query, path))
    return found


# Documents of archives lead by way of redirects, by design (tests/test_archive.py walks them).
_ARCHIVE = "/archive/"


def _page(
    mirror: Mirror, address: str, found_on: str, status: int, location: str, body: bytes
) -> Page:
    path = address.partition("?")[0]
    if status in _REDIRECTS:
        return Page(path, status, body, found_on, leads_to=resolve(mirror, address, location))
    reading = (
        read(body, is_css=path.endswith(".css")) if status in (_GOOD, _NOT_FOUND) else Reading()
    )
    targets = dict.fromkeys((link, resolve(mirror, address, link.href)) for link in reading.links)
    followed = tuple(
        each
        for each in targets
        if _ARCHIVE not in each[1].path and mirror.is_followed(each[1].path)
    )
    return Page(path, status, body, found_on, reading, followed)


def resolve(mirror: Mirror, address: str, href: str) -> Target:
    """Return where *href* leads from the page at *address* (RFC 3986, 5)."""
    root = _NOWHERE + mirror.folder
    url = urljoin(root + address, href.strip())
    for start in (root, mirror.public_url):
        if url == start or url.startswith((f"{start}/", f"{start}?", f"{start}#")):
            parts = urlsplit(url[len(start) :])
            return Target(parts.path or "/", parts.query, parts.fragment)
    return Target(outside=url)


# ------------------------------------------------------------------ reading


@lru_cache(maxsize=30_000)
def read(body: bytes, *, is_css: bool = False) -> Reading:
    """Return what stands on a page; what it is, its content says, as plain file servers know no type for `.md`."""
    if body.startswith(b"<!DOCTYPE html>"):
        return _read_html(body, "html")
    if body.startswith((b"<?xml", b'{"version":"https://jsonfeed.org/')):
        links = dict.fromkeys(_read_xml(body) if body.startswith(b"<") else _read_json(body))
        return Reading(
            "feed",
            tuple(links),
            named=frozenset(_host(each.href) for each in links if each.how not in _UNASKED),
        )
    if is_css:
        return Reading("css", tuple(Link("css url", url) for url in _STYLED.findall(body.decode())))
    return Reading()


def _read_html(body: bytes, kind: str) -> Reading:
    root = etree.fromstring(body, etree.HTMLParser(encoding="utf-8"))
    links: list[Link] = []
    anchors, named = set[str](), set[str]()
    for element in root.iter(etree.Element):
        tag, rel = str(element.tag), str(element.get("rel", ""))
        for name, value in element.attrib.items():
            links += [
                Link(f"{tag} {name}", href, rel)
                for href in _addresses(element, str(name), str(value))
            ]
            if name == "id" or (tag, name) == ("a", "name"):
                anchors.add(str(value))
            if "//" in value and name not in _TEXTS and f"{tag} {name}" not in _WALKED:
                named.update(_HOSTS.findall(str(value)))
        if tag == "style":
            links += [Link("css url", url) for url in _STYLED.findall(element.text or "")]
    return Reading(kind, tuple(dict.fromkeys(links)), frozenset(anchors), frozenset(named))


def _addresses(element: etree._Element, name: str, value: str) -> list[str]:
    if name in _ADDRESSES:
        return [value]
    if name in _SETS:
        return [candidate.split()[0] for candidate in value.split(",") if candidate.strip()]
    if name == "style":
        return _STYLED.findall(value)
    is_address = name == "content" and _PROPERTIES & {
        element.get("property"),
        element.get("name"),
        element.get("http-equiv"),
    }
    return [value.rpartition("url=")[2]] if is_address else []


@lru_cache(maxsize=30_000)
def _read_content(content: str) -> tuple[Link, ...]:
    return _read_html(content.encode(), "feed").links if content.strip() else ()


def _in_content(content: str, entry: str) -> Iterator[Link]:
    return (Link(link.how, link.href, link.rel, entry) for link in _read_content(content))


def _read_xml(body: bytes) -> Iterator[Link]:
    root = etree.fromstring(body)
    for head in (root, *root.findall("channel")):
        yield from (
            Link("feed link", str(link.get("href") or link.text))
            for link in head.iterchildren(f"{_ATOM}link", "link")
        )
    for entry in root.iter(f"{_ATOM}entry", "item"):
        pairs = [
            (str(link.get("rel", "link")), str(link.get("href")))
            for link in entry.iter(f"{_ATOM}link")
        ]
        pairs += [("link", str(link.text)) for link in entry.iter("link")]
        pairs += [("enclosure", str(part.get("url"))) for part in entry.iter("enclosure", _MEDIA)]
        named = [(how.replace("alternate", "link"), href) for how, href in pairs]
        own = next((article_of(urlsplit(href).path) for how, href in named if how == "link"), "")
        yield from (Link(f"entry {how}", href, "", own) for how, href in named)
        for content in entry.iter(f"{_ATOM}content", _CONTENT):
            yield from _in_content(content.text or "", own)


def _read_json(body: bytes) -> Iterator[Link]:
    feed = json.loads(body)
    yield from (
        Link("feed link", feed[name]) for name in ("home_page_url", "feed_url") if name in feed
    )
    for item in feed["items"]:
        own = article_of(urlsplit(item["url"]).path)
        roles = {
            "url": "link",
            "external_url": "via",
            "image": "enclosure",
            "banner_image": "enclosure",
        }
        yield from (
            Link(f"entry {role}", item[name], "", own)
            for name, role in roles.items()
            if name in item
        )
        yield from _in_content(item["content_html"], own)


# ------------------------------------------------------------------ judging


def article_of(path: str) -> str:
    """Return the ID of the article whose page stands at a path, "" if none does."""
    match = _ARTICLE.search(path)
    return match[1] if match else ""


def faults(found: Crawl) -> list[Fault]:
    """Return all that does not hold, each fault once."""
    listed = {
        Fault(kind, page.path, f"{link.how} {link.href}")
        for page, link, target in found.links
        for kind in (
            _judge_outside(found.mirror, page, link, target)
            if target.outside
            else _judge(found, page, link, target)
        )
    }
    refused = found.mirror.hosts | found.mirror.picture_hosts
    listed |= {
        Fault("names a blocked host", page.path, host)
        for page in found.pages.values()
        for host in page.reading.named & refused
    }
    return sorted(listed)


def _judge(found: Crawl, page: Page, link: Link, target: Target) -> Iterator[str]:
    end = _end_of(found, target.path)
    if end is None or (end.status != _GOOD and not end.is_not_held):
        yield "broken"
    elif (
        target.fragment
        and end.status == _GOOD
        and unquote(target.fragment) not in {*end.reading.anchors, "top"}
    ):
        yield "no such anchor"
    is_page = end is not None and end.reading.kind == "html" and link.how in _WALKED
    wanted = (
        is_page and target.path != page.path and (_stands_in(page, link) or article_of(target.path))
    )
    if wanted and wanted not in target.query.split("&"):
        yield "no suffix"


def _judge_outside(mirror: Mirror, page: Page, link: Link, target: Target) -> Iterator[str]:
    host = _host(target.outside)
    if target.outside.startswith(_NOWHERE):
        yield "leaves the mirror's folder"
    elif link.how not in _UNASKED:
        yield "asks another host"
    elif link.how != "entry via":
        if host in mirror.hosts | mirror.picture_hosts:
            yield "leads to a blocked host" if host in mirror.hosts else "leads to a picture host"
        own = _stands_in(page, link)
        if (
            own
            and "noreferrer" not in link.rel
            and own not in urlsplit(target.outside).query.split("&")
        ):
            yield "no suffix"


def _stands_in(page: Page, link: Link) -> str:
    """Return the article that a link stands in, whose ID it must carry (design, 4); in a list it carries its target's."""
    return link.of or (article_of(page.path) if page.status == _GOOD else "")


def _end_of(found: Crawl, path: str) -> Page | None:
    """Return the page that a path leads to in the end."""
    for _ in range(5):
        page = found.pages.get(path)
        if page is None or page.leads_to is None:
            return page
        path = page.leads_to.path
    return None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


# ------------------------------------------------------------------ on disk


def write(found: Crawl, folder: Path) -> None:
    """Write every page as a file; what answers as a folder, too, or has others below it, as that folder's `index.html`."""
    pages = {page.path: page for page in found.pages.values() if page.status == _GOOD}
    folders = {parent.as_posix() for path in pages for parent in Path(path).parents}
    for path, page in pages.items():
        if f"{path}/" not in pages:
            file = folder / unquote(path).lstrip("/")
            file = file / "index.html" if path.endswith("/") or path in folders else file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(page.body)


def targets_by_page(found: Crawl) -> dict[str, set[str]]:
    """Return where the links of each page lead; a folder with and without its "/" at the end is one page."""
    led: dict[str, set[str]] = {}
    for page, _, target in found.links:
        if page.status == _GOOD:
            led.setdefault(page.path.rstrip("/"), set()).add(
                (target.outside or target.path).rstrip("/")
            )
    return led
