"""Replace embedded players by links to what they play. Pure.

Feed readers drop frames, and browsers contact their hosts before anyone presses play.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from feedproxy import markup, urls
from feedproxy.markup import Element

# The attribute by which the pruning of an article knows the link of a player.
MARK = "data-player"
# The address of a film or sound by that of its player, with the groups of the pattern.
_PLAYERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), page)
    for pattern, page in (
        (r"youtube(?:-nocookie)?\.com/embed/([\w-]{6,})", r"https://www.youtube.com/watch?v=\1"),
        (r"player\.vimeo\.com/video/(\d+)", r"https://vimeo.com/\1"),
        (r"player\.bilibili\.com/.*[?&]bvid=(BV\w+)", r"https://www.bilibili.com/video/\1"),
        (r"player\.bilibili\.com/.*[?&]aid=(\d+)", r"https://www.bilibili.com/video/av\1"),
        (r"dailymotion\.com/embed/video/(\w+)", r"https://www.dailymotion.com/video/\1"),
        (r"open\.spotify\.com/embed/(\w+/\w+)", r"https://open.spotify.com/\1"),
        (r"embed\.podcasts\.apple\.com/([^?]+)", r"https://podcasts.apple.com/\1"),
        (r"odysee\.com/\$/embed/([^?]+)", r"https://odysee.com/\1"),
        (r"archive\.org/embed/([^?]+)", r"https://archive.org/details/\1"),
        (r"platform\.twitter\.com/embed/.*[?&]id=(\d+)", r"https://x.com/i/status/\1"),
        (r"tiktok\.com/embed/(?:v\d/)?(\d+)", r"https://www.tiktok.com/embed/v2/\1"),
        (r"//t\.me/([\w/]+)\?.*embed", r"https://t.me/\1"),
        (r"ganjing\.com/(?:\w+/)?embed/(\w+)", r"https://www.ganjing.com/video/\1"),
    )
)
# Elements that stand for a player, the attribute with the ID, and the address of what it plays.
_ELEMENTS: Mapping[str, tuple[str, str]] = {
    "lite-youtube": ("videoid", "https://www.youtube.com/watch?v={}"),
    "amp-youtube": ("data-videoid", "https://www.youtube.com/watch?v={}"),
    "amp-vimeo": ("data-videoid", "https://vimeo.com/{}"),
    "amp-dailymotion": ("data-videoid", "https://www.dailymotion.com/video/{}"),
    "amp-twitter": ("data-tweetid", "https://x.com/i/status/{}"),
    "amp-soundcloud": ("data-trackid", "https://api.soundcloud.com/tracks/{}"),
    "amp-iframe": ("src", "{}"),
    "iframe": ("src", "{}"),
    "embed": ("src", "{}"),
    "object": ("data", "{}"),
}
_LAZY = ("data-src", "data-lazy-src", "data-original")
# Frames that show advertisements, buttons, comments and captchas (EasyList, EasyPrivacy).
_NO_CONTENT = re.compile(
    r"doubleclick|googlesyndication|googletagmanager|google-analytics|adservice|amazon-adsystem|taboola"
    r"|outbrain|criteo|disqus|recaptcha|hcaptcha|/plugins/(?:like|share|page|comments)|/ads?/|adserver"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SIZES = ("0", "1", "0px", "1px")


def unfold(root: Element, base: str) -> None:
    """Replace each player of a page by a figure with a link to what it plays, in place."""
    for element in list(root.iter(*_ELEMENTS)):
        name, template = _ELEMENTS[str(element.tag)]
        found = element.get(name) or next(
            (element.get(each) for each in _LAZY if element.get(each)), ""
        )
        address = urls.resolve(base, template.format(found)) if found else None
        if address is None or _is_hidden(element) or _NO_CONTENT.search(address):
            continue
        target = page_of(address)
        figure, link = markup.new_element("figure"), markup.new_element("a")
        figure.set(MARK, "")
        link.set("href", target)
        link.text = markup.plain(element.get("title") or element.get("name") or "") or urls.host_of(
            target
        )
        figure.append(link)
        figure.tail, element.tail = element.tail, None
        parent = element.getparent()
        if parent is not None:
            parent.replace(element, figure)


def page_of(address: str) -> str:
    """Return the address of what a player plays; an unknown player's is its own.

    >>> page_of("https://www.youtube-nocookie.com/embed/abcdefgh?rel=0")
    'https://www.youtube.com/watch?v=abcdefgh'
    >>> page_of("https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/a/b")
    'https://soundcloud.com/a/b'
    """
    for pattern, page in _PLAYERS:
        if match := pattern.search(address):
            return unquote(match.expand(page))
    inner = parse_qs(urlsplit(address).query).get("url", [""])[0]
    return inner if urls.is_web(inner) else address


def _is_hidden(element: Element) -> bool:
    sizes = (element.get("width"), element.get("height"))
    return any(size in _SIZES for size in sizes) or bool(_HIDDEN.search(element.get("style", "")))
