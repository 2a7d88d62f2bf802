"""What a reader chooses of a feed, by parameters that people know from RSSHub: read, and applied to articles. Pure.

The only room that imports re2 and opencc.
"""

from feedproxy.feed_options.filtering import WINDOW, pick
from feedproxy.feed_options.parameters import PARAMETERS, FeedOptions, parse_options
from feedproxy.feed_options.script import SCRIPTS, convert, convert_tree
from feedproxy.feed_options.shaping import shape

__all__ = [
    "PARAMETERS",
    "SCRIPTS",
    "WINDOW",
    "FeedOptions",
    "convert",
    "convert_tree",
    "parse_options",
    "pick",
    "shape",
]
