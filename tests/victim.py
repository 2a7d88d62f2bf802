"""Runs a command of the program that kills itself at its n-th step that may change something on disk; 0: never.

`python victim.py NUMBER FILE COMMAND...` writes how many such steps there were to FILE, if it comes to its end.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from feedproxy.cli import main

# Functions in C: statements of SQLite, and what changes files and folders.
STEPS = frozenset(
    (
        "execute",
        "executemany",
        "fsync",
        "write",
        "link",
        "mkdir",
        "rename",
        "replace",
        "rmdir",
        "unlink",
    )
)


def run(number: int, told: Path) -> None:
    """Run the command that is named by the arguments."""
    steps = 0

    def profile(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal steps
        if event == "c_call" and called.__name__ in STEPS:
            steps += 1
            if steps == number:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        main()
    finally:
        sys.setprofile(None)
        told.write_text(str(steps), "utf-8")


if __name__ == "__main__":
    at, file = int(sys.argv.pop(1)), Path(sys.argv.pop(1))
    run(at, file)
