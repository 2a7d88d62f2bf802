"""What is fetched again: corrections, what is gone, what is hardly whole; and walks, new rules, and what operators see."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from conftest import Clock
from flask import Flask
from flask.testing import FlaskClient
from newsroom import BASE, HOST, STORIES, Answer, Newsroom, Story, article_page, listing, page_of

from feedproxy.cli.doctor import doctor
from feedproxy.cli.prune import prune
from feedproxy.cli.reextract import reextract_articles
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError, StoreError
from feedproxy.ingest import ChannelPoller, Poller
from feedproxy.model import EXCERPT, Alarm, Article, ArticleId, Channel, DateSource, Mirror
from feedproxy.sanitise import plain_text
from feedproxy.store import Store
from feedproxy.web import create_app

# Published in the morning of the day on which the clock stands at noon in Greenwich.
YOUNG = Story(
    "n105",
    "21/6/1",
    "渡口的新船",
    "渡口新添了一条木船，老艄公试了三趟，孩子们跟着跑。",
    ("city",),
    (),
    "/pic/105.png",
)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def city(mirror: Mirror) -> Channel:
    return mirror.channels[0]


def stored(store: Store, article_id: str = YOUNG.id) -> Article:
    article = store.article(ArticleId(article_id))
    assert article is not None
    return article


def numbered(number: int) -> Story:
    text = f"第{number}号渡船今天一早开了，船上坐着{number}位赶集的人。"
    return replace(STORIES[0], id=f"n{number}", title=f"第{number}条", text=text)


def publish(newsroom: Newsroom, story: Story) -> None:
    newsroom.stories = (*(each for each in newsroom.stories if each.id != story.id), story)


# ---------------------------------------------------------------- corrections


def test_a_young_article_is_looked_at_again_and_an_old_one_is_not(
    channel_poller: ChannelPoller, newsroom: Newsroom, clock: Clock, city: Channel
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    channel_poller.poll(city)
    newsroom.asked.clear()
    seen = []
    for hours in (0.2, 0.6, 3, 6, 12, 20, 24, 30, 48):
        clock.now = datetime(2021, 6, 1, tzinfo=UTC) + timedelta(hours=hours)
        channel_poller.fetch_due(city)
        seen.append(newsroom.count(YOUNG.path))
    assert newsroom.asked == newsroom.not_modified == [YOUNG.path] * 3
    assert seen == [0, 0, 1, 2, 2, 2, 3, 3, 3]


def test_a_correction_updates_the_same_entry_and_what_was_is_kept(
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
    city: Channel,
    client: FlaskClient,
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    channel_poller.poll(city)
    before, feed = stored(store), client.get("/feed/town.json").json
    publish(
        newsroom, replace(YOUNG, text=YOUNG.text.replace("三趟", "五趟"), picture="/pic/new.png")
    )
    clock.advance(hours=1)
    assert channel_poller.fetch_due(city).updated == 1
    after = stored(store)
    assert "五趟" in after.body
    assert after.picture is not None
    assert after.picture.url == f"{BASE}/pic/new.png"
    assert (after.published, after.updated) == (before.published, clock.now)
    assert store.versions(after.id) == [
        replace(before, tags=after.tags, links=after.links, pictures=after.pictures)
    ]
    entries = [json["items"][0] for json in (feed, client.get("/feed/town.json").json)]  # type: ignore[index]
    assert entries[0]["id"] == entries[1]["id"]
    assert entries[0]["date_modified"] < entries[1]["date_modified"]
    assert "五趟" in entries[1]["content_html"]


def test_without_validators_the_page_itself_decides(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, city: Channel
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    newsroom.faults[YOUNG.path] = Answer(
        article_page(YOUNG).encode(), headers={"Content-Type": "text/html", "ETag": ""}
    )
    channel_poller.poll(city)
    before = stored(store)
    clock.advance(hours=1)
    report = channel_poller.fetch_due(city)
    assert (report.updated, report.articles["same"], stored(store)) == (0, 1, before)
    assert newsroom.not_modified == []


def test_a_check_that_fails_takes_nothing_away(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, city: Channel
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    channel_poller.poll(city)
    before = stored(store)
    newsroom.faults[YOUNG.path] = page_of(
        "<html><body><h1>系统维护</h1><p>请稍后再来，我们正在升级系统，谢谢。</p></body></html>"
    )
    for _ in range(60):
        clock.advance(hours=1)
        channel_poller.fetch_due(city)
        assert stored(store) == before
    assert newsroom.count(YOUNG.path) < 20


def test_an_outage_of_days_ends_no_check_and_delays_none_by_more_than_the_longest_interval(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, city: Channel
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    channel_poller.poll(city)
    newsroom.faults[YOUNG.path] = Answer(raw=b"")
    publish(newsroom, replace(YOUNG, text=YOUNG.text.replace("三趟", "五趟")))
    for _ in range(200):
        clock.advance(hours=1)
        channel_poller.fetch_due(city)
    newsroom.faults[YOUNG.path] = Answer(
        status=404
    )  # which may be a mistake of one that has just come back
    clock.advance(hours=6)
    channel_poller.fetch_due(city)
    assert stored(store).gone is None
    del newsroom.faults[YOUNG.path]
    clock.advance(hours=6)
    channel_poller.fetch_due(city)
    assert "五趟" in stored(store).body


# ---------------------------------------------------------------- gone


@pytest.mark.parametrize("status", [404, 410])
def test_an_article_that_is_gone_upstream_stays_marked(
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
    city: Channel,
    client: FlaskClient,
    status: int,
) -> None:
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    channel_poller.poll(city)
    page = "/town/blob/master/pages/city/n105.md"
    assert "原站已经没有这篇文章" not in client.get(page).text
    newsroom.faults[YOUNG.path] = Answer(status=status)
    for _ in range(5):  # which may be a mistake, for some hours
        clock.advance(minutes=90)
        report = channel_poller.fetch_due(city)
        assert (report.articles["gone"], report.failures, stored(store).gone) == (0, [], None)
    clock.advance(minutes=90)
    report = channel_poller.fetch_due(city)
    assert (report.articles["gone"], report.failures) == (1, [])
    assert stored(store).gone == clock.now
    assert "原站已经没有这篇文章（2021-06-01 发现）" in client.get(page).text
    assert YOUNG.title in client.get("/feed/town.xml").text
    newsroom.asked.clear()
    clock.advance(days=3)
    channel_poller.fetch_due(city)
    assert newsroom.asked == []


def test_an_operator_may_have_what_is_gone_go(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, city: Channel
) -> None:
    services = channel_poller.services
    dropping = ChannelPoller(
        replace(
            services,
            mirror=replace(services.mirror, poll=replace(services.mirror.poll, keep_gone=False)),
        )
    )
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    dropping.poll(city)
    version = store.version([city.id])
    newsroom.faults[YOUNG.path] = Answer(status=410)
    for _ in range(6):
        assert store.article(ArticleId("n105"))
        clock.advance(hours=6)
        dropping.fetch_due(city)
    assert store.article(ArticleId(YOUNG.id)) is None
    assert store.version([city.id]) != version


# ---------------------------------------------------------------- hardly whole

EXCERPT_TEXT = "渡口新添了一条木船，老艄公试了三趟，孩子们跟着跑，岸上的人都来看热闹。"
BROKEN = page_of(
    f"<h1>{YOUNG.title}</h1><div id='text'><p>正文加载中，请稍候片刻，马上就好，谢谢您的耐心等待。</p></div>"
    + "<p>广告</p>" * 900
)


@pytest.fixture
def excerpting(
    settings: Settings, newsroom: Newsroom, channel_poller: ChannelPoller, clock: Clock
) -> ChannelPoller:
    """A site whose listings have excerpts, and whose newest article has no text yet."""
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(
        file.read_text("utf-8").replace('title = "a"', 'title = "a"\nexcerpt = "p"'), "utf-8"
    )
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    publish(newsroom, YOUNG)
    shown = listing("city", 1, newsroom.stories).replace(
        f"{YOUNG.title}</a>", f"{YOUNG.title}</a><p>{EXCERPT_TEXT}</p>"
    )
    newsroom.faults = {"/city.htm": page_of(shown), YOUNG.path: BROKEN}
    return ChannelPoller(replace(channel_poller.services, mirror=load_mirror(settings.config)))


def poll_for(channel_poller: ChannelPoller, clock: Clock, hours: int) -> None:
    for _ in range(hours):
        channel_poller.poll(channel_poller.services.mirror.channels[0])
        clock.advance(hours=1)


def test_a_text_that_is_hardly_whole_is_waited_for_and_its_excerpt_stands_in_only_after_patience(
    excerpting: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
    client: FlaskClient,
) -> None:
    poll_for(excerpting, clock, 20)
    assert store.article(ArticleId(YOUNG.id)) is None
    assert YOUNG.title not in client.get("/feed/town.xml").text
    poll_for(excerpting, clock, 10)
    stand_in = stored(store)
    assert (stand_in.rule, plain_text(stand_in.body)) == (EXCERPT, EXCERPT_TEXT)
    assert "这里只有摘要" in client.get("/town/blob/master/pages/city/n105.md").text
    assert EXCERPT_TEXT in client.get("/feed/town.xml").text
    # the text comes: the same entry, in place
    newsroom.faults.clear()
    poll_for(excerpting, clock, 8)
    whole = stored(store)
    assert (stand_in.dated, whole.dated) == (
        DateSource.ESTIMATED,
        DateSource.STATED,
    )  # the listing gives no date, the page does
    assert whole.updated > stand_in.updated
    assert YOUNG.text in plain_text(whole.body)
    assert "这里只有摘要" not in client.get("/town/blob/master/pages/city/n105.md").text


@pytest.mark.parametrize(
    "fault",
    [Answer(raw=b""), Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<h1>half")],
)
def test_that_upstream_cant_be_reached_puts_nothing_into_the_feed(
    excerpting: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock, fault: Answer
) -> None:
    newsroom.faults[YOUNG.path] = fault
    poll_for(excerpting, clock, 40)
    assert store.article(ArticleId(YOUNG.id)) is None


def test_without_its_end_marker_a_text_is_tried_again_and_then_taken_as_it_is(
    settings: Settings,
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
) -> None:
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(
        file.read_text("utf-8").replace("[listing]", 'end_marker = "责任编辑"\n\n[listing]', 1),
        "utf-8",
    )
    marked = ChannelPoller(replace(channel_poller.services, mirror=load_mirror(settings.config)))
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    newsroom.stories = (YOUNG, replace(YOUNG, id="n106", text=YOUNG.text + "责任编辑：小林"))
    poll_for(marked, clock, 20)
    assert store.article(ArticleId("n105")) is None
    assert "责任编辑" in stored(store, "n106").body
    poll_for(marked, clock, 12)
    assert YOUNG.text in plain_text(stored(store).body)


def test_a_channel_may_have_articles_without_the_end_marker(
    settings: Settings,
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    clock: Clock,
) -> None:
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(
        file.read_text("utf-8").replace("[listing]", 'end_marker = "责任编辑"\n\n[listing]', 1),
        "utf-8",
    )
    section = settings.config / "sections" / "town.toml"
    section.write_text(
        section.read_text("utf-8").replace('"城事"', '{ title = "城事", end_marker = false }'),
        "utf-8",
    )
    clock.now = datetime(2021, 6, 1, 0, 30, tzinfo=UTC)
    newsroom.stories = (YOUNG,)
    poll_for(
        ChannelPoller(replace(channel_poller.services, mirror=load_mirror(settings.config))),
        clock,
        1,
    )
    assert stored(store).title == YOUNG.title


def test_the_same_text_for_every_article_is_none_of_theirs(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, city: Channel
) -> None:
    wall = "<p>本站升级了会员服务，请先注册一个账号再继续阅读。注册只要一分钟，完全免费，欢迎您加入我们的大家庭。</p>"
    newsroom.stories = tuple(
        replace(STORIES[0], id=f"n{number}", title=f"第{number}条新闻")
        for number in range(200, 212)
    )
    for story in newsroom.stories:
        newsroom.faults[story.path] = page_of(article_page(story).replace(f"{story.text}", wall))
    channel_poller.backfill(city, pages=9)
    assert len(store.ids([city.id])) <= 2


# ---------------------------------------------------------------- redirects of listings


def test_a_permanent_redirect_is_followed_at_once_and_adopted_after_a_day(
    channel_poller: ChannelPoller, newsroom: Newsroom, clock: Clock, city: Channel, store: Store
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=301, headers={"Location": "/city_1.htm"})
    for _ in range(25):
        assert channel_poller.poll(city).failures == []
        clock.advance(hours=1)
    assert len(store.ids([city.id])) >= 2
    newsroom.asked.clear()
    channel_poller.poll(city)
    assert newsroom.asked == ["/city_1.htm"]
    # what was adopted fails, so the configured address is asked again
    newsroom.faults = {"/city_1.htm": Answer(status=404)}
    newsroom.asked.clear()
    assert channel_poller.poll(city).failures == []
    assert newsroom.asked == ["/city_1.htm", "/city.htm"]
    newsroom.asked.clear()
    channel_poller.poll(city)
    assert newsroom.asked == ["/city.htm"]


# ---------------------------------------------------------------- walks


def test_a_walk_that_was_interrupted_goes_on_where_it_was(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, city: Channel
) -> None:
    newsroom.stories = tuple(numbered(number) for number in range(200, 212))
    newsroom.faults["/city_4.htm"] = Answer(status=500)
    assert len(channel_poller.backfill(city, pages=99).failures) == 1
    assert len(store.ids([city.id])) == 6
    newsroom.faults.clear()
    newsroom.asked.clear()
    assert channel_poller.backfill(city, pages=99).failures == []
    assert [path for path in newsroom.asked if path.startswith("/city")] == [
        "/city_4.htm",
        "/city_5.htm",
        "/city_6.htm",
    ]
    assert len(store.ids([city.id])) == 12
    # one that has come to its end begins anew
    newsroom.asked.clear()
    channel_poller.backfill(city, pages=2)
    assert newsroom.asked == ["/city.htm", "/city_2.htm"]


def test_a_walk_ends_at_a_day(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, city: Channel
) -> None:
    newsroom.stories = tuple(
        replace(numbered(day + 200), day=f"21/5/{day}") for day in range(1, 13)
    )
    channel_poller.backfill(city, pages=99, since=datetime(2021, 5, 9, tzinfo=UTC))
    # two to a page: the page of the 7th and 8th is the first that has nothing from the 9th on
    assert sorted(store.ids([city.id])) == [f"n{day + 200}" for day in range(7, 13)]


def test_a_walk_stops_where_it_is_told_to_and_goes_on_there(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, city: Channel
) -> None:
    newsroom.stories = tuple(numbered(number) for number in range(200, 212))
    told: list[int] = []
    services = replace(channel_poller.services, is_stopping=lambda: len(told) >= 2)
    ChannelPoller(services).backfill(
        city, pages=99, on_page=lambda walk, _report: told.append(walk.pages)
    )
    assert told == [1, 2]
    channel_poller.backfill(city, pages=99)
    assert len(store.ids([city.id])) == 12


def test_what_scrolled_out_of_a_listing_unseen_is_walked_down_to(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, city: Channel, clock: Clock
) -> None:
    newsroom.stories = tuple(numbered(number) for number in range(200, 204))
    channel_poller.poll(city)
    assert sorted(store.ids([city.id])) == ["n202", "n203"]
    # a listing shows two; nine are published while nobody looks, and a page of them can't be had at first
    newsroom.stories = tuple(numbered(number) for number in range(200, 213))
    newsroom.faults["/city_3.htm"] = Answer(status=500)
    clock.advance(hours=9)
    assert len(channel_poller.poll(city).failures) == 1
    assert sorted(store.ids([city.id])) == [
        "n202",
        "n203",
        *(f"n{number}" for number in range(209, 213)),
    ]
    # three more push what was seen to the page that is asked for next
    newsroom.stories = tuple(numbered(number) for number in range(200, 216))
    newsroom.faults.clear()
    newsroom.asked.clear()
    clock.advance(hours=9)
    assert channel_poller.poll(city).failures == []
    assert [path for path in newsroom.asked if path.startswith("/city")] == [
        "/city.htm",
        *(f"/city_{n}.htm" for n in range(2, 8)),
    ]
    assert sorted(store.ids([city.id])) == [f"n{number}" for number in range(202, 216)]
    newsroom.asked.clear()
    clock.advance(hours=9)
    channel_poller.poll(city)
    assert newsroom.asked == ["/city.htm"]


# ---------------------------------------------------------------- new rules


def run(command: object, settings: Settings, *arguments: str) -> Result:
    done = CliRunner().invoke(command, arguments, obj=settings)  # type: ignore[arg-type]
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_new_rules_are_tried_on_the_pages_that_are_held_without_asking_anybody(
    channel_poller: ChannelPoller,
    settings: Settings,
    store: Store,
    newsroom: Newsroom,
    mirror: Mirror,
) -> None:
    for channel in mirror.channels:
        channel_poller.backfill(channel, pages=9)
    newsroom.asked.clear()
    assert (
        run(reextract_articles, settings).output
        == "4 articles read, 0 changed, 0 could not be read\n"
    )
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(file.read_text("utf-8") + '\nstrip = "//p[@onclick]"\n', "utf-8")
    before = stored(store, "n102")
    dry = run(reextract_articles, settings, "--channel", "books", "--dry-run")
    assert dry.exit_code == 0
    assert dry.output.splitlines()[-1] == "2 articles read, 2 would change, 0 could not be read"
    assert f"n102 {STORIES[1].title}: " in dry.output
    assert "（记者李明" in dry.output
    assert stored(store, "n102") == before
    done = run(reextract_articles, settings, "--since", "2021-05-02")
    assert done.output.splitlines()[-1] == "3 articles read, 3 changed, 0 could not be read"
    assert "记者李明" not in stored(store, "n102").body
    assert [version.body for version in store.versions(ArticleId("n102"))] == [before.body]
    assert newsroom.asked == newsroom.robots_asked[1:] == []


def test_rules_that_find_nothing_change_nothing(
    channel_poller: ChannelPoller, settings: Settings, store: Store, city: Channel
) -> None:
    channel_poller.poll(city)
    before = stored(store, "n103")
    file = settings.config / "sites" / f"{HOST}.toml"
    file.write_text(
        file.read_text("utf-8").replace("//div[@id='text']", "//div[@id='gone']"), "utf-8"
    )
    done = run(reextract_articles, settings)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "2 articles read, 0 changed, 2 could not be read"
    assert stored(store, "n103") == before
    assert run(reextract_articles, settings, "--channel", "nowhere").exit_code == 2


# ---------------------------------------------------------------- prune


@pytest.fixture
def full(
    channel_poller: ChannelPoller, settings: Settings, newsroom: Newsroom, city: Channel
) -> Settings:
    """A store with twelve old articles, of which feeds show four."""
    newsroom.stories = tuple(
        replace(numbered(day + 200), day=f"21/5/{day}", picture=f"/pic/{day}.png")
        for day in range(1, 13)
    )
    main = settings.config / "feedproxy.toml"
    main.write_text(main.read_text("utf-8").replace("[feeds]\n", "[feeds]\nentries = 4\n"), "utf-8")
    channel_poller.backfill(city, pages=9)
    return settings


def feeds_of(settings: Settings, store: Store, channel_poller: ChannelPoller) -> list[bytes]:
    app = create_app(
        settings,
        load_mirror(settings.config),
        store,
        channel_poller.services.media,
        channel_poller.services.clock,
    )
    addresses = ("/feed/town.xml", "/feed/town/city.atom", "/feed/all.json", "/feed/letters.xml")
    return [app.test_client().get(address).data for address in addresses]


def test_what_is_too_old_goes_but_nothing_that_a_feed_shows(
    full: Settings, store: Store, channel_poller: ChannelPoller, city: Channel
) -> None:
    before = feeds_of(full, store, channel_poller)
    dry = run(prune, full, "--days", "30", "--dry-run")
    assert dry.output.splitlines()[-1].startswith("8 articles, 0 pictures and 0 files")
    assert len(store.ids([city.id])) == 12
    done = run(prune, full, "--days", "30")
    assert [
        line.split()[1] for line in done.output.splitlines() if line.startswith("article ")
    ] == [f"n{day}" for day in range(201, 209)]
    assert sorted(store.ids([city.id])) == ["n209", "n210", "n211", "n212"]
    assert done.output.splitlines()[-1].startswith("8 articles, 8 pictures and 16 files")
    assert feeds_of(full, store, channel_poller) == before
    assert run(prune, full, "--days", "30").output.startswith("0 articles")


def test_what_is_too_much_goes_oldest_first(full: Settings, store: Store, city: Channel) -> None:
    size = store.records.bytes_held()
    sizes = {each.id: each.size for each in store.prunable([city.id], 4)}
    assert len(sizes) == 8
    limit = (size - sum(sorted(sizes.values())[:3])) / 1_000_000
    done = run(prune, full, "--megabytes", f"{limit:.6f}")
    gone = [line.split()[1] for line in done.output.splitlines() if line.startswith("article ")]
    assert gone == [f"n{201 + number}" for number in range(len(gone))]
    assert 0 < len(gone) < 8
    assert run(prune, full).output.startswith("0 articles")
    assert run(prune, full, "--megabytes", "0.001").output.count("article n") == 8 - len(gone)


def test_what_was_pruned_does_not_come_back_by_itself(
    full: Settings, channel_poller: ChannelPoller, store: Store, city: Channel, clock: Clock
) -> None:
    run(prune, full, "--days", "30")
    clock.advance(hours=2)
    channel_poller.poll(city)
    channel_poller.fetch_due(city)
    assert len(store.ids([city.id])) == 4


def test_a_picture_whose_file_is_lost_is_fetched_again(
    full: Settings, channel_poller: ChannelPoller, store: Store, clock: Clock
) -> None:
    name = min(store.pictures.used_files())
    channel_poller.services.media.remove(name)
    done = run(prune, full)
    assert f"missing {name}" in done.output
    clock.now = datetime(2100, 1, 1, tzinfo=UTC)  # commands have a clock of their own
    assert (
        channel_poller.pictures.fetch_due(
            channel_poller.fetch_due(channel_poller.services.mirror.channels[0])
        )
        == 1
    )
    assert channel_poller.services.media.read(name) is not None


# ---------------------------------------------------------------- doctor, and what operators see


@pytest.fixture
def polled(settings: Settings, channel_poller: ChannelPoller) -> Settings:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.poll(channel)
    return settings


def test_the_doctor_says_what_is_fine_and_what_is_not(polled: Settings, newsroom: Newsroom) -> None:
    done = run(doctor, polled)
    assert [
        line.partition(":")[0] for line in done.output.splitlines() if line.startswith("ok")
    ] == [
        "ok   configuration",
        "ok   store",
        "ok   disk",
        f"ok   upstream {HOST}",
        "ok   clock",
    ]
    assert f"{BASE}/city.htm lists 2 articles" in done.output
    # nobody polls beside a test
    assert (
        "BAD  schedule: no poller is running\n     start one: feedproxy serve, or feedproxy poll\n"
        in done.output
    )
    assert done.exit_code == 1
    newsroom.faults["/city.htm"] = Answer(status=500)
    assert f"BAD  upstream {HOST}: {BASE}/city.htm: answered 500" in run(doctor, polled).output
    newsroom.faults["/city.htm"] = page_of("<p>新版即将上线</p>")
    told = run(doctor, polled).output
    assert f"BAD  upstream {HOST}: {BASE}/city.htm: no article found in this listing" in told
    assert f"mend config/sites/{HOST}.toml" in told
    asked = len(newsroom.asked)
    assert "upstream" not in run(doctor, polled, "--offline").output
    assert len(newsroom.asked) == asked


def test_the_doctor_goes_on_where_the_store_can_only_be_read(polled: Settings) -> None:
    with closing(sqlite3.connect(polled.data / "feedproxy.sqlite")) as connection:
        for operation in ("INSERT", "UPDATE"):
            connection.execute(
                f"CREATE TRIGGER no_{operation} BEFORE {operation} ON host BEGIN SELECT RAISE(ABORT, 'read-only'); END"
            )
        connection.commit()
    output = run(doctor, polled).output
    assert "BAD  upstream: store: read-only\n     " in output
    assert "BAD  schedule: no poller is running" in output


def test_the_doctor_sees_that_the_clock_is_wrong(polled: Settings, newsroom: Newsroom) -> None:
    newsroom.faults["/city.htm"] = Answer(
        listing("city", 1, newsroom.stories).encode(),
        headers={"Date": "Tue, 01 Jun 2021 12:00:00 GMT"},
    )
    assert "BAD  clock: differs from upstream's by" in run(doctor, polled).output


# ---------------------------------------------------------------- operators


def test_what_operators_see_is_for_them_alone(
    settings: Settings, store: Store, channel_poller: ChannelPoller
) -> None:
    services = channel_poller.services
    guarded = settings.model_copy(update={"operator_token": "s3cret"})
    public = settings.model_copy(update={"public_url": "https://mirror.example"})
    reachable = settings.model_copy(update={"bind": "0.0.0.0:8000"})
    for chosen, headers, query, status in [
        (settings, {}, "", 200),
        (settings, {"X-Forwarded-For": "203.0.113.5"}, "", 403),
        (
            settings,
            {"Host": "mirror.example"},
            "",
            403,
        ),  # through an onion service, `ssh -R`, or a proxy that passes it on
        (settings, {"Host": "[::1]:8000"}, "", 200),
        (public, {}, "", 403),
        (reachable, {}, "", 403),
        (guarded, {}, "", 401),
        (guarded, {"Authorization": "Bearer wrong"}, "", 401),
        (guarded, {"Authorization": "Basic OnMzY3JldA=="}, "", 200),
        (guarded, {"Authorization": "Bearer s3cret"}, "", 200),
        (guarded, {}, "?token=s3cret", 200),
    ]:
        client = create_app(
            chosen, services.mirror, store, services.media, services.clock
        ).test_client()
        for address in ("/status", "/metrics"):
            assert client.get(address + query, headers=headers).status_code == status
        ready = client.get("/readyz" + query, headers=headers)
        assert ready.status_code == 200
        assert ready.json is not None
        assert ("problems" in ready.json) == (status == 200)
    away = create_app(
        settings, services.mirror, store, services.media, services.clock
    ).test_client()
    assert away.get("/status", environ_base={"REMOTE_ADDR": "203.0.113.5"}).status_code == 403


def test_what_is_wrong_stands_first_with_what_to_do(
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    client: FlaskClient,
    clock: Clock,
    store: Store,
) -> None:
    newsroom.faults["/city.htm"] = Answer(status=500)
    for _ in range(3):
        for channel in channel_poller.services.mirror.channels:
            channel_poller.poll(channel)
    store.budget.hold("slow.example", clock.now, clock.now + timedelta(hours=1))
    ready = client.get("/readyz").json
    assert ready is not None
    assert [problem["what"] for problem in ready["problems"]] == [
        "no poller is running",
        f"city failed 3 times in a row, last success never: {BASE}/city.htm: answered 500 Internal Server Error",
        "slow.example asked for a pause until 2021-06-01 13:00 UTC",
    ]
    assert all(problem["advice"] for problem in ready["problems"])
    page = client.get("/status").text
    assert page.index("no poller is running") < page.index('<h2 id="channels">Channels')
    store.lease.lead("somebody", clock.now, clock.now + timedelta(minutes=5))
    clock.advance(minutes=4)
    ready = client.get("/readyz").json
    assert ready is not None
    assert (ready["poller"], ready["problems"][0]["what"][:10]) == ("somebody", "city faile")


def test_the_metrics_count_what_happened(
    channel_poller: ChannelPoller, newsroom: Newsroom, client: FlaskClient
) -> None:
    newsroom.faults[STORIES[3].path] = Answer(status=500)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.poll(channel)
    metrics = set(client.get("/metrics").text.splitlines())
    assert {
        'feedproxy_polls_total{channel="books",outcome="ok"} 1.0',
        'feedproxy_articles_total{channel="city",outcome="new"} 2.0',
        'feedproxy_articles_total{channel="books",outcome="failed"} 1.0',
        'feedproxy_pictures_total{channel="city",outcome="stored"} 1.0',
        f'feedproxy_upstream_requests_total{{host="{HOST}",outcome="500"}} 1.0',
        'feedproxy_channel_failures{channel="city"} 0.0',
        'feedproxy_store{kind="articles"} 2.0',
        'feedproxy_store{kind="waiting"} 1.0',
        "feedproxy_poller_up 0.0",
    } <= metrics


# ---------------------------------------------------------------- the loop


def poller_over(channel_poller: ChannelPoller, name: str = "me", webhook: object = None) -> Poller:
    return Poller(channel_poller.services, name, webhook)  # type: ignore[arg-type]


def test_what_nobody_foresaw_costs_one_poll(
    channel_poller: ChannelPoller,
    store: Store,
    newsroom: Newsroom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("feedproxy.ingest.channels.parse_listing", burst)
    poller = poller_over(channel_poller)
    poller.step()
    assert all(
        "RuntimeError('boom')" in state.last_error for state in store.schedule.states().values()
    )
    assert sorted(newsroom.asked) == ["/books.htm", "/city.htm"]
    poller.step()
    assert sorted(newsroom.asked) == ["/books.htm", "/city.htm"]


def test_a_channel_that_another_process_polls_is_left_to_it(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    poller = poller_over(channel_poller)
    poller.step()
    clock.advance(days=1)
    assert channel_poller.claim(channel_poller.services.mirror.channels[0])
    assert not store.schedule.begin_poll("city", None, clock.now)
    newsroom.asked.clear()
    poller.step()
    assert "/city.htm" not in newsroom.asked
    assert "/books.htm" in newsroom.asked
    clock.advance(minutes=6)
    poller.step()
    assert "/city.htm" in newsroom.asked


def test_an_alarm_is_told_until_somebody_takes_it(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    told: list[Alarm] = []
    is_deaf = True

    def webhook(alarm: Alarm) -> None:
        if is_deaf:
            raise FetchError("http://hook.example", "answered 500")
        told.append(alarm)

    poller = poller_over(channel_poller, webhook=webhook)
    newsroom.faults = {
        f"/{channel}.htm": page_of("<p>新版即将上线</p>") for channel in ("city", "books")
    }
    for _ in range(8):
        poller.step()
        clock.advance(hours=6)
    assert {(alarm.channel, alarm.closed) for alarm in store.records.alarms()} == {
        ("city", None),
        ("books", None),
    }
    assert told == []
    is_deaf = False
    poller.step()
    assert {alarm.channel for alarm in told} == {"city", "books"}
    assert {alarm.rule for alarm in told} == {f"listing.item of sites/{HOST}.toml"}
    poller.step()
    assert len(told) == 2


# ---------------------------------------------------------------- what may go wrong around it


def run_until(poller: Poller, clock: Clock, until: datetime) -> None:
    while clock.now < until:
        clock.now = max(
            clock.now + timedelta(seconds=1), min(poller.step(), clock.now + timedelta(minutes=1))
        )


class NobodyKnows:
    """A lease that can't be asked for."""

    def lead(self, *_: object) -> bool:
        raise StoreError("redis: connection refused")


