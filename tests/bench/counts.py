"""`make bench-check`: no core path executes more than was recorded, within a tolerance.

Counts are of instructions, by valgrind's callgrind, where that is installed, else of function calls; each kind has its own
record, as one says nothing of the other. They depend on Python's version and that of the libraries, and on no clock.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.paths import core_paths
from bench.processes import ROOT

FILE = Path(__file__).with_name("counts.json")
TOLERANCE = 0.03
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)
_MARK = "ffi_call"


def instructions(valgrind: str) -> dict[str, int]:
    """Return how many instructions each path executes, nothing where callgrind does not find its mark.

    It writes a file whenever the mark is left: the last ones are ours.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = [
            f"--toggle-collect={_MARK}",
            f"--dump-after={_MARK}",
            f"--callgrind-out-file={folder}/out",
        ]
        command = [
            valgrind,
            "-q",
            "--tool=callgrind",
            *options,
            sys.executable,
            "-m",
            "bench.paths",
        ]
        subprocess.run(command, check=True, env=_environment())
        names, files = (
            list(core_paths()),
            sorted(Path(folder).glob("out.*"), key=lambda file: int(file.suffix[1:])),
        )
        totals = [_total(file) for file in files[-len(names) :]]
    return dict(zip(names, totals, strict=True)) if totals else {}


def calls() -> dict[str, int]:
    """Return how many functions each path calls."""
    command = [sys.executable, "-m", "bench.paths", "calls"]
    said = subprocess.run(
        command, check=True, env=_environment(), capture_output=True, text=True
    ).stdout
    return {str(name): int(number) for name, number in json.loads(said).items()}


def grown(
    recorded: Mapping[str, int], counted: Mapping[str, int], tolerance: float = TOLERANCE
) -> list[str]:
    """Return what executes more than was recorded and *tolerance* of that, or was never recorded."""
    return [
        name for name, number in counted.items() if number > recorded.get(name, 0) * (1 + tolerance)
    ]


def main() -> None:
    """Count, print, compare; ends with 1 if something has grown."""
    parser = argparse.ArgumentParser(
        prog="bench.counts", description="Compare what five core paths execute with the record."
    )
    parser.add_argument("--record", action="store_true", help="record what is counted now")
    is_recording = parser.parse_args().record
    valgrind = shutil.which("valgrind")
    found = instructions(valgrind) if valgrind else {}
    kinds = {"instructions": found} if found else {}
    if is_recording or not kinds:
        kinds["function calls"] = calls()
    version = ".".join(platform.python_version_tuple()[:2])
    recorded = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    if is_recording:
        new = {f"{kind}, Python {version}": counted for kind, counted in kinds.items()}
        FILE.write_text(json.dumps({**recorded, **new}, indent=2) + "\n")
    worse = [
        name
        for kind, counted in kinds.items()
        for name in _compare(f"{kind}, Python {version}", counted, recorded)
    ]
    if worse and not is_recording:
        print(f"grown by more than {TOLERANCE:.0%}: {', '.join(worse)}")
        sys.exit(1)


def _compare(
    kind: str, counted: Mapping[str, int], recorded: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """Print what was counted beside the record; return what has grown."""
    before = recorded.get(kind)
    print(
        f"{kind}:"
        if before
        else f"{kind}: nothing is recorded to compare with; `python -m bench.counts --record` does"
    )
    for name, number in counted.items():
        change = f" {number / before[name] - 1:+.1%}" if before and name in before else ""
        print(f"  {name}: {number:,}{change}")
    return grown(before, counted) if before else []


def _total(file: Path) -> int:
    found = _TOTAL.search(file.read_text("utf-8", errors="replace"))
    assert found, f"{file} has no total"
    return int(found[1])


def _environment() -> dict[str, str]:
    """Return an environment in which hashes, and so the order of sets, are the same in every run."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


if __name__ == "__main__":
    main()
