"""A world in which days pass in seconds: a clock that moves when somebody waits, and a busy news site that fails as it likes.

The site is served over HTTP on a loopback port; what it publishes, and how it fails, depends on the clock and on a seeded
chance alone.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from newsroom import picture

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import Poller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Alarm, Mirror
from feedproxy.store import HostBudget, Store, open_store

HOST, BASE = "daily.example", "http://daily.example"
ZONE = ZoneInfo("Asia/Shanghai")
SHOWN = 20
_WORDS = (
    "山城",
    "早市",
    "河边",
    "图书馆",
    "校长",
    "菜园",
    "诗集",
    "石桥",
    "渡口",
    "茶摊",
    "风筝",
    "豆角",
    "木匠",
    "井台",
    "梯田",
    "竹林",
)
_VERBS = (
    "修好了",
    "开张了",
    "迎来了",
    "记得",
    "送给",
    "找到了",
    "等着",
    "唱起了",
    "画下了",
    "种满了",
)


class SimulatedClock:
    """Time passes when somebody waits for it."""

    def __init__(self, start: datetime) -> None:
        self.now, self._lock = start, threading.Lock()

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += timedelta(seconds=seconds)

    def move_to(self, moment: datetime) -> None:
        with self._lock:
            self.now = max(self.now, moment)


@dataclass(frozen=True)
class Piece:
    """An article of the site, which exists from `published` on; `title` and text change at `corrected`."""

    id: str
    channel: str
    published: datetime
    corrected: datetime | None

    @property
    def path(self) -> str:
        return f"/{self.published.astimezone(ZONE):%y/%m/%d}/{self.id}.htm"

    def title(self, now: datetime) -> str:
        return _sentence(f"{self.id} title") + ("（更正）" if self._is_corrected(now) else "")

    def paragraphs(self, now: datetime) -> list[str]:
        written = [_sentence(f"{self.id} {line}") * 3 for line in range(6)]
        return [*written, "编者按：上文有误，已经改正。"] if self._is_corrected(now) else written

    def _is_corrected(self, now: datetime) -> bool:
        return self.corrected is not None and self.corrected <= now


def _sentence(seed: str) -> str:
    chance = random.Random(seed)
    return (
        "，".join(
            f"{chance.choice(_WORDS)}的{chance.choice(_WORDS)}{chance.choice(_VERBS)}{chance.choice(_WORDS)}"
            for _ in range(3)
        )
        + f"第{chance.randrange(10_000)}回。"
    )


@dataclass
class Faults:
    """How the site fails at a moment."""

    fail_rate: float = 0.0
    retry_after: int | None = None
    down: tuple[tuple[datetime, datetime], ...] = ()
    new_layout_from: datetime | None = None
    broken_layout: bool = False


@dataclass
class Site:
    """The site, and what it was asked for: `sent` holds when each request came, by path."""

    clock: SimulatedClock
    pieces: tuple[Piece, ...]
    channels: tuple[str, ...]
    faults: Faults = field(default_factory=Faults)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    origin: str = ""

    def __post_init__(self) -> None:
        self._by_path = {piece.path: piece for piece in self.pieces}
        self._by_channel = {
            channel: sorted(
                (piece for piece in self.pieces if piece.channel == channel),
                key=lambda piece: piece.published,
            )
            for channel in self.channels
        }

    @property
    def is_down(self) -> bool:
        return any(begin <= self.clock.now < end for begin, end in self.faults.down)

    def answer(self, path: str) -> tuple[int, str, bytes] | None:
        """Return status, type and body for a path, None to say nothing and hang up."""
        self.asked[path] += 1
        if self.is_down:
            self.statuses["down"] += 1
            return None
        if path != "/robots.txt" and self.chance.random() < self.faults.fail_rate:
            self.statuses["503"] += 1
            return 503, "text/html", b"<h1>busy</h1>"
        found = self._page(path)
        self.statuses["200" if found else "404"] += 1
        return (200, *found) if found else (404, "text/html", b"<h1>404</h1>")

    def published(self, until: datetime) -> list[Piece]:
        return [piece for piece in self.pieces if piece.published <= until]

    def _page(self, path: str) -> tuple[str, bytes] | None:
        html = "text/html; charset=utf-8"
        name, _, ending = path.strip("/").rpartition(".")
        if path.startswith("/pic/"):
            return "image/png", picture(path, (16, 12))
        if path in self._by_path and self._by_path[path].published <= self.clock.now:
            return html, self._article(self._by_path[path]).encode()
        channel, _, page = name.partition("_")
        if channel in self._by_channel and ending == "htm":
            return html, self._listing(channel, int(page or 1)).encode()
        return None

    @property
    def _is_new_layout(self) -> bool:
        begin = self.faults.new_layout_from
        return begin is not None and begin <= self.clock.now

    def _listing(self, channel: str, page: int) -> str:
        now = self.clock.now
        shown = [piece for piece in self._by_channel[channel] if piece.published <= now][::-1]
        part = shown[(page - 1) * SHOWN : page * SHOWN]
        rows = "".join(
            f'<li><a href="{piece.path}">{piece.title(now)}</a><p>{piece.paragraphs(now)[0]}</p></li>'
            for piece in part
        )
        after = (
            f'<a rel="next" href="/{channel}_{page + 1}.htm">下一页</a>'
            if page * SHOWN < len(shown)
            else ""
        )
        name = "items" if self._is_new_layout else "list"
        return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><ul class="{name}">{rows}</ul>{after}</body></html>'

    def _article(self, piece: Piece) -> str:
        now = self.clock.now
        text = "".join(f"<p>{line}</p>" for line in piece.paragraphs(now)) + "<p>责任编辑：小林</p>"
        name = "story" if self._is_new_layout else "text"
        if self.faults.broken_layout:
            name, text = "soon", "<p>正在改版</p>"
        return (
            f'<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>{piece.title(now)}</title></head><body>'
            f'<h1>{piece.title(now)}</h1><time datetime="{piece.published.isoformat()}"></time>'
            f'<div class="lead"><img src="/pic/{piece.id}.png" alt=""></div><div id="{name}">{text}</div></body></html>'
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    site: Site

    def do_GET(self) -> None:
        found = self.site.answer(self.path)
        if found is None:
            self.close_connection = True
            return
        status, media_type, body = found
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        is_known = status == 200 and self.headers.get("If-None-Match") == etag
        if is_known:
            self.site.statuses["304"] += 1
        self.send_response(304 if is_known else status)
        self.send_header("Date", format_datetime(self.site.clock.now, usegmt=True))
        if status == 503 and self.site.faults.retry_after is not None:
            self.send_header("Retry-After", str(self.site.faults.retry_after))
        if status == 200:
            self.send_header("ETag", etag)
        if not is_known:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_known:
            self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return format_datetime(self.site.clock.now, usegmt=True)

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up is part of the tests."""


