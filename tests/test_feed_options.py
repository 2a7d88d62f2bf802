"""What a reader gets who chooses: filters, scripts, excerpts, merged feeds, and the list of all feeds."""

import json
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

import feedparser
import pytest
from feedcheck import check_atom, check_json_feed, check_rss
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from newsroom import STORIES
from standing import Standing, open_standing
from werkzeug.test import TestResponse

from feedproxy.errors import OptionError
from feedproxy.feed_options import (
    PARAMETERS,
    SCRIPTS,
    FeedOptions,
    convert,
    parse_options,
    pick,
    shape,
)
from feedproxy.model import Article, ArticleId, Mirror, Picture, SafeHtml, Url
from feedproxy.output import RenderContext, make_opml, merged_selector

CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json_feed}
MARKET, LIBRARY, GARDEN, POEMS = (story.title for story in STORIES)
KITES = "风筝又飞起来了"
NEWEST_FIRST = [KITES, POEMS, GARDEN, LIBRARY, MARKET]
KEY = "bridge-and-river-1"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with open_standing(tmp_path_factory.mktemp("standing")) as opened:
        yield opened


@pytest.fixture
def client(standing: Standing) -> FlaskClient:
    return standing.app().test_client()


@pytest.fixture
def mirror(standing: Standing) -> Mirror:
    return standing.mirror


def changed(standing: Standing, **values: int) -> FlaskClient:
    feeds = replace(standing.mirror.feeds, **values)
    return replace(standing, mirror=replace(standing.mirror, feeds=feeds)).app().test_client()


def titles(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry.title for entry in feedparser.parse(answer.data).entries]


# ---------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("filter=菜园", [GARDEN]),
        ("filter=三千册", [LIBRARY]),
        ("filter_title=三千册", []),
        ("filter_title=的", [GARDEN, LIBRARY, MARKET]),
        ("filter_title=诗集|早市", [POEMS, MARKET]),
        ("filter_description=孩子.*豆角", [GARDEN]),
        ("filter_author=李明", NEWEST_FIRST),
        ("filter_author=^$", []),
        ("filter_category=读书", [POEMS, LIBRARY]),
        ("filter_category=^读$", []),
        ("filterout=菜农|再版", [KITES, GARDEN, LIBRARY]),
        ("filterout_title=的", [KITES, POEMS]),
        ("filterout_description=孩子", [KITES, POEMS, LIBRARY, MARKET]),
        ("filterout_author=李", []),
        ("filterout_category=读书", [KITES, GARDEN, MARKET]),
        ("filter=的&filterout_category=山城", [KITES, POEMS, LIBRARY]),
        ("filter_title=的&limit=2", [GARDEN, LIBRARY]),
        ("limit=1", [KITES]),
        ("filter_time=172800", [KITES, POEMS]),
        ("filter_time=172799", [KITES]),
        ("filter=<p>|onclick|class=", []),
        ("mode=fulltext", NEWEST_FIRST),
        ("sorted=false&n102&a=b&filter=&limit=", NEWEST_FIRST),
    ],
)
def test_a_feed_shows_what_was_chosen_newest_first(
    client: FlaskClient, query: str, wanted: list[str]
) -> None:
    for address in ("/feed/all.xml", "/feed/town.atom", "/feed/merged/town/city,letters.xml"):
        assert titles(client.get(f"{address}?{query}")) == wanted, address


def test_a_channel_and_a_tag_can_be_filtered_as_well(client: FlaskClient) -> None:
    assert titles(client.get("/feed/town/books.xml?filterout=诗")) == [KITES, LIBRARY]
    assert titles(client.get(f"/feed/tag/{quote('山城')}.xml?filter=早市")) == [MARKET]


def test_a_filter_looks_at_more_than_what_the_feed_shows(standing: Standing) -> None:
    short = changed(standing, entries=1)
    assert titles(short.get("/feed/all.xml")) == [KITES]
    assert titles(short.get("/feed/all.xml?filter_title=早市")) == [MARKET]
    assert titles(short.get("/feed/all.xml?filter_title=的")) == [GARDEN]
    assert titles(short.get("/feed/all.xml?limit=3")) == [KITES, POEMS, GARDEN]


def test_case_counts_unless_the_reader_says_so() -> None:
    articles = [an_article(title="Bridge opens"), an_article("n2", title="BRIDGE closes")]
    for query, count in (
        ("filter=bridge", 0),
        ("filter=Bridge", 1),
        ("filter=bridge&filter_case_sensitive=false", 2),
    ):
        choice = parse_options(dict(parse_qsl(query)), 50)
        assert len(pick(articles, choice, 50)) == count


