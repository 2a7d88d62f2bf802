"""Articles as mirrors give them to each other."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedproxy.model import Article, ArticleId, MediaFile, Picture, SafeHtml, StoredPicture, Url
from feedproxy.replication import page_record_of, read_record, record_of

SHOWN, MISSING = Url("https://img.news.example/1.png"), Url("https://img.news.example/2.png")
FILE = MediaFile("0" * 32 + ".png", "image/png", 10, 1, 1)
ARTICLE = Article(
    id=ArticleId("n7"),
    site="news",
    url=Url("https://www.news.example/n7.htm"),
    title="河上的桥 <修好了>",
    body=SafeHtml("<p>第一段</p>"),
    summary="第一段",
    published=datetime(2021, 5, 31, 8, tzinfo=UTC),
    updated=datetime(2021, 5, 31, 9, 30, tzinfo=UTC),
    authors=("张三",),
    tags=("桥", "A/B"),
    picture=Picture(SHOWN, "桥", "图说"),
    links=((ArticleId("n6"), Url("https://www.news.example/n6.htm")),),
    pictures=(SHOWN, MISSING),
    rule="sites/news.toml",
)
HELD = {
    SHOWN: StoredPicture(FILE, FILE),
    Url("https://img.news.example/3.png"): StoredPicture(FILE, FILE),
}


def test_what_is_read_is_what_was_written() -> None:
    record = json.dumps(record_of(ARTICLE, {"c2", "c1"}, HELD), ensure_ascii=False)
    found = read_record(record.encode())
    names = (
        "id",
        "url",
        "title",
        "body",
        "published",
        "updated",
        "authors",
        "tags",
        "picture",
        "rule",
        "gone",
    )
    assert [getattr(found, name) for name in names] == [getattr(ARTICLE, name) for name in names]
    assert (found.channels, found.files) == (("c1", "c2"), {SHOWN: (FILE.name, FILE.name)})


def test_the_text_stays_away_where_it_stands_elsewhere_and_its_links_are_told() -> None:
    record = page_record_of(ARTICLE, HELD)
    assert "body" not in record
    assert read_record(record).links == dict(ARTICLE.links)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "../../etc/passwd"),
        ("url", "javascript:alert(1)"),
        ("dated", "rumoured"),
        ("authors", "张三"),
        ("authors", ["x" * 301]),
        ("published", "2021-05-31T08:00:00"),
        ("published", None),
        ("pictures", {SHOWN: ["../secret.png", FILE.name]}),
        ("links", {"n8": "file:///etc/passwd"}),
        ("picture", {"url": "file:///etc/passwd"}),
        ("channels", ["a/b"]),
        ("tags", "桥"),
        ("title", "x" * 3_000),
    ],
)
def test_a_record_that_is_none_is_refused_and_says_where(key: str, value: object) -> None:
    record = record_of(ARTICLE, ("c1",), HELD) | {key: value}
    with pytest.raises(ValueError, match=rf"^{key}\b[^\n]*: [^\n]+$"):
        read_record(record)


def test_what_a_newer_mirror_says_besides_is_no_harm() -> None:
    assert read_record(record_of(ARTICLE, (), HELD) | {"mood": "fine"}).id == ARTICLE.id


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.text(max_size=50),
)
def test_every_moment_and_title_comes_through(moment: datetime, title: str) -> None:
    article = replace(ARTICLE, updated=moment + timedelta(microseconds=1), title=title)
    found = read_record(page_record_of(article, {}))
    assert (found.updated, found.title) == (article.updated, title)
