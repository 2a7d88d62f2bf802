import re
from dataclasses import replace
from itertools import product
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as parser

from feedproxy import paths
from feedproxy.markup import fragment, inner_html
from feedproxy.model import (
    About,
    ArticleId,
    DirtyHtml,
    Images,
    MediaFile,
    Mirror,
    MirrorPath,
    Picture,
    SafeHtml,
    Site,
    StoredPicture,
    Url,
)
from feedproxy.rewrite import LinkContext, linked_articles, rewrite_links, shown_pictures, shows
from feedproxy.sanitise import clean, plain_text
from feedproxy.urls import bare, identify

SITE = Site(
    name="news",
    title="山村消息",
    hosts=("news.example", "www.news.example", "m.news.example", "i.news.example"),
    picture_hosts=("i.news.example", "photo.example"),
    short_links={
        bare("https://sho.rt/Ab1"): Url("https://news.example/gb/9/n2.htm"),
        bare("https://sho.rt/tag"): Url("https://news.example/gb/tag/%E7%9F%B3.html"),
        bare("https://sho.rt/home"): Url("https://news.example/"),
        bare("https://sho.rt/away"): Url("https://away.example/a"),
    },
    article_url=re.compile(r"^/(?:gb|b5)/\d+/(?P<id>n\d+)\.html?$"),
    canonical_url="https://news.example/gb/1/{id}.htm",
    tag_url=re.compile(r"^/gb/tag/(?P<tag>[^/]+)\.html$"),
)
UNRULED = Site(name="unruled", title="无规则", hosts=("blog.example",))
MIRROR = Mirror(
    about=About("镜", ("news",), language="zh"),
    sections=(),
    sites=(SITE, UNRULED),
    rules={},
)
LAYOUT = paths.Layout(MIRROR.about.page_path)
PAGE = LAYOUT.article("news", "c1", ArticleId("n1"))
HELD = LAYOUT.article("news", "c2", ArticleId("n2"))
ROOT = "https://mirror.example/sub"
SCHEMES = ("https://", "http://", "//", "HTTP://")
HOSTS = ("news.example", "www.news.example", "m.news.example", "WWW.News.Example", "news.example.")
ON_PAGE = LinkContext(
    ArticleId("n1"),
    "news",
    "c1",
    LAYOUT,
    {ArticleId("n2"): HELD},
    lambda to: paths.relative(to, PAGE),
)
IN_FEED = replace(ON_PAGE, write=lambda to: paths.absolute(to, ROOT), is_standalone=True)


def _rewritten(html: str, context: LinkContext = ON_PAGE) -> str:
    return rewrite_links(SafeHtml(html), MIRROR, context)


def _link(href: str, context: LinkContext = ON_PAGE) -> dict[str, str]:
    element = parser.fragment_fromstring(_rewritten(f'<a href="{href}">石桥</a>', context))
    return {str(name): str(value) for name, value in element.attrib.items()}


@pytest.mark.parametrize(
    ("href", "on_page", "in_feed"),
    [
        ("https://news.example/gb/9/n2.htm", "../c2/n2.md?n1", f"{ROOT}{HELD}?n1"),
        (
            "http://news.example/gb/9/n2.htm?page=2#top",
            "../c2/n2.md?n1#top",
            f"{ROOT}{HELD}?n1#top",
        ),
        (
            "https://news.example/gb/9/n3.htm",
            "n3.md?n1",
            f"{ROOT}/news/blob/master/pages/c1/n3.md?n1",
        ),
        ("https://news.example/gb/9/n1.htm", "n1.md?n1", f"{ROOT}{PAGE}?n1"),
        (
            "https://news.example/gb/tag/%E7%9F%B3.html",
            "../../../../../tag/%E7%9F%B3?n1",
            f"{ROOT}/tag/%E7%9F%B3?n1",
        ),
        (
            "https://news.example/gb/tag/%E7%9F%B3.html?p=2#a",
            "../../../../../tag/%E7%9F%B3?n1#a",
            f"{ROOT}/tag/%E7%9F%B3?n1#a",
        ),
        (
            "http://www.news.example/gb/tag/A%2FB%20c%3F.html",
            "../../../../../tag/A%2FB%20c%3F?n1",
            f"{ROOT}/tag/A%2FB%20c%3F?n1",
        ),
        ("https://sho.rt/tag", "../../../../../tag/%E7%9F%B3?n1", f"{ROOT}/tag/%E7%9F%B3?n1"),
        ("https://sho.rt/tag?a=b", "../../../../../tag/%E7%9F%B3?n1", f"{ROOT}/tag/%E7%9F%B3?n1"),
        ("https://sho.rt/Ab1?a=b&amp;c#top", "../c2/n2.md?n1#top", f"{ROOT}{HELD}?n1#top"),
        (
            "https://news.example/gb/tag/%2F%E7%9F%B3.html",
            "../../../../../tag/%E7%9F%B3?n1",
            f"{ROOT}/tag/%E7%9F%B3?n1",
        ),
        ("#top", "#top", f"{ROOT}{PAGE}?n1#top"),
    ],
)
def test_a_link_to_a_mirrored_site_points_inside_the_mirror(
    href: str, on_page: str, in_feed: str
) -> None:
    assert _link(href) == {"href": on_page}
    assert _link(href, IN_FEED) == {"href": in_feed}


