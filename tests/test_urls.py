import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from samples import CONFIG

from feedproxy import urls
from feedproxy.configuration import load_mirror
from feedproxy.model import ArticleId, Mirror, Site, Url

PAGE = "https://news.example/gb/21/11/9/page.htm"
RULED = Site(
    name="ruled",
    title="山村消息",
    hosts=("news.example", "www.news.example"),
    article_url=re.compile(r"^/(?:gb|b5)/\d+/(?P<id>n\d+)(?:-\d+)?\.htm$"),
    canonical_url="https://news.example/gb/{id}.htm",
    tag_url=re.compile(r"^/gb/tag/(?P<tag>[^/]+)\.html$"),
)
UNRULED = Site(name="unruled", title="无规则", hosts=("news.example",))
SHORT = Site(
    name="short",
    title="短",
    hosts=("long.example", "go.long.example"),
    short_links={
        urls.bare("https://sho.rt/Ab1"): Url("https://long.example/2031/a?id=1#top"),
        urls.bare("http://www.go.long.example/9/"): Url("https://long.example/9"),
        urls.bare("https://sho.rt/?p=7"): Url("https://long.example/seven"),
        urls.bare("https://sho.rt/away"): Url("https://elsewhere.example/a"),
    },
)

PARTS = (
    *(
        "http:",
        "HTTPS:",
        "//",
        "/",
        "[",
        "]",
        "@",
        ":",
        "99999",
        "0",
        "\x00",
        "\n",
        " ",
        "\t",
        "石桥",
        "\u2100",
        "。",
    ),
    *("xn--", "-", "%"),
    *(
        "%zz",
        "%41",
        "?",
        "#",
        "a.example",
        "..",
        ".",
        "\ud800",
        "javascript:",
        "\\",
        "\xa0",
        "１",
        "\u200b",
    ),
    *("data:", "u:p", "::1", "☃", "ß"),
)
ADDRESSES = st.lists(st.sampled_from(PARTS), max_size=9).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("href", "meant"),
    [
        ("/a.htm", "https://news.example/a.htm"),
        ("../b.htm", "https://news.example/gb/21/11/b.htm"),
        ("?page=2", "https://news.example/gb/21/11/9/page.htm?page=2"),
        ("//i.example.org/a.png", "https://i.example.org/a.png"),
        ("  http://example.org/a  ", "http://example.org/a"),
        ("http://example.org", "http://example.org/"),
        ("HTTP://Example.ORG:8080/A", "http://example.org:8080/A"),
        (
            "http://example.org/桥?名=石#头",
            "http://example.org/%E6%A1%A5?%E5%90%8D=%E7%9F%B3#%E5%A4%B4",
        ),
        ("http://example.org/a b.png", "http://example.org/a%20b.png"),
        ("http://exam\nple.org/a\tb", "http://example.org/ab"),
        ("/a b.png", "https://news.example/a%20b.png"),
        ("http://example.org/a%20b%E6%A1%A5", "http://example.org/a%20b%E6%A1%A5"),
        ("http://石桥.example/", "http://xn--6yv295a.example/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80/"),
        ("http://reader:secret@example.org/", "http://example.org/"),
        ("HTTPS://News.Example./gb/a.htm", "https://news.example/gb/a.htm"),
        ("http://example.org:80/a", "http://example.org:80/a"),
        ("http://EXAMPLE.org:/a", "http://example.org/a"),
    ],
)
def test_an_address_means_the_same_as_in_a_browser(href: str, meant: str) -> None:
    assert urls.resolve(PAGE, href) == meant


def test_the_same_link_means_on_each_page_what_it_means_there() -> None:
    pages = ("https://a.example/x/", "http://b.example/", "https://a.example/y/")
    assert [urls.resolve(page, "//c.example/1") for page in pages] == [
        "https://c.example/1",
        "http://c.example/1",
        "https://c.example/1",
    ]
    assert [urls.resolve(page, "1.htm") for page in pages] == [f"{page}1.htm" for page in pages]
    assert [urls.resolve(page, "http:///1.htm") for page in pages[1:2]] == [
        "http://b.example/1.htm"
    ]
    assert {urls.resolve(page, "http://c.example/1") for page in pages} == {"http://c.example/1"}