# ---------------------------------------------------------------- what is wrong is said


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=²",
            "limit=١",
            "limit=1e2",
            "limit=" + "9" * 400,
            "limit=x",
        ),
        *(
            "brief=99",
            "brief=1001",
            "brief=ten",
            "filter_time=0",
            "filter_time=99999999999",
            "filter_time=1.5",
        ),
        *(
            "filter=(",
            "filter=a**",
            "filter_title=(?=a)",
            "filterout=\\1",
            "filterout_category=[z-a]",
            "filter_author=\\",
        ),
        *(
            "opencc=s2x",
            "opencc=../s2t",
            "opencc=s2t.json",
            "format=rss3",
            "mode=summary",
            "filter_case_sensitive=no",
        ),
        # what would be dear: too long, too often, too many at once
        *(
            "filter=" + "a" * 10_000,
            "filter=.{1000}{1000}",
            "filter=.{1000}",
            "filter=((a{100}){100}){100}",
            "filter=\\pL{30}",
        ),
        *(
            "filter=.{1001}",
            "filter=" + "&filter_title=".join(["[^a]{90}"] * 2),
            "filter_description=(.{1,30}a){9}",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_line_that_names_it(
    client: FlaskClient, query: str
) -> None:
    answer = client.get(f"/feed/all.xml?{quote(query, safe='=&')}")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        400,
        "text/plain",
        "no-store",
    )
    names = [name for name, _ in parse_qsl(query)]
    assert re.fullmatch(rf"(?:{'|'.join(names)}): takes [^\n]+\n", answer.text)


@given(
    st.dictionaries(
        st.sampled_from(PARAMETERS) | st.text(max_size=5),
        st.text(max_size=12)
        | st.text(st.characters(codec=None), max_size=12)
        | st.from_regex(r"[(\[|\\.*+?{}0-9a-z，的^$)\]]{0,12}")
        | st.integers(-5, 2000).map(str)
        | st.sampled_from(("true", "false", "fulltext", "rss", "atom", "json", *SCRIPTS)),
    ),
    st.integers(1, 1000),
)
@example({"filter": "\ud800"}, 50)
@example({"filter_title": "\\C", "filter": "\0"}, 50)
def test_whatever_the_query_there_is_a_choice_or_a_clear_error(
    given_: dict[str, str], entries: int
) -> None:
    try:
        choice = parse_options(given_, entries)
    except OptionError as e:
        said, name = str(e), e.parameter
        refused = name in given_ and re.fullmatch(rf"{name}: takes [^\n]+", said)
        if not refused:
            raise AssertionError(said) from e
        return
    assert parse_options(dict(parse_qsl(choice.query, keep_blank_values=True)), entries) == replace(
        choice, feed_format=""
    )
    assert re.fullmatch(r"[A-Za-z0-9_.~%=&-]*", choice.query)
    assert len(pick([an_article()], choice, entries)) <= 1
    assert shape(an_article(), choice).id == an_article().id


def test_equal_wishes_have_one_form_however_they_are_spelt() -> None:
    one = parse_options(
        {
            "limit": "005",
            "filter": "a",
            "mode": "fulltext",
            "filter_case_sensitive": "true",
            "x": "y",
        },
        50,
    )
    two = parse_options({"filter": "a", "limit": "5", "format": "rss"}, 50)
    assert one.query == two.query == "filter=a&limit=5"
    assert (
        parse_options({"limit": "50", "filter_case_sensitive": "false", "opencc": ""}, 50)
        == FeedOptions()
    )


# ---------------------------------------------------------------- what is dear


def test_large_expressions_look_at_fewer_articles() -> None:
    long = [an_article(f"n{number}", body=f"<p>{'的' * 20_000}</p>") for number in range(60)]
    small = parse_options({"filter": "的"}, 50)
    large = parse_options({"filter": "[的地]{130}(?:x|的)"}, 50)
    assert len(pick(long, small, 60)) == 60
    assert 5 < len(pick(long, large, 60)) < 50


@pytest.mark.parametrize(
    "expression", ["(a*)*b", "(x+x+)+y", "(a|aa)+$", "(.*)*=", "^(a?){50}a{50}$"]
)
def test_what_makes_other_engines_hang_is_nothing_to_ours(expression: str) -> None:
    choice = parse_options({"filter": expression}, 50)
    articles = [an_article(f"n{number}", body=f"<p>{'a' * 50_000}!</p>") for number in range(20)]
    assert pick(articles, choice, 50) == []


