"""One channel, from its listing to the store, against an invented site on a loopback port."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import Clock
from fakes import open_calm_fetcher
from feedcheck import check_atom, check_json_feed, check_rss
from flask import Flask
from newsroom import (
    BASE,
    HOST,
    STORIES,
    Answer,
    Newsroom,
    Story,
    article_page,
    gzipped,
    listing,
    page_of,
    rss,
    write_config,
)

from feedproxy import paths
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.fetch import Fetcher
from feedproxy.ingest import ChannelPoller, Report, Services, reextract
from feedproxy.media import FolderMedia
from feedproxy.model import (
    ArticleId,
    Channel,
    DateSource,
    ListingItem,
    Mirror,
    Page,
    Source,
    Url,
    Validators,
)
from feedproxy.store import Store
from feedproxy.web import create_app


def channel_of(mirror: Mirror, name: str) -> Channel:
    return next(channel for channel in mirror.channels if channel.id == name)


def poll_all(channel_poller: ChannelPoller, pages: int = 1) -> list[Report]:
    channels = channel_poller.services.mirror.channels
    if pages > 1:
        return [channel_poller.backfill(channel, pages=pages) for channel in channels]
    return [
        channel_poller.poll(channel, round_began=channel_poller.services.clock())
        for channel in channels
    ]


def stored(store: Store, mirror: Mirror) -> set[str]:
    return {
        article.id for article in store.newest([channel.id for channel in mirror.channels], 100)
    }


def test_an_article_arrives_whole_and_clean(channel_poller: ChannelPoller, store: Store) -> None:
    poll_all(channel_poller)
    article = store.article(ArticleId("n102"))
    assert article is not None
    assert article.title == "河边的图书馆"
    assert article.authors == ("李明",)
    assert article.tags == ("读书",)
    assert article.published.isoformat() == "2021-05-02T00:00:00+00:00"
    assert article.picture is not None
    assert (article.picture.url, article.picture.caption) == (
        f"{BASE}/pic/102.jpg",
        "图注：河边的图书馆",
    )
    assert "<p>河边新开的图书馆收到三千册捐书，馆长说今年要办读书会。</p>" in article.body
    assert "ad()" not in article.body
    assert "onclick" not in article.body


def test_an_article_in_two_channels_is_asked_for_once_and_held_in_both(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom
) -> None:
    poll_all(channel_poller, pages=9)
    assert newsroom.count("/21/5/2/n102.htm") == 1
    assert store.channels_of([ArticleId("n102")])[ArticleId("n102")] == {"city", "books"}


def test_a_second_poll_fetches_no_article_and_gets_304_for_each_listing(
    channel_poller: ChannelPoller, newsroom: Newsroom
) -> None:
    poll_all(channel_poller)
    newsroom.asked.clear()
    reports = poll_all(channel_poller)
    assert sorted(newsroom.asked) == sorted(newsroom.not_modified) == ["/books.htm", "/city.htm"]
    assert [(report.listed, report.new, report.updated) for report in reports] == [
        (2, 0, 0),
        (2, 0, 0),
    ]


def test_backfill_follows_the_listing_to_its_end(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror
) -> None:
    poll_all(channel_poller)
    assert "n101" not in stored(store, mirror)
    poll_all(channel_poller, pages=9)
    assert stored(store, mirror) == {story.id for story in STORIES}


def test_backfill_goes_no_deeper_than_asked(
    channel_poller: ChannelPoller, newsroom: Newsroom, mirror: Mirror
) -> None:
    channel_poller.backfill(channel_of(mirror, "city"), pages=1)
    assert "/city_2.htm" not in newsroom.asked


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Answer(b"", 404), "answered 404"),
        (Answer(b"", 500), "answered 500"),
        (Answer(raw=b""), "no usable response"),
        (gzipped("<h1>x</h1>" * 100, cut=12), "compressed body is cut short"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<h1>half"), "cut off"),
        (page_of("<h1>标题</h1><p>没有正文</p>"), "no article found"),
        (Answer(b"\x00\x01\x02" * 50, headers={"Content-Type": "text/html"}), "is not a text"),
        (Answer(b"<p>x</p>" * 20_000), "larger than 100000 bytes"),
    ],
)
def test_one_bad_article_costs_no_other_and_comes_when_it_is_mended(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    fault: Answer,
    reason: str,
) -> None:
    newsroom.faults["/21/5/3/n103.htm"] = fault
    reports = poll_all(channel_poller, pages=9)
    assert stored(store, mirror) == {"n101", "n102", "n104"}
    failures = [str(failure) for report in reports for failure in report.failures]
    assert len(failures) == 1
    assert failures[0].startswith(f"{BASE}/21/5/3/n103.htm: ")
    assert reason in failures[0]
    newsroom.faults.clear()
    channel_poller.services.clock.advance(seconds=1)  # type: ignore[attr-defined]
    poll_all(channel_poller)
    assert "n103" in stored(store, mirror)


def test_silence_fails_one_article_and_not_the_rest(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = newsroom.hang
    reports = poll_all(channel_poller, pages=9)
    assert stored(store, mirror) == {"n101", "n102", "n103"}
    assert [failure.reason for report in reports for failure in report.failures] == [
        "silent for 1.6 s"
    ]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Answer(b"", 503), "answered 503"),
        (
            page_of("<html><body><ul class='list'></ul></body></html>"),
            "no article found in this listing",
        ),
        (
            page_of(
                "<html><body><section><a href='/21/5/1/n101.htm'>x</a></section></body></html>"
            ),
            "no article found in this listing",
        ),
        (Answer(bytes(range(256)) * 20), "is not a text"),
        (Answer(b""), "no article found in this listing"),
    ],
)
def test_a_bad_listing_is_named_and_changes_nothing(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    fault: Answer,
    reason: str,
) -> None:
    poll_all(channel_poller)
    before = stored(store, mirror)
    newsroom.faults["/books.htm"] = fault
    reports = poll_all(channel_poller)
    assert [len(report.failures) for report in reports] == [0, 1]
    assert str(reports[1].failures[0]).startswith(f"{BASE}/books.htm: ")
    assert reason in reports[1].failures[0].reason
    assert stored(store, mirror) == before


def test_a_failure_is_logged_once(
    channel_poller: ChannelPoller, newsroom: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = Answer(b"", 410)
    with caplog.at_level(logging.WARNING):
        poll_all(channel_poller)
    assert [record.getMessage() for record in caplog.records] == [
        f"books: {BASE}/21/5/4/n104.htm: answered 410 Gone"
    ]


def test_a_failed_article_is_tried_again_only_when_its_time_has_come(
    channel_poller: ChannelPoller, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = Answer(b"", 500)
    books = channel_of(mirror, "books")
    channel_poller.poll(books)
    channel_poller.poll(books)
    assert newsroom.count("/21/5/4/n104.htm") == 1
    clock.advance(minutes=mirror.poll.retry_minutes)
    channel_poller.poll(books)
    assert newsroom.count("/21/5/4/n104.htm") == 2
    clock.advance(minutes=mirror.poll.retry_minutes)
    channel_poller.poll(books)
    assert newsroom.count("/21/5/4/n104.htm") == 2


def test_an_article_that_left_the_listing_before_it_could_be_had_still_comes(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = Answer(b"", 500)
    poll_all(channel_poller)
    newsroom.faults = {
        "/books.htm": page_of(
            listing("books", 2, STORIES).replace(
                'list"></ul>', 'list"><li><a href="/21/5/2/n102.htm">x</a></li></ul>'
            )
        )
    }
    clock.advance(hours=1)
    poll_all(channel_poller)
    assert "n104" in stored(store, mirror)


def test_an_edited_headline_updates_the_same_entry(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    poll_all(channel_poller)
    before = store.article(ArticleId("n104"))
    newsroom.stories = (*STORIES[:3], replace(STORIES[3], title="诗集再版 读者连夜排队"))
    clock.advance(hours=2)
    reports = poll_all(channel_poller)
    after = store.article(ArticleId("n104"))
    assert before is not None
    assert after is not None
    assert [report.updated for report in reports] == [0, 1]
    assert after.title == "诗集再版 读者连夜排队"
    assert after.published == before.published
    assert after.updated == clock.now


def test_an_article_in_parts_is_held_as_one(
    settings: Settings, store: Store, newsroom: Newsroom
) -> None:
    rules = "body: //div[@id='text']\ntitle: //h1\nnext_page_link: //a[@class='more']\nsingle_page_link: //a[@class='all']/@href\n"
    site = settings.config / "sites" / f"{HOST}.toml"
    site.write_text(site.read_text("utf-8").partition("[article]")[0], "utf-8")
    (settings.config / "sites" / f"{HOST}.txt").write_text(rules, "utf-8")
    whole = article_page(STORIES[2])
    newsroom.faults = {
        "/21/5/3/n103.htm": page_of(
            whole.replace("</body>", '<a class="more" href="n103_2.htm">2</a></body>')
        ),
        "/21/5/3/n103_2.htm": page_of(
            whole.replace(
                STORIES[2].text, "第二页：豆角熟了，校长请全校师生一起来采摘分享。"
            ).replace("</body>", '<a class="more" href="n103.htm">1</a></body>')
        ),
        "/21/5/4/n104.htm": page_of(
            "<h1>分页的</h1><div id='text'><p>只有开头的一小段文字，其余的在整页里才看得到。</p></div>"
            "<a class='all' href='n104_all.htm'>全文</a>"
        ),
        "/21/5/4/n104_all.htm": page_of(article_page(STORIES[3])),
    }
    mirror = load_mirror(settings.config)
    fetcher = open_calm_fetcher(settings, mirror)
    poll_all(ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), Clock())))
    fetcher.close()
    parts, single = store.article(ArticleId("n103")), store.article(ArticleId("n104"))
    assert parts is not None
    assert single is not None
    assert parts.body.index(STORIES[2].text) < parts.body.index("第二页：豆角熟了")
    assert STORIES[3].text in single.body
    assert newsroom.count("/21/5/3/n103_2.htm") == 1


def test_a_chain_of_parts_without_an_end_is_refused_and_not_cut(
    settings: Settings, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    site = settings.config / "sites" / f"{HOST}.toml"
    site.write_text(site.read_text("utf-8").partition("[article]")[0], "utf-8")
    rules = "body: //div[@id='text']\ntitle: //h1\nnext_page_link: //a[@class='more']\n"
    (settings.config / "sites" / f"{HOST}.txt").write_text(rules, "utf-8")
    whole = article_page(STORIES[2])
    for n in range(1, 30):
        path = STORIES[2].path if n == 1 else f"/21/5/3/n103_{n}.htm"
        newsroom.faults[path] = page_of(
            whole.replace("</body>", f'<a class="more" href="n103_{n + 1}.htm">more</a></body>')
        )
    mirror = load_mirror(settings.config)
    fetcher = open_calm_fetcher(settings, mirror)
    reports = poll_all(
        ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), clock))
    )
    fetcher.close()
    assert store.article(ArticleId("n103")) is None
    assert "more than 20 parts" in str(reports[0].failures)


@pytest.mark.parametrize("tag", ["div", "font", "blockquote", "table><tr><td"])
def test_an_article_of_tags_that_nobody_closes_is_whole_in_the_store_on_its_page_and_in_its_feed(
    tag: str, channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, app: Flask
) -> None:
    story = STORIES[2]
    lines = "".join(f"<{tag}>第{n}棵豆角发了芽。" for n in range(500)) + "<p>最后一棵也发了芽。</p>"
    newsroom.faults[story.path] = page_of(
        article_page(story).replace("<p>话题：", f"{lines}<p>话题：")
    )
    poll_all(channel_poller)
    article = store.article(ArticleId(story.id))
    assert article is not None
    page = f"/town/blob/master/pages/city/{story.id}.md"
    shown = [
        article.body,
        *(app.test_client().get(path).get_data(as_text=True) for path in (page, "/feed/town.xml")),
    ]
    for html in shown:
        assert [n for n in range(500) if f"第{n}棵" not in html] == []
        assert "最后一棵也发了芽。" in html


def test_a_page_that_can_not_be_read_whole_is_refused_with_that_reason(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom
) -> None:
    story = STORIES[2]
    newsroom.faults[story.path] = page_of(
        article_page(story).replace("<p>话题：", f"{'<div>' * 3_000}<p>话题：")
    )
    reports = poll_all(channel_poller)
    assert store.article(ArticleId(story.id)) is None
    assert f"{story.path}: page can't be read: elements nested deeper than 2048" in str(
        reports[0].failures[0]
    )


def test_text_that_can_not_be_decoded_is_told_and_tried_again_and_taken_at_last(
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    story = STORIES[2]
    page = page_of(article_page(story))
    clock.now = datetime(2021, 5, 3, 12, tzinfo=UTC)
    newsroom.faults[story.path] = replace(
        page, body=page.body.replace("孩子".encode(), b"\xff" + "孩子".encode())
    )
    reports = poll_all(channel_poller)
    assert store.article(ArticleId(story.id)) is None
    assert "1 character could not be decoded" in str(reports[0].failures)
    clock.now += timedelta(days=8)
    poll_all(channel_poller)
    assert store.article(ArticleId(story.id)) is not None
    assert "is stored as it is: 1 character could not be decoded" in caplog.text


def test_an_article_of_a_site_that_is_configured_no_more_says_so(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror
) -> None:
    item = ListingItem(ArticleId("n901"), Url("http://gone.example/21/5/1/n901.htm"), "别处的")
    store.queue.add_listing("city", [item], channel_poller.services.clock())
    channel_poller.poll(mirror.channels[0])
    assert [each.error for each in store.queue.of_channel("city") if each.item.id == "n901"] == [
        "is not at a configured site"
    ]


def test_feeds_as_listings_bring_the_same_articles(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom
) -> None:
    for channel in mirror.channels:
        channel_poller.poll(
            replace(channel, source=Source("feed", Url(f"{BASE}/{channel.id}.xml")))
        )
    assert stored(store, mirror) == {story.id for story in STORIES}
    assert "/city.htm" not in newsroom.asked


def test_backfill_of_a_feed_goes_on_in_the_pages_of_the_listing(
    settings: Settings, store: Store, newsroom: Newsroom, tmp_path: Path
) -> None:
    mirror = load_mirror(write_config(tmp_path / "feeds", kind="feed"))
    newsroom.faults["/city.xml"] = Answer(rss("city", STORIES[2:]).encode())
    fetcher = open_calm_fetcher(settings, mirror)
    channel_poller = ChannelPoller(
        Services(mirror, store, fetcher, FolderMedia(settings.media), Clock())
    )
    city = channel_of(mirror, "city")
    assert channel_poller.poll(city).new == 1
    assert channel_poller.backfill(city, pages=9).new == 2
    fetcher.close()


def test_a_page_in_another_encoding_than_it_says_is_read(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom
) -> None:
    wrong = Answer(
        article_page(STORIES[3]).encode(), headers={"Content-Type": "text/html; charset=iso-8859-1"}
    )
    newsroom.faults["/21/5/4/n104.htm"] = wrong
    old = article_page(STORIES[2]).replace('<meta charset="utf-8">', "").encode("gb18030")
    newsroom.faults["/21/5/3/n103.htm"] = Answer(
        old, headers={"Content-Type": "text/html; charset=gb2312"}
    )
    poll_all(channel_poller)
    titles = [
        article.title
        for article in (store.article(ArticleId(each)) for each in ("n104", "n103"))
        if article
    ]
    assert titles == ["诗集再版 读者排队", "老校长的菜园"]


def test_a_host_that_is_down_is_not_asked_for_every_single_article(
    channel_poller: ChannelPoller, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    newsroom.faults = dict.fromkeys(
        ("/city.htm", "/books.htm", *(story.path for story in STORIES)), newsroom.hang
    )
    for _ in range(3):
        poll_all(channel_poller)
    assert len(newsroom.asked) == mirror.fetch.give_up_after
    newsroom.faults.clear()
    clock.advance(minutes=1)
    assert [report.new for report in poll_all(channel_poller)] == [2, 1]


MAINTENANCE = page_of(
    "<html><head><title>系统维护中</title></head><body><h1>系统维护中</h1><p>网站正在维护，请各位读者稍后再来访问，谢谢大家的耐心等待。</p></body></html>"
)


def test_an_error_page_that_says_200_never_becomes_an_entry(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = MAINTENANCE
    reports = poll_all(channel_poller)
    assert "n104" not in stored(store, mirror)
    assert "is not the listing's" in reports[1].failures[0].reason


def test_an_error_page_never_takes_the_place_of_an_article(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    poll_all(channel_poller)
    before = store.article(ArticleId("n104"))
    newsroom.stories = (*STORIES[:3], replace(STORIES[3], title="系统维护中的诗集"))
    newsroom.faults["/21/5/4/n104.htm"] = MAINTENANCE
    clock.advance(hours=2)
    reports = poll_all(channel_poller)
    assert store.article(ArticleId("n104")) == before
    assert "the stored copy stays" in reports[1].failures[0].reason


def test_a_page_in_a_layout_without_rules_is_read_by_heuristics(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom
) -> None:
    text = "".join(
        f"<p>{STORIES[3].text}第{number}段，{STORIES[3].text}</p>" for number in "一二三四五"
    )
    newsroom.faults["/21/5/4/n104.htm"] = page_of(
        f"<html><body><h1>{STORIES[3].title}</h1><article>{text}</article></body></html>"
    )
    poll_all(channel_poller)
    article = store.article(ArticleId("n104"))
    assert article is not None
    assert article.rule == "heuristics"
    assert "第五段" in article.body


def test_a_page_of_another_article_is_not_taken_for_the_one_that_was_asked_for(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom
) -> None:
    newsroom.faults["/21/5/4/n104.htm"] = Answer(
        status=302, headers={"Location": "/21/5/1/n101.htm"}
    )
    reports = poll_all(channel_poller)
    assert "n104" not in stored(store, mirror)
    assert (
        reports[1].failures[0].reason
        == f"leads to {BASE}/21/5/1/n101.htm, which is not this article"
    )


@pytest.mark.parametrize(
    "date",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2099-01-01T00:00:00Z", "0000-00-00", "soon"],
)
def test_a_date_that_can_t_be_is_not_believed(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, date: str
) -> None:
    page = article_page(STORIES[3]).replace("2021-05-04T08:00:00+08:00", date)
    newsroom.faults["/21/5/4/n104.htm"] = page_of(page)
    assert [len(report.failures) for report in poll_all(channel_poller)] == [0, 0]
    article = store.article(ArticleId("n104"))
    assert article is not None
    assert article.dated is DateSource.ESTIMATED
    assert article.published < clock.now - timedelta(
        days=20
    )  # of its neighbours, as its listing was never polled before


def test_an_outage_is_no_fault_of_what_nobody_asked_for(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    for story in STORIES:
        newsroom.faults[story.path] = newsroom.hang
    books = channel_of(mirror, "books")
    channel_poller.poll(books)
    newsroom.faults["/books.htm"] = newsroom.hang
    for _ in range(9):
        clock.advance(seconds=5)
        channel_poller.poll(books, round_began=clock.now)
    assert len(newsroom.asked) == 1 + 2 + 1
    assert [waiting.tries for waiting in store.queue.of_channel("books")] == [1, 1]
    assert store.schedule.states()["books"].failures == 1
    newsroom.faults = {}
    clock.advance(minutes=1)
    assert channel_poller.poll(books).new == 2


def test_whatever_stands_in_a_tag_every_form_of_the_feed_is_valid(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    settings: Settings,
) -> None:
    tags = ("%00", "a%00b", "%0A", "..", ".", "%ED%A0%80", "a/b", "x" * 500, "%E2%80%A8", "市集")
    text = STORIES[0].text * 20  # what is mostly links is no article
    newsroom.stories = (
        replace(STORIES[0], text=text, tags=tags, channels=("books",)),
        *STORIES[1:],
    )
    poll_all(channel_poller, pages=9)
    article = store.article(ArticleId("n101"))
    assert article is not None
    assert article.tags == ("ab", "市集")
    client = create_app(
        settings, mirror, store, channel_poller.services.media, channel_poller.services.clock
    ).test_client()
    for feed_format, check in (("xml", check_rss), ("atom", check_atom), ("json", check_json_feed)):
        assert check(client.get(f"/feed/letters.{feed_format}").data) == []


@pytest.mark.parametrize("by_rules", [True, False], ids=["linked", "named"])
def test_every_tag_of_an_article_has_a_page_that_answers(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    settings: Settings,
    *,
    by_rules: bool,
) -> None:
    tags = ("%2F%E7%9F%B3%E6%A1%A5", "%2F%2Fa%2Fb", "%2F", "%2F..", "..", "市集")
    if by_rules:
        newsroom.stories = (replace(STORIES[0], text=STORIES[0].text * 3, tags=tags), *STORIES[1:])
    else:  # a page without rules names its tags itself
        text = "".join(
            f"<p>{STORIES[0].text}第{number}段，{STORIES[0].text}</p>" for number in "一二三四五"
        )
        named = "".join(f'<meta property="article:tag" content="{unquote(tag)}">' for tag in tags)
        newsroom.faults[STORIES[0].path] = page_of(
            f"<html><head>{named}</head><body><h1>{STORIES[0].title}</h1><article>{text}</article></body></html>"
        )
    poll_all(channel_poller, pages=9)
    article = store.article(ArticleId("n101"))
    assert article is not None
    assert article.tags == ("石桥", "a/b", "市集")
    client = create_app(
        settings, mirror, store, channel_poller.services.media, channel_poller.services.clock
    ).test_client()
    page = client.get("/town/blob/master/pages/city/n101.md").text
    for tag in article.tags:
        assert f'href="../../../../..{paths.tag(tag)}?n101" rel="tag"' in page
        for address in (paths.tag(tag), paths.tag_feed(tag, feed_format="atom")):
            answer = client.get(address)
            assert (answer.status_code, article.title in answer.text) == (200, True)


class Stumbling:
    """A fetcher that fails at one address in a way that nobody foresaw, as a parser does over what it was never tested with."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self.fetcher, self.url, self.is_mended = fetcher, url, False

    def fetch(self, url: Url, *, keep: bool = False) -> Page:
        self._stumble(url)
        return self.fetcher.fetch(url, keep=keep)

    def fetch_picture(self, url: Url) -> bytes:
        self._stumble(url)
        return self.fetcher.fetch_picture(url)

    def refetch(self, url: Url, known: Validators) -> Page | None:
        self._stumble(url)
        return self.fetcher.refetch(url, known)

    def counts(self) -> Mapping[tuple[str, str], int]:
        return self.fetcher.counts()

    def _stumble(self, url: Url) -> None:
        if url == self.url and not self.is_mended:
            raise RuntimeError("boom")


