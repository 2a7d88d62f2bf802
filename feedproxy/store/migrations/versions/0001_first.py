"""The first schema.

Nothing is released yet, so it is what `tables` and `indexed` describe. The first release freezes it
here as statements of its own; a later change is a migration after this one.

Revision ID: 0001
"""

from alembic import op

import feedproxy.store.indexed  # noqa: F401 (adds its tables to the metadata)
from feedproxy.store.tables import metadata

revision = "0001"
down_revision = None

# The index holds tokens only: no text, which the articles have, and no places or lengths of words.
# Tokens come folded, with a space between them, as this tokenizer takes them.
_SQLITE = """
    CREATE VIRTUAL TABLE search_index USING fts5(
        tokens, content='', detail=none, columnsize=0, tokenize='ascii'
    )
"""
_POSTGRESQL = (
    """
    CREATE TABLE search_index (
        number BIGINT PRIMARY KEY REFERENCES search_doc (number) ON DELETE CASCADE,
        tokens TSVECTOR NOT NULL
    )
    """,
    "CREATE INDEX search_index_tokens ON search_index USING gin (tokens)",
)


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    for statement in (_SQLITE,) if connection.dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
