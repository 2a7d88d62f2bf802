"""The contract of a store; every implementation is held to it."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from feedproxy.errors import StoreError
from feedproxy.model import Article, ArticleId, ChannelState, ListingItem, Page, Picture, SafeHtml, Url
from feedproxy.store import Store, open_store
from feedproxy.store.engine import create
from feedproxy.store.schema import HEAD
from feedproxy.store.tables import metadata

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)
PAGE = Page(Url("https://news.example/1"), "<p>原文</p>".encode(), "text/html")


def make(number: int, **changes: object) -> Article:
    article = Article(
        id=ArticleId(f"n{number}"),
        site="news.example",
        url=Url(f"https://news.example/{number}"),
        entry_id=f"tag:news.example,2021-05-01:n{number}",
        title=f"标题{number}",
        body=SafeHtml(f"<p>正文{number}</p>"),
        summary=f"正文{number}",
        published=NOW + timedelta(minutes=number),
        updated=NOW + timedelta(minutes=number),
        author="李明",
        tags=("市集", "山城"),
        picture=Picture(Url("https://pic.example/1.jpg"), "图", "图注"),
    )
    return replace(article, **changes)  # type: ignore[arg-type]


def item(number: int, title: str = "") -> ListingItem:
    return ListingItem(ArticleId(f"n{number}"), Url(f"https://news.example/{number}"), title or f"标题{number}")


def hold(store: Store, *articles: Article, channel: str = "c1") -> None:
    store.remember_listing(channel, [item(int(article.id[1:]), article.title) for article in articles], NOW)
    for article in articles:
        store.save(article, [PAGE], NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.sqlite", tmp_path)
    yield opened
    opened.close()


def test_an_article_comes_back_as_it_was_stored(store: Store) -> None:
    article = make(1, links=((ArticleId("n7"), Url("https://news.example/7")),))
    hold(store, article)
    assert store.article(article.id) == article


def test_an_article_without_picture_tags_and_links_comes_back_too(store: Store) -> None:
    article = make(1, picture=None, tags=(), author="")
    hold(store, article)
    assert store.article(article.id) == article


def test_what_is_not_held_is_not_found(store: Store) -> None:
    store.remember_listing("c1", [item(1)], NOW)
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
    assert store.remember_listing("c1", [item(3), item(2)], NOW) == 2
    assert store.remember_listing("c2", [item(2), item(1)], NOW) == 1
    assert [waiting.item for waiting in store.waiting("c1")] == [item(3), item(2)]
    assert {waiting.item.id for waiting in store.waiting("c2")} == {"n2", "n1"}


def test_a_listing_of_any_length_is_taken(store: Store) -> None:
    numbers = range(40_000, 0, -1)
    assert store.remember_listing("c1", [item(number) for number in numbers], NOW) == len(numbers)
    waiting = store.waiting("c1")
    assert [waiting[0].item.id, waiting[-1].item.id] == ["n40000", "n1"]
    assert store.channels_of([each.item.id for each in waiting]) == {}


def test_a_held_article_that_another_channel_lists_is_shown_there_without_being_fetched(store: Store) -> None:
    hold(store, make(1))
    store.remember_listing("c2", [item(1)], NOW)
    assert store.waiting("c2") == []
    assert [article.id for article in store.newest(["c2"], 9)] == ["n1"]


def test_a_new_headline_in_the_same_listing_makes_a_held_article_wait(store: Store) -> None:
    hold(store, make(1))
    store.remember_listing("c1", [item(1)], NOW)
    assert store.waiting("c1") == []
    store.remember_listing("c1", [item(1, "改了的标题")], NOW)
    assert [waiting.item.title for waiting in store.waiting("c1")] == ["改了的标题"]
    store.settled(ArticleId("n1"))
    assert store.waiting("c1") == []


def test_a_failure_is_remembered_and_success_ends_the_waiting(store: Store) -> None:
    store.remember_listing("c1", [item(1)], NOW)
    store.failed(ArticleId("n1"), "answered 500", now=NOW, try_at=NOW + timedelta(minutes=5))
    waiting = store.waiting("c1")[0]
    assert (waiting.tries, waiting.tried_at, waiting.try_at) == (1, NOW, NOW + timedelta(minutes=5))
    store.save(make(1), [PAGE], NOW)
    assert store.waiting("c1") == []


def test_a_change_gives_its_channels_a_new_version_and_no_other(store: Store) -> None:
    hold(store, make(1))
    hold(store, make(2), channel="c2")
    before = store.version(["c1"]), store.version(["c2"])
    store.save(make(1, title="改了"), [PAGE], NOW + timedelta(hours=1))
    assert store.version(["c1"]) != before[0]
    assert store.version(["c1"]).moment == NOW + timedelta(hours=1)
    assert store.version(["c2"]) == before[1]


def test_an_article_that_comes_in_changes_the_channels_that_link_to_it(store: Store) -> None:
    hold(store, make(1, links=((ArticleId("n9"), Url("https://news.example/9")),)))
    before = store.version(["c1"])
    assert store.original(ArticleId("n9")) == "https://news.example/9"
    hold(store, make(9), channel="c2")
    assert store.version(["c1"]) != before


def test_an_article_that_joins_a_channel_changes_all_that_lead_to_it(store: Store) -> None:
    hold(store, make(1))
    hold(store, make(2, links=((ArticleId("n1"), Url("https://news.example/1")),)), channel="c2")
    before = store.version(["c1"]), store.version(["c2"])
    store.remember_listing("c3", [item(1)], NOW)
    assert (store.version(["c1"]), store.version(["c2"])) != before
    assert store.version(["c1"]) != before[0]
    assert store.version(["c2"]) != before[1]


def test_a_poll_that_finds_nothing_new_changes_no_version(store: Store) -> None:
    hold(store, make(1))
    before = store.version(["c1"])
    store.remember_listing("c1", [item(1)], NOW + timedelta(hours=1))
    store.remember_poll(ChannelState("c1", "hash", NOW, NOW, 0, "", 1))
    assert store.version(["c1"]) == before


def test_an_update_replaces_tags_and_links(store: Store) -> None:
    hold(store, make(1, links=((ArticleId("n9"), Url("https://news.example/9")),)))
    changed = make(1, tags=("新",), links=())
    store.save(changed, [PAGE], NOW)
    assert store.article(changed.id) == changed
    assert [headline.id for headline in store.tagged("新", 9)] == ["n1"]
    assert store.tagged("市集", 9) == []


def test_the_state_of_a_channel_comes_back(store: Store) -> None:
    state = ChannelState("c1", "abc", NOW, NOW + timedelta(minutes=10), 2, "http://x: silent", 20)
    store.remember_poll(replace(state, failures=0))
    store.remember_poll(state)
    assert store.states() == {"c1": state}


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
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), metadata) == []
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


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "the database can't be opened: Could not parse"),
        ("postgresql+psycopg://u@h:port/db", "the database can't be opened"),
        ("mysql+nothing://u:secret@h/d", r"mysql\+nothing://u:\*\*\*@h/d can't be opened"),
    ],
)
def test_an_address_that_is_no_database_is_refused_without_its_password(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        open_store(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cant_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="can't be opened"):
        open_store(f"sqlite:///{tmp_path}/file/store.sqlite", tmp_path / "file")
