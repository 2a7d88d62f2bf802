"""Feeds as sources: what many kinds of feeds state is believed and kept, over pages that say little."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import open_calm_fetcher
from feedcheck import check_atom, check_json_feed, check_rss
from feedsamples import BASE, HOST, SAMPLES, Sample, Told
from newsroom import Answer, Newsroom, open_newsroom

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import UpstreamError
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.ingest.mirrored import copy_of_replicated
from feedproxy.media import FolderMedia
from feedproxy.model import (
    FEED,
    Article,
    DateSource,
    Origin,
    Page,
    Statement,
    Url,
    merge_statements,
)
from feedproxy.parse import is_feed
from feedproxy.replication import read_record, record_of
from feedproxy.sanitise import plain_text
from feedproxy.store import Store, open_store
from feedproxy.web import create_app

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
_MAIN = """[mirror]
name = "m"
description = "d"
language = "en"
sections = ["s"]
[fetch]
requests_per_second = 1000
robots = "ignore"
[poll]
patience_hours = 6
check_hours = []
"""
# A page of a theme without an article: a heading, the name of the site, and no word of the text.
WALL = "<html><head><title>Harbour</title></head><body><h1>Harbour</h1><p>Please switch on JavaScript.</p></body></html>"


class Mirrored:
    """A mirror of one feed of an invented site, over a clock that stands still."""

    def __init__(self, folder: Path, site: Newsroom, text: str = "auto", rules: str = "") -> None:
        self.site, self.now = site, NOW
        config = folder / "config"
        (config / "sites").mkdir(parents=True)
        (config / "sections").mkdir()
        (config / "feedproxy.toml").write_text(_MAIN, "utf-8")
        (config / "sites" / f"{HOST}.toml").write_text(
            f'title = "Harbour"\nhosts = ["{HOST}", "mirror.example"]\npicture_hosts = []\n',
            "utf-8",
        )
        if rules:
            (config / "sites" / f"{HOST}.txt").write_text(rules, "utf-8")
        (config / "sections" / "s.toml").write_text(
            f'title = "S"\nsite = "{HOST}"\nkind = "feed"\ntext = "{text}"\n[channels]\n'
            f'c = {{ title = "C", url = "{BASE}/feed" }}\n',
            "utf-8",
        )
        self.settings = Settings(
            config=config,
            data=folder / "data",
            origins={HOST: site.origin},
            public_url="https://mirror.example",
        )
        self.mirror, self.media = load_mirror(config), FolderMedia(self.settings.media)
        self.store: Store = open_store(self.settings.store_url, self.settings.data)
        self.fetcher = open_calm_fetcher(self.settings, self.mirror)
        self.poller = ChannelPoller(
            Services(self.mirror, self.store, self.fetcher, self.media, lambda: self.now)
        )

    def poll(self, feed: bytes, media_type: str = "application/xml") -> list[Article]:
        """Let the site answer with *feed*, poll it, and return the stored articles, newest first."""
        headers = {"Content-Type": media_type} if media_type else {}
        self.site.faults["/feed"] = Answer(feed, headers=headers)
        self.poller.poll(self.mirror.channels[0])
        return self.store.newest(["c"], 200)

    def take(self, sample: Sample) -> list[Article]:
        """Poll a sample; wait for the patience with pages to end if its texts are short."""
        found = self.poll(sample.body, sample.media_type)
        if not sample.is_whole:
            assert found == []
            self.now += timedelta(hours=7)
            found = self.poll(sample.body, sample.media_type)
        return found

    def close(self) -> None:
        self.fetcher.close()
        self.store.close()


@pytest.fixture
def site() -> "object":
    with open_newsroom() as newsroom:
        yield newsroom


@pytest.fixture
def mirrored(tmp_path: Path, site: Newsroom) -> "object":
    made = Mirrored(tmp_path, site)
    yield made
    made.close()


def say_little(site: Newsroom, told: tuple[Told, ...]) -> None:
    for each in told:
        site.faults[f"/{each.number}"] = Answer(
            WALL.encode(), headers={"Content-Type": "text/html"}
        )


def found_of(articles: list[Article], told: Told) -> Article:
    (found,) = [each for each in articles if told.text in plain_text(each.body)]
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_feed_states_is_kept(mirrored: Mirrored, name: str) -> None:
    sample = SAMPLES[name]
    say_little(mirrored.site, sample.told)
    articles = mirrored.take(sample)
    assert len(articles) == len(sample.told)
    for told in sample.told:
        article = found_of(articles, told)
        assert article.title.startswith(told.title)
        assert article.authors == (told.authors or ("Harbour",))
        assert article.tags == told.tags
        assert tuple(each.url for each in article.details.enclosures) == told.enclosures
        if told.published:
            assert (article.published, article.dated) == (told.published, DateSource.STATED)
        for url in told.enclosures:
            assert f'href="{url}"' in article.body


@pytest.mark.parametrize("name", SAMPLES)
def test_a_feed_is_recognised_whatever_its_type(name: str) -> None:
    sample = SAMPLES[name]
    assert is_feed(Page(Url(f"{BASE}/feed"), sample.body, "text/plain"))
    assert not is_feed(Page(Url(f"{BASE}/feed"), WALL.encode(), sample.media_type))


@pytest.mark.parametrize("name", SAMPLES)
def test_feeds_made_of_it_are_valid_and_give_the_same_entries_again(
    tmp_path: Path, site: Newsroom, name: str
) -> None:
    sample = SAMPLES[name]
    say_little(site, sample.told)
    first = Mirrored(tmp_path / "1", site)
    articles = first.take(sample)
    web = create_app(
        first.settings, first.mirror, first.store, first.media, lambda: NOW
    ).test_client()
    made = {ending: web.get(f"/feed/s.{ending}").data for ending in ("xml", "atom", "json")}
    first.close()
    assert check_rss(made["xml"]) == check_atom(made["atom"]) == check_json_feed(made["json"]) == []
    # each format reads a third of the samples again
    ending = list(made)[list(SAMPLES).index(name) % len(made)]
    second = Mirrored(tmp_path / "2", site, text="feed")
    again = second.poll(made[ending], "application/octet-stream")
    second.close()
    assert [_entry(each) for each in again] == [_entry(each) for each in articles]


def _entry(article: Article) -> tuple[object, ...]:
    files = tuple(each.url for each in article.details.enclosures)
    text = " ".join(plain_text(article.body).split())
    return article.title, article.published, article.authors, article.tags, files, text


# ---------------------------------------------------------------- identity


def rss(*items: str) -> bytes:
    return (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>Harbour</title><link>{BASE}/</link><description>d</description>"
        f"{''.join(f'<item>{each}</item>' for each in items)}</channel></rss>"
    ).encode()


def item(title: str, link: str = "", guid: str = "", text: str = "", date: str = "") -> str:
    return (
        f"<title>{title}</title>"
        + (f"<link>{link}</link>" if link else "")
        + (f'<guid isPermaLink="false">{guid}</guid>' if guid else "")
        + (f"<pubDate>{date}</pubDate>" if date else "")
        + f"<content:encoded><![CDATA[{text or f'<p>{title}: {TEXT}</p>'}]]></content:encoded>"
    )


TEXT = "The keeper climbed the stairs before dawn, and lit the lamp as his father had done. " * 4


def titles_of(articles: list[Article]) -> list[str]:
    return sorted(article.title for article in articles)


def test_an_entry_with_another_link_but_the_same_guid_is_the_same_article(
    mirrored: Mirrored,
) -> None:
    (first,) = mirrored.poll(rss(item("One", f"{BASE}/old", "g1")))
    (again,) = mirrored.poll(rss(item("One", f"{BASE}/new", "g1")))
    assert again.id == first.id


def test_an_entry_whose_guid_changes_with_every_correction_is_the_same_article(
    mirrored: Mirrored,
) -> None:
    (first,) = mirrored.poll(rss(item("One", f"{BASE}/1", f"{BASE}/1#0")))
    (again,) = mirrored.poll(rss(item("One, corrected", f"{BASE}/1", f"{BASE}/1#1")))
    assert (again.id, again.title) == (first.id, "One, corrected")


def test_entries_that_share_a_link_are_articles_of_their_own_whenever_they_come(
    mirrored: Mirrored,
) -> None:
    (first,) = mirrored.poll(rss(item("v1", f"{BASE}/log#v1", "g1")))
    page = f"{BASE}/log"
    both = mirrored.poll(rss(item("v2", f"{page}#v2", "g2"), item("v1", f"{page}#v1", "g1")))
    assert titles_of(both) == ["v1", "v2"]
    assert first.id in {article.id for article in both}
    later = mirrored.poll(rss(item("v3", f"{page}#v3", "g3")))
    assert titles_of(later) == ["v1", "v2", "v3"]


def test_entries_without_guid_and_link_are_told_apart_by_their_text(mirrored: Mirrored) -> None:
    feed = rss(item("Note", text="<p>First note.</p>"), item("Note", text="<p>Second note.</p>"))
    assert len(mirrored.poll(feed)) == len(mirrored.poll(feed)) == 2


def test_an_article_that_links_to_another_of_its_feed_leads_to_it_in_the_mirror(
    mirrored: Mirrored,
) -> None:
    link = f'<p>{TEXT}<a href="{BASE}/1">the first</a></p>'
    mirrored.poll(rss(item("Two", f"{BASE}/2", "g2", link), item("One", f"{BASE}/1", "g1")))
    app = create_app(
        mirrored.settings, mirrored.mirror, mirrored.store, mirrored.media, lambda: NOW
    )
    feed = app.test_client().get("/feed/s.json").text
    assert "/pages/c/u" in feed.partition("the first")[0][-120:]


# ---------------------------------------------------------------- page and feed


def page_of(text: str, title: str = "One") -> Answer:
    html = f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>{text}</article></body></html>"
    return Answer(html.encode(), headers={"Content-Type": "text/html"})


LONG = "".join(
    f"<p>In the year {year} the pier was mended once more, by the people of the {year - 1700} houses "
    "behind the harbour, who carried stones until the tide came back.</p>"
    for year in range(1801, 1812)
)


def test_the_page_has_the_text_where_the_feed_has_its_beginning(mirrored: Mirrored) -> None:
    mirrored.site.faults["/1"] = page_of(LONG)
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=LONG[:300] + "…")))
    assert article.rule != FEED
    assert "1811" in article.body


def test_the_feed_has_the_text_where_the_page_has_its_beginning(mirrored: Mirrored) -> None:
    wall = f"{LONG[:330]}</p><p>Subscribe to read on.</p>"
    mirrored.site.faults["/1"] = page_of(wall)
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=LONG)))
    assert (article.rule, "1811" in article.body) == (FEED, True)


def test_of_the_same_text_the_one_with_more_structure_is_kept(mirrored: Mirrored) -> None:
    rich = (
        LONG
        + '<ul><li>stone</li><li>rope</li></ul><p>See <a href="http://else.example/">here</a>.</p>'
    )
    flat = LONG + "<p>stone rope</p><p>See here.</p>"
    mirrored.site.faults["/1"] = page_of(flat)
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=rich)))
    assert article.body.count("<li>") == 2


@pytest.mark.parametrize("status", [401, 402, 403, 404, 410, 451])
def test_where_the_page_is_refused_the_feed_s_text_comes_at_once(
    mirrored: Mirrored, status: int
) -> None:
    mirrored.site.faults["/1"] = Answer(b"no", status)
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=LONG)))
    assert (article.rule, "1811" in article.body) == (FEED, True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_where_the_page_fails_for_longer_than_the_patience_the_feed_s_text_comes(
    mirrored: Mirrored, status: int
) -> None:
    mirrored.site.faults["/1"] = Answer(b"no", status)
    feed = rss(item("One", f"{BASE}/1", text=LONG))
    assert mirrored.poll(feed) == []
    for _ in range(4):
        mirrored.now += timedelta(hours=3)
        articles = mirrored.poll(feed)
    (article,) = articles
    assert (article.rule, "1811" in article.body) == (FEED, True)


def test_the_page_s_text_replaces_the_feed_s_once_it_is_there_and_has_more(
    mirrored: Mirrored,
) -> None:
    mirrored.site.faults["/1"] = Answer(b"no", 403)
    feed = rss(item("One", f"{BASE}/1", text=LONG))
    mirrored.poll(feed)
    mirrored.site.faults["/1"] = page_of(LONG + "<p>" + TEXT * 3 + "</p>")
    mirrored.now += timedelta(days=2)
    (article,) = mirrored.poll(feed)
    assert article.rule != FEED
    assert article.updated == mirrored.now


def test_a_correction_in_the_feed_changes_the_article_and_its_date_of_change(
    mirrored: Mirrored,
) -> None:
    mirrored.site.faults["/1"] = Answer(b"no", 403)
    (first,) = mirrored.poll(rss(item("One", f"{BASE}/1", "g", LONG)))
    mirrored.now += timedelta(hours=1)
    (second,) = mirrored.poll(rss(item("One", f"{BASE}/1", "g", LONG.replace("1811", "1911"))))
    assert "1911" in second.body
    assert second.updated > first.updated
    mirrored.now += timedelta(hours=1)
    pixel = LONG.replace("1811", "1911") + '<img src="http://count.example/?r=2">'
    (third,) = mirrored.poll(rss(item("One", f"{BASE}/1", "g", pixel)))
    assert third.updated == second.updated  # a counting pixel is no correction


def test_a_section_may_take_the_feed_s_text_only_and_never_asks_for_pages(
    tmp_path: Path, site: Newsroom
) -> None:
    made = Mirrored(tmp_path, site, text="feed")
    (article,) = made.poll(rss(item("One", f"{BASE}/1", text="<p>Short.</p>")))
    made.close()
    assert (article.rule, plain_text(article.body)) == (FEED, "Short.")
    assert site.asked == ["/feed"]


def test_a_section_may_take_the_page_s_text_only(tmp_path: Path, site: Newsroom) -> None:
    made = Mirrored(tmp_path, site, text="page")
    site.faults["/1"] = page_of(LONG.rpartition("<p>")[0])
    (article,) = made.poll(rss(item("One", f"{BASE}/1", text=LONG)))
    made.close()
    assert article.rule != FEED


def test_an_excerpt_with_a_line_more_than_the_page_refuses_nothing(mirrored: Mirrored) -> None:
    mirrored.site.faults["/1"] = page_of(LONG)
    more = LONG + "<p>The post One appeared first on Harbour.</p>"
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=more)))
    assert "1811" in article.body


def test_a_summary_has_no_words_of_styles_or_scripts(mirrored: Mirrored) -> None:
    mirrored.site.faults["/1"] = Answer(b"no", 403)
    dirty = f"<style>.a{{color:red}}</style><script>track(1)</script>{LONG}"
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text=dirty)))
    assert article.summary.startswith("In the year 1801")


WALLS = {
    "an error page that says 200": page_of(
        "<p>Sorry, the page that you are looking for does not exist, or it has been moved.</p>",
        "Not found",
    ),
    "a consent page": page_of(
        "<p>We need your consent before you can read any story, please click below.</p>", "Consent"
    ),
    "a way to the front page": Answer(b"", 302, headers={"Location": "/"}),
}


@pytest.mark.parametrize("name", WALLS)
def test_a_page_that_is_another_one_never_becomes_the_article(
    mirrored: Mirrored, name: str
) -> None:
    mirrored.site.faults["/"] = page_of(LONG, "Harbour")
    mirrored.site.faults["/1"] = WALLS[name]
    feed = rss(item("The lamp is lit", f"{BASE}/1", text="<p>A boat came in late.</p>"))
    (article,) = mirrored.poll(feed)
    assert plain_text(article.body) == "A boat came in late."


def test_a_page_that_sends_browsers_on_at_once_is_followed(mirrored: Mirrored) -> None:
    mirrored.site.faults["/1"] = Answer(
        b"<html><head><meta http-equiv='refresh' content='0; url=/real'></head><body>Wait.</body></html>",
        headers={"Content-Type": "text/html"},
    )
    mirrored.site.faults["/real"] = page_of(LONG)
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text="Short.")))
    assert "1811" in article.body


def test_a_part_that_is_broken_costs_that_part_only_and_is_tried_again(
    tmp_path: Path, site: Newsroom
) -> None:
    made = Mirrored(tmp_path, site, rules="next_page_link: //a[@rel='next']/@href")
    site.faults["/1"] = page_of(LONG + '<a rel="next" href="/2">more</a>')
    site.faults["/2"] = Answer(b"no", 500)
    feed = rss(item("One", f"{BASE}/1", text="Short."))
    (article,) = made.poll(feed)
    assert "1811" in article.body
    site.faults["/2"] = page_of("<p>The second part: " + TEXT * 2 + "</p>")
    made.now += timedelta(hours=1)
    (article,) = made.poll(feed)
    made.close()
    assert "The second part" in article.body


# ---------------------------------------------------------------- trust

EARLY, LATE = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 11, 30, 9, 15, tzinfo=UTC)


def test_a_guess_never_replaces_a_statement_and_each_field_has_the_most_trusted_one() -> None:
    merged = merge_statements(
        {
            Origin.GUESS: Statement("guess", LATE, authors=("G",), summary="g", language="de"),
            Origin.PAGE: Statement("page", authors=("P",), tags=("p",)),
            Origin.FEED: Statement("feed", EARLY, authors=()),
        },
        "UTC",
    )
    assert (merged.title, merged.published, merged.authors) == ("feed", EARLY, ("P",))
    assert (merged.tags, merged.summary, merged.language) == (("p",), "g", "de")


@pytest.mark.parametrize(("later", "expected"), [(LATE, LATE), (LATE + timedelta(days=3), EARLY)])
def test_a_date_without_a_time_yields_to_one_of_the_same_day_with_a_time(
    later: datetime, expected: datetime
) -> None:
    stated = {
        Origin.FEED: Statement(published=EARLY, has_time=False),
        Origin.PAGE: Statement(published=later),
    }
    assert merge_statements(stated, "UTC").published == expected


def test_the_date_and_title_of_the_feed_stand_over_what_heuristics_find_in_the_page(
    mirrored: Mirrored,
) -> None:
    mirrored.site.faults["/1"] = page_of(
        f'<p class="date">3 May 2015</p>{LONG}', "Harbour - News - Island Post"
    )
    feed = rss(item("One", f"{BASE}/1", text="Short.", date="Mon, 30 Nov 2026 08:00:00 GMT"))
    (article,) = mirrored.poll(feed)
    assert (article.title, article.published.day, article.dated) == ("One", 30, DateSource.STATED)


def test_a_page_without_a_headline_has_that_of_the_feed(mirrored: Mirrored) -> None:
    mirrored.site.faults["/1"] = Answer(
        f"<html><body><div>{LONG}</div></body></html>".encode(),
        headers={"Content-Type": "text/html"},
    )
    (article,) = mirrored.poll(rss(item("One", f"{BASE}/1", text="Short.")))
    assert article.title == "One"


# ---------------------------------------------------------------- republished


def test_enclosures_comments_and_sources_are_in_all_feeds_and_in_replicas(
    mirrored: Mirrored,
) -> None:
    sound = f"{BASE}/s/1.mp3"
    feed = rss(
        item("One", f"{BASE}/1", text=LONG)
        + f'<enclosure url="{sound}" length="99" type="audio/mpeg"/><comments>{BASE}/1#c</comments>'
        f'<source url="{BASE}/all.xml">All</source>'
    )
    mirrored.site.faults["/1"] = Answer(b"no", 403)
    mirrored.poll(feed)
    app = create_app(
        mirrored.settings, mirrored.mirror, mirrored.store, mirrored.media, lambda: NOW
    )
    web = app.test_client()
    for path in ("/feed/s.xml", "/feed/s.atom", "/feed/s.json"):
        text = web.get(path).text
        assert sound in text.replace(f'href=\\"{sound}', "").replace(f'href="{sound}', "", 1)
    xml = web.get("/feed/s.xml").text
    assert f'<enclosure url="{sound}" length="99" type="audio/mpeg"/>' in xml
    assert f"<comments>{BASE}/1#c</comments>" in xml
    assert f'<source url="{BASE}/all.xml">All</source>' in xml
    (stored,) = mirrored.store.newest(["c"], 1)
    assert read_record(record_of(stored, ("c",), {})).details == stored.details


def test_an_entry_of_a_link_blog_comes_from_another_mirror_with_the_same_id(
    mirrored: Mirrored,
) -> None:
    feed = rss(item("Elsewhere", "http://else.example/story", "g9", LONG))
    (article,) = mirrored.poll(feed)
    received = read_record(record_of(article, ("c",), {}))
    page = Page(Url("https://peer.example/feed/s.json"), b"")
    site = mirrored.mirror.channels[0].site
    copy = copy_of_replicated(page, received, mirrored.mirror, NOW, site).draft.article
    assert (copy.id, copy.url, copy.site) == (article.id, article.url, article.site)
    with pytest.raises(UpstreamError, match="not at a configured site"):
        copy_of_replicated(page, received, mirrored.mirror, NOW)
