"""Articles of pages without rules: located in the page's tree, and kept in its own structure."""

import pytest

from feedproxy import markup
from feedproxy.errors import ExtractError
from feedproxy.extract import extract_article
from feedproxy.extract.players import page_of
from feedproxy.model import ArticleRules, Page, SafeHtml, Site, Url
from feedproxy.sanitise import clean

URL = Url("https://harbour.example/2031/5/lamp.html")
SITE = Site("harbour.example", "Harbour", ("harbour.example",))
TEXT = tuple(
    f"In the {number} week the keeper of the lamp wrote down how many boats had come in before the "
    "tide turned, and which of them had lost a net or an oar on the rocks of the point."
    for number in ("first", "second", "third", "fourth", "fifth", "sixth")
)
COMMENTS = "".join(
    f'<div class="comment"><b>user{number}</b><p>I was there, and I saw {number} boats, not one more, whatever '
    "the keeper says; and the night was as clear as glass, so nobody can have lost an oar.</p></div>"
    for number in range(12)
)


def page_of_article(
    inside: str, *, head: str = "", after: str = "", text: tuple[str, ...] = TEXT
) -> str:
    paragraphs = [f"<p>{each}</p>" for each in text]
    return (
        f"<html><head><title>The lamp | Harbour</title>{head}</head><body>"
        '<nav><ul><li><a href="/">Home</a></li><li><a href="/news">News of the harbour</a></li></ul></nav>'
        f'<div id="page"><h1>The lamp</h1><div class="byline">By Ada Moor</div><div class="entry">{"".join(paragraphs[:3])}'
        f"{inside}{''.join(paragraphs[3:])}</div>{after}</div><footer>All rights reserved by the harbour</footer></body></html>"
    )


def body_of(html: str) -> SafeHtml:
    found = extract_article(
        Page(URL, html.encode(), "text/html; charset=utf-8"), ArticleRules(), SITE
    )
    return clean(found.body, URL)


@pytest.mark.parametrize(
    "inside",
    [
        "<p>Call <code>light(2)</code>, then <kbd>Enter</kbd>.</p>",
        "<pre><code>def light(n):\n    return n + 1</code></pre>",
        '<ol start="3"><li>oil</li><li>wick<ul><li>long</li></ul></li></ol>',
        "<dl><dt>Lamp</dt><dd>What shines.</dd></dl>",
        '<table><caption>Boats</caption><tbody><tr><th rowspan="2">May</th><td>12</td></tr><tr><td>14</td></tr></tbody></table>',
        '<figure><img src="https://harbour.example/a.jpg" alt="lamp"><figcaption>The lamp at night</figcaption></figure>',
        "<blockquote><p>It shines for all.</p><cite>The keeper</cite></blockquote>",
        "<details><summary>More</summary><p>The oil is from the north.</p></details>",
        "<p>H<sub>2</sub>O, x<sup>2</sup>, <ruby>港<rp>(</rp><rt>こう</rt><rp>)</rp></ruby>, <mark>bright</mark>, <q>so be it</q>.</p>",
        "<h2>The second half</h2>",
    ],
)
def test_the_structure_of_the_page_is_kept(inside: str) -> None:
    body = body_of(page_of_article(inside))
    assert [text in body for text in TEXT] == [True] * len(TEXT)
    assert str(clean(markup.inner_html(markup.fragment(inside)), URL)) in body


@pytest.mark.parametrize(
    "after",
    [
        f'<div class="comments">{COMMENTS}</div>',
        f'<section id="respond">{COMMENTS}</section>',
        '<div class="related"><h3>Related</h3><ul><li><a href="/1">One more story of the harbour</a></li></ul></div>',
        '<ul class="share"><li><a href="https://share.example/">Share this story with all</a></li></ul>',
        "<aside><p>The harbour is the oldest paper of the coast, and nobody pays for it.</p></aside>",
    ],
)
def test_what_surrounds_an_article_is_left_out(after: str) -> None:
    body = body_of(page_of_article("", after=after))
    words = markup.text_of(markup.fragment(after))[:30]
    assert words not in markup.text_of(markup.fragment(body))
    assert "All rights" not in body
    assert TEXT[-1] in body


