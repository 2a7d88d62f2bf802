"""Listings: feeds of every form and HTML pages in both layouts come out as the same items."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from samples import (
    BASE,
    LISTING_URL,
    article_url,
    atom,
    classic_listing,
    json_feed,
    make_page,
    make_site,
    modern_listing,
    rss,
    rss_item,
)

from feedproxy.errors import ListingError
from feedproxy.model import Listing, Page, Url
from feedproxy.parse import parse_listing

SITE = make_site()
MOMENT = datetime(2021, 11, 9, 6, 5, tzinfo=UTC)
FEED_URL = Url(f"{BASE}/gb/nsc1.xml")
LAYOUTS = {"modern": modern_listing, "classic": classic_listing}
ENTITIES = '<!DOCTYPE rss [<!ENTITY one "炸"><!ENTITY bomb "&one;&one;">]>'


def read_feed(text: str) -> Listing:
    return parse_listing(make_page(text, FEED_URL, "application/xml"), SITE, "feed")


def read_html(text: str, url: Url = LISTING_URL) -> Listing:
    return parse_listing(make_page(text, url), SITE, "html")


@pytest.mark.parametrize(
    "text",
    [
        rss(rss_item(article_url(2)), rss_item(article_url(1))),
        atom(article_url(2), article_url(1)),
        json_feed(article_url(2), article_url(1)),
    ],
    ids=["rss", "atom", "json"],
)
def test_every_form_of_feed_gives_the_same_items_newest_first(text: str) -> None:
    items = read_feed(text).items
    assert [(item.id, item.url) for item in items] == [
        ("n99000002", article_url(2)),
        ("n99000001", article_url(1)),
    ]
    assert {(item.title, item.published, item.excerpt) for item in items} == {
        ("山村消息", MOMENT, "石桥边 今天有集市 […]")
    }


@pytest.mark.parametrize(
    ("label", "content_type", "encoding"),
    [
        ("gb2312", "application/xml", "gb18030"),
        ("GBK", "application/xml", "gb18030"),
        ("big5", "application/xml", "big5hkscs"),
        ("utf-16", "application/xml", "utf-16"),
        ("utf-8", "application/xml", "utf-8-sig"),
        ("gb2312", "application/xml", "utf-8"),
        ("utf-8", "application/xml", "gb18030"),
        ("no-such-set", "application/xml", "gb18030"),
        ("gb2312", "text/xml; charset=utf-8", "gb18030"),
        ("gb2312", "text/xml; charset=iso-8859-1", "gb18030"),
        ("utf-8", "text/xml; charset=gbk", "gb18030"),
    ],
)
def test_a_feed_is_read_in_the_encoding_it_is_in_whatever_its_labels_say(
    label: str, content_type: str, encoding: str
) -> None:
    titles = [f"村口石板路今日重新走通之第{n}回" for n in "一二三四五"]
    text = rss(*(rss_item(article_url(n), title) for n, title in enumerate(titles)), encoding=label)
    listing = parse_listing(
        Page(FEED_URL, text.encode(encoding, "xmlcharrefreplace"), content_type), SITE, "feed"
    )
    assert [item.title for item in listing.items] == titles


@pytest.mark.parametrize("padding", [0, 1_000, 5_000, 200_000])
def test_a_feed_that_declares_nested_entities_is_refused_wherever_they_hide(padding: int) -> None:
    opening = f"?>{' ' * 10}<!--{'x' * padding}-->{ENTITIES}"
    text = rss(rss_item(article_url(1), "&bomb;")).replace("?>", opening, 1)
    with pytest.raises(ListingError, match="document type"):
        read_feed(text)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">',
        '<!DOCTYPE rss [<!ENTITY bridge "桥"><!-- a <comment> --><!ELEMENT rss ANY>]>',
        "<!DOCTYPE rss>",
    ],
)
def test_a_document_type_is_never_loaded_and_its_plain_entities_are_replaced(doctype: str) -> None:
    text = rss(rss_item(article_url(1), "caf&eacute; &amp; &bridge;")).replace("?>", "?>" + doctype)
    (item,) = read_feed(text).items
    assert item.title in ("café & 桥", "café & &bridge;")
    assert ("桥" in item.title) == ("ENTITY" in doctype)


def test_an_item_that_quotes_a_document_type_costs_nothing() -> None:
    text = rss(rss_item(article_url(1))).replace("石桥边", "<!DOCTYPE html>石桥边")
    assert [item.id for item in read_feed(text).items] == ["n99000001"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "系统维护中，请稍后再来",
        "<!DOCTYPE html><html><body><h1>404</h1></body></html>",
        "<html><body><h1>404</h1></body></html>",
        "<?xml version='1.0'?><urlset><url><loc>/</loc></url></urlset>",
        '{"error": "not found"}',
        '{"version": "https://jsonfeed.org/version/1", "items": 5}',
        '{"version": "https://jsonfeed.org/version/1"',
        "{" * 100_000,
        '{"a":' * 100_000,
        rss(),
        atom(),
        json_feed(),
    ],
    ids=[
        "nothing",
        "words",
        "html5",
        "html",
        "sitemap",
        "error",
        "items",
        "cut",
        "braces",
        "deep",
        "rss",
        "atom",
        "json",
    ],
)
def test_what_is_no_feed_or_an_empty_one_is_told_with_its_address(text: str) -> None:
    with pytest.raises(ListingError) as caught:
        read_feed(text)
    assert caught.value.url == FEED_URL
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        rss(rss_item(article_url(2)), rss_item(article_url(1))).removesuffix("</channel></rss>"),
        rss(rss_item(article_url(2)), rss_item(article_url(1)), "<item><title>断在"),
        rss(rss_item(article_url(2), "桥 & 河"), rss_item(article_url(1))),
        rss(rss_item(article_url(2), "桥&nbsp;河"), rss_item(article_url(1))),
        rss(rss_item(article_url(2), "桥\x0b河"), rss_item(article_url(1))),
    ],
    ids=["cut", "cut item", "ampersand", "entity", "control"],
)
def test_broken_xml_still_gives_the_entries_that_are_whole(text: str) -> None:
    assert [item.id for item in read_feed(text).items][:2] == ["n99000002", "n99000001"]


@pytest.mark.parametrize(
    "text",
    [
        rss(rss_item("/gb/21/11/9/n99000001.htm")),
        rss(rss_item("\n 21/11/9/n99000001.htm?from=rss#top \n")),
        atom("../gb/21/11/9/n99000001.htm"),
        atom("21/11/9/n99000001.htm", attributes=f' xml:base="{BASE}/gb/"'),
        json_feed("//www.news.example/gb/21/11/9/n99000001.htm"),
    ],
)
def test_relative_links_lead_to_the_article(text: str) -> None:
    assert [(item.id, item.url) for item in read_feed(text).items] == [
        ("n99000001", article_url(1))
    ]


@pytest.mark.parametrize(
    "make",
    [lambda *links: rss(*map(rss_item, links)), atom, json_feed],
    ids=["rss", "atom", "json"],
)
def test_an_article_in_simplified_and_traditional_form_is_one_item(
    make: Callable[..., str],
) -> None:
    links = (article_url(3), article_url(2, "b5"), article_url(2), article_url(1, "b5"))
    listing = read_feed(make(*links))
    assert [item.url for item in listing.items] == [article_url(3), article_url(2), article_url(1)]


def test_an_article_that_is_listed_twice_keeps_the_newer_headline_and_place() -> None:
    text = rss(
        rss_item(article_url(2), "新题"),
        rss_item(article_url(1)),
        rss_item(article_url(2, "b5"), "旧题"),
    )
    assert [item.title for item in read_feed(text).items] == ["新题", "山村消息"]


@pytest.mark.parametrize(
    "link",
    [
        "",
        f"{BASE}/gb/nsc1.htm",
        f"{BASE}/gb/tag/%E7%9F%B3.html",
        "https://elsewhere.example/gb/21/11/9/n99000009.htm",
        "javascript:alert(1)",
        "mailto:a@news.example",
        "https://[bad/gb/21/11/9/n99000009.htm",
    ],
)
def test_an_item_that_leads_to_no_article_is_passed_over(link: str) -> None:
    for text in (
        rss(rss_item(link), rss_item(article_url(1))),
        atom(link, article_url(1)),
        json_feed(link, article_url(1)),
    ):
        assert [item.id for item in read_feed(text).items] == ["n99000001"]


def test_odd_values_in_a_json_feed_cost_only_their_item() -> None:
    odd = '5, null, [], {}, {"url": 7}, {"url": ["a"], "title": {}}, {"url": null, "external_url": false},'
    assert [
        item.id for item in read_feed(json_feed(article_url(1)).replace("[{", f"[{odd} {{")).items
    ] == ["n99000001"]


@pytest.mark.parametrize(
    ("make", "date", "hour"),
    [
        ("rss", "Tue, 09 Nov 2021 14:05:00 +0800", 6),
        ("rss", "Tue, 09 Nov 2021 14:05:00 GMT", 14),
        ("rss", "Tue, 09 Nov 2021 14:05:00 EST", 19),
        ("rss", "9 Nov 2021 14:05 -0230", 16),
        ("atom", "2021-11-09T14:05:00Z", 14),
        ("atom", "2021-11-09T14:05:00+08:00", 6),
        ("json", "2021-11-09T14:05:00-05:00", 19),
        ("json", "2021-11-09T14:05:00.250Z", 14),
        ("rss", "", None),
        ("rss", "昨天", None),
        ("json", "", None),
    ],
)
def test_dates_are_moments_in_utc_and_missing_ones_stay_unknown(
    make: str, date: str, hour: int | None
) -> None:
    link = article_url(1)
    text = {
        "rss": rss(rss_item(link, date=date)),
        "atom": atom(link, date=date),
        "json": json_feed(link, date=date),
    }[make]
    published = read_feed(text).items[0].published
    assert (published.hour if published else None) == hour
    assert published is None or published.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("甲 &amp;amp; 乙", "甲 & 乙"),
        ("<![CDATA[<b>石桥</b>\n  重修]]>", "石桥重修"),
        ("AT&amp;T 进村", "AT&T 进村"),
        ("1 &lt; 2", "1 < 2"),
        ("石桥  重修\n", "石桥  重修"),
    ],
)
def test_titles_are_plain_text(raw: str, shown: str) -> None:
    assert read_feed(rss(rss_item(article_url(1), raw))).items[0].title == shown


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_page_lists_its_articles_in_order_and_none_of_menu_or_sidebar(layout: str) -> None:
    items = read_html(LAYOUTS[layout]([3, 2, 1])).items
    assert [(item.id, item.url, item.title, item.excerpt) for item in items] == [
        (f"n9900000{n}", article_url(n), f"山村消息第{n}则", f"摘要{n}") for n in (3, 2, 1)
    ]


def test_a_page_gives_its_dates_where_the_layout_has_them() -> None:
    assert [item.published for item in read_html(modern_listing([1])).items] == [MOMENT]
    assert [item.published for item in read_html(classic_listing([1])).items] == [None]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("href", "following"),
    [
        (f"{BASE}/gb/nsc1_2.htm", f"{BASE}/gb/nsc1_2.htm"),
        ("nsc1_2.htm", f"{BASE}/gb/nsc1_2.htm"),
        ("", None),
        (LISTING_URL, None),
        ("https://elsewhere.example/gb/nsc1_2.htm", None),
        ("javascript:next()", None),
    ],
)
def test_a_page_says_where_it_goes_on_within_the_site(
    layout: str, href: str, following: str | None
) -> None:
    assert read_html(LAYOUTS[layout]([1], href)).next_url == following


@pytest.mark.parametrize(
    "text",
    [
        modern_listing([1]).replace("post_list", "river_list").replace("left_col", "x"),
        modern_listing([]),
        classic_listing([]),
        modern_listing([1]).replace("/gb/21/11/9/", "/video/"),
        "<!DOCTYPE html>",
        "<!-- 维护中 -->",
        "<html></html>",
        "  ",
        "",
    ],
    ids=[
        "unknown",
        "modern",
        "classic",
        "no article",
        "doctype",
        "comment",
        "bare",
        "blank",
        "nothing",
    ],
)
def test_a_page_in_an_unknown_layout_or_without_articles_is_told_with_its_address(
    text: str,
) -> None:
    with pytest.raises(ListingError) as caught:
        read_html(text)
    assert str(caught.value).startswith(f"{LISTING_URL}: ")
    assert len(str(caught.value).splitlines()) == 1


NOISE = "a < b = c && d <e f " * 3_000


@pytest.mark.parametrize(
    "excerpt",
    [
        f"<![CDATA[{NOISE}]]>",
        f"<![CDATA[<script>{NOISE}</script>]]>",
        "<![CDATA[" + "<p>a = b</p> " * 20_000 + "]]>",
        "word = word " * 5_000,
        "<![CDATA[" + "<div>" * 1_000 + "]]>",
        f"<![CDATA[<img src='data:image/png;base64,{'iVBOR= ' * 50_000}'>]]>",
    ],
    ids=range(6),
)
def test_a_feed_is_read_whatever_the_texts_of_its_entries_hold(excerpt: str) -> None:
    first = rss_item(article_url(2)).replace(
        "</item>", f"<content>{excerpt}</content><summary>{excerpt}</summary></item>"
    )
    listing = read_feed(rss(first, rss_item(article_url(1))))
    assert [item.id for item in listing.items] == ["n99000002", "n99000001"]
    assert listing.lost == ()


def test_an_entry_that_can_not_be_read_costs_its_excerpt_and_is_told() -> None:
    deep = rss_item(article_url(2)).replace(
        "<description>", f"<description><![CDATA[{'<div>' * 3_000}石]]>"
    )
    listing = read_feed(rss(deep, rss_item(article_url(1))))
    assert [item.id for item in listing.items] == ["n99000002", "n99000001"]
    assert "nested deeper than 2048" in listing.lost[0]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("<item " + "".join(f"a{n}='' " for n in range(100_000)) + "/>", "100000 attributes"),
        ("<item><title>&nbsp;</title></item>" + "<a/>" * 100_001, "more than 100000 elements"),
        ("<a/>" * 100_001, "more than 100000 elements"),
    ],
)
def test_a_feed_that_would_take_too_long_is_refused_with_that_reason(
    item: str, reason: str
) -> None:
    with pytest.raises(ListingError, match=reason):
        read_feed(rss(rss_item(article_url(1)), item))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            rss(rss_item(article_url(2)), rss_item(article_url(1))).partition("</channel>")[0],
            "<rss> is never closed",
        ),
        (
            rss(rss_item(article_url(2)), rss_item(article_url(1)), "<item><title><![CDATA[石"),
            "<!\\[CDATA\\[ is never closed",
        ),
        (
            rss(rss_item(article_url(2)), rss_item(article_url(1)), "<!-- <item>"),
            "<!-- is never closed",
        ),
    ],
)
def test_a_feed_that_ends_early_gives_what_came_and_says_so(text: str, reason: str) -> None:
    listing = read_feed(text)
    assert [item.id for item in listing.items][:2] == ["n99000002", "n99000001"]
    assert re.search(reason, listing.lost[0])


def test_broken_xml_of_which_nothing_is_lost_is_not_told() -> None:
    assert (
        read_feed(rss(rss_item(article_url(1)).replace("</title>", "&nbsp;&</title>"))).lost == ()
    )


def test_bytes_that_can_not_be_decoded_are_told() -> None:
    feed = rss(rss_item(article_url(1)) * 50).encode()
    page = Page(
        FEED_URL, feed.replace("山村".encode(), b"\xff\xff" + "山村".encode(), 1), "application/xml"
    )
    assert "2 characters could not be decoded" in parse_listing(page, SITE, "feed").lost[0]
    listing = modern_listing(range(2)).encode().replace(b"</ul>", b"\xff</ul>", 1)
    assert (
        "1 character could not be decoded"
        in parse_listing(Page(LISTING_URL, listing, "text/html"), SITE, "html").lost[0]
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_listing_deep_in_tags_that_nobody_closes_is_whole(layout: str) -> None:
    text = LAYOUTS[layout](range(3))
    deep = re.sub(r"(<body[^>]*>)", r"\1" + "<font>" * 500 + "<div>" * 500, text)
    assert read_html(deep).items == read_html(text).items
