"""An article page to title, body, date, author, tags and lead picture: by the site's rules, else by heuristics. Pure.

What comes out is tidy, but as dirty as upstream made it: `sanitise` comes next.
"""

from feedproxy.extract.articles import extract_article
from feedproxy.extract.mirrored import MirroredPage, extract_mirrored, split_mirrored

__all__ = ["MirroredPage", "extract_article", "extract_mirrored", "split_mirrored"]
