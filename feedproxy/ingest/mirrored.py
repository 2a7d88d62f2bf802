"""Read articles from another mirror: validate them, and merge them with stored ones."""

from dataclasses import dataclass, replace
from datetime import datetime

from feedproxy import paths, policy, urls
from feedproxy.errors import ExtractError
from feedproxy.extract import extract_mirrored, split_mirrored
from feedproxy.ingest.drafts import Draft, make_article
from feedproxy.model import (
    MIRRORED,
    Article,
    ArticleId,
    DateSource,
    Extract,
    ListingItem,
    Mirror,
    Origin,
    Page,
    ReplicatedArticle,
    Site,
    Statement,
    Url,
)
from feedproxy.replication import read_record

# Content type stored with a page in the Markdown form; the one its host sends is ignored.
MARKDOWN = "text/markdown; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Copy:
    """An article read from another mirror.

    *files* maps the URLs of its pictures to their file names there. *has_record* is whether the
    mirror gave the time of its last change.
    """

    draft: Draft
    page: Page
    site: Site
    files: dict[Url, tuple[str, str]]
    has_record: bool


def read_copy(
    page: Page, item: ListingItem, mirror: Mirror, now: datetime, own: Site | None = None
) -> Copy:
    """Return the article on a page in the Markdown form; *item* is its entry in the listing.

    *own* is the site of the channel that lists it.

    Raises:
        UpstreamError: the page is damaged, has another article, or its site is not configured.

    """
    parts = split_mirrored(page)
    site, url = _place(page, parts.original, item.id, mirror, own)
    received = _received(page, parts.record, item.id) if parts.record else None
    names = (
        {name: upstream for upstream, names in received.files.items() for name in names}
        if received
        else {}
    )
    extract = extract_mirrored(
        page, parts, site, links=received.links if received else {}, pictures=names
    )
    if received:
        extract = _with_record(extract, received)
        item = replace(item, published=received.published, dated=received.dated)
    kept = replace(page, content_type=MARKDOWN)
    item = replace(item, url=url, title=parts.title)
    draft = make_article([(replace(kept, url=parts.original), extract)], item, site, mirror, now)
    if received:
        draft = replace(draft, article=_article_with_record(draft.article, received, now))
    return Copy(draft, kept, site, dict(received.files) if received else {}, received is not None)


def copy_of_replicated(
    page: Page,
    received: ReplicatedArticle,
    mirror: Mirror,
    now: datetime,
    own: Site | None = None,
) -> Copy:
    """Return an article received in a page of another mirror's archive.

    *own* is the site of the channel whose archive it is.

    Raises:
        UpstreamError: its site is not configured, its ID is not that of its URL, or its body can't
            be cleaned.

    """
    site, url = _place(page, received.url, received.id, mirror, own)
    extract = _with_record(Extract(received.body, received.rule, {}), received)
    item = ListingItem(received.id, url, received.title, received.published, dated=received.dated)
    draft = make_article([(replace(page, url=url), extract)], item, site, mirror, now)
    return Copy(
        replace(draft, article=_article_with_record(draft.article, received, now)),
        page,
        site,
        {},
        has_record=True,
    )


def merge_copy(
    stored: Article | None, copy: Copy, now: datetime
) -> tuple[Article, policy.ArticleOutcome]:
    """Return the article to store and the outcome.

    A better copy replaces the stored article; another one can only improve its date.

    Raises:
        ExtractError: an article of another site has the same ID.

    """
    fetched = copy.draft.article
    if stored and stored.site != copy.site.name:
        raise ExtractError(
            copy.page.url, f"its ID {stored.id} belongs to an article of {stored.site}"
        )
    if stored and not policy.is_better_copy(stored, fetched, has_record=copy.has_record):
        dated = policy.redate(stored, fetched.published, fetched.dated)
        return (
            dated,
            policy.ArticleOutcome.SAME if dated == stored else policy.ArticleOutcome.REDATED,
        )
    article, outcome = policy.merge(stored, fetched, now)
    if copy.has_record and outcome is policy.ArticleOutcome.UPDATED:
        article = replace(article, updated=max(fetched.updated, article.published))
    return article, outcome


def picture_addresses(page: Url, copy: Copy) -> dict[Url, Url]:
    """Return the URLs at a git-hosted mirror of an article's pictures, by their upstream URLs.

    *page* is the URL of the article's page at the mirror.
    """
    base = page.rpartition("/pages/")[0]
    return {url: Url(f"{base}{paths.sharded(names[0])}") for url, names in copy.files.items()}


def _place(
    page: Page, original: Url, wanted: ArticleId, mirror: Mirror, own: Site | None
) -> tuple[Site, Url]:
    """Return the site and the canonical URL of an article from another mirror.

    An entry of a feed may lead to another site, and may have an ID of its own, which can't be
    checked: then it is an article of *own*, if IDs there do not follow from URLs.

    Raises:
        ExtractError: its site is not configured, or its ID is not that of its URL.

    """
    found = urls.site_of(mirror, original)
    identity = urls.identify(*found) if found else None
    if found and identity and identity[0] == wanted:
        return found[0], identity[1]
    if own and own.article_url is None and urls.is_web(original):
        return own, original
    if found is None:
        raise ExtractError(
            page.url, f"its original address {original} is not at a configured site", MIRRORED
        )
    raise ExtractError(
        page.url, f"is damaged: its original address {original} is not that of {wanted}", MIRRORED
    )


def _received(page: Page, record: bytes, wanted: ArticleId) -> ReplicatedArticle:
    try:
        received = read_record(record)
    except ValueError as e:
        raise ExtractError(page.url, f"is damaged: its record's {e}", MIRRORED) from e
    if received.id != wanted:
        raise ExtractError(page.url, f"is damaged: its record is of {received.id}", MIRRORED)
    return received


def _with_record(extract: Extract, received: ReplicatedArticle) -> Extract:
    """Return an extract with the metadata of another mirror's record.

    Only a date that upstream stated is copied as a stated one.
    """
    published = received.published if received.dated is DateSource.STATED else None
    statement = Statement(
        title=received.title,
        published=published,
        authors=received.authors,
        picture=received.picture,
    )
    return replace(extract, statements={Origin.RULES: statement})


def _article_with_record(article: Article, received: ReplicatedArticle, now: datetime) -> Article:
    """Return an article with the metadata of its record that no page shows, if it is credible.

    These are the time of its last change, its tags, its rule, and when it was gone upstream.
    """
    is_credible = policy.credible(received.updated, now) is not None
    return replace(
        article,
        updated=max(received.updated, article.published) if is_credible else article.published,
        tags=tuple(dict.fromkeys(tag for tag in map(urls.plain_tag, received.tags) if tag)),
        rule=received.rule or MIRRORED,
        gone=policy.credible(received.gone, now),
        details=received.details,
    )
