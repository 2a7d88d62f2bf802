"""Find a page's feeds: those that it names, and the usual addresses. Pure."""

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
)
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
    found = (urls.resolve(url, link.get("href", "")) for link in named)
    return tuple(dict.fromkeys(each for each in found if each))


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
