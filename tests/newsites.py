"""Small invented sites that nobody has configured, each in a layout of its own, on loopback ports."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from serving import serving

TITLES = (
    "山城的早市今天又热闹起来",
    "河边的图书馆收到三千册捐书",
    "老校长的菜园里种着豆角",
    "一本绝版诗集再版读者排队",
    "风筝飞过古老的城墙",
)
DAYS = tuple(f"2024-05-0{number}" for number in range(5, 0, -1))
TEXT = "清晨五点，{title}，菜农们挑着担子走进石板街，卖豆浆的铺子前排起了长队。孩子们跑过石桥，去看今年的第一只风筝。"
ENGLISH = (
    "A quiet walk along the harbour",
    "How the old lighthouse got its lamp",
    "Baking bread in a cold kitchen",
)


def around(main: str, *, head: str = "") -> str:
    """Return a page with all that stands beside its matter."""
    menu = "".join(
        f'<li><a href="/menu/{number}.html">本站的栏目之{number}</a></li>' for number in range(12)
    )
    hot = "".join(
        f'<li><a href="/hot/{number}.html">{title}，大家都在看</a></li>'
        for number, title in enumerate(TITLES)
    )
    return (
        f'<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>城事 | 山城晚报</title>{head}</head><body>'
        f'<nav><ul>{menu}</ul></nav><div id="main">{main}</div><div class="sidebar"><ul>{hot}</ul></div>'
        '<footer><a href="/about.html">关于我们这家报纸的一切</a></footer></body></html>'
    )


def article(title: str, day: str, text: str) -> str:
    paragraphs = "".join(f"<p>{text}</p>" for _ in range(6))
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title></head><body><nav><a href="/">Home</a></nav>'
        f'<main><article><h1>{title}</h1><time datetime="{day}T08:00:00Z">{day}</time>{paragraphs}</article></main></body></html>'
    )


ROWS: Mapping[str, str] = {
    "cards": '<div class="card card-{n}"><a href="{url}"><img src="/x.jpg"></a><h3 class="name"><a href="{url}">{title}</a></h3>'
    '<a class="cat" href="/menu/1.html">城事</a><p>{text}</p><span class="when">{day}</span></div>',
    "whole cards are links": '<a class="card" href="{url}"><h2>{title}</h2><time datetime="{day}T08:00:00Z"></time>'
    "<p>{text}</p></a>",
    "a button leads on": '<section class="entry"><h2>{title}</h2><p>{text}</p><em>{day}</em>'
    '<a href="{url}">阅读全文</a></section>',
    "plain headings": '<h3><a href="{url}">{title}</a></h3><p>{day}</p><p>{text}</p>',
}
WRAPPED: Mapping[str, tuple[str, str]] = {
    "table": ("table", '<tr><td>{day}</td><td><a href="{url}">{title}</a></td><td>李明</td></tr>'),
    "definition list": ("dl", '<dt><a href="{url}">{title}</a></dt><dd>{day}</dd><dd>{text}</dd>'),
    "plain li": ("ul", '<li>{day} <a href="{url}">{title}</a></li>'),
}
LAYOUTS = (*ROWS, *WRAPPED)


def listing(layout: str) -> str:
    tag, row = WRAPPED.get(layout) or ("div", ROWS[layout])
    rows = "".join(
        row.format(
            n=number, url=f"/a/{number}.html", title=title, day=day, text=TEXT.format(title=title)
        )
        for number, (title, day) in enumerate(zip(TITLES, DAYS, strict=True))
    )
    return around(f'<{tag}>{rows}</{tag}><a href="/list_2.html">下一页</a>')


def listing_site(layout: str) -> dict[str, str]:
    """Return a site of listing pages only, as its pages by their paths."""
    articles = {
        f"/a/{number}.html": article(title, day, TEXT.format(title=title))
        for number, (title, day) in enumerate(zip(TITLES, DAYS, strict=True))
    }
    return {"/list.html": listing(layout), **articles}


def blog() -> dict[str, str]:
    """Return an English blog whose Atom feed has headlines only; its head names that, and one of comments."""
    entries = "".join(
        f"<entry><id>urn:x:{number}</id><title>{title}</title><updated>2024-05-0{3 - number}T08:00:00Z</updated>"
        f'<link href="/posts/{number}/"/></entry>'
        for number, title in enumerate(ENGLISH)
    )
    comments = '<entry><id>urn:c:1</id><title>Re: bread</title><updated>2024-05-09T08:00:00Z</updated><link href="/c/1"/></entry>'
    feed = (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>{}</title>{}</feed>'
    )
    links = "".join(
        f'<h2><a href="/posts/{number}/">{title}</a></h2>' for number, title in enumerate(ENGLISH)
    )
    head = "".join(
        f'<link rel="alternate" type="application/atom+xml" href="/{name}.atom">'
        for name in ("comments", "index")
    )
    text = "The harbour was still when {title}, and the boats lay side by side as if they were asleep, waiting for the tide."
    posts = {
        f"/posts/{number}/": article(title, f"2024-05-0{3 - number}", text.format(title=title))
        for number, title in enumerate(ENGLISH)
    }
    return {
        "/": f"<html><head><title>Harbour Notes</title>{head}</head><body>{links}</body></html>",
        "/index.atom": feed.format("Harbour Notes", entries),
        "/comments.atom": feed.format("Comments", comments),
        **posts,
    }


class _Handler(BaseHTTPRequestHandler):
    pages: Mapping[str, str]

    def do_GET(self) -> None:
        body = self.pages.get(self.path)
        is_feed = self.path.endswith((".atom", ".xml", "/feed"))
        self.send_response(200 if body else 404)
        self.send_header(
            "Content-Type",
            "application/xml; charset=utf-8" if is_feed else "text/html; charset=utf-8",
        )
        self.end_headers()
        self.wfile.write((body or "no such page").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serve_site(pages: Mapping[str, str]) -> Iterator[str]:
    """Serve pages by their paths; yield the origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"pages": pages}))
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
