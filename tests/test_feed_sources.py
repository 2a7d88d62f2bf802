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
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import (
    Article,
    DateSource,
    Page,
    Url,
)
from feedproxy.parse import is_feed
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

    def __init__(self, folder: Path, site: Newsroom, text: str = "auto") -> None:
        self.site, self.now = site, NOW
        config = folder / "config"
        (config / "sites").mkdir(parents=True)
        (config / "sections").mkdir()
        (config / "feedproxy.toml").write_text(_MAIN, "utf-8")
        (config / "sites" / f"{HOST}.toml").write_text(
            f'title = "Harbour"\nhosts = ["{HOST}", "mirror.example"]\npicture_hosts = []\n',
            "utf-8",
        )
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
    for number, body in enumerate(made.values()):
        second = Mirrored(tmp_path / f"2{number}", site, text="feed")
        again = second.poll(body, "application/octet-stream")
        second.close()
        assert [_entry(each) for each in again] == [_entry(each) for each in articles]


def _entry(article: Article) -> tuple[object, ...]:
    files = tuple(each.url for each in article.details.enclosures)
    text = " ".join(plain_text(article.body).split())
    return article.title, article.published, article.authors, article.tags, files, text
