"""The mirror's own addresses: the only place that builds them. Pure.

A `MirrorPath` begins with "/" and counts from the mirror's root. Pages and exports use it `relative` to
the page it stands on, feeds make it `absolute`.
"""

from feedproxy.paths.layout import (
    FIRST,
    Layout,
    file_layout,
    git_layout,
)
from feedproxy.paths.links import (
    absolute,
    chosen,
    from_root,
    relative,
    suffixed,
)
from feedproxy.paths.places import (
    ADDRESSES,
    FORMATS,
    HOME,
    ICON,
    OPENSEARCH,
    OPML,
    SEARCH,
    STYLE,
    SUBSCRIBE,
    WELL_KNOWN_ICON,
    archive,
    book,
    channel_manifest,
    channel_of,
    feed,
    media,
    media_of,
    merged_feed,
    section,
    sharded,
    tag,
    tag_feed,
)

__all__ = [
    "ADDRESSES",
    "FIRST",
    "FORMATS",
    "HOME",
    "ICON",
    "OPENSEARCH",
    "OPML",
    "SEARCH",
    "STYLE",
    "SUBSCRIBE",
    "WELL_KNOWN_ICON",
    "Layout",
    "absolute",
    "archive",
    "book",
    "channel_manifest",
    "channel_of",
    "chosen",
    "feed",
    "file_layout",
    "from_root",
    "git_layout",
    "media",
    "media_of",
    "merged_feed",
    "relative",
    "section",
    "sharded",
    "suffixed",
    "tag",
    "tag_feed",
]
