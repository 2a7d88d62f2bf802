"""Write files atomically: under a temporary name, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

PART = ".part"
# A temporary file that was not written to for this long has lost its writer: a write takes less
# than a second.
ABANDONED = timedelta(hours=1)


@contextmanager
def whole(file: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces *file* at the end, and is deleted on an error.

    Raises:
        OSError: the file can't be written.

    """
    with tempfile.NamedTemporaryFile(
        dir=file.parent, prefix=f".{file.name}.", suffix=PART, delete=False
    ) as opened:
        part = Path(opened.name)
        try:
            yield cast("BinaryIO", opened)
            opened.flush()
            os.fsync(opened.fileno())
            os.fchmod(opened.fileno(), 0o644)
            part.replace(file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def abandoned(folder: Path, pattern: str, now: datetime) -> Iterator[Path]:
    """Yield the temporary files in *folder* that match *pattern* and whose writers were killed."""
    for part in folder.glob(pattern + PART):
        try:
            if part.stat().st_mtime < (now - ABANDONED).timestamp():
                yield part
        except FileNotFoundError:  # it was renamed meanwhile
            continue
