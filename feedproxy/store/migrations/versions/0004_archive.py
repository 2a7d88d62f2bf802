"""Archives: what was published in which order, what was tagged how before it changed, pictures by the hash of their address.

Revision ID: 0004
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_CHUNK = 5_000


def upgrade() -> None:
    op.add_column("article_version", sa.Column("url", sa.Text))
    op.add_column("article_version", sa.Column("tags", sa.Text))
    op.create_table(
        "archive",
        sa.Column("log", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("article_id", sa.Text, sa.ForeignKey("article.id", ondelete="SET NULL")),
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer),
    )
    op.create_index("archive_article", "archive", ["article_id", "log"])
    op.create_table("archive_due", sa.Column("article_id", sa.Text, primary_key=True))
    op.create_table(
        "archive_log",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("channels", sa.Text, nullable=False),
    )
    op.add_column("picture", sa.Column("key", sa.Text, nullable=False, server_default=""))
    _find_keys()
    op.create_index("picture_key", "picture", ["key"])


def _find_keys() -> None:
    db = op.get_bind()
    picture = sa.table("picture", *map(sa.column, ("url", "key")))
    urls = [str(url) for url in db.execute(sa.select(picture.c.url)).scalars()]
    change = (
        sa.update(picture)
        .where(picture.c.url == sa.bindparam("of"))
        .values(key=sa.bindparam("found"))
    )
    for start in range(0, len(urls), _CHUNK):
        some = urls[start : start + _CHUNK]
        db.execute(
            change,
            [{"of": url, "found": hashlib.sha256(url.encode()).hexdigest()[:32]} for url in some],
        )
