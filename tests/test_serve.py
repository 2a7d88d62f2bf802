"""`feedproxy serve`: the processes start together and end together, however one of them ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from newsroom import HOST, STORIES, Newsroom, write_config
from serving import free_port

ROOT = Path(__file__).resolve().parents[1]


class Serving:
    """A running `feedproxy serve`; all its processes write to one pipe, which ends when the last of them has ended."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self.port, self.base = port, f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "feedproxy", "serve"]
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=environment["TMPDIR"],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.survived = threading.Event()

    def read_until(self, *texts: str) -> None:
        """Read what is written until all of *texts* have been."""
        assert self.process.stderr
        missing = set(texts)
        for line in self.process.stderr:
            missing -= {text for text in missing if text in line}
            if not missing:
                return
        raise AssertionError(f"ended without {missing}")

    def wait_for_all(self) -> str:
        """Return what was written until every process had ended; what survives is killed, and fails the test."""
        assert self.process.stderr
        guard = threading.Timer(30, self._kill_survivors)
        guard.start()
        rest = self.process.stderr.read()
        guard.cancel()
        self.process.wait(30)
        assert not self.survived.is_set()
        return str(rest)

    def _kill_survivors(self) -> None:
        self.survived.set()
        os.killpg(self.process.pid, signal.SIGKILL)

    def child(self, part: str) -> int:
        """Return the process ID of the child whose command line holds *part*."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in tasks.read_text().split():
            if part.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        raise AssertionError(f"no child with {part!r}")

    def get(self, path: str) -> tuple[int, str, str]:
        with urllib.request.urlopen(self.base + path, timeout=20) as answer:
            return answer.status, answer.headers["ETag"], answer.read().decode()


@pytest.fixture
def serving(newsroom: Newsroom, tmp_path: Path) -> Iterator[Serving]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "FEEDPROXY_CONFIG": str(write_config(tmp_path / "config")),
        "FEEDPROXY_DATA": str(tmp_path / "var"),
        "FEEDPROXY_BIND": f"127.0.0.1:{port}",
        "FEEDPROXY_ORIGINS": f"{HOST}={newsroom.origin}",
    }
    running = Serving(environment, port)
    yield running
    running.process.kill()
    running.wait_for_all()
    if running.process.stderr:
        running.process.stderr.close()


def kill_supervisor(serving: Serving) -> None:
    serving.process.kill()


def kill_web(serving: Serving) -> None:
    os.kill(serving.child("gunicorn"), signal.SIGKILL)


def stop(serving: Serving) -> None:
    serving.process.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc and parent-death signal")
@pytest.mark.parametrize("end", [stop, kill_supervisor, kill_web])
def test_it_serves_what_it_polls_and_all_ends_together(
    serving: Serving, end: Callable[[Serving], None]
) -> None:
    serving.read_until("books 读书: 1 new", "Listening at")
    answers = [serving.get("/feed/town.xml") for _ in range(8)]
    assert {status for status, _, _ in answers} == {200}
    assert len({(tag, body) for _, tag, body in answers}) == 1
    assert STORIES[3].text in answers[0][2]
    end(serving)
    serving.wait_for_all()
    with pytest.raises(OSError, match=r"refused"):
        serving.get("/healthz")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")
def test_a_poller_that_ends_is_started_again(serving: Serving) -> None:
    serving.read_until("books 读书: 1 new")
    os.kill(serving.child("poll"), signal.SIGKILL)
    serving.read_until("the poller exited with -9; restarting it")
    serving.read_until("polling 2 channels")
    stop(serving)
    assert "Traceback" not in serving.wait_for_all()


SLOW = {
    "headers": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "bodies": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx",
    "readers": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50,
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_hold_up_nobody(serving: Serving, kind: str) -> None:
    serving.read_until("Booting worker")
    with ExitStack() as connections:
        for _ in range(100):
            slow = connections.enter_context(
                socket.create_connection(("127.0.0.1", serving.port), 20)
            )
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            slow.sendall(SLOW[kind])
        for _ in range(5):
            assert serving.get("/healthz")[0] == 200
