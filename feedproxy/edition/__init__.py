"""What readers get: the store's articles as feeds and pages, rewritten to the mirror's addresses.

The counterpart of `harvest`: it knows the rooms of the way out (store, rewrite, render, paths) and opens no network.
"""

from feedproxy.edition.feeds import make_feed
from feedproxy.edition.ground import Context, Ground, context_of
from feedproxy.edition.health import Health, Problem, look
from feedproxy.edition.markdown import make_markdown, make_markdown_front, make_markdown_list, markdown_of
from feedproxy.edition.pages import Pages, last_index
from feedproxy.edition.scopes import ALL, Scope, scope_of, tag_scope
from feedproxy.model import Links

__all__ = [
    "ALL",
    "Context",
    "Ground",
    "Health",
    "Links",
    "Pages",
    "Problem",
    "Scope",
    "context_of",
    "last_index",
    "look",
    "make_feed",
    "make_markdown",
    "make_markdown_front",
    "make_markdown_list",
    "markdown_of",
    "scope_of",
    "tag_scope",
]
