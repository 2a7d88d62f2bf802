"""Frozen values, named by their stage of life: Page -> ListingItem -> Extract -> Article.

Pure. The four kinds of text have types of their own, so that the type checker keeps them apart:
`DirtyHtml` (from upstream), `SafeHtml` (made by `sanitise` only), `Url` (upstream, absolute) and
`MirrorPath` (the mirror's own, beginning with "/"). All times are aware and in UTC.
"""

from feedproxy.model.configured import (
    ArticleRules,
    Channel,
    FetchLimits,
    ImageRules,
    Images,
    KeepRules,
    ListingRules,
    Mirror,
    NavigationLink,
    PollRules,
    RequestRules,
    Robots,
    Section,
    Site,
)
from feedproxy.model.harvested import (
    EXCERPT,
    HEURISTICS,
    Article,
    Extract,
    Headline,
    Listing,
    ListingItem,
    MediaFile,
    Page,
    Picture,
    StoredPicture,
    Validators,
    Version,
)
from feedproxy.model.remembered import REQUESTED, Alarm, Backfill, ChannelState, Request, Stored, Waiting, WaitingPicture
from feedproxy.model.texts import ArticleId, DirtyHtml, MirrorPath, SafeHtml, Url

__all__ = [
    "EXCERPT",
    "HEURISTICS",
    "REQUESTED",
    "Alarm",
    "Article",
    "ArticleId",
    "ArticleRules",
    "Backfill",
    "Channel",
    "ChannelState",
    "DirtyHtml",
    "Extract",
    "FetchLimits",
    "Headline",
    "ImageRules",
    "Images",
    "KeepRules",
    "Listing",
    "ListingItem",
    "ListingRules",
    "MediaFile",
    "Mirror",
    "MirrorPath",
    "NavigationLink",
    "Page",
    "Picture",
    "PollRules",
    "Request",
    "RequestRules",
    "Robots",
    "SafeHtml",
    "Section",
    "Site",
    "Stored",
    "StoredPicture",
    "Url",
    "Validators",
    "Version",
    "Waiting",
    "WaitingPicture",
]
