"""The first schema.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "article",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("authors", sa.Text, nullable=False),
        sa.Column("picture_url", sa.Text),
        sa.Column("picture_alt", sa.Text),
        sa.Column("picture_caption", sa.Text),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("dated", sa.Text, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
    )
    op.create_table(
        "article_tag",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
    )
    op.create_index("article_tag_newest", "article_tag", ["name", "published", "article_id"])
    op.create_table(
        "article_link",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("target_id", sa.Text, primary_key=True),
        sa.Column("target_url", sa.Text, nullable=False),
    )
    op.create_index("article_link_target", "article_link", ["target_id"])
    op.create_table(
        "raw_page",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("part", sa.Integer, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("body_zstd", sa.LargeBinary, nullable=False),
        sa.Column("fetched", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "membership",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("article_id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("published", sa.BigInteger),
    )
    op.create_index("membership_newest", "membership", ["channel", "published", "article_id"])
    op.create_index("membership_article", "membership", ["article_id"])
    op.create_table(
        "waiting",
        sa.Column("article_id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("excerpt", sa.Text, nullable=False),
        sa.Column("published", sa.BigInteger),
        sa.Column("dated", sa.Text, nullable=False, server_default="stated"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("try_at", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("changed_at", sa.BigInteger),
        sa.Column("listing_hash", sa.Text, nullable=False, server_default=""),
        sa.Column("polled_at", sa.BigInteger),
        sa.Column("next_poll_at", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text, nullable=False, server_default=""),
        sa.Column("listed", sa.Integer, nullable=False, server_default="0"),
    )
