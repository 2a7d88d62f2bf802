"""Pools of processes that end when the one that began them has, however it did. Knows nothing of what they do."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool_of(count: int, begin: Callable[..., None], *arguments: object) -> ProcessPoolExecutor:
    """Return a pool of *count* processes, each of which calls *begin* with *arguments* first; they are begun with the first job.

    They are spawned, as neither threads nor connections of a database may cross a fork; once they have begun, only this process
    hears of Ctrl-C. One whose parent has ended does when its job leaves the interpreter to it.
    """
    return ProcessPoolExecutor(count, get_context("spawn"), _begin, (begin, arguments))


def _begin(begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*arguments)


def _end_with_parent() -> None:
    """Wait for the parent's end (not by prctl(2), which ends a process with the thread that began it)."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
