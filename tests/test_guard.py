"""The network guard: no spelling of an address that is not public, no redirect and no resolver leads to a connection."""

import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import Clock
from fakes import CalmBudget
from newsroom import BASE, Answer, Newsroom

from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.fetch.guard import is_public, public_addresses
from feedproxy.model import Mirror, Url

# Each stands for a range: loopback, private, link-local with metadata, shared, "this", multicast, reserved, ...
V4 = (
    *(
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.1.1",
        "169.254.169.254",
    ),
    *(
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
    ),
    *(
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.192",
        "198.18.0.1",
        "192.0.2.1",
        "203.0.113.1",
        "168.63.129.16",
    ),
)
V6 = (
    *(
        "::1",
        "::",
        "fe80::1",
        "fe80::1%25lo",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
    ),
    *("3fff::1", "5f00::1", "100::1", "2001:10::1", "2001:2::1"),
)
PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001::200e")
PORT = 8099


def spellings_of(dotted: str) -> Iterator[str]:
    """Yield how else an IPv4 address is written, as hosts of addresses of pages."""
    a, b, c, d = map(int, dotted.split("."))
    number = int(ipaddress.IPv4Address(dotted))
    yield from (dotted, f"{dotted}.", f"{a}.{b}.{c * 256 + d}", f"{a}.{b * 65536 + c * 256 + d}")
    yield from (str(number), hex(number), hex(number).upper(), f"0{number:o}", f"{number}.")
    yield from (
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:04o}.{b:04o}.{c:04o}.{d:04o}",
    )
    yield from (
        f"{a:#x}.{b}.{c}.{d}",
        f"0{a:o}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.{d:#x}",
        f"0x{a:08x}.{b}.{c}.{d}",
    )
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    hidden = f"{number ^ 0xFFFFFFFF:08x}"
    for form in (
        *(
            f"::ffff:{dotted}",
            f"::ffff:{high}:{low}",
            f"0:0:0:0:0:ffff:{high}:{low}",
            f"::{dotted}",
            f"::{high}:{low}",
        ),
        *(
            f"::ffff:0:{dotted}",
            f"2002:{high}:{low}::",
            f"2002:{high}:{low}::1",
            f"64:ff9b::{dotted}",
            f"64:ff9b::{high}:{low}",
        ),
        *(
            f"64:ff9b:1::{dotted}",
            f"2001::1:0:{hidden[:4]}:{hidden[4:]}",
            f"2a00:1450::5efe:{high}:{low}",
        ),
        f"2a00:1450::200:5efe:{high}:{low}",
    ):
        yield f"[{form}]"


HOSTS = [
    *(spelling for dotted in V4 for spelling in spellings_of(dotted)),
    *(f"[{address}]" for address in V6),
]
# What is no address in itself, but may lead to one.
NAMES = [
    "localhost",
    "localhost.",
    "LOCALHOST",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127.0.0.1%00.example",
]

_connected: list[Any] = []
_watching: list[Any] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching and arguments[1] not in _watching:
        _connected.append(arguments[1])
        raise ConnectionRefusedError("not in a test")


sys.addaudithook(_watch)


@contextmanager
def no_network(*, but: str = "") -> Iterator[list[Any]]:
    """Let no socket of this process connect *but* to an origin; give the addresses that were tried."""
    _connected.clear()
    _watching.append((urlsplit(but).hostname, urlsplit(but).port))
    try:
        yield _connected
    finally:
        _watching.clear()


@pytest.fixture
def reaching(settings: Settings, mirror: Mirror, clock: Clock) -> Iterator[HttpFetcher]:
    """A fetcher of an operator who has named every address, and its port, as a site's."""
    limits = replace(
        mirror, fetch=replace(mirror.fetch, ports=(80, 443, PORT), give_up_after=10**6)
    )
    hosts = [host.strip("[]").lower() for host in (*HOSTS, *NAMES, *PUBLIC)] + [
        host.lower() for host in HOSTS
    ]
    opened = open_fetcher(
        settings, limits, CalmBudget(), clock, lambda _: None, more_hosts=(*hosts, "shifty.example")
    )
    yield opened
    opened.close()


def test_there_are_more_than_three_hundred_spellings_and_most_are_not_seen_by_ipaddress_alone() -> (
    None
):
    assert len(set(HOSTS)) > 600
    addresses = {
        str(ipaddress.ip_address(host.strip("[]")))
        for host in HOSTS
        if ":" in host and "%" not in host
    }
    assert sum(ipaddress.ip_address(address).is_global for address in addresses) > 100
    assert [address for address in addresses if is_public(address)] == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_an_address_that_is_not_public_is_ever_connected_to(
    reaching: HttpFetcher, scheme: str
) -> None:
    with no_network() as tried:
        for host in (*HOSTS, *NAMES):
            for port in ("", f":{PORT}"):
                with pytest.raises(FetchError):
                    reaching.fetch(Url(f"{scheme}://{host}{port}/latest/meta-data/"))
                with pytest.raises(FetchError):
                    reaching.fetch_picture(Url(f"{scheme}://{host}{port}/a.png"))
    assert tried == []


