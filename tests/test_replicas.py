"""Another feedproxy as a source: its whole archive, by its own web side, resumed, corrected, signed."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Clock
from fakes import open_calm_fetcher
from flask import Flask
from newsroom import STORIES, Answer, Newsroom, open_newsroom, picture, write_config

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller, Report, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Article, ArticleId, Channel, ListingItem, Mirror, Source, Url
from feedproxy.sign import FINAL_SERIAL, make_key, write_secret_key
from feedproxy.store import Store, open_store
from feedproxy.urls import picture_key
from feedproxy.web import create_app

PEER = "https://peer.example"
KEY = make_key(bytes(range(40)))
_TEXT = "{at}号院子里的第{at}棵树今年开花，{at}位邻居都来看。"
MANY = tuple(
    replace(
        STORIES[at % 4],
        id=f"n{200 + at}",
        title=f"第{at}条",
        text=_TEXT.format(at=at),
        channels=("city",),
    )
    for at in range(130)
)


class Peer:
    """Another mirror: its own harvest of the same site, and its web side behind a newsroom's door."""

    def __init__(self, folder: Path, newsroom: Newsroom, door: Newsroom) -> None:
        self.settings = Settings(
            config=write_config(folder / "config", "feed"),
            data=folder / "var",
            origins={"news.example": newsroom.origin},
            public_url=PEER,
            signing_key=write_secret_key(KEY),
        )
        self.mirror, self.door, self.newsroom = load_mirror(self.settings.config), door, newsroom
        self.store: Store = open_store(self.settings.store_url, self.settings.data)
        self.clock = Clock()
        self.fetcher = open_calm_fetcher(self.settings, self.mirror)
        self.channel_poller = ChannelPoller(
            Services(
                self.mirror, self.store, self.fetcher, FolderMedia(self.settings.media), self.clock
            )
        )
        self.app = create_app(
            self.settings, self.mirror, self.store, FolderMedia(self.settings.media), self.clock
        )
        self.tampered: dict[str, bytes] = {}
        door.answer = self.answer  # type: ignore[method-assign]

    def answer(self, path: str) -> Answer:
        if path == "/robots.txt":
            return Answer(b"", 404)
        response = self.app.test_client().get(path, headers={"Host": "peer.example"})
        headers = {
            name: response.headers[name]
            for name in ("Content-Type", "Location")
            if name in response.headers
        }
        body = response.data
        for part, other in self.tampered.items():
            body = body.replace(part.encode(), other) if path.endswith("1.json") else body
        return Answer(body, response.status_code, headers)

    def poll(self) -> None:
        for channel in self.mirror.channels:
            self.channel_poller.poll(channel)

    def close(self) -> None:
        self.fetcher.close()
        self.store.close()


@pytest.fixture
def peer(tmp_path: Path, newsroom: Newsroom) -> Iterator[Peer]:
    with open_newsroom() as door:
        opened = Peer(tmp_path / "peer", newsroom, door)
        yield opened
        opened.close()


@pytest.fixture
def own(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock, peer: Peer
) -> Iterator[ChannelPoller]:
    reached = settings.model_copy(
        update={"origins": {**settings.origins, "peer.example": peer.door.origin}}
    )
    channels = tuple(of_peer(channel) for channel in mirror.channels)
    limits = replace(mirror.fetch, max_body_bytes=1_000_000)
    mirror = replace(
        mirror, sections=(replace(mirror.sections[0], channels=channels),), fetch=limits
    )
    fetcher = open_calm_fetcher(reached, mirror)
    yield ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), clock))
    fetcher.close()


def of_peer(channel: Channel, key: str = "") -> Channel:
    return replace(
        channel, source=Source("feedproxy", Url(f"{PEER}/feed/town/{channel.id}.json"), key=key)
    )


def poll(own: ChannelPoller, key: str = "") -> list[Report]:
    return [own.poll(of_peer(channel, key)) for channel in own.services.mirror.channels]