@pytest.mark.parametrize("context", [ON_PAGE, IN_FEED])
@pytest.mark.parametrize(
    "href",
    [
        *("https://example.org/gb/9/n2.htm", "https://photo.example/", "https://sho.rt/ab1"),
        *("https://sho.rt/away", "https://sho.rt/away?a=b", "//www.sho.rt/away#c"),
        *(
            "https://news.example.org/gb/9/n2.htm",
            "https://example.org/?u=https://news.example/gb/9/n2.htm",
        ),
    ],
)
def test_a_link_elsewhere_is_kept_and_tells_the_other_side_nothing(
    href: str, context: LinkContext
) -> None:
    assert _link(href, context) == {"href": href, "rel": "noopener noreferrer nofollow"}


@pytest.mark.parametrize(
    "href",
    [
        *map(
            "".join,
            product(
                SCHEMES, HOSTS, ("/gb/9/n2.htm", "/b5/9/n2.html"), ("", "?p=2&amp;q=%E7%9F%B3")
            ),
        ),
        *(
            "n2.htm",
            "./n2.html?x",
            "../9/n2.htm",
            "../../b5/9/n2.htm",
            "/gb/9/n2.html",
            "\t n2.htm",
        ),
        *(
            "https://news.example/%67b/9/%6e2.htm",
            "https://news.example/gb/9/n2%2Ehtm",
            "/b5/9/n2.htm?utm_source=x&amp;fbclid=y",
        ),
        *(
            "http://news.example:80/gb/9/n2.htm",
            "https://reader:secret@news.example/gb/9/n2.htm",
            "https://news.exa\nmple/gb/9/n2.htm",
        ),
        *(
            "https://sho.rt/Ab1",
            "http://www.sho.rt/Ab1/",
            "HTTPS://SHO.RT/Ab1",
            "//sho.rt/Ab1",
            "https://sho.rt./Ab1?fbclid=x",
        ),
    ],
)
def test_an_article_is_recognised_in_all_forms_of_its_address(href: str) -> None:
    safe = clean(
        DirtyHtml(f'<p><a href="{href}#top">x</a></p>'), Url("https://news.example/gb/9/n1.htm")
    )
    assert 'href="../c2/n2.md?n1#top"' in _rewritten(safe)
    assert [
        target for target, _ in linked_articles(fragment(safe), MIRROR, besides=ArticleId("n1"))
    ] == ["n2"]


@pytest.mark.parametrize("context", [ON_PAGE, IN_FEED])
@pytest.mark.parametrize(
    "href",
    [
        *(
            "https://news.example/",
            "https://news.example/gb/9/",
            "https://m.news.example/a.mp3",
            "https://news.example/gb/9/n2.pdf",
        ),
        *(
            "https://blog.example/gb/9/n2.htm",
            "https://sho.rt/home",
            "https://news.example./",
            "https://news.example:8443/",
        ),
    ],
)
def test_a_link_to_another_page_of_a_mirrored_site_leads_nowhere_and_says_where_it_led(
    href: str, context: LinkContext
) -> None:
    assert _link(href, context) == {"title": href}


