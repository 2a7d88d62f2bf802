"""Paths of the mirror's pages, feeds and files. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from feedproxy.model import MirrorPath, Url
from feedproxy.urls import picture_key

# The formats of a feed, in the order in which pages offer them.
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
# Where programs look for the icon of a document that names none, as a feed.
WELL_KNOWN_ICON = MirrorPath("/favicon.ico")
# The page of an export that lists the mirror's other addresses.
ADDRESSES = MirrorPath("/mirrors.html")
# Pictures are in 4,096 folders, named by this many digits of their names: a thousand in each are
# four million.
SHARD_DIGITS = 3
# The files of a channel in a repository of the git-hosted mirrors.
_OF_CHANNEL = re.compile(r"(?:pages|indexes)/(?P<channel>[A-Za-z0-9_-]+)(?:\.csv\Z|/)")


# Files of a repository: the list of its channels, with ID and title; and the manifest with the
# hashes of the channels' manifests.
CHANNEL_LIST, SECTION_MANIFEST = "scripts/index.csv", "channels.sha256"
# The URL of a feed of a live mirror, whose archive is below it; the mirror itself may be below a
# path.
_FEED_ADDRESS = re.compile(
    r"(?P<base>https?://[^?#]*?)(?P<feed>/feed/[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)?)\.json(?P<query>(?:\?[^#]*)?)"
)


def section(name: str) -> MirrorPath:
    """Return the path of a section's front page."""
    return MirrorPath(f"/{name}")


def section_folder(name: str) -> MirrorPath:
    """Return the path of a section's front page in article pages' links, and on file hosts."""
    return MirrorPath(f"/{name}/")


def tag(name: str) -> MirrorPath:
    """Return the path of a tag's page.

    >>> tag("A/B 台湾")
    '/tag/A%2FB%20%E5%8F%B0%E6%B9%BE'
    """
    return MirrorPath("/tag/" + quote(name, safe=""))


def media(name: str) -> MirrorPath:
    """Return the path of a stored picture.

    >>> media("00ff.webp")
    '/media/00ff.webp'
    """
    return MirrorPath(f"/media/{name}")


def channel_of(file: str) -> str:
    """Return the channel of a file in a git-hosted mirror's repository, "" if it has none.

    >>> (
    ...     channel_of("pages/c1/n1.md"),
    ...     channel_of("indexes/c1.csv"),
    ...     channel_of("indexes/c1/2.md"),
    ...     channel_of("README.md"),
    ... )
    ('c1', 'c1', 'c1', '')
    """
    match = _OF_CHANNEL.match(file)
    return match["channel"] if match else ""


def channel_manifest(channel: str) -> str:
    """Return the repository's file with the hashes of a channel's index and pages."""
    return f"indexes/{channel}.sha256"


def in_git(section: str, file: str) -> str:
    """Return the name of a file of a section's repository in signatures.

    >>> in_git("epoch-news", SECTION_MANIFEST)
    'git/epoch-news/channels.sha256'
    """
    return f"git/{section}/{file}"


def archive_at(address: Url, number: int) -> tuple[Url, MirrorPath] | None:
    """Return URL and path of a page of the archive of a live mirror's feed.

    None if *address* is not that of such a feed.

    >>> archive_at(Url("https://mirror.example/feed/news/c1.json?key=x"), 3)
    ('https://mirror.example/feed/news/c1/archive/3.json?key=x', '/feed/news/c1/archive/3.json')
    """
    found = _FEED_ADDRESS.fullmatch(address)
    if found is None:
        return None
    path = MirrorPath(f"{found['feed']}/archive/{number}.json")
    return Url(f"{found['base']}{path}{found['query']}"), path


def beside_feed(address: Url, path: MirrorPath) -> Url:
    """Return the URL of *path* on the live mirror that has a feed at *address*.

    >>> beside_feed(Url("https://mirror.example/feed/news/c1.json?key=x"), media("00ff.webp"))
    'https://mirror.example/media/00ff.webp?key=x'
    """
    found = _FEED_ADDRESS.fullmatch(address)
    return Url(f"{found['base']}{path}{found['query']}") if found else address


def sharded(name: str) -> MirrorPath:
    """Return the path of a stored picture in an export, where no folder may have too many files.

    >>> sharded("00ff.webp")
    '/media/00f/00ff.webp'
    """
    return MirrorPath(f"/media/{name[:SHARD_DIGITS]}/{name}")


class PictureNames(NamedTuple):
    """The names of a picture's files for `media`."""

    original: str
    reading: str


def picture_names(url: Url) -> PictureNames:
    """Return the names of a picture's files by its upstream URL, whether it is stored or not.

    >>> media(picture_names(Url("https://i.example.org/a.jpg")).reading)
    '/media/of/22b90d8dab6719910bfbcf12b2a3c2df'
    """
    key = picture_key(url)
    return PictureNames(f"of/{key}/original", f"of/{key}")


def tag_feed(name: str, *, feed_format: str = "xml") -> MirrorPath:
    """Return the path of a tag's feed; *feed_format* is one of FORMATS.

    >>> tag_feed("A/B", feed_format="json")
    '/feed/tag/A%2FB.json'
    """
    return MirrorPath(f"/feed{tag(name)}.{feed_format}")


def feed(name: str, channel: str = "", *, feed_format: str = "xml") -> MirrorPath:
    """Return the path of the feed of a section, a channel, or `all`; *feed_format* as in FORMATS.

    >>> feed("epoch-news", "ncid277", feed_format="atom")
    '/feed/epoch-news/ncid277.atom'
    """
    return MirrorPath(
        f"/feed/{name}/{channel}.{feed_format}" if channel else f"/feed/{name}.{feed_format}"
    )


def book(name: str, channel: str = "") -> MirrorPath:
    """Return the path of the book of a feed, which is named as in `feed`.

    >>> book("epoch-news", "ncid277")
    '/book/epoch-news/ncid277.epub'
    """
    return MirrorPath(f"/book/{name}/{channel}.epub" if channel else f"/book/{name}.epub")


def merged_feed(names: Iterable[str], *, feed_format: str = "xml") -> MirrorPath:
    """Return the path of a feed that merges others; *feed_format* is one of FORMATS.

    Each of *names* is a section, or a section and a channel.

    >>> merged_feed(["epoch-comment/nsc1025", "epoch-news"])
    '/feed/merged/epoch-comment/nsc1025,epoch-news.xml'
    """
    return MirrorPath(f"/feed/merged/{','.join(names)}.{feed_format}")


def archive(name: str, channel: str, number: int | str, *, feed_format: str = "xml") -> MirrorPath:
    """Return the path of a page of a feed's archive; page 1 is the oldest.

    The feed is named as in `feed`.

    >>> archive("epoch-news", "ncid277", 2, feed_format="json")
    '/feed/epoch-news/ncid277/archive/2.json'
    """
    return MirrorPath(f"{feed(name, channel, feed_format='')[:-1]}/archive/{number}.{feed_format}")
