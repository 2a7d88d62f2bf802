import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from feedproxy import markup

SIMPLE = "<p>村口的石桥昨天修好了，大家都来看热闹。</p><p>老人说，这座桥有三百年了。</p>" * 20
TRADITIONAL = "<p>村口的石橋昨天修好了，大家都來看熱鬧。</p><p>老人說，這座橋有三百年了。</p>" * 20
HAN = re.compile(r"[\u4e00-\u9fff，。]\s*\n\s*[\u4e00-\u9fff，。]")

WORDS = ("石桥", "修好了，", "村民", "。", "bridge", "opens", "　", "&amp;")
SPACES = ("\n", "\n  ", " \r\n\t", " ", "")
INLINE = st.recursive(
    st.sampled_from((*WORDS, *SPACES, "<br>", "<wbr>", "<!-- 注 -->", "<img src=a.png>")),
    lambda inner: st.tuples(
        st.sampled_from(("a", "b", "span")), st.lists(inner, max_size=4).map("".join)
    ).map(lambda part: f"<{part[0]}>{part[1]}</{part[0]}>"),
    max_leaves=12,
)
BLOCK = st.tuples(
    st.sampled_from(("p", "div", "li", "h2", "pre")), st.lists(INLINE, max_size=6).map("".join)
)
PRINTED = st.lists(
    st.sampled_from(SPACES) | BLOCK.map(lambda part: f"<{part[0]}>{part[1]}</{part[0]}>"),
    max_size=6,
).map("".join)


def _tightened(html: str) -> str:
    root = markup.fragment(html)
    markup.tighten(root)
    return markup.inner_html(root)


def _unlazied(html: str, *more: str) -> str:
    root = markup.fragment(html)
    markup.unlazy(root, more)
    return markup.inner_html(root)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (SIMPLE.encode(), ""),
        (SIMPLE.encode("gb18030"), "text/html; charset=gb2312"),
        (SIMPLE.encode("gb18030"), 'text/html; charset="GBK"'),
        (b"<meta charset=gb2312>" + SIMPLE.encode("gb18030"), "text/html"),
        (
            b'<meta http-equiv=Content-Type content="text/html; charset=gb2312">'
            + SIMPLE.encode("gb18030"),
            "",
        ),
        (b'<?xml version="1.0" encoding="gb2312"?>' + SIMPLE.encode("gb18030"), "text/xml"),
        (SIMPLE.encode("gb18030"), ""),
        (SIMPLE.encode("gb18030"), "text/html; charset=utf-8"),
        (SIMPLE.encode(), "text/html; charset=big5"),
        (SIMPLE.encode(), "text/html; charset=iso-8859-1"),
        (b"<meta charset=gbk>" + SIMPLE.encode(), "text/html; charset=nonsense"),
        (b"\xef\xbb\xbf" + SIMPLE.encode(), "text/html; charset=gb2312"),
    ],
)
def test_a_page_is_read_whatever_its_labels_say_or_do_not_say(
    body: bytes, content_type: str
) -> None:
    assert markup.decode(body, content_type).endswith(SIMPLE)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("镕".encode("gb18030"), "text/html; charset=gb2312", "镕"),
        ("㐀 €".encode("gb18030"), "text/html; charset=gbk", "㐀 €"),
        (TRADITIONAL.encode("big5"), "text/html; charset=big5", TRADITIONAL),
        (TRADITIONAL.encode("big5"), "", TRADITIONAL),
        ("香港邨".encode("big5hkscs"), "text/html; charset=Big5", "香港邨"),
        ("“caf\xe9”".encode("cp1252"), "text/html; charset=iso-8859-1", "“caf\xe9”"),
        (("caf\xe9 " * 10).encode(), "text/html; charset=iso-8859-1", "caf\xe9 " * 10),
        # valid UTF-8 by chance
        ("模通".encode("gbk"), "text/html; charset=gbk", "模通"),
        (b"\xff\xfe" + "石桥".encode("utf-16-le"), "text/html; charset=gbk", "石桥"),
        (b"\xfe\xff" + "石桥".encode("utf-16-be"), "text/html; charset=gbk", "石桥"),
        (b'<meta charset="utf-16"><p>bridge</p>', "", '<meta charset="utf-16"><p>bridge</p>'),
        (b"", "", ""),
    ],
)
def test_a_label_counts_as_it_does_in_browsers_unless_the_bytes_say_otherwise(
    body: bytes, content_type: str, text: str
) -> None:
    assert markup.decode(body, content_type) == text


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", SIMPLE), ("gb2312", SIMPLE), ("big5", TRADITIONAL)]
)
@pytest.mark.parametrize("damage", [b"\xff", b"\x80\xff", b"\xfe"])
def test_one_damaged_byte_costs_a_character_and_not_the_page(
    encoding: str, text: str, damage: bytes
) -> None:
    read = markup.decode(text.encode(encoding) + damage + b"</p>", f"text/html; charset={encoding}")
    assert read[: len(text)] == text