def test_where_nobody_answers_for_what_is_not_held_links_to_it_lead_nowhere() -> None:
    static = replace(ON_PAGE, only_stored=True)
    assert _link("https://news.example/gb/9/n3.htm", static) == {
        "title": "https://news.example/gb/9/n3.htm"
    }
    assert _link("https://news.example/gb/9/n2.htm", static) == {"href": "../c2/n2.md?n1"}
    assert _link("https://sho.rt/Ab1", replace(static, pages={})) == {"title": "https://sho.rt/Ab1"}


def test_an_article_s_link_to_itself_leads_to_its_own_page_whoever_answers() -> None:
    for context in (ON_PAGE, replace(ON_PAGE, only_stored=True)):
        assert _link("http://m.news.example/b5/9/n1.html#note", context) == {
            "href": "n1.md?n1#note"
        }


def test_a_link_on_a_page_and_the_same_link_in_a_feed_lead_to_one_place() -> None:
    for href in (
        "https://news.example/gb/9/n2.htm#a",
        "https://news.example/gb/9/n3.htm",
        "https://news.example/gb/tag/a%2Fb.html",
    ):
        assert urljoin(ROOT + PAGE, _link(href)["href"]) == _link(href, IN_FEED)["href"]


def test_an_article_that_is_held_tomorrow_is_linked_to_where_it_stands_tomorrow() -> None:
    href = "https://news.example/gb/9/n3.htm"
    assert _link(href, replace(ON_PAGE, pages={ArticleId("n3"): MirrorPath("/comment/n3.md")})) == {
        "href": "../../../../../comment/n3.md?n1"
    }
    assert _link(href)["href"] == "n3.md?n1"


def test_without_a_rule_for_articles_only_those_that_are_held_are_known_as_such() -> None:
    article, _ = identify(UNRULED, Url("https://blog.example/2031/bridge")) or (ArticleId(""), "")
    stored = replace(ON_PAGE, pages={article: LAYOUT.article("blog", "c9", article)})
    assert _link("http://blog.example/2031/bridge?utm_source=x#a", stored) == {
        "href": f"../../../../../blog/blob/master/pages/c9/{article}.md?n1#a"
    }
    assert _link("https://blog.example/2031/tower", stored) == {
        "title": "https://blog.example/2031/tower"
    }


def test_a_link_within_the_page_finds_its_target_there() -> None:
    html = '<p><a href="#note">见注</a></p><p><a name="note"></a>注</p>'
    assert _rewritten(html) == html
    assert _rewritten(html, IN_FEED) == html.replace("#note", f"{ROOT}{PAGE}?n1#note")


def test_a_link_to_the_top_of_the_page_leads_to_the_page() -> None:
    assert _link("#") == {"href": "#"}
    assert _link("#", IN_FEED) == {"href": f"{ROOT}{PAGE}?n1"}


@pytest.mark.parametrize(
    "html",
    [
        *(
            "<a>石桥</a>",
            '<a name="x">石桥</a>',
            '<p title="x">石桥</p>',
            "石桥",
            "",
            "a &lt; b &amp;amp; c",
            "石<br>桥<wbr>头",
        ),
        *(
            '<pre>石\n  桥</pre><ul>\n<li value="3">头</li></ul>',
            "<table><tbody><tr><td>石</td></tr></tbody></table>",
            "a\xa0b",
        ),
    ],
)
def test_what_is_no_link_stays_as_it_is(html: str) -> None:
    assert _rewritten(html) == html


PICTURE = Url("https://i.news.example/a-600.jpg")
STORED = StoredPicture(
    MediaFile("0" * 32 + ".jpg", "image/jpeg", 9000, 2000, 1000),
    MediaFile("1" * 32 + ".webp", "image/webp", 3000, 1200, 600),
)
SHOWING = replace(ON_PAGE, pictures={PICTURE: STORED})
READING, ORIGINAL = (
    f"../../../../../media/{file.name}" for file in (STORED.reading, STORED.original)
)
BLOCKED = {*SITE.hosts, *UNRULED.hosts}


