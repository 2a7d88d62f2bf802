from collections.abc import Iterator
from html import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html as parser

from feedproxy import markup, sanitise
from feedproxy.characters import without_hidden
from feedproxy.errors import ExtractError, TooLargeError
from feedproxy.model import DirtyHtml, Url

PAGE = Url("https://news.example/gb/21/11/9/page.htm")
ADDRESSES = (
    "href",
    "src",
    "poster",
    "action",
    "formaction",
    "background",
    "cite",
    "data",
    "xlink:href",
)

TAGS = st.sampled_from(
    (
        *sorted(sanitise.DROPPED),
        *(
            "a",
            "a",
            "p",
            "p",
            "b",
            "i",
            "h2",
            "div",
            "ul",
            "li",
            "table",
            "tr",
            "td",
            "audio",
            "video",
            "source",
        ),
        *("wbr", "img", "br", "pre"),
        *(
            "font",
            "center",
            "o:p",
            "image",
            "foreignObject",
            "mtext",
            "annotation-xml",
            "keygen",
            "html",
            "body",
        ),
        *("details", "ruby"),
    )
)
VALUES = st.sampled_from(
    (
        *("javascript:alert(1)", "JaVa\nScRiPt:x", "java&#10;script:x", "&#106;avascript:x"),
        *("&#x6a;avascript&colon;x", "javascript:123"),
        *(
            "\x01javascript:x",
            "data:text/html,x",
            "vbscript:x",
            "//example.org/a",
            "/a?utm_source=x&b=1",
            "#top",
        ),
        *(" #top", "http://[", ""),
        *(
            "https://example.org/?a=1&copy=2",
            'x" onclick="y',
            "x' onclick='y",
            "><script>x</script>",
        ),
        *("a&lt;b\"c'd&amp;amp;", "石 桥", "\ud800"),
    )
)
VOID = {"base", "embed", "frame", "input", "link", "meta", "param", "track"}
NAMES = st.sampled_from(
    ("onclick", "ONERROR", "style", "srcset", "title", "alt", "class", "name", "dir", *ADDRESSES)
)
ATTRIBUTES = st.lists(st.tuples(NAMES, st.sampled_from(('"', "'", "")), VALUES), max_size=3).map(
    lambda each: "".join(f" {name}={quote}{value}{quote}" for name, quote, value in each)
)
STARTS = st.tuples(TAGS, ATTRIBUTES, st.sampled_from((">", ">", ">", "/>", " ", ""))).map(
    lambda part: f"<{part[0]}{part[1]}{part[2]}"
)
TEXTS = st.sampled_from(
    (
        *(
            "石桥",
            "修好了\n",
            "bridge",
            " ",
            "\n",
            "\x00",
            "\x0b",
            "\u2028",
            "\xa0",
            "\ud800",
            "\U0001f600",
            "'",
            '"',
        ),
        *("<", ">", "&", "</"),
        *(
            "&lt;script&gt;x&lt;/script&gt;",
            "&amp;lt;",
            "&#0;",
            "&#x3c;b&#x3e;",
            "&nbsp",
            "<!--",
            "-->",
        ),
        *("<!-- 注 -->", "<![CDATA[x]]>", "<?x ?>"),
        *("<!DOCTYPE html>", "a<b"),
    )
)
SOUP = st.lists(STARTS | STARTS | TAGS.map("</{}>".format) | TEXTS, max_size=16).map("".join)
THOROUGHLY = settings(deadline=None, max_examples=120)


def _clean(dirty: str) -> str:
    return sanitise.clean(DirtyHtml(dirty), PAGE)


def _text(dirty: str) -> str:
    return sanitise.plain_text(sanitise.clean(DirtyHtml(dirty), PAGE))


def _parsed(clean: str) -> Iterator[tuple[str, dict[str, str]]]:
    for element in parser.document_fromstring(
        f"<html><body><div>{clean}</div></body></html>"
    ).iterfind(".//body/div//*"):
        yield str(element.tag), {str(name): str(value) for name, value in element.attrib.items()}


@THOROUGHLY
@given(SOUP)
@example("<html></object>")
@example("<!DOCTYPE html>")
@example("<p>a</body><body class=x><p>b")
@example("<html>'")
@example("<font>\u2028")
@example("<b title='\">'>x</b>")
@example("<h2><font><p>x</p></font></h2>")
def test_cleaning_twice_is_cleaning_once(dirty: str) -> None:
    once = _clean(dirty)
    assert _clean(once) == once


