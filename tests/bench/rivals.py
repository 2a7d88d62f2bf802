"""Row 13: what a user would pick instead, on the same stand-in."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import free_port

from bench.load import LoadError, requests_per_s
from bench.measure import Result, SkippedError, alternate, at_least, at_most
from bench.processes import answers, get, running, stand_in
from bench.rendering import make_ready
from bench.stores import SMALL, Setup, bench_store, config_of, origins, services_of, store_of
from bench.web import GZIP, serving
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller
from feedproxy.output import RenderContext, selector_of

_LATENCY_MS = 50
_ARTICLES = 20
_INSTALL_S = 180
# Its workers answer one after the other, a tenth of a second each; more only wait.
_THEIR_CONNECTIONS = 8
# All articles of the feed in full, however long it takes; its defaults stop after five.
_WHOLE = {"MAX_ITEM": "50", "MAX_TIME": "60", "LIM_ITEM": "50", "LIM_TIME": "60"}


def morss(setup: Setup) -> Iterator[Result]:
    """Measure row 13."""
    binary = _install(setup.cache / "morss")
    with bench_store(store_of(setup, SMALL)) as small:
        section = small.section.name
        channel = max(small.section.channels, key=lambda channel: small.store.count(channel.id)).id
        with stand_in("") as upstream, _morss(binary) as other, serving(small.settings) as port:
            theirs = f"/http://127.0.0.1:{upstream}/gb/{channel}.xml"
            ours = f"/feed/{section}/{channel}.xml"
            full = _length(other, theirs)
            get(port, ours, GZIP)
            try:
                pairs = alternate(
                    lambda: requests_per_s(port, [ours], GZIP, setup.seconds, setup.work),
                    lambda: requests_per_s(
                        other, [theirs], {}, 3 * setup.seconds, setup.work, _THEIR_CONNECTIONS
                    ),
                    setup.rounds,
                )
            except LoadError as e:
                raise SkippedError(f"morss: {e}") from e
    raw = pairs.raw("/s", theirs="morss") + f"; its feed has {full:,} bytes"
    yield Result(
        "13",
        "warm full-text feed beside morss, requests per second",
        at_least(1000),
        pairs.ratio,
        raw,
    )
    pairs = alternate(
        lambda: _our_cold(setup, section, channel),
        lambda: _their_cold(binary, channel),
        setup.rounds,
    )
    raw = pairs.raw("s", theirs="morss") + f"; {_LATENCY_MS} ms latency, no pictures"
    yield Result("13", f"cold, to a feed of {_ARTICLES} articles", at_most(0.5), pairs.ratio, raw)


def _our_cold(setup: Setup, section: str, channel_id: str) -> float:
    """Return the seconds from an empty store to a channel's feed."""
    config = config_of(setup.folder("cold-config"), images="none")
    with stand_in(latency_ms=_LATENCY_MS) as port:
        settings = Settings(
            config=config,
            data=setup.folder("cold"),
            origins=origins(port),
            public_url="http://127.0.0.1:8000",
        )
        with services_of(settings) as services:
            channel = next(each for each in services.mirror.channels if each.id == channel_id)
            selector = selector_of(services.mirror, section, channel_id)
            assert selector
            began = time.monotonic()
            report = ChannelPoller(services).poll(channel)
            make_ready(
                RenderContext(services.mirror, services.store, settings.public_url), [selector]
            )
            seconds = time.monotonic() - began
            assert report.new == _ARTICLES, f"{report.new} articles came"
    return seconds


def _their_cold(binary: Path, channel: str) -> float:
    """Return the seconds of the first request to a morss that has just been started."""
    with stand_in("", latency_ms=_LATENCY_MS) as upstream, _morss(binary) as port:
        began = time.monotonic()
        _length(port, f"/http://127.0.0.1:{upstream}/gb/{channel}.xml")
        return time.monotonic() - began


def _length(port: int, path: str) -> int:
    status, _, body = get(port, path)
    if status != 200:
        raise SkippedError(f"morss answered {status}")
    return len(body)


@contextmanager
def _morss(binary: Path) -> Iterator[int]:
    """Run morss under gunicorn, in as many processes as ours; give its port. In threads some of its answers are errors."""
    port = free_port()
    size = ["--workers", "2", "--timeout", "120", "--log-level", "error", "--no-control-socket"]
    command = [str(binary / "gunicorn"), *size, "--bind", f"127.0.0.1:{port}", "morss:application"]
    with running(command, lambda: answers(port), _WHOLE, binary):
        yield port


def _install(folder: Path) -> Path:
    """Return where morss is, in a virtual environment of its own.

    Raises:
        SkippedError: it can't be installed.

    """
    binary = folder / "bin"
    if not (binary / "whole").exists():
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [
                str(binary / "pip"),
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "morss",
                "gunicorn",
            ],
        )
        for command in commands:
            try:
                subprocess.run(
                    command,
                    check=True,
                    capture_output=True,
                    timeout=_INSTALL_S,
                    env=dict(os.environ),
                )
            except (subprocess.SubprocessError, OSError) as e:
                raise SkippedError("morss can't be installed from PyPI here") from e
        (binary / "whole").touch()
    return binary