def test_what_nobody_foresaw_over_one_article_costs_only_that_article(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    caplog: pytest.LogCaptureFixture,
    clock: Clock,
) -> None:
    stumbling = Stumbling(channel_poller.services.fetcher, BASE + STORIES[1].path)
    careful = ChannelPoller(replace(channel_poller.services, fetcher=stumbling))
    reports = poll_all(careful, pages=9)
    assert stored(store, mirror) == {"n101", "n103", "n104"}
    assert [str(failure) for failure in reports[0].failures] == [
        f"{BASE}{STORIES[1].path}: failed: RuntimeError('boom')"
    ]
    assert "Traceback" in caplog.text
    stumbling.is_mended = True
    poll_all(careful, pages=9)
    assert "n102" not in stored(store, mirror)  # not before its time
    clock.advance(minutes=mirror.poll.retry_minutes)
    poll_all(careful, pages=9)
    assert stored(store, mirror) == {story.id for story in STORIES}


def test_what_nobody_foresaw_over_a_picture_costs_only_that_picture(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    pictures = [f"/pic/{number}.png" for number in (101, 102, 103)]
    newsroom.stories = tuple(
        replace(story, picture=picture)
        for story, picture in zip(STORIES[:3], pictures, strict=True)
    )
    stumbling = Stumbling(channel_poller.services.fetcher, BASE + pictures[1])
    careful = ChannelPoller(replace(channel_poller.services, fetcher=stumbling))
    careful.backfill(channel_of(mirror, "city"), pages=9)
    assert stored(store, mirror) == {"n101", "n102", "n103"}
    assert set(store.pictures.of([ArticleId(story.id) for story in STORIES])) == {
        BASE + pictures[0],
        BASE + pictures[2],
    }
    stumbling.is_mended = True
    clock.advance(minutes=mirror.poll.retry_minutes)
    careful.pictures.fetch_due(Report(channel_of(mirror, "city")))
    assert len(store.pictures.of([ArticleId("n102")])) == 1


def test_what_nobody_foresaw_over_a_picture_that_is_due_costs_no_other(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom, clock: Clock
) -> None:
    pictures = [f"/pic/{number}.png" for number in (101, 102, 103)]
    newsroom.stories = tuple(
        replace(story, picture=picture)
        for story, picture in zip(STORIES[:3], pictures, strict=True)
    )
    newsroom.faults = dict.fromkeys(pictures, Answer(b"", 404))
    channel_poller.backfill(channel_of(mirror, "city"), pages=9)
    newsroom.faults = {}
    clock.advance(minutes=mirror.poll.retry_minutes)
    for url in pictures[:2]:
        report = Report(channel_of(mirror, "city"))
        ChannelPoller(
            replace(
                channel_poller.services,
                fetcher=Stumbling(channel_poller.services.fetcher, BASE + url),
            )
        ).pictures.fetch_due(report)
        clock.advance(hours=1)
    assert len(store.pictures.of([ArticleId(story.id) for story in STORIES])) == 3


def test_what_nobody_foresaw_in_a_poll_is_remembered_and_not_repeated_at_once(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror
) -> None:
    report = channel_poller.give_up(channel_of(mirror, "books"), RuntimeError("boom"))
    assert "boom" in str(report.failures[0])
    state = store.schedule.states()["books"]
    assert state.failures == 1
    assert state.next_poll_at is not None
    assert state.next_poll_at > channel_poller.services.clock()


# ---------------------------------------------------------------- dates that nobody gives

# Their IDs and places in a listing are in no order.
UNDATED = tuple(
    Story(
        f"n{number}",
        "21/6/1",
        f"无日期的第{number}条",
        f"第{number}条没有日期，字数却够多，可以读完。",
        ("city",),
    )
    for number in (303, 301, 309, 305, 302)
)


def undated_page(story: Story) -> Answer:
    return page_of(re.sub("<time.*?</time>", "", article_page(story)))


@pytest.fixture
def undated(newsroom: Newsroom) -> Newsroom:
    newsroom.stories, newsroom.faults = (
        UNDATED,
        {story.path: undated_page(story) for story in UNDATED},
    )
    return newsroom


def city_feed(mirror: Mirror) -> Channel:
    return replace(channel_of(mirror, "city"), source=Source("feed", Url(f"{BASE}/city.xml")))


def options_of(store: Store) -> list[str]:
    return [article.id for article in store.newest(["city"], 50)]


@pytest.mark.usefixtures("undated")
def test_a_feed_without_any_date_keeps_its_order(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, clock: Clock
) -> None:
    channel_poller.poll(city_feed(mirror))
    assert options_of(store) == [story.id for story in reversed(UNDATED)]
    assert {article.dated for article in store.newest(["city"], 50)} == {DateSource.ESTIMATED}
    assert all(article.published <= clock.now for article in store.newest(["city"], 50))


def test_what_is_new_on_top_of_a_polled_feed_is_dated_by_the_clock_and_leads(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, undated: Newsroom, clock: Clock
) -> None:
    channel_poller.poll(city_feed(mirror))
    first = options_of(store)
    new = replace(UNDATED[0], id="n300", title="最新的一条")
    undated.stories, undated.faults[new.path] = (*UNDATED, new), undated_page(new)
    clock.advance(hours=5)
    channel_poller.poll(city_feed(mirror))
    article = store.newest(["city"], 1)[0]
    assert (article.id, article.dated, article.published) == ("n300", DateSource.SEEN, clock.now)
    assert options_of(store)[1:] == first


def test_undated_articles_between_dated_ones_are_dated_between_them(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, newsroom: Newsroom
) -> None:
    newsroom.stories = (STORIES[0], UNDATED[0], STORIES[2], UNDATED[1])
    newsroom.faults = {story.path: undated_page(story) for story in UNDATED}
    channel_poller.poll(city_feed(mirror))
    assert options_of(store) == [
        story.id for story in (UNDATED[1], STORIES[2], UNDATED[0], STORIES[0])
    ]
    top, third, between, _ = store.newest(["city"], 4)
    assert between.published == datetime(2021, 5, 2, tzinfo=UTC)
    assert top.published == third.published + timedelta(seconds=1)


def test_what_a_walk_brings_leads_no_feed_and_keeps_its_order(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, undated: Newsroom, clock: Clock
) -> None:
    undated.stories = (*UNDATED, *STORIES[:1])  # the newest of which has a date
    city = channel_of(mirror, "city")
    channel_poller.poll(city)
    clock.advance(days=9)
    channel_poller.backfill(city, pages=9)
    assert options_of(store) == [STORIES[0].id, *(story.id for story in reversed(UNDATED))]


def test_a_listing_that_gives_a_date_later_replaces_a_guess_and_nothing_looks_new(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, undated: Newsroom, clock: Clock
) -> None:
    channel_poller.poll(city_feed(mirror))
    wanted = ArticleId(UNDATED[-1].id)
    dated = rss("city", UNDATED).replace(
        "</link></item>", "</link><pubDate>Sat, 01 May 2021 08:00:00 GMT</pubDate></item>", 1
    )
    undated.faults["/city.xml"] = Answer(dated.encode())
    clock.advance(hours=1)
    channel_poller.poll(city_feed(mirror))
    article = store.article(wanted)
    assert article is not None
    assert (article.dated, article.published) == (
        DateSource.STATED,
        datetime(2021, 5, 1, 8, tzinfo=UTC),
    )
    assert article.updated == article.published
    assert options_of(store)[-1] == wanted


def test_new_rules_that_read_a_date_replace_a_guess(
    settings: Settings,
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    undated: Newsroom,
    clock: Clock,
) -> None:
    story = UNDATED[2]
    undated.faults[story.path] = page_of(
        undated_page(story).body.decode().replace("<h1>", "<i id='when'>2021-04-30</i><h1>")
    )
    channel_poller.poll(city_feed(mirror))
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(
        file.read_text("utf-8").replace("[article]", "[article]\ndate = \"//i[@id='when']\"", 1),
        "utf-8",
    )
    clock.advance(hours=1)
    services = replace(channel_poller.services, mirror=load_mirror(settings.config))
    list(reextract(services, [ArticleId(story.id)], is_dry=False))
    article = store.article(ArticleId(story.id))
    assert article is not None
    assert (article.dated, article.published) == (
        DateSource.STATED,
        datetime(2021, 4, 29, 16, tzinfo=UTC),
    )


def test_a_page_shows_that_a_date_is_estimated(
    settings: Settings,
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    undated: Newsroom,
) -> None:
    channel_poller.poll(city_feed(mirror))
    client = create_app(
        settings, mirror, store, FolderMedia(settings.media), channel_poller.services.clock
    ).test_client()
    text = client.get(f"/town/blob/master/pages/city/{UNDATED[0].id}.md").text
    assert "约 <time" in text
    assert "article:published_time" not in text
    del undated


@pytest.mark.usefixtures("undated")
def test_an_entry_s_id_is_made_of_site_and_article_alone(
    settings: Settings, channel_poller: ChannelPoller, store: Store, mirror: Mirror
) -> None:
    channel_poller.poll(city_feed(mirror))
    client = create_app(
        settings, mirror, store, FolderMedia(settings.media), channel_poller.services.clock
    ).test_client()
    ids = [item["id"] for item in client.get("/feed/town.json").json["items"]]  # type: ignore[index]
    assert ids == [f"tag:news.example,2026-01-01:{story.id}" for story in reversed(UNDATED)]


def test_several_authors_are_several_in_every_form_of_a_feed(
    settings: Settings,
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
) -> None:
    newsroom.faults[STORIES[3].path] = page_of(
        article_page(STORIES[3]).replace("记者李明报导", "记者李明、何大川报导")
    )
    poll_all(channel_poller)
    client = create_app(
        settings, mirror, store, FolderMedia(settings.media), channel_poller.services.clock
    ).test_client()
    feeds = {
        feed_format: client.get(f"/feed/letters.{feed_format}").data
        for feed_format in ("xml", "atom", "json")
    }
    assert [
        check(feeds[feed_format])
        for feed_format, check in (
            ("xml", check_rss),
            ("atom", check_atom),
            ("json", check_json_feed),
        )
    ] == [[]] * 3
    assert re.findall("<dc:creator>(.*?)</dc:creator>", feeds["xml"].decode())[:2] == [
        "李明",
        "何大川",
    ]
    assert (
        "<author><name>李明</name></author><author><name>何大川</name></author>"
        in feeds["atom"].decode()
    )
    assert json.loads(feeds["json"])["items"][0]["authors"] == [
        {"name": "李明"},
        {"name": "何大川"},
    ]
    found = [
        client.get(f"/feed/letters.json?filter_author=^{name}$") for name in ("何大川", "李明")
    ]
    assert [len(json.loads(answer.data)["items"]) for answer in found] == [1, 2]
    assert "李明、何大川" in client.get("/letters/blob/master/pages/books/n104.md").text
