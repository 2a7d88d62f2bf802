"""Define the tables of the store. Pure.

Times are microseconds since 1970 in UTC. Every change of the tables is a migration in
`migrations/versions`.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()
_EPOCH = datetime.fromtimestamp(0, UTC)


class Moment(TypeDecorator[datetime]):
    """A column type: an aware `datetime` in Python, microseconds since 1970 in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 (required by SQLAlchemy)
    ) -> int | None:
        """Return microseconds since 1970."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(
        self,
        value: int | None,
        dialect: Dialect,  # noqa: ARG002 (required by SQLAlchemy)
    ) -> datetime | None:
        """Return an aware `datetime`."""
        return None if value is None else moment(value)


def moment(microseconds: int) -> datetime:
    """Return the time that is *microseconds* after the beginning of 1970 in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


# The stored articles. `authors` is a JSON array, `dated` the source of `published`.
article = Table(
    "article",
    metadata,
    Column("id", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("authors", Text, nullable=False),
    Column("picture_url", Text),
    Column("picture_alt", Text),
    Column("picture_caption", Text),
    Column("published", Moment, nullable=False),
    Column("dated", Text, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("stored", Moment, nullable=False),
    Column("rule", Text, nullable=False),
    Column("gone", Moment),
    Column("details", Text, nullable=False, server_default=""),
    Index("article_gone", "gone"),
)

# Articles as they were before each change, with the time at which the next version replaced them.
# `tags` is a JSON array, too. `url` and `tags` are null in versions kept by an earlier release.
article_version = Table(
    "article_version",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("authors", Text, nullable=False),
    Column("picture_url", Text),
    Column("picture_alt", Text),
    Column("picture_caption", Text),
    Column("published", Moment, nullable=False),
    Column("dated", Text, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("rule", Text, nullable=False),
    Column("replaced", Moment, nullable=False),
    Column("url", Text),
    Column("tags", Text),
    Column("details", Text, nullable=False, server_default=""),
)

# The tags of articles. `published` repeats the article's, so that the page of a tag reads one range
# of an index.
article_tag = Table(
    "article_tag",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("published", Moment, nullable=False),
    Index("article_tag_newest", "name", "published", "article_id"),
)

# The articles that an article links to, stored or not. An article is rendered again when one that
# it links to is stored.
article_link = Table(
    "article_link",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("target_id", Text, primary_key=True),
    Column("target_url", Text, nullable=False),
    Index("article_link_target", "target_id"),
)

# Picture files that the mirror stores. One file can belong to several pictures.
media_file = Table(
    "media_file",
    metadata,
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

# The pictures in articles, by upstream address; `key` is a hash of the address. A picture without
# files (`original`, `reading`) is still to be fetched.
picture = Table(
    "picture",
    metadata,
    Column("url", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("original", Text, ForeignKey("media_file.name")),
    Column("reading", Text, ForeignKey("media_file.name")),
    Column("tries", Integer, nullable=False),
    Column("try_at", Moment, nullable=False),
    Column("error", Text, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Index("picture_key", "key"),
    Index("picture_due", "original", "try_at", "url"),
    Index("picture_reading", "reading"),
)

# The pictures that an article shows. They tell which articles to render again when a picture is
# stored, and which files are in use.
article_picture = Table(
    "article_picture",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, primary_key=True),
    Index("article_picture_url", "url"),
)

# Readers' requests for articles, the only table that the web side writes. The poller moves them to
# `waiting`.
request = Table(
    "request",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
)

# The pages that articles were extracted from, compressed with zstandard, so that changed rules can
# be applied without the network.
raw_page = Table(
    "raw_page",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("body_zstd", LargeBinary, nullable=False),
    Column("fetched", Moment, nullable=False),
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
)

# The entries of feeds, as JSON compressed with zstandard: articles are made, and made again, of
# them. `guid` and `link` identify an entry in the feeds of a site; `digest` is that of its text.
entry = Table(
    "entry",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("guid", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body_zstd", LargeBinary, nullable=False),
    Index("entry_guid", "site", "guid"),
    Index("entry_link", "site", "link"),
)

# The articles that each channel's listing has shown, and when first. `published` repeats the
# article's once it is stored, so that a feed reads one range of an index.
membership = Table(
    "membership",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("article_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("published", Moment),
    Column("seen", Moment),
    Index("membership_newest", "channel", "published", "article_id"),
    Index("membership_article", "article_id"),
)

# The fetch queue: articles to fetch from `try_at` on, because a listing shows them and they are not
# stored, or because a stored one is to be checked again. A failed fetch never ends the wait of an
# article that is not stored.
waiting = Table(
    "waiting",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("published", Moment),
    Column("dated", Text, nullable=False, server_default="stated"),
    Column("has_time", Integer, nullable=False, server_default="1"),
    Column("position", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried_at", Moment),
    Column("try_at", Moment),
    Column("error", Text, nullable=False),
    Column("seen", Moment),
    Index("waiting_due", "try_at"),
)

# The state of each channel's polls. `changed` counts changes to the channel's entries, the last one
# at `changed_at`: a feed is rendered once for each change.
channel = Table(
    "channel",
    metadata,
    Column("id", Text, primary_key=True),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("changed_at", Moment),
    Column("listing_hash", Text, nullable=False, server_default=""),
    Column("polled_at", Moment),
    Column("next_poll_at", Moment),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("succeeded_at", Moment),
    Column("ttl_s", Integer, nullable=False, server_default="0"),
    Column("moved_from", Text, nullable=False, server_default=""),
    Column("moved_to", Text, nullable=False, server_default=""),
    Column("moved_since", Moment),
    Column("gap_url", Text, nullable=False, server_default=""),
    Column("gap_since", Moment),
    Column("outcomes", Text, nullable=False, server_default=""),
    Column("own_at", Moment),
    Column("stand_in", Text, nullable=False, server_default=""),
    Column("replica_url", Text, nullable=False, server_default=""),
    Column("replica_pages", Integer, nullable=False, server_default="0"),
    Index("channel_due", "next_poll_at"),
    Index("channel_polled", "polled_at"),
)

# The progress of the walk down a channel's listing; without `next_url` the walk has reached the
# end.
backfill = Table(
    "backfill",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("next_url", Text),
    Column("pages", Integer, nullable=False),
)

# When the next request may be sent to a host, by any process: from `next_at` on by its rate limit,
# and from `quiet_until` on because the host asked for a pause.
host = Table(
    "host",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", Moment, nullable=False),
    Column("quiet_until", Moment),
)

# The serials of signed publications: those of our own exports (`source` is ""), with a digest of
# the content; and the highest ones seen at other mirrors.
serial = Table(
    "serial",
    metadata,
    Column("source", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
)

# The lease of the leading poller, one row, until it expires at `until`. A second row marks an
# incomplete copy of another store.
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)

# Alarms for rules that no longer fit a channel's pages, the last one for each channel and rule.
# `sent` is 1 once the webhook has been sent the present state.
alarm = Table(
    "alarm",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("rule", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("closed", Moment),
    Column("sent", Integer, nullable=False, server_default="0"),
)

# Counters of events since the store was created, for metrics that survive restarts.
counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

# The archives' logs: published articles in order, for each section, each channel, and all. Entries
# are only appended; positions start from 0. `version` is the number of the article's version that a
# full page shows for ever. A deleted article leaves its position empty. (In a WITHOUT ROWID table,
# SQLite would search a whole `log` for an article, instead of using `archive_article`.)
archive = Table(
    "archive",
    metadata,
    Column("log", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("article_id", Text, ForeignKey("article.id", ondelete="SET NULL")),
    Column("section", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("added", Moment, nullable=False),
    Column("version", Integer),
    Index("archive_article", "article_id", "log"),
)

# Articles that were stored, changed or added to a channel since archives were last appended to.
archive_due = Table("archive_due", metadata, Column("article_id", Text, primary_key=True))

# The logs that hold all articles of their `channels` (sorted names) but those in `archive_due`. A
# log without a row is completed from all articles.
archive_log = Table(
    "archive_log",
    metadata,
    Column("name", Text, primary_key=True),
    Column("channels", Text, nullable=False),
)
