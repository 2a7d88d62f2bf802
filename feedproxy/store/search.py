"""Search articles that have all words of a query, newest first.

The index holds tokens of `search_terms`, so all engines find the same: SQLite has an FTS5 table
without positions and without the text, PostgreSQL a GIN index over `tsvector` values. The index
gives candidates by their numbers, newest week first. An article that is indexed again gets a new
number, so entries for its earlier text find nothing. Where the tokens do not decide, as for
phrases, candidates are checked against the text.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import dropwhile, groupby, islice
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, bindparam, delete, func, insert, select, text, update

from feedproxy.markup import clean_text_of
from feedproxy.model import Article, ArticleId, SafeHtml, Version
from feedproxy.search_terms import Query, tokens_of
from feedproxy.store import articles, rows
from feedproxy.store import tables as t
from feedproxy.store.database import Connections
from feedproxy.store.indexed import search_doc, search_due

# An article's number is the week of its publication, times `_NUMBERS`, plus a count within the
# week. Numbers that are close to each other make a small index (for 132,000 articles of 30 years,
# half the size of one with numbers by the minute), and the order of weeks needs no sorting.
_WEEK, _NUMBERS = timedelta(days=7), 1 << 18
_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
# The number of candidates read from the index at a time, of texts read at a time, and of candidates
# in all. The last limits the time (0.1 ms per candidate) of a query for words that often occur in
# the same text, but never as the phrase that is wanted.
_CANDIDATES, _READ, _MOST = 250, 25, 2_000


class _Engine(NamedTuple):
    find: TextClause
    add: TextClause
    empty: TextClause


_ENGINES: Mapping[str, _Engine] = {
    "sqlite": _Engine(
        text(
            "SELECT rowid FROM search_index WHERE search_index MATCH :all AND rowid < :below "
            "ORDER BY rowid DESC LIMIT :most"
        ),
        text("INSERT INTO search_index (rowid, tokens) VALUES (:number, :tokens)"),
        text("INSERT INTO search_index (search_index) VALUES ('delete-all')"),
    ),
    "postgresql": _Engine(
        text(
            "SELECT number FROM search_index WHERE tokens @@ CAST(:all AS tsquery) "
            "AND number < :below ORDER BY number DESC LIMIT :most"
        ),
        text(
            "INSERT INTO search_index (number, tokens) "
            "VALUES (:number, array_to_tsvector(string_to_array(:tokens, ' ')))"
        ),
        text("DELETE FROM search_index"),
    ),
}
_docs, _article = search_doc.c, t.article.c
_DONE = delete(search_due).where(search_due.c.article_id.in_(rows.SOME))
_LOST = update(search_doc).where(_docs.article_id.in_(rows.SOME)).values(article_id=None)
_TEXTS = select(_article.id, _article.published, _article.title, _article.body).where(
    _article.id.in_(rows.SOME)
)
_LAST = select(func.max(_docs.number)).where(
    _docs.number >= bindparam("first"), _docs.number < bindparam("end")
)
_AND = {"sqlite": " ", "postgresql": " & "}
_QUOTED = {"sqlite": '"{}"', "postgresql": "'{}'"}


# The number of articles to index in one transaction, which takes some tenths of a second; other
# writers wait that long.
INDEX_BATCH = 100


class Search:
    """Full-text search. Every method raises StoreError if the store can't be read or written."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def find(
        self,
        query: Query,
        channels: Collection[str],
        limit: int,
        *,
        before: ArticleId | None = None,
    ) -> list[Article]:
        """Return the newest articles of *channels* that have all words of *query* in title or text.

        With *before* only articles older than that one are returned. At most the newest 2,000
        candidates of the index are checked.
        """
        with self._db.reading() as db:
            candidates = islice(_candidates(db, query, before), _MOST)
            return articles.read(
                db, list(islice(_having(db, candidates, query, frozenset(channels)), limit))
            )

    def version(self, channels: Collection[str]) -> Version:
        """Return a version that changes when an article of *channels* changes or any is indexed."""
        with self._db.reading() as db:
            changes = rows.version_of(db, channels)
            # A change adds more to the first term than to the number of due articles, so the
            # difference grows with each change and with each indexed article.
            return Version(2 * changes.number - _count_due(db), changes.moment)

    def due(self) -> int:
        """Return the number of articles to index, stored or changed since the last time."""
        with self._db.reading() as db:
            return _count_due(db)

    def index(self, limit: int) -> int:
        """Index up to *limit* due articles in one transaction; return their number.

        Articles with the highest IDs are indexed first.
        """
        due = search_due.c.article_id
        with self._db.reading() as db:  # without due articles, do not wait for the write lock
            if not db.execute(select(due).limit(1)).first():
                return 0
        with self._db.writing() as db:
            ids = list(db.execute(select(due).order_by(due.desc()).limit(limit)).scalars())
            for some in rows.chunks(ids):
                _index(db, some)
            return len(ids)

    def forget(self) -> None:
        """Empty the index, and make all articles due, as after a change of how text is split."""
        with self._db.writing() as db:
            db.execute(_ENGINES[db.dialect.name].empty)
            db.execute(delete(search_due))
            db.execute(delete(search_doc))
            db.execute(insert(search_due).from_select(["article_id"], select(t.article.c.id)))


