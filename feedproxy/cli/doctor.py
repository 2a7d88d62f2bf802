"""`feedproxy doctor`: find problems of an installation, and say what to do."""

import errno
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import click

from feedproxy.cli.console import as_json, examples, now, open_services, say
from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError, UpstreamError
from feedproxy.ingest import Services
from feedproxy.model import Channel, Page
from feedproxy.output import Problem, look, of_disk
from feedproxy.parse import parse_listing

# HTTP dates have a resolution of a second, and a response takes some seconds.
_MAX_CLOCK_ERROR = timedelta(minutes=2)
# The name of a check and its result: a text if all is well, otherwise a problem.
_Finding = tuple[str, str | Problem]


@click.command(epilog=examples("doctor", "doctor --offline --json"))
@click.option("--offline", is_flag=True, help="Make no requests to upstream.")
@as_json
@click.pass_obj
def doctor(settings: Settings, *, offline: bool, is_json: bool) -> None:
    """Find what is wrong, and say what to do.

    Checks configuration, store, disk, clock, upstream and schedule. Exits with 0, or with 1 if a
    check fails.
    """
    services = open_services(settings, threading.Event())
    bad = 0
    for name, finding in _examine(services, settings, offline=offline):
        if isinstance(finding, Problem):
            bad += 1
            values = {"ok": False, "check": name, "what": finding.what, "advice": finding.advice}
            say(values, f"BAD  {name}: {finding.what}\n     {finding.advice}", is_json=is_json)
        else:
            say(
                {"ok": True, "check": name, "what": finding},
                f"ok   {name}: {finding}",
                is_json=is_json,
            )
    if bad:
        raise SystemExit(1)


def _examine(services: Services, settings: Settings, *, offline: bool) -> Iterator[_Finding]:
    mirror = services.mirror
    yield (
        "configuration",
        f"{len(mirror.sections)} sections, {len(mirror.channels)} channels in {settings.config}",
    )
    checks = {
        "store": partial(_store, services),
        "disk": partial(_disk, settings),
        "upstream": partial(_upstream, services),
    }
    if offline:
        del checks["upstream"]
    for name, check in (checks | {"schedule": partial(_schedule, services, settings)}).items():
        try:
            yield from check()
        except StoreError as e:  # the other checks still run
            yield (
                name,
                Problem(
                    str(e),
                    "see what is said of disk and store; another process may hold the store, too",
                ),
            )


def _schedule(services: Services, settings: Settings) -> Iterator[_Finding]:
    health = look(services.mirror, services.store, settings.data, now())
    wrong = [
        problem
        for problem in health.problems
        if problem not in of_disk(settings.data, health.bytes_free)
    ]
    if not wrong:
        yield "schedule", "nothing is late, nothing fails"
    for problem in wrong:
        yield "schedule", problem


def _store(services: Services) -> Iterator[_Finding]:
    if fault := services.store.check():
        yield (
            "store",
            Problem(
                f"is damaged: {fault}",
                "stop everything, put the database aside, and restore a backup",
            ),
        )
    else:
        articles, megabytes = (
            services.store.records.sizes()["articles"],
            services.store.records.bytes_held() / 1_000_000,
        )
        yield "store", f"whole, {articles} articles, {megabytes:.0f} MB with pictures"


def _disk(settings: Settings) -> Iterator[_Finding]:
    yield "disk", _room(settings)


def _room(settings: Settings) -> str | Problem:
    probe = settings.data / ".doctor"
    try:
        free = shutil.disk_usage(settings.data).free
        try:
            probe.write_text("x", "utf-8")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as e:
        is_full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = (
            "make room"
            if is_full
            else "give this user access to it, or set FEEDPROXY_DATA to another folder"
        )
        return Problem(
            f"{settings.data} can't be written: {(e.strerror or str(e)).lower()}", advice
        )
    scarce = next(of_disk(settings.data, free), None)
    return scarce or f"{free / 1_000_000_000:.1f} GB are free in {settings.data}"


def _upstream(services: Services) -> Iterator[_Finding]:
    """Request the first configured listing of each site."""
    first = {channel.site.name: channel for channel in reversed(services.mirror.channels)}
    for channel in first.values():
        try:
            page = services.fetcher.fetch(channel.url)
            count = len(parse_listing(page, channel.site, channel.kind).items)
        except UpstreamError as e:
            yield f"upstream {channel.site.name}", Problem(str(e), _advice(channel))
            continue
        yield f"upstream {channel.site.name}", f"{channel.url} lists {count} articles"
        yield "clock", _clock(page)


def _advice(channel: Channel) -> str:
    return (
        f"see what comes: feedproxy check {channel.url}; "
        "if the site is blocked here, name a proxy by FEEDPROXY_PROXY; "
        f"if it has changed, mend config/sites/{channel.site.name}.toml"
    )


def _clock(page: Page) -> str | Problem:
    if page.sent is None:
        return "upstream tells no time to compare with"
    error = now() - page.sent
    if abs(error) > _MAX_CLOCK_ERROR:
        return Problem(
            f"differs from upstream's by {error}",
            "set the clock, and have it kept: timedatectl set-ntp true",
        )
    return "agrees with upstream's"
