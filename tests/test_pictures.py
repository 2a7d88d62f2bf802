"""Pictures from the listing to the reader: fetched with their articles, kept once, tried again, never asked for elsewhere."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import feedparser
import pytest
from conftest import Clock
from fakes import open_calm_fetcher
from flask import Flask
from flask.testing import FlaskClient
from lxml import html as parser
from newsroom import (
    BASE,
    HOST,
    STORIES,
    Answer,
    Newsroom,
    Story,
    listing,
    page_of,
    picture,
    write_config,
)
from PIL import Image

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import HttpFetcher, open_fetcher
from feedproxy.ingest import ChannelPoller, Report, Services
from feedproxy.media import FolderMedia
from feedproxy.model import Article, ArticleId, Images, Mirror, Source, Url
from feedproxy.store import Store
from feedproxy.web import create_app

TEXT = "镇上的老照相馆今天重新开张，橱窗里摆着三代人的照片。"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def story(number: int, html: str, channels: tuple[str, ...] = ("city",), lead: str = "") -> Story:
    text = f"第{number}条街的消息：{TEXT}"  # articles of one text are none
    return Story(f"n{number}", "21/5/5", f"照相馆{number}", text + html, channels, (), lead)


def with_parts(channel_poller: ChannelPoller, **parts: Any) -> ChannelPoller:
    """Return a harvester with other parts in its kit."""
    return replace(channel_poller, services=replace(channel_poller.services, **parts))


def poll(channel_poller: ChannelPoller, *channels: str) -> list[Report]:
    wanted = [
        channel
        for channel in channel_poller.services.mirror.channels
        if not channels or channel.id in channels
    ]
    return [channel_poller.backfill(channel, pages=9) for channel in wanted]


def pictures_asked(newsroom: Newsroom) -> list[str]:
    return [path for path in newsroom.asked if path.startswith("/pic/")]


def fetch_due(channel_poller: ChannelPoller) -> Report:
    report = Report(channel_poller.services.mirror.channels[0])
    while channel_poller.pictures.fetch_due(report):
        pass
    return report


def entry_of(client: FlaskClient, number: int, feed: str = "/feed/all.json") -> str:
    items = json.loads(client.get(feed).data)["items"]
    return str(next(item["content_html"] for item in items if item["id"].endswith(f":n{number}")))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_lead_body_and_figure_come_with_their_article(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient
) -> None:
    html = '<img src="/pic/1.png"><figure><img data-src="/pic/2.png" src="/blank.gif"><figcaption>橱窗</figcaption></figure>'
    newsroom.stories = (story(1, html, lead="/pic/lead.png"),)
    assert [report.pictures for report in poll(channel_poller)] == [3, 0]
    assert sorted(pictures_asked(newsroom)) == ["/pic/1.png", "/pic/2.png", "/pic/lead.png"]
    for content in (entry_of(client, 1), client.get("/town/blob/master/pages/city/n1.md").text):
        assert len(re.findall(r'<img [^>]*src="[^"]*/media/[0-9a-f]{32}\.\w+"', content)) == 3
        assert HOST not in content.replace("原文链接（需翻墙）：http://" + HOST, "")


def test_of_several_widths_the_one_that_suits_reading_is_fetched(
    newsroom: Newsroom, channel_poller: ChannelPoller
) -> None:
    html = '<img src="/pic/300.png" srcset="/pic/300.png 300w, /pic/1600.png 1600w, /pic/4000.png 4000w">'
    newsroom.stories = (story(1, html),)
    poll(channel_poller)
    assert pictures_asked(newsroom) == ["/pic/1600.png"]


def test_a_picture_of_several_articles_is_fetched_once_and_equal_ones_are_one_file(
    newsroom: Newsroom, channel_poller: ChannelPoller, media: FolderMedia
) -> None:
    newsroom.stories = tuple(
        story(number, '<img src="/pic/a.png"><img src="/pic/b.png">') for number in range(1, 6)
    )
    newsroom.faults["/pic/b.png"] = Answer(picture("/pic/a.png"))
    poll(channel_poller)
    assert sorted(pictures_asked(newsroom)) == ["/pic/a.png", "/pic/b.png"]
    assert len(list(media.names())) == 2  # its original size and its reading form


def test_a_wide_picture_is_narrowed_for_reading_and_kept_in_its_size(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient, store: Store
) -> None:
    newsroom.stories = (story(1, '<a href="/pic/a-big.png"><img src="/pic/a.png"></a>'),)
    newsroom.faults["/pic/a.png"] = Answer(picture("/pic/a.png", (1500, 1000)))
    poll(channel_poller)
    stored = store.pictures.of([ArticleId("n1")])[Url(f"{BASE}/pic/a.png")]
    assert (stored.reading.width, stored.reading.height, stored.reading.media_type) == (
        1200,
        800,
        "image/webp",
    )
    assert (stored.original.width, stored.original.height) == (1500, 1000)
    page = client.get("/town/blob/master/pages/city/n1.md").text
    assert (
        f'<a href="../../../../../media/{stored.original.name}"><img src="../../../../../media/{stored.reading.name}"'
        in page
    )
    with Image.open(io.BytesIO(client.get(f"/media/{stored.reading.name}").data)) as shown:
        assert shown.size == (1200, 800)


@pytest.mark.parametrize(
    "answer",
    [
        *(
            Answer(b"", 404),
            Answer(b"<h1>login</h1>"),
            Answer(SVG, headers={"Content-Type": "image/svg+xml"}),
            Answer(b""),
        ),
        *(
            Answer(picture("x")[:-40]),
            Answer(picture("x") + b"\0" * 100_000),
            Answer(picture("x", (6000, 5000))),
        ),
    ],
    ids=["gone", "html", "svg", "empty", "cut", "long", "large"],
)
def test_a_picture_that_cannot_be_had_leaves_its_words_and_comes_when_it_can(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    client: FlaskClient,
    clock: Clock,
    answer: Answer,
) -> None:
    newsroom.stories = (
        story(
            1,
            '<figure><a href="/pic/a.png"><img src="/pic/a.png" alt="橱窗"></a><figcaption>三代人</figcaption></figure>',
        ),
    )
    newsroom.faults["/pic/a.png"] = answer
    (report,) = poll(channel_poller, "city")
    assert (report.new, len(report.missing), report.failures) == (1, 1, [])
    page = "/town/blob/master/pages/city/n1.md"
    for content in (entry_of(client, 1), client.get(page).text):
        assert "<figure><i>橱窗</i><figcaption>三代人</figcaption></figure>" in content
        assert "<img" not in content
    before = {
        feed: client.get(feed).headers["ETag"] for feed in ("/feed/town.xml", "/feed/letters.xml")
    }
    del newsroom.faults["/pic/a.png"]
    fetch_due(channel_poller)
    assert pictures_asked(newsroom) == ["/pic/a.png"]  # not before its time
    clock.advance(minutes=6)
    assert fetch_due(channel_poller).pictures == 1
    assert client.get(page).text.count("/media/") == 2
    assert client.get("/feed/town.xml").headers["ETag"] != before["/feed/town.xml"]
    assert client.get("/feed/letters.xml").headers["ETag"] == before["/feed/letters.xml"]


def test_a_picture_that_stays_away_is_asked_for_more_and_more_rarely(
    newsroom: Newsroom, channel_poller: ChannelPoller, clock: Clock
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)
    newsroom.faults["/pic/a.png"] = Answer(b"", 404)
    poll(channel_poller)
    asked = []
    for _ in range(60 * 24):
        clock.advance(minutes=1)
        fetch_due(channel_poller)
        asked.append(len(pictures_asked(newsroom)))
    assert asked[-1] == 1 + 8  # after 5, 10, 20, ... 640 minutes
    for _ in range(400):
        clock.advance(days=1)
        fetch_due(channel_poller)
    assert 12 < len(pictures_asked(newsroom)) - asked[-1] < 25


def test_a_silent_host_of_pictures_is_not_asked_for_each(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient
) -> None:
    newsroom.stories = tuple(
        story(number, f'<img src="/pic/{number}.png">') for number in range(1, 15)
    )
    for number in range(1, 15):
        newsroom.faults[f"/pic/{number}.png"] = newsroom.hang
    city = replace(
        channel_poller.services.mirror.channels[0], source=Source("feed", Url(f"{BASE}/city.xml"))
    )
    channel_poller.poll(city)
    assert len(pictures_asked(newsroom)) < 12
    assert "<img" not in client.get("/feed/town.xml").text


def test_only_hosts_that_are_configured_are_asked(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    client: FlaskClient,
    clock: Clock,
    settings: Settings,
) -> None:
    newsroom.stories = (story(1, '<img src="http://pictures.example/pic/a.png" alt="远方">'),)
    assert [report.missing for report in poll(channel_poller)] == [[], []]
    assert "<i>远方</i>" in entry_of(client, 1)
    assert pictures_asked(newsroom) == []
    site = replace(channel_poller.services.mirror.sites[0], picture_hosts=("pictures.example",))
    mirror = replace(channel_poller.services.mirror, sites=(site,))
    fetcher = open_calm_fetcher(replace_origins(settings, newsroom), mirror)
    now_allowed = with_parts(channel_poller, mirror=mirror, fetcher=fetcher)
    clock.advance(minutes=1)
    assert fetch_due(now_allowed).pictures == 1
    fetcher.close()
    assert "/media/" in entry_of(client, 1)


def replace_origins(settings: Settings, newsroom: Newsroom) -> Settings:
    return settings.model_copy(
        update={"origins": {HOST: newsroom.origin, "pictures.example": newsroom.origin}}
    )


def test_each_section_does_with_pictures_what_it_says(
    newsroom: Newsroom,
    settings: Settings,
    mirror: Mirror,
    store: Store,
    fetcher: HttpFetcher,
    media: FolderMedia,
    clock: Clock,
) -> None:
    town, letters = mirror.sections
    newsroom.stories = (
        story(1, '<img src="/pic/a.png" alt="橱窗">', ("city", "books"), lead="/pic/lead.png"),
    )
    for images, shown, enclosed in (
        (Images.LINK, f'<img src="{BASE}/pic/a.png" alt="橱窗">', f"{BASE}/pic/lead.png"),
        (Images.NONE, "<i>橱窗</i>", None),
    ):
        mixed = replace(
            mirror, sections=(replace(town, images=Images.STORE), replace(letters, images=images))
        )
        poll(ChannelPoller(Services(mixed, store, fetcher, media, clock)))
        client = create_app(settings, mixed, store, media, clock).test_client()
        assert entry_of(client, 1, "/feed/town.json").count("/media/") == 2
        item = json.loads(client.get("/feed/letters.json").data)["items"][0]
        assert shown in item["content_html"]
        assert "/media/" not in item["content_html"]
        assert item.get("image") == enclosed
        page = client.get("/letters/blob/master/pages/books/n1.md").text
        assert shown in page
        assert "/media/" not in page


@pytest.mark.parametrize("images", [Images.LINK, Images.NONE])
def test_where_no_section_keeps_pictures_none_is_fetched(
    newsroom: Newsroom, channel_poller: ChannelPoller, images: Images, clock: Clock
) -> None:
    sections = tuple(
        replace(section, images=images) for section in channel_poller.services.mirror.sections
    )
    keepless = with_parts(
        channel_poller, mirror=replace(channel_poller.services.mirror, sections=sections)
    )
    poll(keepless)
    clock.advance(days=1)
    fetch_due(keepless)
    assert pictures_asked(newsroom) == []


def test_an_article_that_is_fetched_again_brings_only_what_is_new(
    newsroom: Newsroom, channel_poller: ChannelPoller, store: Store, clock: Clock
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)
    poll(channel_poller)
    newsroom.stories = (
        replace(story(1, '<img src="/pic/a.png"><img src="/pic/b.png">'), title="照相馆的新橱窗"),
    )
    clock.advance(hours=1)
    assert poll(channel_poller)[0].updated == 1
    assert pictures_asked(newsroom) == ["/pic/a.png", "/pic/b.png"]
    newsroom.stories = (replace(newsroom.stories[0], title="照相馆的旧橱窗"),)
    clock.advance(hours=1)
    assert poll(channel_poller)[0].updated == 1
    assert len(pictures_asked(newsroom)) == 2
    assert len(store.pictures.of([ArticleId("n1")])) == 2


def test_a_poller_that_was_killed_before_it_stored_begins_again(
    newsroom: Newsroom, channel_poller: ChannelPoller, store: Store, media: FolderMedia
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)

    class Killed(BaseException):
        pass

    class Dying:
        """A store that dies as soon as an article is to be saved: its pictures' files are there by then."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def save(self, *_: object, **__: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        poll(with_parts(channel_poller, store=Dying()))
    files = sorted(media.names())
    assert files
    assert store.pictures.of([ArticleId("n1")]) == {}
    assert poll(channel_poller)[0].pictures == 1
    assert sorted(media.names()) == files


