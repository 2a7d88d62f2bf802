import re
from dataclasses import replace
from urllib.parse import urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as parser

from feedproxy import paths
from feedproxy.model import ArticleId, DirtyHtml, FetchLimits, Mirror, MirrorPath, PollRules, SafeHtml, Site, Url
from feedproxy.rewrite import Place, linked_articles, rewrite_links
from feedproxy.sanitise import clean, plain_text
from feedproxy.sources.schema import FetchTable, PollTable
from feedproxy.urls import identify

SITE = Site(
    name="news",
    title="山村消息",
    hosts=("news.example",),
    article_url=re.compile(r"^/gb/\d+/(?P<id>n\d+)\.htm$"),
    canonical_url="https://news.example/gb/1/{id}.htm",
    tag_url=re.compile(r"^/gb/tag/(?P<tag>[^/]+)\.html$"),
)
UNRULED = Site(name="unruled", title="无规则", hosts=("blog.example",))
MIRROR = Mirror(
    name="镜",
    description="",
    language="zh",
    page_path="/{section}/blob/master/pages/{channel}/{id}.md",
    entries=30,
    ttl_minutes=10,
    navigation=(),
    sections=(),
    sites=(SITE, UNRULED),
    rules={},
    fetch=FetchLimits(**FetchTable().model_dump()),
    poll=PollRules(**PollTable().model_dump()),
)
LAYOUT = paths.Layout(MIRROR.page_path)
PAGE = LAYOUT.article("news", "c1", ArticleId("n1"))
HELD = LAYOUT.article("news", "c2", ArticleId("n2"))
ROOT = "https://mirror.example/sub"
ON_PAGE = Place(ArticleId("n1"), "news", "c1", LAYOUT, {ArticleId("n2"): HELD}, lambda to: paths.relative(to, PAGE))
IN_FEED = replace(ON_PAGE, write=lambda to: paths.absolute(to, ROOT), alone=True)


def _rewritten(html: str, place: Place = ON_PAGE) -> str:
    return rewrite_links(SafeHtml(html), MIRROR, place)


def _link(href: str, place: Place = ON_PAGE) -> dict[str, str]:
    element = parser.fragment_fromstring(_rewritten(f'<a href="{href}">石桥</a>', place))
    return {str(name): str(value) for name, value in element.attrib.items()}


@pytest.mark.parametrize(
    ("href", "on_page", "in_feed"),
    [
        ("https://news.example/gb/9/n2.htm", "../c2/n2.md?n1", f"{ROOT}{HELD}?n1"),
        ("http://news.example/gb/9/n2.htm?page=2#top", "../c2/n2.md?n1#top", f"{ROOT}{HELD}?n1#top"),
        ("https://news.example/gb/9/n3.htm", "n3.md?n1", f"{ROOT}/news/blob/master/pages/c1/n3.md?n1"),
        ("https://news.example/gb/9/n1.htm", "n1.md?n1", f"{ROOT}{PAGE}?n1"),
        ("https://news.example/gb/tag/%E7%9F%B3.html", "../../../../../tag/%E7%9F%B3?n1", f"{ROOT}/tag/%E7%9F%B3?n1"),
        ("#top", "#top", f"{ROOT}{PAGE}?n1#top"),
    ],
)
def test_a_link_to_a_mirrored_site_points_inside_the_mirror(href: str, on_page: str, in_feed: str) -> None:
    assert _link(href) == {"href": on_page}
    assert _link(href, IN_FEED) == {"href": in_feed}


@pytest.mark.parametrize("place", [ON_PAGE, IN_FEED])
@pytest.mark.parametrize(
    "href",
    [
        *("https://example.org/gb/9/n2.htm", "https://news.example/", "https://news.example/gb/9/"),
        "https://blog.example/gb/9/n2.htm",
        *("https://news.example.org/gb/9/n2.htm", "https://example.org/?u=https://news.example/gb/9/n2.htm"),
    ],
)
def test_a_link_elsewhere_is_kept_and_tells_the_other_side_nothing(href: str, place: Place) -> None:
    assert _link(href, place) == {"href": href, "rel": "noopener noreferrer nofollow"}


def test_a_link_on_a_page_and_the_same_link_in_a_feed_lead_to_one_place() -> None:
    for href in (
        "https://news.example/gb/9/n2.htm#a",
        "https://news.example/gb/9/n3.htm",
        "https://news.example/gb/tag/a%2Fb.html",
    ):
        assert urljoin(ROOT + PAGE, _link(href)["href"]) == _link(href, IN_FEED)["href"]


def test_an_article_that_is_held_tomorrow_is_linked_to_where_it_stands_tomorrow() -> None:
    href = "https://news.example/gb/9/n3.htm"
    assert _link(href, replace(ON_PAGE, held={ArticleId("n3"): MirrorPath("/comment/n3.md")})) == {
        "href": "../../../../../comment/n3.md?n1"
    }
    assert _link(href)["href"] == "n3.md?n1"


