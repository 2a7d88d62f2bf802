"""Rows 1 to 4 and 14: the web side beside the least that could answer, and through nginx."""

import gzip
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from getpass import getuser
from grp import getgrgid
from pathlib import Path
from statistics import median

from serving import free_port, nginx_site

from bench.load import by_threads, requests_per_s
from bench.measure import TOLD, Pairs, Result, SkippedError, alternate, at_least
from bench.processes import answers, get, running, tool
from bench.stores import SMALL, BenchStore, Setup, bench_store, store_of
from feedproxy.cli.serve import WEB
from feedproxy.configuration.settings import PREFIX, Settings
from feedproxy.output import RenderContext

GZIP = {"Accept-Encoding": "gzip"}
# As many as the cache of a worker keeps in two codings.
_PAGES = 1_000
# More than the cache of a worker keeps.
_THROUGH_NGINX = 10_000
# What any application says of such an answer; what ours says besides is its own cost.
_SAID = ("Content-Type", "Content-Encoding", "Content-Length", "ETag")
# Headers that nginx makes by itself for a file.
_OWN = {
    *("Server", "Date", "Connection", "Content-Type", "Content-Length", "Content-Encoding"),
    *("ETag", "Last-Modified", "Vary"),
}
_THREE_LINES = """
from pathlib import Path
BODY = Path(__file__).with_name("body").read_bytes()
def app(environ, start_response):
    start_response({status!r}, {headers!r})
    return [BODY]
"""
_NGINX = """
user {user}; worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e; keepalive_requests 1000000;
  {site}
}}
"""
_FILES = """
  gzip_static on; etag on; sendfile on; types {{ application/rss+xml xml; text/html html md; }}
  server {{ listen 127.0.0.1:{port}; root {root}; {headers} }}
"""


def feed(setup: Setup) -> Iterator[Result]:
    """Measure row 1."""
    with bench_store(store_of(setup, SMALL)) as small, serving(small.settings) as port:
        path = feed_path(small)
        pairs = _beside_three_lines(setup, small.settings, port, [path], GZIP)
    yield Result(
        "1", f"GET {path}, gzip", at_least(0.75), pairs.ratio, pairs.raw("/s", theirs="three lines")
    )


def not_modified(setup: Setup) -> Iterator[Result]:
    """Measure row 2."""
    with bench_store(store_of(setup, SMALL)) as small, serving(small.settings) as port:
        path = feed_path(small)
        _, headers, _ = get(port, path, GZIP)
        known = {**GZIP, "If-None-Match": headers["ETag"]}
        pairs = _beside_three_lines(setup, small.settings, port, [path], known, 304)
    yield Result(
        "2",
        "the same with If-None-Match",
        at_least(0.75),
        pairs.ratio,
        pairs.raw("/s", theirs="three lines"),
    )


def pages(setup: Setup) -> Iterator[Result]:
    """Measure row 3."""
    articles, most = (SMALL, 500) if setup.is_quick else (setup.large, _PAGES)
    with bench_store(store_of(setup, articles)) as large, serving(large.settings) as port:
        paths = page_paths(large, most)
        warm(port, paths)
        pairs = _beside_three_lines(setup, large.settings, port, paths, GZIP)
    what = f"an article page, of {len(paths):,} that are asked for again and again"
    yield Result("3", what, at_least(0.4), pairs.ratio, pairs.raw("/s", theirs="three lines"))


def past_python(setup: Setup) -> Iterator[Result]:
    """Measure row 4."""
    tool("nginx")  # before the export, which takes long
    port = free_port()
    with bench_store(store_of(setup, SMALL)) as small, ExitStack() as open_things:
        path, root = feed_path(small), _export(small.settings, setup.folder("html") / "export")
        feed_file = next(
            (
                file
                for file in (root / path[1:], root / small.section.name / path[1:])
                if file.exists()
            ),
            None,
        )
        if feed_file is None:
            raise SkippedError(f"an html export has no {path}")
        feed_file.with_name(feed_file.name + ".gz").write_bytes(
            gzip.compress(feed_file.read_bytes(), 6, mtime=0)
        )
        path = f"/{feed_file.relative_to(root)}"
        site = _FILES.format(port=port, root=root, headers="")
        open_things.enter_context(_nginx(setup, site, port, path))
        status, headers, _ = get(port, path, GZIP)
        known = {**GZIP, "If-None-Match": headers["ETag"]}
        whole = _beside_three_lines(setup, small.settings, port, [path], GZIP, status)
        less = _beside_three_lines(setup, small.settings, port, [path], known, 304)
    yield Result(
        "4",
        "the feed from nginx over an html export",
        TOLD,
        whole.ratio,
        whole.raw("/s", "nginx", "three lines"),
    )
    yield Result(
        "4", "the same with If-None-Match", TOLD, less.ratio, less.raw("/s", "nginx", "three lines")
    )


