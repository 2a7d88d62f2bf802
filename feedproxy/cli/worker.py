"""`feedproxy worker` and `feedproxy scheduler`: poll on several machines, through a broker."""

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
    help="Number of worker processes.",
)
@click.pass_obj
def worker(settings: Settings, processes: int) -> None:
    """Run the tasks that `feedproxy scheduler` sends.

    Takes them from the broker at FEEDPROXY_BROKER_URL. Any number of workers may run, on any
    machines with the same configuration, store and FEEDPROXY_REDIS_URL. On SIGTERM running tasks
    are finished or returned to the queue. Exits with 0.
    """
    tasks = _open_tasks(settings)
    # without a lock, because a process that is killed would never release it
    stopping = multiprocessing.RawValue(ctypes.c_bool)

    def open_own_services() -> Services:
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

    _log.info("running tasks in %d processes", processes)
    sys.exit(tasks.work(settings.broker_url, open_own_services, processes, on_stop))


@click.command(epilog=examples("scheduler"))
@click.pass_obj
def scheduler(settings: Settings) -> None:
    """Send due tasks to the workers; fetch nothing.

    Sends them through the broker at FEEDPROXY_BROKER_URL. Of several schedulers and pollers of one
    store one leads; the others wait to take over. Exits with 0 on SIGTERM.
    """
    run_poller(settings, Dispatcher(_open_tasks(settings).CeleryQueue(settings.broker_url)).step)


def _open_tasks(settings: Settings) -> ModuleType:
    """Return the module `tasks`, which needs a broker and an optional library."""
    if not settings.broker_url:
        raise ConfigError(
            "environment",
            PREFIX + "BROKER_URL",
            "is not set: name a broker, redis://... or amqp://..., or run `feedproxy poll` instead",
        )
    if not settings.redis_url:
        _log.warning(
            "FEEDPROXY_REDIS_URL is not set: "
            "each machine limits the simultaneous requests to a host by itself"
        )
    try:
        from feedproxy import tasks  # noqa: PLC0415
    except ImportError as e:
        raise ConfigError(
            "environment",
            PREFIX + "BROKER_URL",
            f"needs the packages of requirements-scale.txt: {e}",
        ) from e
    for library in ("celery", "kombu", "amqp"):
        logging.getLogger(library).setLevel(logging.ERROR)
    return tasks
