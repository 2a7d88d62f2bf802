"""Servers that tests of several machines need: a Redis of their own, RabbitMQ where it runs, an S3 server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from serving import free_port

_PATIENCE_S = 120.0


def wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing answers at port {port}")


def until(is_so: Callable[[], bool], what: str, patience_s: float = 180.0) -> None:
    """Wait for what other processes do."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.3)


@dataclass
class RedisServer:
    """A Redis that can be stopped and started again; it keeps what it held."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        where = f"--port {self.port} --bind 127.0.0.1 --dir {self.folder} --save 3600 1 --loglevel warning"
        self.process = subprocess.Popen(["redis-server", *where.split()], stdout=subprocess.DEVNULL)
        wait_for(self.port)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(_PATIENCE_S)
        self.process = None


@contextmanager
def open_redis(folder: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server, which is not installed here")
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def open_s3() -> Iterator[str]:
    """Give the address of an S3 server that holds nothing."""
    pytest.importorskip("moto", reason="needs moto, which is not installed here")
    port = free_port()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "moto.server",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


@contextmanager
def open_vhost() -> Iterator[str]:
    """Give the address of a virtual host of this test's own at the RabbitMQ that runs here."""
    port = 5672
    with closing(socket.socket()) as probe:
        if shutil.which("rabbitmqctl") is None or probe.connect_ex(("127.0.0.1", port)) != 0:
            pytest.skip(f"needs RabbitMQ at port {port}, and its rabbitmqctl")
    name = f"fp_ce_{os.getpid()}"
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        yield f"amqp://guest:guest@127.0.0.1:{port}/{name}"
    finally:
        rabbitmqctl("delete_vhost", name)


def rabbitmqctl(*arguments: str) -> None:
    """Tell the RabbitMQ that runs here."""
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, stdout=subprocess.DEVNULL)


@dataclass
class Fleet:
    """Processes of one installation, as on several machines: each with a data folder of its own, over one store."""

    folder: Path
    environment: dict[str, str]
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def start(self, name: str, *command: str, **more: str) -> None:
        """Start a command of the program, or start it anew; its children are in its process group."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith("FEEDPROXY_")
        }
        environment = own | {"FEEDPROXY_DATA": str(self.folder / name)} | self.environment | more
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "feedproxy", *command],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill a process and its children, as a machine that loses its power does."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def end(self) -> dict[str, int]:
        """Have all end as they should; return their exit codes, by name."""
        for process in self.processes.values():
            process.terminate()
        try:
            return {name: process.wait(_PATIENCE_S) for name, process in self.processes.items()}
        finally:
            for name in list(self.processes):
                self.kill(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")
