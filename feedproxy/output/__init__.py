"""Render the store's articles as feeds, pages, books and Markdown, with the mirror's addresses.

This package is the output side of the program; `ingest` is the input side. It builds on `store`,
`rewrite`, `output.render` and `paths`, and opens no network connection.
"""

from feedproxy.model import ALL, Links
from feedproxy.output.archives import make_archive
from feedproxy.output.books import BookContents, Period, write_bundle
from feedproxy.output.context import ArticleContext, RenderContext, context_of
from feedproxy.output.feeds import make_feed, version_of
from feedproxy.output.health import ChannelHealth, Health, free_bytes, look, probe, unreadable
from feedproxy.output.markdown import (
    make_markdown_front,
    make_markdown_list,
    markdown_of,
)
from feedproxy.output.opml import make_opml
from feedproxy.output.pages import Pages, last_index
from feedproxy.output.problems import Problem, of_disk
from feedproxy.output.script import PARAMETER as SCRIPT
from feedproxy.output.script import in_script, known_script
from feedproxy.output.selectors import (
    FeedSelector,
    merged_selector,
    search_selector,
    selector_of,
    tag_selector,
)
from feedproxy.output.subscribe_pages import RAW, make_subscribe, show_archive, show_feed

__all__ = [
    "ALL",
    "RAW",
    "SCRIPT",
    "ArticleContext",
    "BookContents",
    "ChannelHealth",
    "FeedSelector",
    "Health",
    "Links",
    "Pages",
    "Period",
    "Problem",
    "RenderContext",
    "context_of",
    "free_bytes",
    "in_script",
    "known_script",
    "last_index",
    "look",
    "make_archive",
    "make_feed",
    "make_markdown_front",
    "make_markdown_list",
    "make_opml",
    "make_subscribe",
    "markdown_of",
    "merged_selector",
    "of_disk",
    "probe",
    "search_selector",
    "selector_of",
    "show_archive",
    "show_feed",
    "tag_selector",
    "unreadable",
    "version_of",
    "write_bundle",
]
