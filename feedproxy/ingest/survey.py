"""Survey an unconfigured page: find its listings, and extract sample articles. Stores nothing."""

import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from feedproxy import markup, policy, urls
from feedproxy.dates import zone_of
from feedproxy.discover import find_listing, linked_feeds, named_feeds, usual_feeds
from feedproxy.errors import ListingError, UpstreamError
from feedproxy.fetch import Fetcher
from feedproxy.ingest.drafts import (
    Draft,
    article_parts,
    choose_draft,
    make_article,
    needs_page,
)
from feedproxy.model import (
    ArticleId,
    Channel,
    Listing,
    ListingItem,
    Mirror,
    Page,
    Site,
    Source,
    Url,
)
from feedproxy.parse import FeedDescription, describe_feed, is_feed, parse_listing

_log = logging.getLogger(__name__)
# Maximum number of feeds to try; some blogs link to one for each category.
_MAX_FEEDS = 8
# Minimum share of a feed's articles that the page links to. Below it the feed has other content:
# comments, or the whole site where the page is one section.
_MIN_SHARED = 0.3
_NAME, _TITLE = ("//meta[@property='og:site_name']/@content",), ("//title",)
# Separates the name of a page from the name of its site in a title.
_BETWEEN = re.compile(r"\s+[|–—·»-]\s+|\s*[|｜]\s*")

# Entries that lead to one other host, as those of a feed service do; less is a link blog.
_MIN_SAME_HOST = 0.8
_LANGUAGE = ("//html/@lang", "//meta[@http-equiv='content-language']/@content")
_HAN, _KANA = re.compile("[\u4e00-\u9fff]"), re.compile("[\u3040-\u30ff]")
_MIN_HAN_SHARE = 0.2

# Returns a fetcher that is also allowed to send requests to these hosts.
Reach = Callable[[frozenset[str]], Fetcher]


@dataclass(frozen=True, slots=True)
class FoundListing:
    """A listing, parsed as for a channel of *site*.

    *shared* is the share of its articles that the surveyed page links to.
    """

    kind: str
    url: Url
    title: str
    site: Site
    listing: Listing
    shared: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample article of a listing.

    *draft* is the extracted article, None if that failed. *fault* is its flaw or the error.
    """

    item: ListingItem
    draft: Draft | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Survey:
    """The state of a survey: its start page, and the page's tree, None if the page is a feed."""

    mirror: Mirror
    reach: Reach
    page: Page
    root: markup.Element | None = None


def survey(url: Url, mirror: Mirror, reach: Reach) -> list[FoundListing]:
    """Return the listings found at *url*, the best first.

    If the URL is a feed, return only that. Else feeds with the articles of the page come first,
    then the page itself as a listing, then other feeds.

    Raises:
        UpstreamError: the page can't be fetched or parsed, or has no listing.

    """
    page = reach(frozenset(hosts_like(urls.host_of(url)))).fetch(url)
    if is_feed(page):
        return [_feed(_Survey(mirror, reach, page), page)]
    try:
        of = _Survey(mirror, reach, page, markup.parse(markup.decode(page.body, page.content_type)))
        found = [*_feeds(of), *_listings(of)]
    except markup.ERRORS as e:
        raise ListingError(url, f"page can't be read: {e}") from e
    if not found:
        raise ListingError(
            url,
            "found no feed there or at the usual addresses, and no list of articles on the page",
        )
    return sorted(
        found, key=lambda find: (find.shared < _MIN_SHARED, find.kind == "html", -find.shared)
    )


def sample(
    find: FoundListing, mirror: Mirror, fetcher: Fetcher, now: datetime, *, count: int
) -> list[Sample]:
    """Fetch and extract the first *count* articles of a listing as a poll would."""
    return [_sample(item, find.site, mirror, fetcher, now) for item in find.listing.items[:count]]


def hosts_like(host: str) -> tuple[str, ...]:
    """Return a host with and without its "www."."""
    bare = host.removeprefix("www.")
    return tuple(dict.fromkeys((host, bare, f"www.{bare}")))


def _feeds(of: _Survey) -> list[FoundListing]:
    """Return the feeds that the page names, else those that it links to.

    If there are none, return the first one found at a usual URL.
    """
    assert of.root is not None  # noqa: S101 (set unless the start page is a feed)
    for addresses in (named_feeds(of.root, of.page.url), linked_feeds(of.root, of.page.url)):
        tried = (_try(of, url) for url in addresses[:_MAX_FEEDS])
        if found := [find for find in tried if find]:
            return found
    usual = (find for url in usual_feeds(of.page.url) if (find := _try(of, url)))
    return [find for find in [next(usual, None)] if find]