def test_when_who_leads_is_known_again_polling_goes_on_at_once(
    channel_poller: ChannelPoller, store: Store, newsroom: Newsroom, clock: Clock
) -> None:
    poller, lease = poller_over(channel_poller), store.lease
    store.lease = NobodyKnows()  # type: ignore[assignment]
    for _ in range(10):
        poller.step()
        clock.advance(seconds=3)
    assert newsroom.asked == []
    store.lease = lease
    poller.step()
    assert {"/books.htm", "/city.htm"} <= set(newsroom.asked)


def test_work_is_done_while_time_goes_on(channel_poller: ChannelPoller, clock: Clock) -> None:
    def running() -> datetime:  # as every real clock: no two looks at it are the same
        clock.advance(microseconds=1)
        return clock.now

    poller = Poller(replace(channel_poller.services, clock=running), "a")
    assert poller.guarded("archives", lambda: "done") == "done"


def test_what_can_not_be_stored_is_not_fetched_again_and_again(
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    clock: Clock,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with closing(sqlite3.connect(settings.data / "feedproxy.sqlite")) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON article BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
        connection.commit()
        run_until(Poller(channel_poller.services, "full"), clock, clock.now + timedelta(hours=2))
        assert len(newsroom.asked) < 80
        assert caplog.text.count("disk is full") == 1
        connection.execute("DROP TRIGGER full")
        connection.commit()
    run_until(Poller(channel_poller.services, "full"), clock, clock.now + timedelta(hours=2))
    assert channel_poller.services.store.article(ArticleId("n103"))


def test_a_clock_that_was_ahead_and_is_set_back_stops_no_polling(
    channel_poller: ChannelPoller, newsroom: Newsroom, clock: Clock
) -> None:
    poller, start = Poller(channel_poller.services, "a"), clock.now
    clock.advance(days=1)
    run_until(poller, clock, clock.now + timedelta(hours=1))
    clock.now = start
    newsroom.asked.clear()
    run_until(poller, clock, start + timedelta(hours=7))
    assert newsroom.count("/city.htm") >= 1


def test_one_answer_that_it_is_not_there_costs_an_old_article_nothing(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    newsroom.faults[STORIES[2].path] = Answer(status=404)
    channel_poller.poll(city)
    assert store.article(ArticleId("n103")) is None
    del newsroom.faults[STORIES[2].path]
    clock.advance(hours=1)
    channel_poller.fetch_due(city)
    assert stored(store, "n103").rule != EXCERPT


def test_an_upstream_that_is_out_of_order_becomes_no_entry(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    newsroom.faults[STORIES[2].path] = Answer(status=502)
    channel_poller.poll(city)
    version = store.version([city.id])
    for _ in range(40):
        clock.advance(hours=2)
        channel_poller.fetch_due(city)
    assert (store.article(ArticleId("n103")), store.version([city.id])) == (None, version)


# More than a listing's page shows.
MISSED = range(910, 916)


def assert_missed_come(
    channel_poller: ChannelPoller, store: Store, clock: Clock, city: Channel
) -> None:
    clock.advance(hours=1)
    channel_poller.poll(city)
    assert all(store.article(ArticleId(f"n{number}")) for number in MISSED)


def test_what_is_pinned_to_a_listing_hides_no_gap(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    def front() -> Answer:
        return page_of(
            listing("city", 1, newsroom.stories).replace(
                "<li>", f'<li><a href="{STORIES[0].path}">顶</a></li><li>', 1
            )
        )

    newsroom.faults["/city.htm"] = front
    channel_poller.poll(city)
    for number in MISSED:
        publish(newsroom, numbered(number))
    clock.advance(hours=72)
    channel_poller.poll(city)
    assert_missed_come(channel_poller, store, clock, city)


def test_a_page_of_a_gap_that_can_not_be_had_fails_no_poll(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    channel_poller.poll(city)
    for number in MISSED:
        publish(newsroom, numbered(number))
    newsroom.faults["/city_2.htm"] = Answer(status=500)
    clock.advance(hours=1)
    channel_poller.poll(city)
    state = store.schedule.state(city.id)
    assert (state.failures, state.succeeded_at) == (0, clock.now)
    del newsroom.faults["/city_2.htm"]
    assert_missed_come(channel_poller, store, clock, city)


def test_a_listing_that_changes_all_the_time_hides_no_broken_rule_and_ends_no_alarm(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    def front() -> Answer:
        return page_of(
            listing("city", 1, newsroom.stories).replace("<body>", f"<body><!-- {clock.now} -->")
        )

    newsroom.faults["/city.htm"] = front
    channel_poller.poll(city)
    for number in range(920, 926):
        publish(newsroom, numbered(number))
        newsroom.faults[numbered(number).path] = page_of(
            f"<h1>{numbered(number).title}</h1><p>改版</p>"
        )
        for _ in range(4):
            clock.advance(minutes=20)
            channel_poller.poll(city)
    assert [alarm.rule for alarm in store.records.alarms() if alarm.closed is None] == [
        f"article.body of sites/{HOST}.toml"
    ]


def test_an_alarm_over_a_listing_ends_with_the_next_listing_that_fits(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    channel_poller.poll(city)
    newsroom.faults["/city.htm"] = page_of("<p>改版</p>")
    for _ in range(3):
        assert store.records.alarms() == []
        clock.advance(hours=1)
        channel_poller.poll(city)
    assert [alarm.rule for alarm in store.records.alarms() if alarm.closed is None] == [
        f"listing.item of sites/{HOST}.toml"
    ]
    del newsroom.faults["/city.htm"]
    clock.advance(hours=1)
    channel_poller.poll(city)
    assert [alarm.closed for alarm in store.records.alarms()] == [clock.now]


def test_a_correction_that_waits_is_not_lost_by_reextraction(
    channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock, city: Channel
) -> None:
    channel_poller.poll(city)
    publish(newsroom, replace(STORIES[2], title="老校长的新菜园"))
    newsroom.faults[STORIES[2].path] = Answer(status=503)
    clock.advance(hours=1)
    channel_poller.poll(city)
    before = stored(store, "n103")
    store.save(
        replace(before, body=before.body), store.pages(before.id), {}, clock.now, is_fetched=False
    )
    del newsroom.faults[STORIES[2].path]
    clock.advance(hours=1)
    channel_poller.fetch_due(city)
    assert stored(store, "n103").title == "老校长的新菜园"
