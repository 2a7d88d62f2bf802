"""What readers get: the store's articles as feeds and pages, rewritten to the mirror's addresses.

The counterpart of `harvest`: it knows the rooms of the way out (store, rewrite, render, paths) and opens no network.
"""

from feedproxy.edition.archives import make_archive
from feedproxy.edition.bundle import Bundled, Period, write_bundle
from feedproxy.edition.feeds import make_feed
from feedproxy.edition.ground import Ground
from feedproxy.edition.health import Health, Problem, look
from feedproxy.edition.markdown import Links, make_markdown
from feedproxy.edition.opml import make_opml
from feedproxy.edition.pages import Pages
from feedproxy.edition.scopes import Scope, merged_scope, scope_of, tag_scope
from feedproxy.model import ALL

__all__ = [
    "ALL",
    "Bundled",
    "Ground",
    "Health",
    "Links",
    "Pages",
    "Period",
    "Problem",
    "Scope",
    "look",
    "make_archive",
    "make_feed",
    "make_markdown",
    "make_opml",
    "merged_scope",
    "scope_of",
    "tag_scope",
    "write_bundle",
]
