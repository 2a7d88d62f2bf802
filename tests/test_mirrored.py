"""Other mirrors as sources: their form is read back, their folders are not left, and they stand in for a site that fails."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from checkouts import markdown_page, write_checkout
from conftest import Clock
from fakes import open_calm_fetcher
from newsroom import BASE, HOST, STORIES, Answer, Newsroom

from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError, ListingError, TooLargeError
from feedproxy.extract import extract_mirrored, split_mirrored
from feedproxy.fetch.local import Folders
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia
from feedproxy.model import (
    MIRRORED,
    Article,
    ArticleId,
    Channel,
    ListingItem,
    Mirror,
    Page,
    Site,
    Source,
    Url,
    Validators,
)
from feedproxy.output import look
from feedproxy.parse import parse_listing
from feedproxy.sign import make_key, sign_publication, write_manifest
from feedproxy.store import Store

FIRST, SECOND = STORIES[0], STORIES[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout")


@pytest.fixture
def mirror(settings: Settings, checkout: Path) -> Mirror:
    """The invented site, and its mirror in a folder as a fallback of each channel of `town`."""
    section = settings.config / "sections" / "town.toml"
    fallback = f'\n[[fallback]]\nkind = "mirror"\nlisting = "{checkout}/indexes/{{channel}}.csv"\n'
    for file in (section, section.with_name("letters.toml")):
        file.write_text(file.read_text("utf-8") + fallback, "utf-8")
    return load_mirror(settings.config)


@pytest.fixture
def channel_poller(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> Iterator[ChannelPoller]:
    fetcher = open_calm_fetcher(settings, mirror)
    yield ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), clock))
    fetcher.close()


def city_of(mirror: Mirror) -> Channel:
    return mirror.channels[0]


def taken_from(mirror: Mirror) -> Channel:
    """Return the first channel as if the mirror were its only source."""
    channel = city_of(mirror)
    return replace(channel, source=channel.fallbacks[0], fallbacks=())


def stored(store: Store, story_id: str) -> Article:
    article = store.article(ArticleId(story_id))
    assert article is not None
    return article


# ---------------------------------------------------------------- the form


def read(text: str, site: Site) -> str:
    page = Page(Url("https://git.example/town/pages/city/n101.md"), text.encode())
    return extract_mirrored(page, split_mirrored(page), site, links={}, pictures={}).body


def test_an_article_comes_whole_and_as_from_its_site(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror
) -> None:
    report = channel_poller.poll(taken_from(mirror))
    assert (report.failures, report.new) == ([], 3)
    article = stored(store, "n102")
    assert (article.title, article.authors, article.tags) == ("河边的图书馆", ("李明",), ("读书",))
    assert article.url == f"{BASE}/21/5/2/n102.htm"
    assert article.published == datetime(2021, 5, 1, 16, tzinfo=UTC)
    assert article.picture is not None
    assert (article.picture.url, article.picture.caption) == (
        f"{BASE}/pic/102.jpg",
        "图注：河边的图书馆",
    )
    assert "<h2>话题</h2>" in article.body
    assert f"<p>【山城报2021年5月2日讯】{SECOND.text}</p>" in article.body
    assert '<a href="http://news.example/tag/%E8%AF%BB%E4%B9%A6.html">读书</a>' in article.body


def test_what_counts_readers_or_sells_to_them_is_gone(mirror: Mirror) -> None:
    more = '<img src="http://count.example/p.gif" width="1" height="1"/><ins class="adsbygoogle"></ins><script>ad()</script>'
    assert read(markdown_page(FIRST, more=more), mirror.sites[0]) == read(
        markdown_page(FIRST), mirror.sites[0]
    )


def test_the_form_s_own_line_breaks_around_figures_are_gone(mirror: Mirror) -> None:
    image = '<img alt="" src="http://news.example/pic/1.jpg"/>'
    more = (
        f"<figure>\n{image}\n<br/><figcaption>图说</figcaption><br/>\n</figure><br/>\n<p>后文</p>"
    )
    body = read(markdown_page(FIRST, more=more), mirror.sites[0])
    assert "<br" not in body
    assert "<figcaption>图说</figcaption></figure><p>后文</p>" in body


def test_the_day_is_that_of_the_address_before_that_of_the_text(mirror: Mirror) -> None:
    site = replace(
        mirror.sites[0],
        article_url=re.compile(r"/(?P<yy>\d+)/(?P<m>\d+)/(?P<d>\d+)/(?P<id>n\d+)"),
        canonical_url="",
    )
    page = Page(
        Url("https://git.example/n103.md"),
        markdown_page(replace(FIRST, day="21/5/3"), text="x" * 40).encode(),
    )
    extract = extract_mirrored(page, split_mirrored(page), site, links={}, pictures={})
    assert extract.merged().published == datetime(2021, 5, 2, 16, tzinfo=UTC)


DAMAGES: dict[str, Callable[[str], bytes]] = {
    "cut off": lambda text: text[:200].encode(),
    "no UTF-8": lambda text: text.encode().replace("山城".encode(), b"\xff\xfe"),
    "empty": lambda _: b"",
    "an error page": lambda _: b"<!DOCTYPE html><title>502 Bad Gateway</title>",
    "without a text": lambda text: text.replace('id="artbody"', 'id="x"').encode(),
    "of another site": lambda text: text.replace(f"{BASE}/21", "http://other.example/21").encode(),
    "of another article": lambda text: text.replace("n101.htm", "n999.htm").encode(),
    "with a broken record": lambda text: text.replace(
        "\n\n\n---\n\n原", '<!-- feedproxy {"id": 7} -->\n\n\n---\n\n原'
    ).encode(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_page_is_named_and_costs_only_itself(
    damage: str, channel_poller: ChannelPoller, store: Store, mirror: Mirror, checkout: Path
) -> None:
    file = checkout / "pages" / "city" / "n101.md"
    file.write_bytes(DAMAGES[damage](file.read_text("utf-8")))
    report = channel_poller.poll(taken_from(mirror))
    assert report.new == 2
    assert [failure.url for failure in report.failures] == [file.as_uri()]
    assert store.article(ArticleId("n101")) is None


def test_nothing_of_a_folder_is_queued_and_what_failed_comes_with_the_next_poll(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, checkout: Path
) -> None:
    file, channel = checkout / "pages" / "city" / "n101.md", taken_from(mirror)
    whole = file.read_text("utf-8")
    file.write_text("### 半页\n", "utf-8")
    assert (
        channel_poller.poll(channel).new,
        store.queue.of_channel(channel.id),
        store.requests.original(ArticleId("n101")),
    ) == (2, [], None)
    file.write_text(whole, "utf-8")
    assert (channel_poller.poll(channel).new, store.queue.of_channel(channel.id)) == (1, [])
    index = checkout / "indexes" / "city.csv"
    index.write_text(index.read_text("utf-8").replace(FIRST.title, "改了的标题"), "utf-8")
    file.write_text(whole.replace(FIRST.title, "改了的标题"), "utf-8")
    assert (channel_poller.poll(channel).articles["updated"], stored(store, "n101").title) == (
        1,
        "改了的标题",
    )
    assert (
        sum(channel_poller.poll(channel).articles.values()),
        store.queue.of_channel(channel.id),
    ) == (
        0,
        [],
    )


# ---------------------------------------------------------------- listings


def index(name: str, text: str | bytes) -> Page:
    body = text if isinstance(text, bytes) else text.encode()
    return Page(Url(f"https://git.example/town/master/indexes/{name}"), body)


def test_titles_in_an_index_may_hold_commas_and_lines_that_are_none_are_passed_over(
    mirror: Mirror,
) -> None:
    found = parse_listing(
        index("city.csv", "n1,一,二\r\nrubbish\n../../n3,x\nn2,三\n"), mirror.sites[0], "mirror"
    ).items
    assert [(item.id, item.title) for item in found] == [("n1", "一,二"), ("n2", "三")]
    assert [item.url for item in found] == [
        f"https://git.example/town/master/pages/city/{each}.md" for each in ("n1", "n2")
    ]


def test_a_page_of_an_index_lists_its_articles_and_the_next_page(mirror: Mirror) -> None:
    text = (
        "### 城事\n\n1. [一 \\[二\\]](../../pages/city/n1.md?n1)\n2. [三](../../pages/books/n2.md)\n"
        "3. [x](https://evil.example/pages/city/n3.md)\n\n**1** [2](2.md) [3](3.md)\n"
    )
    found = parse_listing(index("city/README.md", text), mirror.sites[0], "mirror")
    assert [(item.id, item.title) for item in found.items] == [("n1", "一 [二]"), ("n2", "三")]
    assert found.items[1].url == "https://git.example/town/master/pages/books/n2.md"
    assert found.next_url == "https://git.example/town/master/indexes/city/2.md"
    last = parse_listing(index("city/3.md", text), mirror.sites[0], "mirror")
    assert last.next_url is None


@pytest.mark.parametrize(
    "page",
    [
        index("city.csv", b"n1,\xff\xfe\n"),
        index("city.csv", ""),
        Page(Url("https://git.example/city.csv"), b"n1,x"),
    ],
)
def test_an_index_that_is_none_is_refused(page: Page, mirror: Mirror) -> None:
    with pytest.raises(ListingError):
        parse_listing(page, mirror.sites[0], "mirror")


# ---------------------------------------------------------------- folders


def test_nothing_outside_of_a_mirror_s_folder_is_read(tmp_path: Path) -> None:
    inside, secret = tmp_path / "mirror", tmp_path / "secret.md"
    (inside / "pages").mkdir(parents=True)
    secret.write_text("secret")
    (inside / "link.md").symlink_to(secret)
    (inside / "folder").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe.md")
    folders = Folders([inside], 1000)
    for name in (
        "link.md",
        "folder/secret.md",
        "../secret.md",
        "%2e%2e/secret.md",
        "pipe.md",
        "pages",
        "none.md",
        "a%00b.md",
    ):
        with pytest.raises(FetchError, match=r"refused|can't be read|no such file"):
            folders.read(Url(f"{inside.as_uri()}/{name}"))


def test_a_file_is_read_again_only_if_it_changed_and_never_beyond_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("一")
    folders = Folders([tmp_path], 1000)
    first = folders.read(Url(file.as_uri()))
    assert first is not None
    assert folders.read(Url(file.as_uri()), first.validators) is None
    file.write_text("二")
    assert folders.read(Url(file.as_uri()), first.validators) is not None
    file.write_text("x" * 1001)
    with pytest.raises(TooLargeError):
        folders.read(Url(file.as_uri()), Validators())


# ---------------------------------------------------------------- one source for another


def down(newsroom: Newsroom) -> None:
    for path in ("/city.htm", "/books.htm"):
        newsroom.faults[path] = Answer(b"", 500)


def test_a_mirror_stands_in_for_a_site_that_never_answered(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    tmp_path: Path,
) -> None:
    down(newsroom)
    report = channel_poller.poll(city_of(mirror))
    assert (report.failures, report.new) == ([], 3)
    state = store.schedule.state("city")
    assert (state.failures, state.last_error) == (0, "")
    assert state.stand_in.startswith("file://")
    assert "answered 500" in state.stand_in
    problems = [
        problem.what
        for problem in look(mirror, store, tmp_path, channel_poller.services.clock()).problems
    ]
    assert any(what.startswith("city is read from a fallback source: file://") for what in problems)


def test_a_mirror_is_asked_only_after_long_and_the_site_goes_on_being_asked_first(
    channel_poller: ChannelPoller,
    store: Store,
    mirror: Mirror,
    newsroom: Newsroom,
    clock: Clock,
    checkout: Path,
) -> None:
    channel_poller.poll(city_of(mirror))
    down(newsroom)
    late = replace(FIRST, id="n190", day="21/5/1", title="新的消息", channels=("city",))
    write_checkout(checkout.parent, stories=(*STORIES, late))
    clock.advance(hours=mirror.poll.fallback_hours - 1)
    assert [failure.reason for failure in channel_poller.poll(city_of(mirror)).failures] == [
        "answered 500 Internal Server Error"
    ]
    clock.advance(hours=1)
    channel_poller.poll(city_of(mirror))
    assert stored(store, "n190").title == "新的消息"
    asked = newsroom.count("/city.htm")
    newsroom.faults.clear()
    channel_poller.poll(city_of(mirror))
    assert newsroom.count("/city.htm") == asked + 1
    assert store.schedule.state("city").stand_in == ""


def test_where_all_sources_fail_all_are_named(
    channel_poller: ChannelPoller, mirror: Mirror, newsroom: Newsroom, checkout: Path
) -> None:
    down(newsroom)
    (checkout / "indexes" / "city.csv").unlink()
    report = channel_poller.poll(city_of(mirror))
    assert [failure.reason for failure in report.failures] == [
        "answered 500 Internal Server Error",
        "there is no such file",
    ]


def test_a_copy_never_replaces_what_came_from_the_site_which_replaces_copies(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, clock: Clock
) -> None:
    own = replace(city_of(mirror), fallbacks=())
    channel_poller.poll(own)
    before = stored(store, "n103")
    channel_poller.poll(taken_from(mirror))
    assert stored(store, "n103") == before
    assert stored(store, "n101").rule == MIRRORED
    store.queue.add_listing("city", [replace_item(store, "n101")], clock())
    channel_poller.fetch_due(own)
    assert stored(store, "n101").rule == before.rule


def test_an_id_of_another_site_s_article_is_left_to_that(
    channel_poller: ChannelPoller, store: Store, mirror: Mirror, checkout: Path, clock: Clock
) -> None:
    channel_poller.poll(taken_from(mirror))
    other = replace(stored(store, "n101"), site="other.example")
    store.save(other, [], {}, clock())
    index = checkout / "indexes" / "city.csv"
    index.write_text(index.read_text("utf-8").replace(FIRST.title, "另一个标题"), "utf-8")
    report = channel_poller.poll(taken_from(mirror))
    assert [failure.reason for failure in report.failures] == [
        "its ID n101 belongs to an article of other.example"
    ]
    assert stored(store, "n101") == other


def replace_item(store: Store, story_id: str) -> ListingItem:
    article = stored(store, story_id)
    return ListingItem(article.id, article.url, "另一个标题")


def plain(text: str) -> Answer:
    return Answer(text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def test_a_mirror_by_http_is_asked_for_at_its_host_only(
    settings: Settings, store: Store, clock: Clock, newsroom: Newsroom
) -> None:
    for story in STORIES:
        newsroom.faults[f"/raw/pages/city/{story.id}.md"] = Answer(
            markdown_page(story).encode(), headers={"Content-Type": "text/plain"}
        )
    newsroom.faults["/raw/indexes/city.csv"] = plain("n101,一\nn103,三\n")
    mirror = load_mirror(settings.config)
    source = Source("mirror", Url(f"{BASE}/raw/indexes/city.csv"))
    channel = replace(city_of(mirror), source=source)
    section = replace(mirror.sections[0], channels=(channel,))
    mirror = replace(mirror, sections=(section,))
    fetcher = open_calm_fetcher(settings, mirror)
    report = ChannelPoller(
        Services(mirror, store, fetcher, FolderMedia(settings.media), clock)
    ).poll(channel)
    assert (report.failures, report.new) == ([], 2)
    assert stored(store, "n101").url == f"http://{HOST}/21/5/1/n101.htm"


# ---------------------------------------------------------------- one that must be signed

KEY = make_key(bytes(range(40)))


def sign_checkout(checkout: Path) -> None:
    """Write the manifests of a mirror in a folder, and the signature of the one that is over all."""
    manifests = {}
    for channel in ("city", "books"):
        files = [
            *checkout.glob(f"pages/{channel}/*"),
            *checkout.glob(f"indexes/{channel}*.csv"),
            *checkout.glob(f"indexes/{channel}/*"),
        ]
        hashes = {
            file.relative_to(checkout).as_posix(): sha256(file.read_bytes()).hexdigest()
            for file in files
        }
        manifests[f"indexes/{channel}.sha256"] = body = write_manifest(hashes)
        (checkout / "indexes" / f"{channel}.sha256").write_bytes(body)
    body = write_manifest(
        {path: sha256(manifest).hexdigest() for path, manifest in manifests.items()}
    )
    (checkout / "channels.sha256").write_bytes(body)
    signed = sign_publication(body, KEY, path="git/town/channels.sha256", serial=1)
    (checkout / "channels.sha256.minisig").write_bytes(signed)


@pytest.fixture
def signed(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock, checkout: Path
) -> Iterator[ChannelPoller]:
    """A harvester of the mirror in a folder, whose key it demands."""
    channels = [taken_from(mirror)]
    source = replace(channels[0].source, key=str(KEY.public), section="town")
    section = replace(mirror.sections[0], channels=(replace(channels[0], source=source),))
    mirror = replace(mirror, sections=(section,))
    sign_checkout(checkout)
    fetcher = open_calm_fetcher(settings, mirror)
    yield ChannelPoller(Services(mirror, store, fetcher, FolderMedia(settings.media), clock))
    fetcher.close()


def test_a_signed_mirror_is_polled_by_its_key(signed: ChannelPoller) -> None:
    report = signed.poll(signed.services.mirror.channels[0])
    assert (report.failures, report.new) == ([], 3)


@pytest.mark.parametrize("walk", ["index", "lower"])
def test_a_listing_of_a_signed_mirror_that_is_not_in_its_manifest_is_refused(
    signed: ChannelPoller, store: Store, checkout: Path, walk: str
) -> None:
    channel = signed.services.mirror.channels[0]
    pages = checkout / "indexes" / "city"
    pages.mkdir()
    link = "[{0}](../../pages/city/{0}.md)\n"
    (pages / "README.md").write_text(link.format("n101") + "[2](2.md)\n")
    sign_checkout(checkout)
    if walk == "index":
        (pages / "README.md").write_text(link.format("n103"))
    (pages / "2.md").write_text(link.format("n103"))
    first = Url((pages / "README.md").as_uri())
    report = signed.backfill(replace(channel, source=replace(channel.source, url=first)), pages=9)
    name, why = (
        ("README.md", "differs from what its mirror signed")
        if walk == "index"
        else ("2.md", "not in the mirror's signed manifest")
    )
    assert [failure.url for failure in report.failures] == [(pages / name).as_uri()]
    assert why in report.failures[0].reason
    assert store.article(ArticleId("n103")) is None


def test_that_a_page_of_a_signed_mirror_is_gone_is_not_believed(
    signed: ChannelPoller, store: Store, checkout: Path, clock: Clock
) -> None:
    channel = signed.services.mirror.channels[0]
    signed.poll(channel)
    (checkout / "pages" / "city" / "n101.md").unlink()
    page = Url((checkout / "pages" / "city" / "n101.md").as_uri())
    for _ in range(9):
        store.queue.add_listing(
            "city", [ListingItem(ArticleId("n101"), page, f"标题{clock()}")], clock()
        )
        report = signed.fetch_due(channel)
        assert ["no signature proves" in failure.reason for failure in report.failures] in (
            [True],
            [],
        )
        clock.advance(days=1)
    assert stored(store, "n101").gone is None


def test_a_page_that_a_signed_mirror_s_host_redirects_is_held_against_what_was_asked_for(
    settings: Settings, store: Store, clock: Clock, newsroom: Newsroom, checkout: Path
) -> None:
    sign_checkout(checkout)
    for file in (each for each in checkout.rglob("*") if each.is_file()):
        path = f"/raw/town/{file.relative_to(checkout).as_posix()}"
        newsroom.faults[path] = Answer(
            file.read_bytes(), headers={"Content-Type": "text/plain; charset=utf-8"}
        )
    newsroom.faults["/raw/town/indexes/city.csv"] = Answer(
        b"", 301, {"Location": f"{BASE}/raw/town/indexes/books.csv"}
    )
    mirror = load_mirror(settings.config)
    source = Source(
        "mirror", Url(f"{BASE}/raw/town/indexes/city.csv"), key=str(KEY.public), section="town"
    )
    channel = replace(city_of(mirror), source=source, fallbacks=())
    mirror = replace(mirror, sections=(replace(mirror.sections[0], channels=(channel,)),))
    fetcher = open_calm_fetcher(settings, mirror)
    channel_poller = ChannelPoller(
        Services(mirror, store, fetcher, FolderMedia(settings.media), clock)
    )
    assert "is rejected" in channel_poller.poll(channel).failures[0].reason
    newsroom.faults["/raw/town/indexes/city.csv"] = Answer(
        b"", 301, {"Location": f"{BASE}/away/indexes/books.csv"}
    )
    newsroom.faults["/away/indexes/books.csv"] = Answer(
        (checkout / "indexes" / "city.csv").read_bytes(),
        headers={"Content-Type": "text/plain; charset=utf-8"},
    )
    newsroom.faults["/raw/town/pages/city/n101.md"] = Answer(
        b"", 301, {"Location": f"{BASE}{FIRST.path}"}
    )
    clock.advance(hours=1)
    failures = channel_poller.poll(channel).failures
    assert not any(path.startswith("/away/pages") for path in newsroom.asked)
    assert [(failure.url, "is rejected" in failure.reason) for failure in failures] == [
        (f"{BASE}/raw/town/pages/city/n101.md", True)
    ]
    assert store.article(ArticleId("n101")) is None
    fetcher.close()