@THOROUGHLY
@given(SOUP)
def test_nothing_that_runs_loads_or_styles_is_ever_left(dirty: str) -> None:
    for tag, attributes in _parsed(_clean(dirty)):
        assert tag in sanitise.TAGS
        assert tag not in sanitise.DROPPED
        assert not {"style", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.lower().startswith("on")]
        for name in ADDRESSES:
            value = attributes.get(name, "https://")
            assert value.startswith(("http://", "https://")) or (
                name == "href" and value.startswith("#")
            )


def test_an_attribute_whose_name_is_none_costs_no_article() -> None:
    dirty = '<p {x="1" {u}v=2 {}=3 a:b=4 :c=5 @d=6 title="石&#1;">桥</p><a {http://x}href=1 href="https://news.example/a">上</a>'
    assert (
        sanitise.clean(DirtyHtml(dirty), PAGE)
        == '<p title="石">桥</p><a href="https://news.example/a">上</a>'
    )


def test_no_element_is_both_allowed_and_dropped() -> None:
    assert not sanitise.TAGS & sanitise.DROPPED
    assert {
        "script",
        "style",
        "iframe",
        "object",
        "svg",
        "math",
        "form",
        "template",
        "noscript",
    } <= sanitise.DROPPED


@pytest.mark.parametrize("tag", sorted(sanitise.DROPPED - VOID - {"head", "frameset", "plaintext"}))
def test_what_stands_in_a_dropped_element_goes_and_what_follows_it_stays(tag: str) -> None:
    assert _clean(f"<div>石<{tag}>暗号</{tag}>桥</div>") == "<div>石桥</div>"


@pytest.mark.parametrize("tag", ["font", "blink", "o:p", "label", "custom-element"])
def test_an_unknown_element_goes_and_its_text_stays(tag: str) -> None:
    assert (
        _clean(f"<div>石<{tag} onclick=x>桥<b>头</b></{tag}>。</div>")
        == "<div>石桥<b>头</b>。</div>"
    )


@pytest.mark.parametrize(
    "href",
    [
        *(
            "javascript:alert(1)",
            "javascript:123",
            "JaVa\nScRiPt:x",
            "java&#9;script:x",
            "&#106;avascript:x",
        ),
        *("javascript&colon;x", "\x01javascript:x"),
        *("data:text/html;base64,eA==", "vbscript:x", "feed:javascript:x", "file:///etc/passwd"),
        *("mailto:a@example.org", "http://[", "http://"),
    ],
)
def test_a_link_that_leads_to_no_web_page_loses_its_address_and_keeps_its_text(href: str) -> None:
    assert _clean(f'<a href="{href}">石桥</a>') == "<a>石桥</a>"
    assert _clean(f'<img src="{href}" alt="石桥">') == '<img alt="石桥">'


@pytest.mark.parametrize(
    ("href", "absolute"),
    [
        ("a.htm", "https://news.example/gb/21/11/9/a.htm"),
        ("/a.htm#top", "https://news.example/a.htm#top"),
        ("//example.org/a", "https://example.org/a"),
        ("http://example.org/?a=1&amp;utm_source=x&amp;fbclid=2", "http://example.org/?a=1"),
        ("#top", "#top"),
    ],
)
def test_addresses_become_absolute_and_lose_their_trackers_and_fragments_stay(
    href: str, absolute: str
) -> None:
    assert _clean(f'<a href="{href}">石桥</a>') == f'<a href="{absolute}">石桥</a>'


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        (
            '<img src="/a.png" srcset="/b.png 2x" onerror="x" style="x" width="4" alt="石桥">',
            ["alt", "src", "width"],
        ),
        (
            '<video src="/a.mp4" poster="/a.png" controls autoplay onplay=x></video>',
            ["controls", "poster", "src"],
        ),
        ('<td colspan="2" bgcolor="red">', ["colspan"]),
        ('<a href="/a" target="_blank" ping="/b" rel="opener" id="x">', ["href"]),
        ('<p style="x" class="y" lang="zh" data-x="1" ONCLICK="z">', ["lang"]),
    ],
)
def test_only_attributes_that_readers_need_stay(dirty: str, clean: list[str]) -> None:
    table = f"<table><tr>{dirty}</tr></table>" if dirty.startswith("<td") else dirty
    assert (
        sorted(
            next(attributes for tag, attributes in _parsed(_clean(table)) if f"<{tag} " in dirty)
        )
        == clean
    )


@pytest.mark.parametrize(
    "alt", ["石桥 & 村", 'he said "a > b"', "it's", "both \" and '", "1 < 2", "&lt;b&gt;"]
)
def test_the_text_of_a_picture_stays_what_it_was(alt: str) -> None:
    assert dict(_parsed(_clean(f'<img alt="{escape(alt)}">')))["img"]["alt"] == alt


