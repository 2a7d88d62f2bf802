"""Find a page's feeds: those that it names or links to, and the usual addresses. Pure."""

import re
from urllib.parse import urlsplit

from feedproxy import markup, urls
from feedproxy.markup import Element
from feedproxy.model import Url

# HTML, 4.6.7.1 "alternate"; JSON Feed 1.1, and 1.0, which used the media type of JSON.
_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/json",
    "application/rdf+xml",
    "application/xml",
    "text/xml",
)
# Addresses that usually are those of feeds, and words by which pages link to feeds.
_FEED_PATH = re.compile(
    r"(?:^|/)(?:feeds?|rss2?|atom|rdf)(?:[/.]|$)|\.(?:rss|atom|rdf)$|/[\w-]*(?:feed|rss|atom)[\w-]*\.(?:xml|json|php)$",
    re.IGNORECASE,
)
_FEED_WORDS = re.compile(r"\b(?:rss|atom|feeds?)\b|订阅|訂閱", re.IGNORECASE)
# Addresses of WordPress, Ghost and Substack; Jekyll and Hugo; Blogger; hand-written sites.
_USUAL = (
    "feed",
    "rss.xml",
    "atom.xml",
    "index.xml",
    "feed.xml",
    "feed.json",
    "rss",
    "feeds/posts/default",
)


def named_feeds(root: Element, url: Url) -> tuple[Url, ...]:
    """Return the feeds that a page names in its head (``rel="alternate"``), in document order."""
    links = markup.elements_at(root, "//link[@href]")
    named = [
        link
        for link in links
        if "alternate" in link.get("rel", "").lower().split() and _type_of(link) in _TYPES
    ]
    return _addresses(named, root, url)


def linked_feeds(root: Element, url: Url) -> tuple[Url, ...]:
    """Return the addresses that a page links to as feeds, by their form or the link's words."""
    links = [
        link
        for link in markup.elements_at(root, "//a[@href]")
        if _FEED_PATH.search(urlsplit(link.get("href", "")).path)
        or link.get("href", "").startswith("feed:")
        or _FEED_WORDS.search(markup.text_of(link))
    ]
    return _addresses(links, root, url)


def _addresses(links: list[Element], root: Element, url: Url) -> tuple[Url, ...]:
    base = markup.base_of(root, url)
    found = (urls.resolve(base, without_scheme(link.get("href", ""))) for link in links)
    return tuple(dict.fromkeys(each for each in found if each))


def without_scheme(address: str) -> str:
    """Return an address without the scheme that hands it to a feed reader.

    >>> without_scheme("feed:https://example.org/a"), without_scheme("feed://example.org/a")
    ('https://example.org/a', 'http://example.org/a')
    """
    rest = address.strip().removeprefix("feed:")
    return f"http:{rest}" if rest != address.strip() and rest.startswith("//") else rest


def usual_feeds(url: Url) -> tuple[Url, ...]:
    """Return the usual feed URLs for the page at *url*: in its folder, then at the site's root.

    >>> usual_feeds(Url("https://example.org/blog/"))[:2]
    ('https://example.org/blog/feed', 'https://example.org/blog/rss.xml')
    """
    places = (
        urls.resolve(url.partition("?")[0], base + name) for base in ("./", "/") for name in _USUAL
    )
    return tuple(dict.fromkeys(place for place in places if place))


def _type_of(link: Element) -> str:
    return str(link.get("type", "")).partition(";")[0].strip().lower()