def test_one_client_has_only_so_many_feeds_made_and_what_is_made_costs_nothing(
    standing: Standing,
) -> None:
    strict = changed(standing, filtered_per_minute=2)
    for query in ("filter=a&limit=3", "filter=a&limit=3&n102", "filter=a&limit=3&unknown=1"):
        assert strict.get(f"/feed/all.xml?{query}").status_code == 200
    for _ in range(2):
        assert strict.get("/feed/merged/letters,town.xml").status_code == 200
    for address in (
        "/feed/all.xml?filter=b",
        "/feed/all.xml?limit=2",
        "/feed/all.json?opencc=s2t",
        "/feed/merged/town/city,letters.xml",
    ):
        refused = strict.get(address)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60"), address
    assert strict.get("/feed/all.atom").status_code == 200
    assert strict.get("/feed/all.xml?filter=a&limit=3").status_code == 200
    other = strict.get("/feed/all.xml?filter=b", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 200


# ---------------------------------------------------------------- identity and form


def test_a_chosen_feed_is_one_of_its_own_with_the_same_entries(client: FlaskClient) -> None:
    plain, chosen = (
        feedparser.parse(client.get(f"/feed/town.atom{query}").data)
        for query in ("", "?limit=9&filter_title=的")
    )
    assert plain.feed.id != chosen.feed.id
    assert chosen.feed.title == f"{plain.feed.title}（标题含 的）"
    known = {entry.id: entry for entry in plain.entries}
    for entry in chosen.entries:
        assert (entry.title, entry.link, entry.updated) == (
            known[entry.id].title,
            known[entry.id].link,
            known[entry.id].updated,
        )
    links = {link.rel: link.href for link in chosen.feed.links}
    assert links["self"] == f"http://localhost/feed/town.atom?filter_title={quote('的')}&limit=9"
    assert (
        client.get(links["self"]).data == client.get("/feed/town.atom?filter_title=的&limit=9").data
    )


def test_a_title_names_the_filters_and_nothing_that_could_be_markup(client: FlaskClient) -> None:
    query = "filter_title=山&filterout=<script>alert(1)</script>\u202e&filterout_category=体育&filter_time=60"
    title = json.loads(client.get(f"/feed/town.json?{query}").data)["title"]
    assert title.endswith("（标题含 山；不含 scriptalert(1)/script；话题不含 体育；最近 60 秒）")


def test_the_form_of_the_address_gives_way_to_the_parameter(client: FlaskClient) -> None:
    for asked, feed_format in (("rss", "xml"), ("atom", "atom"), ("json", "json")):
        answer = client.get(f"/feed/town.xml?format={asked}&filter=的")
        assert answer.data == client.get(f"/feed/town.{feed_format}?filter=的").data
        assert CHECKS[feed_format](answer.data) == []


@pytest.mark.parametrize("feed_format", ["xml", "atom", "json"])
@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=2",
            "filter=的",
            "filter=没有的",
            "filterout=的&filter_case_sensitive=false",
            "brief=100",
            "filter_time=90000",
        ),
        *(f"opencc={script}" for script in SCRIPTS),
        "brief=100&opencc=s2hk&filter_title=的&limit=1&mode=fulltext",
    ],
)
def test_every_chosen_feed_is_valid(client: FlaskClient, query: str, feed_format: str) -> None:
    for feed in (
        "/feed/town.{}",
        "/feed/merged/letters,town/city.{}",
        f"/feed/tag/{quote('读书')}.{{}}",
    ):
        assert CHECKS[feed_format](client.get(f"{feed.format(feed_format)}?{query}").data) == []


def test_the_readers_key_stands_behind_the_parameters(standing: Standing) -> None:
    private = standing.app(access_keys=(KEY,)).test_client()
    assert private.get("/feed/town.atom?limit=1").status_code == 401
    feed = feedparser.parse(private.get(f"/feed/town.atom?key={KEY}&limit=1").data).feed
    assert {link.rel: link.href for link in feed.links}[
        "self"
    ] == f"http://localhost/feed/town.atom?limit=1&key={KEY}"


# ---------------------------------------------------------------- brief


def test_a_brief_entry_ends_with_a_sentence_soon_after_that_many_characters() -> None:
    sentence = "孩子们在河边放风筝，&amp;<b>风</b>很大。"
    for body, count in ((f"<p>{sentence * 9}</p>", 105), ("<p>" + "风" * 2000 + "</p>", 100)):
        shaped = shape(an_article(body=body), FeedOptions(brief=100)).body
        assert re.fullmatch(r"<p>[^<>]+…</p>", shaped)
        assert len(shaped.replace("&amp;", "&")) == count + len("<p>…</p>")


