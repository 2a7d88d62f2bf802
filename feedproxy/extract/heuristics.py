"""Extract articles from pages without rules, by trafilatura. Pure.

Its mode is the one that does best for the page's language.
"""

import re
import warnings
from typing import TYPE_CHECKING

from feedproxy import markup, urls
from feedproxy.dates import parse_date
from feedproxy.errors import ExtractError
from feedproxy.extract.authors import byline_in, names_in
from feedproxy.extract.metadata import PageMetadata
from feedproxy.model import HEURISTICS, DirtyHtml, Extract, Page

if TYPE_CHECKING:
    from trafilatura.settings import Document

# trafilatura's precise mode does best on Chinese news pages (F1 0.92 against 0.89), its balanced
# mode on others (trafilatura's own evaluation).
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CJK_SHARE = 0.2
# A shorter text is no article: the shortest news item has a sentence.
MIN_TEXT_CHARACTERS = 20


def extract(page: Page, root: markup.Element, about: PageMetadata) -> Extract:
    """Return the article that trafilatura finds in *root*, completed by the page's metadata.

    The tree is flattened in place.

    Raises:
        ExtractError: no article or no headline is found.

    """
    markup.flatten(root)  # trafilatura silently ignores what is nested deeper than 256 levels
    for element in list(root.iter("center")):
        element.tag = "div"  # trafilatura drops the text of elements that it does not know
    visible, text = markup.text_of(root), markup.outer_html(root)
    is_cjk = len(_CJK.findall(visible)) > _CJK_SHARE * max(1, len(visible))
    found = _ask(text, page.url, precise=is_cjk) or (
        _ask(text, page.url, precise=False) if is_cjk else None
    )
    body = _body(found.text or "") if found else None
    if found is None or body is None or len(markup.text_of(body)) < MIN_TEXT_CHARACTERS:
        raise ExtractError(page.url, "no article found: neither by rules nor by heuristics")
    title = markup.plain(about.title or found.title or about.stated_title)
    if not title:
        raise ExtractError(page.url, "no headline found: neither by rules nor by heuristics")
    return Extract(
        title=title,
        body=_without_heading(body, title),
        rule=HEURISTICS,
        published=about.published or parse_date(found.date or "", "UTC"),
        authors=about.authors or names_in(markup.plain(found.author or "")) or byline_in(body),
        tags=tuple(
            dict.fromkeys(
                tag for tag in map(urls.plain_tag, map(markup.plain, found.tags or [])) if tag
            )
        ),
        picture=about.picture,
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
        include_images=True,
        include_links=True,
        include_formatting=True,
    )


def _body(document: str) -> markup.Element | None:
    """Return the body of trafilatura's document, without the white space of its pretty-printing."""
    body = markup.parse(document).find("body")
    if body is not None:
        markup.tighten(body)
    return body


def _without_heading(body: markup.Element, title: str) -> DirtyHtml:
    """Return the inner HTML of *body*, without a leading heading that repeats the title."""
    first = next(iter(body), None)
    if first is not None and first.tag in ("h1", "h2") and markup.text_of(first) == title:
        first.drop_tree()
    return markup.inner_html(body)
