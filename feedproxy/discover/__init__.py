"""What an unknown page offers to follow: feeds that it names, places where feeds usually are, the structure that repeats. Pure.

It judges by the page alone; whether a feed is really there, and what its articles look like, is the caller's to find out.
"""

from feedproxy.discover.feeds import named_feeds, usual_feeds
from feedproxy.discover.listings import find_listing

__all__ = ["find_listing", "named_feeds", "usual_feeds"]
