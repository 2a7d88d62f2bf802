"""Convert between simplified and traditional Chinese with OpenCC's tables.

Only this module and `search_terms` import opencc.
"""

from collections.abc import Mapping
from functools import cache

from opencc import OpenCC

from feedproxy import markup
from feedproxy.markup import Element
from feedproxy.model import SafeHtml

# RSSHub's list of conversions, each with the language of the result (RFC 5646), by which browsers
# choose fonts.
SCRIPTS: Mapping[str, str] = {
    "s2t": "zh-Hant",
    "s2tw": "zh-TW",
    "s2twp": "zh-TW",
    "s2hk": "zh-HK",
    "t2s": "zh-CN",
    "tw2s": "zh-CN",
    "tw2sp": "zh-CN",
    "hk2s": "zh-CN",
    "t2tw": "zh-TW",
    "tw2t": "zh-Hant",
    "t2hk": "zh-HK",
    "hk2t": "zh-Hant",
    "t2jp": "ja",
    "jp2t": "zh-Hant",
}
# Attributes that contain text.
_SHOWN = ("alt", "aria-label", "content", "placeholder", "title")
_ADDRESS = ("http://", "https://")


def convert(text: str, script: str) -> str:
    """Return *text* converted by one of SCRIPTS, or unchanged for "".

    >>> convert("台湾的头发", "s2tw")
    '臺灣的頭髮'
    """
    return _converter(script).convert(text) if script and text else text


def convert_html(safe: SafeHtml, script: str) -> SafeHtml:
    """Return clean HTML with its text converted; tags and addresses stay unchanged."""
    root = markup.fragment(safe)
    convert_tree(root, script)
    return SafeHtml(markup.inner_html(root))


def convert_tree(root: Element, script: str) -> None:
    """Convert the text of a tree in place.

    Tags, addresses and elements with ``translate="no"`` stay unchanged.
    """
    kept = {each for own in root.xpath(".//*[@translate='no']") for each in own.iterdescendants()}
    for element in root.iter():
        if element not in kept:
            _convert_element(element, script)


def _convert_element(element: Element, script: str) -> None:
    if element.get("translate") != "no":
        element.text = convert(element.text, script) if element.text else None
    element.tail = convert(element.tail, script) if element.tail else None
    for name in _SHOWN:
        shown = element.get(name, "")
        if shown and not shown.startswith(_ADDRESS):
            element.set(name, convert(shown, script))


@cache
def _converter(script: str) -> OpenCC:
    """Return this process's converter for a script.

    Its tables take 0.1 s to load and up to 45 MB; threads may share it (BYVoid/OpenCC, issue 231).
    """
    return OpenCC(script)