def test_a_picture_that_can_not_be_written_holds_no_text_up_and_is_fetched_later(
    newsroom: Newsroom, channel_poller: ChannelPoller, settings: Settings, clock: Clock
) -> None:
    settings.media.write_text("no folder")
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)
    report = poll(channel_poller)[0]
    assert report.new == 1
    assert re.search(
        r"media: .* can't be written: not a directory; check FEEDPROXY_DATA", str(report.missing[0])
    )
    settings.media.unlink()
    clock.advance(hours=1)
    assert channel_poller.pictures.fetch_due(report) == 1
    assert report.pictures == 1


def test_pictures_of_feeds_as_listings_are_kept_as_well(
    settings: Settings, store: Store, newsroom: Newsroom, tmp_path: Path, clock: Clock
) -> None:
    mirror = load_mirror(write_config(tmp_path / "feeds", kind="feed"))
    fetcher = open_calm_fetcher(settings, mirror)
    poll(ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), clock)))
    fetcher.close()
    assert set(store.pictures.of([ArticleId(each.id) for each in STORIES])) == {
        f"{BASE}/pic/102.jpg"
    }
    assert newsroom.count("/pic/102.jpg") == 1


# ---------------------------------------------------------------- what readers see in between, and elsewhere

ELSEWHERE = "pictures.example"
FEEDS = (
    "/feed/all.xml",
    "/feed/town.xml",
    "/feed/town/city.atom",
    "/feed/town/books.xml",
    "/feed/letters.json",
)


