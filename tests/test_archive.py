"""The whole archive by feed (RFC 5005, 4): walked, kept for ever, corrected."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import pytest
from conftest import Clock
from feedcheck import check_atom, check_json_feed, check_rss
from flask.testing import FlaskClient
from newsroom import BASE, HOST, STORIES, Newsroom, write_config
from sqlalchemy import event
from werkzeug.test import TestResponse

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller, Poller, archive, reextract
from feedproxy.media import FolderMedia
from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Images,
    ListingItem,
    MediaFile,
    Mirror,
    Page,
    Picture,
    SafeHtml,
    StoredPicture,
    Url,
)
from feedproxy.output import RenderContext, make_archive, selector_of
from feedproxy.replication import read_record
from feedproxy.store import PAGE_ENTRIES, Store, open_store
from feedproxy.urls import picture_key
from feedproxy.web import create_app

CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json_feed}
FORMS = tuple(CHECKS)
START = datetime(2021, 1, 1, tzinfo=UTC)
PICTURE, LEAD = Url(f"{BASE}/pic/inner.png"), Url(f"{BASE}/pic/lead.png")
FILE = MediaFile("0" * 32 + ".webp", "image/webp", 10, 80, 60)
HELD = StoredPicture(replace(FILE, name="1" * 32 + ".png", media_type="image/png"), FILE)
# Two full pages of all, and 30 entries on the open one.
COUNT = 2 * PAGE_ENTRIES + 30


def article_of(number: int, **changes: object) -> Article:
    """Return an article that links to another and shows two pictures."""
    article = Article(
        id=ArticleId(f"n{number}"),
        site=HOST,
        url=Url(f"{BASE}/21/1/1/n{number}.htm"),
        title=f"第{number}座桥 <新>",
        body=SafeHtml(
            f'<p>第{number}座桥通车了，见<a href="{BASE}/21/1/1/n9000.htm">旧桥</a>和<a href="{BASE}/tag/桥.html">桥</a>。</p>'
            f'<p><a href="{PICTURE}"><img src="{PICTURE}" alt="桥面"></a></p>'
        ),
        summary=f"第{number}座桥通车了",
        published=START + timedelta(hours=number),
        updated=START + timedelta(hours=number),
        authors=("李明",),
        tags=("桥", f"桥{number % 7}"),
        picture=Picture(LEAD, "桥头", "桥头的石狮"),
        links=((ArticleId("n9000"), Url(f"{BASE}/21/1/1/n9000.htm")),),
        pictures=(PICTURE, LEAD),
        rule="sites/news.example.toml",
    )
    return replace(article, **changes)  # type: ignore[arg-type]


@dataclass
class Library:
    """A mirror of many articles, its web side, and its clock."""

    settings: Settings
    mirror: Mirror
    store: Store
    clock: Clock

    def client(self) -> FlaskClient:
        """Return a client of a server that has just begun."""
        return create_app(
            self.settings, self.mirror, self.store, FolderMedia(self.settings.media), self.clock
        ).test_client()

    def list_in(self, channel: str, *numbers: int) -> None:
        items = [
            ListingItem(ArticleId(f"n{number}"), Url(f"{BASE}/21/1/1/n{number}.htm"), "桥")
            for number in numbers
        ]
        self.store.queue.add_listing(channel, items, self.clock())

    def save(self, article: Article) -> None:
        self.clock.advance(seconds=1)
        self.store.save(article, [Page(article.url, b"<p>")], {}, self.clock())

    def correct(self, number: int, **changes: object) -> Article:
        """Store a correction of an article."""
        stored = self.store.article(ArticleId(f"n{number}"))
        assert stored
        self.clock.advance(seconds=1)
        changed = replace(stored, updated=self.clock(), **changes)  # type: ignore[arg-type]
        self.save(changed)
        return changed

    def append(self) -> int:
        return self.store.archive.append(self.mirror.logs, self.clock())


def open_library(folder: Path) -> Library:
    settings = Settings(config=write_config(folder / "config"), data=folder / "var")
    store = open_store(settings.store_url, settings.data)
    return Library(settings, load_mirror(settings.config), store, Clock())


def fill(library: Library, count: int = COUNT) -> Library:
    """Have every third article be in the second channel, and the others in the first."""
    for channel, rest in (("city", (1, 2)), ("books", (0,))):
        library.list_in(channel, *(number for number in range(count) if number % 3 in rest))
    for number in range(count):
        library.store.save(article_of(number), [Page(Url(BASE), b"<p>")], {}, library.clock())
    library.append()
    return library


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Library]:
    opened = open_library(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that was filled once for all tests."""
    folder = tmp_path_factory.mktemp("filled")
    fill(open_library(folder)).store.close()
    return folder / "var"


