"""Read an article from its page in the Markdown format of git-hosted mirrors. Pure.

Such a page is a heading, a line of links, the lead picture and the text as HTML, and a last line
with the original URL.
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
from feedproxy.model import (
    MIRRORED,
    ArticleId,
    ArticleRules,
    DirtyHtml,
    Extract,
    Origin,
    Page,
    Site,
    Statement,
    Url,
)

_FORM = re.compile(
    r"\A### (?P<title>[^\n]*)\n(?:.*?\n)??#### [^\n]*\n(?P<content>.*)\n---\n"
    r"\s*原文链接[^：:\n]{0,40}[：:]\s*<?(?P<url>[^\s<>]+)>?\s*\Z",
    re.DOTALL,
)
# The record that feedproxy adds to its pages as a JSON comment; it contains no "--".
_RECORD = re.compile(r"<!-- feedproxy (\{(?:(?!--)[^\n])*\}) -->")
# Elements of the format, and the HTML that they stand for; `</ok>` also ends an `<a name>`.
_TURNED = (
    (re.compile(r"<ok\b"), "<a"),
    (re.compile(r"</ok\s*>"), "</a>"),
    (re.compile(r"<(/?)h4\b"), r"<\1h2"),
)
_BODY = "//div[@id='artbody']"
_OUTSIDE = "not(ancestor-or-self::*[@id='artbody']) and not(.//*[@id='artbody'])"
_LEAD, _CAPTION = f"//div[.//img][{_OUTSIDE}]", f"//div[contains(@class, 'caption')][{_OUTSIDE}]"
# Widths and heights of pictures that show nothing: they count readers.
_PIXEL = ("0", "1", "0px", "1px")
# The greatest distance of the dateline from the day in the URL. The dateline is the next day on 264
# of 772 real pages, and up to 20 days away on 41; on one page its year is wrong.
_MOST_APART = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class MirroredPage:
    """The parts of a page in the Markdown format.

    *record* is feedproxy's record of the article, b"" if there is none.
    """

    title: str
    content: str
    original: Url
    record: bytes = b""


def split_mirrored(page: Page) -> MirroredPage:
    """Return the parts of a page in the Markdown format.

    Raises:
        ExtractError: the page is damaged, or not in the format; the message says which.

    """
    try:
        text = page.body.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as e:
        raise ExtractError(page.url, f"is damaged: not UTF-8 at byte {e.start}", MIRRORED) from e
    match = _FORM.match(text)
    original = urls.resolve(match["url"], "") if match else None
    if match is None or original is None:
        raise ExtractError(
            page.url,
            "is damaged, or not a page of a mirror: no heading, or no original address at its end",
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
    """Return the article that a page in the Markdown format was made of.

    Args:
            page: the page itself, for error messages.
            parts: its parts.
            site: the site of its original URL.
            links: the upstream URLs of other articles of the mirror.
            pictures: the upstream URLs of pictures by file name.

    Raises:
        ExtractError: it contains no article.

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
    stated = found.merged(site.timezone)
    lead = stated.picture
    statement = Statement(
        title=parts.title,
        published=_dateline(root, parts.original, site),
        has_time=False,
        authors=stated.authors,
        tags=stated.tags,
        picture=replace(lead, url=pictures.get(_name(lead.url), lead.url)) if lead else None,
    )
    return replace(
        found,
        body=DirtyHtml(markup.inner_html(root)),
        statements={Origin.RULES: statement},
    )


def _show_again(words: markup.Element) -> None:
    """Restore a picture that feedproxy replaced by its alternative text for lack of a copy."""
    address = words.get("title", "")
    if address.startswith(("http://", "https://")) and not len(words):
        alt = words.text or ""
        words.tag, words.text = "img", None
        words.attrib.clear()
        words.attrib.update({"alt": alt, "src": address})


def _breaks(root: markup.Element) -> Iterator[markup.Element]:
    """Yield the line breaks that the format adds before and after a caption, and after a figure."""
    for figure in root.iter("figure", "figcaption"):
        line = figure.getnext()
        if line is not None and line.tag == "br" and not (figure.tail or "").strip():
            yield line
    for caption in root.iter("figcaption"):
        line = caption.getprevious()
        if line is not None and line.tag == "br" and not (line.tail or "").strip():
            yield line


def _upstream(href: str, links: Mapping[ArticleId, Url], pictures: Mapping[str, Url]) -> Url | None:
    """Return the upstream URL of a link into the mirror, None for any other link."""
    name = _name(href)
    return links.get(ArticleId(name.partition(".")[0])) or pictures.get(name)


def _name(address: str) -> str:
    """Return the last path segment of an address, which is the file name of a relative one."""
    return address.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _dateline(root: markup.Element, original: Url, site: Site) -> datetime | None:
    """Return the date of the dateline, None if it is too far from the day in the URL.

    Such a date belongs to a text that the article quotes.
    """
    stated, day = dateline(root, site), date_in_address(original, site)
    return stated if stated and (day is None or abs(stated - day) <= _MOST_APART) else None


def _rules(site: Site) -> ArticleRules:
    """Return the rules for the Markdown format, with the site's rules for what to strip."""
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
