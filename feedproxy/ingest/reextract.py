"""Apply the current rules to stored pages again, without network access."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from feedproxy import policy
from feedproxy.errors import ExtractError, FetchError, RuleError, UpstreamError
from feedproxy.ingest.archive import archive
from feedproxy.ingest.drafts import Draft, article_parts, choose_draft, make_article
from feedproxy.ingest.mirrored import MARKDOWN, read_copy
from feedproxy.ingest.services import Services
from feedproxy.model import (
    Article,
    ArticleId,
    Channel,
    Entry,
    ListingItem,
    Page,
    Site,
    Source,
    Url,
)


@dataclass(frozen=True, slots=True)
class Reextraction:
    """The result of applying the current rules to an article: a new version, or an error.

    *fetched* is the new version, None if the article is unchanged.
    """

    article_id: ArticleId
    stored: Article | None
    fetched: Article | None = None
    error: UpstreamError | None = None


def reextract(
    services: Services, articles: Iterable[ArticleId], *, is_dry: bool
) -> Iterator[Reextraction]:
    """Extract *articles* again from their stored pages; store changed ones unless *is_dry*.

    Yield a result for each article.

    Raises:
        StoreError: the store can't be read or written.

    """
    for article_id in articles:
        if services.is_stopping():
            break
        with services.store.exclusive_lock():  # no poller fetches it meanwhile
            result = _reextract_one(services, article_id, is_dry=is_dry)
        yield result
    if not is_dry:
        archive(services)


def _reextract_one(services: Services, article_id: ArticleId, *, is_dry: bool) -> Reextraction:
    stored, pages = services.store.article(article_id), services.store.pages(article_id)
    entry = services.store.queue.entries([article_id]).get(article_id)
    try:
        fetched = _read(services, stored, pages, entry) if stored and (pages or entry) else None
    except UpstreamError as e:
        return Reextraction(article_id, stored, error=e)
    if fetched and not is_dry:
        services.store.save(fetched, pages, {}, services.clock(), is_fetched=False)
    return Reextraction(article_id, stored, fetched)


def _read(
    services: Services, stored: Article, pages: list[Page], entry: Entry | None
) -> Article | None:
    """Return the article that the rules find on stored pages, None if it is unchanged.

    Its feed *entry* counts as it does when the article is fetched.

    Raises:
        UpstreamError: the rules find no article, or the article is rejected.

    """
    site = next((site for site in services.mirror.sites if site.name == stored.site), None)
    if site is None:
        raise ExtractError(stored.url, f"its site {stored.site} is no longer configured")
    if pages and pages[0].content_type == MARKDOWN:
        return _read_copy(services, stored, pages[0])
    item = _item(stored, entry)
    draft = _draft(services, item, site, pages)
    if reason := policy.rejection_reason(
        stored, draft.article, item, has_rules=bool(site.article.body)
    ):
        raise ExtractError(stored.url, reason)
    article, outcome = policy.merge(
        stored, replace(draft.article, gone=stored.gone), services.clock()
    )
    if outcome is policy.ArticleOutcome.SAME:
        return None
    flaw = policy.find_flaw(draft.content)
    if flaw and not flaw.is_minor:
        raise ExtractError(stored.url, flaw.reason)
    return article


def _draft(services: Services, item: ListingItem, site: Site, pages: list[Page]) -> Draft:
    mirror, now = services.mirror, services.clock()
    draft, error = None, ExtractError(item.url, "it has neither a stored page nor a feed entry")
    if pages:
        try:
            parts = article_parts(pages[0], mirror, site, partial(stored_page, pages))
            draft = make_article(parts, item, site, mirror, now)
        except RuleError as e:
            error = ExtractError(e.url, e.reason, e.rule)
    chosen = choose_draft(draft, item, _channel(services, item.id, site), mirror, now)
    if chosen is None:
        raise error
    return chosen


def _channel(services: Services, article_id: ArticleId, site: Site) -> Channel:
    """Return the first configured channel of an article, else one with the default settings."""
    ids = services.store.channels_of([article_id]).get(article_id, frozenset())
    own = (each for each in services.mirror.channels if each.id in ids and each.site == site)
    return next(own, Channel("", site.title, site, Source("feed", Url(""))))


def _read_copy(services: Services, stored: Article, page: Page) -> Article | None:
    own = next((site for site in services.mirror.sites if site.name == stored.site), None)
    copy = read_copy(page, _item(stored), services.mirror, services.clock(), own).draft.article
    article, outcome = policy.merge(stored, replace(copy, gone=stored.gone), services.clock())
    return None if outcome is policy.ArticleOutcome.SAME else article


def _item(stored: Article, entry: Entry | None = None) -> ListingItem:
    title = entry.stated.title if entry else stored.title
    return ListingItem(
        stored.id, stored.url, title, stored.published, dated=stored.dated, entry=entry
    )


def stored_page(pages: list[Page], url: Url) -> Page:
    """Return the page at *url* among the stored pages of an article; raise FetchError if absent."""
    page = next((page for page in pages if page.url == url), None)
    if page is None:
        raise FetchError(url, "is not stored")
    return page