def test_a_brief_entry_that_is_short_is_whole_and_never_markup() -> None:
    shaped = shape(
        an_article(body="<p>&lt;script&gt;风筝<a href='https://a.example/'>飞</a></p><p>完</p>"),
        FeedOptions(brief=100),
    )
    assert shaped.body == "<p>&lt;script&gt;风筝飞 完</p>"


def test_a_brief_feed_keeps_the_lead_picture(client: FlaskClient) -> None:
    entry = feedparser.parse(client.get("/feed/town.atom?brief=100&filter=三千册").data).entries[0]
    assert entry.content[0].value.count("<img") == 1
    assert STORIES[1].text in entry.content[0].value


# ---------------------------------------------------------------- scripts


def test_a_feed_in_another_script_has_all_its_words_in_it_and_the_same_addresses(
    client: FlaskClient,
) -> None:
    plain, other = (
        feedparser.parse(client.get(f"/feed/town.atom{query}").data)
        for query in ("", "?opencc=s2t")
    )
    before, after = plain.entries[3], other.entries[3]
    assert (after.title, after.author) == ("河邊的圖書館", "李明")
    assert [tag.term for tag in after.tags] == ["讀書"]
    text = after.content[0].value
    assert "河邊新開的圖書館收到三千冊捐書" in text
    assert "圖注：河邊的圖書館" in text
    assert "河邊新開的圖書館" in after.summary
    assert (plain.feed.title, other.feed.title) == ("山城 - 山城镜像", "山城 - 山城鏡像")
    assert (before.id, before.link, before.updated) == (after.id, after.link, after.updated)
    addresses = re.compile(r'(?:href|src)="([^"]+)"')
    assert addresses.findall(text) == addresses.findall(before.content[0].value)
    assert re.findall("</?[a-z]+", text) == re.findall("</?[a-z]+", before.content[0].value)


def test_attributes_that_are_text_are_converted_and_addresses_are_not() -> None:
    body = (
        '<p title="https://a.example/头发">头发<br><a href="https://a.example/头发" title="头发">头发</a>'
        '<img src="https://a.example/头发.jpg" alt="头发">里面</p>'
    )
    picture = Picture(Url("https://a.example/头发"), "头发", "里面")
    shaped = shape(replace(an_article(body=body), picture=picture), FeedOptions(script="s2tw"))
    assert shaped.body == (
        '<p title="https://a.example/头发">頭髮<br><a href="https://a.example/{0}" title="頭髮">頭髮</a>'
        '<img src="https://a.example/{0}.jpg" alt="頭髮">裡面</p>'
    ).format(quote("头发"))
    assert shaped.picture == Picture(Url("https://a.example/头发"), "頭髮", "裡面")


@pytest.mark.parametrize("script", SCRIPTS)
def test_there_is_a_table_for_every_script(script: str) -> None:
    assert convert("a", script) == "a"


def test_threads_may_share_a_converter() -> None:
    texts = [f"{number}头发里面的软件，老师说后来皇后" * (number % 7 + 1) for number in range(50)]
    right = [convert(text, "s2twp") for text in texts]
    wrong: list[str] = []

    def run() -> None:
        wrong.extend(
            text
            for _ in range(5)
            for text, one in zip(texts, right, strict=True)
            if convert(text, "s2twp") != one
        )

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---------------------------------------------------------------- several feeds, and all of them


def test_a_merged_feed_shows_each_article_once(client: FlaskClient) -> None:
    assert titles(client.get("/feed/merged/letters,town/city.xml")) == NEWEST_FIRST
    assert titles(client.get("/feed/merged/letters,town/books.xml")) == [KITES, POEMS, LIBRARY]


def test_a_merged_feed_has_one_name_whatever_the_order(client: FlaskClient) -> None:
    wanted = client.get("/feed/merged/letters,town/city.atom").data
    feed = feedparser.parse(wanted).feed
    assert feed.title == "文苑 + 城事 - 山城镜像"
    assert {link.rel: link.href for link in feed.links}[
        "self"
    ] == "http://localhost/feed/merged/letters,town/city.atom"
    for names in (
        "town/city,letters",
        "letters,town/city,letters",
        "letters,letters/books,town/city",
        "letters%2Ctown%2Fcity",
    ):
        assert client.get(f"/feed/merged/{names}.atom").data == wanted


def test_a_merged_feed_of_one_is_that_one(client: FlaskClient) -> None:
    for names, same in (
        ("town", "town"),
        ("town,town/city", "town"),
        ("all,letters", "all"),
        ("town/city", "town/city"),
    ):
        assert (
            client.get(f"/feed/merged/{names}.json").data == client.get(f"/feed/{same}.json").data
        )