@pytest.fixture
def library(filled: Path, tmp_path: Path) -> Iterator[Library]:
    shutil.copytree(filled, tmp_path / "var")
    opened = open_library(tmp_path)
    yield opened
    opened.store.close()


# ---------------------------------------------------------------- reading documents


def links_of(data: bytes, feed_format: str) -> dict[str, str]:
    """Return where a document goes on, by the relations of RFC 5005."""
    if feed_format == "json":
        document = json.loads(data)
        said = document.get("_feedproxy", {})
        found = {
            "prev-archive": document.get("next_url"),
            "next-archive": said.get("newer"),
            "self": document["feed_url"],
        }
        return {relation: href for relation, href in found.items() if href}
    feed = feedparser.parse(data).feed
    return {
        link.rel: link.href
        for link in feed.links
        if link.rel in ("self", "current", "prev-archive", "next-archive")
    }


def ids_of(data: bytes, feed_format: str) -> list[str]:
    if feed_format == "json":
        return [item["id"] for item in json.loads(data)["items"]]
    return [entry.id for entry in feedparser.parse(data).entries]


def walk(
    client: FlaskClient, address: str, feed_format: str, relation: str = "prev-archive"
) -> Iterator[tuple[str, TestResponse]]:
    """Yield each document from *address* on, in one direction."""
    seen = set()
    while address:
        assert address not in seen
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert CHECKS[feed_format](answer.data) == []
        yield address, answer
        address = links_of(answer.data, feed_format).get(relation, "")


def page(
    client: FlaskClient, log: str, number: int, feed_format: str = "atom", **headers: str
) -> TestResponse:
    return client.get(f"/feed/{log}/archive/{number}.{feed_format}", headers=headers)


def names(*numbers: int) -> list[str]:
    return [f"tag:{HOST},2026-01-01:n{number}" for number in numbers]


# ---------------------------------------------------------------- walking


@pytest.mark.parametrize("feed_format", FORMS)
@pytest.mark.parametrize(
    ("feed", "wanted"),
    [
        ("all", lambda _: True),
        ("town", lambda _: True),
        ("town/city", lambda number: number % 3),
        ("letters", lambda number: number % 3 == 0),
        ("letters/books", lambda number: number % 3 == 0),
    ],
)
def test_the_whole_archive_can_be_walked_and_holds_every_article_once_newest_first(
    library: Library, feed: str, wanted: Callable[[int], bool], feed_format: str
) -> None:
    documents = list(walk(library.client(), f"/feed/{feed}.{feed_format}", feed_format))
    archived = [entry for _, answer in documents[1:] for entry in ids_of(answer.data, feed_format)]
    assert archived == names(*(number for number in reversed(range(COUNT)) if wanted(number)))


@pytest.mark.parametrize("feed_format", FORMS)
def test_it_can_be_walked_from_the_oldest_page_to_the_open_one_too(
    library: Library, feed_format: str
) -> None:
    client = library.client()
    documents = list(
        walk(client, f"/feed/all/archive/1.{feed_format}", feed_format, "next-archive")
    )
    assert [address.rpartition("/")[2] for address, _ in documents] == [
        f"{number}.{feed_format}" for number in (1, 2, 3)
    ]
    assert [len(ids_of(answer.data, feed_format)) for _, answer in documents] == [
        PAGE_ENTRIES,
        PAGE_ENTRIES,
        30,
    ]


