"""Parse indexes of git-hosted mirrors: CSV files with a line per article, or Markdown. Pure."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from feedproxy import markup
from feedproxy.errors import ListingError
from feedproxy.model import ArticleId, Listing, ListingItem, Page, Site, Url

# IDs have the form of those in `urls`; titles may contain commas and are not quoted.
_LINE = re.compile(r"(?P<id>[A-Za-z0-9_-]{1,64})[,，](?P<title>[^\n]*)")
# The quotation mark that `export.git_format` adds so that spreadsheets don't read a cell as a
# formula.
_GUARD = re.compile(r"""((?:\A|[,;])[\s"]*)'('*[=+\-@＝＋－＠])""")
_LINK = re.compile(r"\[(?P<title>(?:\\.|[^\]\\\n])*)\]\((?P<href>[^()\s]+)\)")
_PAGE = re.compile(r"(?:.*/)?pages/[^/?#]+/(?P<id>[A-Za-z0-9_-]{1,64})\.md(?:[?#].*)?")
_OTHER = re.compile(r"(?P<number>[0-9]{1,6})\.md(?:[?#].*)?")
_CHANNEL = re.compile(r"/indexes/(?P<channel>[^/]+?)(?:\.csv|/[^/]*)\Z")


def parse_index(page: Page, site: Site) -> Listing:
    """Return the articles of a mirror's index.

    An index is ``indexes/<channel>.csv``, or one of the pages in ``indexes/<channel>/``.

    Raises:
        ListingError: it is not in UTF-8, or its URL is not that of an index.

    """
    del site
    match = _CHANNEL.search(page.url)
    if match is None:
        raise ListingError(
            page.url,
            "is not an index of a mirror: "
            "its address does not end in /indexes/<channel>.csv, or a page there",
        )
    try:
        text = page.body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ListingError(page.url, f"is damaged: not UTF-8 at byte {e.start}") from e
    if page.url.endswith(".csv"):
        return Listing(tuple(_lines(text, page.url, match["channel"])))
    return Listing(tuple(_links(text, page.url)), _next(text, page.url))


def _lines(text: str, url: Url, channel: str) -> Iterator[ListingItem]:
    for line in text.splitlines():
        if match := _LINE.fullmatch(_GUARD.sub(r"\1\2", line.strip())):
            address = Url(urljoin(url, f"../pages/{channel}/{match['id']}.md"))
            yield ListingItem(ArticleId(match["id"]), address, match["title"].strip())


def _links(text: str, url: Url) -> Iterator[ListingItem]:
    for link in _LINK.finditer(text):
        if match := _PAGE.fullmatch(link["href"]):
            address = Url(urljoin(url, link["href"].partition("?")[0].partition("#")[0]))
            if address.startswith(url.rpartition("/indexes/")[0] + "/"):
                yield ListingItem(
                    ArticleId(match["id"]), address, markup.unescaped(link["title"]).strip()
                )


def _next(text: str, url: Url) -> Url | None:
    """Return the page after this one, if this one links to it: README.md comes first, then 2.md."""
    current = _OTHER.fullmatch(url.rpartition("/")[2])
    following = (int(current["number"]) if current else 1) + 1
    for link in _LINK.finditer(text):
        match = _OTHER.fullmatch(link["href"].rpartition("/")[2])
        if match and int(match["number"]) == following and "pages/" not in link["href"]:
            return Url(urljoin(url, f"{following}.md"))
    return None
