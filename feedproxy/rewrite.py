"""URL attributes of clean HTML to the mirror's addresses, with their `?n<ID>` suffix; at render time. Pure.

It changes no text, and adds no element on a page; in a feed a player becomes a link to what it plays, because
readers drop players and validators warn of them. The store keeps upstream addresses, so a link to an article that is
mirrored tomorrow points inside tomorrow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from feedproxy import markup, paths, urls
from feedproxy.model import ArticleId, Mirror, MirrorPath, Picture, SafeHtml, Url

# More than any article has that was not made to be a burden.
_MAX_LINKS = 500
_REL = "noopener noreferrer nofollow"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an article's HTML is to stand: on its page in one channel of one section.

    *held* gives the pages of the articles it links to that are held; *write* turns a path into the address to
    print (relative or absolute). *alone* says that the HTML leaves its page, as in a feed, so that links within
    the page must name the page.
    """

    article_id: ArticleId
    section: str
    channel: str
    layout: paths.Layout
    held: Mapping[ArticleId, MirrorPath]
    write: Callable[[MirrorPath], str]
    alone: bool = False

    @property
    def page(self) -> MirrorPath:
        """The article's own page."""
        return self.layout.article(self.section, self.channel, self.article_id)


def rewrite_links(safe: SafeHtml, mirror: Mirror, place: Place) -> SafeHtml:
    """Return *safe* with its links pointing inside the mirror where they lead to a mirrored site's articles and tags."""
    root = markup.fragment(safe)
    if place.alone:
        _unfold_players(root)
    for link in root.iter("a"):
        href = link.get("href")
        if not href:
            continue
        if href.startswith("#"):
            link.set("href", paths.suffixed(place.write(place.page), place.article_id) + href if place.alone else href)
            continue
        target = inside(mirror, place, Url(href))
        if target:
            link.set("href", paths.suffixed(place.write(target), place.article_id) + _fragment_of(href))
        else:
            link.set("rel", _REL)
    return SafeHtml(markup.inner_html(root))


def linked_articles(safe: SafeHtml, mirror: Mirror, *, besides: ArticleId) -> tuple[tuple[ArticleId, Url], ...]:
    """Return ID and canonical address of each article of a mirrored site that *safe* links to, in the order of IDs."""
    found: dict[ArticleId, Url] = {}
    for link in markup.fragment(safe).iter("a"):
        url = Url(link.get("href", ""))
        site = mirror.site_of(urls.host_of(url))
        target = urls.identify(site, url) if site else None
        if target and target[0] != besides and len(found) < _MAX_LINKS:
            found[target[0]] = target[1]
    return tuple(sorted(found.items()))


def shows(safe: SafeHtml, picture: Picture) -> bool:
    """Tell whether *safe* holds a picture itself."""
    return any(image.get("src") == picture.url for image in markup.fragment(safe).iter("img"))


def inside(mirror: Mirror, place: Place, url: Url) -> MirrorPath | None:
    """Return the mirror's page for an upstream address, None if it has none."""
    site = mirror.site_of(urls.host_of(url))
    if site is None:
        return None
    tag = urls.tag_name(site, url)
    if tag:
        return paths.tag(tag)
    found = urls.identify(site, url)
    if found is None:
        return None
    # Of one that is not held the mirror says so beside the page that links to it; where addresses don't tell
    # articles from other pages, nothing can be said.
    beside = place.layout.article(place.section, place.channel, found[0]) if site.article_url else None
    return place.held.get(found[0]) or beside


def _fragment_of(href: str) -> str:
    return "".join(href.partition("#")[1:])


def _unfold_players(root: markup.Element) -> None:
    """Put what a player offers to browsers without players in its place; a link to its file, if it offers none."""
    for player in [*root.iter("audio"), *root.iter("video")]:
        sources = [player.get("src"), *(source.get("src") for source in player.iter("source"))]
        markup.drop(list(player.iter("source")))
        url = next((source for source in sources if source), None)
        if url and player.find(".//a") is None:
            link = player.makeelement("a", href=url)
            link.text = url
            player.append(link)
        player.drop_tag()
