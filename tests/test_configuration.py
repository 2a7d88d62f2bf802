"""The configuration folder: the real one loads, and what is wrong in any is named by file and key in one line."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from samples import CONFIG

from feedproxy.configuration import load_mirror, rules_for
from feedproxy.configuration.ftr import parse_ftr
from feedproxy.errors import ConfigError
from feedproxy.model import (
    ArticleRules,
    Images,
    Mirror,
    NavigationLink,
    Replacement,
    Robots,
    RuleTest,
    Url,
    Wrapping,
)

MAIN = """
[mirror]
name = "山村镜像"
sections = ["village", "valley"]
[[navigation]]
title = "山村"
to = "village"
[[navigation]]
title = "书架"
to = "books"
url = "https://books.example/"
[feeds]
entries = 20
[images]
reading_width_px = 900
[requests]
max_queued = 7
"""
SECTION = """
title = "山村"
site = "news.example"
kind = "html"
[listing]
html = "https://www.news.example/{channel}.htm"
feed = "https://www.news.example/{channel}.xml"
[channels]
c1 = "石桥"
c2 = {title = "集市", kind = "feed"}
c3 = {title = "河边", url = "https://www.news.example/river/"}
"""
SITE = """
title = "山村新闻"
hosts = ["www.News.example"]
timezone = "Asia/Shanghai"
article_url = '^/(?P<id>n\\d+)\\.htm$'
canonical_url = "https://www.news.example/{id}.htm"
tag_url = '^/tag/(?P<tag>.+)$'
picture_hosts = ["i.News.example"]
[listing]
item = "//li"
link = ".//a/@href"
[article]
body = ["//article", "//div[@id='text']"]
strip_id_or_class = "ad"
author_pattern = '记者(?P<author>.+)报导'
[short_links]
"https://Sho.rt/Ab1/" = "https://www.news.example/n1.htm"
"""
FILES = {
    "feedproxy.toml": MAIN,
    "sections/village.toml": SECTION,
    "sections/valley.toml": SECTION,
    "sites/news.example.toml": SITE,
}
# File, what stands there, what is put in its place, and the key that must be named.
FAULTS = [
    ("sites/news.example.toml", "hosts = ", 'name = "x"\nhosts = ', "name"),
    *(
        ("sites/news.example.toml", "[article]", f"[article]\n{key} = []", f"article.{key}")
        for key in ("name", "tests", "replace", "wrap_in")
    ),
    *(
        (
            "sites/news.example.toml",
            "[short_links]",
            f'[[test]]\nurl = "https://www.news.example/n1.htm"\n{contains}\n[short_links]',
            "test.0.contains",
        )
        for contains in ("", "contains = []")
    ),
    ("sites/news.example.toml", '"https://Sho.rt/Ab1/"', '"https://"', "short_links.https://"),
    ("feedproxy.toml", "[feeds]", "[feeds]\ncolour = 'red'", "feeds.colour"),
    ("feedproxy.toml", "[feeds]", "[colours]\nred = 1\n[feeds]", "colours"),
    ("feedproxy.toml", "entries = 20", "entries = 'all'", "feeds.entries"),
    ("feedproxy.toml", "entries = 20", "entries = 0", "feeds.entries"),
    ("feedproxy.toml", 'name = "山村镜像"', "", "mirror.name"),
    ("feedproxy.toml", '["village", "valley"]', "[]", "mirror.sections"),
    ("feedproxy.toml", '["village", "valley"]', '["feed"]', "mirror.sections"),
    ("feedproxy.toml", '["village", "valley"]', '["healthz"]', "mirror.sections"),
    ("feedproxy.toml", '["village", "valley"]', '["../village"]', "mirror.sections"),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\npage_path = "/{section}/{id}"',
        "mirror.page_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\npage_path = "/p/{section}/{channel}/{id}"',
        "mirror.page_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\npage_path = "/{section}/{channel}/{id}/{id}"',
        "mirror.page_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\npage_path = "/{section}/{channel}/{id}}.md"',
        "mirror.page_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\nindex_path = "/{section}/{channel}"',
        "mirror.index_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\nindex_path = "/{section}/{channel}/{id}"',
        "mirror.index_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\nindex_path = "{section}/{channel}/{page}"',
        "mirror.index_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\nindex_path = "/{section}/{channel}/{page}{year}"',
        "mirror.index_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\nindex_path = 5',
        "mirror.index_path",
    ),
    (
        "feedproxy.toml",
        'name = "山村镜像"',
        'name = "x"\npage_path = "/{section}/{channel}/{id}.md"\nindex_path = "/{section}/{channel}/{page}.md"',
        "mirror.index_path",
    ),
    ("feedproxy.toml", '["village", "valley"]', '["media"]', "mirror.sections"),
    ("feedproxy.toml", '["village", "valley"]', '["tag"]', "mirror.sections"),
    ("feedproxy.toml", 'to = "village"', 'to = "moon"', "navigation"),
    ("feedproxy.toml", 'to = "village"', "", "navigation"),
    (
        "feedproxy.toml",
        'to = "village"',
        'to = "village"\nurl = "https://books.example/"',
        "navigation",
    ),
    (
        "feedproxy.toml",
        'to = "village"',
        'to = "section"\nurl = "https://books.example/"',
        "navigation",
    ),
    ("feedproxy.toml", "https://books.example/", "", "navigation"),
    ("feedproxy.toml", "https://books.example/", "books.example", "navigation.1.url"),
    ("feedproxy.toml", 'to = "village"', 'to = "village"\ncolour = "red"', "navigation.0.colour"),
    ("feedproxy.toml", 'title = "书架"', 'title = ""', "navigation.1.title"),
    (
        "feedproxy.toml",
        "reading_width_px = 900",
        "reading_width_px = 99",
        "images.reading_width_px",
    ),
    (
        "feedproxy.toml",
        "reading_width_px = 900",
        "reading_width_px = 10_001",
        "images.reading_width_px",
    ),
    (
        "feedproxy.toml",
        "reading_width_px = 900",
        "reading_width_px = 'wide'",
        "images.reading_width_px",
    ),
    ("feedproxy.toml", "reading_width_px = 900", "width = 900", "images.width"),
    ("feedproxy.toml", "reading_width_px = 900", "max_pixels = 0", "images.max_pixels"),
    ("feedproxy.toml", "reading_width_px = 900", "max_bytes = 0", "images.max_bytes"),
    ("feedproxy.toml", "reading_width_px = 900", "max_bytes = 1.5", "images.max_bytes"),
    ("feedproxy.toml", "max_queued = 7", "max_queued = -1", "requests.max_queued"),
    ("feedproxy.toml", "max_queued = 7", "per_minute = 0", "requests.per_minute"),
    ("feedproxy.toml", "max_queued = 7", "per_minute = 'few'", "requests.per_minute"),
    ("feedproxy.toml", "max_queued = 7", "per_hour = 5", "requests.per_hour"),
    ("sections/village.toml", "[listing]", "colour = 'red'\n[listing]", "colour"),
    ("sections/village.toml", "[listing]", "images = 'keep'\n[listing]", "images"),
    ("sections/village.toml", "[listing]", "images = true\n[listing]", "images"),
    ("sections/village.toml", "[listing]", "[images]\nmax_bytes = 5\n[listing]", "images"),
    ("sections/village.toml", 'c1 = "石桥"', 'requested = "石桥"', "channels.requested"),
    ("sections/village.toml", 'kind = "html"', 'kind = "telegram"', "kind"),
    ("sections/village.toml", 'site = "news.example"', 'site = "moon.example"', "site"),
    ("sections/village.toml", "html =", "rss =", "listing.rss"),
    ("sections/village.toml", "html =", "# html =", "channels.c1"),
    ("sections/village.toml", 'c1 = "石桥"', "c1 = 5", "channels.c1"),
    ("sections/village.toml", 'c1 = "石桥"', '"C 1" = "石桥"', "channels.C 1"),
    (
        "sections/village.toml",
        'c1 = "石桥"',
        'c1 = {title = "石桥", colour = "red"}',
        "channels.c1.colour",
    ),
    (
        "sections/village.toml",
        'c1 = "石桥"',
        'c1 = {title = "石桥", url = "ftp://x"}',
        "channels.c1.url",
    ),
    (
        "sections/valley.toml",
        'c1 = "石桥"',
        'c1 = {title = "石桥", url = "https://x.example/"}',
        "channels.c1",
    ),
    ("sites/news.example.toml", "[listing]", "colour = 'red'\n[listing]", "colour"),
    ("sites/news.example.toml", "[article]", "[article]\nbodies = '//p'", "article.bodies"),
    ("sites/news.example.toml", 'hosts = ["www.News.example"]', "hosts = 5", "hosts"),
    ("sites/news.example.toml", "Asia/Shanghai", "Asia/Moon", "timezone"),
    ("sites/news.example.toml", '"//li"', '"//li["', "listing.item"),
    ("sites/news.example.toml", '"//article"', "\"//p[ends-with(@id, 'x')]\"", "article.body"),
    ("sites/news.example.toml", '"//article"', '"//og:article"', "article.body"),
    (
        "sites/news.example.toml",
        'picture_hosts = ["i.News.example"]',
        "picture_hosts = 'i.news.example'",
        "picture_hosts",
    ),
    (
        "sites/news.example.toml",
        'picture_hosts = ["i.News.example"]',
        "picture_hosts = [5]",
        "picture_hosts.0",
    ),
    ("sites/news.example.toml", "https://Sho.rt/Ab1/", "sho.rt/Ab1", "short_links.sho.rt/Ab1"),
    (
        "sites/news.example.toml",
        '"https://www.news.example/n1.htm"',
        '"/n1.htm"',
        "short_links.https://Sho.rt/Ab1/",
    ),
    (
        "sites/news.example.toml",
        '"https://www.news.example/n1.htm"',
        "5",
        "short_links.https://Sho.rt/Ab1/",
    ),
    ("sites/news.example.toml", "[short_links]", "[short_links.more]", "short_links.more"),
    ("sites/news.example.toml", "(?P<id>n\\d+)", "(?P<id>n\\d+", "article_url"),
    ("sites/news.example.toml", "(?P<id>n\\d+)", "(n\\d+)", "article_url"),
    ("sites/news.example.toml", "example/{id}.htm", "example/{year}/{id}.htm", "canonical_url"),
    ("sites/news.example.toml", "(?P<tag>.+)", "(?P<word>.+)", "tag_url"),
    ("sites/news.example.toml", "(?P<author>.+)", "(.+)", "article.author_pattern"),
    ("sites/news.example.toml", 'item = "//li"', "", "channels.c1"),
    ("sites/news.example.toml", 'link = ".//a/@href"', "", "channels.c1"),
]
FTR = """# 手写的规则
title: //h1[@class='head']
title: //h1
body: //div[@id='text']   \n
  BODY : //article
