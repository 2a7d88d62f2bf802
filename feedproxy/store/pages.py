"""Read and write the raw pages of articles, compressed, in the caller's transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime

import zstandard
from sqlalchemy import Connection, delete, func, select

from feedproxy.model import ArticleId, Page, Url, Validators
from feedproxy.store import rows
from feedproxy.store import tables as t

# The default of zstandard: it compresses a page of 25 KB to a fifth in 0.1 ms.
_ZSTD_LEVEL = 3


def write(
    db: Connection, article_id: ArticleId, pages: Sequence[Page], now: datetime, *, is_new: bool
) -> None:
    """Write the pages that an article was extracted from, over stored ones unless it *is_new*."""
    if not is_new:
        db.execute(delete(t.raw_page).where(t.raw_page.c.article_id == article_id))
    values = [
        {
            "article_id": article_id,
            "part": at,
            "url": page.url,
            "content_type": page.content_type,
            "body_zstd": zstandard.compress(page.body, _ZSTD_LEVEL),
            "fetched": now,
            "etag": page.validators.etag,
            "last_modified": page.validators.last_modified,
        }
        for at, page in enumerate(pages)
    ]
    rows.insert_all(db, t.raw_page, values)


def read(db: Connection, article_id: ArticleId) -> list[Page]:
    """Return the pages that an article was extracted from."""
    query = (
        select(t.raw_page).where(t.raw_page.c.article_id == article_id).order_by(t.raw_page.c.part)
    )
    return [
        Page(
            Url(row.url),
            zstandard.decompress(row.body_zstd),
            row.content_type,
            Validators(row.etag, row.last_modified),
        )
        for row in db.execute(query)
    ]


def validators_of(db: Connection, articles: Collection[ArticleId]) -> dict[ArticleId, Validators]:
    """Return the validators of stored *articles* that came as a single page.

    For an article in several pages the validators of one say nothing of the others.
    """
    found: dict[ArticleId, Validators] = {}
    pages = t.raw_page.c
    for some in rows.chunks(articles):
        query = (
            select(
                pages.article_id,
                func.max(pages.etag).label("etag"),
                func.max(pages.last_modified).label("last_modified"),
            )
            .where(pages.article_id.in_(some))
            .group_by(pages.article_id)
            .having(func.count() == 1)
        )
        found |= {
            ArticleId(row.article_id): Validators(row.etag, row.last_modified)
            for row in db.execute(query)
        }
    return found
