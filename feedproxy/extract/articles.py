"""Extract an article from its page: by the site's rules, else by heuristics. Pure."""

import re
from dataclasses import replace
from html import unescape

from feedproxy import markup, urls
from feedproxy.errors import ExtractError
from feedproxy.extract import heuristics, metadata, players
from feedproxy.extract.rules import apply_rules, find_body
from feedproxy.model import ArticleRules, Extract, Origin, Page, Site, Url

# A refresh after more than some seconds is for pages that change, not a redirect.
_REFRESH = re.compile(
    r"<meta[^>]+http-equiv=[\"']?refresh[\"']?[^>]+content=[\"']?\s*[0-3]\s*[;,]\s*url\s*=\s*'?([^\"'>\s]+)",
    re.IGNORECASE,
)
_HEAD_BYTES, _BODY = 8_000, re.compile(r"</head|<body|<h1|<p[\s>]|<div", re.IGNORECASE)


def extract_article(page: Page, rules: ArticleRules, site: Site | None = None) -> Extract:
    """Return the article on *page*.

    Args:
            page: the response from upstream.
            rules: the site's rules; heuristics are used if they are empty or find nothing.
            site: the page's site, if configured: gives the time zone and the form of tag links.

    Raises:
        ExtractError: neither rules nor heuristics find a body.

    """
    try:
        return _extract(page, rules, site)
    except markup.ERRORS as e:
        raise ExtractError(page.url, f"page can't be read: {e}") from e


def refresh_target(page: Page) -> Url | None:
    """Return the URL that a page sends browsers on to at once, None if it stays (HTML, 4.2.5.3)."""
    # only in the head: the text of an article may contain anything
    beginning = _BODY.split(page.body[:_HEAD_BYTES].decode("latin-1"), maxsplit=1)[0]
    match = _REFRESH.search(beginning)
    return urls.resolve(page.url, unescape(match[1])) if match else None


def _extract(page: Page, rules: ArticleRules, site: Site | None) -> Extract:
    text = markup.decode(page.body, page.content_type)
    for old, new in rules.replace:
        text = text.replace(old, new)
    root = markup.parse(text)
    base = markup.base_of(root, page.url)
    if base != page.url:
        markup.make_absolute(root, base)
    about = metadata.read(root, rules, site, page.url)
    if not rules.body:
        players.unfold(root, page.url)
    apply_rules(root, rules)
    visible = len("".join(root.text_content().split()))
    body = _by_rules(root, rules)
    if body is None and (rules.autodetect_on_failure or not rules.body):
        return replace(heuristics.extract(page, root, about, site), visible=visible)
    if body is None:
        raise ExtractError(
            page.url,
            f"no article found: body of {rules.name} does not match",
            f"article.body of {rules.name}",
        )
    ruled = about.statements[Origin.RULES]
    statements = metadata.with_body(about.statements, body, site) | {
        Origin.RULES: replace(
            ruled,
            authors=ruled.authors or metadata.authors_by(body, rules.author_pattern, site),
            tags=metadata.tags_in(body, site, page.url),
        )
    }
    return Extract(
        body=markup.inner_html(body),
        rule=rules.name,
        statements=statements,
        single_url=about.single_url,
        next_url=about.next_url,
        visible=visible,
    )


def _by_rules(root: markup.Element, rules: ArticleRules) -> markup.Element | None:
    """Return the body that the rules find, without superfluous white space, None if there is none.

    It must contain some text, a picture or a video.
    """
    body = find_body(root, rules)
    if body is None:
        return None
    markup.tighten(body)
    has_media = body.find(".//img") is not None or body.find(".//video") is not None
    least = heuristics.MIN_TEXT_CHARACTERS
    return body if has_media or len(markup.beginning_of(body, least)) >= least else None
