"""When to poll and what to fetch again: schedules, budgets, a lease, versions, alarms, counters.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("article", sa.Column("gone", sa.BigInteger))
    op.add_column("raw_page", sa.Column("etag", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "raw_page", sa.Column("last_modified", sa.Text, nullable=False, server_default="")
    )
    op.add_column("waiting", sa.Column("seen", sa.BigInteger))
    op.create_index("waiting_due", "waiting", ["try_at"])
    op.drop_index("picture_due", "picture")
    op.create_index("picture_due", "picture", ["original", "try_at", "url"])
    op.create_index("article_gone", "article", ["gone"])
    op.create_index("picture_reading", "picture", ["reading"])
    op.add_column("channel", sa.Column("succeeded_at", sa.BigInteger))
    op.add_column("channel", sa.Column("ttl_s", sa.Integer, nullable=False, server_default="0"))
    op.add_column("channel", sa.Column("moved_from", sa.Text, nullable=False, server_default=""))
    op.add_column("channel", sa.Column("moved_to", sa.Text, nullable=False, server_default=""))
    op.add_column("channel", sa.Column("moved_since", sa.BigInteger))
    op.add_column("channel", sa.Column("gap_url", sa.Text, nullable=False, server_default=""))
    op.add_column("channel", sa.Column("gap_since", sa.BigInteger))
    op.add_column("membership", sa.Column("seen", sa.BigInteger))
    op.add_column("channel", sa.Column("outcomes", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "article_version",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True),
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
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("replaced", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "backfill",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("next_url", sa.Text),
        sa.Column("pages", sa.Integer, nullable=False),
    )
    op.create_table(
        "host",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("quiet_until", sa.BigInteger),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alarm",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger),
        sa.Column("told", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
