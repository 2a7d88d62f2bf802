"""Where a page's feeds are: those that it names, and the usual places. Pure."""

from feedproxy import markup, urls
from feedproxy.markup import Element
from feedproxy.model import Url

# HTML, 4.6.7.1 "alternate"; JSON Feed 1.1, and 1.0, which had the plain type of JSON.
_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/json",
    "application/rdf+xml",
)
# Of WordPress, Ghost and Substack, of Jekyll and Hugo, of Blogger, and of what is written by hand.
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
    """Return the feeds that a page names in its head (``rel="alternate"``), in its order."""
    links = markup.elements_at(root, "//link[@href]")
    named = [
        link
        for link in links
        if "alternate" in link.get("rel", "").lower().split() and _type_of(link) in _TYPES
    ]
    found = (urls.resolve(url, link.get("href", "")) for link in named)
    return tuple(dict.fromkeys(each for each in found if each))


def usual_feeds(url: Url) -> tuple[Url, ...]:
    """Return where a feed for the page at *url* would be: in its folder, then at the site's top.

    >>> usual_feeds(Url("https://example.org/blog/"))[:2]
    ('https://example.org/blog/feed', 'https://example.org/blog/rss.xml')
    """
    places = (
        urls.resolve(url.partition("?")[0], base + name) for base in ("./", "/") for name in _USUAL
    )
    return tuple(dict.fromkeys(place for place in places if place))


def _type_of(link: Element) -> str:
    return str(link.get("type", "")).partition(";")[0].strip().lower()