def test_relative_addresses_follow_the_base_of_the_page() -> None:
    inside = '<p><img src="pics/lamp.jpg" alt="x"> <a href="../else">else</a></p>'
    body = body_of(page_of_article(inside, head='<base href="/static/">'))
    assert 'src="https://harbour.example/static/pics/lamp.jpg"' in body
    assert 'href="https://harbour.example/else"' in body


@pytest.mark.parametrize(
    ("player", "target"),
    [
        (
            '<iframe src="https://www.youtube.com/embed/abcdefgh123" title="The film"></iframe>',
            "https://www.youtube.com/watch?v=abcdefgh123",
        ),
        (
            '<lite-youtube videoid="abcdefgh123"></lite-youtube>',
            "https://www.youtube.com/watch?v=abcdefgh123",
        ),
        ('<iframe data-src="//player.vimeo.com/video/42"></iframe>', "https://vimeo.com/42"),
        ('<amp-vimeo data-videoid="42"></amp-vimeo>', "https://vimeo.com/42"),
        (
            '<iframe src="https://player.bilibili.com/player.html?aid=1&bvid=BV1ab"></iframe>',
            "https://www.bilibili.com/video/BV1ab",
        ),
        ('<object data="https://films.example/f.swf"></object>', "https://films.example/f.swf"),
        ('<iframe src="https://maps.example/?q=1"></iframe>', "https://maps.example/?q=1"),
    ],
)
def test_a_player_leaves_a_link_to_what_it_plays(player: str, target: str) -> None:
    body = body_of(page_of_article(f"<p>{player}</p>"))
    assert f'href="{target.replace("&", "&amp;")}"' in body


@pytest.mark.parametrize(
    "frame",
    [
        '<iframe src="https://ad.doubleclick.net/x"></iframe>',
        '<iframe src="https://count.example/" width="1" height="1"></iframe>',
        '<iframe src="https://x.example/" style="display:none"></iframe>',
        '<iframe src="javascript:alert(1)"></iframe>',
    ],
)
def test_a_frame_without_content_leaves_nothing(frame: str) -> None:
    assert body_of(page_of_article(frame)) == body_of(page_of_article(""))


def test_an_unknown_player_s_address_is_its_own() -> None:
    assert page_of("https://play.example/e/1") == "https://play.example/e/1"


@pytest.mark.parametrize(
    "picture",
    [
        '<img src="data:image/gif;base64,R0" data-any-name="/p/lamp.jpg">',
        '<img src="/img/blank.gif" zoomfile="/p/lamp.jpg">',
        '<img data-unknown="https://harbour.example/p/lamp.jpg">',
        '<amp-img src="/p/lamp.jpg" width="9" height="9"></amp-img>',
        '<div><img src="data:," data-src="/p/lamp.jpg"></div><noscript><img src="/p/lamp.jpg"></noscript>',
        '<noscript><img src="/p/lamp.jpg"></noscript><img src="data:," data-actualsrc="/p/lamp.jpg">',
    ],
)
def test_a_lazy_picture_is_shown_once_whatever_its_attribute_is_called(picture: str) -> None:
    body = body_of(page_of_article(f"<p>{picture}</p>"))
    shown = [image.get("src") for image in markup.fragment(body).iter("img")]
    assert shown == ["https://harbour.example/p/lamp.jpg"]


def test_a_page_that_scripts_draw_has_the_text_of_its_linked_data() -> None:
    text = "\\n\\n".join(TEXT)
    data = f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "The lamp", "articleBody": "{text}"}}</script>'
    body = body_of(
        f"<html><head><title>x</title>{data}</head><body><div id='root'></div></body></html>"
    )
    assert body.count("<p>") == len(TEXT)


def test_a_page_without_an_article_is_refused() -> None:
    with pytest.raises(ExtractError, match="no article found"):
        body_of("<html><body><nav><a href='/'>Home</a></nav></body></html>")
