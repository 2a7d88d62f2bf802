"""What readers get: the store's articles as feeds and pages, rewritten to the mirror's addresses.

The counterpart of `harvest`: it knows the rooms of the way out (store, rewrite, render, paths) and opens no network.
"""

from feedproxy.edition.archives import make_archive
from feedproxy.edition.feeds import make_feed
from feedproxy.edition.ground import Ground
from feedproxy.edition.health import Health, Problem, look
from feedproxy.edition.markdown import Links, make_markdown
from feedproxy.edition.pages import Pages
from feedproxy.edition.scopes import Scope, scope_of, tag_scope
from feedproxy.model import ALL

__all__ = [
    "ALL",
    "Ground",
    "Health",
    "Links",
    "Pages",
    "Problem",
    "Scope",
    "look",
    "make_archive",
    "make_feed",
    "make_markdown",
    "scope_of",
    "tag_scope",
]
