"""Full-text search: an index that is still empty; the poller fills it by and by, as that takes some ms for each article.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# Without the text, which the articles have; without places and lengths of words, which nothing asks for. Tokens come
# ready and folded, with a space between them, as this tokenizer takes them.
_SQLITE = """
    CREATE VIRTUAL TABLE search_index USING fts5(tokens, content='', detail=none, columnsize=0, tokenize='ascii')
"""


def upgrade() -> None:
    op.create_table(
        "search_doc",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("article_id", sa.Text, sa.ForeignKey("article.id", ondelete="SET NULL")),
        sa.Column("published", sa.BigInteger, nullable=False),
    )
    op.create_index("search_doc_article", "search_doc", ["article_id"], unique=True)
    op.create_table(
        "search_due",
        sa.Column(
            "article_id", sa.Text, sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True
        ),
    )
    op.execute("INSERT INTO search_due (article_id) SELECT id FROM article")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_SQLITE)
    else:
        op.execute(
            "CREATE TABLE search_index ("
            "number BIGINT PRIMARY KEY REFERENCES search_doc (number) ON DELETE CASCADE, tokens TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX search_index_tokens ON search_index USING gin (tokens)")