def test_a_picture_that_is_held_is_shown_from_the_mirror_with_its_true_size() -> None:
    html = f'<img src="{PICTURE}" alt="石" width="5" height="5">'
    assert _rewritten(html, SHOWING) == f'<img src="{READING}" alt="石" width="1200" height="600">'
    assert _rewritten(html, replace(SHOWING, write=IN_FEED.write, is_standalone=True)) == (
        f'<img src="{ROOT}/media/{STORED.reading.name}" alt="石" width="1200" height="600">'
    )


@pytest.mark.parametrize(
    "context", [ON_PAGE, replace(ON_PAGE, images=Images.NONE), replace(SHOWING, images=Images.NONE)]
)
def test_a_picture_that_is_not_shown_leaves_its_words(context: LinkContext) -> None:
    html = f'石<img src="{PICTURE}" alt=" 石桥 &lt;1&gt; " title="t" width="5">桥<img src="{PICTURE}">头<img alt="树">'
    assert _rewritten(html, context) == "石<i>石桥 &lt;1&gt;</i>桥头<i>树</i>"


@pytest.mark.parametrize(
    "context", [ON_PAGE, replace(SHOWING, images=Images.NONE), replace(IN_FEED, images=Images.NONE)]
)
@pytest.mark.parametrize(
    "larger", [PICTURE, "https://photo.example/a.jpg", "https://news.example/gallery/7"]
)
def test_a_link_to_a_picture_that_is_not_shown_is_unwrapped(
    larger: str, context: LinkContext
) -> None:
    html = f'<figure><a href="{larger}"><img src="{PICTURE}" alt="石桥"></a><figcaption>树</figcaption></figure>'
    assert _rewritten(html, context) == "<figure><i>石桥</i><figcaption>树</figcaption></figure>"
    worded = f'<a href="{larger}"><img src="{PICTURE}" alt="">看大图</a>'
    assert _rewritten(worded, context) == f'<a title="{larger}">看大图</a>'


def test_where_pictures_are_linked_they_stay_where_they_are() -> None:
    linking = replace(SHOWING, images=Images.LINK)
    assert _rewritten(
        f'<a href="{PICTURE}"><img src="{PICTURE}" alt="石桥" width="5"></a>', linking
    ) == (
        f'<a href="{PICTURE}" rel="noopener noreferrer nofollow"><img src="{PICTURE}" alt="石桥" width="5"></a>'
    )
    assert (
        _rewritten('<a href="https://news.example/gb/9/n2.htm">石</a>', linking)
        == '<a href="../c2/n2.md?n1">石</a>'
    )


@pytest.mark.parametrize(
    "larger", [PICTURE, "https://photo.example/a.jpg", "https://i.news.example/a-2000.jpg"]
)
def test_a_link_to_the_larger_form_of_a_picture_leads_to_its_original_size(larger: str) -> None:
    html = f'<p><a href="{larger}"><img src="{PICTURE}" alt=""></a></p>'
    assert _rewritten(html, SHOWING) == (
        f'<p><a href="{ORIGINAL}"><img src="{READING}" alt="" width="1200" height="600"></a></p>'
    )


def test_a_link_in_words_to_a_picture_that_is_held_leads_to_its_original_size() -> None:
    assert _link(PICTURE, SHOWING) == {"href": ORIGINAL}
    assert _link(PICTURE, replace(SHOWING, write=IN_FEED.write, is_standalone=True)) == {
        "href": f"{ROOT}/media/{STORED.original.name}"
    }


def test_a_picture_that_is_a_link_to_something_else_leads_there() -> None:
    shown = f'<img src="{PICTURE}" alt="">'
    article = f'<a href="https://news.example/gb/9/n2.htm">{shown}</a>'
    assert '<a href="../c2/n2.md?n1"><img src="../' in _rewritten(article, SHOWING)
    elsewhere = f'<a href="https://example.org/donate">{shown}</a>'
    assert (
        '<a href="https://example.org/donate" rel="noopener noreferrer nofollow"><img src="../'
        in _rewritten(elsewhere, SHOWING)
    )


def test_what_could_ask_another_host_is_gone_even_if_cleaning_had_left_it() -> None:
    html = (
        f'<picture><source srcset="{PICTURE}"><img src="{PICTURE}" srcset="{PICTURE} 2x" data-src="{PICTURE}" sizes="9px"'
        f' data-srcset="{PICTURE}" data-original="{PICTURE}" alt=""></picture>'
    )
    assert (
        _rewritten(html, SHOWING)
        == f'<picture><img src="{READING}" alt="" width="1200" height="600"></picture>'
    )
    assert (
        _rewritten(html, replace(SHOWING, images=Images.LINK))
        == f'<picture><img src="{PICTURE}" alt=""></picture>'
    )


