"""The demo's upstream: a fictional newspaper with generated pictures. Opens no connection."""

import html
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from feedproxy.demo.pictures import draw

HOST = "jinghu.example"
FOLDER = Path(__file__).parent
CONFIG = FOLDER / "config"
_CHANNELS = {
    "lake": "湖上",
    "hills": "山间",
    "hands": "匠人",
    "kitchen": "灶台",
    "books": "读书",
    "letters": "来信",
}
_LINK = re.compile(r"\[([^]]+)\]\((n\d+)\)")
_PAGE = (
    '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
    "<title>{title} | 镜湖小报</title>{head}</head>"
    "<body><nav>{menu}</nav>{main}<footer>镜湖小报，镜湖镇码头路一号</footer></body></html>"
)
_HTML, _RSS, _PNG = "text/html; charset=utf-8", "application/rss+xml", "image/png"


@dataclass(frozen=True, slots=True)
class DemoArticle:
    """One article of articles.toml; *picture* is the caption of its picture, "" for none."""

    id: str
    day: str
    title: str
    channels: tuple[str, ...]
    tags: tuple[str, ...]
    author: str
    text: str
    picture: str = ""

    @property
    def path(self) -> str:
        """Return the path of its page at the newspaper."""
        return f"/{self.day[:4]}/{self.day[5:7]}/{self.id}.htm"

    @property
    def is_night(self) -> bool:
        """Return whether it was published in the evening, at 19:00 or later."""
        return self.day[11:] >= "19:00"

    @property
    def lines(self) -> list[str]:
        """Return its paragraphs and headings."""
        return self.text.strip().splitlines()


@cache
def pieces() -> dict[str, DemoArticle]:
    """Return the articles by ID, oldest first."""
    tables = tomllib.loads((FOLDER / "articles.toml").read_text("utf-8"))["article"]
    return {
        table["id"]: DemoArticle(
            **{**table, "channels": tuple(table["channels"]), "tags": tuple(table["tags"])}
        )
        for table in tables
    }


def answer(path: str) -> tuple[str, bytes] | None:
    """Return media type and body of the newspaper's document at *path*, None if there is none."""
    name, _, ending = path.strip("/").rpartition(".")
    if ending == "png" and (pictured := pieces().get(name.removeprefix("pic/"))):
        return _PNG, draw(name, is_night=pictured.is_night)
    if path == "/":
        return _HTML, _listing("镜湖小报", list(pieces().values()), "").encode()
    if name in _CHANNELS:
        chosen = [piece for piece in pieces().values() if name in piece.channels]
        text = (
            _feed(_CHANNELS[name], chosen)
            if ending == "xml"
            else _listing(_CHANNELS[name], chosen, name)
        )
        return (_RSS if ending == "xml" else _HTML), text.encode()
    found = next((piece for piece in pieces().values() if piece.path == path), None)
    return (_HTML, _article(found).encode()) if found else None


def _listing(title: str, chosen: list[DemoArticle], channel: str) -> str:
    rows = "".join(
        f'<li><a href="{piece.path}">{_plain(piece.title)}</a> '
        f'<time datetime="{piece.day}:00+08:00">{piece.day[:10]}</time>'
        f"<p>{_plain(piece.lines[0])}</p></li>"
        for piece in reversed(chosen)
    )
    head = f'<link rel="alternate" type="{_RSS}" href="/{channel}.xml">' if channel else ""
    return _page(title, f'<ul id="list">{rows}</ul>', head)


def _article(piece: DemoArticle) -> str:
    image = f'<img src="/pic/{piece.id}.png" alt="{_plain(piece.picture)}">'
    picture = (
        f"<figure>{image}<figcaption>{_plain(piece.picture)}</figcaption></figure>"
        if piece.picture
        else ""
    )
    tags = "，".join(f'<a href="/tag/{quote(tag)}.htm">{tag}</a>' for tag in piece.tags)
    return _page(
        piece.title,
        f"<article><h1>{_plain(piece.title)}</h1>"
        f'<p><time datetime="{piece.day}:00+08:00">{piece.day[:10]}</time>'
        f' <span class="author">{piece.author}</span></p>{picture}'
        f'<div id="text">{"".join(map(_block, piece.lines))}'
        f"<p>标签：{tags}</p></div></article>",
    )


def _block(line: str) -> str:
    if line.startswith("## "):
        return f"<h2>{_plain(line[3:])}</h2>"
    linked = _LINK.sub(
        lambda link: f'<a href="{pieces()[link[2]].path}">{link[1]}</a>',
        html.escape(line, quote=False),
    )
    return f"<p>{linked}</p>"


def _feed(title: str, chosen: list[DemoArticle]) -> str:
    items = "".join(
        f"<item><title>{_plain(piece.title)}</title><link>http://{HOST}{piece.path}</link></item>"
        for piece in reversed(chosen)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{title}</title>{items}</channel></rss>"
    )


def _page(title: str, main: str, head: str = "") -> str:
    menu = "".join(f'<a href="/{name}.htm">{words}</a> ' for name, words in _CHANNELS.items())
    return _PAGE.format(title=_plain(title), head=head, menu=menu, main=main)


def _plain(text: str) -> str:
    """Return *text* as escaped HTML, with each link replaced by its text."""
    return html.escape(_LINK.sub(r"\1", text))
