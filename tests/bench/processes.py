"""Processes that a bench starts, and what processes take: time of the processor, memory."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile

from serving import free_port

from bench.measure import SkippedError

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_START_S, _STEP_S = 60.0, 0.005
# Servers and the like: their time is not that of what is measured.
_besides: set[int] = set()


def tool(name: str) -> str:
    """Return where a program is.

    Raises:
        SkippedError: it is not installed.

    """
    if found := shutil.which(name):
        return found
    raise SkippedError(f"{name} is not installed")


@contextmanager
def running(
    command: Sequence[str],
    until: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; the block begins when *until* holds."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    whole = {**os.environ, "PYTHONPATH": path, **(environment or {})}
    with (
        TemporaryFile() as said,
        subprocess.Popen(command, env=whole, cwd=folder, stdout=said, stderr=said) as process,
    ):
        _besides.add(process.pid)
        try:
            if not _comes(until, process):
                said.seek(0)
                raise SkippedError(
                    f"{Path(command[0]).name} did not start: {said.read()[-300:].decode(errors='replace')}"
                )
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            _besides.discard(process.pid)


def _comes(until: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_S
    while not until():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(_STEP_S)
    return True


def answers(port: int, path: str = "/", status: int = 0) -> bool:
    """Tell whether somebody answers there (with that *status*)."""
    try:
        found, _, _ = get(port, path)
    except OSError:
        return False
    return not status or found == status


def get(
    port: int, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@contextmanager
def stand_in(base: str = "real", latency_ms: int = 0) -> Iterator[int]:
    """Run the stand-in for the upstream site; give its port.

    Raises:
        SkippedError: it is not here.

    """
    script = ROOT.parent / "shared" / "upstream" / "serve.py"
    if not script.exists():
        raise SkippedError("needs ../shared/upstream, the stand-in for the upstream site")
    port = free_port()
    own = ["--base", base] if base else []
    command = [
        sys.executable,
        str(script),
        "--port",
        str(port),
        "--latency-ms",
        str(latency_ms),
        *own,
    ]
    with running(command, lambda: answers(port, "/robots.txt")):
        yield port


def cpu_of(work: Callable[[], object]) -> float:
    """Return the seconds of the processor that *work* took, here and in the processes that it uses."""
    before, began = _children(), time.process_time() + _ended()
    work()
    after = _children()
    used = sum(after.values()) - sum(seconds for pid, seconds in before.items() if pid in after)
    gone = sum(seconds for pid, seconds in before.items() if pid not in after)
    return time.process_time() + _ended() - began - gone + used


def _ended() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _children() -> dict[int, float]:
    return {pid: _cpu_s(pid) for pid in children(os.getpid()) if pid not in _besides}


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and that still run."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text().split()
    ]


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (
        sum(map(int, fields[11:15])) / _TICKS
    )  # its own time and that of its children that ended (proc(5))


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