@pytest.mark.parametrize("feed_format", ["xml", "atom"])
def test_an_archive_document_says_what_it_is_and_where_it_stands(
    library: Library, feed_format: str
) -> None:
    client = library.client()
    at = "http://localhost/feed/town"
    assert links_of(page(client, "town", 2, feed_format).data, feed_format) == {
        "self": f"{at}/archive/2.{feed_format}",
        "current": f"{at}.{feed_format}",
        "prev-archive": f"{at}/archive/1.{feed_format}",
        "next-archive": f"{at}/archive/3.{feed_format}",
    }
    mark = re.compile(rb"<fh:archive/>")
    assert [
        len(mark.findall(page(client, "town", number, feed_format).data)) for number in (1, 2, 3)
    ] == [
        1,
        1,
        1,
    ]
    assert (
        b'xmlns:fh="http://purl.org/syndication/history/1.0"'
        in page(client, "town", 1, feed_format).data
    )
    current = client.get(f"/feed/town.{feed_format}").data
    assert not mark.search(current)
    assert links_of(current, feed_format) == {
        "self": f"{at}.{feed_format}",
        "prev-archive": f"{at}/archive/3.{feed_format}",
    }


def test_an_archive_document_in_json_says_what_it_is_and_where_it_stands(library: Library) -> None:
    client, at = library.client(), "http://localhost/feed/town/archive"
    said = [json.loads(page(client, "town", number, "json").data) for number in (1, 2, 3)]
    assert [document["_feedproxy"] for document in said] == [
        {"archive": 1, "full": True, "newer": f"{at}/2.json"},
        {"archive": 2, "full": True, "newer": f"{at}/3.json"},
        {"archive": 3, "full": False},
    ]
    assert [document.get("next_url") for document in said] == [None, f"{at}/1.json", f"{at}/2.json"]
    assert json.loads(client.get("/feed/town.json").data)["next_url"] == f"{at}/3.json"


def test_all_documents_of_a_feed_are_one_feed(library: Library) -> None:
    client = library.client()
    feeds = [
        feedparser.parse(answer.data).feed for _, answer in walk(client, "/feed/town.atom", "atom")
    ]
    assert {(feed.id, feed.title) for feed in feeds} == {(feeds[0].id, feeds[0].title)}
    assert feedparser.parse(client.get("/feed/town/city.atom").data).feed.id != feeds[0].id


@pytest.mark.parametrize("feed_format", FORMS)
def test_before_anything_is_held_there_is_one_page_it_is_empty_and_nothing_leads_there(
    empty: Library, feed_format: str
) -> None:
    client = empty.client()
    answer = page(client, "town", 1, feed_format)
    assert (
        answer.status_code,
        CHECKS[feed_format](answer.data),
        ids_of(answer.data, feed_format),
    ) == (
        200,
        [],
        [],
    )
    assert links_of(client.get(f"/feed/town.{feed_format}").data, feed_format).keys() == {"self"}
    assert page(client, "town", 2, feed_format).status_code == 404


@pytest.mark.parametrize("feed_format", FORMS)
def test_a_page_that_became_full_leads_to_the_next_one_before_that_holds_anything(
    empty: Library, feed_format: str
) -> None:
    client = fill(empty, PAGE_ENTRIES).client()
    full, open_page = page(client, "all", 1, feed_format), page(client, "all", 2, feed_format)
    assert (
        links_of(full.data, feed_format)["next-archive"]
        == "http://localhost/feed/all/archive/2." + feed_format
    )
    assert (
        open_page.status_code,
        CHECKS[feed_format](open_page.data),
        ids_of(open_page.data, feed_format),
    ) == (
        200,
        [],
        [],
    )
    assert links_of(client.get(f"/feed/all.{feed_format}").data, feed_format)[
        "prev-archive"
    ].endswith(f"/archive/1.{feed_format}")


