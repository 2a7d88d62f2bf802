"""What readers get: the store's articles as feeds and pages, rewritten to the mirror's addresses.

The counterpart of `harvest`: it knows the rooms of the way out (store, rewrite, render, paths) and opens no network.
"""

from feedproxy.edition.archives import make_archive
from feedproxy.edition.bundle import Bundled, Period, write_bundle
from feedproxy.edition.feeds import make_feed, version_of
from feedproxy.edition.ground import Context, Ground, context_of
from feedproxy.edition.health import ChannelHealth, Health, free_bytes, look, probe, unreadable
from feedproxy.edition.markdown import make_markdown, make_markdown_front, make_markdown_list, markdown_of
from feedproxy.edition.opml import make_opml
from feedproxy.edition.pages import Pages, last_index
from feedproxy.edition.problems import Problem, of_disk
from feedproxy.edition.scopes import Scope, merged_scope, scope_of, search_scope, tag_scope
from feedproxy.edition.script import PARAMETER as SCRIPT
from feedproxy.edition.script import in_script, known_script
from feedproxy.edition.subscribing import RAW, make_subscribe, show_archive, show_feed
from feedproxy.model import ALL, Links

__all__ = [
    "ALL",
    "RAW",
    "SCRIPT",
    "Bundled",
    "ChannelHealth",
    "Context",
    "Ground",
    "Health",
    "Links",
    "Pages",
    "Period",
    "Problem",
    "Scope",
    "context_of",
    "free_bytes",
    "in_script",
    "known_script",
    "last_index",
    "look",
    "make_archive",
    "make_feed",
    "make_markdown",
    "make_markdown_front",
    "make_markdown_list",
    "make_opml",
    "make_subscribe",
    "markdown_of",
    "merged_scope",
    "of_disk",
    "probe",
    "scope_of",
    "search_scope",
    "show_archive",
    "show_feed",
    "tag_scope",
    "unreadable",
    "version_of",
    "write_bundle",
]