def articles(store: Store) -> dict[ArticleId, Article]:
    return {each.id: each for each in store.newest(["city", "books"], 1_000)}


def test_every_article_comes_as_the_other_mirror_holds_it(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.poll()
    reports = poll(own)
    assert [failure for report in reports for failure in report.failures] == []
    assert articles(store) == articles(peer.store)
    assert store.channels_of([ArticleId("n102")]) == peer.store.channels_of([ArticleId("n102")])


def test_pictures_come_from_the_other_mirror(
    own: ChannelPoller, peer: Peer, store: Store, newsroom: Newsroom
) -> None:
    peer.poll()
    newsroom.faults["/pic/102.jpg"] = Answer(b"", 500)
    poll(own)
    stored, theirs = (each.pictures.of([ArticleId("n102")]) for each in (store, peer.store))
    assert stored == theirs
    assert len(stored) == 1


def test_a_second_walk_asks_for_the_open_page_only_and_changes_nothing(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    poll(own)
    before, asked = store.version(["city", "books"]), len(peer.door.asked)
    poll(own)
    assert store.version(["city", "books"]) == before
    again = [urlsplit(path).path for path in peer.door.asked[asked:]]
    assert again == ["/feed/town/city/archive/2.json", "/feed/town/books/archive/1.json"]


def test_a_walk_that_was_interrupted_goes_on_at_its_page(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    asked = iter([False, True, True, True, True])
    stopping = ChannelPoller(replace(own.services, is_stopping=lambda: next(asked)))
    stopping.poll(of_peer(own.services.mirror.channels[0]))
    assert len(articles(store)) == 100
    poll(own)
    assert articles(store).keys() == articles(peer.store).keys()
    assert [urlsplit(path).path for path in peer.door.asked].count(
        "/feed/town/city/archive/1.json"
    ) == 1


def test_a_page_is_stored_wholly_or_not_at_all(
    own: ChannelPoller, peer: Peer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    saved, save = list[str](), Store.save

    def fail_at_last(to: Store, article: Article, *given: object, **named: object) -> None:
        saved.append(article.id)
        if len(saved) == 120:
            raise StoreError("store: disk is full")
        save(to, article, *given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Store, "save", fail_at_last)
        with pytest.raises(StoreError):
            poll(own)
    assert len(articles(store)) == 100
    poll(own)
    assert articles(store) == articles(peer.store)


def test_what_is_corrected_there_later_is_corrected_here(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    poll(own)
    changed = replace(MANY[3], title="更正的标题", text=MANY[3].text + "（更正）")
    peer.newsroom.stories = (*MANY[:3], changed, *MANY[4:])
    peer.clock.advance(hours=1)
    url = Url(f"http://news.example{changed.path}")
    peer.store.queue.add_listing(
        "city", [ListingItem(ArticleId(changed.id), url, changed.title)], peer.clock()
    )
    peer.channel_poller.fetch_due(peer.mirror.channels[0])
    poll(own)
    assert articles(store)[ArticleId(changed.id)] == articles(peer.store)[ArticleId(changed.id)]
    assert "（更正）" in articles(store)[ArticleId(changed.id)].body


def test_a_signed_mirror_is_taken_by_its_key(own: ChannelPoller, peer: Peer, store: Store) -> None:
    peer.poll()
    reports = poll(own, str(KEY.public))
    assert [failure for report in reports for failure in report.failures] == []
    assert articles(store) == articles(peer.store)


@pytest.mark.parametrize("other", ["（不是原文）".encode(), b""])
def test_a_page_that_was_tampered_with_is_refused_and_named(
    own: ChannelPoller, peer: Peer, store: Store, other: bytes
) -> None:
    peer.poll()
    peer.tampered[STORIES[0].text] = other
    report = own.poll(of_peer(own.services.mirror.channels[0], str(KEY.public)))
    assert [failure.url for failure in report.failures] == [f"{PEER}/feed/town/city/archive/1.json"]
    assert "is rejected" in report.failures[0].reason
    assert articles(store) == {}


def test_a_page_signed_as_another_one_is_refused(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    answer = peer.answer
    peer.door.answer = lambda path: answer(path.replace("/archive/2.", "/archive/1."))  # type: ignore[method-assign]
    report = own.poll(of_peer(own.services.mirror.channels[0], str(KEY.public)))
    assert [failure.url for failure in report.failures] == [f"{PEER}/feed/town/city/archive/2.json"]
    assert len(articles(store)) == 100


def test_what_is_no_feedproxy_is_told(own: ChannelPoller, peer: Peer) -> None:
    page = "/feed/town/city/archive/1.json"
    peer.door.answer = peer.door.faults.__getitem__  # type: ignore[method-assign,assignment]
    peer.door.faults[page] = Answer(b"<html>", headers={"Content-Type": "text/html"})
    assert "is not JSON" in str(poll(own)[0].failures[0])
    feed = b'{"items": [7, {"title": "x"}]}'
    peer.door.faults[page] = Answer(feed, headers={"Content-Type": "application/json"})
    assert "is not a page of a feedproxy archive" in str(poll(own)[0].failures[0])


def test_hostile_records_cost_themselves_only(own: ChannelPoller, peer: Peer, store: Store) -> None:
    peer.poll()
    peer.tampered['"id":"n101"'] = b'"id":"../../x"'
    report = own.poll(of_peer(own.services.mirror.channels[0]))
    assert ["a record in it is damaged: id" in failure.reason for failure in report.failures] == [
        True
    ]
    assert articles(store).keys() == articles(peer.store).keys() - {"n101", "n104"}


def test_scripts_in_records_are_cleaned(own: ChannelPoller, peer: Peer, store: Store) -> None:
    peer.poll()
    peer.tampered[STORIES[0].text] = b"<script>alert(1)</script><img src=x onerror=alert(2)>"
    own.poll(of_peer(own.services.mirror.channels[0]))
    body = articles(store)[ArticleId("n101")].body
    assert "alert" not in body
    assert "onerror" not in body


# ---------------------------------------------------------------- who controls the host, and holds all that was ever signed


def signed_poll(own: ChannelPoller, *, allow_older: bool = False) -> Report:
    """Poll the channel `city` from the other mirror, whose key is demanded."""
    channel = of_peer(own.services.mirror.channels[0], str(KEY.public))
    return own.poll(replace(channel, source=replace(channel.source, allow_older=allow_older)))


def divert(peer: Peer, old: str, new: str) -> None:
    """Have the host answer with what stands elsewhere, signatures too."""
    answer = peer.answer
    peer.door.answer = lambda path: answer(path.replace(old, new))  # type: ignore[method-assign]


def test_the_walk_asks_for_no_document_that_is_not_signed(own: ChannelPoller, peer: Peer) -> None:
    peer.poll()
    signed_poll(own)
    asked = [urlsplit(path).path.removesuffix(".minisig") for path in peer.door.asked]
    assert {path for path in asked if asked.count(path) != 2} <= {
        path for path in asked if path.startswith("/media/")
    }
    assert "/feed/town/city.json" not in asked


@pytest.mark.parametrize(
    "other",
    [
        "/feed/town/books/archive/",
        "/feed/letters/books/archive/",
        "/feed/town/archive/",
        "/feed/all/archive/",
    ],
)
def test_the_archive_of_another_channel_section_or_of_all_is_refused(
    own: ChannelPoller, peer: Peer, store: Store, other: str
) -> None:
    peer.poll()
    divert(peer, "/feed/town/city/archive/", other)
    report = signed_poll(own)
    told = f"its signature is that of {other}1.json, not of /feed/town/city/archive/1.json; take it from another copy"
    assert [
        str(failure).startswith(f"{PEER}/feed/town/city/archive/1.json: is rejected")
        for failure in report.failures
    ] == [True]
    assert told in str(report.failures[0])
    assert articles(store) == {}


def test_a_page_in_another_form_is_refused(own: ChannelPoller, peer: Peer, store: Store) -> None:
    peer.poll()
    divert(peer, "1.json.minisig", "1.atom.minisig")
    assert "is rejected" in str(signed_poll(own).failures[0])
    assert articles(store) == {}


def test_a_redirect_to_what_another_channel_signed_is_refused(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.poll()
    answer = peer.answer

    def lead_away(path: str) -> Answer:
        there = path.replace("/city/", "/books/")
        return (
            Answer(b"", 301, {"Location": f"{PEER}{there}"}) if "/city/" in path else answer(path)
        )

    peer.door.answer = lead_away  # type: ignore[method-assign]
    assert "is rejected" in str(signed_poll(own).failures[0])
    assert articles(store) == {}


def test_a_page_without_a_signature_is_refused(
    own: ChannelPoller, peer: Peer, store: Store
) -> None:
    peer.poll()
    divert(peer, ".minisig", ".none")
    assert "is rejected: it has no signature (.minisig); take it from another copy" in str(
        signed_poll(own).failures[0]
    )
    assert articles(store) == {}


def keep_answers(peer: Peer) -> dict[str, Answer]:
    """Return what the host answers from now on, by path."""
    answer, kept = peer.answer, dict[str, Answer]()

    def remember(path: str) -> Answer:
        kept[path] = answer(path)
        return kept[path]

    peer.door.answer = remember  # type: ignore[method-assign]
    return kept


@pytest.mark.parametrize("more", [1, 100])
def test_an_older_open_page_is_refused_unless_that_is_allowed(
    own: ChannelPoller, peer: Peer, store: Store, more: int
) -> None:
    peer.newsroom.stories = MANY[:10]
    peer.poll()
    kept = keep_answers(peer)
    assert signed_poll(own).failures == []
    old = dict(kept)
    peer.newsroom.stories = MANY[: 10 + more]
    peer.clock.advance(hours=1)
    peer.poll()
    assert signed_poll(own).failures == []
    assert len(articles(store)) == 10 + more
    store.schedule.save_poll(replace(store.schedule.state("city"), listing_hash="", replica_url=""))
    peer.door.answer = lambda path: old.get(path) or Answer(b"", 404)  # type: ignore[method-assign]
    (failure,) = signed_poll(own).failures
    assert (
        f"is rejected: an old copy: /feed/town/city/archive/1.json from {PEER} has serial "
        in str(failure)
    )
    assert (
        "was seen before; if its publisher went back on purpose, accept it with --allow-older"
        in str(failure)
    )
    assert signed_poll(own, allow_older=True).failures == []
    store.schedule.save_poll(replace(store.schedule.state("city"), listing_hash="", replica_url=""))
    assert signed_poll(own).failures == []  # from here on it counts again


def test_a_correction_that_is_taken_back_is_refused(own: ChannelPoller, peer: Peer) -> None:
    peer.poll()
    kept = keep_answers(peer)
    signed_poll(own)
    old = dict(kept)
    stored = peer.store.article(ArticleId("n103"))
    assert stored is not None
    later = stored.published.replace(year=2022)
    peer.store.save(replace(stored, title="更正的标题", updated=later), [], {}, later)
    assert signed_poll(own).failures == []
    peer.door.answer = lambda path: old.get(path) or Answer(b"", 404)  # type: ignore[method-assign]
    assert "is rejected: an old copy" in str(signed_poll(own).failures[0])


def test_a_signed_archive_does_not_begin_again_because_its_host_says_so(
    own: ChannelPoller, peer: Peer
) -> None:
    peer.newsroom.stories = MANY
    peer.poll()
    signed_poll(own)
    asked = len(peer.door.asked)
    divert(peer, "/archive/2.", "/archive/9.")
    assert [failure.url for failure in signed_poll(own).failures] == [
        f"{PEER}/feed/town/city/archive/2.json"
    ]
    assert "/feed/town/city/archive/1.json" not in peer.door.asked[asked:]


PICTURE = Url("http://news.example/pic/102.jpg")
OTHER = Url("http://news.example/pic/101.jpg")


@pytest.mark.parametrize("attack", ["forged", "another", "unsigned"])
def test_a_picture_that_is_not_the_signed_one_is_refused_and_named(
    own: ChannelPoller, peer: Peer, store: Store, newsroom: Newsroom, attack: str
) -> None:
    peer.newsroom.stories = (*STORIES, replace(STORIES[0], id="n120", picture="/pic/101.jpg"))
    peer.poll()
    newsroom.faults["/pic/102.jpg"] = Answer(b"", 500)
    place = f"/media/of/{picture_key(PICTURE)}/original"
    answer = peer.answer

    def attacked(path: str) -> Answer:
        if attack == "another":
            return answer(path.replace(picture_key(PICTURE), picture_key(OTHER)))
        if attack == "unsigned" and path == f"{place}.minisig":
            return Answer(b"", 404)
        if attack == "forged" and path == place:
            return Answer(picture("forged"), headers={"Content-Type": "image/png"})
        return answer(path)

    peer.door.answer = attacked  # type: ignore[method-assign]
    report = signed_poll(own)
    assert [failure.url for failure in report.failures] == [f"{PEER}{place}"]
    assert "is rejected" in report.failures[0].reason
    assert PICTURE not in store.pictures.of([ArticleId("n102")])
    assert articles(store).keys() >= {"n102"}


def test_signed_pictures_come_with_their_articles(
    own: ChannelPoller, peer: Peer, store: Store, newsroom: Newsroom
) -> None:
    peer.poll()
    newsroom.faults["/pic/102.jpg"] = Answer(b"", 500)
    assert signed_poll(own).failures == []
    assert store.pictures.of([ArticleId("n102")]) == peer.store.pictures.of([ArticleId("n102")])


def test_the_serial_of_a_page_is_the_same_on_every_node_and_grows_with_it(peer: Peer) -> None:
    peer.newsroom.stories = MANY[:99]
    peer.poll()
    again = open_store(peer.settings.store_url, peer.settings.data)
    node = create_app(
        peer.settings, peer.mirror, again, FolderMedia(peer.settings.media), peer.clock
    )

    def signature(app: Flask) -> bytes:
        got = app.test_client().get(
            "/feed/town/city/archive/1.json.minisig", headers={"Host": "peer.example"}
        )
        return bytes(got.data)

    def serial() -> int:
        return int(signature(peer.app).partition(b"serial:")[2].partition(b" ")[0])

    first = serial()
    assert signature(node) == signature(peer.app)
    peer.newsroom.stories = MANY[:100]
    peer.poll()
    full = serial()
    assert 0 < first < full == FINAL_SERIAL
    peer.newsroom.stories = MANY
    peer.poll()
    assert serial() == full
    again.close()


@pytest.mark.skipif(not shutil.which("minisign"), reason="needs minisign")
@pytest.mark.parametrize(
    "path", ["/feed/town/city/archive/1.json", f"/media/of/{picture_key(PICTURE)}/original"]
)
def test_minisign_verifies_what_a_live_mirror_signs(peer: Peer, tmp_path: Path, path: str) -> None:
    peer.poll()
    client = peer.app.test_client()
    for name, address in (("page", path), ("page.minisig", f"{path}.minisig")):
        (tmp_path / name).write_bytes(
            client.get(address, headers={"Host": "peer.example"}, follow_redirects=True).data
        )
    command = ["minisign", "-Vm", str(tmp_path / "page"), "-P", str(KEY.public)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"path:{path}" in ended.stdout
