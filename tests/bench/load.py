"""Load on a web server: wrk where it is installed, else a few threads with sockets of their own."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

# In so many shares, one after the other: of what comes at once the worker that wakes first takes most, of 8 often 6, and at times
# all of 64, and the server is a third as fast.
CONNECTIONS, _SHARES, _APART_S = 64, 4, 0.05
# Each request another path, from a file; every thread begins at the top.
_LUA = """
local paths, n = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() n = n + 1; return wrk.format("GET", paths[(n - 1) %% #paths + 1]) end
"""
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
_BAD = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)
_ERRORS = re.compile(
    r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$", re.MULTILINE
)


class LoadError(Exception):
    """The server did not bear what was asked."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many requests a second were answered, and how many failed in all."""

    per_s: float
    failures: int


def parse_wrk(text: str) -> Load:
    """Return what wrk says.

    Raises:
        LoadError: it says nothing.

    """
    rate = _RATE.search(text)
    if rate is None:
        raise LoadError(f"wrk said: {text}")
    numbers = [
        int(number)
        for found in (_BAD.search(text), _ERRORS.search(text))
        if found
        for number in found.groups()
    ]
    return Load(float(rate[1]), sum(numbers))


def requests_per_s(
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    seconds: float,
    work: Path,
    connections: int = CONNECTIONS,
) -> float:
    """Return how many requests a second are answered; each asks for the next of *paths*.

    Raises:
        LoadError: one of them failed.

    """
    wrk = shutil.which("wrk")
    if wrk:
        done = _by_wrk(wrk, port, paths, headers, seconds, work, connections)
    else:
        done = by_threads(port, paths, headers, seconds, connections=connections)
    if done.failures:
        raise LoadError(f"{done.failures} requests for {paths[0]} failed")
    return done.per_s


def _by_wrk(
    wrk: str,
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    seconds: float,
    work: Path,
    connections: int,
) -> Load:
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    if len(paths) > 1:
        listed, script = work / "paths.txt", work / "paths.lua"
        listed.write_text("\n".join(paths) + "\n")
        script.write_text(_LUA % listed)
        options += ["-s", str(script)]
    address = f"http://127.0.0.1:{port}{paths[0]}"
    shares = min(_SHARES, connections)
    command = [
        wrk,
        "-t1",
        f"-c{connections // shares}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "60s",
        *options,
        address,
    ]
    with ExitStack() as stack:
        begun: list[subprocess.Popen[str]] = []
        for _ in range(shares):
            begun.append(
                stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            )
            time.sleep(_APART_S)
        done = [parse_wrk(each.communicate()[0]) for each in begun]
    return Load(sum(each.per_s for each in done), sum(each.failures for each in done))


def by_threads(
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    seconds: float = 0,
    total: int = 0,
    connections: int = CONNECTIONS,
) -> Load:
    """Ask for *seconds*, or *total* times, each time for the next path."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode() for path in paths
    ]
    numbers, began = count(), time.monotonic()
    done: list[int] = []
    failed: list[int] = []

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            while (number := next(numbers)) < total or (
                not total and time.monotonic() - began < seconds
            ):
                connection.sendall(requests[number % len(requests)])
                status = read_status(connection)
                (done if 200 <= status < 400 else failed).append(status)

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(len(done) / (time.monotonic() - began), len(failed))


def read_status(connection: socket.socket) -> int:
    """Read one answer to its end; return its status, 0 if it breaks off."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65_536)
        if not more:
            return 0
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    missing = (int(length[1]) if length and status != 304 else 0) - len(body)
    while missing > 0:
        more = connection.recv(65_536)
        if not more:
            return 0
        missing -= len(more)
    return status
