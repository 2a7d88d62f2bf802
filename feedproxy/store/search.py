"""Full-text search: which articles have all the words of a query, newest first.

The engines hold tokens of ours (`words`), so all find the same: FTS5 without positions and without the text in SQLite, an index
(GIN) over `tsvector`s in PostgreSQL. They give candidates by their numbers, the newest week first; the text decides, so what an
index has left of an earlier text of an article finds nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import dropwhile, groupby, islice
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, TextClause, bindparam, delete, func, insert, select, text, update

from feedproxy.markup import clean_text_of
from feedproxy.model import Article, ArticleId, SafeHtml, Version
from feedproxy.search_terms import Query, tokens_of
from feedproxy.store import articles, rows
from feedproxy.store import tables as t
from feedproxy.store.database import Connections
from feedproxy.store.indexed import search_doc, search_due

# An article's number is the week it was published in, and how many of the week came before it: numbers that are near each other
# make a small index (132,000 articles of 30 years take half of what numbers by the minute take), and order without sorting.
_WEEK, _NUMBERS = timedelta(days=7), 1 << 18
_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
# How many candidates are asked for, then read, at a time, and at most: words that never stand together where they often stand
# in one text cost no more than this (0.1 ms for each).
_CANDIDATES, _READ, _MOST = 250, 25, 2_000


class _Engine(NamedTuple):
    find: TextClause
    add: TextClause
    empty: TextClause


_ENGINES: Mapping[str, _Engine] = {
    "sqlite": _Engine(
        text(
            "SELECT rowid FROM search_index WHERE search_index MATCH :all AND rowid < :below ORDER BY rowid DESC LIMIT :most"
        ),
        text("INSERT INTO search_index (rowid, tokens) VALUES (:number, :tokens)"),
        text("INSERT INTO search_index (search_index) VALUES ('delete-all')"),
    ),
    "postgresql": _Engine(
        text(
            "SELECT number FROM search_index WHERE tokens @@ CAST(:all AS tsquery) AND number < :below "
            "ORDER BY number DESC LIMIT :most"
        ),
        text(
            "INSERT INTO search_index (number, tokens) VALUES (:number, array_to_tsvector(string_to_array(:tokens, ' ')))"
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


# Articles that are indexed in one transaction: some tenths of a second, for which who writes besides may wait.
LOT = 100


class Search(Protocol):
    """Articles by words. Every method raises StoreError where the store can't be read or written."""

    def find(
        self,
        query: Query,
        channels: Collection[str],
        limit: int,
        *,
        before: ArticleId | None = None,
    ) -> list[Article]:
        """Return the newest articles of *channels* that have all words of *query* in title or text, older than one of them.

        Only the newest 2,000 that may have them are looked at.
        """

    def version(self, channels: Collection[str]) -> Version:
        """Return what changes with every change to an article of *channels*, and with what is indexed."""

    def due(self) -> int:
        """Return how many articles are to be indexed: they came, or changed, since that was done last."""

    def index(self, limit: int) -> int:
        """Index so many of them, those with the highest IDs first, in one transaction; return how many that were."""

    def forget(self) -> None:
        """Have all articles be indexed anew, as for other rules of what a word is."""


class SqlSearch:
    """Implements `Search`; see there."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def find(  # noqa: D102 (described where it is promised, as the others)
        self,
        query: Query,
        channels: Collection[str],
        limit: int,
        *,
        before: ArticleId | None = None,
    ) -> list[Article]:
        with self._db.reading() as db:
            candidates = islice(_candidates(db, query, before), _MOST)
            return articles.read(
                db, list(islice(_having(db, candidates, query, frozenset(channels)), limit))
            )

    def version(self, channels: Collection[str]) -> Version:  # noqa: D102
        with self._db.reading() as db:
            changes = rows.version_of(db, channels)
            # each change counts more than what it makes due, so the difference grows with a change and with what is indexed
            return Version(2 * changes.number - _count_due(db), changes.moment)

    def due(self) -> int:  # noqa: D102
        with self._db.reading() as db:
            return _count_due(db)

    def index(self, limit: int) -> int:  # noqa: D102
        due = search_due.c.article_id
        with self._db.reading() as db:  # who has nothing to do waits for nobody
            if not db.execute(select(due).limit(1)).first():
                return 0
        with self._db.writing() as db:
            ids = list(db.execute(select(due).order_by(due.desc()).limit(limit)).scalars())
            for some in rows.chunks(ids):
                _index(db, some)
            return len(ids)

    def forget(self) -> None:  # noqa: D102
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
    """Yield the articles that have all tokens, newest first: those of a week are sorted, weeks come in order."""
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
        held = select(docs.published, docs.article_id).where(
            docs.number.in_(numbers), docs.article_id.is_not(None)
        )
        yield from (_Hit(*row) for row in db.execute(held.order_by(docs.number.desc())))
        if len(numbers) < _CANDIDATES:
            return
        below = numbers[-1]


def _having(
    db: Connection, candidates: Iterable[_Hit], query: Query, channels: frozenset[str]
) -> Iterator[ArticleId]:
    """Yield those that one of *channels* shows and that have all words."""
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
    """Give articles new numbers, under which their tokens are held; those that they had lead nowhere from now on.

    No number is given twice, as SQLite's index forgets only what it is told again, and the earlier text is there no more.
    """
    some = {"some": ids}
    db.execute(_DONE, some)
    db.execute(_LOST, some)
    found = sorted(db.execute(_TEXTS, some), key=lambda row: _Hit(row.published, row.id))
    taken: dict[int, int] = {}  # the last number of each week
    docs: list[dict[str, object]] = []
    texts: list[dict[str, object]] = []
    for row in found:
        first = _first_number(row.published)
        last = (
            taken.get(first)
            or db.execute(_LAST, {"first": first, "end": first + _NUMBERS}).scalar()
            or first
        )
        if (
            last + 1 < first + _NUMBERS
        ):  # else more came in a week than anybody reads, and the others are not found
            number = taken[first] = last + 1
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
