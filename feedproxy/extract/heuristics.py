"""Extract articles from pages without rules, by trafilatura. Pure.

Its mode is the one that does best for the page's language.
"""

import re
import warnings
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

from feedproxy import markup, urls
from feedproxy.dates import read_date
from feedproxy.errors import ExtractError
from feedproxy.extract import metadata
from feedproxy.extract.authors import byline_in, names_in
from feedproxy.extract.locate import locate
from feedproxy.extract.metadata import PageMetadata
from feedproxy.model import HEURISTICS, Extract, Origin, Page, Site

if TYPE_CHECKING:
    from trafilatura.settings import Document

# trafilatura's precise mode does best on Chinese news pages (F1 0.92 against 0.89), its balanced
# mode on others (trafilatura's own evaluation).
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CJK_SHARE = 0.2
# Elements that mean nothing around an article.
_CONTAINERS = ("article", "body", "center", "div", "main", "section", "td")
# The text in JSON-LD counts if the page shows less than this share of it, as where scripts draw it.
_MIN_LINKED_CHARACTERS, _MIN_LINKED_SHARE = 200, 0.5
_TAG = re.compile(r"<(?:p|br|div|h\d)\b", re.IGNORECASE)
# A shorter text is no article: the shortest news item has a sentence.
MIN_TEXT_CHARACTERS = 20


def extract(page: Page, root: markup.Element, about: PageMetadata, site: Site | None) -> Extract:
    """Return the article that trafilatura finds in *root*, completed by the page's metadata.

    The tree is flattened in place.

    Raises:
        ExtractError: no article is found.

    """
    markup.flatten(root)  # trafilatura silently ignores what is nested deeper than 256 levels
    for element in list(root.iter("center")):
        element.tag = "div"  # trafilatura drops the text of elements that it does not know
    visible, text = markup.text_of(root), markup.outer_html(root)
    is_cjk = len(_CJK.findall(visible)) > _CJK_SHARE * max(1, len(visible))
    found = _ask(text, page.url, precise=is_cjk) or (
        _ask(text, page.url, precise=False) if is_cjk else None
    )
    body = locate(root, _text(found.text or "")) if found else None
    if body is not None:
        markup.unlazy(body)
        markup.tighten(body)
    if len(about.text) > _MIN_LINKED_CHARACTERS and (
        body is None or len(markup.text_of(body)) < _MIN_LINKED_SHARE * len(about.text)
    ):  # a page that scripts draw
        body = markup.fragment(_linked_text(about.text))
    if body is None or len(markup.text_of(body)) < MIN_TEXT_CHARACTERS:
        raise ExtractError(page.url, "no article found: neither by rules nor by heuristics")
    guessed = about.statements[Origin.GUESS]
    found_date = read_date((found.date if found else "") or "", "UTC")
    found_tags = map(urls.plain_tag, map(markup.plain, (found.tags if found else []) or []))
    statements = metadata.with_body(about.statements, body, site)
    statements[Origin.GUESS] = replace(
        statements[Origin.GUESS],
        title=markup.plain((found.title if found else "") or "") or guessed.title,
        published=guessed.published or (found_date.moment if found_date else None),
        has_time=guessed.has_time if guessed.published else False,
        authors=names_in(markup.plain((found.author if found else "") or "")) or byline_in(body),
        tags=tuple(dict.fromkeys(tag for tag in found_tags if tag)),
    )
    return Extract(
        body=markup.inner_html(body) if body.tag in _CONTAINERS else markup.outer_html(body),
        rule=HEURISTICS,
        statements=statements,
        single_url=about.single_url,
        next_url=about.next_url,
    )


def _ask(text: str, url: str, *, precise: bool) -> "Document | None":
    from trafilatura import extract_with_metadata  # noqa: PLC0415 (large; only pages without rules need it)

    # The operator can't do anything about an unknown time zone in an upstream date.
    warnings.filterwarnings("ignore", "tzname .* identified but not understood")
    return extract_with_metadata(
        text,
        url=url,
        favor_precision=precise,
        output_format="html",
        include_comments=False,
        include_images=False,
        include_links=False,
        include_formatting=False,
    )


def _text(document: str) -> str:
    """Return the text of trafilatura's document."""
    body = markup.parse(document).find("body")
    return "" if body is None else markup.text_of(body)


def _linked_text(text: str) -> str:
    """Return the text of a page's JSON-LD as HTML; some pages put HTML into it."""
    return text if _TAG.search(text) else markup.as_html(unescape(text))
