"""Read and write the entries of feeds, and identify new ones, in the caller's transaction."""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import zstandard
from sqlalchemy import Connection, delete, or_, select

from feedproxy.model import ArticleId, Entry, ListingItem
from feedproxy.store import rows
from feedproxy.store import tables as t

_ZSTD_LEVEL = 3
_TAG = re.compile("<[^>]*>")
_entry = t.entry.c


def identify(db: Connection, site: str, items: Sequence[ListingItem]) -> list[ListingItem]:
    """Return the items of a feed with the IDs under which their entries are known.

    A known guid keeps its ID, even if the link has changed. An entry with an unknown guid is known
    by its link if the entry that had this link is no longer in the feed, as some feeds change the
    guid with every correction. Otherwise, if the ID of its link belongs to another entry, the entry
    gets an ID of its own (`ListingItem.own_id`).
    """
    known = _Known({item.entry.guid for item in items if item.entry and item.entry.guid})
    for start in range(0, len(items), rows.CHUNK):
        some = [item for item in items[start : start + rows.CHUNK] if item.entry]
        if not some:
            continue
        found = [item.entry for item in some if item.entry]
        is_known = or_(
            _entry.guid.in_([each.guid for each in found if each.guid]),
            _entry.link.in_([each.link for each in found if each.link]),
        )
        query = select(_entry.article_id, _entry.guid, _entry.link, _entry.site).where(
            or_((_entry.site == site) & is_known, _entry.article_id.in_([each.id for each in some]))
        )
        for row in db.execute(query):
            known.add(ArticleId(row.article_id), row.guid, row.link, is_of_site=row.site == site)
    return [
        replace(item, id=known.id_of(item, item.entry)) if item.entry else item for item in items
    ]


@dataclass(slots=True)
class _Known:
    """The known entries that may be those of a feed; *guids* are those in the feed now."""

    guids: Collection[str]
    by_guid: dict[str, ArticleId] = field(default_factory=dict)
    by_link: dict[str, tuple[ArticleId, str]] = field(default_factory=dict)
    owners: dict[ArticleId, tuple[str, str]] = field(default_factory=dict)

    def add(self, article_id: ArticleId, guid: str, link: str, *, is_of_site: bool) -> None:
        self.owners[article_id] = guid, link
        if is_of_site and guid:
            self.by_guid[guid] = article_id
        if is_of_site and link:
            self.by_link[link] = article_id, guid

    def id_of(self, item: ListingItem, entry: Entry) -> ArticleId:
        """Return the ID of an entry."""
        if entry.guid in self.by_guid:
            return self.by_guid[entry.guid]
        if entry.link in self.by_link:
            article_id, guid = self.by_link[entry.link]
            if not entry.guid or not guid or guid not in self.guids:
                return article_id
        owner = self.owners.get(item.id, (entry.guid, entry.link))
        is_own = entry.guid == owner[0] if entry.guid and owner[0] else entry.link == owner[1]
        return item.id if is_own or item.own_id is None else item.own_id


def write(db: Connection, site: str, items: Sequence[ListingItem]) -> set[ArticleId]:
    """Write the entries of a listing; return the articles whose entry has another text now."""
    entries = {item.id: item.entry for item in items if item.entry}
    query = select(_entry.article_id, _entry.digest, _entry.body_zstd)
    stored = {
        row.article_id: row for row in db.execute(query.where(_entry.article_id.in_(list(entries))))
    }
    changed, values = set[ArticleId](), list[dict[str, Any]]()
    for article_id, entry in entries.items():
        body, row = entry.to_json(), stored.get(article_id)
        if row and zstandard.decompress(row.body_zstd) == body:
            continue
        digest = _digest(entry)
        if row and row.digest != digest:
            changed.add(article_id)
        values.append(
            {
                "article_id": article_id,
                "site": site,
                "guid": entry.guid,
                "link": entry.link,
                "digest": digest,
                "body_zstd": zstandard.compress(body, _ZSTD_LEVEL),
            }
        )
    for some in rows.chunks([ArticleId(each["article_id"]) for each in values]):
        db.execute(delete(t.entry).where(_entry.article_id.in_(some)))
    rows.insert_all(db, t.entry, values)
    return changed


def read(db: Connection, ids: Collection[ArticleId]) -> dict[ArticleId, Entry]:
    """Return the stored entries of articles."""
    found: dict[ArticleId, Entry] = {}
    for some in rows.chunks(ids):
        query = select(_entry.article_id, _entry.body_zstd).where(_entry.article_id.in_(some))
        for row in db.execute(query):
            found[ArticleId(row.article_id)] = Entry.from_json(zstandard.decompress(row.body_zstd))
    return found


def _digest(entry: Entry) -> str:
    """Return the digest of what readers would notice: text and statements, but no markup.

    Feeds change addresses in their markup, such as those of counting pixels, with every request.
    """
    stated = entry.stated
    words = " ".join(_TAG.sub(" ", entry.content).split())
    text = "\n".join((stated.title, words, *stated.authors, *stated.tags))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
