"""Count responses by outcome, in memory shared by all workers of one server.

The memory is mapped before the workers are forked. Each worker counts in its own row, so no lock is
needed.
"""

import mmap
from collections.abc import Mapping

# A response from the cache, or the status class of the application's response.
OUTCOMES = ("cached", "2xx", "3xx", "4xx", "5xx")
_COLUMNS = {outcome: column for column, outcome in enumerate(OUTCOMES)}
_ROWS, _WIDTH = 512, 8
_cells = memoryview(mmap.mmap(-1, _ROWS * _WIDTH * 8)).cast("Q")
_row = [0]


def take_row(worker: int) -> None:
    """Make this process, the worker with that number, count in its own row."""
    _row[0] = worker % _ROWS


def count(outcome: str) -> None:
    """Count a response of this process; *outcome* is one of OUTCOMES."""
    _cells[_row[0] * _WIDTH + _COLUMNS[outcome]] += 1


def totals() -> Mapping[str, int]:
    """Return the numbers of responses of all workers since the server started, by outcome."""
    return {outcome: sum(_cells[column::_WIDTH]) for outcome, column in _COLUMNS.items()}
