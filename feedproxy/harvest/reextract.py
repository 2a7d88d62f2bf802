"""New rules over the pages that are held: no network."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from feedproxy import plan
from feedproxy.errors import ExtractError, FetchError, UpstreamError
from feedproxy.harvest.archive import archive
from feedproxy.harvest.articles import article_parts, make_article
from feedproxy.harvest.kit import Kit
from feedproxy.harvest.mirrored import MARKDOWN, read_copy
from feedproxy.model import Article, ArticleId, ListingItem, Page, Url


@dataclass(frozen=True, slots=True)
class Reextraction:
    """What new rules make of an article: *fetched* is what would be stored, None if that is what is held; or an error."""

    article_id: ArticleId
    held: Article | None
    fetched: Article | None = None
    error: UpstreamError | None = None


def reextract(kit: Kit, articles: Iterable[ArticleId], *, is_dry: bool) -> Iterator[Reextraction]:
    """Read the pages of *articles* by the present rules, one after the other, and store what has changed, unless *is_dry*.

    Raises:
        StoreError: the store can't be read or written.

    """
    for article_id in articles:
        if kit.is_stopping():
            break
        with kit.store.turn():  # nobody fetches it meanwhile
            done = _reextract_one(kit, article_id, is_dry=is_dry)
        yield done
    if not is_dry:
        archive(kit)


def _reextract_one(kit: Kit, article_id: ArticleId, *, is_dry: bool) -> Reextraction:
    held, pages = kit.store.article(article_id), kit.store.pages(article_id)
    try:
        fetched = _read(kit, held, pages) if held and pages else None
    except UpstreamError as e:
        return Reextraction(article_id, held, error=e)
    if fetched and not is_dry:
        kit.store.save(fetched, pages, {}, kit.clock(), is_fetched=False)
    return Reextraction(article_id, held, fetched)


def _read(kit: Kit, held: Article, pages: list[Page]) -> Article | None:
    """Return what the rules make of an article's pages, None if that is what is held.

    Raises:
        UpstreamError: they find no article, or one that is not to be believed.

    """
    site = next((site for site in kit.mirror.sites if site.name == held.site), None)
    if site is None:
        raise ExtractError(held.url, f"its site {held.site} is configured no more")
    if pages[0].content_type == MARKDOWN:
        return _read_copy(kit, held, pages[0])
    item = _item(held)
    parts = article_parts(pages[0], kit.mirror, site, partial(held_page, pages))
    draft = make_article(parts, item, site, kit.mirror, kit.clock())
    if reason := plan.doubt(held, draft.article, item, has_rules=bool(site.article.body)):
        raise ExtractError(held.url, reason)
    article, outcome = plan.settle(held, replace(draft.article, gone=held.gone), kit.clock())
    if outcome is plan.Outcome.SAME:
        return None
    flaw = plan.find_flaw(draft.content)
    if flaw and not flaw.is_minor:
        raise ExtractError(held.url, flaw.reason)
    return article


def _read_copy(kit: Kit, held: Article, page: Page) -> Article | None:
    copy = read_copy(page, _item(held), kit.mirror, kit.clock()).draft.article
    article, outcome = plan.settle(held, replace(copy, gone=held.gone), kit.clock())
    return None if outcome is plan.Outcome.SAME else article


def _item(held: Article) -> ListingItem:
    return ListingItem(held.id, held.url, held.title, held.published, dated=held.dated)


def held_page(pages: list[Page], url: Url) -> Page:
    """Return the page at *url* among those that are held of an article; raises FetchError if it is not."""
    page = next((page for page in pages if page.url == url), None)
    if page is None:
        raise FetchError(url, "is not held")
    return page
