"""A hostile upstream: whatever it sends costs one listing, article or picture, in bounded time and memory, and nothing else."""

import gzip
import io
import json
import re
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import pytest
from conftest import Clock
from fakes import CalmBudget
from newsroom import (
    BASE,
    HOST,
    STORIES,
    Answer,
    Newsroom,
    article_page,
    listing,
    picture,
    rss,
    write_config,
)
from PIL import Image

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.ingest.reports import Report
from feedproxy.media import FolderMedia
from feedproxy.model import Article
from feedproxy.store import open_store

# The operator's default, and a patience that tests can bear.
BODY_BYTES, TOTAL_S = 10_000_000, 1.5
MOST_BYTES = 150_000_000
LISTING, FEED, ARTICLE, PICTURE = "/city.htm", "/city.xml", STORIES[2].path, STORIES[1].picture
HTML, XML = "text/html; charset=utf-8", "application/rss+xml; charset=utf-8"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
MEGABYTE = b"x" * 1_000_000


@dataclass(frozen=True)
class Case:
    """What is sent where, and what the report says of it; nothing, where it does no harm."""

    path: str
    answer: Callable[[], Answer]
    told: str = ""


def raw(
    path: str,
    told: str,
    head: bytes,
    flow: Callable[[], Iterable[bytes]] = tuple,
    drip: bytes = b"",
    *,
    cut: bool = False,
) -> Case:
    return Case(path, lambda: Answer(raw=head, flow=flow, drip=drip, cut=cut), told)


def body(
    path: str, told: str, make: Callable[[], bytes | str], media_type: str = "", **headers: str
) -> Case:
    usual = {FEED: XML, PICTURE: "image/png"}.get(path, HTML)

    def answer() -> Answer:
        made = make()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(
            made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made,
            headers={"Content-Type": media_type or usual} | sent,
        )

    return Case(path, answer, told)


def to(location: str, told: str, path: str = LISTING) -> Case:
    return Case(path, lambda: Answer(status=302, headers={"Location": location}), told)


def gzipped(plain: bytes, members: int = 1) -> bytes:
    return gzip.compress(plain, 9) * members


