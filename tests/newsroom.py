"""An invented news site on a loopback port: listings, feeds and articles, with faults on demand."""

import gzip
import hashlib
import io
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

HOST = "news.example"
BASE = f"http://{HOST}"


@dataclass(frozen=True)
class Story:
    """One invented article."""

    id: str
    day: str
    title: str
    text: str
    channels: tuple[str, ...]
    tags: tuple[str, ...] = ()
    picture: str = ""

    @property
    def path(self) -> str:
        return f"/{self.day}/{self.id}.htm"


STORIES = (
    Story(
        "n101",
        "21/5/1",
        "山城的早市",
        "清晨五点，山城的早市已经热闹起来，菜农们挑着担子走进石板街。",
        ("city",),
        ("市集", "山城"),
    ),
    Story(
        "n102",
        "21/5/2",
        "河边的图书馆",
        "河边新开的图书馆收到三千册捐书，馆长说今年要办读书会。",
        ("city", "books"),
        ("读书",),
        "/pic/102.jpg",
    ),
    Story(
        "n103",
        "21/5/3",
        "老校长的菜园",
        "退休的老校长把操场边的荒地变成了菜园，孩子们学着种豆角。",
        ("city",),
        ("山城",),
    ),
    Story(
        "n104",
        "21/5/4",
        "诗集再版 读者排队",
        "一本绝版多年的诗集再版，书店门口排起了长队。",
        ("books",),
        ("读书", "诗歌"),
    ),
)
CHANNELS = {"city": "城事", "books": "读书"}
PAGE_SIZE = 2
# Less than what counts as silence.
_DRIP_S = 0.05


def article_page(story: Story) -> str:
    tags = "".join(f'<a href="/tag/{tag}.html">{tag}</a>' for tag in story.tags)
    picture = f'<div class="lead"><img src="{story.picture}" alt="{story.title}"><p class="cap">图注：{story.title}</p></div>'
    return (
        f'<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>{story.title} | 山城报</title></head><body>'
        f'<nav><a href="/">首页</a></nav><h1>{story.title}</h1><time datetime="20{_iso(story.day)}T08:00:00+08:00">8:00</time>'
        f'{picture if story.picture else ""}<div id="text">\n <p>\n  {story.text}\n </p>\n <p>话题：{tags}</p>\n'
        f' <script>ad()</script><p onclick="x()">（记者李明报导）</p></div><footer>山城报</footer></body></html>'
    )


def _iso(day: str) -> str:
    return "-".join(part.zfill(2) for part in day.split("/"))


def of_channel(channel: str, stories: tuple[Story, ...]) -> list[Story]:
    return [story for story in reversed(stories) if channel in story.channels]


def listing(channel: str, page: int, stories: tuple[Story, ...]) -> str:
    shown = of_channel(channel, stories)
    rows = "".join(
        f'<li><a href="{story.path}">{story.title}</a></li>'
        for story in shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    )
    after = (
        f'<a rel="next" href="/{channel}_{page + 1}.htm">下一页</a>'
        if page * PAGE_SIZE < len(shown)
        else ""
    )
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><ul class="list">{rows}</ul>{after}</body></html>'


def picture(name: str, size: tuple[int, int] = (80, 60)) -> bytes:
    """Return a PNG of one colour that depends on its name."""
    drawn = io.BytesIO()
    digest = hashlib.sha256(name.encode()).digest()
    Image.new("RGB", size, (digest[0], digest[1], digest[2])).save(drawn, "PNG")
    return drawn.getvalue()