@pytest.mark.parametrize("context", [ON_PAGE, IN_FEED])
@pytest.mark.parametrize(
    ("player", "shown"),
    [
        (
            '<audio src="https://example.org/a.mp3" controls></audio>',
            [("href", "https://example.org/a.mp3")],
        ),
        (
            '<video><source src="https://example.org/a.mp4"><source src="https://example.org/b.ogg"></video>',
            [("href", "https://example.org/a.mp4")],
        ),
        (
            '<audio src="https://example.org/a.mp3"><a href="https://example.org/b.mp3">录音</a></audio>',
            [("href", "https://example.org/b.mp3")],
        ),
        (
            '<audio src="https://example.org/a.mp3">听<source src="https://example.org/b.mp3">不到</audio>',
            [("href", "https://example.org/a.mp3")],
        ),
        (
            '<video><audio src="https://example.org/a.mp3"></audio></video>',
            [("href", "https://example.org/a.mp3")],
        ),
        (
            '<audio src="https://news.example/a.mp3"></audio>',
            [("title", "https://news.example/a.mp3")],
        ),
        ("<video>无法播放</video>", []),
        ('<source src="https://example.org/a.mp4">', []),
    ],
)
def test_a_player_becomes_one_link_to_its_file(
    player: str, shown: list[tuple[str, str]], context: LinkContext
) -> None:
    rewritten = _rewritten(f"<p>石</p>{player}<p>桥</p>", context)
    root = parser.fragment_fromstring(rewritten, create_parent="div")
    links = list(root.iter("a"))
    assert [(name, link.get(name)) for link, (name, _) in zip(links, shown, strict=True)] == shown
    assert all(link.text for link in links)
    assert not list(root.iter("audio", "video", "source"))
    assert plain_text(SafeHtml(rewritten)).startswith("石 ")
    assert plain_text(SafeHtml(rewritten)).endswith("桥")


def test_a_player_in_a_link_does_not_put_a_link_into_it() -> None:
    rewritten = _rewritten(
        '<a href="https://news.example/gb/9/n2.htm">石<video src="https://example.org/a.mp4"></video>桥</a>'
    )
    assert rewritten.startswith('<a href="../c2/n2.md?n1">石')
    assert rewritten.count("<a ", 0, rewritten.index("</a>")) == 1
    assert "https://example.org/a.mp4" in plain_text(SafeHtml(rewritten))


def test_the_poster_of_a_player_is_a_picture_like_any_other() -> None:
    html = f'石<video poster="{PICTURE}">看不到<source src="https://example.org/a.mp4"></video>桥'
    link = '<a href="https://example.org/a.mp4" rel="noopener noreferrer nofollow">https://example.org/a.mp4</a>'
    assert shown_pictures(fragment(SafeHtml(html)), None) == (PICTURE,)
    assert (
        _rewritten(html, SHOWING)
        == f'石<img src="{READING}" alt="" width="1200" height="600">看不到{link}桥'
    )
    assert _rewritten(html) == f"石看不到{link}桥"
    assert (
        _rewritten(html, replace(SHOWING, images=Images.LINK))
        == f'石<img src="{PICTURE}" alt="">看不到{link}桥'
    )


def test_the_pictures_that_an_article_shows_are_each_named_once() -> None:
    html = f'<img src="{PICTURE}"><p><img src="https://i.news.example/b.jpg"></p><img src="{PICTURE}"><a href="/c.jpg">c</a><img>'
    lead = Picture(Url("https://i.news.example/0.jpg"))
    assert shown_pictures(fragment(SafeHtml(html)), lead) == (
        lead.url,
        PICTURE,
        "https://i.news.example/b.jpg",
    )
    assert shown_pictures(fragment(SafeHtml(html)), Picture(PICTURE)) == (
        PICTURE,
        "https://i.news.example/b.jpg",
    )
    assert shown_pictures(fragment(SafeHtml("石桥")), None) == ()


