"""URL attributes of clean HTML to the mirror's addresses, with their `?n<ID>` suffix; at render time. Pure.

It changes no text. The store keeps upstream addresses, so a link to an article that is mirrored tomorrow points inside
tomorrow. What would make a browser ask a blocked host is taken out: a picture that is not held leaves its alternative
text, a player a link to what it plays, a link to another page of a mirrored site its text, with the address as title.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from feedproxy import markup, paths, urls
from feedproxy.model import (
    ArticleId,
    Images,
    Mirror,
    MirrorPath,
    Picture,
    SafeHtml,
    StoredPicture,
    Url,
)

# More than any article has that was not made to be a burden.
_MAX_LINKS = 500
_MAX_PICTURES = 200
_REL = "noopener noreferrer nofollow"
# What can make a browser, or its scripts, ask for a picture elsewhere; cleaning leaves none of it.
_LEFTOVERS = ("srcset", "sizes", "data-src", "data-srcset", "data-original")


@dataclass(frozen=True, slots=True)
class LinkContext:
    """Where an article's HTML is to stand: on its page in one channel of one section.

    *held* gives the pages of the articles it links to that are held, *pictures* those of its pictures that are;
    *images* says what its section does with pictures. *write* turns a path into the address to print (relative or
    absolute). *alone* says that the HTML leaves its page, as in a feed, so that links within the page must name it;
    *only_held* that nobody answers for articles that are not held, as on a static host, and *tags* which tags have pages there.
    *bound* says that pages are files of a book: links carry no suffix and lead to the beginning of a file, and where *write*
    gives "" they lead nowhere. *is_told* says that another mirror reads the HTML: what has no place in this one has its
    upstream address as title.
    """

    article_id: ArticleId
    section: str
    channel: str
    layout: paths.Layout
    held: Mapping[ArticleId, MirrorPath]
    write: Callable[[MirrorPath], str]
    alone: bool = False
    pictures: Mapping[Url, StoredPicture] = field(default_factory=dict)
    images: Images = Images.STORE
    only_held: bool = False
    tags: tuple[str, ...] | None = None
    bound: bool = False
    is_told: bool = False

    @property
    def page(self) -> MirrorPath:
        """The article's own page."""
        return self.layout.article(self.section, self.channel, self.article_id)


def rewrite_links(safe: SafeHtml, mirror: Mirror, place: LinkContext) -> SafeHtml:
    """Return *safe* with its links and pictures inside the mirror, as far as they lead to a mirrored site.

    An article leads to its page, a tag to the tag's, a picture to its stored file; links elsewhere stay and say
    nothing of where they come from.
    """
    root = markup.fragment(safe)
    _unfold_players(root)
    markup.drop(list(root.iter("source")))
    for link in list(root.iter("a")):
        _rewrite_link(link, mirror, place)
    for image in list(root.iter("img")):
        _rewrite_picture(image, place)
    return SafeHtml(markup.inner_html(root))


def linked_articles(
    clean: markup.Element, mirror: Mirror, *, besides: ArticleId
) -> tuple[tuple[ArticleId, Url], ...]:
    """Return ID and canonical address of each article of a mirrored site that *clean* HTML links to, in the order of IDs."""
    found: dict[ArticleId, Url] = {}
    for link in clean.iter("a"):
        place = urls.site_of(mirror, Url(link.get("href", "")))
        target = urls.identify(*place) if place else None
        if target and target[0] != besides and len(found) < _MAX_LINKS:
            found[target[0]] = target[1]
    return tuple(sorted(found.items()))


def shown_pictures(clean: markup.Element, lead: Picture | None) -> tuple[Url, ...]:
    """Return the addresses of the pictures that an article of *clean* HTML shows, each once, in the order of addresses."""
    found = dict.fromkeys([lead.url] if lead else [])
    found |= dict.fromkeys(_picture_addresses(clean))
    return tuple(sorted(list(found)[:_MAX_PICTURES]))


def shows(safe: SafeHtml, picture: Picture) -> bool:
    """Tell whether *safe* holds a picture itself."""
    is_named = picture.url.partition("&")[0] in safe  # as it stands there, up to what is escaped
    return is_named and any(
        image.get("src") == picture.url for image in markup.fragment(safe).iter("img")
    )


def inside(mirror: Mirror, place: LinkContext, url: Url) -> MirrorPath | None:
    """Return the mirror's page for an upstream address, None if it has none."""
    found = urls.site_of(mirror, url)
    if found is None:
        return None
    tag = urls.tag_name(*found)
    if tag:
        return place.layout.tag(tag) if place.tags is None or tag in place.tags else None
    article = urls.identify(*found)
    if article is None:
        return None
    if article[0] == place.article_id:
        return place.page
    # Of one that is not held the mirror says so beside the page that links to it; where addresses don't tell
    # articles from other pages, nothing can be said.
    is_answered = found[0].article_url and not place.only_held
    beside = place.layout.article(place.section, place.channel, article[0]) if is_answered else None
    return place.held.get(article[0]) or beside