@pytest.mark.parametrize(
    "html", ["<a>石桥</a>", '<a name="x">石桥</a>', '<img src="https://news.example/gb/9/n2.htm">', "石桥", ""]
)
def test_what_is_no_link_stays_as_it_is(html: str) -> None:
    assert _rewritten(html) == html


HREFS = st.sampled_from(
    (
        *("https://news.example/gb/9/n2.htm", "https://news.example/gb/9/n3.htm#a"),
        *("https://news.example/gb/tag/x.html", "#top", "/gb/9/n4.htm"),
        *("https://example.org/?a=1&amp;b=2", "javascript:x", "http://[", ""),
    )
)
LEAVES = st.sampled_from(
    ("石桥", "修好了\n", " ", "a &lt; b &amp;amp; c", "'", '"', "<br>", "<wbr>", '<img src="/a.png" alt="石">', "\u2028")
)
SOUP = st.recursive(
    LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(("a", "a", "p", "b", "h2", "ul", "li", "td", "audio", "video", "pre", "div")),
        HREFS,
        st.lists(inner, max_size=4),
    ).map(lambda part: f'<{part[0]} href="{part[1]}" src="{part[1]}">{"".join(part[2])}</{part[0]}>'),
    max_leaves=15,
)


def _without_links(html: str) -> list[tuple[str, dict[str, str]]]:
    found = []
    for element in parser.document_fromstring(f"<html><body><div>{html}</div></body></html>").iterfind(".//body/div//*"):
        attributes = {str(name): str(value) for name, value in element.attrib.items() if name not in ("href", "rel")}
        found.append((str(element.tag), attributes))
    return found


@settings(deadline=None, max_examples=250)
@given(st.lists(SOUP, max_size=5).map("".join))
def test_rewriting_changes_no_text_no_element_and_no_attribute_but_those_of_links(dirty: str) -> None:
    safe = clean(DirtyHtml(dirty), Url("https://news.example/gb/9/n1.htm"))
    rewritten = rewrite_links(safe, MIRROR, ON_PAGE)
    assert plain_text(rewritten) == plain_text(safe)
    assert _without_links(rewritten) == _without_links(safe)


@settings(deadline=None, max_examples=250)
@given(st.lists(SOUP, max_size=5).map("".join))
def test_in_a_feed_there_is_no_player_and_every_link_names_its_host(dirty: str) -> None:
    safe = clean(DirtyHtml(dirty), Url("https://news.example/gb/9/n1.htm"))
    rewritten = rewrite_links(safe, MIRROR, IN_FEED)
    root = parser.document_fromstring(f"<html><body><div>{rewritten}</div></body></html>")
    assert not {str(element.tag) for element in root.iter()} & {"audio", "video", "source"}
    assert all(str(link.get("href")).startswith(("http://", "https://")) for link in root.iter("a") if link.get("href"))
    assert "".join(plain_text(safe).split()) in "".join(plain_text(rewritten).split()) or "<audio" in safe or "<video" in safe


@pytest.mark.parametrize(
    ("player", "in_feed"),
    [
        ('<audio src="https://example.org/a.mp3" controls></audio>', ["https://example.org/a.mp3"]),
        (
            '<video><source src="https://example.org/a.mp4"><source src="https://example.org/b.ogg"></video>',
            ["https://example.org/a.mp4"],
        ),
        (
            '<audio src="https://example.org/a.mp3"><a href="https://example.org/b.mp3">录音</a></audio>',
            ["https://example.org/b.mp3"],
        ),
        ("<video>无法播放</video>", []),
    ],
)
def test_a_player_stays_on_a_page_and_becomes_one_link_to_its_file_in_a_feed(player: str, in_feed: list[str]) -> None:
    assert [tag for tag, _ in _without_links(_rewritten(player))] == [tag for tag, _ in _without_links(player)]
    rewritten = _rewritten(f"<p>石</p>{player}<p>桥</p>", IN_FEED)
    links = list(parser.fragment_fromstring(rewritten, create_parent="div").iter("a"))
    assert [link.get("href") for link in links] == in_feed
    assert all(link.text for link in links)
    assert plain_text(SafeHtml(rewritten)).startswith("石 ")
    assert plain_text(SafeHtml(rewritten)).endswith("桥")


def test_the_articles_that_a_text_links_to_are_each_named_once_in_the_order_of_their_ids() -> None:
    hrefs = ("9/n5.htm", "9/n2.htm", "8/n5.htm?x#y", "9/n1.htm", "tag/x.html")
    html = "".join(f'<a href="https://news.example/gb/{href}">x</a>' for href in hrefs)
    html += '<a href="https://example.org/gb/9/n7.htm">x</a><a href="https://blog.example/n8">x</a><a href="#n9">x</a><a>x</a>'
    assert linked_articles(SafeHtml(html), MIRROR, besides=ArticleId("n1")) == (
        ("n2", "https://news.example/gb/1/n2.htm"),
        ("n5", "https://news.example/gb/1/n5.htm"),
        (identify(UNRULED, Url("https://blog.example/n8")) or ("", ""))[:2],
    )