def test_a_text_made_to_be_a_burden_has_the_pictures_and_links_of_a_long_one() -> None:
    many = "".join(
        f'<img src="https://i.news.example/{n}.jpg"><a href="https://news.example/gb/9/n{n}.htm">x</a>'
        for n in range(600)
    )
    pictures = shown_pictures(
        fragment(SafeHtml(many)), Picture(Url("https://i.news.example/lead.jpg"))
    )
    assert len(pictures) == 200
    assert "https://i.news.example/lead.jpg" in pictures
    assert len(linked_articles(fragment(SafeHtml(many)), MIRROR, besides=ArticleId("n1"))) == 500


def test_an_article_shows_its_lead_picture_itself_if_its_text_has_it() -> None:
    html = SafeHtml(f'<p>石<img src="{PICTURE}"></p><a href="https://i.news.example/b.jpg">桥</a>')
    assert shows(html, Picture(PICTURE))
    assert not shows(html, Picture(Url("https://i.news.example/b.jpg")))


def test_the_articles_that_a_text_links_to_are_each_named_once_in_the_order_of_their_ids() -> None:
    hrefs = ("9/n5.htm", "9/n2.htm", "8/n5.htm?x#y", "9/n1.htm", "tag/x.html")
    html = "".join(f'<a href="https://news.example/gb/{href}">x</a>' for href in hrefs)
    html += '<a href="https://example.org/gb/9/n7.htm">x</a><a href="https://blog.example/n8">x</a><a href="#n9">x</a><a>x</a>'
    assert linked_articles(fragment(SafeHtml(html)), MIRROR, besides=ArticleId("n1")) == (
        ("n2", "https://news.example/gb/1/n2.htm"),
        ("n5", "https://news.example/gb/1/n5.htm"),
        identify(UNRULED, Url("https://blog.example/n8")),
    )


def test_blocks_in_a_player_inside_an_inline_element_become_text() -> None:
    safe = clean(
        DirtyHtml("<b>前<video src='/a.mp4'><p>一段</p><ul><li>二</li></ul></video>后</b>"),
        Url("https://news.example/"),
    )
    rewritten = rewrite_links(safe, MIRROR, ON_PAGE)
    bold = fragment(rewritten).find("b")
    assert bold is not None
    assert "".join(bold.itertext()).split() == ["前", "一段", "二", "https://news.example/a.mp4后"]


