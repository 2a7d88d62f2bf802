"""Feeds name their hub, the poller tells it what changed, and subscribers have it at once."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import pytest
from conftest import Clock
from flask import Flask
from newsroom import STORIES, Newsroom
from serving import served, serving

from feedproxy.configuration.settings import Settings, load_settings
from feedproxy.errors import ConfigError
from feedproxy.fetch import Hub
from feedproxy.ingest import Announcer, ChannelPoller, Poller, archive
from feedproxy.media import FolderMedia
from feedproxy.model import Mirror
from feedproxy.store import Store
from feedproxy.web import create_app

HUB = "https://hub.example/"
ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass
class SmallHub:
    """What a hub does that is told of a feed: it fetches it, and sends it to those who asked for it."""

    url: str = ""
    is_down: bool = False
    told: list[str] = field(default_factory=list)
    posts: int = 0
    delivered: dict[str, list[bytes]] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)

    def publish(self, form: dict[str, list[str]]) -> int:
        self.posts += 1
        if self.is_down:
            return 503
        if form["hub.mode"] != ["publish"]:
            return 400
        self.told += form["hub.url"]
        for topic in self.subscribed.intersection(form["hub.url"]):
            with urllib.request.urlopen(topic) as feed:
                self.delivered.setdefault(topic, []).append(feed.read())
        return 204


@contextmanager
def open_hub() -> Iterator[SmallHub]:
    hub = SmallHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(hub.publish(parse_qs(body)))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}/"
    with serving(server):
        yield hub


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    with open_hub() as opened:
        yield opened


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address at which the web side is reached."""
    with served(app) as opened:
        yield opened


def announced(
    settings: Settings, mirror: Mirror, store: Store, media: FolderMedia, clock: Clock
) -> Flask:
    named = settings.model_copy(update={"websub_hub": HUB, "public_url": "https://mirror.example"})
    return create_app(named, mirror, store, media, clock)


def hubs_of(body: bytes, path: str) -> list[str]:
    if ".json" in path:
        return [hub["url"] for hub in json.loads(body).get("hubs", []) if hub["type"] == "WebSub"]
    return [
        link.get("href", "")
        for link in ET.fromstring(body).iter(f"{ATOM}link")
        if link.get("rel") == "hub"
    ]


@pytest.mark.parametrize("feed_format", ["xml", "atom", "json"])
def test_feeds_name_the_hub_that_is_told_of_them_and_no_others_do(
    settings: Settings,
    mirror: Mirror,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    channel_poller: ChannelPoller,
    feed_format: str,
) -> None:
    for channel in mirror.channels:
        channel_poller.backfill(channel, pages=9)
    archive(channel_poller.services)
    client, silent = (
        announced(settings, mirror, store, media, clock).test_client(),
        create_app(settings, mirror, store, media, clock),
    )
    for path in (
        f"/feed/all.{feed_format}",
        f"/feed/town.{feed_format}",
        f"/feed/town/city.{feed_format}",
    ):
        assert hubs_of(client.get(path).data, path) == [HUB]
        assert hubs_of(silent.test_client().get(path).data, path) == []
    for path in (
        f"/feed/tag/读书.{feed_format}",
        f"/feed/town.{feed_format}?limit=1",
        f"/feed/town/archive/1.{feed_format}",
    ):
        assert hubs_of(client.get(path).data, path) == []


def test_a_subscriber_has_an_article_as_soon_as_the_poller_has_it(
    newsroom: Newsroom, channel_poller: ChannelPoller, clock: Clock, hub: SmallHub, address: str
) -> None:
    topic = f"{address}/feed/town/city.atom"
    hub.subscribed.add(topic)
    newsroom.stories = STORIES[:2]
    poller = Poller(channel_poller.services, "a", announcer=Announcer(Hub(hub.url), address))
    until_quiet(poller, clock)
    assert STORIES[0].title in hub.delivered[topic][-1].decode()
    count, posts = len(hub.delivered[topic]), hub.posts
    until_quiet(poller, clock)
    assert (len(hub.delivered[topic]), hub.posts) == (
        count,
        posts,
    )  # nothing changed, nobody is told
    newsroom.stories = STORIES[:3]
    clock.advance(hours=13)
    until_quiet(poller, clock)
    assert STORIES[2].title in hub.delivered[topic][-1].decode()


def test_only_feeds_that_changed_are_told_all_in_one_request(
    newsroom: Newsroom, channel_poller: ChannelPoller, hub: SmallHub
) -> None:
    services, announcer = channel_poller.services, Announcer(Hub(hub.url), "https://mirror.example")
    newsroom.stories = STORIES[:3]
    for channel in services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    archive(services)
    assert announcer.tell(services.mirror, services.store)
    assert (hub.posts, len(hub.told)) == (1, 3 * len(services.mirror.logs))  # after a start: of all
    hub.told.clear()
    newsroom.stories = STORIES
    for channel in services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    archive(services)
    assert announcer.tell(services.mirror, services.store)
    names = {"all", "town", "town/books", "letters", "letters/books"}
    assert {url.removesuffix(".xml") for url in hub.told if url.endswith(".xml")} == {
        f"https://mirror.example/feed/{name}" for name in names
    }


def test_a_hub_that_fails_is_told_again_later_and_stops_no_poll(
    channel_poller: ChannelPoller,
    clock: Clock,
    hub: SmallHub,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub.is_down = True
    poller = Poller(
        channel_poller.services, "a", announcer=Announcer(Hub(hub.url), "https://mirror.example")
    )
    until_quiet(poller, clock)
    assert store.newest([channel.id for channel in channel_poller.services.mirror.channels], 9)
    assert hub.posts == 1  # it is left alone for a while
    assert (
        "websub: the hub at 127.0.0.1: answered 503; the notification is sent again later"
        in caplog.text
    )
    hub.is_down = False
    clock.advance(minutes=6)
    poller.step()
    assert "https://mirror.example/feed/town.xml" in hub.told


def test_a_hub_that_nobody_could_ask_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"FEEDPROXY_WEBSUB_HUB.*FEEDPROXY_PUBLIC_URL"):
        load_settings({"FEEDPROXY_WEBSUB_HUB": HUB})
    public = {"FEEDPROXY_WEBSUB_HUB": HUB, "FEEDPROXY_PUBLIC_URL": "https://mirror.example"}
    with pytest.raises(ConfigError, match=r"FEEDPROXY_WEBSUB_HUB.*private"):
        load_settings(public | {"FEEDPROXY_ACCESS_KEYS": "a-key-of-the-tests"})
    with pytest.raises(ConfigError, match="FEEDPROXY_WEBSUB_HUB"):
        load_settings(public | {"FEEDPROXY_WEBSUB_HUB": "hub.example"})
    assert load_settings(public).websub_hub == HUB


def until_quiet(poller: Poller, clock: Clock) -> None:
    """Let a poller do all that is due now."""
    for _ in range(20):
        if poller.step() > clock.now:
            return
    raise AssertionError("there is always more to do")
