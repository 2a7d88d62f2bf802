"""A scan of the running server: every address of the mirror with hostile parameters, headers and methods, over a socket.

It is the server that `feedproxy serve` starts, with its options. Whatever is sent, the answer is none of the server's faults,
says to browsers all that they are to be told, shows nothing of the machine, and gives back nothing that a browser would run.
"""

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from lxml import etree, html
from newsroom import BASE
from serving import free_port
from standing import MISSING, PAGE, Standing, open_standing

from feedproxy import __version__, paths
from feedproxy.cli.serve import WEB
from feedproxy.feed_options import PARAMETERS
from feedproxy.model import Url
from feedproxy.urls import picture_key

ROOT = Path(__file__).resolve().parents[1]
TOKEN, KEY = "a-token-of-the-operator", "bridge-and-river-1"
# Stands in every parameter that would do harm if it came back as it is.
MARK = "x9q"
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "CONNECT",
    "GETX",
    "get",
)
HEADERS = {
    "Content-Security-Policy": r"default-src 'none';.*frame-ancestors 'none'.*",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": r".*camera=\(\).*",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin|cross-origin",
}
_TOLD = re.compile(
    r"Traceback|File \"|site-packages|\.py\b|/usr/|/home/|/tmp/|/var/|sqlite|\[SQL:|Werkzeug|Flask|Python[ /]\d",
    re.IGNORECASE,
)
_VERSIONED = re.compile(r"\d")

