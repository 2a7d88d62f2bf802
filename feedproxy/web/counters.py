"""Counts of responses by outcome, in memory that all workers of one server share: it is mapped before they are forked.

Each worker counts in a row of its own, so none waits for another.
"""

import mmap
from collections.abc import Mapping

# A response from the cache, or the class of the application's status.
OUTCOMES = ("cached", "2xx", "3xx", "4xx", "5xx")
_COLUMNS = {outcome: column for column, outcome in enumerate(OUTCOMES)}
_ROWS, _WIDTH = 512, 8
_cells = memoryview(mmap.mmap(-1, _ROWS * _WIDTH * 8)).cast("Q")
_row = [0]


def take_row(worker: int) -> None:
    """Have this process, the worker of that number, count in a row of its own."""
    _row[0] = worker % _ROWS


def count(outcome: str) -> None:
    """Count a response of this process; *outcome* is one of OUTCOMES."""
    _cells[_row[0] * _WIDTH + _COLUMNS[outcome]] += 1


def totals() -> Mapping[str, int]:
    """Return how many responses all workers sent since their server began."""
    return {outcome: sum(_cells[column::_WIDTH]) for outcome, column in _COLUMNS.items()}
