"""Serve pages in the other Chinese script (simplified or traditional) by the parameter `opencc`.

The parameter, as in `?opencc=s2t`, is the one of feeds; the links of a converted page carry it on.
So the address alone determines the page: any cache may store it, it can be shared, and it needs no
cookie.
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
# The conversion to the other script, by whether the mirror is in traditional Chinese.
_OTHERS = {False: "s2t", True: "t2s"}
# Links to files, which are not converted.
_FILES = re.compile(r"(?:\.{1,2}/)*(?:media|static|book)/")


def known_script(language: str, wanted: str) -> str:
    """Return the requested script, or "" for the mirror's own.

    That is also the answer to an unknown script, and on a mirror that is not in Chinese.
    """
    return wanted if wanted in SCRIPTS and _CHINESE.match(language) else ""


def query_of(script: str) -> str:
    """Return the query that selects a script, "" for the mirror's own."""
    return f"{PARAMETER}={script}" if script else ""


def is_traditional(language: str) -> bool:
    """Return whether a language tag (RFC 5646) is traditional Chinese.

    >>> is_traditional("zh-CN"), is_traditional("zh-TW")
    (False, True)
    """
    return bool(_TRADITIONAL.match(language))


def scripts_of(context: RenderContext, query: str) -> tuple[render.Link, ...]:
    """Return the links that switch a page between scripts; *query* is the query of its address.

    The link of the current script has no address. There are no links in an export to files and on
    mirrors that are not in Chinese.
    """
    language = context.mirror.about.language
    if context.files or not _CHINESE.match(language):
        return ()
    own = is_traditional(language)
    shown = is_traditional(SCRIPTS.get(context.script, language))
    addresses = {own: f"?{query}", not own: paths.chosen(f"?{query}", query_of(_OTHERS[own]))}
    names = {False: ("简体", "zh-Hans"), True: ("繁體", "zh-Hant")}
    return tuple(
        render.Link(name, "" if each == shown else addresses[each], language=tag)
        for each, (name, tag) in names.items()
    )


def in_script(page: bytes, script: str) -> bytes:
    """Return an HTML page converted to a script, with the parameter added to its links.

    For "" the page is returned unchanged.
    """
    if not script:
        return page
    root = markup.parse(page.decode())
    convert_tree(root, script)
    for link in root.xpath("//a[@href][not(../@translate='no')] | //link[@rel='alternate']"):
        if _leads_on(link):
            link.set("href", paths.chosen(link.get("href"), query_of(script)))
    # The fields of a GET form replace the query of its address, so the script becomes a field.
    for feed_format in root.xpath("//form[not(@method='post')]"):
        feed_format.insert(
            0, markup.fragment(f'<input type="hidden" name="{PARAMETER}" value="{script}">')[0]
        )
    return f"<!DOCTYPE html>\n{markup.outer_html(root)}\n".encode()


def _leads_on(link: markup.Element) -> bool:
    parts = urlsplit(link.get("href", ""))
    is_ours = bool(parts.path or parts.query) and not (parts.scheme or parts.netloc)
    return is_ours and not _FILES.match(parts.path)
