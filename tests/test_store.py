"""The contract of a store; every implementation is held to it."""

import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from feedproxy import policy
from feedproxy.errors import StoreError
from feedproxy.model import (
    REQUESTED,
    ArchiveDefinition,
    Article,
    ArticleId,
    ChannelState,
    DateSource,
    ListingItem,
    MediaFile,
    Page,
    Picture,
    Placement,
    Request,
    SafeHtml,
    StoredPicture,
    Url,
    WaitingPicture,
)
from feedproxy.store import PAGE_ENTRIES, Store, open_store
from feedproxy.store.engine import create
from feedproxy.store.schema import HEAD
from feedproxy.store.tables import metadata
from feedproxy.urls import picture_key

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)
PAGE = Page(Url("https://news.example/1"), "<p>原文</p>".encode(), "text/html")


def make(number: int, **changes: object) -> Article:
    article = Article(
        id=ArticleId(f"n{number}"),
        site="news.example",
        url=Url(f"https://news.example/{number}"),
        title=f"标题{number}",
        body=SafeHtml(f"<p>正文{number}</p>"),
        summary=f"正文{number}",
        published=NOW + timedelta(minutes=number),
        updated=NOW + timedelta(minutes=number),
        authors=("李明",),
        tags=("市集", "山城"),
        picture=Picture(Url("https://pic.example/1.jpg"), "图", "图注"),
    )
    return replace(article, **changes)  # type: ignore[arg-type]


def item(number: int, title: str = "") -> ListingItem:
    return ListingItem(
        ArticleId(f"n{number}"), Url(f"https://news.example/{number}"), title or f"标题{number}"
    )


