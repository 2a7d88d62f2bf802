"""Pictures that are kept, and articles that readers ask for.

Revision ID: 0002
"""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# The store holds clean HTML, which writes its attributes in one way only.
_PICTURE = re.compile(
    r'<img\b[^>]*?\ssrc="(https?://[^"]+)"|<video\b[^>]*?\sposter="(https?://[^"]+)"'
)
_MAX_PICTURES = 200
_CHUNK = 500


def upgrade() -> None:
    op.create_table(
        "media_file",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
    )
    op.create_table(
        "picture",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("original", sa.Text, sa.ForeignKey("media_file.name")),
        sa.Column("reading", sa.Text, sa.ForeignKey("media_file.name")),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("try_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("picture_due", "picture", ["original", "try_at"])
    op.create_table(
        "article_picture",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("url", sa.Text, primary_key=True),
    )
    op.create_index("article_picture_url", "article_picture", ["url"])
    op.create_table(
        "request",
        sa.Column("article_id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
    )
    _list_pictures()


def _list_pictures() -> None:
    """List the pictures of the articles that are held, so that they come without the articles being fetched again."""
    db = op.get_bind()
    pictures = sa.table("picture", *map(sa.column, ("url", "host", "tries", "try_at", "error")))
    shown = sa.table("article_picture", *map(sa.column, ("article_id", "url")))
    known: set[str] = set()
    for rows in _articles(db):
        for article_id, lead, body in rows:
            found = dict.fromkeys(
                ([lead] if lead else [])
                + [unescape(src or poster) for src, poster in _PICTURE.findall(body)]
            )
            urls = list(found)[:_MAX_PICTURES]
            if urls:
                db.execute(shown.insert(), [{"article_id": article_id, "url": url} for url in urls])
            new = [url for url in urls if url not in known]
            if new:
                values = [
                    {
                        "url": url,
                        "host": urlsplit(url).hostname or "",
                        "tries": 0,
                        "try_at": 0,
                        "error": "",
                    }
                    for url in new
                ]
                db.execute(pictures.insert(), values)
            known.update(new)


def _articles(db: sa.Connection) -> Iterator[list[tuple[str, str | None, str]]]:
    """Yield ID, lead picture and body of all articles, some at a time."""
    article = sa.table("article", *map(sa.column, ("id", "picture_url", "body")))
    last = ""
    while True:
        query = (
            sa.select(article.c.id, article.c.picture_url, article.c.body)
            .where(article.c.id > last)
            .order_by(article.c.id)
            .limit(_CHUNK)
        )
        rows = [(str(row[0]), row[1], str(row[2])) for row in db.execute(query)]
        if not rows:
            return
        yield rows
        last = rows[-1][0]
