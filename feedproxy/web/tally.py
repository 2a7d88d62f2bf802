"""What the answers of one server's workers were, counted in memory that they share: it is there before they are forked.

Each worker counts in a row of its own, so that none waits for another; one that is started anew goes on in another row.
"""

import mmap
from collections.abc import Mapping

# What an answer was: given as it was made before, without Flask; or the class of its status.
OUTCOMES = ("kept", "2xx", "3xx", "4xx", "5xx")
_ROWS, _COLUMNS = 512, 8
_shared = memoryview(mmap.mmap(-1, _ROWS * _COLUMNS * 8)).cast("Q")
_own = {"row": 0}


class Tally:
    """Counts answers of this process."""

    def __init__(self) -> None:
        start = _own["row"] * _COLUMNS
        self._cells = _shared[start : start + _COLUMNS]

    def keep(self) -> None:
        """Count an answer that was kept."""
        self._cells[0] += 1

    def note(self, status: int) -> None:
        """Count an answer of Flask's."""
        self._cells[min(max(status // 100 - 1, 1), 4)] += 1


def take_row(number: int) -> None:
    """Have this process, the server's worker of that number, count in a row of its own."""
    _own["row"] = number % _ROWS


def totals() -> Mapping[str, int]:
    """Return what all workers counted since their server began."""
    return {name: sum(_shared[at::_COLUMNS]) for at, name in enumerate(OUTCOMES)}