def overwrite_middle(file: Path) -> None:
    """Write rubbish over the pages in the middle of a file, as a disk that fails does."""
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 4 // 4096 * 4096)
        opened.write(b"\xa5" * (size // 2 // 4096 * 4096))


def hold(store: Store, *articles: Article, channel: str = "c1") -> None:
    store.queue.add_listing(
        channel, [item(int(article.id[1:]), article.title) for article in articles], NOW
    )
    for article in articles:
        store.save(article, [PAGE], {}, NOW)


@pytest.fixture
def store(any_database: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(any_database, tmp_path)
    yield opened
    opened.close()


def test_an_article_comes_back_as_it_was_stored(store: Store) -> None:
    article = make(1, links=((ArticleId("n7"), Url("https://news.example/7")),))
    hold(store, article)
    assert store.article(article.id) == article


def test_an_article_without_picture_tags_and_links_comes_back_too(store: Store) -> None:
    article = make(1, picture=None, tags=(), authors=())
    hold(store, article)
    assert store.article(article.id) == article


def test_what_is_not_held_is_not_found(store: Store) -> None:
    store.queue.add_listing("c1", [item(1)], NOW)
    assert store.article(ArticleId("n1")) is None
    assert store.newest(["c1"], 10) == []
    assert store.channels_of([ArticleId("n1")]) == {}


def test_the_newest_come_first_and_each_once(store: Store) -> None:
    hold(store, make(1), make(2), make(3))
    hold(store, make(2), make(4), channel="c2")
    assert [article.id for article in store.newest(["c1", "c2"], 3)] == ["n4", "n3", "n2"]
    assert [headline.id for headline in store.headlines(["c2"], 9)] == ["n4", "n2"]


def test_articles_of_one_moment_stand_in_the_order_of_their_ids(store: Store) -> None:
    hold(store, *(make(number, published=NOW, updated=NOW) for number in (2, 1, 3)))
    assert [article.id for article in store.newest(["c1"], 9)] == ["n3", "n2", "n1"]


def test_a_listing_makes_unknown_articles_wait_once_in_its_order(store: Store) -> None:
    assert store.queue.add_listing("c1", [item(3), item(2)], NOW) == 2
    assert store.queue.add_listing("c2", [item(2), item(1)], NOW) == 1
    assert [waiting.item for waiting in store.queue.of_channel("c1")] == [item(3), item(2)]
    assert {waiting.item.id for waiting in store.queue.of_channel("c2")} == {"n2", "n1"}


def test_a_listing_of_any_length_is_taken(store: Store) -> None:
    numbers = range(33_000, 0, -1)
    assert store.queue.add_listing("c1", [item(number) for number in numbers], NOW) == len(numbers)
    waiting = store.queue.of_channel("c1")
    assert [waiting[0].item.id, waiting[-1].item.id] == ["n33000", "n1"]
    assert store.channels_of([each.item.id for each in waiting]) == {}


def test_a_held_article_that_another_channel_lists_is_shown_there_without_being_fetched(
    store: Store,
) -> None:
    hold(store, make(1))
    store.queue.add_listing("c2", [item(1)], NOW)
    assert store.queue.of_channel("c2") == []
    assert [article.id for article in store.newest(["c2"], 9)] == ["n1"]


def test_a_new_headline_in_the_same_listing_makes_a_held_article_wait(store: Store) -> None:
    hold(store, make(1))
    store.queue.add_listing("c1", [item(1)], NOW)
    assert store.queue.of_channel("c1") == []
    store.queue.add_listing("c1", [item(1, "改了的标题")], NOW)
    assert [waiting.item.title for waiting in store.queue.of_channel("c1")] == ["改了的标题"]
    store.queue.settle(ArticleId("n1"))
    assert store.queue.of_channel("c1") == []


def test_a_headline_that_differs_in_white_space_only_makes_nothing_wait(store: Store) -> None:
    hold(store, make(1, title="山城  的\u3000市集"))
    for title in ("山城 的 市集", " 山城\t的 市集\n"):
        store.queue.add_listing("c1", [item(1, title)], NOW)
    assert (store.queue.of_channel("c1"), store.queue.news("c1", [item(1, "山城 的市集")])) == (
        [],
        {"n1"},
    )


@pytest.mark.parametrize(
    "address", ["file:///srv/town/pages/city/n1.md", "/srv/n1.md", "ftp://news.example/1"]
)
def test_what_has_no_upstream_address_is_never_queued(store: Store, address: str) -> None:
    local = replace(item(1), url=Url(address))
    assert store.queue.news("c1", [local]) == {"n1"}
    store.queue.add_listing("c1", [local, item(2)], NOW)
    assert [waiting.item.id for waiting in store.queue.of_channel("c1")] == ["n2"]
    assert store.requests.original(local.id) is None
    assert not store.requests.ask(local.id, limit=9, now=NOW)
    hold(store, make(1))
    store.queue.add_listing("c1", [replace(local, title="改了的标题")], NOW)
    store.save(make(3, url=Url(address)), [], {}, NOW, again_at=NOW)
    assert [waiting.item.id for waiting in store.queue.of_channel("c1")] == ["n2"]
    assert store.queue.due_channels(NOW, NOW) == {"c1"}


def test_a_failure_is_remembered_and_success_ends_the_waiting(store: Store) -> None:
    store.queue.add_listing("c1", [item(1)], NOW)
    store.queue.postpone(
        ArticleId("n1"), "answered 500", tries=1, now=NOW, try_at=NOW + timedelta(minutes=5)
    )
    waiting = store.queue.of_channel("c1")[0]
    assert (waiting.tries, waiting.tried_at, waiting.try_at) == (1, NOW, NOW + timedelta(minutes=5))
    store.save(make(1), [PAGE], {}, NOW)
    assert store.queue.of_channel("c1") == []


def test_a_change_gives_its_channels_a_new_version_and_no_other(store: Store) -> None:
    hold(store, make(1))
    hold(store, make(2), channel="c2")
    before = store.version(["c1"]), store.version(["c2"])
    store.save(make(1, title="改了"), [PAGE], {}, NOW + timedelta(hours=1))
    assert store.version(["c1"]) != before[0]
    assert store.version(["c1"]).moment == NOW + timedelta(hours=1)
    assert store.version(["c2"]) == before[1]


def test_an_article_that_comes_in_changes_the_channels_that_link_to_it(store: Store) -> None:
    hold(store, make(1, links=((ArticleId("n9"), Url("https://news.example/9")),)))
    before = store.version(["c1"])
    assert store.requests.original(ArticleId("n9")) == "https://news.example/9"
    hold(store, make(9), channel="c2")
    assert store.version(["c1"]) != before


def test_an_article_that_joins_a_channel_changes_all_that_lead_to_it(store: Store) -> None:
    hold(store, make(1))
    hold(store, make(2, links=((ArticleId("n1"), Url("https://news.example/1")),)), channel="c2")
    before = store.version(["c1"]), store.version(["c2"])
    store.queue.add_listing("c3", [item(1)], NOW)
    assert (store.version(["c1"]), store.version(["c2"])) != before
    assert store.version(["c1"]) != before[0]
    assert store.version(["c2"]) != before[1]


def test_a_poll_that_finds_nothing_new_changes_no_version(store: Store) -> None:
    hold(store, make(1))
    before = store.version(["c1"])
    store.queue.add_listing("c1", [item(1)], NOW + timedelta(hours=1))
    store.schedule.save_poll(ChannelState("c1", "hash", polled_at=NOW, next_poll_at=NOW, listed=1))
    assert store.version(["c1"]) == before


def test_an_update_replaces_tags_and_links(store: Store) -> None:
    hold(store, make(1, links=((ArticleId("n9"), Url("https://news.example/9")),)))
    changed = make(1, tags=("新",), links=())
    store.save(changed, [PAGE], {}, NOW)
    assert store.article(changed.id) == changed
    assert [headline.id for headline in store.tagged("新", ["c1"], 9)] == ["n1"]
    assert store.tagged("市集", ["c1"], 9) == []


def test_the_state_of_a_channel_comes_back(store: Store) -> None:
    state = ChannelState(
        "c1",
        "abc",
        polled_at=NOW,
        succeeded_at=NOW - timedelta(hours=1),
        next_poll_at=NOW + timedelta(minutes=10),
        failures=2,
        last_error="http://x: silent",
        listed=20,
        ttl_s=600,
        moved_to="https://news.example/c1",
        moved_since=NOW - timedelta(hours=3),
    )
    store.schedule.save_poll(replace(state, failures=0))
    store.schedule.save_poll(replace(state, outcomes="...x"))
    assert store.schedule.states() == {"c1": state}
    assert store.schedule.state("c1") == state
    store.schedule.save_outcomes("c1", "..x")
    store.schedule.save_poll(replace(state, listed=21))
    assert store.schedule.state("c1") == replace(state, listed=21, outcomes="..x")


# ---------------------------------------------------------------- lists


def test_the_list_of_a_channel_is_taken_page_by_page_newest_first(store: Store) -> None:
    hold(store, *(make(number) for number in (4, 1, 5, 3, 2)))
    hold(store, make(9), channel="c2")
    pages = [[headline.id for headline in store.index("c1", offset, 2)] for offset in (0, 2, 4, 6)]
    assert pages == [["n5", "n4"], ["n3", "n2"], ["n1"], []]


def test_only_what_is_held_is_listed_and_counted(store: Store) -> None:
    hold(store, make(1), make(2))
    store.queue.add_listing("c1", [item(3)], NOW)
    hold(store, make(9), channel="c2")
    assert (store.count("c1"), store.count("c2"), store.count("c3")) == (2, 1, 0)
    assert [headline.id for headline in store.index("c1", 0, 9)] == ["n2", "n1"]


def test_a_headline_in_a_list_names_all_channels_of_its_article(store: Store) -> None:
    hold(store, make(1))
    store.queue.add_listing("c2", [item(1)], NOW)
    assert [headline.channels for headline in store.index("c1", 0, 9)] == [{"c1", "c2"}]


def around(store: Store, number: int, channel: str = "c1") -> tuple[str | None, str | None]:
    before, after = store.neighbours(ArticleId(f"n{number}"), channel)
    return before.id if before else None, after.id if after else None


def test_the_neighbours_of_an_article_are_the_next_older_and_newer_of_its_channel(
    store: Store,
) -> None:
    hold(store, make(1), make(3), make(5))
    hold(store, make(2), make(3), make(4), channel="c2")
    assert [around(store, number) for number in (1, 3, 5)] == [
        (None, "n3"),
        ("n1", "n5"),
        ("n3", None),
    ]
    assert [around(store, number, "c2") for number in (2, 3, 4)] == [
        (None, "n3"),
        ("n2", "n4"),
        ("n3", None),
    ]


def test_among_articles_of_one_moment_neighbours_follow_the_order_of_the_list(store: Store) -> None:
    hold(store, *(make(number, published=NOW, updated=NOW) for number in (2, 1, 3)))
    listed = [headline.id for headline in store.index("c1", 0, 9)]
    assert listed == ["n3", "n2", "n1"]
    assert [around(store, number) for number in (1, 2, 3)] == [
        (None, "n2"),
        ("n1", "n3"),
        ("n2", None),
    ]


def test_walking_from_neighbour_to_neighbour_meets_every_article_once_in_the_order_of_the_list(
    store: Store,
) -> None:
    hold(
        store,
        *(make(number, published=NOW + timedelta(minutes=number // 3)) for number in range(10, 30)),
    )
    walked, at = [10], 10
    while after := around(store, at)[1]:
        at = int(after[1:])
        walked.append(at)
    assert [f"n{number}" for number in reversed(walked)] == [
        headline.id for headline in store.index("c1", 0, 99)
    ]


def test_what_is_not_held_is_nobodys_neighbour_and_has_none(store: Store) -> None:
    hold(store, make(1), make(3))
    store.queue.add_listing("c1", [item(2)], NOW)
    assert around(store, 1) == (None, "n3")
    assert around(store, 2) == around(store, 7) == around(store, 1, "c9") == (None, None)


def test_a_period_has_its_articles_newest_first_and_each_once_from_its_first_moment_to_before_its_last(
    store: Store,
) -> None:
    hold(store, *map(make, range(1, 6)))
    hold(store, make(3), make(6), channel="c2")
    hold(store, make(4, published=NOW + timedelta(minutes=3)), channel="c3")
    store.queue.add_listing("c1", [item(9)], NOW)
    first, last = NOW + timedelta(minutes=2), NOW + timedelta(minutes=5)
    assert store.period(["c1", "c2"], first, last, None) == ["n4", "n3", "n2"]
    assert store.period(["c1", "c2"], first, None, None) == ["n6", "n5", "n4", "n3", "n2"]
    assert store.period(["c1", "c2"], first, None, 2) == ["n6", "n5"]
    assert store.period(["c9"], first, None, None) == store.period([], first, None, None) == []


def test_the_newest_articles_with_a_tag_come_whole_and_newest_first(store: Store) -> None:
    hold(store, make(1), make(2, tags=("别的",)), make(3, tags=("山城", "新")))
    hold(store, make(4), channel="c2")
    assert [article.id for article in store.newest(["c1", "c2"], 9, tag="山城")] == [
        "n4",
        "n3",
        "n1",
    ]
    assert store.newest(["c1", "c2"], 1, tag="山城") == [make(4)]
    assert [headline.id for headline in store.tagged("山城", ["c1", "c2"], 9)] == ["n4", "n3", "n1"]
    assert [article.id for article in store.newest(["c1", "c2"], 9, tag="没有")] == []


def test_only_articles_that_one_of_the_named_channels_shows_have_a_tag_there(store: Store) -> None:
    hold(store, make(1), make(3))
    hold(store, make(2), make(3), channel="c2")
    hold(store, make(4), channel=REQUESTED)
    for channels, expected in (
        (["c1"], ["n3", "n1"]),
        (["c1", "c2"], ["n3", "n2", "n1"]),
        (["c9"], []),
        ([], []),
    ):
        assert [article.id for article in store.newest(channels, 9, tag="山城")] == expected
        assert [headline.id for headline in store.tagged("山城", channels, 9)] == expected


# ---------------------------------------------------------------- pictures

HOST = "pic.example"
A, B, C = (Url(f"https://{HOST}/{name}.jpg") for name in "abc")
ELSEWHERE = Url("https://elsewhere.example/d.jpg")


def stored(number: int) -> StoredPicture:
    original = MediaFile(f"{number:032x}.jpg", "image/jpeg", 90_000 + number, 1600, 900)
    return StoredPicture(
        original, MediaFile(f"{number:032x}.webp", "image/webp", 9_000 + number, 1200, 675)
    )


def hold_pictures(
    store: Store,
    article: Article,
    pictures: Mapping[Url, StoredPicture] | None = None,
    channel: str = "c1",
) -> None:
    """Have an article be held, shown by a channel, with those of its pictures that came with it."""
    store.queue.add_listing(channel, [item(int(article.id[1:]), article.title)], NOW)
    store.save(article, [PAGE], pictures or {}, NOW)


def due(
    store: Store,
    *channels: str,
    hosts: tuple[str, ...] = (HOST,),
    now: datetime = NOW,
    limit: int = 99,
) -> list[str]:
    return [waiting.url for waiting in store.pictures.due(hosts, channels or ("c1",), now, limit)]


def test_the_pictures_that_came_with_an_article_come_back_with_it_as_they_were_stored(
    store: Store,
) -> None:
    article = make(1, pictures=(A, B))
    hold_pictures(store, article, {A: stored(1), B: stored(2)})
    assert store.article(article.id) == article
    assert store.pictures.of([article.id]) == {A: stored(1), B: stored(2)}
    assert due(store) == []


def test_pictures_are_those_of_the_articles_that_were_asked_for(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B)), {A: stored(1)})
    hold_pictures(store, make(2, pictures=(C,)), {C: stored(3)})
    assert store.pictures.of([ArticleId("n2")]) == {C: stored(3)}
    assert store.pictures.of([ArticleId(f"n{number}") for number in range(40_000)]) == {
        A: stored(1),
        C: stored(3),
    }
    assert store.pictures.of([ArticleId("n9")]) == store.pictures.of([]) == {}


def test_a_form_that_serves_for_both_is_one_file(store: Store) -> None:
    small = StoredPicture(stored(1).original, stored(1).original)
    hold_pictures(store, make(1, pictures=(A,)), {A: small})
    assert store.pictures.of([ArticleId("n1")]) == {A: small}
    assert store.pictures.used_files() == {small.original.name}


def test_a_picture_is_known_from_the_moment_an_article_shows_it(store: Store) -> None:
    assert store.pictures.known([A, B]) == set()
    hold_pictures(store, make(1, pictures=(A, B, ELSEWHERE)), {A: stored(1)})
    assert store.pictures.known([A, B, C, ELSEWHERE]) == {A, B, ELSEWHERE}
    assert store.pictures.known(
        [Url(f"https://{HOST}/{number}.jpg") for number in range(40_000)] + [B]
    ) == {B}


def test_a_picture_that_did_not_come_with_its_article_is_due_at_once(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B)), {A: stored(1)})
    assert store.pictures.due([HOST], ["c1"], NOW, 9) == [WaitingPicture(B, 0)]
    assert due(store, now=NOW - timedelta(seconds=1)) == []


def test_only_pictures_at_the_named_hosts_are_due(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, ELSEWHERE)))
    assert due(store) == [A]
    assert set(due(store, hosts=(HOST, "elsewhere.example"))) == {A, ELSEWHERE}
    assert due(store, hosts=()) == []


