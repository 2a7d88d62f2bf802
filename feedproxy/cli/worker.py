"""`feedproxy worker` and `feedproxy beat`: distribute polling over several machines by a broker."""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import replace
from types import ModuleType

import click

from feedproxy.cli.console import GRACE_S, examples, open_services
from feedproxy.cli.poll import run_poller
from feedproxy.configuration.settings import PREFIX, Settings
from feedproxy.errors import ConfigError
from feedproxy.ingest import Dispatcher, Services
from feedproxy.processes import cores

_log = logging.getLogger(__name__)


@click.command(epilog=examples("worker", "worker --processes 4"))
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=cores(),
    show_default="processors",
    help="How many.",
)
@click.pass_obj
def worker(settings: Settings, processes: int) -> None:
    """Do what `feedproxy beat` sends through FEEDPROXY_BROKER_URL: polls, articles, pictures.

    Any number may run, on any machines with the same configuration, store and FEEDPROXY_REDIS_URL.
    On SIGTERM what is being done ends, or is given back. Ends with 0 then.
    """
    tasks = _open_tasks(settings)
    # without a lock, because a process that is killed would never release it
    stopping = multiprocessing.RawValue(ctypes.c_bool)

    def open_own_kit() -> Services:
        return replace(
            open_services(settings, threading.Event(), shares_lock=True),
            is_stopping=lambda: bool(stopping.value),
        )

    def on_stop() -> None:
        stopping.value = True
        # SIGQUIT ends tasks that are still running after the grace period
        late = threading.Timer(GRACE_S, os.kill, (os.getpid(), signal.SIGQUIT))
        late.daemon = True
        late.start()

    _log.info("working in %d processes", processes)
    sys.exit(tasks.work(settings.broker_url, open_own_kit, processes, on_stop))


@click.command(epilog=examples("beat"))
@click.pass_obj
def beat(settings: Settings) -> None:
    """Send what is due to the workers, through FEEDPROXY_BROKER_URL; fetch nothing.

    Of several, and of pollers, over one store one leads, and the others wait to take over. Ends
    with 0 when it is told to.
    """
    run_poller(settings, Dispatcher(_open_tasks(settings).CeleryQueue(settings.broker_url)).step)


def _open_tasks(settings: Settings) -> ModuleType:
    """Return the module `tasks`, which needs a broker and an optional library."""
    if not settings.broker_url:
        raise ConfigError(
            "environment",
            PREFIX + "BROKER_URL",
            "is needed: redis://... or amqp://...; without one: feedproxy poll",
        )
    if not settings.redis_url:
        _log.warning(
            "FEEDPROXY_REDIS_URL is not set: "
            "budgets of hosts hold for this machine only in what is sent at once"
        )
    try:
        from feedproxy import tasks  # noqa: PLC0415
    except ImportError as e:
        raise ConfigError(
            "environment", PREFIX + "BROKER_URL", f"needs what requirements-scale.txt holds: {e}"
        ) from e
    for library in ("celery", "kombu", "amqp"):
        logging.getLogger(library).setLevel(logging.ERROR)
    return tasks
