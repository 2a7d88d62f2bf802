"""Rewrite the URLs in clean HTML to the mirror's addresses when an article is rendered. Pure.

The visible text of articles does not change. The store keeps upstream addresses, so a link leads
into the mirror as soon as its target is mirrored. Links into the mirror carry the ID of the article
they appear in as a suffix, `?n<ID>`. Everything that would make a browser contact a blocked host is
replaced: a picture that is not stored by its alternative text, a player by a link to its file, and
a link to any other page of a mirrored site by its text, with the address in the title attribute.
"""

import re
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

# Limits per article, above any genuine article.
_MAX_LINKS = 500
_MAX_PICTURES = 200
_REL = "noopener noreferrer nofollow"
# The size in the name of a picture's file (WordPress, Ghost, retina); the shortest name that
# identifies a picture within folders of one name, and anywhere.
_SIZE = re.compile(r"(?:[-_]\d{2,4}x\d{2,4}|[-_]scaled|@\dx|[-_](?:large|medium|small|thumb))+$")
_MIN_NAME_CHARACTERS, _LONG_NAME_CHARACTERS = 4, 10
# Attributes by which a browser or a script could load a picture from elsewhere. Cleaning already
# removes them.
_LEFTOVERS = ("srcset", "sizes", "data-src", "data-srcset", "data-original")


@dataclass(frozen=True, slots=True)
class LinkContext:
    """The page on which an article's HTML appears, and how links in it are written.

    *section* and *channel* are those of the page. *pages* gives the pages of the linked articles
    that are stored, *pictures* the article's stored pictures; *images* is how its section shows
    pictures. *write* turns a path into the address to print, relative or absolute.

    With *is_standalone* the HTML appears outside its page, as in a feed, so links to a place on the
    page include the page's address. With *only_stored* no server answers for articles that are not
    stored, as on a static host, and only *tags* have pages there (None: all tags). With
    *is_in_book* the pages are files of a book: links have no suffix and no fragment, and a link for
    which *write* returns "" is disabled. With *is_for_mirrors* the HTML is for another mirror:
    elements that this mirror can't show keep their upstream address as title. Links to
    *enclosures* stay, as feeds name them, too.
    """

    article_id: ArticleId
    section: str
    channel: str
    layout: paths.Layout
    pages: Mapping[ArticleId, MirrorPath]
    write: Callable[[MirrorPath], str]
    is_standalone: bool = False
    pictures: Mapping[Url, StoredPicture] = field(default_factory=dict)
    images: Images = Images.STORE
    only_stored: bool = False
    tags: tuple[str, ...] | None = None
    is_in_book: bool = False
    is_for_mirrors: bool = False
    enclosures: frozenset[Url] = frozenset()

    @property
    def page(self) -> MirrorPath:
        """The article's own page."""
        return self.layout.article(self.section, self.channel, self.article_id)

    def address(self, path: MirrorPath) -> str:
        """Return the address of a page as links of the article print it."""
        address = self.write(path)
        return address if self.is_in_book else paths.suffixed(address, self.article_id)


def rewrite_links(safe: SafeHtml, mirror: Mirror, context: LinkContext) -> SafeHtml:
    """Return *safe* with its links and pictures changed to the mirror's addresses.

    A link to an article of a mirrored site leads to its page, a link to a tag to the tag's page,
    and a picture to its stored file. Links to other sites stay, and send no referrer.
    """
    root = markup.fragment(safe)
    _unfold_players(root)
    markup.drop(list(root.iter("source")))
    for link in list(root.iter("a")):
        _rewrite_link(link, mirror, context)
    for image in list(root.iter("img")):
        _rewrite_picture(image, context)
    return SafeHtml(markup.inner_html(root))


def linked_articles(
    clean: markup.Element, mirror: Mirror, *, besides: ArticleId
) -> tuple[tuple[ArticleId, Url], ...]:
    """Return the articles of mirrored sites that *clean* HTML links to, sorted by ID.

    Each is a pair of ID and canonical address. The article *besides* is left out, and those above a
    limit.
    """
    found: dict[ArticleId, Url] = {}
    for link in clean.iter("a"):
        site = urls.site_of(mirror, Url(link.get("href", "")))
        target = urls.identify(*site) if site else None
        if target and target[0] != besides and len(found) < _MAX_LINKS:
            found[target[0]] = target[1]
    return tuple(sorted(found.items()))


def shown_pictures(clean: markup.Element, lead: Picture | None) -> tuple[Url, ...]:
    """Return the addresses of an article's pictures, each once, sorted.

    They are those of the *clean* HTML and of the lead picture, up to a limit.
    """
    found = dict.fromkeys([lead.url] if lead else [])
    found |= dict.fromkeys(_picture_addresses(clean))
    return tuple(sorted(list(found)[:_MAX_PICTURES]))


def shows(safe: SafeHtml, picture: Picture) -> bool:
    """Return whether *safe* contains a picture, in any size."""
    # A quick test before parsing; HTML escapes "&" in addresses.
    name, url = _name_of(picture.url), picture.url.partition("&")[0]
    return (url in safe or (name in safe and name != "")) and any(
        _is_same_picture(image.get("src", ""), picture.url)
        for image in markup.fragment(safe).iter("img")
    )


def _is_same_picture(address: str, other: str) -> bool:
    """Return whether two addresses are those of one picture, perhaps in different sizes.

    The names of their files are equal without the size, and are long, or in folders of one name.
    """
    name = _name_of(address)
    if address == other or not name or name != _name_of(other):
        return address == other
    return len(name) >= _LONG_NAME_CHARACTERS or _folder_of(address) == _folder_of(other)