def test_controls_are_dropped_and_white_space_stays() -> None:
    assert (
        markup.decode(b"a\x00b\x08\x0b\x0c\x1f\x7fc\t\r\nd \xef\xbf\xbe\xef\xbf\xbf")
        == "abc\t\r\nd "
    )
    assert markup.without_controls("石\ud800\x01桥\n") == "石桥\n"


LABELS = st.sampled_from(
    (
        "",
        "utf-8",
        "gbk",
        "big5",
        "utf-16",
        "utf-7",
        "idna",
        "punycode",
        "undefined",
        "hex",
        "x",
        "\u0131",
        "unicode_escape",
    )
)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80), LABELS)
@example(b"xn--99999999999999", "punycode")
@example(b"abc", "undefined")
@example(b"\\d", "unicode_escape")
def test_any_bytes_under_any_label_become_text_without_controls(body: bytes, label: str) -> None:
    for text in (
        markup.decode(body, f"text/html; charset={label}"),
        markup.decode(b"<meta charset=" + label.encode() + b">" + body),
    ):
        assert text == markup.without_controls(text)


@pytest.mark.parametrize(
    ("printed", "tight"),
    [
        ("<p>\n 村口石桥\n <a>\n 某某\n </a>\n 和村民\n</p>", "<p>村口石桥<a>某某</a>和村民</p>"),
        ("<p>石桥，\n\n  修好了</p>", "<p>石桥，修好了</p>"),
        ("<p>石桥\nBridge\n石桥</p>", "<p>石桥 Bridge 石桥</p>"),
        ("<p>石桥 修好</p>", "<p>石桥 修好</p>"),
        ("<p>　　石桥</p>", "<p>　　石桥</p>"),
        ("<pre>石桥\n  修好\n</pre>", "<pre>石桥\n  修好\n</pre>"),
        ("<p>石桥\n<!-- 注 -->\n修好</p>", "<p>石桥<!-- 注 -->修好</p>"),
        ("<div>\n <p>石桥</p>\n <p>村民</p>\n</div>", "<div><p>石桥</p><p>村民</p></div>"),
        ("<p>石桥\n <br>\n 修好</p>", "<p>石桥<br>修好</p>"),
    ],
)
def test_pretty_printing_leaves_no_gaps_between_chinese_characters(
    printed: str, tight: str
) -> None:
    assert _tightened(printed) == tight


def test_latin_words_stay_apart_by_one_space_whatever_tags_are_between() -> None:
    tight = _tightened("<p>\n The\n\n   old <b>bridge</b>\n <i>opens</i>\n</p>")
    assert tight == "<p>The old <b>bridge</b> <i>opens</i></p>"


@settings(deadline=None, max_examples=300)
@given(PRINTED)
def test_tightening_twice_is_tightening_once_and_loses_nothing_but_white_space(html: str) -> None:
    root = markup.fragment(html)
    before = str(root.text_content())
    markup.tighten(root)
    once = markup.inner_html(root)
    markup.tighten(root)
    assert markup.inner_html(root) == once
    assert "".join(str(root.text_content()).split()) == "".join(before.split())


