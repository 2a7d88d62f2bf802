"""The tables of search. Pure.

The index itself, `search_index`, is another kind of table in each engine; the first migration makes it.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from feedproxy.store.tables import Moment, metadata

# The number under which the search index knows an article; `published` repeats the article's. One that was indexed anew, or
# deleted, leaves its old number.
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

# Articles that came, or changed, since the search index was added to last.
search_due = Table(
    "search_due",
    metadata,
    Column("article_id", Text, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
)
