"""Extract title, body, date, authors, tags and lead picture from an article page. Pure.

The site's rules come first, then heuristics. The result is tidied but not safe: `sanitise` must
clean it.
"""

from feedproxy.extract.articles import extract_article, refresh_target
from feedproxy.extract.authors import names_in
from feedproxy.extract.mirrored import MirroredPage, extract_mirrored, split_mirrored

__all__ = [
    "MirroredPage",
    "extract_article",
    "extract_mirrored",
    "names_in",
    "refresh_target",
    "split_mirrored",
]