def through_nginx(setup: Setup) -> Iterator[Result]:
    """Measure row 14: the shipped nginx with its cache beside nginx over files of the same bytes."""
    tool("nginx")  # before the store, which takes long
    articles, most = (10_000, 1_000) if setup.is_quick else (setup.large, _THROUGH_NGINX)
    with (
        bench_store(store_of(setup, articles)) as large,
        serving(large.settings) as application,
        ExitStack() as servers,
    ):
        path, paths = feed_path(large), page_paths(large, most)
        root, ours, theirs = setup.folder("files"), free_port(), free_port()
        for each in [path, *paths]:
            file = root / each[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            _, _, body = get(application, each, GZIP)
            file.with_name(file.name + ".gz").write_bytes(body)
            file.write_bytes(b"")  # `_nginx` asks for it without gzip
        sites = {
            theirs: _FILES.format(port=theirs, root=root, headers=_same_headers(application, path)),
            ours: f"include {nginx_site(setup.folder('site'), application, f'127.0.0.1:{ours}')};",
        }
        for port, site in sites.items():
            servers.enter_context(_nginx(setup, site, port, path))
        known = {**GZIP, "If-None-Match": get(ours, path, GZIP)[1]["ETag"]}
        file_tag = {**GZIP, "If-None-Match": get(theirs, path, GZIP)[1]["ETag"]}
        for what, asked, headers, file_headers in (
            (f"GET {path}, gzip", [path], GZIP, GZIP),
            ("the same with If-None-Match", [path], known, file_tag),
            (f"{len(paths):,} different article pages", paths, GZIP, GZIP),
        ):
            warm(ours, asked)
            measure = partial(requests_per_s, seconds=setup.seconds, work=setup.work)
            pairs = alternate(
                partial(measure, ours, asked, headers),
                partial(measure, theirs, asked, file_headers),
                setup.rounds,
            )
            raw = pairs.raw("/s", "nginx with its cache", "nginx over files")
            yield Result("14", f"through nginx: {what}", at_least(0.8), pairs.ratio, raw)


@contextmanager
def _nginx(setup: Setup, site: str, port: int, path: str) -> Iterator[None]:
    """Run nginx with a *site*, once it answers for *path* at *port*."""
    folder = setup.folder(f"nginx-{port}")
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(user=_user(), folder=folder, site=site))
    with running([tool("nginx"), "-c", str(conf)], lambda: answers(port, path, 200)):
        yield


def _same_headers(application: int, path: str) -> str:
    """Return the directives by which nginx adds the headers that it does not make by itself."""
    _, headers, _ = get(application, path, GZIP)
    return " ".join(
        f'add_header {name} "{value}";' for name, value in headers.items() if name not in _OWN
    )


def feed_path(opened: BenchStore) -> str:
    return f"/feed/{opened.section.name}.xml"


def page_paths(opened: BenchStore, most: int) -> list[str]:
    """Return the addresses of the newest pages of a section."""
    context, section = (
        RenderContext(opened.mirror, opened.store, opened.settings.public_url),
        opened.section,
    )
    ids = [
        headline.id
        for headline in opened.store.headlines([channel.id for channel in section.channels], most)
    ]
    channels = opened.store.channels_of(ids)
    return [context.page_of(article_id, channels[article_id], section.name) for article_id in ids]


def warm(port: int, paths: Sequence[str]) -> None:
    """Ask for each page once for each worker."""
    done = by_threads(port, paths, GZIP, total=2 * len(paths))
    assert not done.failures, f"{done.failures} of {len(paths)} pages failed"


@contextmanager
def serving(settings: Settings, app: str = "", folder: Path | None = None) -> Iterator[int]:
    """Run the web side, or another *app* in *folder*, as `feedproxy serve` does; give its port."""
    with running_web(settings, app, folder) as (_, port):
        yield port


@contextmanager
def running_web(
    settings: Settings, app: str = "", folder: Path | None = None
) -> Iterator[tuple[int, int]]:
    """Do the same; give the process ID besides."""
    port = free_port()
    own = settings.model_copy(update={"bind": f"127.0.0.1:{port}", "workers": 2})
    other = ["--chdir", str(folder), app] if folder else []
    with running([*WEB, *other], lambda: answers(port, "/healthz"), environment_of(own)) as process:
        yield process.pid, port


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment that says the same as *settings*."""
    said = {
        "CONFIG": settings.config,
        "DATA": settings.data,
        "PUBLIC_URL": settings.public_url,
        "BIND": settings.bind,
    }
    ways = ",".join(f"{host}={origin}" for host, origin in settings.origins.items())
    return {
        PREFIX + name: str(value)
        for name, value in {**said, "ORIGINS": ways, "LOG": "error"}.items()
    }


def _beside_three_lines(
    setup: Setup,
    settings: Settings,
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    status: int = 200,
) -> Pairs:
    """Return requests per second of *port* and of three lines that answer the same (of many pages, one of middle size)."""
    found = [get(port, path, headers) for path in paths[:: max(1, len(paths) // 101)]]
    assert {each[0] for each in found} == {status}, f"{paths[0]} answered {found[0][0]}"
    middle = median([len(body) for _, _, body in found])
    _, said, body = min(found, key=lambda each: abs(len(each[2]) - middle))
    folder = setup.folder("three-lines")
    (folder / "body").write_bytes(body)
    kept = [
        (name, said[name]) for name in _SAID if name in said and (status != 304 or name == "ETag")
    ]
    line = {200: "200 OK", 304: "304 Not Modified"}[status]
    (folder / "three_lines.py").write_text(_THREE_LINES.format(status=line, headers=kept))

    def measure(port: int) -> float:
        return requests_per_s(port, paths, headers, setup.seconds, setup.work)

    with serving(settings, "three_lines:app", folder) as other:
        measure(port)  # which warms both
        measure(other)
        return alternate(lambda: measure(port), lambda: measure(other), setup.rounds)


def _user() -> str:
    return f"{getuser()} {getgrgid(os.getgid()).gr_name}"


def _export(settings: Settings, folder: Path) -> Path:
    command = [sys.executable, "-m", "feedproxy", "export", "--format", "html", str(folder)]
    with running(command, lambda: True, environment_of(settings)) as process:
        if process.wait():
            raise SkippedError("the export failed")
    return folder
