"""`feedproxy add URL` and `feedproxy test-rules`: from an address to a feed, without touching Python."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import open_calm_fetcher
from newsites import ENGLISH, TITLES, around, blog, listing_site, serve_site
from newsroom import HOST, STORIES, Newsroom, write_config

from feedproxy.cli import cli
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import load_settings
from feedproxy.errors import ConfigError, FeedproxyError, FetchError, ListingError
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.store import open_store
from feedproxy.web import create_app

TOWN, BLOG = "http://town.example/list.html", "http://blog.example/"


class Operator:
    """Somebody at a terminal with a configured mirror, and sites that it does not know yet."""

    def __init__(
        self, folder: Path, newsroom: Newsroom, opened: ExitStack, clock: Callable[[], Any]
    ) -> None:
        self.config, self.clock, self._opened = write_config(folder / "config"), clock, opened
        main = self.config / "feedproxy.toml"  # whose timeouts are for tests of silence
        main.write_text(
            main.read_text("utf-8")
            .replace("timeout_s = 1.6", "timeout_s = 30")
            .replace("timeout_s = 2", "timeout_s = 60")
        )
        self.origins = {HOST: newsroom.origin}
        self.environ = {"FEEDPROXY_CONFIG": str(self.config), "FEEDPROXY_DATA": str(folder / "var")}

    def knows_of(self, host: str, pages: Mapping[str, str]) -> None:
        self.origins[host] = self._opened.enter_context(serve_site(pages))
        self.environ["FEEDPROXY_ORIGINS"] = ",".join(
            f"{name}={origin}" for name, origin in self.origins.items()
        )

    def types(self, *arguments: str, answers: str = "") -> Result:
        result = CliRunner().invoke(cli, arguments, input=answers, env=self.environ)
        if isinstance(result.exception, FeedproxyError):
            raise result.exception
        return result

    def files(self) -> dict[str, str]:
        return {
            str(file.relative_to(self.config)): file.read_text("utf-8")
            for file in self.config.rglob("*.toml")
        }

    def feed_after_a_poll(self, section: str) -> list[dict[str, Any]]:
        """Return the entries of a section's feed, its channels having been polled."""
        settings, mirror = load_settings(self.environ), load_mirror(self.config)
        store, media = open_store(settings.store_url, settings.data), FolderMedia(settings.media)
        self._opened.callback(store.close)
        fetcher = open_calm_fetcher(settings, mirror)
        self._opened.callback(fetcher.close)
        channel_poller = ChannelPoller(Services(mirror, store, fetcher, media, self.clock))
        found = mirror.section(section)
        assert found
        assert [
            failure
            for channel in found.channels
            for failure in channel_poller.poll(channel).failures
        ] == []
        client = create_app(settings, mirror, store, media, self.clock).test_client()
        assert client.get(f"/feed/{section}.xml").status_code == 200
        return list(json.loads(client.get(f"/feed/{section}.json").data)["items"])


@pytest.fixture
def operator(tmp_path: Path, newsroom: Newsroom, clock: Any) -> Iterator[Operator]:
    clock.advance(days=3 * 365)
    with ExitStack() as opened:
        somebody = Operator(tmp_path, newsroom, opened, clock)
        somebody.knows_of("town.example", listing_site("cards"))
        somebody.knows_of("blog.example", blog())
        yield somebody


def results_of(result: Result) -> list[str]:
    return [json.loads(line)["result"] for line in result.output.splitlines()]


def said(result: Result) -> dict[str, Any]:
    found = json.loads(result.output)
    assert isinstance(found, dict)
    return found


def test_a_site_with_listing_pages_only_is_read_by_a_feed_after_add_and_poll(
    operator: Operator,
) -> None:
    result = operator.types("add", TOWN, "--section", "evening", "--yes")
    assert result.exit_code == 0
    for words in (*TITLES[:3], "2024-05-05", "heuristics", "new: ", "/feed/evening.xml"):
        assert words in result.output.replace("\n", "")
    entries = operator.feed_after_a_poll("evening")
    assert [entry["title"] for entry in entries] == list(TITLES)
    assert all("卖豆浆的铺子" in entry["content_html"] for entry in entries)
    assert entries[0]["date_published"].startswith("2024-05-05")


def test_an_english_blog_whose_feed_has_no_content_is_read_in_full_and_its_comments_are_left(
    operator: Operator,
) -> None:
    found = said(operator.types("add", BLOG, "--json", "--yes", "--section", "harbour"))
    assert found["found"][0] == {
        "kind": "feed",
        "url": "http://blog.example/index.atom",
        "title": "Harbour Notes",
        "articles": 3,
    }
    assert found["found"][-1]["url"].endswith("/comments.atom")
    assert [each["title"] for each in found["samples"]] == list(ENGLISH)
    assert (found["written"], found["feed"]) == (True, "/feed/harbour.xml")
    entries = operator.feed_after_a_poll("harbour")
    assert [entry["title"] for entry in entries] == list(ENGLISH)
    assert all("waiting for the tide" in entry["content_html"] for entry in entries)