# ---------------------------------------------------------------- finding


class _Hit(NamedTuple):
    published: datetime
    id: ArticleId


def _candidates(db: Connection, query: Query, before: ArticleId | None) -> Iterator[_Hit]:
    """Yield the articles that have all tokens, newest first.

    Weeks come in order from the index; the articles of each week are sorted here.
    """
    docs = search_doc.c
    last, below = None, 1 << 62
    if before:
        published = db.execute(select(docs.published).where(docs.article_id == before)).scalar()
        if published is None:
            return
        last, below = _Hit(published, before), _first_number(published + _WEEK)
    weeks = (
        sorted(hits, reverse=True)
        for _, hits in groupby(_hits(db, query, below), lambda hit: _week(hit.published))
    )
    ordered = (hit for week in weeks for hit in week)
    yield from dropwhile(lambda hit: last is not None and hit >= last, ordered)


def _hits(db: Connection, query: Query, below: int) -> Iterator[_Hit]:
    docs, engine = search_doc.c, db.dialect.name
    wanted = _AND[engine].join(map(_QUOTED[engine].format, sorted(query.tokens)))
    while True:
        numbers = list(
            db.execute(
                _ENGINES[engine].find, {"all": wanted, "below": below, "most": _CANDIDATES}
            ).scalars()
        )
        stored = select(docs.published, docs.article_id).where(
            docs.number.in_(numbers), docs.article_id.is_not(None)
        )
        yield from (_Hit(*row) for row in db.execute(stored.order_by(docs.number.desc())))
        if len(numbers) < _CANDIDATES:
            return
        below = numbers[-1]


def _having(
    db: Connection, candidates: Iterable[_Hit], query: Query, channels: frozenset[str]
) -> Iterator[ArticleId]:
    """Yield the candidates that are in one of *channels* and have all words."""
    columns, remaining, is_sure = t.article.c, iter(candidates), query.is_of_tokens
    while ids := [hit.id for hit in islice(remaining, _READ)]:
        shown = rows.channels_of(db, ids)
        having = set(ids)
        if not is_sure:
            texts = select(columns.id, columns.title, columns.body).where(columns.id.in_(ids))
            having = {
                row.id for row in db.execute(texts) if query.is_in(_text(row.title, row.body))
            }
        yield from (
            each for each in ids if each in having and shown.get(each, frozenset()) & channels
        )


def _text(title: str, body: str) -> str:
    return f"{title}\n{clean_text_of(SafeHtml(body))}"


# ---------------------------------------------------------------- indexing


def _count_due(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(search_due)).scalar() or 0


def _index(db: Connection, ids: list[str]) -> None:
    """Index articles under new numbers, and detach their old numbers.

    No number is used twice: SQLite's index can remove an entry only if it is given the indexed text
    again, which is not stored any more.
    """
    some = {"some": ids}
    db.execute(_DONE, some)
    db.execute(_LOST, some)
    found = sorted(db.execute(_TEXTS, some), key=lambda row: _Hit(row.published, row.id))
    last_numbers: dict[int, int] = {}  # the last number in use, by the first one of the week
    docs: list[dict[str, object]] = []
    texts: list[dict[str, object]] = []
    for row in found:
        first = _first_number(row.published)
        last = (
            last_numbers.get(first)
            or db.execute(_LAST, {"first": first, "end": first + _NUMBERS}).scalar()
            or first
        )
        # Articles beyond the `_NUMBERS` of a week are not indexed, and so not found.
        if last + 1 < first + _NUMBERS:
            number = last_numbers[first] = last + 1
            docs.append({"number": number, "article_id": row.id, "published": row.published})
            texts.append(
                {"number": number, "tokens": " ".join(tokens_of(_text(row.title, row.body)))}
            )
    rows.insert_all(db, search_doc, docs)
    if texts:
        db.execute(_ENGINES[db.dialect.name].add, texts)


def _week(moment: datetime) -> int:
    return (moment - _BEGINNING) // _WEEK


def _first_number(moment: datetime) -> int:
    return _week(moment) * _NUMBERS
