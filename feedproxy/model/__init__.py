"""Frozen values, named by their stage of life: Page -> ListingItem -> Extract -> Article.

Pure. The four kinds of text have types of their own, so that the type checker keeps them apart:
`DirtyHtml` (from upstream), `SafeHtml` (made by `sanitise` only), `Url` (upstream, absolute) and
`MirrorPath` (the mirror's own, beginning with "/"). All times are aware and in UTC.
"""

from feedproxy.model.configured import (
    ArticleRules,
    Channel,
    FetchLimits,
    ListingRules,
    Mirror,
    NavigationLink,
    PollRules,
    Section,
    Site,
)
from feedproxy.model.harvested import HEURISTICS, Article, Extract, Headline, Listing, ListingItem, Page, Picture, Version
from feedproxy.model.remembered import ChannelState, Waiting
from feedproxy.model.texts import ArticleId, DirtyHtml, MirrorPath, SafeHtml, Url

__all__ = [
    "HEURISTICS",
    "Article",
    "ArticleId",
    "ArticleRules",
    "Channel",
    "ChannelState",
    "DirtyHtml",
    "Extract",
    "FetchLimits",
    "Headline",
    "Listing",
    "ListingItem",
    "ListingRules",
    "Mirror",
    "MirrorPath",
    "NavigationLink",
    "Page",
    "Picture",
    "PollRules",
    "SafeHtml",
    "Section",
    "Site",
    "Url",
    "Version",
    "Waiting",
]