def test_no_redirect_leads_to_an_address_that_is_not_public(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    hosts = [host.strip("[]").lower() for host in HOSTS]
    limits = replace(mirror, fetch=replace(mirror.fetch, ports=(80, 443, PORT)))
    for more in ((), tuple(hosts)):  # those of no configured site, and of one
        opened = open_fetcher(
            settings, limits, CalmBudget(), clock, lambda _: None, more_hosts=more
        )
        for host in (*HOSTS, *NAMES):
            newsroom.faults["/old.htm"] = Answer(
                status=302, headers={"Location": f"http://{host}:{PORT}/"}
            )
            with no_network(but=newsroom.origin) as tried, pytest.raises(FetchError):
                opened.fetch(Url(f"{BASE}/old.htm"))
            assert tried == []
        opened.close()


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:70/", "data:text/html,x"],
)
def test_no_redirect_leads_to_another_scheme(
    fetcher: HttpFetcher, newsroom: Newsroom, location: str
) -> None:
    newsroom.faults["/old.htm"] = Answer(status=302, headers={"Location": location})
    with pytest.raises(FetchError, match="refused: redirect to"):
        fetcher.fetch(Url(f"{BASE}/old.htm"))


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have names resolved to one list of addresses after the other; the last one stays."""

    def answer(*answers: list[str]) -> None:
        left, real = list(answers), socket.getaddrinfo

        def lookup(host: str, port: int | None, *args: Any, **kwargs: Any) -> list[Any]:
            if host != "shifty.example":
                return list(real(host, port, *args, **kwargs))
            addresses = left.pop(0) if len(left) > 1 else left[0]
            kinds = {True: socket.AF_INET6, False: socket.AF_INET}
            return [
                (kinds[":" in address], socket.SOCK_STREAM, 6, "", (address, port or 0))
                for address in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    return answer


def test_a_name_whose_addresses_change_between_two_look_ups_is_reached_where_it_was_checked(
    reaching: HttpFetcher, resolve: Callable[..., None]
) -> None:
    for bad in (*V4, *(address for address in V6 if "%" not in address)):
        resolve(["93.184.216.34"], [bad])
        with no_network() as tried, pytest.raises(FetchError):
            reaching.fetch(Url("http://shifty.example/"))
        assert {address[0] for address in tried} <= {"93.184.216.34"}
        with (
            no_network() as tried,
            pytest.raises(FetchError, match="which is not a public address"),
        ):
            reaching.fetch(Url("https://shifty.example/"))
        assert tried == []


def test_of_a_name_with_good_and_bad_addresses_only_the_good_are_tried(
    reaching: HttpFetcher, resolve: Callable[..., None]
) -> None:
    resolve([*V4[:5], PUBLIC[0], "::1", PUBLIC[1]])
    with no_network() as tried, pytest.raises(FetchError):
        reaching.fetch(Url("http://shifty.example/"))
    assert list(dict.fromkeys(address[0] for address in tried)) == [PUBLIC[0], PUBLIC[1]]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert public_addresses(address) == [address]


def test_behind_a_proxy_an_address_that_is_not_public_is_refused_as_well(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    hosts = tuple(host.strip("[]").lower() for host in HOSTS)
    behind = settings.model_copy(update={"origins": {}, "proxy": newsroom.origin})
    opened = open_fetcher(behind, mirror, CalmBudget(), clock, lambda _: None, more_hosts=hosts)
    for host in HOSTS:
        with pytest.raises(FetchError):
            opened.fetch(Url(f"http://{host}/"))
    opened.close()
    assert newsroom.asked == []


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", "http://localhost:{port}"])
def test_an_origin_is_exempt_for_its_own_host_only(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock, origin: str
) -> None:
    port = newsroom.origin.rpartition(":")[2]
    named = settings.model_copy(
        update={"origins": {host: origin.format(port=port) for host in settings.origins}}
    )
    limits = replace(mirror, fetch=replace(mirror.fetch, ports=(80, 443, int(port))))
    opened = open_fetcher(
        named, limits, CalmBudget(), clock, lambda _: None, more_hosts=("127.0.0.1", "localhost")
    )
    assert opened.fetch(Url(f"{BASE}/city.htm")).body
    asked = len(newsroom.asked)
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(FetchError, match=r"refused: .* not a public address"):
            opened.fetch(Url(f"http://{host}:{port}/city.htm"))
    opened.close()
    assert len(newsroom.asked) == asked


def test_pictures_come_from_picture_hosts_and_pages_do_not(
    settings: Settings, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    site = replace(mirror.sites[0], picture_hosts=("pictures.example",))
    at = settings.model_copy(
        update={"origins": {**settings.origins, "pictures.example": newsroom.origin}}
    )
    opened = open_fetcher(
        at, replace(mirror, sites=(site, *mirror.sites[1:])), CalmBudget(), clock, lambda _: None
    )
    assert opened.fetch_picture(Url("http://pictures.example/pic/101.png"))[:4] == b"\x89PNG"
    with pytest.raises(FetchError, match="refused: not a host of a configured site"):
        opened.fetch(Url("http://pictures.example/city.htm"))
    opened.close()