@settings(deadline=None, max_examples=300)
@given(st.lists(INLINE, max_size=8).map("".join))
def test_no_line_break_is_left_between_chinese_characters_whatever_tags_are_between(
    inline: str,
) -> None:
    root = markup.fragment(f"<p>{inline}</p>".replace("<br>", ""))
    markup.tighten(root)
    assert not HAN.search(str(root.text_content()))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" 石桥\n修好  了\t! ", "石桥修好  了 !"),
        ("old\nbridge", "old bridge"),
        ("石桥\nA", "石桥 A"),
        ("\x00 \n ", ""),
    ],
)
def test_a_headline_is_one_line_and_keeps_the_spaces_that_were_typed(text: str, line: str) -> None:
    assert markup.plain(text) == line


@pytest.mark.parametrize("void", ["source src=a", "wbr", "track", "EMBED src=a", "keygen", "wbr /"])
def test_an_element_without_content_does_not_swallow_what_follows(void: str) -> None:
    root = markup.fragment(f"<div>石<{void}>桥</div><p>村民</p>")
    for element in root.iter(void.partition(" ")[0].lower()):
        assert len(element) == 0
        assert not element.text
    assert str(root.text_content()) == "石桥村民"
    assert not re.search(r"</(wbr|source|track|embed|keygen)", markup.inner_html(root))


@pytest.mark.parametrize(
    "html",
    [
        *(
            "",
            " ",
            "<!-- 注 -->",
            "<!DOCTYPE html>",
            "<html>",
            "<html></p>",
            "<body>石<body>桥",
            "</body></html>",
            "\x00",
            "<",
        ),
        *(
            "<?xml version='1.0'?>",
            "<frameset>",
            "<html/>",
            "]]>",
            "<p>石</body><body class=a><p>桥",
        ),
    ],
)
def test_what_is_hardly_markup_still_becomes_a_tree_with_its_text(html: str) -> None:
    text = "".join(re.findall("[石桥]", html))
    for root in (markup.fragment(html), markup.parse(html)):
        assert "".join(re.findall("[石桥]", str(root.text_content()))) == text


@pytest.mark.parametrize(
    ("lazy", "source"),
    [
        ('<img src="blank.gif" data-src="a.jpg">', "a.jpg"),
        ('<img data-original="a.jpg">', "a.jpg"),
        ('<img src="a.jpg" data-src="">', "a.jpg"),
        ('<img src="blank.gif"><noscript><img src="a.jpg"></noscript>', "a.jpg"),
        ('<img src="blank.gif" real-src="a.jpg" data-src="b.jpg">', "a.jpg"),
        ('<img src="a-20.jpg" srcset="a-300.jpg 300w, a.jpg 900w">', "a.jpg"),
        (
            '<img src="blank.gif" data-srcset="a-300.jpg 300w, a.jpg 900w" data-src="a-20.jpg">',
            "a.jpg",
        ),
        (
            '<img src="blank.gif" srcset="data:image/gif;base64,R0lGODlh 1x" data-lazy-srcset="a.jpg 2x">',
            "a.jpg",
        ),
        ('<img src="blank.gif" srcset="a-300.jpg 300w" data-srcset="a.jpg 1500w">', "a.jpg"),
        ('<img src="a.jpg" srcset="data:image/gif;base64,R0lGODlh 1x">', "a.jpg"),
        *(
            ('<img src="a.jpg" srcset="' + garbage + '">', "a.jpg")
            for garbage in ("", " , ", "b.jpg 5q", "b.jpg 1x 2x", "b -1x")
        ),
        (
            '<picture><source srcset="a-300.jpg 300w"><source srcset="a.jpg 1600w"><img src="a-20.jpg"></picture>',
            "a.jpg",
        ),
        (
            '<picture><source data-srcset="a.jpg, a-3.jpg 3x"><img src="b.jpg" srcset="a.jpg 2x"></picture>',
            "a.jpg",
        ),
        (
            '<picture><source srcset="b.jpg 300w"><img src="b.jpg" srcset="a.jpg 900w"></picture>',
            "a.jpg",
        ),
        ("<picture><source><img src='a.jpg'></picture>", "a.jpg"),
        # of the sources those count that are for every screen and of a kind that everybody shows
        *(
            (
                f'<picture><source {passed} srcset="b 1600w"><source srcset="a.jpg 900w"><img src="c.jpg"></picture>',
                "a.jpg",
            )
            for passed in (
                'media="(max-width: 600px)"',
                'media="print" type="image/png"',
                *(
                    f'type="{kind}"'
                    for kind in (
                        "image/svg+xml",
                        "IMAGE/SVG+XML",
                        "image/jxl",
                        "image/heic",
                        "video/mp4",
                        "text/html",
                    )
                ),
            )
        ),
        *(
            (f'<picture><source type="{kind}" srcset="a 1600w"><img src="b.jpg"></picture>', "a")
            for kind in (
                "image/webp",
                "image/avif",
                "image/jpeg",
                "image/jpg",
                "image/png",
                " Image/GIF ",
            )
        ),
        (
            '<picture><source type="image/svg+xml" srcset="a.svg"><img data-src="a.jpg"></picture>',
            "a.jpg",
        ),
        (
            '<picture><source media="(min-width: 1px)" data-srcset="b.jpg 1600w"><img src="a.jpg"></picture>',
            "a.jpg",
        ),
        ('<picture><img data-src="a.jpg"></picture>', "a.jpg"),
    ],
)
def test_a_picture_that_scripts_would_load_is_there_once_with_its_real_address(
    lazy: str, source: str
) -> None:
    images = list(markup.fragment(_unlazied(f"<p>石{lazy}桥</p>", "real-src")).iter("img"))
    assert [image.get("src") for image in images] == [source]


