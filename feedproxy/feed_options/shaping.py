"""Shorten articles or convert them to another script, by a reader's options."""

import re
from dataclasses import replace
from html import escape

from feedproxy import markup
from feedproxy.feed_options.parameters import FeedOptions
from feedproxy.feed_options.script import convert, convert_html
from feedproxy.model import Article, Picture, SafeHtml

# An excerpt ends at the end of a sentence, if there is one within this many further characters.
_SENTENCE_END = re.compile(r"[。！？!?…][”’』」）)\"']*")
_MAX_MORE = 200


def shape(article: Article, options: FeedOptions) -> Article:
    """Return *article* with *options* applied; its ID, dates and addresses stay the same."""
    if not (options.brief or options.script):
        return article
    script = options.script
    return replace(
        article,
        title=convert(article.title, script),
        summary=convert(article.summary, script),
        authors=tuple(convert(name, script) for name in article.authors),
        tags=tuple(dict.fromkeys(convert(tag, script) for tag in article.tags)),
        picture=_picture(article.picture, script),
        body=_brief(article, options) if options.brief else convert_html(article.body, script),
        links=() if options.brief else article.links,
    )


def _picture(picture: Picture | None, script: str) -> Picture | None:
    if picture is None:
        return None
    return Picture(picture.url, convert(picture.alt, script), convert(picture.caption, script))


def _brief(article: Article, options: FeedOptions) -> SafeHtml:
    """Return the beginning of an article's text as a paragraph, without pictures and links."""
    text = convert(markup.text_of(markup.fragment(article.body)), options.script)
    return SafeHtml(
        f"<p>{escape(_beginning(text, options.brief), quote=False)}</p>" if text else ""
    )


def _beginning(text: str, least: int) -> str:
    if len(text) <= least:
        return text
    ending = _SENTENCE_END.search(text, least - 1, least + _MAX_MORE)
    end = ending.end() if ending else least
    return text[:end] + ("…" if end < len(text) else "")
