"""Parse the options in a feed's address and apply them to articles. Pure.

The parameters are those of RSSHub, which many users know. Only this package imports re2; only this
package and `search_terms` import opencc.
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