def test_a_noscript_is_unpacked_and_its_neighbours_stay() -> None:
    assert _unlazied("<p>石<noscript>桥</noscript>头</p>") == "<p>石桥头</p>"
    assert _unlazied('<img src="a.jpg"><noscript>无脚本</noscript>') == '<img src="a.jpg">无脚本'


def test_a_picture_with_sources_keeps_none_of_them() -> None:
    html = '石<picture><source srcset="a.webp 2x"><source srcset="b.jpg"><img alt="桥" src="c.jpg"></picture>头'
    assert _unlazied(html) == '石<picture><img alt="桥" src="a.webp"></picture>头'


@pytest.mark.parametrize(
    ("srcset", "best"),
    [
        ("a.jpg", "a.jpg"),
        ("a", "a"),
        ("a 2x", "a"),
        ("/b-300.jpg 300w, /b-600.jpg 600w, /b-900.jpg 900w", "/b-900.jpg"),
        (
            "/b-4000.jpg 4000w, /b-1200.jpg 1200w, /b-1199.jpg 1199w, /b-2000.jpg 2000w",
            "/b-1200.jpg",
        ),
        ("b.jpg, b@2.jpg 2x, b@3.jpg 3x", "b@2.jpg"),
        ("b.jpg 1x, b@1.5.jpg 1.5x", "b@1.5.jpg"),
        ("b.jpg .5x, c.jpg 0.75x", "c.jpg"),
        ("b.jpg 1.3333333x, c.jpg", "b.jpg"),
        ("b.jpg 1e1x, c.jpg 20x", "b.jpg"),
        ("b.jpg 2x, c.jpg 2x", "b.jpg"),
        # how the candidates are apart
        ("b.jpg 1x,c.jpg 2x", "c.jpg"),
        ("b.jpg 1x , c.jpg 2x", "c.jpg"),
        ("\n  b.jpg\t1x,\r\n\f c.jpg  2x  ,\n", "c.jpg"),
        ("b.jpg,, c.jpg 2x,", "c.jpg"),
        (", ,b.jpg", "b.jpg"),
        ("b.jpg ,c 1 2", "b.jpg"),
        ("b.jpg,c.jpg 2x", "b.jpg,c.jpg"),
        ("b.jpg, c.jpg", "b.jpg"),
        ("/w_300,h_200/b.jpg 300w,/w_900,h_600/b.jpg 900w", "/w_900,h_600/b.jpg"),
        ("//i.news.example/b.jpg?a=1,2&b=3 2x", "//i.news.example/b.jpg?a=1,2&b=3"),
        ("b.jpg\xa02x", "b.jpg\xa02x"),
        # inlined ones show nothing
        ("data:image/gif;base64,R0lGODlh", ""),
        ("data:image/gif;base64,R0lGODlh 2x, c.jpg 1x", "c.jpg"),
        ("DATA:image/gif;base64,R0lGODlh 2x, c.jpg 1x", "c.jpg"),
        # what says nothing that is understood leaves its candidate out
        ("b.jpg 100q, c.jpg", "c.jpg"),
        ("b.jpg 2X, c.jpg", "c.jpg"),
        ("b.jpg -2x, c.jpg", "c.jpg"),
        ("b.jpg +2x, c.jpg", "c.jpg"),
        ("b.jpg 2 x, c.jpg", "c.jpg"),
        ("b.jpg x, c.jpg", "c.jpg"),
        ("b.jpg 1x 2x, c.jpg", "c.jpg"),
        ("b.jpg 1000w 2x, c.jpg", "c.jpg"),
        ("b.jpg (1x, 2x) 3x, c.jpg", "c.jpg"),
        ("b.jpg 2x(, c.jpg 3x", ""),
        ("b.jpg 800w 600h, c.jpg 300w 200h", "b.jpg"),
        *(
            (garbage, "")
            for garbage in ("", " ", ",", " , ,, ", "b.jpg w", "b.jpg 5", "b c d", "b.jpg (")
        ),
    ],
)
def test_of_a_picture_s_candidates_the_best_fitting_is_taken(srcset: str, best: str) -> None:
    assert markup.best_candidate(srcset) == best