date: //time/@datetime
author: //a[@rel='author']
strip: //nav
strip: //p[contains(., '广告: 招租')]
strip_id_or_class: 'share'
strip_id_or_class: "ad"
strip_image_src: /pixel.gif
strip_attr: //@onclick
src_lazy_load_attr: data-real
# body: //nothing
find_string: <p>桥</p>
replace_string: <p>石桥</p>
find_string: <hr>
replace_string:
replace_string(<x-p): <p
replace_string(x:y): z
wrap_in(blockquote): //div[@class='quote']
autodetect_on_failure: no
http_header(user-agent): Mozilla
single_page_link: //a[@class='all']
tidy: no
prune: no
parser: html5php
test_contains: before any address
test_url: https://news.example/a
test_contains: 山村的桥
test_contains: 石桥
test_url: https://news.example/b
no directive at all
"""


def write(folder: Path, **more: str) -> Path:
    for name, text in {**FILES, **more}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def fault_of(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_mirror(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def with_rules(folder: Path, *names: str) -> Mirror:
    return load_mirror(write(folder, **{f"sites/{name}": "body: //p" for name in names}))


def test_the_real_folder_has_its_sections_and_channels_in_order() -> None:
    mirror = load_mirror(CONFIG)
    assert [(section.name, section.title) for section in mirror.sections] == [
        ("epoch-comment", "评论"),
        ("epoch-special", "专题"),
        ("epoch-news", "禁闻"),
    ]
    ids = [channel.id for channel in mirror.channels]
    assert ids == [channel.id for section in mirror.sections for channel in section.channels]
    assert (len(ids), ids[0], ids[7], ids[25], ids[36]) == (
        37,
        "nsc424",
        "nf1176106",
        "ncid277",
        "ncid1078158",
    )
    assert [channel.url for channel in mirror.channels] == [
        f"https://www.epochtimes.com/gb/{each}.htm" for each in ids
    ]


def test_one_word_in_a_section_turns_all_its_channels_to_rss(tmp_path: Path) -> None:
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    for file in (folder / "sections").glob("*.toml"):
        file.write_text(file.read_text("utf-8").replace('kind = "html"', 'kind = "feed"'), "utf-8")
    channels = load_mirror(folder).channels
    assert [channel.url for channel in channels] == [
        channel.url.replace(".htm", ".xml") for channel in load_mirror(CONFIG).channels
    ]
    assert {channel.kind for channel in channels} == {"feed"}


def test_channels_stand_in_the_order_of_the_file_and_may_differ_from_their_section(
    tmp_path: Path,
) -> None:
    mirror = load_mirror(write(tmp_path))
    section = mirror.section("village")
    assert section is not None
    assert [
        (channel.id, channel.title, channel.kind, channel.url) for channel in section.channels
    ] == [
        ("c1", "石桥", "html", "https://www.news.example/c1.htm"),
        ("c2", "集市", "feed", "https://www.news.example/c2.xml"),
        ("c3", "河边", "html", "https://www.news.example/river/"),
    ]
    assert len(mirror.channels) == 3


def test_settings_that_are_left_out_have_the_documented_values(tmp_path: Path) -> None:
    mirror = load_mirror(write(tmp_path))
    assert (mirror.feeds.entries, mirror.feeds.ttl_minutes, mirror.about.language) == (
        20,
        30,
        "zh-CN",
    )
    assert (
        mirror.poll.min_interval_minutes,
        mirror.poll.max_interval_minutes,
        mirror.poll.check_hours,
    ) == (10, 360, (1, 6, 24))
    assert (
        mirror.fetch.requests_per_second,
        mirror.fetch.requests_at_once,
        mirror.fetch.robots,
    ) == (5, 4, Robots.REPORT)
    assert mirror.fetch.max_body_bytes == 10_000_000
    assert (mirror.keep.days, mirror.keep.megabytes) == (0, 0)
    assert mirror.about.page_path == "/{section}/blob/master/pages/{channel}/{id}.md"
    assert mirror.about.index_path == "/{section}/blob/master/indexes/{channel}/{page}.md"
    assert (mirror.images.reading_width_px, mirror.images.max_pixels, mirror.images.max_bytes) == (
        900,
        9_000_000,
        8_000_000,
    )
    assert (mirror.requests.max_queued, mirror.requests.per_minute) == (7, 5)
    assert [section.images for section in mirror.sections] == [Images.STORE, Images.STORE]


@pytest.mark.parametrize("images", Images)
def test_each_section_says_for_itself_what_it_does_with_pictures(
    images: Images, tmp_path: Path
) -> None:
    other = SECTION.replace("[listing]", f"images = '{images}'\n[listing]", 1)
    mirror = load_mirror(write(tmp_path, **{"sections/valley.toml": other}))
    assert [section.images for section in mirror.sections] == [Images.STORE, images]


def test_the_navigation_leads_to_sections_elsewhere_or_to_a_folder_that_is_elsewhere_on_the_live_server(
    tmp_path: Path,
) -> None:
    more = MAIN.replace(
        'to = "village"', 'to = "section"\n[[navigation]]\ntitle = "外"\nurl = "http://a.example/"'
    )
    assert load_mirror(write(tmp_path, **{"feedproxy.toml": more})).navigation == (
        NavigationLink("山村", to="section"),
        NavigationLink("外", url="http://a.example/"),
        NavigationLink("书架", to="books", url="https://books.example/"),
    )


def test_short_links_and_hosts_are_known_whatever_case_or_slash_the_file_has(
    tmp_path: Path,
) -> None:
    site = load_mirror(write(tmp_path)).sites[0]
    assert site.short_links == {"sho.rt/Ab1": "https://www.news.example/n1.htm"}
    assert (site.hosts, site.picture_hosts) == (("www.news.example",), ("i.news.example",))


@pytest.mark.parametrize(
    ("place", "more", "section"),
    [
        ("https://raw.example/valley/master", "", "valley"),
        ("https://raw.example/mirror/master", "", "village"),
        ("/srv/valley", 'section = "hill"', "hill"),
    ],
)
def test_a_mirror_that_must_be_signed_is_asked_for_a_section(
    place: str, more: str, section: str, tmp_path: Path
) -> None:
    fallback = f'[[fallback]]\nkind = "mirror"\nlisting = "{place}/indexes/{{channel}}.csv"\nkey = "RW{"x" * 54}"\n{more}\n'
    write(tmp_path)
    file = tmp_path / "sections" / "village.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("[channels]", f"{fallback}[channels]"), "utf-8")
    file.with_name("valley.toml").write_text(
        re.sub(r"^c(\d)", r"v\1", text, flags=re.MULTILINE), "utf-8"
    )
    assert load_mirror(tmp_path).channels[0].fallbacks[0].section == section


@pytest.mark.parametrize(
    ("fallback", "told"),
    [
        (
            'kind = "html"\nlisting = "https://x.example/{channel}"\nkey = "RWKEY"',
            "only a mirror or feedproxy signs",
        ),
        (
            'kind = "feedproxy"\nlisting = "https://x.example/{channel}.json"',
            "does not end as a feed of a feedproxy does",
        ),
    ],
)
def test_a_source_that_can_not_be_signed_or_walked_is_refused_at_the_start(
    fallback: str, told: str, tmp_path: Path
) -> None:
    write(tmp_path)
    file = tmp_path / "sections" / "village.toml"
    table = f"[[fallback]]\n{fallback.replace('KEY', 'x' * 54)}\n[channels]"
    file.write_text(file.read_text("utf-8").replace("[channels]", table), "utf-8")
    assert told in fault_of(tmp_path)


@pytest.mark.parametrize(("file", "old", "new", "key"), FAULTS)
def test_a_fault_is_named_by_file_and_key(
    file: str, old: str, new: str, key: str, tmp_path: Path
) -> None:
    assert old in FILES[file]
    message = fault_of(write(tmp_path, **{file: FILES[file].replace(old, new, 1)}))
    # That a site's rules can't read a channel is a fault of the channel.
    named = "sections/village.toml" if key == "channels.c1" and file.startswith("sites/") else file
    assert message.startswith((f"{tmp_path / named}: {key}: ", f"{tmp_path / named}: {key}."))


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "content", [None, b"title = ", b'title = "\xb4\xf3"'], ids=["missing", "broken", "not utf-8"]
)
def test_a_file_that_is_missing_or_no_toml_is_named(
    file: str, content: bytes | None, tmp_path: Path
) -> None:
    write(tmp_path)
    (tmp_path / file).unlink() if content is None else (tmp_path / file).write_bytes(content)
    named = (
        "sections/village.toml: site"
        if (file, content) == ("sites/news.example.toml", None)
        else file
    )
    assert fault_of(tmp_path).startswith(f"{tmp_path / named}: ")


def test_a_folder_that_does_not_exist_is_named_with_the_way_to_set_it(tmp_path: Path) -> None:
    assert "FEEDPROXY_CONFIG" in fault_of(tmp_path / "nowhere")


def test_a_text_file_gives_its_rules_in_order_and_what_is_not_ours_is_passed_over() -> None:
    rules, faults = parse_ftr(FTR, "sites/x.txt")
    assert faults == ()
    assert rules == ArticleRules(
        name="sites/x.txt",
        title=("//h1[@class='head']", "//h1"),
        body=("//div[@id='text']", "//article"),
        date=("//time/@datetime",),
        author=("//a[@rel='author']",),
        strip=("//nav", "//p[contains(., '广告: 招租')]"),
        strip_id_or_class=("share", "ad"),
        strip_image_src=("/pixel.gif",),
        strip_attr=("//@onclick",),
        replace=(
            Replacement("<p>桥</p>", "<p>石桥</p>"),
            Replacement("<hr>", ""),
            Replacement("<x-p", "<p"),
            Replacement("x:y", "z"),
        ),
        wrap_in=(Wrapping("blockquote", "//div[@class='quote']"),),
        src_lazy_load_attr=("data-real",),
        autodetect_on_failure=False,
        single_page_link=("//a[@class='all']",),
        tests=(
            RuleTest(Url("https://news.example/a"), ("山村的桥", "石桥")),
            RuleTest(Url("https://news.example/b")),
        ),
    )


@pytest.mark.parametrize(
    "expression",
    ["//div[", "//p[ends-with(@id, 'x')]", "//og:p", "//p[@id = $x]", "//p[matches(., 'x')]"],
)
@pytest.mark.parametrize(
    "directive", ["title", "body", "date", "author", "strip", "strip_attr", "wrap_in(p)"]
)
def test_an_expression_that_is_no_xpath_1_is_passed_over_and_named(
    directive: str, expression: str
) -> None:
    rules, faults = parse_ftr(
        f"body: //article\n{directive}: {expression}\nstrip: //nav", "sites/x.txt"
    )
    assert replace(rules, name="") == ArticleRules(body=("//article",), strip=("//nav",))
    assert [
        fault.startswith(f"sites/x.txt: {directive.partition('(')[0]}") for fault in faults
    ] == [True]


@pytest.mark.parametrize(
    ("host", "file"),
    [
        ("example.com", "example.com.txt"),
        ("www.example.com", "example.com.txt"),
        ("sport.example.com", "sport.example.com.txt"),
        ("www.sport.example.com", "sport.example.com.txt"),
        ("money.example.com", ".example.com.txt"),
        ("a.money.example.com", ".example.com.txt"),
        ("www.money.example.com", ".example.com.txt"),
        ("badexample.com", ""),
        ("example.com.evil.example", ""),
        ("com", ""),
    ],
)
def test_a_dropped_in_file_serves_the_hosts_that_its_name_says(
    host: str, file: str, tmp_path: Path
) -> None:
    mirror = with_rules(tmp_path, "example.com.txt", ".example.com.txt", "sport.example.com.txt")
    assert rules_for(mirror, host).name == (f"sites/{file}" if file else "")


def test_a_file_for_other_subdomains_does_not_serve_the_host_itself(tmp_path: Path) -> None:
    mirror = with_rules(tmp_path, ".example.com.txt")
    assert [rules_for(mirror, host).body for host in ("example.com", "www.example.com")] == [(), ()]


def test_the_rules_of_a_configured_site_come_before_a_dropped_in_file(tmp_path: Path) -> None:
    mirror = with_rules(tmp_path, "news.example.txt")
    assert rules_for(mirror, "www.news.example").body == ("//article", "//div[@id='text']")
    bare = {"sites/news.example.toml": SITE.partition("[article]")[0]}
    assert (
        rules_for(load_mirror(write(tmp_path, **bare)), "www.news.example").name
        == "sites/news.example.txt"
    )


def test_a_dropped_in_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / "sites" / "example.org.txt").mkdir()
    assert "example.org.txt" in fault_of(tmp_path)