MARKS = (
    *(
        f"<{MARK}>",
        f"<script>{MARK}</script>",
        f'"><img src={MARK} onerror={MARK}>',
        f"' on{MARK}='1",
        f"javascript:{MARK}",
    ),
    *(
        f"<svg/onload={MARK}>",
        f"</title><{MARK}>",
        f"--><{MARK}>",
        f"{{{{'{MARK}'*2}}}}",
        f"${{{MARK}}}",
        f"]]><{MARK}>",
    ),
    *(
        f"\u2028<{MARK}>",
        f"\uff1c{MARK}\uff1e",
        f"+ADw-{MARK}+AD4-",
        f"&lt;{MARK}&gt;",
        f"%3C{MARK}%3E",
        f"<{MARK} ",
        f"\x00<{MARK}>",
    ),
)
TRAVERSALS = (
    *(
        "../../../../etc/passwd",
        "..",
        ".",
        "...",
        "....//....//etc/passwd",
        "..\\..\\windows\\win.ini",
        "/etc/passwd",
        "C:\\x",
        "~root",
    ),
    *(
        "file:///etc/passwd",
        "etc/passwd\0.xml",
        "..;/..;/",
        ".git/config",
        "\u2025/\u2025/etc/passwd",
        "\uff0e\uff0e\uff0fetc",
    ),
)
# As they are sent, encoded in ways that a server may undo once too often.
RAW = (
    *(
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%252e%252e%252fetc",
        "..%2f..%2f",
        "..%5c..%5c",
        "%c0%ae%c0%ae%c0%afetc",
        "%u002e%u002e",
    ),
    *(
        "%e0%80%ae%e0%80%ae/",
        "%f0%80%80%af",
        "%ed%a0%80",
        "%ff%fe",
        "%80",
        "%",
        "%zz",
        "%0",
        "%00",
        "%2500",
        "%0d%0aX-Mark:%20x9q",
    ),
    *(
        "%0aX-Mark:x9q",
        "%0d%0a%0d%0a<x9q>",
        "%E5%98%8A%E5%98%8DX-Mark:x9q",
        "%e2%80%ae",
        "%7f",
        "%0b",
        "%1b%5b31m",
        "%23",
        "%3f",
        "%3f%3f",
    ),
    *(
        "//evil.example",
        "//evil.example/%2f..",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "%09//evil.example",
    ),
    *(
        "http://evil.example/",
        "https:evil.example",
        "@evil.example",
        "%40evil.example",
        ".evil.example",
        "///evil.example/..",
        ";@evil.example",
    ),
)
STRANGE = (
    *(
        "' OR '1'='1",
        "1; DROP TABLE article--",
        "' UNION SELECT 1,2,3--",
        '" OR ""="',
        "%' AND 1=0 --",
        "1)) OR ((1=1",
        "\\",
        "%",
        "_",
    ),
    *(
        "%s%s%s%n",
        "%x" * 20,
        "{0.__class__.__mro__}",
        "{self}",
        "{{config}}",
        "{% include 'x' %}",
        "#{7*7}",
        "$(id)",
        "`id`",
        "|id",
        "=1+1",
    ),
    *(
        "9" * 400,
        "-1",
        "0",
        "00",
        "1e400",
        "2147483648",
        "9223372036854775808",
        "NaN",
        "Infinity",
        "0x10",
        "1_000",
        "١",
        "²",
        "1.5",
        "+1",
    ),
    *(
        "\u202eEXE",
        "\u200b",
        "\ufeff",
        "\U0001f600" * 20,
        "e\u0301" * 50,
        "ǆ",
        "ß",
        "İ",
        "\U000e0001",
        "a" * 3000,
        "*",
        "null",
        "true",
        "[]",
    ),
    *(
        "README",
        "xml",
        "all.xml",
        "town.xml.atom",
        "town/",
        "town.",
        "TOWN",
        "__proto__",
        "constructor",
        "con",
        "nul",
        " ",
        "\t",
        "a b",
    ),
)
PAYLOADS = tuple(
    dict.fromkeys((*(quote(text, safe="") for text in (*MARKS, *TRAVERSALS, *STRANGE)), *RAW))
)
QUERIES = tuple(
    dict.fromkeys(
        (
            *(
                f"{name}={value}"
                for name in ("key", "token", "next", "url", "q")
                for value in PAYLOADS[:24:3]
            ),
            *(
                "n102",
                "=",
                "&&&",
                "a[]=1&a[]=2",
                "key",
                "key=a&key=b",
                "%",
                "%00",
                ";",
                "?" * 50,
                "a=" + "b" * 3000,
                "&a=b" * 700,
            ),
        )
    )
)
VALUES: dict[str, tuple[str, ...]] = {
    "Host": (
        "evil.example",
        "localhost@evil.example",
        "a" * 300,
        "[::1",
        "localhost:x",
        "..",
        "",
        "ｅvil",
        f"<{MARK}>",
        "\udcff",
    ),
    "X-Forwarded-Host": ("evil.example", f"<{MARK}>"),
    "X-Forwarded-Proto": ("https", "javascript", f"<{MARK}>"),
    "X-Forwarded-Ssl": ("on",),
    "X-Forwarded-Protocol": ("ssl",),
    "X-Forwarded-Port": ("x", "443"),
    "X-Forwarded-For": ("127.0.0.1", f"<{MARK}>, ::1", "," * 900, "9" * 400),
    "X-Forwarded-Prefix": ("//evil.example",),
    "X-Real-Ip": ("::1",),
    "Forwarded": ("for=127.0.0.1;host=evil.example;proto=https",),
    "X-Original-Url": ("/status",),
    "X-Rewrite-Url": ("/metrics",),
    # what gunicorn takes from a proxy on the same machine
    "Script_Name": ("/town", "/x", f"<{MARK}>"),
    "Path_Info": ("/status",),
    "Remote_User": ("x",),
    "Range": (
        "bytes=0-",
        "bytes=-1",
        "bytes=5-1",
        "bytes=" + "0-1," * 900,
        "bytes=0-" + "9" * 400,
        "x",
        "lines=1",
        "\udcff",
    ),
    "If-Range": ('"x"', "x", "\udcff"),
    "Accept-Encoding": (
        "gzip;q=x",
        "*;q=0",
        "identity;q=0",
        "gzip," * 900,
        "br;q=1e9",
        "\udcff",
        "gzip;q=" + "9" * 400,
    ),
    "If-None-Match": ("*", '"', 'W/"', '"x",' * 900, "\udcff", '"' + "a" * 3_000 + '"'),
    "If-Modified-Since": (
        "x",
        "Tue, 99 Jun 99999 25:61:61 GMT",
        "0",
        "-1",
        "9" * 400,
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    "Authorization": (
        "Bearer x",
        "Bearer",
        "Basic !",
        "Basic /////w==",
        "Bearer \udcff",
        "Digest " + "a=b," * 900,
        "Negotiate",
    ),
    "Cookie": ("key=x", "key=" + "a" * 3_000, "=;=;;", 'key="\\', "key=\udcff", "; " * 900),
    "Content-Type": (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "application/json; charset=\udcff",
        "x" * 3_000,
    ),
    "User-Agent": (f"<{MARK}>",),
    "Referer": (f"javascript:{MARK}",),
    "Accept": ("x/\udcff;q=z",),
    "Accept-Language": ("zh-" * 900,),
    "X-Http-Method-Override": ("DELETE",),
    "Upgrade": ("h2c",),
    "Connection": ("keep-alive, x, close",),
}
HOSTILE = tuple((name, value) for name, values in VALUES.items() for value in values)
# What an answer may depend on.
BELIEVED = ("Host", "Range", "Accept-Encoding", "If-None-Match", "If-Modified-Since")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get_content_type()


class Server:
    """The web side as `feedproxy serve` starts it; what it writes is kept."""

    def __init__(self, standing: Standing, folder: Path, **more: str) -> None:
        self.port = free_port()
        settings = standing.settings
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "FEEDPROXY_CONFIG": str(settings.config),
            "FEEDPROXY_DATA": str(settings.data),
            "FEEDPROXY_SIGNING_KEY": settings.signing_key,
            "FEEDPROXY_BIND": f"127.0.0.1:{self.port}",
            "FEEDPROXY_WORKERS": "1",
            **more,
        }
        self.process = subprocess.Popen(
            WEB,
            env=environment,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stderr
        self.log = [next(line for line in self.process.stderr if "Listening at" in line)]
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,))
        self._reader.start()

    def send(self, request: bytes, method: str = "GET") -> Answer | None:
        """Return the answer to what is sent as it is; None if the server hung up before it was given one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            try:
                connection.sendall(request)
                response = http.client.HTTPResponse(connection, method=method)
                response.begin()
                return Answer(response.status, response.headers, response.read())
            except (ConnectionError, http.client.RemoteDisconnected):
                return None

    def ask(
        self, target: str, method: str = "GET", *headers: tuple[str, str], body: bytes = b""
    ) -> Answer:
        given = {name for name, _ in headers}
        own = [
            pair
            for pair in (("Host", "localhost"), ("Connection", "close"))
            if pair[0] not in given
        ]
        if body:
            own.append(("Content-Length", str(len(body))))
        lines = [
            f"{method} {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in (*own, *headers)),
            "",
            "",
        ]
        answer = self.send("\r\n".join(lines).encode("utf-8", "surrogateescape") + body, method)
        assert answer is not None, lines[:1]
        return answer

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        self._reader.join(30)
        if self.process.stderr:
            self.process.stderr.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with open_standing(tmp_path_factory.mktemp("standing")) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(standing, tmp_path_factory.mktemp("public"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def private(standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    secrets = {
        "FEEDPROXY_ACCESS_KEYS": KEY,
        "FEEDPROXY_OPERATOR_TOKEN": TOKEN,
        "FEEDPROXY_TRUSTED_PROXIES": "1",
    }
    running = Server(standing, tmp_path_factory.mktemp("private"), **secrets)
    yield running
    running.end()


def check(answer: Answer, target: str, standing: Standing) -> None:
    """Hold what every answer must hold, whoever asked for what."""
    assert answer.status < 500, (target, answer.body)
    for name, wanted in HEADERS.items():
        values = answer.headers.get_all(name) or []
        assert len(values) == 1, (target, name, values)
        assert re.fullmatch(wanted, values[0]), (target, name, values)
    body = (
        gzip.decompress(answer.body)
        if answer.headers.get("Content-Encoding") == "gzip" and answer.body
        else answer.body
    )
    text = (
        body.decode("utf-8")
        if not answer.media_type.startswith("image/") or "svg" in answer.media_type
        else ""
    )
    told = text + "\n".join(
        f"{name}: {value}" for name, value in answer.headers.items() if name != "Location"
    )
    assert not _TOLD.search(told), (target, _TOLD.search(told))
    assert str(standing.settings.data) not in told, target
    assert str(ROOT) not in told, target
    assert f"feedproxy {__version__}" not in told.lower(), target
    assert not _VERSIONED.search(answer.headers.get("Server", "")), target
    assert "X-Mark" not in answer.headers, target
    assert f"<{MARK}" not in text, (target, text)
    assert MARK not in "".join(
        value for name, value in answer.headers.items() if name != "Location"
    ), target
    if "Location" in answer.headers:
        check_redirect(answer.headers["Location"], target)
    if answer.media_type == "text/html" and text:
        check_page(text, target)
    if "Content-Type" in answer.headers and answer.media_type != "text/html":
        assert re.search(r"(?:^|; )sandbox(?:;|$)", answer.headers["Content-Security-Policy"]), (
            target
        )


def check_redirect(location: str, target: str) -> None:
    base = "http://localhost:8000/town/x"
    for read in (location, location.replace("\\", "/"), location.strip()):
        assert urlsplit(urljoin(base, read))[:2] == ("http", "localhost:8000"), (target, location)
    assert location.startswith("/"), (target, location)
    assert re.fullmatch("[!-~]*", location), (target, location)


def check_page(text: str, target: str) -> None:
    """Hold that a page has no element or attribute that was sent, no script, and no link that runs one."""
    for element in html.document_fromstring(
        text.encode(), parser=html.HTMLParser(encoding="utf-8")
    ).iter(etree.Element):
        assert element.tag not in ("script", "iframe", "object", "embed", "base", MARK), (
            target,
            element.tag,
        )
        for name, value in element.attrib.items():
            assert not str(name).startswith("on"), (target, name)
            assert name not in ("href", "src", "action") or not re.match(
                r"\s*(?:javascript|data|vbscript):|\s*//", str(value), re.IGNORECASE
            ), target


def routes(standing: Standing) -> list[tuple[str, tuple[str, ...]]]:
    """Return each rule as a template with {} for its parameters, and what each of them is where the address is one."""
    known = {
        "section": "town",
        "channel": "city",
        "article_id": "n102",
        "page": "README",
        "number": "1",
        "feed_format": "xml",
        "names": "letters,town/city",
    }
    key = picture_key(Url(f"{BASE}/pic/102.jpg"))
    names = {
        "/media/": standing.picture,
        "/media/of/": key,
        "/tag/": quote("读书"),
        "/feed/tag/": quote("读书"),
    }
    found = []
    for rule in standing.app().url_map.iter_rules():
        before = rule.rule.partition("<")[0]
        parameters = re.findall(r"<(?:[^<>]*:)?(\w+)>", rule.rule)
        template = re.sub(r"<[^<>]*>", "{}", rule.rule)
        found.append(
            (template, tuple(known.get(name, names.get(before, "town")) for name in parameters))
        )
    return sorted(set(found))


def targets(standing: Standing, payloads: Iterable[str]) -> Iterator[str]:
    """Yield each address with each payload in the place of each of its parameters, and behind it where it has none."""
    for template, values in routes(standing):
        for payload in payloads:
            if not values:
                yield f"{template}{'' if template.endswith('/') else '/'}{payload}"
            for at in range(len(values)):
                yield template.format(*values[:at], payload, *values[at + 1 :])


def addresses(standing: Standing) -> list[str]:
    return [
        *(template.format(*values) for template, values in routes(standing)),
        MISSING,
        "/nowhere",
        "/a/b/c",
        "/feed/none.xml",
    ]


# ---------------------------------------------------------------- the scan


def test_every_address_is_what_it_is_and_says_to_browsers_what_they_are_to_be_told(
    server: Server, standing: Standing
) -> None:
    for address in addresses(standing):
        answer = server.ask(address)
        check(answer, address, standing)
        is_missing = address in (
            MISSING,
            "/nowhere",
            "/a/b/c",
            "/feed/none.xml",
        ) or address.startswith("/book/")  # none was made
        expected = (
            (404,) if is_missing else (400,) if address.startswith("/feed/search.") else (200, 302)
        )  # for nothing is searched
        assert answer.status in expected, address


def test_no_hostile_parameter_does_any_harm(server: Server, standing: Standing) -> None:
    count = 0
    for target in targets(standing, PAYLOADS):
        check(server.ask(target), target, standing)
        count += 1
    assert count > 20 * len(PAYLOADS)


def test_no_hostile_parameter_does_any_harm_to_a_private_mirror(
    private: Server, standing: Standing
) -> None:
    for target in targets(standing, PAYLOADS[::7]):
        for secret in ("", f"?key={KEY}&token={TOKEN}"):
            check(private.ask(target + secret), target, standing)


def test_no_hostile_query_does_any_harm(
    server: Server, private: Server, standing: Standing
) -> None:
    for address in addresses(standing):
        for query in QUERIES[::3]:
            target = f"{address}?{query}"
            check(server.ask(target), target, standing)
    for query in QUERIES:
        for address in ("/", "/status", PAGE, "/favicon.ico"):
            check(private.ask(f"{address}?{query}"), query, standing)


def test_no_hostile_choice_does_any_harm(
    server: Server, private: Server, standing: Standing
) -> None:
    statuses = Counter[int]()
    for number, name in enumerate(PARAMETERS):
        for payload in PAYLOADS[number % 3 :: 3]:
            feed_format = tuple(paths.FORMATS)[number % 3]
            target = f"/feed/{'town' if number % 2 else 'merged/letters,town/city'}.{feed_format}?{name}={payload}"
            answer = server.ask(target)
            check(answer, target, standing)
            statuses[answer.status] += 1
    assert statuses.keys() == {200, 400}
    assert statuses[200] > statuses[400] > len(PARAMETERS)
    for payload in MARKS:
        target = f"/feed/all.json?key={KEY}&filter={quote(payload, safe='')}&filterout_title={quote(payload, safe='')}"
        check(private.ask(target), target, standing)


def test_no_method_does_any_harm(server: Server, standing: Standing) -> None:
    for address in addresses(standing):
        for method in METHODS:
            for body in (b"", b"a=1"):
                answer = server.ask(address, method, body=body)
                check(answer, f"{method} {address}", standing)
                if method in ("GET", "HEAD", "POST", "OPTIONS"):
                    continue
                assert answer.status in (400, 404, 405), (method, address)


def test_no_hostile_header_does_any_harm(
    server: Server, private: Server, standing: Standing
) -> None:
    picture = paths.media(standing.picture)
    for address in (
        "/",
        PAGE,
        MISSING,
        "/feed/town.xml",
        "/feed/all.json",
        picture,
        "/static/mirror.css",
        "/favicon.ico",
        "/nowhere",
    ):
        plain = server.ask(address)
        for header in HOSTILE:
            answer = server.ask(address, "GET", header)
            check(answer, f"{header} {address}", standing)
            assert b"evil.example" not in answer.body, (header, address)
            assert "evil.example" not in str(answer.headers), (header, address)
            assert answer.body == plain.body or header[0] in BELIEVED, (header, address)
    for header in HOSTILE:
        for address in ("/", "/status", "/metrics", "/readyz"):
            answer = private.ask(address, "GET", header)
            check(answer, f"{header} {address}", standing)
            assert answer.status in (
                (200, 304, 400) if address == "/readyz" else (400, 401, 403, 429)
            ), (header, address)


LINES = (
    *(
        b"GET / HTTP/9.9",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 x",
        b"\x00\x01\x02",
        b"<x9q> / HTTP/1.1",
        b"GET /<x9q> x9q",
    ),
    *(
        b"GET /" + b"a" * 65_536 + b" HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"GET http://evil.example/ HTTP/1.1",
    ),
    *(
        b"GET //evil.example/ HTTP/1.1",
        b"GET \\\\evil.example HTTP/1.1",
        b"GET * HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
    ),
    *(
        b"PRI * HTTP/2.0",
        b"GET /town?<x9q> HTTP/1.1",
        "GET /桥 HTTP/1.1".encode(),
        b"GET ?x HTTP/1.1",
        b"GET town HTTP/1.1",
        b"",
    ),
    *(b"GET / HTTP/1.1", b"POST " + MISSING.encode() + b" HTTP/1.0"),
)
FIELDS = (
    *(
        b"Host: localhost\r\n",
        b"",
        b"Host: localhost\r\nHost: evil.example\r\n",
        b"Host: localhost\r\nX: " + b"a" * 65_536 + b"\r\n",
    ),
    *(
        b"Host: localhost\r\n folded\r\n",
        b"no colon <x9q>\r\n",
        b"<x9q>: 1\r\n",
        b"Host : localhost\r\n",
        b"X: a\x00b\r\n",
        b"X: 1\r\n" * 300,
    ),
    *(
        b"Transfer-Encoding: <x9q>\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
    ),
    *(
        b"Content-Length: <x9q>\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Expect: <x9q>\r\n",
        b"X-Forwarded-Proto: https\r\n",
    ),
    *(
        b"Content-Length: 1" + b"0" * 5_000 + b"\r\n",
        b"X: \r\rX-Mark: 1\r\n",
        b"Script_Name: /x\r\n",
        b"X-Forwarded-Proto: http\r\nForwarded: x\r\n",
    ),
)


def test_what_is_no_request_at_all_is_refused_like_any_other(
    server: Server, standing: Standing
) -> None:
    heard = 0
    for line in LINES:
        for fields in FIELDS:
            answer = server.send(
                line + b"\r\n" + fields + b"Connection: close\r\n\r\n",
                line.partition(b" ")[0].decode("latin-1"),
            )
            if answer is None:  # who sends on and on may not hear it
                continue
            heard += 1
            # RFC 9112, 6.1: of a transfer coding that it does not know a server says that
            if answer.status != 501:
                check(answer, f"{line[:60]!r} {fields[:60]!r}", standing)
    assert heard > len(LINES) * len(FIELDS) / 2


def test_who_asks_for_an_article_is_led_back_to_the_address_that_was_asked(
    standing: Standing,
) -> None:
    patient = replace(standing.mirror.requests, per_minute=1_000_000)
    client = (
        replace(standing, mirror=replace(standing.mirror, requests=patient)).app().test_client()
    )
    led = 0
    for payload in PAYLOADS:
        target = MISSING.replace("books", payload)
        answer = client.post(target)
        if answer.status_code == 303:
            led += 1
            assert unquote(urlsplit(answer.headers["Location"]).path) == unquote(target), target
    assert led > len(PAYLOADS) / 2


def test_every_feed_is_what_a_reader_takes_and_no_browser_runs(server: Server) -> None:
    merged, chosen = (
        "/feed/merged/letters,town/city.{}",
        "/feed/town.{}?filter=%3Cx9q%3E&opencc=s2t&brief=100",
    )
    for address in (
        "/feed/town.{}",
        "/feed/town/city.{}",
        "/feed/all.{}",
        f"/feed/tag/{quote('读书')}.{{}}",
        merged,
        chosen,
    ):
        for feed_format in paths.FORMATS:
            answer = server.ask(address.format(feed_format))
            assert (answer.status, answer.media_type) == (200, paths.FORMATS[feed_format])
            directives = [
                part.strip() for part in answer.headers["Content-Security-Policy"].split(";")
            ]
            assert {"sandbox", "default-src 'none'"} <= set(directives)
            (json.loads if feed_format == "json" else etree.fromstring)(answer.body)


def test_after_all_that_the_server_is_as_it_was_and_its_log_has_no_fault(
    server: Server, private: Server, standing: Standing
) -> None:
    assert server.ask("/healthz").body == private.ask("/healthz").body == b"ok\n"
    assert server.ask(PAGE).body == standing.app().test_client().get(PAGE).data
    for line in (*server.log, *private.log):
        assert not re.search(r'Traceback|Error|"level": "error"', line), line


SEARCHED = "wanted-words"
BROKEN = (
    f"GET /?key={KEY}&q={SEARCHED} HTTP/1.1\r\nHo st: {SEARCHED}\r\n\r\n",
    f"GET /?key={KEY}&q={SEARCHED} HTTP/7.1\r\nHost: localhost\r\n\r\n",
    f"{SEARCHED} {KEY}\r\n\r\n",
    f"GET /?key={KEY}&q={SEARCHED * 1000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"GET /?key={KEY} HTTP/1.1\r\nHost: localhost\r\nCookie: key={KEY}{SEARCHED * 1000}\r\n\r\n",
    f"GET /?key={KEY} HTTP/1.1\r\nHost: localhost\r\nX: {SEARCHED}\r\n folded {KEY}\r\n\r\n",
    f"GET /?key={KEY} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {SEARCHED}\r\n\r\n",
    f"POST {PAGE}?key={KEY} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{SEARCHED}\r\n",
    f"POST {PAGE}?key={KEY} HTTP/1.1\r\nHost: localhost\r\nExpect: {SEARCHED}\r\nContent-Length: 1\r\n\r\n",
    f"GET /search?key={KEY}&q={SEARCHED} HTTP/1.1\r\nHost: {SEARCHED}",
    f"GET /search?key={KEY}&q={SEARCHED} HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


def test_no_log_line_of_the_server_says_who_reads_what(
    standing: Standing, tmp_path_factory: pytest.TempPathFactory
) -> None:
    running = Server(
        standing, tmp_path_factory.mktemp("logs"), FEEDPROXY_LOG="debug", FEEDPROXY_ACCESS_KEYS=KEY
    )
    for request in BROKEN:
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
            connection.sendall(request.encode())
            with suppress(OSError):  # the server may have hung up already
                connection.shutdown(socket.SHUT_WR)
                connection.recv(100)
    running.end()
    lines = [
        line
        for line in running.log
        if "Listening at" not in line and "Current configuration" not in line
    ]
    assert any("Invalid request" in line for line in lines)
    for word in (KEY, SEARCHED, "127.0.0.1"):
        assert [line for line in lines if word in line] == []


def test_a_request_without_one_host_is_refused(server: Server) -> None:
    for hosts in ("", "Host: localhost\r\nHost: localhost\r\n", "Host: a b\r\n", "Host:\r\n"):
        answer = server.send(
            f"GET /robots.txt HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode()
        )
        assert answer is not None
        assert answer.status == 400, hosts
    old = server.send(b"GET /robots.txt HTTP/1.0\r\n\r\n")
    assert old is not None
    assert old.status == 200