def make_site(
    clock: SimulatedClock, *, channels: int, per_day: float, days: float, seed: int = 1
) -> Site:
    """Return a site whose channels publish at random moments: some of them many times a day, most of them seldom."""
    chance = random.Random(seed)
    names = tuple(f"c{number}" for number in range(1, channels + 1))
    weights = [1 / rank for rank in range(1, channels + 1)]
    begin = clock.now - timedelta(days=5)
    count = round(per_day * (days + 5))
    moments = sorted(begin + timedelta(days=chance.random() * (days + 5)) for _ in range(count))
    pieces = []
    for number, moment in enumerate(moments, 1001):
        published = moment.replace(microsecond=0)
        corrected = (
            published + timedelta(hours=chance.choice((2, 5, 20)))
            if chance.random() < 0.1
            else None
        )
        pieces.append(Piece(f"n{number}", chance.choices(names, weights)[0], published, corrected))
    return Site(clock, tuple(pieces), names)


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    site.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_MAIN = """
[mirror]
name = "山城镜像"
sections = ["daily"]

[fetch]
requests_per_second = 5
requests_at_once = 1

[poll]
{poll}
"""
_SECTION = """
title = "日报"
site = "{host}"
kind = "html"

[listing]
html = "{base}/{{channel}}.htm"

[channels]
{channels}
"""
_SITE = r"""
title = "山城日报"
hosts = ["daily.example"]
timezone = "Asia/Shanghai"
article_url = '^/(?P<day>\d+/\d+/\d+)/(?P<id>n\d+)\.htm$'
canonical_url = "http://daily.example/{day}/{id}.htm"
end_marker = "责任编辑"

[listing]
item = ["//ul[@class='list']/li", "//ul[@class='items']/li"]
link = "a/@href"
title = "a"
excerpt = "p"
next_page = "//a[@rel='next']/@href"

[article]
title = "//h1"
body = ["//div[@id='text']", "//div[@id='story']"]
picture = "//div[@class='lead']"
"""


