"""Feeds and pages: values in, bytes out. Pure: no render stamps the time of rendering."""

from feedproxy.render.feeds import FORMS, render_atom, render_json_feed, render_rss
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
from feedproxy.render.values import NEVER, Entry, Feed, picture_type

__all__ = [
    "FORMS",
    "NEVER",
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
    "picture_type",
    "render_article",
    "render_atom",
    "render_home",
    "render_json_feed",
    "render_message",
    "render_rss",
    "render_section",
]
