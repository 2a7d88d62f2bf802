"""The task queue on Celery: the leader sends tasks, workers on any machine run them.

The only module that imports Celery. It makes no decisions: `ingest.dispatch` chooses which tasks
are sent, and whether a received task is still to be done.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from celery import Celery, signals
from kombu.exceptions import OperationalError

from feedproxy.errors import StoreError
from feedproxy.ingest import Priority, Services, Task, run_task
from feedproxy.model import ArticleId

_QUEUE = "feedproxy"
_TASK = "feedproxy.task"
# A task that takes longer hangs and is ended. Redis does not notice a lost connection; it delivers
# a message again after the visibility timeout, which is therefore longer than the hard limit.
_SOFT_LIMIT_S, _LIMIT_S, _VISIBLE_S = 540, 600, 900
# A task that fails because the store or Redis is unavailable is retried with exponential back-off,
# at most half a minute between two attempts, until its message expires.
_RETRIES, _MAX_BACKOFF_S = 6, 30
_WAIT_S = 5
# Redis keeps one list per priority and delivers the smallest number first; RabbitMQ delivers the
# largest number first.
_REDIS_STEPS = [0, 3, 6, 9]
_RABBIT_STEPS = [0, 3, 6, 9]


class CeleryQueue:
    """Implements `ingest.dispatch.TaskQueue` with Celery."""

    def __init__(self, broker_url: str) -> None:
        self._app, self._is_redis = _make_app(broker_url), broker_url.startswith("redis")

    def send(self, task: Task, priority: Priority, patience: timedelta) -> None:
        """See `ingest.dispatch.TaskQueue`."""
        arguments = [task.channel, task.claimed.isoformat(), list(task.articles)]
        rank = _REDIS_STEPS[::-1][priority] if self._is_redis else _RABBIT_STEPS[priority]
        with self._telling():
            self._app.send_task(
                _TASK, arguments, expires=patience.total_seconds(), priority=rank, retry=False
            )

    def length(self) -> int:
        """See `ingest.dispatch.TaskQueue`."""
        with self._telling(), self._app.pool.acquire(block=True, timeout=_WAIT_S) as connection:
            connection.ensure_connection(max_retries=1, timeout=_WAIT_S)
            return int(
                self._app.amqp.queues[_QUEUE]
                .bind(connection.default_channel)
                .queue_declare()
                .message_count
            )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        broker = self._app.connection_for_write()
        try:
            yield
        except (OperationalError, OSError, *broker.connection_errors, *broker.channel_errors) as e:
            raise StoreError(f"broker: {broker.as_uri()} can't be reached: {e}") from e


def work(
    broker_url: str,
    open_services: Callable[[], Services],
    processes: int,
    on_stop: Callable[[], None],
) -> int:
    """Run tasks from the queue in *processes* worker processes until SIGTERM.

    Return the exit code. *open_services* is called once in each worker process. *on_stop* is called
    in the parent process when shutdown begins and running tasks are to finish.
    """
    app, services = _make_app(broker_url), list[Services]()

    @app.task(name=_TASK, bind=True, max_retries=_RETRIES)  # type: ignore[untyped-decorator]
    def run(message: Any, channel: str, claimed: str, articles: list[str]) -> None:  # noqa: ANN401 (Celery has no types)
        try:
            if not services:  # connections must not cross a fork
                services.append(open_services())
            run_task(
                services[0],
                Task(channel, datetime.fromisoformat(claimed), tuple(map(ArticleId, articles))),
            )
        except StoreError as e:
            again_s = min(2 ** (message.request.retries + 1), _MAX_BACKOFF_S)
            logging.getLogger(__name__).warning(
                "%s; %s is tried again in %d s", e, channel, again_s
            )
            raise message.retry(exc=e, countdown=again_s) from e

    def set_up(**_: object) -> None:
        """Do nothing: Celery leaves logging alone when this signal has a receiver."""

    def stop(**_: object) -> None:
        on_stop()

    signals.setup_logging.connect(set_up, weak=False)
    signals.worker_shutting_down.connect(stop, weak=False)
    worker = app.Worker(
        concurrency=processes,
        pool="prefork",
        without_mingle=True,
        without_gossip=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _make_app(broker_url: str) -> Celery:
    """Return the Celery application; this does not connect to the broker."""
    app = Celery("feedproxy", broker=broker_url, set_as_current=False)
    is_redis = broker_url.startswith("redis")
    redis_options = {
        "visibility_timeout": _VISIBLE_S,
        "queue_order_strategy": "priority",
        "priority_steps": _REDIS_STEPS,
        "socket_connect_timeout": _WAIT_S,
        "socket_timeout": 2 * _WAIT_S,
        "global_keyprefix": "feedproxy:broker:",
    }
    app.conf.update(
        task_default_queue=_QUEUE,
        task_queue_max_priority=_RABBIT_STEPS[-1],
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=_SOFT_LIMIT_S,
        task_time_limit=_LIMIT_S,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_timeout=_WAIT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=redis_options if is_redis else {"confirm_publish": True},
        enable_utc=True,
    )
    return app
