"""Store the serials of signed publications in SQL."""

from sqlalchemy import Connection, Row, delete, insert, select

from feedproxy.store import tables as t
from feedproxy.store.database import Connections

_OWN = ""


class Serials:
    """The serials of signed publications: of our own exports, and of other mirrors."""

    def __init__(self, db: Connections) -> None:
        self._db = db

    def next(self, path: str, digest: str) -> int:
        """Return the serial that `issue` would return, without storing it."""
        with self._db.reading() as db:
            return _next(db, path, digest)

    def issue(self, path: str, digest: str) -> int:
        """Return and store the serial of a publication at *path*.

        It is the last one while *digest* is the same, and one more otherwise.
        """
        with self._db.writing() as db:
            number = _next(db, path, digest)
            _put(db, _OWN, path, number, digest)
        return number

    def highest(self, source: str, path: str) -> int:
        """Return the stored serial of a source's publication at *path*, 0 if there is none."""
        with self._db.reading() as db:
            row = _find(db, source, path)
        return int(row.number) if row else 0

    def remember(self, source: str, path: str, number: int) -> None:
        """Store the serial of a source's publication at *path*."""
        with self._db.writing() as db:
            _put(db, source, path, number, "")


def _find(db: Connection, source: str, path: str) -> Row[tuple[str, str, int, str]] | None:
    return db.execute(
        select(t.serial).where(t.serial.c.source == source, t.serial.c.path == path)
    ).first()


def _next(db: Connection, path: str, digest: str) -> int:
    """Return the last serial at *path* if its content has this *digest*, otherwise one more."""
    row = _find(db, _OWN, path)
    if row is None:
        return 1
    return int(row.number if row.digest == digest else row.number + 1)


def _put(db: Connection, source: str, path: str, number: int, digest: str) -> None:
    db.execute(delete(t.serial).where(t.serial.c.source == source, t.serial.c.path == path))
    db.execute(insert(t.serial).values(source=source, path=path, number=number, digest=digest))
