"""Render feed archives: the pages of a feed's whole history (RFC 5005, section 4).

A full archive page never changes. So nothing in it depends on what the mirror stores later. A link
to another article leads to that article's address in the same section and channel, where the server
redirects to its canonical page or reports that the mirror has no copy. Pictures have addresses
derived from their upstream addresses.
"""

from dataclasses import replace

from feedproxy import paths
from feedproxy.markup import fragment
from feedproxy.model import ArchiveEntry, MediaFile, StoredPicture, Url
from feedproxy.output import render
from feedproxy.output.context import ArticleContext, RenderContext
from feedproxy.output.feeds import entry_of, feed_of
from feedproxy.output.selectors import FeedSelector
from feedproxy.replication import record_of
from feedproxy.rewrite import shown_pictures
from feedproxy.store import PAGE_ENTRIES
from feedproxy.urls import host_of


def make_archive(
    context: RenderContext, selector: FeedSelector, number: int, feed_format: str
) -> bytes | None:
    """Return one page of a feed's archive in one of `paths.FORMATS`; page 1 is the oldest.

    The last page is the first one that is not full; it may be empty. Return None for a number that
    is out of range.
    """
    archive = context.store.archive
    open_page = archive.length(selector.log) // PAGE_ENTRIES + 1
    if not 1 <= number <= open_page:
        return None

    def address(page: int) -> str:
        return (
            context.absolute(selector.archive_path(page, feed_format))
            if 1 <= page <= open_page
            else ""
        )

    history = render.History(
        older=address(number - 1),
        newer=address(number + 1),
        current=context.absolute(selector.path(feed_format)),
        page=number,
        is_full=number < open_page,
    )
    entries = tuple(_entry(context, logged) for logged in archive.page(selector.log, number))
    return render.FEED_FORMATS[feed_format](
        feed_of(context, selector, selector.archive_path(number, feed_format), entries, history)
    )


def _entry(context: RenderContext, logged: ArchiveEntry) -> render.Entry:
    """Return an archive entry with its replication record.

    Both leave out everything that may change later: whether upstream has removed the article, and
    which pictures are stored.
    """
    article = replace(logged.article, gone=None)
    shown = shown_pictures(fragment(article.body), article.picture)
    pictures = {
        url: _by_address(url) for url in shown if host_of(url) in context.mirror.picture_hosts
    }
    record = record_of(article, (logged.placement.channel,), {})
    return entry_of(
        article,
        ArticleContext(context, logged.placement.section, {}, pictures),
        logged.placement,
        record,
    )


def _by_address(url: Url) -> StoredPicture:
    """Return a picture whose files are named by its upstream address, stored or not.

    Its media types and sizes are empty.
    """
    original, reading = (MediaFile(name, "", 0, 0, 0) for name in paths.picture_names(url))
    return StoredPicture(original, reading)