def rss(channel: str, stories: tuple[Story, ...]) -> str:
    items = "".join(
        f"<item><title>{story.title}</title><link>{BASE}{story.path}</link></item>"
        for story in of_channel(channel, stories)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'


@dataclass
class Answer:
    """What is sent for a path: a status, a body, and headers.

    `raw` replaces everything on the wire; `flow` follows it, made as it is sent, then `drip`, slowly; `cut` ends it with a reset.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    flow: Callable[[], Iterable[bytes]] = tuple
    drip: bytes = b""
    cut: bool = False


def page_of(text: str) -> Answer:
    return Answer(text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def gzipped(text: str, *, cut: int = 0) -> Answer:
    body = gzip.compress(text.encode())
    return Answer(
        body[: len(body) - cut],
        headers={"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"},
    )


class Newsroom:
    """The site's state: what it publishes, what it answers otherwise, and what it was asked for."""

    def __init__(self) -> None:
        self.stories: tuple[Story, ...] = STORIES
        self.faults: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[str] = []
        self.robots_asked: list[str] = []
        self.not_modified: list[str] = []
        self.agents: set[str] = set()
        self.silence = threading.Event()
        self.origin = ""

    def answer(self, path: str) -> Answer:
        if path in self.faults:
            fault = self.faults[path]
            return fault if isinstance(fault, Answer) else fault()
        for story in self.stories:
            if path == story.path:
                return page_of(article_page(story))
        if path.startswith("/pic/"):
            return Answer(picture(path), headers={"Content-Type": "image/png"})
        name, _, rest = path.strip("/").partition(".")
        channel, _, page = name.partition("_")
        if channel in CHANNELS and rest == "xml":
            return Answer(
                rss(channel, self.stories).encode(), headers={"Content-Type": "application/rss+xml"}
            )
        if channel in CHANNELS and rest == "htm":
            return page_of(listing(channel, int(page or 1), self.stories))
        return Answer(b"<h1>404</h1>", 404)

    def hang(self) -> Answer:
        """Say nothing until the test is over."""
        self.silence.wait(60)
        return Answer(b"", 500)

    def count(self, path: str) -> int:
        return self.asked.count(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    newsroom: Newsroom

    def do_GET(self) -> None:
        path = self.path.removeprefix(BASE)
        room = self.newsroom
        (room.robots_asked if path == "/robots.txt" else room.asked).append(path)
        room.agents.add(self.headers.get("User-Agent", ""))
        answer = room.answer(path)
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            for chunk in answer.flow():
                self.wfile.write(chunk)
            for byte in answer.drip:
                if room.silence.wait(_DRIP_S):
                    break
                self.wfile.write(bytes((byte,)))
            if answer.cut:  # so closing sends a reset
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self.close_connection = True
            return
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
        if answer.status == 200 and self.headers.get("If-None-Match") == etag:
            room.not_modified.append(path)
            self.send_response(304)
            self.send_header("ETag", etag)
            self.end_headers()
            return
        (self.send_response_only if "Date" in answer.headers else self.send_response)(answer.status)
        for name, value in {
            "ETag": etag,
            "Content-Length": str(len(answer.body)),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


@contextmanager
def open_newsroom() -> Iterator[Newsroom]:
    room = Newsroom()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"newsroom": room}))
    room.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield room
    finally:
        room.silence.set()
        server.shutdown()
        server.server_close()
        thread.join()


_MAIN = """
[mirror]
name = "山城镜像"
sections = ["town", "letters"]

[[navigation]]
title = "首页"
to = "section"

[[navigation]]
title = "文苑"
to = "letters"

[[navigation]]
title = "别处"
url = "https://elsewhere.example/help"

[feeds]
filtered_per_minute = 1_000_000

[fetch]
requests_per_second = 1000
connect_timeout_s = 1
read_timeout_s = 1.6
total_timeout_s = 2
max_body_bytes = 100_000
max_redirects = 3

[poll]
first_polls_minutes = 0
"""
_SECTION = """
title = "{title}"
site = "{host}"
kind = "{kind}"

[listing]
html = "{base}/{{channel}}.htm"
feed = "{base}/{{channel}}.xml"

[channels]
{channels}
"""
_SITE = r"""
title = "山城报"
hosts = ["news.example", "localhost"]
timezone = "Asia/Shanghai"
article_url = '^/(?P<day>\d+/\d+/\d+)/(?P<id>n\d+)\.html?$'
canonical_url = "http://news.example/{day}/{id}.htm"
tag_url = '^/tag/(?P<tag>[^/]+)\.html$'

[listing]
item = "//ul[@class='list']/li"
link = "a/@href"
title = "a"
next_page = "//a[@rel='next']/@href"

[article]
title = "//h1"
body = "//div[@id='text']"
picture = "//div[@class='lead']"
caption = "//p[@class='cap']"
author_pattern = '（记者(?P<author>[^）]+)报导）'
"""


def write_config(folder: Path, kind: str = "html") -> Path:
    """Write a configuration for the site: section `town` has both channels, `letters` only the second."""
    (folder / "sections").mkdir(parents=True)
    (folder / "sites").mkdir()
    (folder / "feedproxy.toml").write_text(_MAIN, "utf-8")
    (folder / "sites" / f"{HOST}.toml").write_text(_SITE, "utf-8")
    channels = {"town": ("山城", ("city", "books")), "letters": ("文苑", ("books",))}
    for name, (title, ids) in channels.items():
        lines = "\n".join(f'{channel} = "{CHANNELS[channel]}"' for channel in ids)
        text = _SECTION.format(title=title, host=HOST, base=BASE, kind=kind, channels=lines)
        (folder / "sections" / f"{name}.toml").write_text(text, "utf-8")
    return folder