@pytest.mark.parametrize(
    "href",
    [
        *(
            "javascript:alert(1)",
            "JaVa\nScRiPt:alert(1)",
            "\x01javascript:alert(1)",
            "java\tscript:x",
        ),
        *(" \xa0javascript:x", "javascript:123"),
        *(
            "data:text/html,x",
            "vbscript:x",
            "mailto:a@example.org",
            "ftp://example.org/",
            "file:///etc/passwd",
        ),
        *("tel:1", "about:blank"),
        *(
            "http://",
            "http:///a",
            "http://[::1",
            "http://a.example:99999/",
            "http://a.example:port/",
        ),
        *("http://:80/", "http://a b.example/<"),
    ],
)
def test_what_is_no_address_of_a_web_page_is_refused(href: str) -> None:
    assert urls.resolve(PAGE, href) is None


@pytest.mark.parametrize(
    "href",
    ["//%41/a", "http://%zz/", "//\\/", "//。/", "http://-ß ß\x00/", "//\u200b/a", "//xn--☃/"],
)
def test_an_address_whose_host_is_no_host_is_refused_and_not_left_without_one(href: str) -> None:
    url = urls.resolve(PAGE, href)
    assert url is None or urls.host_of(url)


def test_an_address_too_long_to_be_one_is_refused() -> None:
    assert urls.resolve(PAGE, "/" + "a" * 1_900) is not None
    assert urls.resolve(PAGE, "/" + "a" * 2_000) is None
    assert urls.resolve(PAGE, "/" + "桥" * 300) is None
    assert urls.resolve(PAGE, "https://" + "a." * 50 + "example/" + "a" * 1_900) is None
    assert urls.resolve(PAGE, "https://" + "a." * 1_500 + "example/a") is None


@settings(deadline=None, max_examples=300)
@given(ADDRESSES)
@example("/\ud800")
@example("//%zz/a")
def test_whatever_a_link_says_it_resolves_to_an_http_address_with_a_host_or_to_nothing(
    href: str,
) -> None:
    url = urls.resolve(PAGE, href)
    if url is not None:
        assert urlsplit(url).scheme in ("http", "https")
        assert urls.host_of(url)
        assert url.isascii()
        assert not re.search(r"[\x00-\x20\"<>\\^`{}]", url)
        assert urls.resolve("http://elsewhere.example/", url) == url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/?utm_source=x", "https://a.example/"),
        (
            "https://a.example/a?utm_source=x&id=3&fbclid=9&gclid=1#top",
            "https://a.example/a?id=3#top",
        ),
        ("https://a.example/a?id=3", "https://a.example/a?id=3"),
        ("https://a.example/a?b&c=&d=%20+;e", "https://a.example/a?b&c=&d=%20+;e"),
        ("https://a.example/a?gclid_of=1&xutm_a=2", "https://a.example/a?gclid_of=1&xutm_a=2"),
        ("https://a.example/#utm_source=x", "https://a.example/#utm_source=x"),
    ],
)
def test_only_parameters_that_track_readers_go(url: str, kept: str) -> None:
    assert urls.without_tracking(Url(url)) == kept


@pytest.mark.parametrize("query", ["q=%C4%E3", "b", "q=a%20b", "q=a/b:c", "q=1;r=2", "q=%E6%A1%A5"])
def test_a_parameter_beside_one_that_tracks_stays_byte_for_byte(query: str) -> None:
    assert (
        urls.without_tracking(Url(f"https://a.example/?utm_source=x&{query}&fbclid=1"))
        == f"https://a.example/?{query}"
    )


@settings(deadline=None, max_examples=200)
@given(
    st.from_regex(
        r"https?://[a-z0-9_-]{1,9}(\.[a-z0-9_-]{1,9}){1,3}/[A-Za-z0-9_.~%/:=&+!$,'@()*|-]{,60}",
        fullmatch=True,
    )
)
@example("http://a.b/../c/./d//e")
@example("https://a.b/x:80/@y|z")
def test_an_address_that_is_whole_and_plain_stays_byte_for_byte_as_one_does_that_is_taken_apart(
    href: str,
) -> None:
    assert urls.resolve("https://example.org/a/", href) == href
    assert urls.resolve("https://example.org/a/", f"\t{href}") == href