def test_a_feed_in_a_usual_place_is_found_though_no_page_names_it(operator: Operator) -> None:
    pages = blog()
    operator.knows_of(
        "quiet.example",
        {
            **pages,
            "/": pages["/"].partition("<link")[0] + "</head></html>",
            "/feed": pages["/index.atom"],
        },
    )
    found = said(operator.types("add", "http://quiet.example/", "--json"))
    assert [(each["kind"], each["url"]) for each in found["found"]] == [
        ("feed", "http://quiet.example/feed")
    ]


def test_a_feeds_own_address_is_taken_as_it_is(operator: Operator) -> None:
    found = said(operator.types("add", f"{BLOG}index.atom", "--json"))
    assert [each["url"] for each in found["found"]] == ["http://blog.example/index.atom"]


def test_ids_stay_the_same_from_poll_to_poll(operator: Operator) -> None:
    operator.types("add", BLOG, "--yes", "--section", "harbour")
    first = {entry["id"] for entry in operator.feed_after_a_poll("harbour")}
    assert len(first) == len(ENGLISH)
    assert {entry["id"] for entry in operator.feed_after_a_poll("harbour")} == first


def test_without_a_yes_nothing_is_written(operator: Operator) -> None:
    before = operator.files()
    results = [
        operator.types("add", TOWN, "--dry-run"),
        operator.types("add", TOWN, "--json"),
        operator.types("add", TOWN, answers="0\n"),
        operator.types("add", TOWN, "--yes", "--dry-run"),
    ]
    assert operator.files() == before
    assert [result.exit_code for result in results] == [0, 0, 1, 0]
    assert "+[listing]" in results[0].output


def test_another_of_the_found_listings_can_be_chosen(operator: Operator) -> None:
    result = operator.types("add", BLOG, "--section", "harbour", answers="2\n2\n\n")
    assert result.exit_code == 0
    assert 'kind = "html"' in operator.files()["sections/harbour.toml"]
    assert len(operator.feed_after_a_poll("harbour")) == len(ENGLISH)


def test_files_that_are_there_keep_every_byte_and_get_one_line_more(operator: Operator) -> None:
    town = operator.config / "sections" / "town.toml"
    town.write_text(town.read_text("utf-8") + "# mine\n\n# theirs\n", "utf-8")
    before = operator.files()
    operator.types(
        "add", TOWN, "--section", "town", "--title", '晚报 "城事"', "--channel", "evening", "--yes"
    )
    after = operator.files()
    added = [
        line
        for line in after["sections/town.toml"].splitlines()
        if line not in before["sections/town.toml"].splitlines()
    ]
    assert added == [
        'evening = { title = "晚报 \\"城事\\"", kind = "html", url = "http://town.example/list.html", site = "town.example" }'
    ]
    assert after["sections/town.toml"].replace(f"{added[0]}\n", "") == before["sections/town.toml"]
    assert {name for name in after if after[name] != before.get(name)} == {
        "sections/town.toml",
        "sites/town.example.toml",
    }
    assert {entry["title"] for entry in operator.feed_after_a_poll("town")} >= {
        *TITLES,
        STORIES[3].title,
    }


def test_a_channel_of_a_known_site_is_one_line_made_as_its_section_says(operator: Operator) -> None:
    text = (operator.config / "sections" / "letters.toml").read_text("utf-8")
    result = operator.types(
        "add", f"http://{HOST}/city.htm", "--section", "letters", "--title", "城事", "--yes"
    )
    assert result.exit_code == 0
    assert operator.files()["sections/letters.toml"] == text + 'city = "城事"\n'


@pytest.mark.parametrize(
    "written",
    [
        'sections = ["town", "letters"]',
        "sections = [ # all\n    'town', # [one]\n    \"letters\",\n]",
        'sections=["town",\n"letters"]',
    ],
)
def test_a_new_section_is_named_behind_the_others_however_they_are_written(
    operator: Operator, written: str
) -> None:
    main = operator.config / "feedproxy.toml"
    main.write_text(
        main.read_text("utf-8").replace('sections = ["town", "letters"]', written), "utf-8"
    )
    operator.types("add", TOWN, "--section", "evening", "--yes")
    assert [section.name for section in load_mirror(operator.config).sections] == [
        "town",
        "letters",
        "evening",
    ]
    assert "# [one]" in operator.files()["feedproxy.toml"] or "# [one]" not in written


