"""Feeds and pages: values in, bytes out. Pure: no render stamps the time of rendering."""

from feedproxy.render import books
from feedproxy.render.feeds import FORMS
from feedproxy.render.lists import MarkdownFront, MarkdownList, render_markdown_front, render_markdown_list
from feedproxy.render.markdown import MarkdownPage, render_markdown
from feedproxy.render.opml import Outline, render_opml
from feedproxy.render.pages import (
    STATIC,
    ArticleBody,
    FeedGroup,
    FeedLink,
    Found,
    Frame,
    Link,
    ListBlock,
    ListedArticle,
    Match,
    lead_figure,
    render_addresses,
    render_article,
    render_feed,
    render_home,
    render_list,
    render_message,
    render_opensearch,
    render_search,
    render_subscribe,
    robots,
)
from feedproxy.render.status import render_status
from feedproxy.render.values import NEVER, Enclosure, Entry, Feed, History, Lead, picture_type

__all__ = [
    "FORMS",
    "NEVER",
    "STATIC",
    "ArticleBody",
    "Enclosure",
    "Entry",
    "Feed",
    "FeedGroup",
    "FeedLink",
    "Found",
    "Frame",
    "History",
    "Lead",
    "Link",
    "ListBlock",
    "ListedArticle",
    "MarkdownFront",
    "MarkdownList",
    "MarkdownPage",
    "Match",
    "Outline",
    "books",
    "lead_figure",
    "picture_type",
    "render_addresses",
    "render_article",
    "render_feed",
    "render_home",
    "render_list",
    "render_markdown",
    "render_markdown_front",
    "render_markdown_list",
    "render_message",
    "render_opensearch",
    "render_opml",
    "render_search",
    "render_status",
    "render_subscribe",
    "robots",
]
