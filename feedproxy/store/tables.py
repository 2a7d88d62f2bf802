"""The tables of the store. Pure.

Moments are microseconds since 1970 in UTC. Every change is made by a migration in `migrations/versions`.
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
    """An aware `datetime` in Python, microseconds since 1970 in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's)
        """Return microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's)
        """Return the moment."""
        return None if value is None else moment(value)


def moment(microseconds: int) -> datetime:
    """Return the moment so long after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


# One row for each article that is held; `authors` is a JSON array, `dated` says where `published` comes from.
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
    Index("article_gone", "gone"),
)

# What articles were before they changed: the same columns, and when the next version took their place; `tags` is another array.
# Without address and tags are those that an earlier version of the program kept.
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
)

# `published` repeats the article's, so that a tag's page is one index range.
article_tag = Table(
    "article_tag",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("published", Moment, nullable=False),
    Index("article_tag_newest", "name", "published", "article_id"),
)

# Which articles an article links to, held or not: who must be rendered anew when one of them comes in.
article_link = Table(
    "article_link",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("target_id", Text, primary_key=True),
    Column("target_url", Text, nullable=False),
    Index("article_link_target", "target_id"),
)

# A file of the mirror's own, whichever pictures it is a form of.
media_file = Table(
    "media_file",
    metadata,
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

# Every picture that an article shows, by its upstream address, whose hash is its `key`; without its files it is still to be
# fetched.
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

# Which pictures an article shows: who must be rendered anew when one comes in, and which files are in use.
article_picture = Table(
    "article_picture",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, primary_key=True),
    Index("article_picture_url", "url"),
)

# Articles that readers asked for: the only table that the web side writes. The poller takes them into `waiting`.
request = Table(
    "request",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("asked", Moment, nullable=False),
)

# The pages an article was extracted from, compressed by zstandard, so that new rules can be tried without the network.
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

# What each listing has shown, and since when; `published` repeats the article's once it is held, so that a feed is one index
# range.
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

# Articles to fetch, from `try_at` on: shown by a listing and not held, or held and to be looked at again. What is not held
# leaves by success only.
waiting = Table(
    "waiting",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("published", Moment),
    Column("dated", Text, nullable=False, server_default="stated"),
    Column("position", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried_at", Moment),
    Column("try_at", Moment),
    Column("error", Text, nullable=False),
    Column("seen", Moment),
    Index("waiting_due", "try_at"),
)

# The polls of a channel. `changed` counts what touched its entries, last at `changed_at`: a feed is rendered once for each
# change.
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
    Column("replica", Text, nullable=False, server_default=""),
    Index("channel_due", "next_poll_at"),
    Index("channel_polled", "polled_at"),
)

# How far a walk down a channel's listing has come; without an address it has come to its end.
backfill = Table(
    "backfill",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("next_url", Text),
    Column("pages", Integer, nullable=False),
)

# When a host may be asked next, by whoever asks: `next_at` by its budget, `quiet_until` because it said so.
host = Table(
    "host",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", Moment, nullable=False),
    Column("quiet_until", Moment),
)

# The serials of what is signed: those given to our own exports (`source` is ""), with the hash of what has them; and the
# highest ones seen of other mirrors.
serial = Table(
    "serial",
    metadata,
    Column("source", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
)

# Who polls: the only row is the leader's, until it is not renewed.
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)

# Rules that stopped to fit what a channel shows, the last of each channel; `told` is 1 once the webhook knows its state.
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
    Column("told", Integer, nullable=False, server_default="0"),
)

# What happened how often, since the store was made: for the metrics, which so survive every restart.
counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

# What was published in which order: a log for each section, channel, and for all, that is only ever added to, positions from 0.
# `version` is the number of the version that is shown for ever, once its page is full; what was deleted leaves its position.
# (Without row IDs SQLite would look articles up by their log, which is long, and not by `archive_article`.)
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

# Articles that were stored, or joined a channel, since the archives were added to last.
archive_due = Table("archive_due", metadata, Column("article_id", Text, primary_key=True))

# The channels, sorted, of whose articles a log has all but those that are due; one without a row is made from the beginning.
archive_log = Table(
    "archive_log",
    metadata,
    Column("name", Text, primary_key=True),
    Column("channels", Text, nullable=False),
)