# Hypothesis: whatever upstream writes, in all the ways to write an address, at every kind of place.
# What a text says is in Chinese; what rewriting may put into it, alternative texts and addresses,
# is in ASCII.
ADDRESSES = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from((*SCHEMES, " https://", "https:\\\\")),
    st.sampled_from(
        (
            *HOSTS,
            "news.example:443",
            "u:p@news.example",
            "i.news.example",
            "photo.example",
            "blog.example",
            "sho.rt",
        )
    )
    | st.sampled_from(
        ("example.org", "news.example.org", "news.example@example.org", "石桥.example")
    ),
    st.sampled_from(
        (
            "/gb/9/n2.htm",
            "/b5/9/n3.html",
            "/gb/9/n1.htm",
            "/%67b/9/%6e2.htm",
            "/gb/tag/x.html",
            "/gb/tag/%2F.html",
        )
    )
    | st.sampled_from(
        (
            "/a-600.jpg",
            "/b.png",
            "/Ab1",
            "/tag",
            "/home",
            "",
            "/",
            "/gb/9/",
            "/a.mp4",
            "/gb\\9\\n2.htm",
        )
    ),
    st.sampled_from(("", "", "?a=1&amp;b=%22", "?utm_source=x")),
    st.sampled_from(("", "", "#top", "#%E7%9F%B3", "#石")),
) | st.sampled_from(
    (
        *(
            "#top",
            "#石",
            " #top",
            "n2.htm",
            "../9/n3.htm#a",
            "?page=2",
            "",
            "/",
            "/a-600.jpg",
            "//",
            "http://[",
            "\\\\example.org\\a",
        ),
        *(
            "javascript:x",
            "data:image/png;base64,AA",
            "mailto:a@example.org",
            "https://",
            "https:///gb/9/n2.htm",
        ),
    )
)
ALTS = st.sampled_from(("", " ", "stone", " a &lt; b &amp;amp; &quot; "))
PICTURES = st.builds(
    '<img src="{0}" alt="{2}" srcset="{1} 2x, {0}" data-src="{1}" style="background:url({1})" onload="x">'.format,
    ADDRESSES,
    ADDRESSES,
    ALTS,
) | st.builds(
    '<picture><source srcset="{0} 2x" media="x"><img src="{1}" lowsrc="{0}"></picture>'.format,
    ADDRESSES,
    ADDRESSES,
)
PLAYERS = st.builds(
    '<{0} src="{1}" poster="{2}" controls autoplay preload="auto">{4}<source src="{3}" srcset="{3}">{4}</{0}>'.format,
    st.sampled_from(("video", "audio")),
    ADDRESSES,
    ADDRESSES,
    ADDRESSES,
    st.sampled_from(
        (
            "",
            "看不到",
            "<p>听不到</p>",
            '<a href="https://example.org/">别处</a>',
            '<a name="q">此处</a>',
        )
    ),
) | st.builds('<video><source src="{}"><source src="{}"></video>'.format, ADDRESSES, ADDRESSES)
OTHERS = st.builds(
    "<{0} {1}='{2}'>石</{0}>".format,
    st.sampled_from(
        (
            "iframe",
            "object",
            "embed",
            "link",
            "input",
            "table",
            "svg",
            "body",
            "base",
            "form",
            "q",
            "del",
            "area",
        )
    ),
    st.sampled_from(
        ("src", "data", "href", "background", "cite", "style", "action", "ping", "poster", "srcset")
    ),
    ADDRESSES,
)
TEXTS = st.sampled_from(
    ("石桥", "修好了。", " ", "\n", "　", "<br>", "<wbr>", "a &lt; b", "'", '"', "\u2028")
)
SOUP = st.recursive(
    TEXTS | PICTURES | PLAYERS | OTHERS,
    lambda inner: st.builds(
        '<{0} href="{1}" src="{1}" title="t" name="n" ping="{1}" target="_blank">{2}</{0}>'.format,
        st.sampled_from(
            (
                "a",
                "a",
                "a",
                "p",
                "b",
                "h2",
                "ul",
                "li",
                "td",
                "tr",
                "table",
                "pre",
                "div",
                "figure",
                "video",
                "span",
            )
        ),
        ADDRESSES,
        st.lists(inner, max_size=4).map("".join),
    ),
    max_leaves=12,
)
CLEANED = (
    st.lists(SOUP, max_size=5)
    .map("".join)
    .map(lambda dirty: clean(DirtyHtml(dirty), Url("https://news.example/gb/9/n1.htm")))
)
SHOWN = (
    "https://i.news.example/a-600.jpg",
    "http://news.example/b.png",
    "https://photo.example/b.png",
    "https://example.org/a-600.jpg",
)
PLACES = st.builds(
    lambda stored, shown, images, only_stored, in_feed: replace(
        IN_FEED if in_feed else ON_PAGE,
        pages={ArticleId(each): LAYOUT.article("news", "c2", ArticleId(each)) for each in stored},
        pictures={Url(url): STORED for url in shown},
        images=images,
        only_stored=only_stored,
    ),
    st.sets(st.sampled_from(("n2", "n3"))),
    st.sets(st.sampled_from(SHOWN)),
    st.sampled_from(Images),
    st.booleans(),
    st.booleans(),
)
LOCAL = ("alt", "height", "name", "rel", "title", "width")
FROM_ROOT = ROOT + PAGE


def _tree(html: str) -> parser.HtmlElement:
    return parser.document_fromstring(f"<html><body><div>{html}</div></body></html>")


