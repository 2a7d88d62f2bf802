"""A store of an earlier version: what becomes of its articles when a later one opens it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import feedproxy.store
from feedproxy.errors import StoreError
from feedproxy.markup import fragment
from feedproxy.model import (
    ArchiveDefinition,
    Article,
    ArticleId,
    MediaFile,
    Picture,
    SafeHtml,
    StoredPicture,
    Url,
)
from feedproxy.rewrite import shown_pictures
from feedproxy.store import open_store
from feedproxy.store.engine import create
from feedproxy.urls import picture_key

NOW = datetime(2021, 6, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PIC = "https://pic.example"
LEAD = Picture(Url(f"{PIC}/lead.jpg"), "老桥", "桥头的茶摊")
BODY = (
    f'<p>桥头的茶摊又开张了。<img alt="a &gt; b" src="{PIC}/b.jpg?w=3&amp;h=2"></p>'
    f'<figure><img src="{PIC}/a.jpg" width="3"><figcaption>茶</figcaption></figure>'
    f'<video poster="{PIC}/poster.jpg" src="{PIC}/film.mp4"></video><p title="&lt;img src=x">又见<img src="{PIC}/a.jpg"></p>'
)
ARTICLES = (
    Article(
        id=ArticleId("n1"),
        site="news.example",
        url=Url("https://news.example/1"),
        title="茶摊",
        body=SafeHtml(BODY),
        summary="桥头的茶摊又开张了。",
        published=NOW,
        updated=NOW + timedelta(hours=1),
        authors=("李明",),
        tags=("茶", "桥"),
        picture=LEAD,
        links=((ArticleId("n7"), Url("https://news.example/7")),),
        pictures=tuple(
            Url(f"{PIC}/{name}") for name in ("a.jpg", "b.jpg?w=3&h=2", "lead.jpg", "poster.jpg")
        ),
        rule="sites/news.example.toml",
    ),
    Article(
        id=ArticleId("n2"),
        site="news.example",
        url=Url("https://news.example/2"),
        title="没有图的",
        body=SafeHtml("<p>今天没有图。<img></p>"),
        summary="今天没有图。",
        published=NOW,
        updated=NOW,
    ),
    Article(
        id=ArticleId("n3"),
        site="news.example",
        url=Url("https://news.example/3"),
        title="同一张图",
        body=SafeHtml(f'<p>又是同一张图。<img src="{PIC}/a.jpg"></p>'),
        summary="又是同一张图。",
        published=NOW,
        updated=NOW,
        pictures=(Url(f"{PIC}/a.jpg"),),
    ),
)


def write(store: str, statement: str, values: Mapping[str, object] | None = None) -> None:
    """Change a store by SQL."""
    engine = create(store)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text(statement), values or {})
    engine.dispose()


def insert(store: str, table: str, /, **values: object) -> None:
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    write(store, f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


def micro(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // MICROSECOND


def insert_article(store: str, article: Article, channel: str = "c1") -> None:
    """Write an article as the first version wrote it: it knew of no pictures but the lead."""
    picture, published = article.picture, micro(article.published)
    insert(
        store,
        "article",
        **{
            name: getattr(article, name)
            for name in ("id", "site", "url", "title", "body", "summary")
        },
        authors=json.dumps(article.authors, ensure_ascii=False),
        picture_url=picture and picture.url,
        picture_alt=picture and picture.alt,
        picture_caption=picture and picture.caption,
        published=published,
        dated=article.dated,
        updated=micro(article.updated),
        stored=micro(NOW),
        rule=article.rule,
    )
    for position, name in enumerate(article.tags):
        insert(
            store,
            "article_tag",
            article_id=article.id,
            position=position,
            name=name,
            published=published,
        )
    for target, url in article.links:
        insert(store, "article_link", article_id=article.id, target_id=target, target_url=url)
    insert(
        store,
        "membership",
        channel=channel,
        article_id=article.id,
        title=article.title,
        published=published,
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a store that the first version made, and filled."""
    address = f"sqlite:///{tmp_path}/store.sqlite"
    engine = create(address)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        config = Config()
        config.set_main_option(
            "script_location", str(Path(feedproxy.store.__file__).parent / "migrations")
        )
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    for article in ARTICLES:
        insert_article(address, article)
    insert(
        address,
        "waiting",
        article_id="n8",
        url="u",
        title="t",
        excerpt="",
        position=0,
        tries=2,
        error="answered 500",
    )
    insert(address, "membership", channel="c1", article_id="n8", title="t")
    insert(
        address, "channel", id="c1", changed=7, changed_at=micro(NOW), listing_hash="abc", listed=20
    )
    return address


def everything(url: str) -> Mapping[str, list[Any]]:
    """Return all rows of all tables."""
    engine = create_engine(url)
    with engine.connect() as connection:
        # what an index for search holds can't be listed; the tables that it is kept in can
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        tables = connection.execute(text(named)).scalars().all()
        found = {
            table: [
                tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))
            ]
            for table in tables
        }
    engine.dispose()
    return found