@settings(deadline=None, max_examples=200)
@given(ADDRESSES)
def test_dropping_trackers_twice_is_dropping_them_once(href: str) -> None:
    url = urls.resolve(PAGE, f"/a?utm_source=1&q={href.replace('#', '')}&gclid=2")
    if url is not None:
        once = urls.without_tracking(url)
        assert urls.without_tracking(once) == once
        assert "utm_source=1" not in once


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Example.org:8080/a", "www.example.org"),
        ("//i.example.org/a", "i.example.org"),
        ("https://reader:secret@example.org/a", "example.org"),
        ("https://Example.org./a", "example.org"),
        ("https://[2001:DB8::1]:80/a", "2001:db8::1"),
        ("/a", ""),
        ("", ""),
        ("http://[::1", ""),
    ],
)
def test_the_host_of_an_address_is_in_lower_case_and_empty_where_there_is_none(
    url: str, host: str
) -> None:
    assert urls.host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "https://news.example/gb/9/n123.htm",
        "http://www.news.example:8080/b5/8/n123.htm?page=2#top",
        "https://NEWS.example/gb/9/n123-2.htm",
        "https://news.example/gb/9/%6e123.htm",
        "https://news.example./%67b/%39/n123%2Ehtm#a?b",
        "//www.news.example/b5/9/n123.htm",
    ],
)
def test_every_address_of_an_article_has_one_id_and_one_canonical_address(url: str) -> None:
    assert urls.identify(RULED, Url(url)) == ("n123", "https://news.example/gb/n123.htm")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://elsewhere.example/gb/9/n123.htm",
            "https://news.example.evil.example/gb/9/n123.htm",
        ),
        *(
            "https://news.example/gb/9/",
            "https://elsewhere.example/?u=https://news.example/gb/9/n123.htm",
            "",
            "http://[::1",
        ),
    ],
)
def test_an_address_of_another_site_or_another_kind_is_no_article(url: str) -> None:
    assert urls.identify(RULED, Url(url)) is None


def test_without_a_rule_an_article_is_the_same_whatever_scheme_tracker_or_fragment_leads_to_it() -> (
    None
):
    ways = (
        "https://news.example/a?id=1",
        "http://news.example/a?id=1#top",
        "https://news.example/a?id=1&utm_source=x",
    )
    found = [urls.identify(UNRULED, Url(url)) for url in ways]
    assert len({each[0] for each in found if each}) == 1
    assert all(each and "utm" not in each[1] and "#" not in each[1] for each in found)
    assert found[0] != urls.identify(UNRULED, Url("https://news.example/a?id=2"))
    assert urls.identify(UNRULED, Url("https://elsewhere.example/a?id=1")) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://news.example/gb/tag/%E7%9F%B3%E6%A1%A5.html", "石桥"),
        ("https://news.example/gb/tag/a%2Fb%20.html?x=1", "a/b"),
        ("https://news.example/gb/tag/%20.html", None),
        ("https://news.example/gb/tag/%2F%E7%9F%B3.html", "石"),
        ("https://news.example/gb/tag/%20%2F%2Fa%2Fb.html", "a/b"),
        ("https://news.example/gb/tag/%2F.html", None),
        ("https://news.example/gb/tag/%2F%2E%2E.html", None),
        ("http://www.news.example./gb/tag/%E7%9F%B3.html#top", "石"),
        ("https://news.example/gb/tag/%3Cb%3E%26%22.html", '<b>&"'),
        ("https://news.example/gb/tag/%2E%2E.html", None),
        ("https://news.example/gb/tag/U.S..html", "U.S."),
        ("https://news.example/gb/tag/a%00%0A%E2%80%A8b.html", "ab"),
        ("https://news.example/gb/tag/%FF.html", None),
        (f"https://news.example/gb/tag/{'%E7%9F%B3' * 100}.html", "石" * 100),
        (f"https://news.example/gb/tag/{'a' * 101}.html", None),
        ("https://news.example/gb/9/n123.htm", None),
        ("https://elsewhere.example/gb/tag/a.html", None),
    ],
)
def test_a_tag_page_stands_for_its_tag_as_readers_write_it(url: str, name: str | None) -> None:
    assert urls.tag_name(RULED, Url(url)) == name
    assert urls.tag_name(UNRULED, Url(url)) is None


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "https://sho.rt/Ab1",
            "http://sho.rt/Ab1",
            "//sho.rt/Ab1",
            "HTTPS://WWW.SHO.RT/Ab1",
            "https://www.sho.rt/Ab1/",
        ),
        *("https://Sho.rt/Ab1#top", "https://sho.rt/Ab1//"),
    ],
)
def test_a_short_link_is_the_same_in_all_its_spellings(spelling: str) -> None:
    assert urls.bare(spelling) == "sho.rt/Ab1"