def _folder_of(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[0].rpartition("/")[2]


def _name_of(address: str) -> str:
    """Return the file name of a picture without its size, "" if it says too little.

    >>> _name_of("https://i0.wp.com/a.example/up/boat-1200x800.jpg?w=9"), _name_of("/a/1.jpg")
    ('boat', '')
    """
    name = address.partition("?")[0].rpartition("/")[2].rpartition(".")[0]
    plain = _SIZE.sub("", name)
    return plain if len(plain) >= _MIN_NAME_CHARACTERS else ""


def inside(mirror: Mirror, context: LinkContext, url: Url) -> MirrorPath | None:
    """Return the mirror's page for an upstream address, None if it has none."""
    found = urls.site_of(mirror, url)
    if found is None:
        return None
    tag = urls.tag_name(*found)
    if tag:
        return context.layout.tag(tag) if context.tags is None or tag in context.tags else None
    article = urls.identify(*found)
    if article is None:
        return None
    if article[0] == context.article_id:
        return context.page
    # A server reports a missing article at an address beside the page that links to it. Where
    # addresses of articles can't be told from those of other pages, there is no such address.
    is_answered = found[0].article_url and not context.only_stored
    beside = (
        context.layout.article(context.section, context.channel, article[0])
        if is_answered
        else None
    )
    return context.pages.get(article[0]) or beside


def _rewrite_link(link: markup.Element, mirror: Mirror, context: LinkContext) -> None:
    href = link.get("href")
    if not href:
        return
    if href.startswith("#"):
        if context.is_standalone:
            link.set(
                "href",
                context.address(context.page) + (href if href != "#" else ""),
            )
    elif target := inside(mirror, context, Url(href)):
        _lead_inside(link, target, context)
    elif stored := _stored(Url(href), context):
        link.set("href", context.write(context.layout.media(stored.original.name, context.section)))
    elif Url(href) not in context.enclosures and _is_blocked(link, mirror, context):
        _lead_to_picture(link, context)
    else:
        link.set("rel", _REL)


def _lead_inside(link: markup.Element, target: MirrorPath, context: LinkContext) -> None:
    address = context.address(target)
    if address:
        fragment = "" if context.is_in_book else _fragment_of(link.get("href", ""))
        link.set("href", address + fragment)
    else:
        _lead_to_picture(link, context)


def _is_blocked(link: markup.Element, mirror: Mirror, context: LinkContext) -> bool:
    """Return whether a link leads to a host that may be blocked.

    That is a link to a mirrored site; or a link around a picture to a picture host, unless the
    section shows pictures from their original hosts.
    """
    host = urls.host_of(link.get("href", ""))
    if link.find(".//img") is not None and any(host in site.picture_hosts for site in mirror.sites):
        return context.images is not Images.LINK
    return urls.site_of(mirror, Url(link.get("href", ""))) is not None


def _lead_to_picture(link: markup.Element, context: LinkContext) -> None:
    """Make a link lead to the original size of the stored picture that it shows.

    Its former target was usually that picture's larger version. Otherwise, and always in books and
    for other mirrors, the link is disabled. Its address becomes the title, for readers who can
    reach it in another way.
    """
    shown = (_stored(Url(image.get("src", "")), context) for image in link.iter("img"))
    stored = next((each for each in shown if each), None)
    if stored and not context.is_in_book and not context.is_for_mirrors:
        link.set("href", context.write(context.layout.media(stored.original.name, context.section)))
    elif not markup.text_of(link) and not context.is_for_mirrors:
        link.drop_tag()
    else:
        link.set("title", link.attrib.pop("href"))


def _stored(url: Url, context: LinkContext) -> StoredPicture | None:
    """Return a stored picture by its address, if the section shows stored pictures."""
    return context.pictures.get(url) if context.images is Images.STORE else None


def _rewrite_picture(image: markup.Element, context: LinkContext) -> None:
    """Make an image show its stored file; replace it by its alternative text if there is none.

    With `Images.LINK` pictures stay at their original addresses.
    """
    for name in _LEFTOVERS:
        image.attrib.pop(name, None)
    if context.images is Images.LINK:
        return
    stored = _stored(Url(image.get("src", "")), context)
    if stored:
        image.set("src", context.write(context.layout.media(stored.reading.name, context.section)))
        if stored.reading.width and not context.is_for_mirrors:  # an archive does not know the size
            image.set("width", str(stored.reading.width))
            image.set("height", str(stored.reading.height))
    else:
        alt, address = image.get("alt", "").strip(), image.get("src", "")
        image.attrib.clear()
        image.tag, image.text = "i", alt
        if context.is_for_mirrors and address:
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
    """Replace each media player by its poster, its fallback content and a link to its file.

    Feed readers drop players, and browsers contact their hosts before anyone presses play.
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
                around.addnext(link)  # links can't be nested
        if any(
            each.tag not in markup.BLOCKS for each in player.iterancestors() if each is not root
        ):
            _make_inline(player)
        if player.get("poster"):
            poster = player.makeelement("img", src=player.get("poster", ""), alt="")
            poster.tail, player.text = player.text, None
            player.insert(0, poster)
        player.drop_tag()


def _make_inline(player: markup.Element) -> None:
    """Replace a player's blocks by their content: parsers end an inline element before a block."""
    for block in list(player.iter(*markup.BLOCKS - {"audio", "video", "br"})):
        block.text, block.tail = f" {block.text or ''}", f" {block.tail or ''}"
        block.drop_tag()