def test_an_upgrade_lists_the_pictures_of_the_articles_and_leaves_these_as_they_were(
    url: str, tmp_path: Path
) -> None:
    store = open_store(url, tmp_path)
    assert [store.article(article.id) for article in ARTICLES] == list(ARTICLES)
    assert [article.id for article in store.newest(["c1"], 9)] == ["n3", "n2", "n1"]
    assert [(waiting.item.id, waiting.tries) for waiting in store.waiting("c1")] == [("n8", 2)]
    assert (store.version(["c1"]).number, store.schedule.states()["c1"].listing_hash) == (7, "abc")
    store.close()


def test_an_upgrade_finds_the_pictures_that_a_harvest_would_find(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path)
    for article in ARTICLES:
        upgraded = store.article(article.id)
        assert upgraded
        assert upgraded.pictures == shown_pictures(fragment(article.body), article.picture)
    store.close()


def test_the_pictures_that_an_upgrade_lists_are_to_be_fetched_at_once_and_none_is_held(
    url: str, tmp_path: Path
) -> None:
    store = open_store(url, tmp_path)
    due = store.due_pictures(["pic.example"], ["c1"], NOW, 99)
    assert sorted(waiting.url for waiting in due) == sorted(ARTICLES[0].pictures)
    assert {waiting.tries for waiting in due} == {0}
    assert store.pictures([article.id for article in ARTICLES]) == {}
    assert store.used_files() == set()
    assert store.unused_pictures() == []
    store.close()


def test_after_an_upgrade_readers_can_ask_for_articles(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path)
    assert store.request(ArticleId("n7")) is None
    assert store.ask(ArticleId("n7"), most=1, now=NOW)
    store.close()


def test_a_store_with_more_articles_than_are_read_at_a_time_is_upgraded_whole(
    url: str, tmp_path: Path
) -> None:
    copied = "site, url, title, summary, authors, published, dated, updated, stored, rule"
    many = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 2200)"
    body = f"'<p><img src=\"{PIC}/' || i || '.jpg\"></p>'"
    rows = f"SELECT 'm' || i, {body}, {copied} FROM n, article WHERE id = 'n2'"
    write(url, f"INSERT INTO article (id, body, {copied}) {many} {rows}")
    store = open_store(url, tmp_path)
    numbers = range(1000, 2201)
    assert len(store.known_pictures([Url(f"{PIC}/{number}.jpg") for number in numbers])) == len(
        numbers
    )
    store.close()


def test_after_an_upgrade_everything_is_archived_and_pictures_are_found_by_their_addresses(
    url: str, tmp_path: Path
) -> None:
    store = open_store(url, tmp_path)
    log = ArchiveDefinition("town", (("town", "c1"),))
    assert store.archive.append([log], NOW) == len(ARTICLES)
    assert [logged.article for logged in store.archive.page("town", 1)] == [
        ARTICLES[2],
        ARTICLES[1],
        ARTICLES[0],
    ]
    form = MediaFile("0" * 32 + ".png", "image/png", 9, 2, 1)
    store.keep_picture(LEAD.url, StoredPicture(form, form), NOW)
    assert store.picture(picture_key(LEAD.url)) == StoredPicture(form, form)
    store.close()


def test_versions_from_before_addresses_and_tags_were_kept_have_the_present_ones(
    url: str, tmp_path: Path
) -> None:
    open_store(url, tmp_path).close()
    texts = dict.fromkeys(("body", "summary", "rule"), "") | {"authors": "[]", "dated": "stated"}
    moments = dict.fromkeys(("published", "updated", "replaced"), micro(NOW))
    insert(url, "article_version", article_id="n1", number=1, title="旧题", **texts, **moments)
    store = open_store(url, tmp_path)
    version = store.versions(ArticleId("n1"))[0]
    assert (version.title, version.url, version.tags) == ("旧题", ARTICLES[0].url, ARTICLES[0].tags)
    store.close()


def test_a_second_start_changes_nothing(url: str, tmp_path: Path) -> None:
    open_store(url, tmp_path).close()
    upgraded = everything(url)
    open_store(url, tmp_path).close()
    assert everything(url) == upgraded


def test_an_upgrade_that_fails_half_way_leaves_the_store_as_it_was(
    url: str, tmp_path: Path
) -> None:
    write(url, "CREATE TABLE request (in_the_way INTEGER)")
    before = everything(url)
    with pytest.raises(StoreError, match="can't be opened: table request already exists"):
        open_store(url, tmp_path)
    assert everything(url) == before
    write(url, "DROP TABLE request")
    store = open_store(url, tmp_path)
    assert [store.article(article.id) for article in ARTICLES] == list(ARTICLES)
    store.close()
