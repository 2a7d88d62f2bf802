"""Check the feeds that we write: RSS 2.0, Atom 1.0 and JSON Feed 1.1.

Pure: bytes in, one line per problem out, an empty list for a feed that no validator would complain of. Holds
what the public feed validators (W3C, RSS Advisory Board) hold, errors and warnings alike; they need the network.
"""

from .atom import check_atom
from .jsonfeed import check_json_feed
from .rss import check_rss

__all__ = ["check_atom", "check_json_feed", "check_rss"]