@pytest.fixture
def wider(
    channel_poller: ChannelPoller,
    settings: Settings,
    newsroom: Newsroom,
    store: Store,
    clock: Clock,
) -> Iterator[ChannelPoller]:
    """A harvester for a site whose pictures may also stand at a host of their own."""
    site = replace(channel_poller.services.mirror.sites[0], picture_hosts=(ELSEWHERE,))
    mirror = replace(channel_poller.services.mirror, sites=(site,))
    fetcher = open_fetcher(
        replace_origins(settings, newsroom), mirror, store.budget, clock, lambda _: None
    )
    yield with_parts(channel_poller, mirror=mirror, fetcher=fetcher)
    fetcher.close()


def addresses_of(html: str) -> list[str]:
    """Return all that a browser could ask for, or be led to, on a page or in an entry."""
    root = parser.document_fromstring(f"<html><body>{html}</body></html>")
    shown = ("alt", "class", "content", "datetime", "title")
    addresses = [
        str(value)
        for element in root.iter()
        for name, value in element.attrib.items()
        if name not in shown
    ]
    return addresses + [str(meta.get("content")) for meta in root.iter("meta")]


def etags(client: FlaskClient) -> dict[str, str]:
    return {feed: client.get(feed).headers["ETag"] for feed in FEEDS}