@pytest.mark.parametrize(
    "names",
    [
        "none",
        "town,none",
        "town/none",
        "town,",
        "town/city/x",
        "TOWN",
        "town%2C%2C",
        " town",
        "tag/x",
    ],
)
def test_a_merged_feed_of_what_is_none_is_not_there(client: FlaskClient, names: str) -> None:
    answer = client.get(f"/feed/merged/{names}.xml")
    assert (answer.status_code, answer.mimetype, answer.text.count("\n")) == (404, "text/plain", 1)


def test_only_so_many_can_be_merged(mirror: Mirror) -> None:
    section = mirror.sections[0]
    many = tuple(replace(section.channels[0], id=f"c{number}") for number in range(21))
    wide = replace(mirror, sections=(replace(section, channels=many),))
    names = [f"{section.name}/{channel.id}" for channel in many]
    scope = merged_selector(wide, ",".join(names[:20]))
    assert scope is not None
    assert len(scope.channels) == 20
    assert merged_selector(wide, ",".join(names)) is None


def test_the_list_of_all_feeds_holds_every_section_and_channel(
    client: FlaskClient, mirror: Mirror
) -> None:
    answer = client.get("/feeds.opml")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/x-opml; charset=utf-8",
    )
    root = ET.fromstring(answer.data)
    assert (root.tag, root.attrib) == ("opml", {"version": "2.0"})
    assert [each.tag for each in root] == ["head", "body"]
    assert root.findtext("head/title") == mirror.about.name
    assert not re.search(rb"date", answer.data, re.IGNORECASE)
    top = root.findall("body/outline")
    assert [outline.get("text") for outline in top] == [
        "全部",
        *(section.title for section in mirror.sections),
    ]
    for section, group in zip(mirror.sections, top[1:], strict=True):
        assert group.get("xmlUrl") is None
        assert [each.get("text") for each in group] == [
            section.title,
            *(channel.title for channel in section.channels),
        ]
    feeds = root.findall(".//outline[@xmlUrl]")
    assert len(feeds) == 1 + sum(1 + len(section.channels) for section in mirror.sections)
    for feed in feeds:
        shown = feedparser.parse(client.get(feed.attrib["xmlUrl"]).data).feed
        assert (feed.get("type"), feed.get("title"), feed.get("htmlUrl")) == (
            "rss",
            shown.title,
            shown.link,
        )
        assert client.get(urlsplit(feed.attrib["htmlUrl"]).path).status_code == 200


def test_the_list_of_all_feeds_is_announced_and_linked_on_the_front_page(
    client: FlaskClient,
) -> None:
    page = client.get("/").text
    assert '<link rel="alternate" type="text/x-opml" title="山城镜像" href="feeds.opml">' in page
    assert '<a href="feeds.opml" type="text/x-opml">OPML</a>' in page
    again = client.get(
        "/feeds.opml", headers={"If-None-Match": client.get("/feeds.opml").headers["ETag"]}
    )
    assert again.status_code == 304


def test_the_list_of_all_feeds_has_the_readers_own_key(standing: Standing) -> None:
    private = standing.app(access_keys=(KEY,)).test_client()
    assert private.get("/feeds.opml").status_code == 401
    answer = private.get(f"/feeds.opml?key={KEY}")
    assert answer.headers["Cache-Control"].startswith("private")
    for feed in ET.fromstring(answer.data).findall(".//outline[@xmlUrl]"):
        assert private.get(feed.attrib["xmlUrl"]).status_code == 200


def test_the_list_of_all_feeds_can_be_made_for_any_address(standing: Standing) -> None:
    store, mended = (
        standing.store,
        replace(standing.mirror, about=replace(standing.mirror.about, name='<"&> 镜')),
    )
    made = make_opml(RenderContext(mended, store, "https://mirror.example/x"), "atom")
    assert made == make_opml(RenderContext(mended, store, "https://mirror.example/x"), "atom")
    root = ET.fromstring(made)
    assert root.findtext("head/title") == '<"&> 镜'
    assert root.findall("body/outline")[0].get("xmlUrl") == "https://mirror.example/x/feed/all.atom"


def an_article(
    number: str = "n1", *, title: str = "风筝", body: str = "<p>风筝又飞起来了。</p>"
) -> Article:
    moment = datetime(2021, 5, 1, tzinfo=UTC)
    url = Url(f"http://news.example/21/5/1/{number}.htm")
    return Article(
        ArticleId(number),
        "news.example",
        url,
        title,
        SafeHtml(body),
        "",
        moment,
        moment,
        ("李明",),
        ("读书",),
    )