@pytest.mark.parametrize(
    "void", ["<wbr>", '<source src="/a.mp3">', "<track src=x>", "<embed src=x>", "<input>", "<br>"]
)
def test_an_element_without_content_takes_no_text_with_it(void: str) -> None:
    assert _text(f"<div>石{void}桥</div><p>村民</p>").replace(" ", "") == "石桥村民"


@pytest.mark.parametrize(
    "tag",
    [
        "p",
        "div",
        "h2",
        "li",
        "dt",
        "blockquote",
        "pre",
        "section",
        "center",
        "main",
        "nav",
        "fieldset",
        "summary",
    ],
)
def test_two_blocks_never_run_into_each_other(tag: str) -> None:
    assert _text(f"<div><{tag}>石桥</{tag}><{tag}>修好了</{tag}></div>") == "石桥 修好了"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("石桥<br>修好了", "石桥 修好了"),
        ("石<b>桥</b>修好了", "石桥修好了"),
        ("<table><tr><td>石</td><td>桥</td></tr><tr><td>村</td></tr></table>", "石 桥 村"),
        ("<p>1 &lt; 2 &amp;amp; 3</p>", "1 < 2 &amp; 3"),
        ("", ""),
    ],
)
def test_plain_text_is_what_a_reader_sees(html: str, text: str) -> None:
    assert _text(html) == text


@THOROUGHLY
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zs", "Zl", "Zp")), max_size=40))
def test_escaped_text_comes_back_but_for_hidden_characters(text: str) -> None:
    assert _text(_clean(escape(text))) == without_hidden(text)


def test_a_document_beyond_the_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    with pytest.raises(TooLargeError, match=r"news\.example"):
        _clean("桥" * (sanitise.MAX_CHARACTERS + 1))
    inside = "<p></p><!--" + "x" * (sanitise.MAX_CHARACTERS - 14) + "-->"
    assert len(inside) == sanitise.MAX_CHARACTERS
    assert _clean(inside) == "<p></p>"


@pytest.mark.parametrize("wrapper", ["", "div", "section", "font"])
def test_a_long_document_has_the_text_of_its_paragraphs(wrapper: str) -> None:
    paragraphs = [
        f"<p>第{n}天，<b>村民</b>&amp;客人走过<a href='/{n}'>石桥</a>。" + "桥" * 60 + "</p>"
        for n in range(2_500)
    ]
    whole = "".join(paragraphs)
    assert len(whole) > 300_000 - 30_000
    text = _text(f"<{wrapper}>{whole}</{wrapper}>" if wrapper else whole)
    assert text == " ".join(_text(paragraph) for paragraph in paragraphs)


@pytest.mark.parametrize("ends", [500, 0])
@pytest.mark.parametrize(
    "tags",
    ["div", "font", "b", "i", "span", "blockquote", "center", "table><tr><td", "ul><li", "dl><dd"],
)
def test_a_deep_text_is_whole_and_in_order_and_no_deeper_than_readers_bear(
    tags: str, ends: int
) -> None:
    end = "".join(f"</{tag}>" for tag in reversed(tags.split("><")))
    words = [f"第{n}行" for n in range(500)]
    safe = _clean("".join(f"<{tags}>{word} " for word in words) + end * ends + "<p>最后一行</p>")
    assert _text(safe).split() == [*words, "最后一行"]
    assert (
        parser.fromstring(f"<div>{safe}</div>").text_content().split()[-1] == "最后一行"
    )  # libxml2 without `huge_tree`
    assert _clean(safe) == safe


def test_lines_of_deep_blocks_do_not_run_together() -> None:
    assert _text(_clean("".join(f"<div>第{n}行" for n in range(500)))) == " ".join(
        f"第{n}行" for n in range(500)
    )


def test_an_article_has_as_many_elements_as_one_limit_says_and_is_refused_beyond_it() -> None:
    assert _text(_clean("石<br>" * 55_000)).count("石") == 55_000
    with pytest.raises(ExtractError, match=f"more than {markup.MAX_ELEMENTS} elements"):
        _clean("石<br>" * 60_001)


def test_what_does_not_stay_counts_for_nothing() -> None:
    picture = f"<img alt='' src='data:image/png;base64,{'iVBOR' * 300_000}'>"
    script = f"<script>{'for (i=0;i<n;i++) ' * 100_000}</script>"
    assert _clean(f"<p>石桥{picture}</p>{script}") == '<p>石桥<img alt=""></p>'