def test_the_first_feed_that_shows_an_article_shows_its_pictures(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient, store: Store
) -> None:
    seen: list[str] = []

    class Watched:
        """A store whose readers are there as soon as an article is."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def save(self, article: Article, *rest: Any, **more: Any) -> None:
            store.save(article, *rest, **more)
            seen.append(entry_of(client, int(article.id[1:])))

    newsroom.stories = tuple(
        story(number, f'<img src="/pic/{number}.png">', lead="/pic/lead.png")
        for number in range(1, 10)
    )
    poll(with_parts(channel_poller, store=Watched()), "city")
    assert [content.count("/media/") for content in seen] == [2] * 9


def test_a_picture_of_an_article_that_is_held_is_not_fetched_for_the_next_one(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient
) -> None:
    newsroom.stories = (
        story(1, '<img src="/pic/a.png">'),
        story(2, '<img src="/pic/a.png">', ("books",)),
    )
    poll(channel_poller, "city")
    poll(channel_poller, "books")
    assert pictures_asked(newsroom) == ["/pic/a.png"]
    assert "/media/" in entry_of(client, 2, "/feed/letters.json")


def test_an_article_that_is_fetched_again_unchanged_fetches_no_picture_and_changes_no_feed(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient, clock: Clock
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png"><img src="/pic/gone.png">'),)
    newsroom.faults["/pic/gone.png"] = Answer(b"", 404)
    poll(channel_poller)
    before = etags(client)
    newsroom.faults["/city.htm"] = page_of(
        listing("city", 1, (replace(newsroom.stories[0], title="照相馆的新标题"),))
    )
    clock.advance(minutes=1)
    (report,) = poll(channel_poller, "city")
    assert newsroom.count("/21/5/5/n1.htm") == 2
    assert (report.new, report.updated, report.pictures) == (0, 0, 0)
    assert sorted(pictures_asked(newsroom)) == ["/pic/a.png", "/pic/gone.png"]
    assert etags(client) == before


def test_a_picture_that_comes_later_changes_the_feeds_that_show_it_and_no_others(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient, clock: Clock
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">', ("books",)), story(2, "", ("city",)))
    newsroom.faults["/pic/a.png"] = Answer(b"", 404)
    poll(channel_poller)
    before = etags(client)
    clock.advance(minutes=5)
    fetch_due(channel_poller)
    assert etags(client) == before
    newsroom.faults.clear()
    clock.advance(minutes=10)
    fetch_due(channel_poller)
    after = etags(client)
    assert {feed for feed in FEEDS if before[feed] != after[feed]} == set(FEEDS) - {
        "/feed/town/city.atom"
    }


def test_a_silent_host_of_pictures_costs_no_article_and_is_asked_again_in_the_next_round(
    newsroom: Newsroom, wider: ChannelPoller, client: FlaskClient, clock: Clock
) -> None:
    newsroom.stories = tuple(
        story(number, f'<img src="http://{ELSEWHERE}/pic/{number}.png" alt="橱窗">')
        for number in range(1, 16)
    )
    newsroom.faults = {f"/pic/{number}.png": newsroom.hang for number in range(1, 16)}
    (report,) = poll(wider, "city")
    at_once, patience = (
        wider.services.mirror.fetch.requests_at_once,
        wider.services.mirror.fetch.give_up_after,
    )
    assert (report.new, report.failures) == (15, [])
    assert len(pictures_asked(newsroom)) < patience + at_once
    assert client.get("/feed/town.json").text.count("橱窗</i>") == 15
    newsroom.faults = {}
    clock.advance(minutes=5)
    assert fetch_due(wider).pictures == 15


def test_a_picture_that_leads_to_a_host_that_is_not_configured_is_not_taken_from_there(
    newsroom: Newsroom, wider: ChannelPoller, client: FlaskClient
) -> None:
    newsroom.stories = (story(1, f'<img src="http://{ELSEWHERE}/pic/a.png" alt="橱窗">'),)
    newsroom.faults["/pic/a.png"] = Answer(
        status=302, headers={"Location": "http://nobody.example/pic/b.png"}
    )
    (report,) = poll(wider, "city")
    assert [error.reason.partition(":")[0] for error in report.missing] == ["refused"]
    assert pictures_asked(newsroom) == ["/pic/a.png"]
    assert "<i>橱窗</i>" in entry_of(client, 1)


@pytest.mark.parametrize("fault", [None, Answer(b"", 404)], ids=["held", "gone"])
def test_no_attribute_of_a_page_or_an_entry_leads_to_a_mirrored_host(
    newsroom: Newsroom,
    wider: ChannelPoller,
    settings: Settings,
    store: Store,
    media: FolderMedia,
    clock: Clock,
    fault: Answer | None,
) -> None:
    html = (
        f'<a href="http://{ELSEWHERE}/big.png"><img src="http://{ELSEWHERE}/pic/a.png" srcset="/pic/a.png 2x" alt="橱窗"></a>'
        f'<a href="{BASE}/pic/b.png"><img data-src="/pic/b.png" alt="街"></a>'
        f'<a href="{BASE}/">首页</a><a href="/21/5/9/n999.htm">旧闻</a>'
        f'<video poster="/pic/c.png"><source src="{BASE}/film.mp4"></video><audio src="{BASE}/song.mp3"></audio>'
        '<picture><source srcset="/pic/d.png 1x"><img src="/pic/e.png"></picture>'
    )
    newsroom.stories = (story(1, html, lead="/pic/lead.png"),)
    if fault:
        newsroom.faults = {f"/pic/{name}.png": fault for name in ("a", "b", "c", "d", "e", "lead")}
    poll(wider)
    client = create_app(settings, wider.services.mirror, store, media, clock).test_client()
    page = client.get("/town/blob/master/pages/city/n1.md").text
    for content in (page, entry_of(client, 1)):
        assert content.count("<img ") == (0 if fault else 5)
        assert [each for each in addresses_of(content) if HOST in each or ELSEWHERE in each] == []
    assert "照相馆1" in page


def test_a_picture_is_answered_to_head_and_to_whoever_has_it_in_part(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient, store: Store
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)
    poll(channel_poller)
    (stored,) = store.pictures.of([ArticleId("n1")]).values()
    for file in (stored.original, stored.reading):
        address = f"/media/{file.name}"
        whole, headed = client.get(address), client.head(address)
        assert headed.data == b""
        for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
            assert headed.headers[name] == whole.headers[name]
        assert (whole.headers["Content-Type"], whole.headers["Content-Length"]) == (
            file.media_type,
            str(file.size),
        )
        part = {"Range": "bytes=0-3"}
        same = client.get(address, headers={**part, "If-Range": whole.headers["ETag"]})
        assert (same.status_code, same.data) == (206, whole.data[:4])
        other = client.get(address, headers={**part, "If-Range": '"other"'})
        assert (other.status_code, other.data) == (200, whole.data)


@pytest.mark.parametrize(
    "name",
    [
        "0" * 32 + ".svg",
        "0" * 32 + ".html",
        "0" * 32,
        "tmp0.part",
        "0" * 31 + "A.png",
        "0" * 33 + ".png",
        "0" * 32 + ".png.svg",
    ],
)
def test_a_file_that_is_none_of_the_mirrors_own_is_never_answered(
    client: FlaskClient, settings: Settings, name: str
) -> None:
    file = settings.media / name[:2] / name
    file.parent.mkdir(parents=True)
    file.write_bytes(SVG)
    assert client.get(f"/media/{name}").status_code == 404


def test_the_enclosures_of_every_form_tell_the_truth_about_the_picture(
    newsroom: Newsroom, channel_poller: ChannelPoller, client: FlaskClient
) -> None:
    newsroom.stories = (story(1, "", lead="/pic/lead.png"),)
    newsroom.faults["/pic/lead.png"] = Answer(picture("lead", (1500, 900)))
    poll(channel_poller)
    entry, atom = (
        feedparser.parse(client.get(f"/feed/town.{form}").data).entries[0]
        for form in ("xml", "atom")
    )
    media = client.get(entry.enclosures[0].href)
    truth = (media.headers["Content-Type"], media.headers["Content-Length"])
    assert (entry.enclosures[0].type, entry.enclosures[0].length) == truth
    assert (atom.enclosures[0].type, atom.enclosures[0].length) == truth
    (content,) = entry.media_content
    assert (content["type"], content["filesize"]) == truth
    with Image.open(io.BytesIO(media.data)) as shown:
        assert (
            (content["width"], content["height"]) == tuple(map(str, shown.size)) == ("1200", "720")
        )
    assert atom.enclosures[0].href == content["url"] == entry.enclosures[0].href
    assert json.loads(client.get("/feed/town.json").data)["items"][0]["image"] == content["url"]
