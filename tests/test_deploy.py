"""What `config/deploy/` starts and sets is what there is."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml  # type: ignore[import-untyped] # comes with moto; its types would be one more package
from serving import free_port, nginx_site, serving

from feedproxy.cli import cli
from feedproxy.configuration.settings import PREFIX, Settings

DEPLOY = Path(__file__).resolve().parents[1] / "config" / "deploy"
ROOT = DEPLOY.parents[1]
FILES = sorted(file for file in DEPLOY.iterdir() if file.suffix != ".json")
PROSE = {"feedproxy", "image", "does"}
UNITS = sorted(DEPLOY.glob("*.service"))
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "MemoryDenyWriteExecute": "yes",
    "RestrictNamespaces": "yes",
    "StateDirectory": "feedproxy",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_and_every_command_that_is_named_exists(file: Path) -> None:
    text = file.read_text("utf-8")
    variables = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+)", text)}
    known = set(Settings.model_fields)
    assert {
        name for name in variables if name not in known and name.removesuffix("_file") not in known
    } == set()
    commands = set(re.findall(r"\bfeedproxy ([a-z]+)\b", text.replace('", "', " ")))
    assert commands - PROSE - set(cli.commands) == set()


def compose(name: str) -> dict[str, Any]:
    found = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["compose.yml", "compose.scale.yml"])
def test_services_of_ours_run_as_nobody_else_over_what_is_declared(name: str) -> None:
    whole = compose(name)
    ours = {key: service for key, service in whole["services"].items() if "build" in service}
    assert ours
    for key, service in whole["services"].items():
        named = {
            volume.partition(":")[0]
            for volume in service.get("volumes", ())
            if volume[0] not in "./"
        }
        assert named <= set(whole.get("volumes") or ())
        assert set(service.get("secrets", ())) <= set(whole.get("secrets") or ())
        assert set(service.get("depends_on", ())) <= set(whole["services"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source[0] != "." or (DEPLOY / source).exists(), f"{key}: {source}"
    for service in ours.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "no-new-privileges:true" in service["security_opt"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile, each on one line."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in joined.splitlines():
        if line:
            yield line.partition(" ")[0], line.partition(" ")[2]


def test_the_image_is_made_of_what_is_locked_and_runs_as_nobody() -> None:
    found = list(instructions((DEPLOY / "Dockerfile").read_text("utf-8")))
    installs = [
        part
        for name, rest in found
        if name == "RUN"
        for part in rest.split("&&")
        if "pip install" in part
    ]
    assert len(installs) == 3
    for install in installs:
        assert (
            "--require-hashes" in install
            or shlex.split(install)[-3:] == ["--no-build-isolation", "."]
            or "--no-deps" in install
        )
    assert [rest for name, rest in found if name == "USER"] == ["10001"]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for name, rest in found
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def unit_of(file: Path) -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names have capitals
    parser.read(file, "utf-8")
    return dict(parser["Service"])


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_units_are_hardened_and_start_what_there_is(file: Path) -> None:
    unit = unit_of(file)
    assert {name: unit.get(name) for name in HARDENED} == HARDENED
    program, *arguments = shlex.split(unit["ExecStart"])
    if program.endswith("/feedproxy"):
        assert arguments[0] in cli.commands
    else:
        assert arguments == ["--config", "python:feedproxy.web.server"]


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    rules = [rule for group in compose("alerts.yml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "advice"}


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (Debian package prometheus)"
)
def test_prometheus_takes_the_alerts() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", DEPLOY / "alerts.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="needs nginx (Debian package nginx)"
)


@needs_nginx
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    site = nginx_site(tmp_path, 8000, f"unix:{tmp_path}/socket")
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {site}; }}"
    (tmp_path / "nginx.conf").write_text(whole, "utf-8")
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@contextmanager
def running_nginx(
    folder: Path, upstream_port: int, port: int, told: list[str] | None = None
) -> Iterator[None]:
    """Run nginx with the shipped configuration; *told* gets what it writes to stderr."""
    site = nginx_site(folder, upstream_port, f"127.0.0.1:{port}")
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; daemon off; {user} error_log stderr notice; events {{}}\n"
        f"http {{ access_log {folder}/access.log; error_log {folder}/error.log info; include {site}; }}",
        "utf-8",
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    lines = told if told is not None else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as nginx:
        assert nginx.stderr
        lines.append(next(line for line in nginx.stderr if "start worker process " in line))
        try:
            yield
        finally:
            nginx.send_signal(signal.SIGQUIT)
            lines += nginx.stderr


class Counting(BaseHTTPRequestHandler):
    """An application that counts its requests; it lets caches keep what does not begin with /private."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        scope = "private" if self.path.startswith("/private") else "public"
        body = f"{self.path} {self.headers.get('Accept-Encoding', '')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", f"{scope}, max-age=60, stale-if-error=86400")
        self.send_header("Vary", "Accept-Encoding, Sec-Fetch-Dest")
        self.send_header("ETag", '"tag"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def ask(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Return status and body of a request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


@needs_nginx
def test_nginx_keeps_public_responses_by_coding_and_serves_them_while_the_application_is_away(
    tmp_path: Path,
) -> None:
    port, application = free_port(), ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    Counting.asked.clear()
    with running_nginx(tmp_path, application.server_port, port):
        with serving(application):
            for _ in range(2):
                assert ask(port, "/a", Accept_Encoding="gzip, br") == (200, "/a br")
                assert ask(port, "/a", Accept_Encoding="br;q=1, deflate") == (200, "/a br")
                assert ask(port, "/a", Accept_Encoding="gzip") == (200, "/a gzip")
                assert ask(port, "/a", Accept_Encoding="gzip", Sec_Fetch_Dest="document")[0] == 200
                assert ask(port, "/a", Accept_Encoding="gzip", If_None_Match='"tag"')[0] == 304
                assert ask(port, "/private")[0] == 200
        assert Counting.asked.count("/a") == 3
        assert Counting.asked.count("/private") == 2
        assert ask(port, "/a", Accept_Encoding="gzip") == (200, "/a gzip")
        assert ask(port, "/private")[0] >= 500


KEY, WORDS = "bridge-and-river-1", "wanted-words"
REQUESTS = (
    f"GET /search?q={WORDS}&key={KEY} HTTP/1.1\r\nHost: mirror.example\r\n\r\n",
    f"GET /media/aa{'b' * 30}.webp?key={KEY} HTTP/1.1\r\nHost: {WORDS}.example\r\n\r\n",
    f"GET /../{WORDS}?key={KEY} HTTP/1.1\r\nHost: mirror.example\r\n\r\n",
    f"GET /?key={KEY} HTTP/1.1\r\nHost: {WORDS}\r\nHost: {WORDS}\r\n\r\n",
    f"{WORDS} /?key={KEY}\r\n\r\n",
    f"GET /?key={KEY}&q={WORDS * 2000} HTTP/1.1\r\nHost: mirror.example\r\n\r\n",
    f"POST /?key={KEY} HTTP/1.1\r\nHost: mirror.example\r\nReferer: /{WORDS}\r\nContent-Length: 99999999\r\n\r\n",
    f"POST /?key={KEY} HTTP/1.1\r\nHost: mirror.example\r\nContent-Length: 99\r\n\r\n{WORDS}",
)


@needs_nginx
def test_no_log_of_nginx_says_who_reads_what(tmp_path: Path) -> None:
    port, told = free_port(), list[str]()
    with running_nginx(tmp_path, free_port(), port, told):
        for request in REQUESTS:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(request.encode())
                with suppress(OSError):  # the server may have hung up already
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(100)
    logs = (tmp_path / "access.log", tmp_path / "error.log")
    lines = "".join((*told, *(log.read_text("utf-8") for log in logs)))
    assert [
        word for word in (KEY, WORDS, "client: ", "127.0.0.1", "mirror.example") if word in lines
    ] == []
