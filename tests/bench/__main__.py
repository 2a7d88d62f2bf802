"""`python -m bench`: measure and print; a whole run writes `docs/benchmarks.md`."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench import growth, harvesting, rendering, report, rivals, web
from bench.measure import TOLD, Result, SkippedError
from bench.processes import ROOT
from bench.stores import Setup, store_of

_T = TypeVar("_T")
ROWS: dict[str, Callable[[Setup], Iterator[Result]]] = {
    "1": web.feed,
    "2": web.not_modified,
    "3": web.pages,
    "4": web.past_python,
    "5": harvesting.harvest,
    "6": harvesting.mirror_import,
    "7": rendering.feeds,
    "8": harvesting.poll,
    "9": growth.beside_small,
    "10": growth.memory,
    "11": growth.start,
    "12": growth.search,
    "13": rivals.morss,
    "14": web.through_nginx,
}


def main() -> None:
    """Measure the rows that are asked for."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure what the program costs.")
    parser.add_argument("--rows", default=",".join(ROWS), help="only these, separated by commas")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a short form: 10,000 articles for 132,000, few and short runs",
    )
    given = parser.parse_args()
    rows = given.rows.split(",")
    if unknown := set(rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        setup = Setup(Path(folder), ROOT / ".bench", given.quick)
        if set(rows) & {"3", "9", "10", "11", "12", "14"}:
            _timed("the large store", lambda: store_of(setup, setup.large))
        results = [
            result for row in rows for result in _timed(f"row {row}", partial(measure, row, setup))
        ]
    report.show(results)
    if rows == list(ROWS) and not given.quick:  # a run of some rows tells nothing of the others
        report.write(results, "make bench")


def measure(row: str, setup: Setup) -> list[Result]:
    """Return what a row brought; what stands in its way costs that row alone."""
    results: list[Result] = []
    try:
        results.extend(ROWS[row](setup))
    except SkippedError as e:
        results.append(Result(row, "-", TOLD, None, f"skipped: {e}"))
    except Exception as e:
        logging.getLogger(__name__).critical("row %s failed", row, exc_info=e)
        results.append(Result(row, "-", TOLD, None, f"failed: {e!r}"[:200]))
    return results


def _timed(what: str, work: Callable[[], _T]) -> _T:
    began = time.monotonic()
    done = work()
    print(f"{what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return done


if __name__ == "__main__":
    main()