def test_only_pictures_of_articles_that_one_of_the_named_channels_shows_are_due(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    hold_pictures(store, make(2, pictures=(B,)), channel="c2")
    hold_pictures(store, make(3, pictures=(A, C)), channel="c3")
    assert due(store, "c1") == [A]
    assert due(store, "c2", "c3") == [A, B, C]
    assert due(store, "c9") == []


def test_the_picture_that_has_been_due_the_longest_comes_first_and_no_more_than_were_wanted(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A, B, C)))
    store.pictures.record_failure(A, "answered 404", tries=1, try_at=NOW + timedelta(minutes=9))
    store.pictures.record_failure(C, "answered 404", tries=1, try_at=NOW + timedelta(minutes=5))
    later = NOW + timedelta(minutes=9)
    assert due(store, now=later) == [B, C, A]
    assert due(store, now=later, limit=2) == [B, C]


def test_a_picture_that_failed_is_due_when_its_time_has_come_and_remembers_its_tries(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    store.pictures.record_failure(A, "answered 404", tries=3, try_at=NOW + timedelta(minutes=5))
    assert due(store, now=NOW + timedelta(minutes=5, microseconds=-1)) == []
    assert store.pictures.due([HOST], ["c1"], NOW + timedelta(minutes=5), 9) == [
        WaitingPicture(A, 3)
    ]


def test_an_article_that_is_stored_again_does_not_make_its_pictures_due_earlier(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    store.pictures.record_failure(A, "answered 404", tries=3, try_at=NOW + timedelta(minutes=5))
    store.save(make(1, title="改了", pictures=(A,)), [PAGE], {}, NOW)
    hold_pictures(store, make(2, pictures=(A,)))
    assert due(store) == []
    assert store.pictures.due([HOST], ["c1"], NOW + timedelta(minutes=5), 9) == [
        WaitingPicture(A, 3)
    ]


def test_a_picture_that_came_later_is_due_no_longer_and_shown_by_all_its_articles(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    hold_pictures(store, make(2, pictures=(A, B)))
    store.pictures.keep(A, stored(1), NOW)
    assert due(store) == [B]
    assert (
        store.pictures.of([ArticleId("n1")])
        == store.pictures.of([ArticleId("n2")])
        == {A: stored(1)}
    )


def test_a_picture_that_came_later_changes_the_channels_that_show_it_and_no_others(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    store.queue.add_listing("c2", [item(1)], NOW)
    hold_pictures(store, make(3, pictures=(B,)), channel="c3")
    hold_pictures(
        store,
        make(4, pictures=(), links=((ArticleId("n1"), Url("https://news.example/1")),)),
        channel="c4",
    )
    before = {channel: store.version([channel]) for channel in ("c1", "c2", "c3", "c4")}
    later = NOW + timedelta(hours=1)
    store.pictures.keep(A, stored(1), later)
    changed = {channel for channel in before if store.version([channel]) != before[channel]}
    assert changed == {"c1", "c2"}
    assert {store.version([channel]).moment for channel in changed} == {later}


def test_a_picture_that_failed_changes_no_channel(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A,)))
    before = store.version(["c1"])
    store.pictures.record_failure(A, "answered 404", tries=1, try_at=NOW + timedelta(minutes=5))
    assert store.version(["c1"]) == before


def test_a_picture_that_is_held_is_shown_at_once_by_an_article_that_comes_later(
    store: Store,
) -> None:
    hold_pictures(store, make(1, pictures=(A,)), {A: stored(1)})
    hold_pictures(store, make(2, pictures=(A,)))
    assert store.pictures.of([ArticleId("n2")]) == {A: stored(1)}


def test_files_are_used_by_the_pictures_that_an_article_shows(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B)), {A: stored(1)})
    assert store.pictures.used_files() == {stored(1).original.name, stored(1).reading.name}
    assert store.pictures.unused() == []


