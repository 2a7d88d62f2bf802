"""What a reader chooses of a feed, by parameters that people know from RSSHub: read, and applied to articles. Pure.

The only room that imports re2 and opencc.
"""

from feedproxy.choice.parameters import PARAMETERS, Choice, parse_choice
from feedproxy.choice.picking import WINDOW, pick
from feedproxy.choice.script import SCRIPTS, convert, convert_tree
from feedproxy.choice.shaping import shape

__all__ = ["PARAMETERS", "SCRIPTS", "WINDOW", "Choice", "convert", "convert_tree", "parse_choice", "pick", "shape"]