def chunked(*chunks: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: (b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def endless(chunk: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: repeat(chunk)


def items(count: int, inside: str = "") -> str:
    return f'<rss version="2.0"><channel>{(f"<item>{inside}</item>" if inside else "<item/>") * count}</channel></rss>'


def feed_of(item: str) -> str:
    links = "".join(
        f"<item><title>{story.title}</title><link>{BASE}{story.path}</link>{item}</item>"
        for story in STORIES[:3]
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{links}</channel></rss>'
    )


def doctype(subset: str, use: str = "&a;") -> str:
    return (
        f'<?xml version="1.0"?><!DOCTYPE rss [{subset}]>'
        + feed_of(f"<description>{use}</description>").partition("?>")[2]
    )


def laughs(name: str = "ENTITY") -> str:
    lines = "".join(
        f'<!{name} {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(9)
    )
    return f'<!{name} a "ha">{lines}'


def scans(count: int) -> bytes:
    """Return a JPEG file that goes over its pixels again and again."""
    drawn = io.BytesIO()
    Image.new("RGB", (800, 600), "red").save(drawn, "JPEG", progressive=True)
    head, marker, scan = drawn.getvalue().partition(b"\xff\xda")
    return head + marker + scan[:-2] + (marker + scan[:20]) * count + b"\xff\xd9"


def png(width: int, height: int, *, colours: bool = False) -> bytes:
    """Return a picture of one colour that is small on the wire and large in memory."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    line = b"\0" + bytes(width * 4 if colours else (width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, *((8, 6) if colours else (1, 0)), 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif(frames: int) -> bytes:
    drawn = io.BytesIO()
    first, *rest = [Image.new("P", (400, 400), number % 256) for number in range(frames)]
    first.save(drawn, "GIF", save_all=True, append_images=rest)
    return drawn.getvalue()


def story_with(inside: str) -> str:
    return article_page(STORIES[2]).replace("</div><footer>", f"{inside}</div><footer>")


CASES = {
    # -------------------------------------------------------- headers
    "headers that drip": raw(
        LISTING, r"did not end within|silent", b"HTTP/1.1 200 OK\r\n", drip=b"X: " + b"y" * 200
    ),
    "a status line that drips": raw(
        LISTING, r"did not end within|silent", b"", drip=b"HTTP/1.1 200 " + b"y" * 200
    ),
    "nothing at all": raw(LISTING, "no usable response", b""),
    "no HTTP": raw(LISTING, "no usable response", b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a thousand headers": raw(
        LISTING,
        "no usable response|too large",
        OK + b"".join(b"X-%d: y\r\n" % n for n in range(1000)) + b"\r\n",
    ),
    "a header of a megabyte": raw(
        LISTING, "no usable response|headers are too large", OK + b"X: " + MEGABYTE + b"\r\n\r\n"
    ),
    "many long headers": raw(
        LISTING,
        "headers are too large",
        OK + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 8000) for n in range(90)),
    ),
    "headers without end": raw(LISTING, "no usable response|too large", OK, endless(b"X: y\r\n")),
    "a status line without end": raw(
        LISTING, "no usable response|too large", b"HTTP/1.1 200 ", endless(MEGABYTE)
    ),
    "a hundred steps of continue": raw(
        LISTING,
        "no usable response|too large",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ),
    "a status with the words of a terminal": raw(
        LISTING, "answered 500 .2Jbad", b"HTTP/1.1 500 \x1b[2Jbad\r\nContent-Length: 0\r\n\r\n"
    ),
    "a 304 that was not requested": raw(
        ARTICLE, "answered 304", b"HTTP/1.1 304 Not Modified\r\n\r\n"
    ),
    "part of a page": raw(
        LISTING, "answered 206", OK.replace(b"200", b"206") + b"Content-Length: 2\r\n\r\nxx"
    ),
    "a change of protocol": raw(
        LISTING, "answered 101", b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"
    ),
    "an error without end": raw(
        LISTING, "larger than", OK.replace(b"200", b"404") + b"\r\n", endless(MEGABYTE)
    ),
    "a reset in the headers": raw(LISTING, "no usable response", b"HTTP/1.1 2", cut=True),
    "a status that is none": raw(
        LISTING, "no usable response|answered", b"HTTP/1.1 999999 Fine\r\nContent-Length: 0\r\n\r\n"
    ),
    "folded and broken headers": raw(
        LISTING,
        "no article found",
        OK + b" folded\r\n: none\r\n\0: x\r\nContent-Length: 2\r\n\r\nok",
    ),
    # -------------------------------------------------------- bodies
    "a body that drips": raw(
        LISTING, r"did not end within", OK + b"Content-Length: 900\r\n\r\n", drip=b"x" * 200
    ),
    "a body that stops": raw(
        LISTING, r"cut off|silent|did not end", OK + b"Content-Length: 900\r\n\r\n<ul>", drip=b""
    ),
    "a body without end": raw(LISTING, "larger than", OK + b"\r\n", endless(MEGABYTE)),
    "a body of a wrong length": raw(LISTING, "cut off", OK + b"Content-Length: 100\r\n\r\nshort"),
    "a body longer than it says": raw(
        LISTING, "no article found", OK + b"Content-Length: 5\r\n\r\n" + MEGABYTE
    ),
    "a body that says to be huge": raw(
        LISTING, "cut off|larger", OK + b"Content-Length: 99999999999999\r\n\r\nshort"
    ),
    "two lengths": raw(
        LISTING,
        "no usable response|cut off",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nshort",
    ),
    "a negative length": raw(
        LISTING,
        "no article found|no usable response|cut off",
        OK + b"Content-Length: -5\r\n\r\nshort",
    ),
    "a reset in the body": raw(
        LISTING, "cut off|no usable response", OK + b"Content-Length: 900\r\n\r\nhalf", cut=True
    ),
    "chunks without end": raw(
        LISTING,
        "larger than|too large",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        endless(b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
    ),
    "tiny chunks without end": raw(
        LISTING,
        "too large|larger|did not end",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        endless(b"1\r\nx\r\n" * 10_000),
    ),
    "chunks that are none": raw(
        LISTING, "cut off", OK + b"Transfer-Encoding: chunked\r\n\r\nnope\r\n"
    ),
    "a chunk that is cut": raw(
        LISTING, "cut off", OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nshort"
    ),
    "a chunk of a negative length": raw(
        LISTING,
        "cut off|no article|no usable",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nshort\r\n0\r\n\r\n",
    ),
    "a chunk's extension without end": raw(
        LISTING,
        "cut off|too large",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5;",
        endless(b"a=b;" * 1000),
    ),
    "trailers without end": raw(
        LISTING,
        "too large|cut off|did not end",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
        endless(b"X: y\r\n" * 1000),
    ),
    "no chunk at all": raw(
        LISTING, "no article found|cut off", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    # -------------------------------------------------------- encodings
    "a gzip bomb": body(
        LISTING,
        "larger than .* when decompressed",
        lambda: gzipped(bytes(200_000_000)),
        Content_Encoding="gzip",
    ),
    "a gzip bomb in pieces": body(
        LISTING,
        "larger than .* when decompressed|pieces",
        lambda: gzipped(bytes(1_000_000), 90),
        Content_Encoding="gzip",
    ),
    "a thousand empty pieces of gzip": body(
        LISTING, "pieces", lambda: gzipped(b"", 1000), Content_Encoding="gzip"
    ),
    "a deflate bomb": body(
        LISTING,
        "larger than",
        lambda: zlib.compress(bytes(200_000_000), 9),
        Content_Encoding="deflate",
    ),
    "gzip in gzip": body(
        LISTING,
        "larger than|is not a text",
        lambda: gzipped(gzipped(bytes(10_000_000))),
        Content_Encoding="gzip, gzip",
    ),
    "gzip in gzip that is not told": body(
        LISTING,
        "no article|larger|is not a text",
        lambda: gzipped(gzipped(bytes(50_000_000))),
        Content_Encoding="gzip",
    ),
    "gzip that is cut": body(
        LISTING, "cut short", lambda: gzipped(MEGABYTE)[:-9], Content_Encoding="gzip"
    ),
    "gzip that is none": body(
        LISTING, "no article found", lambda: b"<ul></ul>", Content_Encoding="gzip"
    ),
    "brotli that nobody asked for": body(
        LISTING, "was not requested", lambda: b"\x8b\x03\x80" + bytes(100), Content_Encoding="br"
    ),
    "zstd that nobody asked for": body(
        LISTING,
        "was not requested",
        lambda: b"\x28\xb5\x2f\xfd" + bytes(100),
        Content_Encoding="zstd",
    ),
    "a coding of a megabyte of words": body(
        LISTING, "was not requested", lambda: b"x", Content_Encoding="gzip, " * 1000
    ),
    # -------------------------------------------------------- redirects
    "a redirect to itself": to(LISTING, "more than 3 redirects"),
    "a redirect to nowhere": Case(
        LISTING, lambda: Answer(status=302), "no article found|answered 302"
    ),
    "a redirect to loopback": to("http://127.0.0.1:22/", "refused: redirect to"),
    "a redirect to a cloud's metadata": to(
        "http://169.254.169.254/latest/meta-data/", "refused: redirect to"
    ),
    "a redirect to IPv6": to("http://[::1]/", "refused: redirect to"),
    "a redirect to an odd number": to("http://2130706433/", "refused: redirect to"),
    "a redirect to a file": to("file:///etc/passwd", "refused: redirect to"),
    "a redirect to gopher": to("gopher://127.0.0.1:70/_x", "refused: redirect to"),
    "a redirect to data": to("data:text/html,<ul class='list'></ul>", "refused: redirect to"),
    "a redirect to another port": to(f"http://{HOST}:6379/", "refused: port 6379"),
    "a redirect with a password": to(
        f"http://u:p@{HOST}/city.htm", "refused: an address with a user name"
    ),
    "a redirect of a megabyte": Case(
        LISTING,
        lambda: Answer(status=302, headers={"Location": "http://" + "a" * 50_000}),
        "refused: redirect|no usable",
    ),
    "a picture's redirect to loopback": to(
        "http://127.0.0.1/a.png", "refused: redirect to", PICTURE
    ),
    # -------------------------------------------------------- types that lie
    "a film as a listing": body(
        LISTING, "is not a text", lambda: b"\0\0\0\x18ftypmp42" + MEGABYTE, "video/mp4"
    ),
    "an archive as a listing": body(
        LISTING, "is not a text", lambda: b"PK\x03\x04" + MEGABYTE, "application/zip"
    ),
    "a picture as an article": body(ARTICLE, "is not a text", lambda: picture("x"), "image/png"),
    "a picture that says to be a page": body(ARTICLE, "is not a text", lambda: picture("x")),
    "a page that says to be a picture": body(
        PICTURE, "not a picture", lambda: "<script>alert(1)</script>"
    ),
    "a page as a picture": body(
        PICTURE, "not a picture", lambda: "<script>alert(1)</script>", HTML
    ),
    "a type of 50 KB": body(LISTING, "no article found", lambda: b"x", "video/" + "x" * 50_000),
    "a charset that is none": body(
        LISTING, "", lambda: listing("city", 1, STORIES), "text/html; charset=klingon"
    ),
    "a charset that lies": body(
        LISTING, "", lambda: listing("city", 1, STORIES), "text/html; charset=utf-16"
    ),
    # -------------------------------------------------------- XML
    "a billion laughs": body(FEED, "document type", lambda: doctype(laughs(), "&j;")),
    "a billion laughs in Atom": body(
        FEED,
        "document type",
        lambda: (
            f'<!DOCTYPE feed [{laughs()}]><feed xmlns="http://www.w3.org/2005/Atom"><title>&j;</title></feed>'
        ),
    ),
    "a quadratic laugh": body(
        FEED, "document type", lambda: doctype(f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 5_000)
    ),
    "a laugh by parameters": body(
        FEED, "document type", lambda: doctype("<!ENTITY % p \"<!ENTITY a 'ha'>\"> %p;")
    ),
    "a laugh behind a comment": body(
        FEED, "document type", lambda: "<!-- x -->" + doctype(laughs(), "&j;").partition("?>")[2]
    ),
    "an entity that is a file": body(
        FEED, "document type", lambda: doctype('<!ENTITY a SYSTEM "file:///etc/passwd">')
    ),
    "an entity that is an address": body(
        FEED, "document type", lambda: doctype('<!ENTITY a SYSTEM "http://127.0.0.1:22/">')
    ),
    "a document type elsewhere": body(
        FEED,
        "",
        lambda: '<!DOCTYPE rss SYSTEM "http://127.0.0.1/x.dtd">' + feed_of(""),
    ),
    "an inclusion": body(
        FEED,
        "",
        lambda: feed_of(
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
        ),
    ),
    "XML 10,000 deep": body(FEED, "", lambda: feed_of("<a>" * 10_000 + "</a>" * 10_000)),
    "a million entries": body(FEED, "more than", lambda: items(1_000_000)),
    "a million tags": body(FEED, "more than", lambda: items(1, "<a/>" * 1_000_000)),
    "a tag of 100,000 attributes": body(
        FEED,
        "attributes",
        lambda: items(1).replace(
            "<item/>", "<item " + "".join(f"a{n}='' " for n in range(100_000)) + ">"
        ),
    ),
    "a million references": body(
        FEED, "more than", lambda: feed_of(f"<description>{'&amp;' * 600_000}</description>")
    ),
    "a feed of nothing": body(FEED, "is not an RSS or Atom feed", lambda: b""),
    "a feed that is a page": body(FEED, "is not an RSS", lambda: listing("city", 1, STORIES)),
    "a feed that ends early": body(FEED, "ends early", lambda: rss("city", STORIES)[:-40]),
    "equal IDs": body(
        FEED,
        "",
        lambda: feed_of("<guid>1</guid>").replace(
            "</channel>", f"<item><link>{BASE}{ARTICLE}</link></item>" * 500 + "</channel>"
        ),
    ),
    "a date in year 0": body(
        FEED, "", lambda: feed_of("<pubDate>Sat, 01 Jan 0000 00:00:00 GMT</pubDate>")
    ),
    "a date in year 9999": body(
        FEED, "", lambda: feed_of("<pubDate>Fri, 31 Dec 9999 23:59:59 -1200</pubDate>")
    ),
    "a date that is none": body(FEED, "", lambda: feed_of(f"<pubDate>{'9' * 100_000}</pubDate>")),
    "a title of a megabyte": body(
        FEED, "", lambda: feed_of("").replace(STORIES[0].title, "山" * 1_000_000)
    ),
    "NULs and controls": body(
        FEED, "", lambda: feed_of("<description>a\0b\x01\x0b\x1b[2J\x7f\x85\ufffe</description>")
    ),
    "lone surrogates": body(
        FEED, "could not be decoded", lambda: feed_of("<description>\ud800 \udfff</description>")
    ),
    "bytes that are no UTF-8": body(
        FEED,
        "could not be decoded",
        lambda: (
            feed_of("<description>@</description>").encode().replace(b"@", bytes(range(128, 150)))
        ),
    ),
    "a link of a megabyte": body(
        FEED,
        "",
        lambda: feed_of("").replace(
            "</channel>", f"<item><link>{BASE}/{'a' * 1_000_000}</link></item></channel>"
        ),
    ),
    "links to elsewhere": body(
        FEED,
        "",
        lambda: feed_of("").replace(
            "</channel>",
            "<item><link>file:///etc/passwd</link></item><item><link>http://127.0.0.1/21/5/1/n101.htm</link></item></channel>",
        ),
    ),
    "JSON of a million objects": body(
        FEED,
        "more than",
        lambda: (
            '{"version":"https://jsonfeed.org/version/1.1","items":[' + "{}," * 1_000_000 + "{}]}"
        ),
    ),
    "JSON 100,000 deep": body(FEED, "is not JSON|more than", lambda: '{"items":' + "[" * 99_000),
    "JSON with a number of a megabyte": body(
        FEED, "is not JSON", lambda: '{"items":' + "9" * 1_000_000 + "}"
    ),
    "JSON of other types": body(
        FEED,
        "is not a JSON Feed|no article",
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "items": [{"url": [1], "title": {"a": 1}, "date_published": 5}, 7, None],
            }
        ),
    ),
    # -------------------------------------------------------- HTML
    "HTML 10,000 deep": body(
        ARTICLE,
        "nested deeper than",
        lambda: story_with("<div>" * 10_000 + "深" + "</div>" * 10_000),
    ),
    "a listing 10,000 deep": body(
        LISTING, "nested deeper than", lambda: "<div>" * 10_000 + listing("city", 1, STORIES)
    ),
    "linked data without end": body(
        ARTICLE,
        "",
        lambda: story_with(
            f"<script type='application/ld+json'>[{'[],' * 60_000}[]]</script>" * 40
        ),
    ),
    "dates in words by the thousand": body(
        FEED,
        "no article found",
        lambda: json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "items": [
                    {"date_published": f"{n} of the 3rd Mon 2021 at noon, 12 de enero"}
                    for n in range(20_000)
                ],
            }
        ),
    ),
    "references to surrogates": body(
        FEED,
        "",
        lambda: feed_of(
            "<description>a&#xD800;&#0;&#x110000;&#99999999999999999999;b</description>"
        ),
    ),
    "a million elements": body(
        ARTICLE, "end tags are more than", lambda: story_with("<b>x</b>" * 1_000_000)
    ),
    "a listing of a million items": body(
        LISTING,
        "end tags are more than",
        lambda: "<ul class='list'>" + f"<li><a href='{ARTICLE}'>x</a>" * 200_000,
    ),
    "a text of 9 MB": body(ARTICLE, "larger than", lambda: story_with("<p>" + "x" * 9_000_000)),
    "a text of 100 MB": raw(ARTICLE, "larger than", OK + b"\r\n", lambda: repeat(MEGABYTE, 100)),
    "an attribute of 9 MB": body(
        ARTICLE, "larger than|attributes", lambda: story_with(f"<p title='{'x' * 9_000_000}'>石桥")
    ),
    "100,000 attributes": body(
        ARTICLE,
        "attributes",
        lambda: story_with("<p " + "".join(f"a{n}=1 " for n in range(100_000)) + ">石桥"),
    ),
    "a million references in HTML": body(
        ARTICLE, "larger than", lambda: story_with("<p>" + "&amp;" * 1_000_000)
    ),
    "a headline of a megabyte": body(
        ARTICLE,
        "characters of text on a page",
        lambda: article_page(STORIES[2]).replace(
            f"<h1>{STORIES[2].title}", f"<h1>{STORIES[2].title}" + "！" * 1_000_000
        ),
    ),
    "NULs in HTML": body(ARTICLE, "", lambda: story_with("<p>石\0桥\x01\x0b\ufffe</p>")),
    "an article without an end": raw(
        ARTICLE, "larger than", OK + b"\r\n" + article_page(STORIES[2]).encode(), endless(MEGABYTE)
    ),
    "another page": body(
        ARTICLE, "no article found", lambda: "<html><title>403</title><p>请验证您是人类</p></html>"
    ),
    "a page of frames": body(
        ARTICLE, "no article found", lambda: "<frameset><frame src='/x'></frameset>"
    ),
    # -------------------------------------------------------- pictures
    "a picture of 900 million pixels": body(PICTURE, "pixels", lambda: png(30_000, 30_000)),
    "a picture a million wide": body(PICTURE, "pixels", lambda: png(1_000_000, 100)),
    "a picture of 9 MB of nothing": body(
        PICTURE, "not a picture|larger", lambda: b"\x89PNG\r\n\x1a\n" + bytes(9_000_000)
    ),
    "a picture that is cut": body(
        PICTURE, "not a picture|truncated|broken", lambda: picture("x", (800, 600))[:-60]
    ),
    "a picture of 20,000 scans": body(
        PICTURE, "scans takes too long", lambda: scans(20_000), "image/jpeg"
    ),
    "a picture as large as may be": body(PICTURE, "", lambda: png(3_000, 3_000, colours=True)),
    "a film of 500 frames": body(PICTURE, "", lambda: gif(500)),
    "a drawing with a script": body(
        PICTURE,
        "not a picture",
        lambda: "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "image/svg+xml",
    ),
    "an empty picture": body(PICTURE, "not a picture", lambda: b""),
    "a picture without an end": raw(
        PICTURE,
        "larger than",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + picture("x"),
        endless(MEGABYTE),
    ),
}


def peak_bytes() -> int:
    """Return the most memory that this process had since it was asked last (proc(5))."""
    status = Path("/proc/self/status").read_text("utf-8")
    Path("/proc/self/clear_refs").write_text("5", "utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[str(request.param)]


@pytest.fixture
def attacked(
    case: Case, newsroom: Newsroom, tmp_path: Path, clock: Clock
) -> Iterator[ChannelPoller]:
    """A mirror that held an article before its upstream became hostile."""
    config = write_config(tmp_path / "hostile", "feed" if case.path == FEED else "html")
    settings = Settings(config=config, data=tmp_path / "var", origins={HOST: newsroom.origin})
    mirror = load_mirror(config)
    mirror = replace(
        mirror,
        fetch=replace(
            mirror.fetch, max_body_bytes=BODY_BYTES, total_timeout_s=TOTAL_S, give_up_after=99
        ),
    )
    store = open_store(settings.store_url, settings.data)
    fetcher = open_fetcher(
        settings,
        mirror,
        CalmBudget(),
        clock,
        lambda _: None,
        cache_file=settings.data / "cache.sqlite",
    )
    channel_poller = ChannelPoller(
        Services(mirror, store, fetcher, FolderMedia(settings.media), clock)
    )
    everything, newsroom.stories = newsroom.stories, STORIES[3:]
    poll(channel_poller, "books")
    newsroom.stories = everything
    newsroom.faults[case.path] = case.answer()
    yield channel_poller
    fetcher.close()
    store.close()


def poll(channel_poller: ChannelPoller, channel: str) -> Report:
    return channel_poller.poll(
        next(each for each in channel_poller.services.mirror.channels if each.id == channel)
    )


def stored(channel_poller: ChannelPoller) -> dict[str, Article]:
    channels = [channel.id for channel in channel_poller.services.mirror.channels]
    return {article.id: article for article in channel_poller.services.store.newest(channels, 99)}


def test_a_hostile_answer_costs_itself_and_nothing_else(
    case: Case, attacked: ChannelPoller, tmp_path: Path
) -> None:
    before = stored(attacked)
    peak_bytes()
    start = peak_bytes()
    report = poll(attacked, "city")
    assert peak_bytes() - start < MOST_BYTES
    told = [str(failure) for failure in (*report.failures, *report.missing)]
    assert all(line.isprintable() and len(line) < 1_000 for line in told)
    if case.told:
        assert re.search(case.told, "\n".join(told))
    else:
        assert told == []
    assert poll(attacked, "books").failures == []
    after = stored(attacked)
    assert {article_id: after[article_id] for article_id in before} == before
    assert "n102" in after
    assert all(len(article.title) <= 300 and "\0" not in article.body for article in after.values())
    with closing(sqlite3.connect(tmp_path / "var" / "feedproxy.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 100