def test_a_picture_that_no_article_shows_any_more_is_unused_and_no_longer_due(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B, C)), {A: stored(1), B: stored(2)})
    hold_pictures(store, make(2, pictures=(B,)))
    store.save(make(1, pictures=()), [PAGE], {}, NOW)
    assert store.pictures.unused() == [A, C]
    assert store.pictures.used_files() == {stored(2).original.name, stored(2).reading.name}
    assert due(store) == []


def test_unused_pictures_are_forgotten_and_no_other(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B, C)), {A: stored(1), B: stored(2)})
    store.save(make(1, pictures=(B, C)), [PAGE], {}, NOW)
    version = store.version(["c1"])
    store.pictures.drop_unused()
    assert store.pictures.unused() == []
    assert store.pictures.known([A, B, C]) == {B, C}
    assert store.pictures.of([ArticleId("n1")]) == {B: stored(2)}
    assert due(store) == [C]
    assert store.version(["c1"]) == version


def test_a_file_that_a_used_picture_shares_with_an_unused_one_stays(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A, B)), {A: stored(1), B: stored(1)})
    store.save(make(1, pictures=(B,)), [PAGE], {}, NOW)
    assert store.pictures.unused() == [A]
    store.pictures.drop_unused()
    assert store.pictures.of([ArticleId("n1")]) == {B: stored(1)}
    assert store.pictures.used_files() == {stored(1).original.name, stored(1).reading.name}


