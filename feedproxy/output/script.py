"""Pages in the other script of Chinese: `?opencc=s2t`, the parameter of feeds, which a page's links carry on.

So an address says all that its page depends on, may be kept by any cache and sent to anybody, and no cookie is needed.
"""

import re
from urllib.parse import urlsplit

from feedproxy import markup, paths
from feedproxy.feed_options import SCRIPTS, convert_tree
from feedproxy.output import render
from feedproxy.output.context import RenderContext

PARAMETER = "opencc"
_CHINESE, _TRADITIONAL = (
    re.compile(r"zh\b", re.IGNORECASE),
    re.compile(r"zh-(?:hant|tw|hk|mo)\b", re.IGNORECASE),
)
# What leads into the other script, by whether the mirror is in traditional Chinese.
_OTHERS = {False: "s2t", True: "t2s"}
# Files, which have no script.
_FILES = re.compile(r"(?:\.{1,2}/)*(?:media|static|book)/")


def known_script(language: str, wanted: str) -> str:
    """Return the script that a reader of a mirror in some language wants, "" for the mirror's own, or for none that there is."""
    return wanted if wanted in SCRIPTS and _CHINESE.match(language) else ""


def query_of(script: str) -> str:
    """Return what an address of a page or feed in a script says, "" for the mirror's own."""
    return f"{PARAMETER}={script}" if script else ""


def is_traditional(language: str) -> bool:
    """Return whether that is traditional Chinese (RFC 5646).

    >>> is_traditional("zh-CN"), is_traditional("zh-TW")
    (False, True)
    """
    return bool(_TRADITIONAL.match(language))


def scripts_of(ground: RenderContext, query: str) -> tuple[render.Link, ...]:
    """Return the switch of a page with that *query*: both scripts, the present one without an address.

    Of plain files, and where nothing is Chinese, there is none.
    """
    language = ground.mirror.language
    if ground.files or not _CHINESE.match(language):
        return ()
    own = is_traditional(language)
    shown = is_traditional(SCRIPTS.get(ground.script, language))
    addresses = {own: f"?{query}", not own: paths.chosen(f"?{query}", query_of(_OTHERS[own]))}
    names = {False: ("简体", "zh-Hans"), True: ("繁體", "zh-Hant")}
    return tuple(
        render.Link(name, "" if each == shown else addresses[each], language=tag)
        for each, (name, tag) in names.items()
    )


def in_script(page: bytes, script: str) -> bytes:
    """Return a page of ours in a script, its links to pages and feeds leading on in it; as it is for ""."""
    if not script:
        return page
    root = markup.parse(page.decode())
    convert_tree(root, script)
    for link in root.xpath("//a[@href][not(../@translate='no')] | //link[@rel='alternate']"):
        if _leads_on(link):
            link.set("href", paths.chosen(link.get("href"), query_of(script)))
    for form in root.xpath(
        "//form[not(@method='post')]"
    ):  # what a form sends takes the place of its address' query
        form.insert(
            0, markup.fragment(f'<input type="hidden" name="{PARAMETER}" value="{script}">')[0]
        )
    return f"<!DOCTYPE html>\n{markup.outer_html(root)}\n".encode()


def _leads_on(link: markup.Element) -> bool:
    parts = urlsplit(link.get("href", ""))
    is_ours = bool(parts.path or parts.query) and not (parts.scheme or parts.netloc)
    return is_ours and not _FILES.match(parts.path)
