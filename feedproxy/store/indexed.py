"""Define the tables of search. Pure.

The index itself, `search_index`, is another kind of table in each engine; the first migration
creates it.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from feedproxy.store.tables import Moment, metadata

# The numbers by which the search index knows articles; `published` repeats the article's. When an
# article is indexed again or deleted, the row of its old number stays, without an article.
search_doc = Table(
    "search_doc",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("article_id", Text, ForeignKey("article.id", ondelete="SET NULL")),
    Column("published", Moment, nullable=False),
    Index("search_doc_article", "article_id", unique=True),
)

# Articles that were stored or changed since the search index was last updated.
search_due = Table(
    "search_due",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
)