def _rewrite_link(link: markup.Element, mirror: Mirror, place: LinkContext) -> None:
    href = link.get("href")
    if not href:
        return
    if href.startswith("#"):
        if place.alone:
            link.set(
                "href",
                paths.suffixed(place.write(place.page), place.article_id)
                + (href if href != "#" else ""),
            )
    elif target := inside(mirror, place, Url(href)):
        _lead_inside(link, target, place)
    elif stored := _stored(Url(href), place):
        link.set("href", place.write(place.layout.media(stored.original.name, place.section)))
    elif _is_blocked(link, mirror, place):
        _lead_to_picture(link, place)
    else:
        link.set("rel", _REL)


def _lead_inside(link: markup.Element, target: MirrorPath, place: LinkContext) -> None:
    href, address = link.get("href", ""), place.write(target)
    if not place.bound:
        address = paths.suffixed(address, place.article_id) + _fragment_of(href)
    if address:
        link.set("href", address)
    else:
        _lead_to_picture(link, place)


def _is_blocked(link: markup.Element, mirror: Mirror, place: LinkContext) -> bool:
    """Tell whether a link leads to a mirrored site, or away only to show a picture that its section keeps or hides."""
    host = urls.host_of(link.get("href", ""))
    if link.find(".//img") is not None and any(host in site.picture_hosts for site in mirror.sites):
        return place.images is not Images.LINK
    return urls.site_of(mirror, Url(link.get("href", ""))) is not None


def _lead_to_picture(link: markup.Element, place: LinkContext) -> None:
    """Have a link lead to the original size of the picture it shows, as the larger form that it led to is just that.

    Without one it leads nowhere; a reader who has other ways still finds its address.
    """
    shown = (_stored(Url(image.get("src", "")), place) for image in link.iter("img"))
    stored = next((each for each in shown if each), None)
    if stored and not place.bound and not place.is_told:
        link.set("href", place.write(place.layout.media(stored.original.name, place.section)))
    elif not markup.text_of(link) and not place.is_told:
        link.drop_tag()
    else:
        link.set("title", link.attrib.pop("href"))


def _stored(url: Url, place: LinkContext) -> StoredPicture | None:
    """Return a picture that is held, where pictures are shown from the mirror."""
    return place.pictures.get(url) if place.images is Images.STORE else None


def _rewrite_picture(image: markup.Element, place: LinkContext) -> None:
    """Show a picture that is held; of any other, unless pictures stay where they are, its alternative text."""
    for name in _LEFTOVERS:
        image.attrib.pop(name, None)
    if place.images is Images.LINK:
        return
    stored = _stored(Url(image.get("src", "")), place)
    if stored:
        image.set("src", place.write(place.layout.media(stored.reading.name, place.section)))
        if stored.reading.width and not place.is_told:  # it is not known in an archive
            image.set("width", str(stored.reading.width))
            image.set("height", str(stored.reading.height))
    else:
        alt, address = image.get("alt", "").strip(), image.get("src", "")
        image.attrib.clear()
        image.tag, image.text = "i", alt
        if place.is_told and address:
            image.set("title", address)
        elif not alt:
            image.drop_tag()


def _picture_addresses(root: markup.Element) -> Iterator[Url]:
    for element in root.iter("img", "video"):
        url = element.get("src" if element.tag == "img" else "poster")
        if url:
            yield Url(url)


def _fragment_of(href: str) -> str:
    return "".join(href.partition("#")[1:])


def _unfold_players(root: markup.Element) -> None:
    """Put what a player offers to browsers without players in its place: links to its files, its poster before them.

    Feed readers drop players, and browsers ask their hosts before anyone has pressed a button.
    """
    for player in [*root.iter("audio"), *root.iter("video")]:
        sources = [player.get("src"), *(source.get("src") for source in player.iter("source"))]
        url = next((source for source in sources if source), None)
        if url and player.find(".//a") is None:
            link = player.makeelement("a", href=url)
            link.text = url
            around = next(player.iterancestors("a"), None)
            if around is None:
                player.append(link)
            else:
                around.addnext(link)  # a link can't stand in a link
        if player.get("poster"):
            poster = player.makeelement("img", src=player.get("poster", ""), alt="")
            poster.tail, player.text = player.text, None
            player.insert(0, poster)
        player.drop_tag()