def _said(html: str) -> str:
    return re.sub(r"[\x00-\x7f]", "", str(_tree(html).text_content()))


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_nothing_that_is_rewritten_makes_a_browser_ask_another_host(
    safe: SafeHtml, context: LinkContext
) -> None:
    root = _tree(rewrite_links(safe, MIRROR, context))
    assert not {str(element.tag) for element in root.iter()} & {
        "audio",
        "video",
        "source",
        "picture",
        "iframe",
        "object",
        "link",
    }
    for element in root.iter():
        asking = {
            str(name): str(value) for name, value in element.attrib.items() if name not in LOCAL
        }
        assert set(asking) <= (
            {"href"} if element.tag == "a" else {"src"} if element.tag == "img" else set()
        )
        if "src" in asking and context.images is not Images.LINK:
            assert urljoin(FROM_ROOT, asking["src"]) == f"{ROOT}/media/{STORED.reading.name}"


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_no_link_that_is_rewritten_leads_to_a_mirrored_site_and_each_inside_says_where_it_stands(
    safe: SafeHtml, context: LinkContext
) -> None:
    for link in _tree(rewrite_links(safe, MIRROR, context)).iter("a"):
        href = link.get("href") or "#"
        led_to = urlsplit(urljoin(FROM_ROOT, href))
        if not led_to.geturl().startswith(ROOT):
            is_picture = context.images is Images.LINK and link.find(".//img") is not None
            assert led_to.hostname not in (
                BLOCKED - set(SITE.picture_hosts) if is_picture else BLOCKED
            )
            assert link.get("rel") == "noopener noreferrer nofollow"
        elif led_to.path.startswith("/sub/media/"):
            assert href.endswith(STORED.original.name)
        else:
            assert href.startswith("#") or led_to.query == "n1"
            assert link.get("rel") is None


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_every_link_to_an_article_that_is_held_leads_to_its_page(
    safe: SafeHtml, context: LinkContext
) -> None:
    links = _tree(rewrite_links(safe, MIRROR, context)).iter("a")
    led_to = {
        urlsplit(urljoin(FROM_ROOT, link.get("href") or "#"))
        ._replace(query="", fragment="")
        .geturl()
        for link in links
    }
    linked = dict(linked_articles(fragment(safe), MIRROR, besides=context.article_id))
    assert {ROOT + page for target, page in context.pages.items() if target in linked} <= led_to


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_rewriting_changes_no_text_but_for_alternative_texts_and_addresses(
    safe: SafeHtml, context: LinkContext
) -> None:
    assert _said(rewrite_links(safe, MIRROR, context)) == _said(safe)


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_rewriting_leaves_what_has_no_link_picture_or_player_byte_for_byte(
    safe: SafeHtml, context: LinkContext
) -> None:
    root = fragment(safe)
    for element in list(root.iter("a", "img", "audio", "video", "source")):
        element.drop_tag()
    plain = clean(inner_html(root), Url(ROOT))
    assert rewrite_links(plain, MIRROR, context) == plain


@settings(deadline=None, max_examples=120)
@given(CLEANED, PLACES)
def test_what_is_rewritten_for_a_feed_passes_cleaning_unchanged_but_for_rel(
    safe: SafeHtml, context: LinkContext
) -> None:
    rewritten = rewrite_links(
        safe, MIRROR, replace(context, write=IN_FEED.write, is_standalone=True)
    )
    without_rel = rewritten.replace(' rel="noopener noreferrer nofollow"', "")
    # both in the form of one serialiser, as they put quotes differently
    assert inner_html(fragment(clean(DirtyHtml(without_rel), Url(ROOT)))) == without_rel


@settings(deadline=None, max_examples=100)
@given(CLEANED, PLACES)
def test_the_same_article_at_the_same_place_is_rewritten_to_the_same_bytes(
    safe: SafeHtml, context: LinkContext
) -> None:
    reversed_maps = replace(
        context,
        pages=dict(reversed(list(context.pages.items()))),
        pictures=dict(reversed(list(context.pictures.items()))),
    )
    assert rewrite_links(safe, MIRROR, context) == rewrite_links(safe, MIRROR, reversed_maps)


@pytest.mark.parametrize(
    ("lead", "is_shown"),
    [
        ("https://a.example/up/boat-1200x800.jpg", True),
        ("https://i0.wp.com/a.example/up/boat.jpg?w=900", True),
        ("http://a.example/up/boat-scaled.jpg", True),
        ("https://a.example/other/boat.jpg", False),
        ("https://a.example/up/ship.jpg", False),
    ],
)
def test_a_lead_picture_is_known_in_another_size(lead: str, is_shown: bool) -> None:  # noqa: FBT001 (a parameter)
    body = SafeHtml('<p><img src="https://a.example/up/boat-600x400.jpg" alt=""></p>')
    assert shows(body, Picture(Url(lead))) == is_shown