CANDIDATES = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "a",
                "/b.jpg",
                "1x",
                "600w",
                "c,d.jpg",
                "/w_1,h_2/e.jpg",
                "x",
                "(f",
                "g)",
                "//h.example/?i=1,2",
                "石.jpg",
            )
        ),
        st.sampled_from(
            (
                (" 300w", 300),
                (" 1200w", 1200),
                (" 1600w 900h", 1600),
                (" 1x", 600),
                ("\n2x", 1200),
                (" 0.5x", 300),
            )
        )
        | st.sampled_from(
            (
                ("", 600),
                (" 5q", 0),
                (" 1x 1x", 0),
                (" (a, b)", 0),
                (" 2X", 0),
                (" -1x", 0),
                (" 1x 800w", 0),
            )
        ),
        st.sampled_from((", ", " , ", ",\n", ",, ", " ,")),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(CANDIDATES)
def test_the_best_fitting_candidate_is_the_narrowest_that_fills_a_column_twice_else_the_widest(
    candidates: list[tuple[str, tuple[str, int], str]],
) -> None:
    srcset = "".join(
        url + words + (apart if words else ", ") for url, (words, _), apart in candidates
    )
    widths = [width for _, (_, width), _ in candidates if width]
    fitting = min((width for width in widths if width >= 1200), default=max(widths, default=0))
    assert markup.best_candidate(srcset) == next(
        (url for url, (_, width), _ in candidates if width == fitting and width), ""
    )


@settings(deadline=None, max_examples=200)
@given(st.text("a1x,w ()\n\t.-:d", max_size=40) | st.text(max_size=40))
def test_whatever_a_srcset_says_its_best_candidate_is_an_address_in_it_or_nothing(
    srcset: str,
) -> None:
    best = markup.best_candidate(srcset)
    assert best in srcset
    assert best == best.strip(",")
    assert not set(best) & set(" \t\n\f\r")