def test_a_picture_that_was_forgotten_may_come_again(store: Store) -> None:
    hold_pictures(store, make(1, pictures=(A,)), {A: stored(1)})
    store.save(make(1, pictures=()), [PAGE], {}, NOW)
    store.pictures.drop_unused()
    store.save(make(1, pictures=(A,)), [PAGE], {A: stored(1)}, NOW)
    assert store.pictures.of([ArticleId("n1")]) == {A: stored(1)}


def test_an_article_is_stored_with_its_pictures_or_not_at_all(store: Store) -> None:
    store.queue.add_listing("c1", [item(1)], NOW)
    version = store.version(["c1"])
    unwritable = Page(PAGE.url, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.save(make(1, pictures=(A, B)), [unwritable], {A: stored(1)}, NOW)
    assert store.article(ArticleId("n1")) is None
    assert store.pictures.known([A, B]) == set()
    assert store.pictures.used_files() == set()
    assert [waiting.item.id for waiting in store.queue.of_channel("c1")] == ["n1"]
    assert store.version(["c1"]) == version


# ---------------------------------------------------------------- what readers ask for

LINKED = tuple(
    (ArticleId(f"n{number}"), Url(f"https://news.example/{number}")) for number in range(900, 910)
)
WANTED, ADDRESS = LINKED[0]


@pytest.fixture
def linking(store: Store) -> Store:
    """A store that has heard of the articles of `LINKED`, and waits for n5."""
    hold(store, make(1, links=LINKED))
    store.queue.add_listing("c1", [item(5)], NOW)
    return store


def asked(store: Store, article_id: ArticleId = WANTED, most: int = 9) -> bool:
    return store.requests.ask(article_id, limit=most, now=NOW)


def requested(store: Store) -> list[str]:
    return [waiting.item.id for waiting in store.queue.of_channel(REQUESTED)]


def test_an_article_that_was_linked_to_can_be_asked_for_and_waits_when_the_poller_looks(
    linking: Store,
) -> None:
    assert linking.requests.find(WANTED) is None
    assert asked(linking)
    assert linking.requests.find(WANTED) == Request(WANTED, ADDRESS)
    assert requested(linking) == []
    linking.requests.enqueue()
    assert [waiting.item for waiting in linking.queue.of_channel(REQUESTED)] == [
        ListingItem(WANTED, ADDRESS, "")
    ]
    assert linking.requests.find(WANTED) == Request(WANTED, ADDRESS)


def test_an_article_that_nobody_heard_of_can_not_be_asked_for(linking: Store) -> None:
    assert not asked(linking, ArticleId("n12345"))
    linking.requests.enqueue()
    assert linking.requests.find(ArticleId("n12345")) is None
    assert requested(linking) == []


def test_an_article_is_asked_for_once_however_often_it_is(linking: Store) -> None:
    assert [asked(linking), asked(linking)] == [True, True]
    linking.requests.enqueue()
    assert asked(linking)
    linking.requests.enqueue()
    assert requested(linking) == [WANTED]


def test_no_more_are_asked_for_than_may_be_taken_or_not(linking: Store) -> None:
    assert [asked(linking, each, most=3) for each, _ in LINKED[:5]] == [
        True,
        True,
        True,
        False,
        False,
    ]
    linking.requests.enqueue()
    assert not asked(linking, LINKED[4][0], most=3)
    assert asked(linking, LINKED[0][0], most=3)  # it is asked for already
    assert len(requested(linking)) == 3
    linking.requests.forget(LINKED[0][0])
    assert asked(linking, LINKED[4][0], most=3)
    assert not asked(linking, LINKED[3][0], most=0)


def test_an_article_that_came_makes_room_for_another_request(linking: Store) -> None:
    asked(linking, most=1)
    linking.requests.enqueue()
    assert not asked(linking, LINKED[1][0], most=1)
    linking.save(make(900), [PAGE], {}, NOW)
    assert linking.requests.find(WANTED) is None
    assert asked(linking, LINKED[1][0], most=1)


def test_requests_are_taken_as_often_as_one_likes(linking: Store) -> None:
    linking.requests.enqueue()
    assert requested(linking) == []
    asked(linking)
    linking.requests.enqueue()
    linking.queue.postpone(
        WANTED, "answered 500", tries=1, now=NOW, try_at=NOW + timedelta(minutes=5)
    )
    linking.requests.enqueue()
    assert [
        (waiting.item.id, waiting.tries) for waiting in linking.queue.of_channel(REQUESTED)
    ] == [(WANTED, 1)]


def test_a_request_that_failed_says_why(linking: Store) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.queue.postpone(
        WANTED, "answered 404 Not Found", tries=1, now=NOW, try_at=NOW + timedelta(minutes=5)
    )
    assert linking.requests.find(WANTED) == Request(WANTED, ADDRESS, "answered 404 Not Found")


def test_an_article_that_was_asked_for_is_held_in_no_channel_but_its_own(linking: Store) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.save(make(900), [PAGE], {}, NOW)
    assert linking.channels_of([WANTED]) == {WANTED: {REQUESTED}}
    assert [article.id for article in linking.newest(["c1"], 9)] == ["n1"]
    assert requested(linking) == []


def test_an_article_that_was_asked_for_changes_what_links_to_it_and_nothing_else(
    linking: Store,
) -> None:
    hold(linking, make(2), channel="c2")
    asked(linking)
    before = {channel: linking.version([channel]) for channel in ("c1", "c2")}
    linking.requests.enqueue()
    assert {channel: linking.version([channel]) for channel in before} == before
    linking.save(make(900), [PAGE], {}, NOW + timedelta(hours=1))
    assert linking.version(["c1"]) != before["c1"]
    assert linking.version(["c2"]) == before["c2"]


def test_a_request_for_an_article_that_came_in_between_is_dropped(linking: Store) -> None:
    asked(linking)
    hold(linking, make(900), channel="c2")
    linking.requests.enqueue()
    assert linking.requests.find(WANTED) is None
    assert requested(linking) == []
    assert linking.channels_of([WANTED]) == {WANTED: {"c2"}}


def test_an_article_that_waits_already_is_next_and_is_asked_for_besides(linking: Store) -> None:
    linking.queue.postpone(
        ArticleId("n5"), "answered 500", tries=1, now=NOW, try_at=NOW + timedelta(minutes=5)
    )
    assert asked(linking, ArticleId("n5"))
    linking.requests.enqueue()
    for channel in ("c1", REQUESTED):
        waits = linking.queue.of_channel(channel)
        assert [(waiting.item, waiting.tries, waiting.try_at) for waiting in waits] == [
            (item(5), 0, None)
        ]
    linking.save(make(5), [PAGE], {}, NOW)
    assert linking.channels_of([ArticleId("n5")]) == {ArticleId("n5"): {"c1", REQUESTED}}


def test_a_request_that_is_forgotten_waits_no_longer_and_can_be_made_again(linking: Store) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.queue.postpone(
        WANTED, "answered 404", tries=1, now=NOW, try_at=NOW + timedelta(minutes=5)
    )
    linking.requests.forget(WANTED)
    assert linking.requests.find(WANTED) is None
    assert requested(linking) == []
    assert asked(linking)
    linking.requests.enqueue()
    assert [
        (waiting.item.id, waiting.tries) for waiting in linking.queue.of_channel(REQUESTED)
    ] == [(WANTED, 0)]


def test_forgetting_a_request_leaves_what_a_listing_shows_waiting(linking: Store) -> None:
    asked(linking, ArticleId("n5"))
    linking.requests.enqueue()
    linking.requests.forget(ArticleId("n5"))
    assert linking.requests.find(ArticleId("n5")) is None
    assert requested(linking) == []
    assert [waiting.item for waiting in linking.queue.of_channel("c1")] == [item(5)]


def test_an_article_that_was_asked_for_joins_the_channel_of_a_listing_that_shows_it_later(
    linking: Store,
) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.save(make(900), [PAGE], {}, NOW)
    before = linking.version(["c2"])
    assert linking.queue.add_listing("c2", [item(900)], NOW) == 0
    assert linking.queue.of_channel("c2") == []
    assert [article.id for article in linking.newest(["c2"], 9)] == [WANTED]
    assert linking.version(["c2"]) != before


def test_an_article_that_is_held_and_fetched_again_is_no_request_any_more(linking: Store) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.save(make(900), [PAGE], {}, NOW)
    for title in ("标题900", "改了的标题"):
        linking.queue.add_listing("c2", [item(900, title)], NOW)
    assert [waiting.item.id for waiting in linking.queue.of_channel("c2")] == [WANTED]
    assert linking.requests.find(WANTED) is None
    assert asked(linking, LINKED[1][0], most=1)


def test_an_article_that_a_listing_shows_while_it_is_asked_for_comes_into_its_channel(
    linking: Store,
) -> None:
    asked(linking)
    linking.requests.enqueue()
    linking.queue.add_listing("c2", [item(900)], NOW)
    assert [waiting.item.id for waiting in linking.queue.of_channel("c2")] == [WANTED]
    linking.save(make(900), [PAGE], {}, NOW)
    assert linking.channels_of([WANTED]) == {WANTED: {"c2", REQUESTED}}
    assert [linking.queue.of_channel("c2"), linking.queue.of_channel(REQUESTED)] == [[], []]


def test_requests_survive_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    first = open_store(url, tmp_path)
    hold(first, make(1, links=LINKED))
    asked(first)
    first.close()
    again = open_store(url, tmp_path)
    again.requests.enqueue()
    assert requested(again) == [WANTED]
    again.close()


# ---------------------------------------------------------------- archives

LOGS = (
    ArchiveDefinition("all", (Placement("town", "c1"), Placement("letters", "c2"))),
    ArchiveDefinition("letters", (Placement("letters", "c2"),)),
)


def logged(store: Store, log: str, number: int = 1) -> list[str]:
    return [each.article.id for each in store.archive.page(log, number)]


def test_an_archive_has_what_its_channels_show_by_date_and_id_and_once(store: Store) -> None:
    hold(store, make(3), make(1), make(5, published=make(2).published), make(2))
    hold(store, make(1), make(4), channel="c2")
    store.queue.add_listing("c1", [item(9)], NOW)  # not held
    assert store.archive.append(LOGS, NOW) == 7
    assert logged(store, "all") == ["n4", "n3", "n5", "n2", "n1"]
    assert logged(store, "letters") == ["n4", "n1"]
    assert (
        store.archive.length("all"),
        store.archive.length("letters"),
        store.archive.length("none"),
    ) == (5, 2, 0)
    assert store.archive.append(LOGS, NOW) == 0


def test_what_comes_later_stands_behind_whatever_its_date(store: Store) -> None:
    hold(store, make(5))
    store.archive.append(LOGS, NOW)
    hold(store, make(1), make(9), channel="c2")
    store.archive.append(LOGS, NOW)
    assert logged(store, "all") == ["n9", "n1", "n5"]


def test_an_entry_says_for_which_of_its_places_it_was_taken_in_and_keeps_to_that(
    store: Store,
) -> None:
    hold(store, make(1), channel="c2")
    hold(store, make(2))
    hold(store, make(2), channel="c2")
    store.archive.append(LOGS, NOW)
    hold(store, make(1))
    store.archive.append(LOGS, NOW)
    found = {(each.article.id, *each.placement) for each in store.archive.page("all", 1)}
    assert found == {("n1", "letters", "c2"), ("n2", "town", "c1")}


def test_pages_have_no_gaps_and_end_where_the_next_begins(store: Store) -> None:
    numbers = range(1, 2 * PAGE_ENTRIES + 2)
    hold(store, *map(make, numbers))
    store.archive.append(LOGS, NOW)
    pages = [logged(store, "all", number) for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [PAGE_ENTRIES, PAGE_ENTRIES, 1, 0]
    assert [each for page in reversed(pages) for each in page] == [
        f"n{number}" for number in reversed(numbers)
    ]


def test_after_very_much_at_once_every_archive_is_made_up_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedproxy.store.archive._MANY", 300)
    store.archive.append(LOGS, NOW)
    hold(store, *map(make, range(1, 302)))
    hold(store, *map(make, range(1, 4)), channel="c2")
    assert store.archive.append(LOGS, NOW) == 304
    store.save(make(1, title="改了", updated=NOW), [PAGE], {}, NOW)
    assert store.archive.append(LOGS, NOW) == 1  # its other page is open
    assert logged(store, "all", 4)[0] == "n1"


def test_a_version_of_an_archive_grows_with_what_is_appended_and_with_every_change(
    store: Store,
) -> None:
    seen = [store.archive.version("letters", {"c2"}).number]
    hold(store, make(1), channel="c2")
    seen.append(store.archive.version("letters", {"c2"}).number)
    later = NOW + timedelta(hours=1)
    store.archive.append(LOGS, later)
    after = store.archive.version("letters", {"c2"})
    seen.append(after.number)
    store.save(make(1, title="改了"), [PAGE], {}, NOW)
    seen.append(store.archive.version("letters", {"c2"}).number)
    assert seen == sorted(set(seen))
    assert after.moment == later
    assert store.archive.version("", {"c2"}) == store.version({"c2"})


def test_a_version_of_a_full_page_changes_by_what_is_deleted_only(store: Store) -> None:
    hold(store, *map(make, range(1, PAGE_ENTRIES + 1)))
    store.archive.append(LOGS, NOW)
    before = store.archive.page_version("all", 1)
    store.save(make(1, title="改了", updated=NOW), [PAGE], {}, NOW)
    store.archive.append(LOGS, NOW)
    assert store.archive.page_version("all", 1) == before
    store.drop([ArticleId("n1")], NOW)
    assert store.archive.page_version("all", 1) != before


def test_a_held_picture_is_found_by_the_key_of_its_address(store: Store) -> None:
    picture = Url("https://img.news.example/桥.png")
    hold(store, make(1, pictures=(picture,)))
    stored = StoredPicture(
        MediaFile("0" * 32 + ".png", "image/png", 9, 2, 1),
        MediaFile("1" * 32 + ".webp", "image/webp", 5, 2, 1),
    )
    assert store.pictures.find(picture_key(picture)) is None
    store.pictures.keep(picture, stored, NOW)
    assert store.pictures.find(picture_key(picture)) == stored
    assert store.pictures.find("") is None


# ---------------------------------------------------------------- opening


def test_a_store_that_is_opened_again_holds_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    first = open_store(url, tmp_path)
    hold(first, make(1))
    first.close()
    again = open_store(url, tmp_path)
    assert [article.id for article in again.newest(["c1"], 9)] == ["n1"]
    again.close()


def _open_and_close(url: str, folder: Path) -> None:
    open_store(url, folder).close()


def test_processes_that_start_together_make_the_schema_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open_and_close, args=(url, tmp_path)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def test_the_migrations_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_store(url, tmp_path).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        # the index itself is a table of another kind
        opts = {
            "compare_type": False,
            "include_name": lambda name, *_: not str(name).startswith("search_index"),
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    engine.dispose()


def test_a_store_of_a_later_version_is_refused_in_one_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_store(url, tmp_path).close()
    engine = create(url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="schema is not one of this version's") as caught:
        open_store(url, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"not a database at all, whatever its name says")
    with pytest.raises(StoreError, match=r"can't be opened: .*not a database"):
        open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path)


def test_a_store_file_that_is_empty_is_refused_as_lost_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.touch()
    for _ in range(2):
        with pytest.raises(
            StoreError,
            match=r"store\.sqlite is empty, .*restore a backup, or delete it to start with an empty store",
        ):
            open_store(f"sqlite:///{file}", tmp_path)
    assert file.stat().st_size == 0
    file.unlink()
    open_store(f"sqlite:///{file}", tmp_path).close()


def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE recipe (name TEXT)")
    with pytest.raises(StoreError, match=r"store\.sqlite is not a store of feedproxy"):
        open_store(f"sqlite:///{file}", tmp_path)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("recipe",)]


def test_a_store_that_is_missing_while_its_journal_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite-wal").write_bytes(b"what was written last")
    with pytest.raises(
        StoreError, match=r"store\.sqlite is missing, but store\.sqlite-wal is there"
    ):
        open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path)
    assert not (tmp_path / "store.sqlite").exists()


