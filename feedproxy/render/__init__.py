"""Feeds and pages: values in, bytes out. Pure: no render stamps the time of rendering."""

from feedproxy.render.feeds import FORMS
from feedproxy.render.pages import (
    STYLESHEET,
    ArticleBody,
    FeedLink,
    Frame,
    Link,
    ListBlock,
    ListedArticle,
    lead_figure,
    render_article,
    render_home,
    render_message,
    render_section,
)
from feedproxy.render.values import Entry, Feed

__all__ = [
    "FORMS",
    "STYLESHEET",
    "ArticleBody",
    "Entry",
    "Feed",
    "FeedLink",
    "Frame",
    "Link",
    "ListBlock",
    "ListedArticle",
    "lead_figure",
    "render_article",
    "render_home",
    "render_message",
    "render_section",
]
