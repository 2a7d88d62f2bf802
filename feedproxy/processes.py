"""Process pools that end when their parent process ends, for any reason."""

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
    """Return a pool of *count* processes, each of which calls *begin* with *arguments* first.

    The processes start with the first job. They are spawned, as neither threads nor database
    connections may cross a fork. They ignore Ctrl-C, which the parent handles. If the parent ends,
    each of them exits as soon as its job releases the interpreter lock.
    """
    return ProcessPoolExecutor(count, get_context("spawn"), _begin, (begin, arguments))


def _begin(begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*arguments)


def _end_with_parent() -> None:
    """Exit when the parent process ends.

    prctl(2) would exit already when the thread ends that started this process.
    """
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