def test_a_process_that_was_killed_while_it_made_the_store_leaves_none_and_stops_nobody(
    tmp_path: Path,
) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom feedproxy.store import open_store, opening\n"
        "upgrade = opening.upgrade\n"
        "def die(engine):\n    sys.argv[2] == 'after' and upgrade(engine)\n    engine.connect()\n    os.kill(os.getpid(), 9)\n"
        "opening.upgrade = die\nopen_store(f'sqlite:///{sys.argv[1]}/store.sqlite', Path(sys.argv[1]))\n"
    )
    for moment in ("before", "after"):
        killed = subprocess.run([sys.executable, "-c", script, str(tmp_path), moment], check=False)
        assert killed.returncode == -9
        assert not (tmp_path / "store.sqlite").exists()
    open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["schema.lock", "store.sqlite"]


def test_damage_that_one_process_finds_all_know_until_a_check_finds_none(tmp_path: Path) -> None:
    url, backup = f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "backup.sqlite"
    store = open_store(url, tmp_path)
    hold(store, *(make(number, body=SafeHtml(f"<p>{'正文' * 3_000}</p>")) for number in range(60)))
    store.close()
    shutil.copy(tmp_path / "store.sqlite", backup)
    other = open_store(url, tmp_path)
    other.probe(["c1"], 50)
    overwrite_middle(tmp_path / "store.sqlite")
    with pytest.raises(StoreError, match="malformed"):
        open_store(url, tmp_path).articles([ArticleId(f"n{number}") for number in range(60)])
    with pytest.raises(
        StoreError, match=r"is damaged: database disk image is malformed; .*restore a backup"
    ):
        other.probe([], 0)
    with pytest.raises(StoreError, match="is damaged"):  # still, by whoever comes later
        open_store(url, tmp_path).probe([], 0)
    assert other.check() != ""
    other.close()
    shutil.copy(backup, tmp_path / "store.sqlite")
    open_store(url, tmp_path).probe(["c1"], 50)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "the database can't be opened: Could not parse"),
        ("postgresql+psycopg://u@h:port/db", "the database can't be opened"),
        ("mysql+nothing://u:secret@h/d", r"mysql\+nothing://u:\*\*\*@h/d can't be opened"),
    ],
)
def test_an_address_that_is_no_database_is_refused_without_its_password(
    tmp_path: Path, url: str, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        open_store(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cant_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="can't be opened"):
        open_store(f"sqlite:///{tmp_path}/file/store.sqlite", tmp_path / "file")


# ---------------------------------------------------------------- dates


def test_a_better_date_moves_an_article_wherever_it_stands_and_keeps_the_old_one_as_a_version(
    store: Store,
) -> None:
    guess = make(1, dated=DateSource.ESTIMATED)
    hold(store, guess, make(2))
    before = store.version(["c1"])
    better = policy.redate(guess, NOW - timedelta(days=900), DateSource.STATED)
    store.redate(better, NOW)
    assert store.article(guess.id) == better
    assert [version.published for version in store.versions(guess.id)] == [guess.published]
    assert [headline.published for headline in store.headlines(["c1"], 9)][-1] == better.published
    assert store.version(["c1"]) != before


def test_dates_are_told_with_where_they_come_from_and_the_oldest_of_a_channel_by_that(
    store: Store,
) -> None:
    early, unknown = NOW - timedelta(days=30), NOW - timedelta(days=99)
    hold(
        store,
        make(1, published=NOW, dated=DateSource.STATED),
        make(2, published=early, dated=DateSource.ESTIMATED),
        make(3, published=unknown, dated=DateSource.UNKNOWN),
    )
    ids = [ArticleId(f"n{number}") for number in (1, 2, 9)]
    assert store.dates(ids) == {"n1": (NOW, DateSource.STATED), "n2": (early, DateSource.ESTIMATED)}
    assert store.site_dates("news.example") == {"n1": NOW}
    assert store.oldest("c1", policy.DATED) == NOW
    assert store.oldest("c1", policy.ALL_KNOWN) == early
    assert store.oldest("c1", policy.ALL_KNOWN, early) == NOW
    assert store.oldest("c2", policy.ALL_KNOWN) is None
    waiting = ListingItem(
        ArticleId("n7"),
        Url("https://news.example/n7"),
        "",
        early - timedelta(days=1),
        dated=DateSource.SEEN,
    )
    store.queue.add_listing("c1", [waiting], NOW)
    assert store.oldest("c1", policy.ALL_KNOWN) == waiting.published
    assert [each.item for each in store.queue.of_channel("c1")] == [waiting]
