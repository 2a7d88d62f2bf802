"""Find the feeds and the listing of an unknown page. Pure.

Candidates are feeds that the page names, the usual addresses of feeds, and repeated page structure.
Only the page itself is examined: the caller checks whether a feed exists and what its articles look
like.
"""

from feedproxy.discover.feeds import linked_feeds, named_feeds, usual_feeds, without_scheme
from feedproxy.discover.listings import find_listing

__all__ = ["find_listing", "linked_feeds", "named_feeds", "usual_feeds", "without_scheme"]