def write_config(folder: Path, site: Site, poll: str = "") -> Path:
    """Write a configuration for the site."""
    (folder / "sections").mkdir(parents=True, exist_ok=True)
    (folder / "sites").mkdir(exist_ok=True)
    (folder / "feedproxy.toml").write_text(_MAIN.format(poll=poll), "utf-8")
    (folder / "sites" / f"{HOST}.toml").write_text(_SITE, "utf-8")
    channels = "\n".join(f'{name} = "频道{name}"' for name in site.channels)
    (folder / "sections" / "daily.toml").write_text(
        _SECTION.format(host=HOST, base=BASE, channels=channels), "utf-8"
    )
    return folder


class WatchedBudget:
    """The store's own budget; remembers when each request was let pass."""

    def __init__(self, budget: HostBudget) -> None:
        self._budget = budget
        self.passed: dict[str, list[datetime]] = {}
        self.gaps: dict[str, float] = {}

    def reserve(
        self, host: str, gap_s: float, now: datetime, most_quiet_s: float
    ) -> tuple[datetime, datetime | None]:
        start, quiet = self._budget.reserve(host, gap_s, now, most_quiet_s)
        if quiet is None:
            self.passed.setdefault(host, []).append(start)
            self.gaps[host] = gap_s
        return start, quiet

    def hold(self, host: str, now: datetime, until: datetime) -> None:
        self._budget.hold(host, now, until)

    def slot(self, host: str, at_once: int) -> AbstractContextManager[object]:
        return self._budget.slot(host, at_once)

    def quiet(self, now: datetime) -> Mapping[str, datetime]:
        quiet = self._budget.quiet(now)
        for host in quiet:  # who is told so after it was let pass does not send
            self.passed[host].pop()
        return quiet

    def tightest_s(self) -> float:
        """Return the shortest time between two requests to one host, in gaps that its budget demands."""
        found = []
        for host, moments in self.passed.items():
            ordered = sorted(moments)
            found += [
                (after - before).total_seconds() / self.gaps[host]
                for before, after in pairwise(ordered)
            ]
        return min(found, default=1.0)


@dataclass
class Machine:
    """One process' parts over the store in a folder: a poller that can be killed by forgetting it."""

    site: Site
    settings: Settings
    name: str
    alarms: list[Alarm] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mirror: Mirror = load_mirror(self.settings.config)
        self.store: Store = open_store(self.settings.store_url, self.settings.data)
        self.budget = WatchedBudget(self.store.budget)
        clock = self.site.clock
        cache_file = self.settings.data / f"cache-{self.name}.sqlite"
        self.fetcher = open_fetcher(
            self.settings, self.mirror, self.budget, clock, clock.sleep, cache_file=cache_file
        )
        services = Services(
            self.mirror, self.store, self.fetcher, FolderMedia(self.settings.media), clock
        )
        self.poller = Poller(services, self.name, self.alarms.append)

    def close(self) -> None:
        self.fetcher.close()
        self.store.close()