def _try(of: _Survey, url: Url) -> FoundListing | None:
    hosts = frozenset((*hosts_like(urls.host_of(of.page.url)), urls.host_of(url)))
    try:
        return _feed(of, of.reach(hosts).fetch(url))
    except UpstreamError as e:
        _log.debug("no feed: %s", e)
        return None


def _feed(of: _Survey, page: Page) -> FoundListing:
    about = describe_feed(page)
    title, site = about.title, _feed_site(of, page, about)
    listing = parse_listing(page, site, "feed")
    shown = _shown(of, site)
    shared = sum(item.id in shown for item in listing.items) / len(listing.items)
    return FoundListing("feed", page.url, title or _titles(of)[1], site, listing, shared)


def _feed_site(of: _Survey, page: Page, about: FeedDescription) -> Site:
    """Return the site of a feed: that of its entries, or its own if they lead to many sites."""
    own = urls.host_of(about.home or page.url)
    (host, count), *_ = Counter(about.hosts).most_common(1) or [(own, 0)]
    is_own = _bare(own) in {_bare(each) for each in about.hosts}
    is_of_entries = not is_own and count >= _MIN_SAME_HOST * len(about.hosts)
    language = about.language or _language(of)
    return _site(of, host if is_of_entries else own, language, about.title)


def _site(of: _Survey, host: str, language: str, title: str = "") -> Site:
    """Return the site configured for *host*, else a new one with that and the start page's host.

    It gets the title of the start page, or *title* if that is the feed.
    """
    if configured := of.mirror.site_of(host):
        return configured
    name = _bare(host)
    same = (*hosts_like(host), *hosts_like(urls.host_of(of.page.url)))
    known_hosts = {each for site in of.mirror.sites for each in site.hosts}
    return Site(
        name,
        _titles(of)[0] or title or name,
        tuple(each for each in dict.fromkeys(same) if each not in known_hosts),
        timezone=zone_of(language),
    )


def _language(of: _Survey) -> str:
    """Return the language of the start page: the declared one, else Chinese by its characters."""
    if of.root is None:
        return ""
    declared = markup.select_text(of.root, _LANGUAGE)
    text = markup.text_of(of.root)
    is_chinese = len(_HAN.findall(text)) > _MIN_HAN_SHARE * max(1, len(text))
    is_other = bool(_KANA.search(text)) or declared.lower().startswith(("ja", "ko"))
    return "zh" if is_chinese and not is_other and not declared.startswith("zh") else declared


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def _listings(of: _Survey) -> list[FoundListing]:
    """Return the page as a listing, by its site's rules, else by a repeated structure on it.

    Empty if neither gives a listing.
    """
    assert of.root is not None  # noqa: S101 (as above)
    site = _site(of, urls.host_of(of.page.url), _language(of))
    if not site.listing.item:
        rules = find_listing(of.root, of.page.url)
        if rules is None:
            return []
        site = replace(site, listing=rules)
    try:
        return [
            FoundListing(
                "html", of.page.url, _titles(of)[1], site, parse_listing(of.page, site, "html"), 1.0
            )
        ]
    except ListingError as e:
        _log.info("%s", e)
        return []


def _shown(of: _Survey, site: Site) -> set[ArticleId]:
    """Return the IDs of the articles that the page links to."""
    if of.root is None:
        return set()
    links = (urls.resolve(of.page.url, link.get("href", "")) for link in of.root.iter("a"))
    found = (urls.identify(site, link) for link in links if link)
    return {each[0] for each in found if each}


def _titles(of: _Survey) -> tuple[str, str]:
    """Return the titles of the site and of the page, both "" if the start page is a feed."""
    if of.root is None:
        return "", ""
    parts = _BETWEEN.split(markup.select_text(of.root, _TITLE))
    return markup.select_text(of.root, _NAME) or parts[-1], parts[0]


def _sample(
    item: ListingItem, site: Site, mirror: Mirror, fetcher: Fetcher, now: datetime
) -> Sample:
    channel = Channel("sample", site.title, site, Source("feed", item.url))
    try:
        page = fetcher.fetch(item.url) if needs_page(item, channel) else None
        parts = article_parts(page, mirror, site, fetcher.fetch) if page else []
        made = make_article(parts, item, site, mirror, now) if parts else None
        error = ""
    except UpstreamError as e:
        made, error = None, e.reason
    draft = choose_draft(made, item, channel, mirror, now)
    if draft is None:
        return Sample(item, fault=error)
    flaw = policy.find_flaw(draft.content, excerpt=item.excerpt, end_marker=site.end_marker)
    return Sample(item, draft, flaw.reason if flaw else "")