@pytest.mark.parametrize(
    ("garbage", "end"),
    [
        *(
            (",", ""),
            (" ", ""),
            ("(", ""),
            ("a", " b c"),
            ("a 1", ""),
            ("a 1x ,", ""),
            (", a 5q", ""),
            ("a (,", ""),
            ("1e", "x"),
        ),
        *((", ", "b c d"), ("a,", " b c"), ("9", "x y"), ("a" + " " * 99, "b c")),
    ],
)
def test_a_megabyte_of_garbage_is_read_to_its_end(garbage: str, end: str) -> None:
    for text in (
        megabyte := garbage * (1_000_000 // len(garbage)) + end,
        "data:image/gif;base64," + megabyte,
    ):
        assert markup.best_candidate(text) in text


@pytest.mark.parametrize("tag", ["li", "p", "td", "dd", "b", "div", "a", "figcaption"])
def test_an_element_that_is_empty_still_ends_where_it_ended(tag: str) -> None:
    html = f'<div>石<{tag} title="x"></{tag}>桥</div>'
    assert markup.inner_html(markup.fragment(html)) == html


def test_a_document_comes_block_by_block_with_its_lines_of_text_whole() -> None:
    html = "头<b>石</b>桥<div><p>一</p>二<i>三</i></div>尾&lt;"
    assert [block for block in markup.blocks(markup.fragment(html)) if block] == [
        "头<b>石</b>桥",
        "<div><p>一</p>二<i>三</i></div>",
        "尾&lt;",
    ]


def test_the_pieces_of_a_document_are_the_whole() -> None:
    html = "头<b>石</b>桥<div><p>一</p>二<i>三</i></div>尾&lt;"
    assert "".join(markup.pieces(markup.fragment(html), 1_000)) == html


def test_an_element_that_is_too_long_becomes_several_of_its_kind() -> None:
    html = (
        "<ul lang='zh'>"
        + "".join(f"<li>第<b>{number:03}</b>&amp;回</li>" for number in range(40))
        + "</ul>"
    )
    pieces = list(markup.pieces(markup.fragment(html), 200))
    assert len(pieces) > 5
    assert all(
        len(piece) <= 200
        and piece.startswith('<ul lang="zh"><li>')
        and piece.endswith("</li></ul>")
        for piece in pieces
    )
    assert "".join(pieces).replace('</ul><ul lang="zh">', "") == html.replace("'", '"')


def test_a_long_text_is_cut_beside_its_character_references() -> None:
    pieces = list(markup.pieces(markup.fragment("<p>" + "石&amp;&lt;桥" * 4_000 + "</p>"), 9_000))
    assert max(map(len, pieces)) <= 9_000
    assert "".join(markup.text_of(markup.fragment(piece)) for piece in pieces) == "石&<桥" * 4_000


CHAINS = (
    "div",
    "font",
    "b",
    "span",
    "blockquote",
    "td",
    "li",
    "center",
    "table><tr><td",
    "ul><li",
    "dl><dd",
)


def _chain(tags: str, depth: int, *, ends: int) -> str:
    end = "".join(f"</{tag}>" for tag in reversed(tags.split("><")))
    return "".join(f"<{tags}>第{n}行 " for n in range(depth)) + "最后一行" + end * ends


def _depth(root: markup.Element) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


@pytest.mark.parametrize("ends", [600, 0])
@pytest.mark.parametrize("tags", CHAINS)
def test_a_deep_tree_comes_with_all_its_text_in_order_and_can_be_made_a_flat_one(
    tags: str, ends: int
) -> None:
    html = _chain(tags, 600, ends=ends)
    words = [*(f"第{n}行" for n in range(600)), "最后一行"]
    for root in (markup.parse(f"<body>{html}"), markup.fragment(html)):
        assert root.text_content().split() == words
        markup.flatten(root)
        assert root.text_content().split() == words
        assert _depth(root) < 256


def test_blocks_that_are_made_flat_stay_apart_and_small_ones_stay_what_they_are() -> None:
    html = (
        "".join(f"<div>第{n}行" for n in range(300))
        + "<p>有<a href='/1'>链接</a>的</p><ul><li>甲<li>乙</ul>"
    )
    root = markup.fragment(html)
    markup.flatten(root)
    assert markup.text_of(root).startswith("第0行 第1行 第2行")
    assert "第298行 第299行" in markup.text_of(root)
    assert root.find(".//p/a") is not None
    assert [item.text for item in root.iter("li")] == ["甲", "乙"]


def test_a_tree_of_ordinary_depth_is_left_alone() -> None:
    html = "<div>" * 60 + "<p>石桥</p>" + "</div>" * 60
    root = markup.fragment(html)
    markup.flatten(root)
    assert markup.inner_html(root) == html


@pytest.mark.parametrize("read", [markup.parse, markup.fragment])
@pytest.mark.parametrize(
    ("html", "reason"),
    [
        (_chain("div", 2_100, ends=2_100), "nested deeper than"),
        (_chain("font", 50_000, ends=0), "nested deeper than"),
        ("</b>" * 200 + "<i>" * 2_900 + "石", "nested deeper than"),
        ("<p>石</p>" * 60_001, "more than 60000 elements"),
        ("<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">石", "100000 attributes"),
        ("<p " + " < ".join(f"a{n}" for n in range(100_000)) + ">石", "attributes"),
        ("<p " + " ".join(f"a{n}='>'" for n in range(100_000)) + ">石", "100000 attributes"),
        ("<div>" * 1_000 + "</u>" * 1_000_000 + "石", "end tags"),
    ],
    ids=[
        "closed",
        "unclosed",
        "behind many errors",
        "elements",
        "attributes",
        "attributes and <",
        "attributes and >",
        "end tags",
    ],
)
def test_a_document_of_which_a_part_would_be_lost_is_refused_and_says_why(
    read: Callable[[str], markup.Element], html: str, reason: str
) -> None:
    with pytest.raises(markup.LostError, match=reason):
        read(html)


NOISE = "a < b = c && d <e f " * 3_000


@pytest.mark.parametrize(
    "html",
    [
        f"<script>{NOISE}</script>",
        f"<script>//<![CDATA[\n{NOISE}\n//]]></script>",
        f"<style>{NOISE}</style>",
        f"<!-- {NOISE} -->",
        f"<textarea>{NOISE}</textarea>",
        f"<title>{NOISE}</title>",
        f'<div data-state="{NOISE}">',
        f"<div data-state='{NOISE}'>",
        "<div data-state='" + '{"a": "<b>", "c": "d = e"}, ' * 3_000 + "'>",
        "<div data-state='" + "{&quot;a&quot;: &lt;b&gt; = c} " * 3_000 + "'>",
        f'<img alt="{NOISE}">',
        f'<svg><path d="{"M 1 2 = " * 3_000}"/></svg>',
        f'<img src="data:image/png;base64,{"iVBOR= " * 400_000}">',
        "<script>" + "if (i<n) " * 70_000 + "</script>",
        "<p>石</p>" * 29_000,
        "x" * 11_000_000,
    ],
    ids=range(16),
)
def test_what_is_no_tag_or_attribute_counts_for_none(html: str) -> None:
    assert markup.text_of(markup.parse(f"<body>{html}<p>石桥")).endswith("石桥")
    assert markup.text_of(markup.fragment(f"{html}<p>石桥")).endswith("石桥")


@pytest.mark.parametrize("end", ["</html>", "</body>", "</body></html>", "</BODY ></HTML\n>"])
def test_what_follows_the_end_of_a_page_belongs_to_it(end: str) -> None:
    html = f"<p>石桥</p>{end}修好了<div>村民</div>{end}"
    assert markup.text_of(markup.parse(f"<html><body>{html}")) == "石桥 修好了 村民"
    assert markup.text_of(markup.fragment(html)) == "石桥 修好了 村民"
    assert len(markup.select_elements(markup.parse(f"<html><body>{html}"), ("//body/div",))) == 1


def test_of_elements_in_elements_the_outermost_are_selected_however_deep_they_are() -> None:
    root = markup.parse(
        "<div class=a>" * 1_000 + "</div>" * 1_000 + "<div class=a><p><div class=a>"
    )
    assert markup.select_elements(root, ("//div",)) == markup.elements_at(root, "/html/body/div")