@pytest.mark.parametrize(
    "other",
    ["https://sho.rt/ab1", "https://sho.rt/Ab1/x", "https://sho.rt/Ab1?x", "https://m.sho.rt/Ab1"],
)
def test_another_address_of_a_shortener_is_another_short_link(other: str) -> None:
    assert urls.bare(other) != urls.bare("https://sho.rt/Ab1")


@settings(deadline=None, max_examples=200)
@given(ADDRESSES)
def test_what_is_left_of_a_short_link_s_address_stays_when_it_is_spelled_another_way(
    href: str,
) -> None:
    url = urls.resolve(PAGE, href)
    if url is not None:
        rest = url.partition("://")[2].removeprefix("www.").partition("#")[0]
        for spelling in (f"http://{rest}", f"HTTPS://www.{rest}/", f"//{rest}#top"):
            assert urls.bare(spelling) == urls.bare(url)


def _mirror(*sites: Site) -> Mirror:
    return replace(load_mirror(CONFIG), sites=sites)


@pytest.mark.parametrize(
    ("url", "site", "address"),
    [
        (
            "https://www.news.example/gb/9/n1.htm?a#b",
            RULED,
            "https://www.news.example/gb/9/n1.htm?a#b",
        ),
        ("http://NEWS.example.:8080/", RULED, "http://NEWS.example.:8080/"),
        ("http://www.sho.rt/Ab1/#x", SHORT, "https://long.example/2031/a?id=1#top"),
        ("https://go.long.example/9", SHORT, "https://long.example/9"),
        ("https://go.long.example/10", SHORT, "https://go.long.example/10"),
        ("https://sho.rt/Ab1?utm_source=x&a=b#c", SHORT, "https://long.example/2031/a?id=1#top"),
        ("http://www.sho.rt/Ab1/?x", SHORT, "https://long.example/2031/a?id=1#top"),
        ("https://sho.rt/?p=7", SHORT, "https://long.example/seven"),
    ],
)
def test_an_address_belongs_to_the_site_that_has_its_host_or_knows_it_as_a_short_one(
    url: str, site: Site, address: str
) -> None:
    assert urls.site_of(_mirror(RULED, SHORT), Url(url)) == (site, address)


@pytest.mark.parametrize(
    "url",
    [
        "https://sho.rt/",
        "https://sho.rt/ab1",
        "https://sho.rt/away",
        "https://sho.rt/away?x",
        "https://news.example.evil.example/",
        "//m.news.example/",
        "",
        "#top",
        "http://[::1",
    ],
)
def test_an_address_of_no_configured_site_belongs_to_none(url: str) -> None:
    assert urls.site_of(_mirror(RULED, SHORT), Url(url)) is None
    assert urls.site_of(_mirror(), Url("https://news.example/")) is None


def test_a_short_link_to_an_article_is_that_article() -> None:
    found = urls.site_of(_mirror(RULED, SHORT), Url("https://sho.rt/Ab1"))
    assert found is not None
    assert urls.identify(*found) == urls.identify(SHORT, Url("https://long.example/2031/a?id=1"))


@pytest.mark.parametrize("article_id", ["n1/../..", "", "n" * 65, "石"])
def test_what_is_no_id_makes_no_article(article_id: str) -> None:
    anything = replace(RULED, article_url=re.compile("^/gb/(?P<id>.*)$"), canonical_url="")
    assert urls.identify(anything, Url(f"https://news.example/gb/{article_id}")) is None
    assert urls.identify(anything, Url("https://news.example/gb/n1")) == (
        ArticleId("n1"),
        "https://news.example/gb/n1",
    )