def test_what_is_there_already_is_said_and_left(operator: Operator) -> None:
    operator.types("add", TOWN, "--section", "evening", "--yes")
    before = operator.files()
    assert "already exists" in operator.types("add", TOWN, "--section", "evening", "--yes").output
    assert operator.files() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--section", "Not A Name"), "can't be a section's name"),
        (("--section", "feed"), "can't be a section's name"),
        (("--channel", "requested"), "is reserved for articles"),
        (("--channel", "a b"), "town-example.toml"),
    ],
)
def test_what_would_not_load_is_not_written_and_named_by_its_own_file(
    operator: Operator, arguments: tuple[str, ...], words: str
) -> None:
    before = operator.files()
    with pytest.raises(ConfigError, match="nothing was written") as caught:
        operator.types("add", TOWN, "--yes", *arguments)
    assert words in str(caught.value)
    assert str(operator.config) in str(caught.value)
    assert operator.files() == before


def test_a_channels_name_that_another_listing_has_is_refused(operator: Operator) -> None:
    before = operator.files()
    with pytest.raises(
        ConfigError,
        match=r"town\.toml: channels\.city: already exists, for http://news.*--channel",
    ):
        operator.types("add", TOWN, "--yes", "--section", "town", "--channel", "city")
    assert operator.files() == before


def test_a_file_of_the_sites_name_that_is_there_without_its_host_is_not_overwritten(
    operator: Operator,
) -> None:
    file = operator.config / "sites" / "town.example.toml"
    file.write_text('title = "x"\nhosts = ["other.example"]\n', "utf-8")
    with pytest.raises(
        ConfigError, match=r"town\.example\.toml: hosts: already exists without .*town\.example"
    ):
        operator.types("add", TOWN, "--yes")
    assert "other.example" in file.read_text("utf-8")


def test_a_page_with_nothing_to_follow_is_told_in_one_line(operator: Operator) -> None:
    operator.knows_of("empty.example", {"/": around("")})
    with pytest.raises(
        ListingError,
        match="found no feed there or at the usual addresses, and no list of articles",
    ):
        operator.types("add", "http://empty.example/")
    with pytest.raises(FetchError, match="is not an http or https address"):
        operator.types("add", "ftp://empty.example/")


def test_only_public_addresses_and_the_sites_own_hosts_are_asked(operator: Operator) -> None:
    del operator.environ["FEEDPROXY_ORIGINS"]
    with pytest.raises(FetchError, match="not a public address"):
        operator.types("add", "http://127.0.0.1/")


def test_a_hostile_title_stays_a_title(operator: Operator) -> None:
    pages = {
        path: page.replace("山城晚报", "x\"\n[evil]\x7f '''</title>")
        for path, page in listing_site("plain li").items()
    }
    operator.knows_of("evil.example", pages)
    operator.types("add", "http://evil.example/list.html", "--yes", "--section", "evil")
    mirror = load_mirror(operator.config)
    assert mirror.section("evil")
    assert len(operator.feed_after_a_poll("evil")) == len(TITLES)


# -------------------------------------------------------------- test-rules


def test_the_articles_that_add_showed_become_tests_that_hold(operator: Operator) -> None:
    operator.types("add", TOWN, "--section", "evening", "--yes")
    unheld = operator.types("test-rules", "--json")
    assert (results_of(unheld), unheld.exit_code) == (["not stored"] * 3, 0)
    assert results_of(operator.types("test-rules", "--fetch", "--json")) == ["ok"] * 3
    operator.feed_after_a_poll("evening")
    stored = operator.types("test-rules")
    assert (stored.output.count("ok"), stored.exit_code) == (3, 0)


def test_rules_that_fit_no_more_are_named_with_what_is_missing(operator: Operator) -> None:
    operator.types("add", TOWN, "--section", "evening", "--yes")
    site = operator.config / "sites" / "town.example.toml"
    site.write_text(site.read_text("utf-8").replace("石板街", "柏油路"), "utf-8")
    result = operator.types("test-rules", "--fetch")
    assert result.exit_code == 1
    assert "柏油路" in result.output
    gone = operator.types("test-rules", "--fetch", "--site", "town.example", "--json")
    assert gone.exit_code == 1


def test_a_dropped_in_file_s_tests_are_run_over_its_host(operator: Operator) -> None:
    rules = "body: //article\ntest_url: {0}a/0.html\ntest_contains: 卖豆浆的铺子\ntest_url: {0}a/9.html\ntest_contains: x\n"
    (operator.config / "sites" / "town.example.txt").write_text(
        rules.format("http://town.example/"), "utf-8"
    )
    result = operator.types("test-rules", "--fetch", "--json")
    assert results_of(result) == ["ok", "failed"]
    assert '"rule": "sites/town.example.txt"' in result.output
    assert result.exit_code == 1


def test_where_there_is_no_test_that_is_said(operator: Operator) -> None:
    result = operator.types("test-rules")
    assert result.exit_code == 1
    assert "there is no test" in result.output
