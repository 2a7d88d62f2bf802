"""Feeds and pages: values in, bytes out. Pure: no render stamps the time of rendering."""

from feedproxy.render.feeds import FORMS
from feedproxy.render.lists import MarkdownFront, MarkdownList, render_markdown_front, render_markdown_list
from feedproxy.render.markdown import MarkdownPage, render_markdown
from feedproxy.render.pages import (
    STATIC,
    ArticleBody,
    FeedLink,
    Frame,
    Link,
    ListBlock,
    ListedArticle,
    lead_figure,
    render_addresses,
    render_article,
    render_home,
    render_list,
    render_message,
    render_status,
    robots,
)
from feedproxy.render.values import Enclosure, Entry, Feed, Lead, picture_type

__all__ = [
    "FORMS",
    "STATIC",
    "ArticleBody",
    "Enclosure",
    "Entry",
    "Feed",
    "FeedLink",
    "Frame",
    "Lead",
    "Link",
    "ListBlock",
    "ListedArticle",
    "MarkdownFront",
    "MarkdownList",
    "MarkdownPage",
    "lead_figure",
    "picture_type",
    "render_addresses",
    "render_article",
    "render_home",
    "render_list",
    "render_markdown",
    "render_markdown_front",
    "render_markdown_list",
    "render_message",
    "render_status",
    "robots",
]
