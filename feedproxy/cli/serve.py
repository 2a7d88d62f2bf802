"""`feedproxy serve`: run the web server and the poller as child processes that end together."""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

import click

from feedproxy.cli.console import examples
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import PREFIX, Settings
from feedproxy.errors import ConfigError
from feedproxy.store import open_store

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_GRACE_S = 10.0
_STEP_S = 0.5
# Delays before an ended poller is started again: the first one, doubled up to the longest one. A
# poller that ran for longer than that starts with the first one again.
_RESTART_S = (1.0, 60.0)
_POLLER = [sys.executable, "-m", "feedproxy", "poll"]
WEB = [sys.executable, "-m", "gunicorn", "--config", "python:feedproxy.web.server"]


@click.command(epilog=examples("serve", "FEEDPROXY_BIND=0.0.0.0:8080 feedproxy serve"))
@click.pass_obj
def serve(settings: Settings) -> None:
    """Start the web side and the poller.

    The web side runs under gunicorn at FEEDPROXY_BIND. With FEEDPROXY_BROKER_URL only the web side
    is started; `feedproxy scheduler` and `feedproxy worker` poll. Web side and poller end together.
    Exits with 0 on SIGTERM, else with gunicorn's exit code.
    """
    load_mirror(settings.config)
    _check_bind(settings.bind)
    open_store(settings.store_url, settings.data).close()
    os.environ[PREFIX + "CONFIG"] = str(settings.config)
    web, poller = start(WEB), None if settings.broker_url else start(_POLLER)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    wait_s, started = _RESTART_S[0], time.monotonic()
    try:
        while web.poll() is None:
            time.sleep(_STEP_S)
            if poller is None or poller.poll() is None:
                continue
            wait_s = (
                _RESTART_S[0]
                if time.monotonic() - started > _RESTART_S[1]
                else min(2 * wait_s, _RESTART_S[1])
            )
            _log.error(
                "the poller exited with %s; restarting it in %g s", poller.returncode, wait_s
            )
            time.sleep(wait_s)
            poller, started = start(_POLLER), time.monotonic()
        _log.error("the web side exited with %s", web.returncode)
    finally:
        _end(*filter(None, (poller, web)))
    sys.exit(web.returncode)


def _check_bind(bind: str) -> None:
    """Check, before anything is started, that the web server can bind its address."""
    host, _, port = bind.rpartition(":")
    try:
        with socket.create_server(
            (host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ):
            pass
    except OSError as e:
        raise ConfigError(
            "environment", PREFIX + "BIND", f"{bind} can't be had: {(e.strerror or str(e)).lower()}"
        ) from e


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that ends when this one does."""
    # In a process group of its own it does not receive Ctrl-C; this process then ends it orderly.
    return subprocess.Popen(command, preexec_fn=_die_with_parent, process_group=0)  # noqa: PLW1509, S603 (no threads run here; the commands are our own)


def _die_with_parent() -> None:
    """Make the kernel kill this process when its parent ends for any reason.

    This is prctl(2) on Linux; elsewhere it does nothing.
    """
    if sys.platform == "linux":
        # SIGKILL, because Python handles SIGTERM only after a busy parser returns
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _end(*children: subprocess.Popen[bytes]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _GRACE_S
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
