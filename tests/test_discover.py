"""What an unknown page offers: its feeds, and the structure that repeats on it, whatever its layout."""

from datetime import UTC, datetime

import pytest
from newsites import DAYS, LAYOUTS, TITLES, around, article, listing

from feedproxy import markup
from feedproxy.discover import find_listing, named_feeds, usual_feeds
from feedproxy.model import Page, Site, Url
from feedproxy.parse import parse_listing

URL = Url("http://town.example/list.html")


def read(html: str) -> Site:
    rules = find_listing(markup.parse(html), URL)
    assert rules
    return Site("town.example", "山城晚报", ("town.example",), listing=rules)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_rules_that_are_found_read_headlines_addresses_dates_and_the_next_page(
    layout: str,
) -> None:
    html = listing(layout)
    found = parse_listing(Page(URL, html.encode(), "text/html; charset=utf-8"), read(html), "html")
    assert [item.title for item in found.items] == list(TITLES)
    assert [item.url for item in found.items] == [
        f"http://town.example/a/{number}.html" for number in range(len(TITLES))
    ]
    assert [item.published for item in found.items] == [
        datetime.fromisoformat(day).replace(hour=8 if "links" in layout else 0, tzinfo=UTC)
        for day in DAYS
    ]
    assert found.next_url == "http://town.example/list_2.html"


@pytest.mark.parametrize(
    "layout", [layout for layout in LAYOUTS if layout not in ("table", "plain li")]
)
def test_excerpts_are_found_where_there_are_some(layout: str) -> None:
    html = listing(layout)
    found = parse_listing(Page(URL, html.encode(), "text/html; charset=utf-8"), read(html), "html")
    assert all(title in item.excerpt for title, item in zip(TITLES, found.items, strict=True))


def test_the_rules_hold_for_tomorrows_page_with_other_articles_and_other_passing_names() -> None:
    rules = read(listing("cards"))
    tomorrow = (
        listing("cards").replace("card-", "card-1").replace("/a/", "/b/").replace("早市", "夜市")
    )
    found = parse_listing(Page(URL, tomorrow.encode(), "text/html; charset=utf-8"), rules, "html")
    assert found.items[0].title == "山城的夜市今天又热闹起来"
    assert len(found.items) == len(TITLES)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>text</p>",
        around(""),
        around("<a href='http://else.example/1.html'>别处的一篇很长的文章标题</a>" * 5),
    ],
    ids=["nothing", "no link", "menus and a sidebar only", "links to other sites"],
)
def test_a_page_without_a_list_of_its_own_articles_has_no_listing(html: str) -> None:
    assert find_listing(markup.parse(html), URL) is None


def test_names_that_would_break_an_expression_are_not_used() -> None:
    html = (
        listing("plain li")
        .replace("<ul><li>", """<ul id="x'y" class='a"b c)d'><li>""")
        .replace("<li>", """<li class="q'r">""")
    )
    assert read(html).listing.item == ("//div[@id='main']/ul/li",)


def test_a_page_that_was_made_to_be_slow_is_read_in_time() -> None:
    deep = "<div>" * 200 + "".join(
        f"<ul>{'<li><a href=/%d.html>一篇文章的标题在这里</a>' * 3}</ul>" % (n, n, n)
        for n in range(1_000)
    )
    find_listing(markup.parse(deep), URL)


def test_an_articles_page_is_no_listing() -> None:
    assert find_listing(markup.parse(article(TITLES[0], DAYS[0], "正文")), URL) is None


def test_feeds_are_those_that_the_head_names_in_its_order_once_each_and_no_other_link() -> None:
    root = markup.parse(
        """<head><link rel="alternate" hreflang="en" href="/en"><link rel="stylesheet" type="text/css" href="/a.css">
        <link REL="Alternate" TYPE="application/atom+xml; charset=utf-8" href="../feed.atom">
        <link rel="alternate" type="application/rss+xml" href="//feeds.example/town"><link rel="alternate home"
        type="application/feed+json" href="/feed.json"><link rel="alternate" type="application/rss+xml" href="../feed.atom">
        <link rel="alternate" type="application/rss+xml" href="javascript:x()"></head>"""
    )
    assert named_feeds(root, Url("http://town.example/a/b/")) == (
        "http://town.example/a/feed.atom",
        "http://feeds.example/town",
        "http://town.example/feed.json",
    )


def test_usual_places_are_in_the_pages_folder_first_then_at_the_top() -> None:
    places = usual_feeds(Url("http://town.example/blog/list.html?page=2"))
    top = {
        f"http://town.example/{name}"
        for name in ("feed", "rss.xml", "atom.xml", "index.xml", "feed.json")
    }
    assert top < set(places)
    assert places.index(Url("http://town.example/blog/feed")) < places.index(
        Url("http://town.example/feed")
    )
