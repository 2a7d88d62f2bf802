"""What a run says: a table on a terminal, and `docs/benchmarks.md`, of which one part is written by hand and stays."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import HEAD, Result, table
from bench.processes import ROOT

FILE = ROOT / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- by hand: begin -->", "<!-- by hand: end -->"
_NO_NOTES = "\n## What bounds it\n\nNothing is written down yet.\n\n## How it grows\n\nNothing is written down yet.\n"
_INTRODUCTION = """# Benchmarks

Written by `make bench`, but for what stands between the two marks below. Every figure is the median
of paired, alternating runs of ours and of what it is measured by; processor time where it says CPU,
else time by the clock. Load and server share the machine.
"""


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    printed = Table(*HEAD)
    for cells in table(results):
        printed.add_row(*cells)
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(printed, markup=False)


def document(results: Sequence[Result], command: str, now: datetime, before: str) -> str:
    """Return the document; what was written by hand in the one *before* is kept."""
    cells = "\n".join(
        f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table(results)
    )
    head = f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}"
    facts = f"{machine()}; {now:%Y-%m-%d}; `{command}`"
    return f"{_INTRODUCTION}\n{facts}\n\n{head}\n{cells}\n\n{_BEGIN}\n{by_hand(before)}\n{_END}\n"


def by_hand(text: str) -> str:
    """Return the part of a document that was written by hand."""
    found = re.search(f"{re.escape(_BEGIN)}\n(.*)\n{re.escape(_END)}", text, re.DOTALL)
    return found[1] if found else _NO_NOTES


def write(results: Sequence[Result], command: str, file: Path = FILE) -> None:
    """Write the document anew."""
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(document(results, command, datetime.now(UTC), before), "utf-8")


def machine() -> str:
    """Return what the machine is."""
    cores = len(os.sched_getaffinity(0))
    info = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.+)$", info, re.MULTILINE)
    return f"{cores} cores of {model[1] if model else platform.machine()}; Python {platform.python_version()}"