def test_a_subscription_leads_to_the_new_page_once_that_holds_something(empty: Library) -> None:
    client = fill(empty, PAGE_ENTRIES).client()
    before = client.get("/feed/all.atom")
    empty.list_in("city", 500)
    empty.save(article_of(500))
    client.get("/feed/all.atom")  # stored, and not in the archive yet
    empty.append()
    after = client.get("/feed/all.atom", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert links_of(after.data, "atom")["prev-archive"].endswith("/archive/2.atom")


# ---------------------------------------------------------------- for ever


def seen_of(client: FlaskClient, log: str) -> list[tuple[bytes, str]]:
    """Return bytes and tag of the first page, in all forms."""
    answers = [page(client, log, 1, feed_format) for feed_format in FORMS]
    return [(answer.data, answer.headers["ETag"]) for answer in answers]


def correct(library: Library) -> None:
    body = SafeHtml("<p>改了</p>")
    moved = Url(f"{BASE}/21/1/1/n7.html")
    library.correct(
        7,
        title="改了",
        body=body,
        tags=("改",),
        authors=("王芳",),
        picture=None,
        pictures=(),
        url=moved,
    )


def correct_twice(library: Library) -> None:
    library.correct(7, title="改了")
    library.correct(7, title="又改了")


def bring_pictures(library: Library) -> None:
    library.store.pictures.keep(PICTURE, HELD, library.clock())
    library.store.pictures.keep(LEAD, HELD, library.clock())


def join_channels(library: Library) -> None:
    library.list_in("books", 7)
    library.list_in("city", 6)


def hold_target(library: Library) -> None:
    library.list_in("books", 9000)
    library.save(article_of(9000))


def lose(library: Library) -> None:
    library.store.mark_gone(ArticleId("n7"), library.clock())


def bring_older(library: Library) -> None:
    library.list_in("city", 700)
    library.save(article_of(700, published=START))


def set_clock_back(library: Library) -> None:
    library.clock.advance(days=-99)
    library.correct(7, title="改了")


def date_better(library: Library) -> None:
    stored = library.store.article(ArticleId("n7"))
    assert stored
    library.store.redate(
        replace(stored, published=START, updated=START, dated=DateSource.STATED), library.clock()
    )


CHANGES = {
    "a better date": date_better,
    "a correction": correct,
    "two corrections": correct_twice,
    "pictures that come later": bring_pictures,
    "articles that join other channels": join_channels,
    "the target of its links": hold_target,
    "an article that is gone upstream": lose,
    "an older article that comes in": bring_older,
    "a clock that was set back": set_clock_back,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_full_page_stays_as_it_is_byte_for_byte(
    library: Library, change: Callable[[Library], object]
) -> None:
    client = library.client()
    before = {log: seen_of(client, log) for log in ("all", "town", "town/city")}
    change(library)
    library.append()
    assert {log: seen_of(client, log) for log in before} == before
    assert {log: seen_of(library.client(), log) for log in before} == before


def test_a_full_page_stays_as_it_is_over_a_restart_and_on_another_server(library: Library) -> None:
    before = seen_of(library.client(), "town")
    library.clock.advance(days=400)
    store = open_store(library.settings.store_url, library.settings.data)
    assert seen_of(replace_store(library, store).client(), "town") == before
    store.close()


def replace_store(library: Library, store: Store) -> Library:
    return Library(library.settings, library.mirror, store, library.clock)


def test_an_article_is_shown_as_it_was_when_its_page_became_full_not_as_it_came_in(
    empty: Library,
) -> None:
    client = fill(empty, 50).client()
    empty.correct(7, title="改了一次", tags=("改",))
    fill(empty, PAGE_ENTRIES)  # which stores the first text again
    empty.correct(7, title="改了两次")
    empty.append()
    entries = feedparser.parse(page(client, "all", 1).data).entries
    entry = next(entry for entry in entries if entry.id == names(7)[0])
    assert (entry.title, [tag.term for tag in entry.tags]) == (
        article_of(7).title,
        list(article_of(7).tags),
    )


def test_full_pages_are_for_ever_and_the_open_one_is_not(library: Library) -> None:
    client = library.client()
    assert page(client, "town", 1).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (
        page(client, "town", 3).headers["Cache-Control"]
        == client.get("/feed/town.xml").headers["Cache-Control"]
    )


@pytest.mark.parametrize("feed_format", FORMS)
@pytest.mark.parametrize("number", [1, 3])
def test_what_is_known_already_is_answered_with_304(
    library: Library, number: int, feed_format: str
) -> None:
    client = library.client()
    first = page(client, "all", number, feed_format)
    again = page(client, "all", number, feed_format, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert (
        page(client, "all", number, feed_format, **{"If-None-Match": '"other"'}).status_code == 200
    )


def test_the_open_page_says_that_it_changed(library: Library) -> None:
    client = library.client()
    library.clock.advance(seconds=1)
    before = page(client, "all", 3)
    library.list_in("city", 800)
    library.save(article_of(800))
    library.append()
    library.clock.advance(seconds=2)
    validators = {
        "If-None-Match": before.headers["ETag"],
        "If-Modified-Since": before.headers["Last-Modified"],
    }
    for name, value in validators.items():
        after = page(client, "all", 3, **{name: value})
        assert (after.status_code, ids_of(after.data, "atom")[0]) == (200, names(800)[0])


# ---------------------------------------------------------------- corrections


def test_what_is_corrected_after_its_page_was_full_is_in_the_open_page_again(
    library: Library,
) -> None:
    client = library.client()
    library.correct(7, title="改了")
    assert library.append() == 3  # all, town, town/city
    for log in ("all", "town"):
        entry = feedparser.parse(page(client, log, 3).data).entries[0]
        assert (entry.id, entry.title) == (names(7)[0], "改了")
    assert links_of(client.get("/feed/all.atom").data, "atom")["prev-archive"].endswith(
        "/archive/3.atom"
    )
    assert library.append() == 0


def test_what_is_corrected_while_its_page_is_open_changes_there_and_comes_once(
    library: Library,
) -> None:
    client = library.client()
    library.correct(COUNT - 1, title="改了")
    library.correct(7, title="改了一次")
    library.append()
    library.correct(7, title="改了两次")
    library.append()
    entries = feedparser.parse(page(client, "all", 3).data).entries
    assert [entry.title for entry in entries][:2] == ["改了两次", "改了"]
    assert len(entries) == 31


def test_what_is_stored_again_and_is_as_it_was_is_no_correction(library: Library) -> None:
    for _ in range(2):
        library.save(article_of(7))
    assert library.append() == 0


def test_a_correction_of_an_article_that_was_corrected_before_comes_again_once_that_page_is_full_too(
    library: Library,
) -> None:
    client = library.client()
    library.correct(7, title="改了一次")
    library.append()
    second = range(1000, 1000 + PAGE_ENTRIES - 31)
    library.list_in("city", *second)
    for number in second:
        library.save(article_of(number))
    library.append()
    third = page(client, "all", 3).data
    library.correct(7, title="改了两次")
    library.append()
    assert page(client, "all", 3).data == third
    assert [entry.title for entry in feedparser.parse(page(client, "all", 4).data).entries] == [
        "改了两次"
    ]


# ---------------------------------------------------------------- nothing is lost


def test_what_was_stored_before_a_process_was_killed_is_appended_by_the_next(
    library: Library,
) -> None:
    library.list_in("city", 600, 601)
    library.save(article_of(600))
    library.correct(7, title="改了")
    store = open_store(library.settings.store_url, library.settings.data)
    after = replace_store(library, store)
    after.append()
    assert ids_of(page(after.client(), "all", 3).data, "atom")[:2] == names(600, 7)
    store.close()


def test_killed_between_two_logs_every_log_is_made_up_and_none_has_anything_twice(
    empty: Library,
) -> None:
    class KilledError(BaseException):
        pass

    def kill(connection: object) -> None:
        del connection
        countdown[0] -= 1
        if countdown[0] == 0:
            raise KilledError

    countdown = [0]
    engine = empty.store._database._engine
    event.listen(engine, "commit", kill)
    for tries in range(1, 9):  # the first times the logs are made, later they are added to
        empty.list_in("books", tries)
        empty.save(article_of(tries))
        for after in range(1, tries):
            countdown[0] = after
            with suppress(KilledError):
                empty.append()
        countdown[0] = 0
        empty.append()
        for log in ("all", "town", "town/books", "letters", "letters/books"):
            assert [logged.article.id for logged in empty.store.archive.page(log, 1)] == [
                f"n{number}" for number in range(tries, 0, -1)
            ]
    event.remove(engine, "commit", kill)


def test_a_store_from_before_there_were_archives_gets_them_with_the_first_step_of_a_poller(
    channel_poller: ChannelPoller, mirror: Mirror, store: Store, clock: Clock
) -> None:
    for channel in mirror.channels:
        channel_poller.backfill(channel, pages=9)
    with store._database.writing() as db:
        for table in ("archive", "archive_log", "archive_due"):
            db.exec_driver_sql(f"DELETE FROM {table}")
    for channel in mirror.channels:  # nothing is due
        store.schedule.begin_poll(
            channel.id,
            store.schedule.state(channel.id).next_poll_at,
            clock() + timedelta(minutes=4),
        )
    Poller(channel_poller.services, "a").step()
    assert [logged.article.id for logged in store.archive.page("all", 1)] == [
        story.id for story in reversed(STORIES)
    ]


@pytest.mark.parametrize("channels", [("city",), ("city", "books")])
def test_a_log_that_is_configured_anew_or_otherwise_has_what_was_held_before(
    empty: Library, channels: tuple[str, ...]
) -> None:
    whole = empty.mirror
    section = whole.sections[0]
    chosen = tuple(channel for channel in section.channels if channel.id in channels)
    empty.mirror = replace(whole, sections=(replace(section, channels=chosen),))
    fill(empty, 9)
    empty.mirror = whole
    assert empty.append() > 0
    for log, count in {"all": 9, "town": 9, "letters": 3, "letters/books": 3}.items():
        assert len({logged.article.id for logged in empty.store.archive.page(log, 1)}) == count
        assert empty.store.archive.length(log) == count


def test_a_log_that_comes_back_to_the_configuration_has_what_came_meanwhile(empty: Library) -> None:
    whole = fill(empty, 9).mirror
    empty.mirror = replace(whole, sections=whole.sections[:1])
    empty.append()
    empty.list_in("books", 10)
    empty.save(article_of(10))
    empty.append()
    empty.mirror = whole
    empty.append()
    assert [logged.article.id for logged in empty.store.archive.page("letters", 1)] == [
        "n10",
        "n6",
        "n3",
        "n0",
    ]


def test_what_only_a_reader_asked_for_is_in_no_archive_until_a_channel_shows_it(
    empty: Library,
) -> None:
    empty.list_in("requested", 1)
    empty.save(article_of(1))
    assert empty.append() == 0
    empty.list_in("books", 1)
    assert empty.append() == 5


def test_what_is_deleted_is_gone_from_its_page_and_moves_nothing_else(library: Library) -> None:
    client = library.client()
    kept = [page(client, "all", number).data for number in (2, 3)]
    library.store.drop([ArticleId("n7"), ArticleId("n99")], library.clock())
    library.append()
    first = page(client, "all", 1)
    assert ids_of(first.data, "atom") == names(
        *(number for number in reversed(range(PAGE_ENTRIES)) if number not in (7, 99))
    )
    assert first.headers["Cache-Control"].endswith("immutable")
    assert [page(client, "all", number).data for number in (2, 3)] == kept
    library.list_in("city", 7)
    library.save(article_of(7, title="又来了"))
    library.append()
    assert page(client, "all", 1).data == first.data
    assert ids_of(page(client, "all", 3).data, "atom")[0] == names(7)[0]


# ---------------------------------------------------------------- the poller's side


def test_every_way_to_take_articles_in_appends_them(
    channel_poller: ChannelPoller, mirror: Mirror, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    city, books = mirror.channels
    channel_poller.poll(city)
    assert store.archive.length("town/city") == 2
    channel_poller.backfill(books, pages=9)
    assert store.archive.length("letters") == 2
    newsroom.stories = (*STORIES, replace(STORIES[0], id="n105", title="桥上的灯"))
    clock.advance(days=2)
    poller = Poller(channel_poller.services, "a")
    poller.step()
    assert store.archive.page("town/city", 1)[0].article.title == "桥上的灯"


def test_new_rules_append_what_they_change(
    channel_poller: ChannelPoller, mirror: Mirror, store: Store, clock: Clock
) -> None:
    channel_poller.poll(mirror.channels[0])
    article = store.article(ArticleId("n103"))
    assert article
    for number in range(PAGE_ENTRIES):
        store.queue.add_listing(
            "city", [ListingItem(ArticleId(f"n{5000 + number}"), Url(BASE), "桥")], clock()
        )
        store.save(article_of(5000 + number), [], {}, clock())
    archive(channel_poller.services)
    old = replace(article, title="旧规则读出的标题")
    store.save(old, store.pages(article.id), {}, clock(), is_fetched=False)
    clock.advance(hours=1)
    assert [
        done.error for done in reextract(channel_poller.services, [article.id], is_dry=True)
    ] == [None]
    assert store.archive.length("town") == PAGE_ENTRIES + 2
    assert [
        done.error for done in reextract(channel_poller.services, [article.id], is_dry=False)
    ] == [None]
    assert store.archive.page("town", 2)[0].article.title == STORIES[2].title


def test_where_nothing_is_new_nothing_is_written(library: Library) -> None:
    statements: list[str] = []
    event.listen(
        library.store._database._engine,
        "before_cursor_execute",
        lambda _c, _u, statement, *_rest: statements.append(statement),
    )
    assert library.append() == 0
    assert len(statements) < 6
    assert not any(
        word in statement
        for statement in statements
        for word in ("IMMEDIATE", "INSERT", "UPDATE", "DELETE")
    )


def test_a_page_takes_a_bounded_number_of_queries(library: Library) -> None:
    statements: list[str] = []
    event.listen(
        library.store._database._engine,
        "before_cursor_execute",
        lambda _c, _u, statement, *_rest: statements.append(statement),
    )
    scope = selector_of(library.mirror, "all")
    assert scope
    assert make_archive(
        RenderContext(library.mirror, library.store, "http://localhost"), scope, 1, "json"
    )
    assert len(statements) < 12


# ---------------------------------------------------------------- what an entry is


def test_an_entry_leads_to_its_page_in_the_channel_it_was_taken_in_for(library: Library) -> None:
    client = library.client()
    found = {
        log: feedparser.parse(page(client, log, 1).data).entries[-1].links[0].href
        for log in ("all", "town", "letters")
    }
    assert found == {
        "all": "http://localhost/town/blob/master/pages/books/n0.md?n0",
        "town": "http://localhost/town/blob/master/pages/books/n0.md?n0",
        "letters": "http://localhost/letters/blob/master/pages/books/n0.md?n0",
    }


def test_links_in_a_text_lead_beside_its_page_and_are_answered_there(library: Library) -> None:
    client = library.client()
    text = json.loads(page(client, "letters", 1, "json").data)["items"][-1]["content_html"]
    target = "/letters/blob/master/pages/books/n9000.md?n0"
    assert f'href="http://localhost{target}"' in text
    assert client.get(target).status_code == 404
    library.list_in("city", 9000)
    library.save(article_of(9000))
    assert (
        client.get(target).headers["Location"].startswith("/town/blob/master/pages/city/n9000.md")
    )


@pytest.mark.parametrize("feed_format", FORMS)
def test_pictures_stand_at_an_address_of_their_own_that_leads_to_them_once_they_are_held(
    library: Library, feed_format: str
) -> None:
    client = library.client()
    said = page(client, "all", 1, feed_format).get_data(as_text=True)
    for url in (PICTURE, LEAD):
        address = f"/media/of/{picture_key(url)}"
        assert f"http://localhost{address}" in said
        missing = client.get(address)
        assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-store")
        library.store.pictures.keep(url, HELD, library.clock())
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (
            302,
            f"/media/{HELD.reading.name}",
        )
        assert answer.headers["Cache-Control"] == "public, max-age=86400"
        original = client.get(f"{address}/original")
        assert (original.status_code, original.headers["Location"]) == (
            302,
            f"/media/{HELD.original.name}",
        )
    assert f"http://localhost/media/of/{picture_key(PICTURE)}/original" in said
    assert "enclosure" not in said


@pytest.mark.parametrize(
    "key", ["0" * 32, "0" * 31, "0" * 33, "A" * 32, "..", "%00", "a" * 3000, "' OR 1=1"]
)
def test_a_picture_that_nobody_heard_of_is_not_found(library: Library, key: str) -> None:
    assert library.client().get(f"/media/of/{key}").status_code == 404
    assert library.client().get(f"/media/of/{key}/original").status_code == 404


@pytest.mark.parametrize(("images", "is_named"), [(Images.LINK, True), (Images.NONE, False)])
def test_a_section_that_keeps_no_pictures_has_them_in_its_archive_as_in_its_feed(
    library: Library,
    images: Images,
    is_named: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    sections = tuple(replace(section, images=images) for section in library.mirror.sections)
    library.mirror = replace(library.mirror, sections=sections)
    client = library.client()
    answer = page(client, "town", 1, "atom")
    content = feedparser.parse(answer.data).entries[0].content[0].value
    assert check_atom(answer.data) == []
    assert (str(PICTURE) in content, "/media/of/" in content) == (is_named, False)
    assert "桥头的石狮" in content


def test_an_item_holds_what_another_mirror_needs(library: Library) -> None:
    client = library.client()
    library.store.mark_gone(ArticleId("n201"), library.clock())
    for log, number in (("all", 1), ("town", 3)):
        for item in json.loads(page(client, log, number, "json").data)["items"]:
            found = read_record(item["_feedproxy"])
            wanted = article_of(int(found.id[1:]))
            for name in (
                "url",
                "title",
                "body",
                "published",
                "updated",
                "authors",
                "tags",
                "picture",
                "rule",
            ):
                assert getattr(found, name) == getattr(wanted, name)
            assert found.channels == (("books",) if int(found.id[1:]) % 3 == 0 else ("city",))
            assert (found.gone, found.files) == (None, {})


def test_the_reader_of_a_private_mirror_has_the_key_in_every_link(library: Library) -> None:
    library.settings = library.settings.model_copy(update={"access_keys": ("bridge-and-river-1",)})
    client = library.client()
    assert page(client, "town", 1).status_code == 401
    answer = client.get("/feed/town/archive/1.atom?key=bridge-and-river-1")
    assert answer.headers["Cache-Control"].startswith("private")
    links = links_of(answer.data, "atom")
    said = answer.get_data(as_text=True)
    media = re.findall(r"http://localhost/media/of/[^\"&]*", said)
    assert media
    assert all(link.endswith("?key=bridge-and-river-1") for link in (*links.values(), *media))
    library.store.pictures.keep(LEAD, HELD, library.clock())
    lead = client.get(f"/media/of/{picture_key(LEAD)}?key=bridge-and-river-1")
    assert lead.headers["Location"] == f"/media/{FILE.name}?key=bridge-and-river-1"


# ---------------------------------------------------------------- what is not there


@pytest.mark.parametrize(
    "number",
    ["0", "-1", "4", "01", "1.0", "999999", "9" * 400, "١", "x", "1_0", "README", "%00", " 1"],
)
@pytest.mark.parametrize("feed_format", FORMS)
def test_a_page_that_is_not_there_is_told_in_words(
    library: Library, number: str, feed_format: str
) -> None:
    answer = library.client().get(f"/feed/town/archive/{number}.{feed_format}")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        404,
        "text/plain",
        "no-store",
    )
    assert answer.text == "no such page; this archive has 3\n"


@pytest.mark.parametrize("log", ["nowhere", "town/nothing", "all/city", "nowhere/city", "all/all"])
def test_an_archive_that_is_not_there_is_told_which_feeds_there_are(
    library: Library, log: str
) -> None:
    answer = page(library.client(), log, 1)
    assert (answer.status_code, "town, letters, all" in answer.text) == (404, True)


def test_a_tag_has_no_archive_and_may_be_called_as_one(library: Library) -> None:
    client = library.client()
    assert "prev-archive" not in links_of(client.get("/feed/tag/桥.atom").data, "atom")
    assert client.get("/feed/tag/桥/archive/1.atom").status_code == 404
    library.list_in("city", 850)
    library.save(article_of(850, tags=("桥/archive/1",)))
    assert len(ids_of(client.get("/feed/tag/桥/archive/1.atom").data, "atom")) == 1


def test_while_the_store_fails_the_pages_that_were_made_are_given(library: Library) -> None:
    client = library.client()
    made = {number: page(client, "all", number).data for number in (1, 3)}
    with library.store._database.writing() as db:
        db.exec_driver_sql("ALTER TABLE archive RENAME TO elsewhere")
    assert {number: page(client, "all", number).data for number in (1, 3)} == made
    assert page(client, "all", 2).status_code == 503
