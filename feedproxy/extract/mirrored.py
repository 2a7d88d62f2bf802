"""A page in the Markdown form of the git-hosted mirrors, back to the article that it was made of. Pure.

Such a page is a heading, a line of links, the lead picture and the text as HTML, and a last line with the original address.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape

from feedproxy import markup, urls
from feedproxy.dates import date_in_address
from feedproxy.errors import ExtractError
from feedproxy.extract.articles import extract_article
from feedproxy.extract.metadata import dateline
from feedproxy.model import MIRRORED, ArticleId, ArticleRules, DirtyHtml, Extract, Page, Site, Url

_FORM = re.compile(
    r"\A### (?P<title>[^\n]*)\n(?:.*?\n)??#### [^\n]*\n(?P<content>.*)\n---\n"
    r"\s*原文链接[^：:\n]{0,40}[：:]\s*<?(?P<url>[^\s<>]+)>?\s*\Z",
    re.DOTALL,
)
# What our own mirrors say besides, for machines; it holds no "--".
_RECORD = re.compile(r"<!-- feedproxy (\{(?:(?!--)[^\n])*\}) -->")
# The form's own elements, and what they were; `</ok>` also ends an `<a name>`.
_TURNED = (
    (re.compile(r"<ok\b"), "<a"),
    (re.compile(r"</ok\s*>"), "</a>"),
    (re.compile(r"<(/?)h4\b"), r"<\1h2"),
)
_BODY = "//div[@id='artbody']"
_OUTSIDE = "not(ancestor-or-self::*[@id='artbody']) and not(.//*[@id='artbody'])"
_LEAD, _CAPTION = f"//div[.//img][{_OUTSIDE}]", f"//div[contains(@class, 'caption')][{_OUTSIDE}]"
# A picture of so few pixels shows nothing; it counts readers.
_PIXEL = ("0", "1", "0px", "1px")
# How far the dateline is from the day in the address: the day after on 264 of 772 real pages, up to
# 20 days on 41; on one its year is wrong.
_MOST_APART = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class MirroredPage:
    """The parts of a page in the form, as they stand there; *record* is what a mirror of ours says besides, b"" without."""

    title: str
    content: str
    original: Url
    record: bytes = b""


def split_mirrored(page: Page) -> MirroredPage:
    """Return the parts of a page in the form.

    Raises:
        ExtractError: it is damaged, or no such page; says how.

    """
    try:
        text = page.body.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as e:
        raise ExtractError(page.url, f"is damaged: no UTF-8 at byte {e.start}", MIRRORED) from e
    match = _FORM.match(text)
    original = urls.resolve(match["url"], "") if match else None
    if match is None or original is None:
        raise ExtractError(
            page.url,
            "is damaged, or no page of a mirror: no heading, or no original address at its end",
            MIRRORED,
        )
    records = _RECORD.findall(match["content"])
    title = markup.unescaped(match["title"]).strip()
    return MirroredPage(title, match["content"], original, records[-1].encode() if records else b"")


def extract_mirrored(
    page: Page,
    parts: MirroredPage,
    site: Site,
    *,
    links: Mapping[ArticleId, Url],
    pictures: Mapping[str, Url],
) -> Extract:
    """Return what a page in the form was made of.

    Args:
        page: where it was had, for what is told of it.
        parts: its parts.
        site: the site of its original address.
        links: where links to other pages of the mirror lead upstream.
        pictures: the upstream addresses of files of pictures.

    Raises:
        ExtractError: there is no article in it.

    """
    html = parts.content
    for pattern, becomes in _TURNED:
        html = pattern.sub(becomes, html)
    document = f"<html><body><h1>{escape(parts.title)}</h1>{html}</body></html>".encode()
    try:
        found = extract_article(
            Page(parts.original, document, "text/html; charset=utf-8"), _rules(site), site
        )
    except ExtractError as e:
        raise ExtractError(page.url, f"is damaged: {e.reason}", MIRRORED) from e
    root = markup.fragment(found.body)
    markup.drop(
        [
            image
            for image in root.iter("img")
            if image.get("width") in _PIXEL or image.get("height") in _PIXEL
        ]
    )
    markup.drop(list(_breaks(root)))
    for link in root.iter("a"):
        if upstream := _upstream(link.get("href", ""), links, pictures):
            link.set("href", upstream)
    for image in root.iter("img"):
        if address := pictures.get(_name(image.get("src", ""))):
            image.set("src", address)
    for words in list(root.iter("i")) if parts.record else ():
        _show_again(words)
    lead = found.picture
    return replace(
        found,
        body=DirtyHtml(markup.inner_html(root)),
        published=_dateline(root, parts.original, site),
        picture=replace(lead, url=pictures.get(_name(lead.url), lead.url)) if lead else None,
    )


def _show_again(words: markup.Element) -> None:
    """Make what stands for a picture that a mirror of ours has not that picture again."""
    address = words.get("title", "")
    if address.startswith(("http://", "https://")) and not len(words):
        alt = words.text or ""
        words.tag, words.text = "img", None
        words.attrib.clear()
        words.attrib.update({"alt": alt, "src": address})


def _breaks(root: markup.Element) -> Iterator[markup.Element]:
    """Yield the line breaks that the form has before a caption, and behind it and its figure."""
    for figure in root.iter("figure", "figcaption"):
        line = figure.getnext()
        if line is not None and line.tag == "br" and not (figure.tail or "").strip():
            yield line
    for caption in root.iter("figcaption"):
        line = caption.getprevious()
        if line is not None and line.tag == "br" and not (line.tail or "").strip():
            yield line


def _upstream(href: str, links: Mapping[ArticleId, Url], pictures: Mapping[str, Url]) -> Url | None:
    """Return where a link into the mirror leads upstream, None if it is none."""
    name = _name(href)
    return links.get(ArticleId(name.partition(".")[0])) or pictures.get(name)


def _name(address: str) -> str:
    """Return the name of the file that a relative address leads to, "" for an absolute one."""
    return address.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _dateline(root: markup.Element, original: Url, site: Site) -> datetime | None:
    """Return the day of the dateline, unless the address is of another time: then it is that of what a text quotes."""
    stated, day = dateline(root, site), date_in_address(original, site)
    return stated if stated and (day is None or abs(stated - day) <= _MOST_APART) else None


def _rules(site: Site) -> ArticleRules:
    """Return the rules of the form, with what the site's say of its texts."""
    own = site.article
    return ArticleRules(
        name=MIRRORED,
        title=("//h1",),
        body=(_BODY,),
        strip=own.strip,
        strip_id_or_class=own.strip_id_or_class,
        strip_image_src=own.strip_image_src,
        src_lazy_load_attr=own.src_lazy_load_attr,
        autodetect_on_failure=False,
        picture=(_LEAD,),
        caption=(_CAPTION,),
        author_pattern=own.author_pattern,
    )
