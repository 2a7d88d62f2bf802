"""What stands where in the mirror. Pure."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from feedproxy.model import MirrorPath, Url
from feedproxy.urls import picture_key

# The forms of a feed, in the order in which pages offer them.
FORMATS = {
    "xml": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
HOME = MirrorPath("/")
SUBSCRIBE = MirrorPath("/subscribe")
OPML = MirrorPath("/feeds.opml")
STYLE = MirrorPath("/static/mirror.css")
ICON = MirrorPath("/static/mirror.svg")
SEARCH = MirrorPath("/search")
OPENSEARCH = MirrorPath("/opensearch.xml")
# Where programs look for an icon of a page that names none, as of a feed.
WELL_KNOWN_ICON = MirrorPath("/favicon.ico")
# Where else the mirror is, as an export says.
ADDRESSES = MirrorPath("/mirrors.html")
# Pictures lie in 4,096 folders by so many digits of their names: a thousand in each are four million.
SHARD_DIGITS = 3
# What belongs to a channel in a repository of the git-hosted mirrors.
_OF_CHANNEL = re.compile(r"(?:pages|indexes)/(?P<channel>[A-Za-z0-9_-]+)(?:\.csv\Z|/)")


# What a repository has of each channel: its ID and title in a list of them all, and its manifest's hash in a manifest of those.
CHANNEL_LIST, SECTION_MANIFEST = "scripts/index.csv", "channels.sha256"
# The address of a feed of a live mirror, below which its archive stands; the mirror may itself stand below a path.
_FEED_ADDRESS = re.compile(
    r"(?P<base>https?://[^?#]*?)(?P<feed>/feed/[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)?)\.json(?P<query>(?:\?[^#]*)?)"
)


def section(name: str, *, as_folder: bool = False) -> MirrorPath:
    """Return a section's front page; *as_folder* as the relative links of article pages and file hosts name it."""
    return MirrorPath(f"/{name}/" if as_folder else f"/{name}")


def tag(name: str) -> MirrorPath:
    """Return a tag's page.

    >>> tag("A/B 台湾")
    '/tag/A%2FB%20%E5%8F%B0%E6%B9%BE'
    """
    return MirrorPath("/tag/" + quote(name, safe=""))


def media(name: str) -> MirrorPath:
    """Return a stored picture.

    >>> media("00ff.webp")
    '/media/00ff.webp'
    """
    return MirrorPath(f"/media/{name}")


def channel_of(file: str) -> str:
    """Return the channel that a file of a git-hosted mirror belongs to, by its place in the repository, "" if to none.

    >>> channel_of("pages/c1/n1.md"), channel_of("indexes/c1.csv"), channel_of("indexes/c1/2.md"), channel_of("README.md")
    ('c1', 'c1', 'c1', '')
    """
    match = _OF_CHANNEL.match(file)
    return match["channel"] if match else ""


def channel_manifest(channel: str) -> str:
    """Return the file that names the index and pages of a channel by their hashes, by its place in the repository."""
    return f"indexes/{channel}.sha256"


def in_git(section: str, file: str) -> str:
    """Return what a signature calls a file of a section's repository.

    >>> in_git("epoch-news", SECTION_MANIFEST)
    'git/epoch-news/channels.sha256'
    """
    return f"git/{section}/{file}"


def archive_at(address: Url, number: int) -> tuple[Url, MirrorPath] | None:
    """Return where a page of the archive of a live mirror's feed is, and its path there; None if *address* is no such feed's.

    >>> archive_at(Url("https://mirror.example/feed/news/c1.json?key=x"), 3)
    ('https://mirror.example/feed/news/c1/archive/3.json?key=x', '/feed/news/c1/archive/3.json')
    """
    found = _FEED_ADDRESS.fullmatch(address)
    if found is None:
        return None
    path = MirrorPath(f"{found['feed']}/archive/{number}.json")
    return Url(f"{found['base']}{path}{found['query']}"), path


def beside_feed(address: Url, path: MirrorPath) -> Url:
    """Return where a live mirror, one of whose feeds is at *address*, has a path.

    >>> beside_feed(Url("https://mirror.example/feed/news/c1.json?key=x"), media("00ff.webp"))
    'https://mirror.example/media/00ff.webp?key=x'
    """
    found = _FEED_ADDRESS.fullmatch(address)
    return Url(f"{found['base']}{path}{found['query']}") if found else address


def sharded(name: str) -> MirrorPath:
    """Return a stored picture's address in an export, where no folder may hold too many.

    >>> sharded("00ff.webp")
    '/media/00f/00ff.webp'
    """
    return MirrorPath(f"/media/{name[:SHARD_DIGITS]}/{name}")


def media_of(url: Url) -> tuple[str, str]:
    """Return the names by which `media` leads to a picture by its upstream address, held or not: original, reading form.

    >>> media(media_of(Url("https://i.example.org/a.jpg"))[1])
    '/media/of/22b90d8dab6719910bfbcf12b2a3c2df'
    """
    key = picture_key(url)
    return f"of/{key}/original", f"of/{key}"


def tag_feed(name: str, *, form: str = "xml") -> MirrorPath:
    """Return the feed of a tag; *form* is one of FORMATS.

    >>> tag_feed("A/B", form="json")
    '/feed/tag/A%2FB.json'
    """
    return MirrorPath(f"/feed{tag(name)}.{form}")


def feed(name: str, channel: str = "", *, form: str = "xml") -> MirrorPath:
    """Return a feed: of a section, of one of its channels, or of `all`; *form* is one of FORMATS.

    >>> feed("epoch-news", "ncid277", form="atom")
    '/feed/epoch-news/ncid277.atom'
    """
    return MirrorPath(f"/feed/{name}/{channel}.{form}" if channel else f"/feed/{name}.{form}")


def book(name: str, channel: str = "") -> MirrorPath:
    """Return the book of a feed, which is named as in `feed`.

    >>> book("epoch-news", "ncid277")
    '/book/epoch-news/ncid277.epub'
    """
    return MirrorPath(f"/book/{name}/{channel}.epub" if channel else f"/book/{name}.epub")


def merged_feed(names: Iterable[str], *, form: str = "xml") -> MirrorPath:
    """Return the feed of several feeds, each named by its section or by section and channel; *form* is one of FORMATS.

    >>> merged_feed(["epoch-comment/nsc1025", "epoch-news"])
    '/feed/merged/epoch-comment/nsc1025,epoch-news.xml'
    """
    return MirrorPath(f"/feed/merged/{','.join(names)}.{form}")


def archive(name: str, channel: str, number: int | str, *, form: str = "xml") -> MirrorPath:
    """Return a page of a feed's archive, 1 is the oldest; the feed is named as in `feed`.

    >>> archive("epoch-news", "ncid277", 2, form="json")
    '/feed/epoch-news/ncid277/archive/2.json'
    """
    return MirrorPath(f"{feed(name, channel, form='')[:-1]}/archive/{number}.{form}")
