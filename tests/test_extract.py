"""Articles: both layouts give the same article and nothing of the page around it; pages without rules do well, too."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from samples import (
    ARTICLE_URL,
    AUTHOR,
    BASE,
    BODY,
    CAPTION,
    JUNK,
    LAST_WORDS,
    PICTURE,
    TAGS,
    TITLE,
    classic_article,
    make_page,
    make_site,
    modern_article,
)

from feedproxy import markup
from feedproxy.configuration.ftr import parse_ftr
from feedproxy.errors import ExtractError
from feedproxy.extract import extract_article
from feedproxy.model import ArticleRules, DirtyHtml, Extract, Picture, Site, Url
from feedproxy.sanitise import clean

SITE = make_site()
LAYOUTS = {"modern": modern_article, "classic": classic_article}
MOMENT = datetime(2021, 11, 9, 6, 5, tzinfo=UTC)
BLOG_URL = Url("https://blog.example/2031/bridge")

ENGLISH = [
    "The old stone bridge at the end of the valley was opened again on Tuesday morning, after three years of slow work.",
    "Masons from four villages had numbered every block before they took the arch apart, and put each one back where it was.",
    "Children were the first to cross, followed by a brass band, a flock of geese and the mayor, who had promised to be short.",
    "The council says that carts may use it from next spring, once the mortar has seen a winter and the parapet is finished.",
]
CHINESE = [
    "河谷尽头的老石桥，经过三年缓慢而细致的修缮，在星期二清晨重新开放，四个村子的人一早就聚在桥头等候，谁也不愿错过。",
    "石匠们在拆下桥拱之前，给每一块石头都编了号，又照着号码把它们一块一块放回原处，连裂缝里的青苔都尽量留了下来。",
    "最先过桥的是孩子们，后面跟着一支铜管乐队、一群白鹅，还有答应过要长话短说的村长，他果然只说了三句话就下了台。",
    "村里说，等灰浆过了这个冬天，栏杆也修好以后，明年春天马车就可以上桥了，到那时集市也会搬回桥边的老地方。",
]


@dataclass(frozen=True)
class Found:
    """An extract, with the most trusted statement of each field as an attribute."""

    title: str
    body: DirtyHtml
    rule: str
    published: datetime | None
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    picture: Picture | None
    single_url: Url | None
    next_url: Url | None
    visible: int


def found_in(extract: Extract) -> Found:
    stated = extract.merged(SITE.timezone)
    return Found(
        stated.title,
        extract.body,
        extract.rule,
        stated.published,
        stated.authors,
        stated.tags,
        stated.picture,
        extract.single_url,
        extract.next_url,
        extract.visible,
    )


def from_site(text: str) -> Found:
    return found_in(extract_article(make_page(text), SITE.article, SITE))


def from_blog(text: str, rules: str | ArticleRules = "", site: Site | None = None) -> Found:
    parsed = parse_ftr(rules, "sites/blog.example.txt")[0] if isinstance(rules, str) else rules
    return found_in(extract_article(make_page(text, BLOG_URL), parsed, site))


def text_in(html: DirtyHtml) -> str:
    return markup.text_of(markup.fragment(html))


def blog(paragraphs: list[str], title: str, head: str = "", before: str = "") -> str:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<!DOCTYPE html><html><head><title>{title} | Blog</title><meta property='og:title' content='{title}'>{head}</head><body>"
        f"<nav><ul><li><a href='/'>Home</a></li><li><a href='/about'>About us</a></li></ul></nav>"
        f"<main><article><h1>{title}</h1>{before}<div class='text'>{text}</div></article></main>"
        f"<footer>Copyright Blog Example, all rights reserved</footer></body></html>"
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_article_comes_with_all_its_page_says_about_it(layout: str) -> None:
    found = from_site(LAYOUTS[layout]())
    assert (found.title, found.published, found.authors) == (TITLE, MOMENT, (AUTHOR,))
    assert found.picture == Picture(Url(PICTURE), alt="石桥", caption=CAPTION)
    assert found.tags == TAGS
    assert found.rule == "sites/news.example.toml"


def test_both_layouts_give_the_same_article() -> None:
    modern, classic = from_site(modern_article()), from_site(classic_article())
    assert replace(modern, body=DirtyHtml(""), visible=0) == replace(
        classic, body=DirtyHtml(""), visible=0
    )
    assert text_in(modern.body) == text_in(classic.body)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_how_much_a_page_shows_counts_all_its_text_and_no_scripts(layout: str) -> None:
    page = LAYOUTS[layout]()
    noted = page.replace(
        "</body>",
        "<script>" + "x" * 999 + "</script><style>" + "y" * 999 + "</style><!-- z --></body>",
    )
    more = page.replace("</body>", "<p>桥 头\n见</p></body>")
    visible = from_site(page).visible
    assert len("".join(text_in(from_site(page).body).split())) < visible == from_site(noted).visible
    assert from_site(more).visible == visible + 3


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("junk", JUNK)
def test_nothing_of_the_page_around_it_stays_in_an_article(layout: str, junk: str) -> None:
    body = from_site(LAYOUTS[layout]()).body
    assert junk not in body
    assert LAST_WORDS in body


def test_scripts_frames_and_styles_between_paragraphs_are_gone() -> None:
    hostile = "<script>a()</script><style>p{}</style><template><p>样板</p></template><iframe src='/f'></iframe>"
    body = from_site(modern_article(BODY.replace("<h2>", hostile + "<h2>"))).body
    assert [
        tag for tag in ("<script", "<style", "<template", "样板", "<iframe") if tag in body
    ] == []
    assert "<h2>过桥的人</h2>" in body


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_white_space_of_the_mark_up_stands_between_two_chinese_characters(layout: str) -> None:
    body = from_site(LAYOUTS[layout]()).body
    assert "石桥</a>在清晨<b>重新</b>开放，<a " in body
    assert "前文</a>。工匠用 iPhone 手机拍下" in body


@pytest.mark.parametrize(
    ("byline", "authors"),
    [
        ("（大纪元记者林小舟纽约报导）", ("林小舟",)),
        ("（大纪元记者林小舟、何大川综合报导）", ("林小舟", "何大川")),
        ("(大纪元特约记者林小舟编译报导)", ("林小舟",)),
        ("（大纪元驻巴黎记者林小舟 采访报导）", ("林小舟",)),
        ("（英文大纪元记者Ann Lee报导／林小舟编译）", ("Ann Lee", "林小舟")),
        ("（英文大纪元记者Ann Lee报导/林小舟翻译，何大川整理）", ("Ann Lee", "林小舟", "何大川")),
        ("（大纪元专栏作家林小舟撰文）", ("林小舟",)),
        ("（大纪元专栏作家Ann B. Lee撰文／何大川编译）", ("Ann B. Lee", "何大川")),
        ("【大纪元记者林小舟台北报导】", ("林小舟",)),
        ("（文章来源：某社／编译：何大川）", ("何大川",)),
        ("（作者：林小舟）", ("林小舟",)),
        ("（大纪元东京记者站报导）", ()),
        ("（某某社报导）", ()),
        ("（山村来稿）", ()),
    ],
)
def test_authors_are_read_from_the_byline_without_place_role_or_verb(
    byline: str, authors: tuple[str, ...]
) -> None:
    text = modern_article(BODY.replace(f"（大纪元记者{AUTHOR}纽约报导）", byline))
    assert from_site(text).authors == authors


@pytest.mark.parametrize(
    ("byline", "authors"),
    [
        ("By Ann Lee and Tom Roe", ("Ann Lee", "Tom Roe")),
        ("BY ANN LEE, Staff Writer | Photos by Bob Ray", ("ANN LEE",)),
        ("Ann Lee, PhD, Associated Press", ("Ann Lee PhD",)),
        ("Lee, Ann", ("Ann Lee",)),
        ("Maria de la Cruz for the Island Post", ("Maria de la Cruz",)),
        ("ann@example.org (Ann Lee)", ("Ann Lee",)),
        ("Иван Петров", ("Иван Петров",)),
        ("弗里曼·戴森", ("弗里曼·戴森",)),
        ("文/记者 林小舟 图/何大川", ("林小舟",)),
        ("作者：林小舟；何大川", ("林小舟", "何大川")),
        ("記者林小舟／台北報導", ("林小舟",)),
        ("某社记者林小舟 何大川台北12日电", ("林小舟", "何大川")),
        ("責任編輯：林小舟", ()),
        ("Staff", ()),
        ("admin", ()),
        ("The bridge was opened by the mayor of the town on Friday", ()),
        ("桥是上个月修好的，工匠说还要再等三天。" * 3, ()),
        ("林小舟" * 200, ()),
    ],
)
def test_a_byline_gives_clean_names_or_none(byline: str, authors: tuple[str, ...]) -> None:
    found = from_blog(
        blog(CHINESE, "老石桥", before=f"<span class='by'>{byline}</span>"),
        "author: //span[@class='by']",
    )
    assert found.authors == authors


def test_a_page_that_names_each_author_for_itself_has_them_all() -> None:
    linked = json.dumps(
        {
            "author": [
                {"name": "林小舟"},
                {"@type": "Organization", "name": "某报"},
                {"name": "何大川"},
            ]
        }
    )
    found = from_blog(
        blog(CHINESE, "老石桥", before=f'<script type="application/ld+json">{linked}</script>')
    )
    assert found.authors == ("林小舟", "何大川")
    each = "".join(f"<a class='by'>{name}</a>" for name in ("林小舟", "何大川"))
    assert from_blog(blog(CHINESE, "老石桥", before=each), "author: //a[@class='by']").authors == (
        "林小舟",
        "何大川",
    )


def test_pictures_in_the_text_get_their_real_address() -> None:
    lazy = '<p><img class="lazy" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="https://i.news.example/b.jpg">'
    twin = '<img data-src="https://i.news.example/c.jpg"><noscript><img src="https://i.news.example/c.jpg"></noscript></p>'
    root = markup.fragment(from_site(modern_article(BODY + lazy + twin)).body)
    assert [image.get("src") for image in root.iter("img")] == [
        "https://i.news.example/b.jpg",
        "https://i.news.example/c.jpg",
    ]


RESPONSIVE = [
    '<img src="/p/20.jpg" srcset="/p/300.jpg 300w, /p/1600.jpg 1600w, /p/4000.jpg 4000w" sizes="100vw">',
    '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-srcset="/p/300.jpg 300w,/p/1600.jpg 1600w" data-src="/p/20.jpg">',
    '<picture><source srcset="/p/1600.jpg 2x, /p/800.jpg"><source srcset="/p/300.jpg"><img src="/p/20.jpg"></picture>',
    '<img src="/p/1600.jpg" srcset="data:image/gif;base64,R0lGODlhAQABAAAAACw= 1x">',
]


@pytest.mark.parametrize("picture", RESPONSIVE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_pictures_in_several_sizes_the_best_fitting_is_in_the_text_and_leads(
    layout: str, picture: str
) -> None:
    text = LAYOUTS[layout](f"{BODY}<figure>{picture}<figcaption>树</figcaption></figure>")
    found = from_site(
        text.replace(
            '<div class="featured_image">', f'<div class="featured_image"><p>{picture}</p>'
        )
    )
    assert [image.get("src") for image in markup.fragment(found.body).iter("img")] == [
        "/p/1600.jpg"
    ]
    assert found.picture == Picture(Url(f"{BASE}/p/1600.jpg"), caption=CAPTION)


@pytest.mark.parametrize("picture", RESPONSIVE)
@pytest.mark.parametrize(
    "rules",
    ["", "body: //div[@id='artbody']", "body: //div[@class='text']"],
    ids=["none", "missing", "own"],
)
def test_of_pictures_in_several_sizes_the_best_fitting_is_in_the_text_whoever_reads_the_page(
    rules: str, picture: str
) -> None:
    before = f"<div class='text'><p>{CHINESE[0]}</p><figure>{picture}</figure></div>"
    found = from_blog(
        blog(CHINESE * 2, "老石桥", before=before),
        parse_ftr(rules, "x.txt")[0] if rules else ArticleRules(),
    )
    sources = [image.get("src", "") for image in markup.fragment(found.body).iter("img")]
    assert [source.removeprefix("https://blog.example") for source in sources] == ["/p/1600.jpg"]


def test_a_picture_in_several_sizes_is_in_the_clean_text_once_with_one_address() -> None:
    html = clean(from_site(modern_article(BODY + "".join(RESPONSIVE[:3]))).body, ARTICLE_URL)
    images = list(markup.fragment(html).iter("img"))
    assert [dict(image.attrib) for image in images] == [{"src": f"{BASE}/p/1600.jpg"}] * 3
    assert [
        word for word in ("srcset", "<source", "<picture", "data-", "sizes") if word in html
    ] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_article_without_lead_picture_tags_or_byline_is_an_article(layout: str) -> None:
    text = LAYOUTS[layout](f"<p>{CHINESE[0]}</p>").replace("featured_image", "x")
    found = from_site(text)
    assert (found.picture, found.tags, found.authors) == (None, (), ())
    assert text_in(found.body) == CHINESE[0]


def test_a_film_or_a_picture_with_a_line_of_text_is_an_article() -> None:
    assert (
        from_site(
            modern_article('<p>看</p><video src="https://i.news.example/a.mp4"></video>')
        ).rule
        == SITE.article.name
    )


@pytest.mark.parametrize("paragraphs", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_a_page_without_rules_is_read_by_heuristics(paragraphs: list[str]) -> None:
    found = from_blog(blog(paragraphs, "老石桥 Bridge"))
    assert (found.rule, found.title) == ("heuristics", "老石桥 Bridge")
    assert [paragraph for paragraph in paragraphs if paragraph not in text_in(found.body)] == []
    assert [junk for junk in ("About us", "Copyright") if junk in found.body] == []


def test_rules_that_match_nothing_leave_the_page_to_heuristics() -> None:
    found = from_blog(blog(CHINESE, "老石桥"), "title: //h7\nbody: //div[@id='artbody']")
    assert (found.rule, found.title) == ("heuristics", "老石桥")
    assert CHINESE[3] in found.body


def test_rules_that_match_an_empty_shell_leave_the_page_to_heuristics() -> None:
    text = blog(CHINESE, "老石桥", before="<div id='artbody'> 加载中 </div>")
    assert from_blog(text, "body: //div[@id='artbody']").rule == "heuristics"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "<!DOCTYPE html>",
        "<!-- 维护中 -->",
        "<html></html>",
        "系统维护中",
        "<html><head><title>404</title></head><body><p>没有这一页</p></body></html>",
        "<html><body><script>location='/'</script></body></html>",
    ],
)
@pytest.mark.parametrize("rules", [ArticleRules(), SITE.article], ids=["heuristics", "rules"])
def test_a_page_without_an_article_is_told_with_its_address(text: str, rules: ArticleRules) -> None:
    with pytest.raises(ExtractError) as caught:
        extract_article(make_page(text), rules, SITE)
    assert str(caught.value).startswith(f"{ARTICLE_URL}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_rules_may_forbid_guessing() -> None:
    with pytest.raises(
        ExtractError, match=r"^https://blog\.example/2031/bridge: .*sites/blog\.example\.txt"
    ):
        from_blog(blog(CHINESE, "老石桥"), "body: //div[@id='artbody']\nautodetect_on_failure: no")


def test_a_dropped_in_file_s_directives_are_followed() -> None:
    rules = """title: //h2[@class='head']
        body: //div[@class='text']
        author: //span[@class='by']
        date: //span[@class='on']
        strip: //p[contains(., 'valley')]
        strip_id_or_class: note
        strip_image_src: /pixel.
        strip_attr: //p/@onclick
        src_lazy_load_attr: data-real
        replace_string(<x-p): <p
        replace_string(</x-p>): </p>
        wrap_in(blockquote): //p[@id='quote']"""
    before = (
        "<h2 class='head'>真标题</h2><span class='by'>何大川</span><span class='on'>2031年5月6日 08:00</span><div class='text'>"
        "<p class='big note'>注</p><p id='note'>又注</p><p class='notes'>留下</p><x-p onclick='a()'>第一段</x-p>"
        "<p id='quote'>引文</p><img src='/pixel.gif'><img src='/x.gif' data-real='/real.jpg'></div>"
    )
    found = from_blog(blog(ENGLISH, "Bridge", before=before), rules)
    assert (found.title, found.authors, found.rule) == (
        "真标题",
        ("何大川",),
        "sites/blog.example.txt",
    )
    assert found.published == datetime(2031, 5, 6, 8, tzinfo=UTC)
    expected = '<p class="notes">留下</p><p>第一段</p><blockquote><p id="quote">引文</p></blockquote><img src="/real.jpg"'
    assert expected in found.body
    assert [word for word in ("注", "pixel", "valley", "onclick") if word in found.body] == []
    assert ENGLISH[1] in found.body


@pytest.mark.parametrize(
    ("head", "before", "timezone", "moment"),
    [
        (
            '<meta property="article:published_time" content="2031-05-06T08:00:00+08:00">',
            "",
            "UTC",
            (6, 0),
        ),
        ("", '<time datetime="2031-05-06T08:00:00Z">昨天</time>', "Asia/Shanghai", (6, 8)),
        ("", '<time datetime="2031-05-06T08:00:00">昨天</time>', "Asia/Shanghai", (6, 0)),
        (
            '<script type="application/ld+json">{"datePublished":"2031-05-06T08:00:00-05:00"}</script>',
            "",
            "UTC",
            (6, 13),
        ),
        (
            '<script type="application/ld+json">[{"@graph":[{"a":1},{"datePublished":"2031-05-06T08:00:00"}]}]</script>',
            "",
            "Asia/Shanghai",
            (6, 0),
        ),
        (
            '<script type="application/ld+json">{"@graph":{"datePublished":"2031-05-06T08:00:00Z"}}</script>',
            "",
            "UTC",
            (6, 8),
        ),
        (
            "",
            '<span class="date">发表：2031-05-06 08:00 中港台时间</span>',
            "Asia/Shanghai",
            (6, 0),
        ),
        ("", '<span class="date">2031年5月6日 8:00</span>', "Asia/Shanghai", (6, 0)),
        ("", '<span class="date">6 May 2031, 8:00 am</span>', "Asia/Shanghai", (6, 0)),
    ],
)
def test_a_date_is_found_where_the_page_says_it(
    head: str, before: str, timezone: str, moment: tuple[int, int]
) -> None:
    rules = ArticleRules(name="r", body=("//div[@class='text']",), date=("//span[@class='date']",))
    found = from_blog(
        blog(CHINESE, "老石桥", head, before),
        rules,
        Site("blog.example", "x", ("blog.example",), timezone=timezone),
    )
    assert found.published == datetime(2031, 5, *moment, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[" * 50_000,
        "5",
        "null",
        '{"@graph":5}',
        '{"@graph":"x"}',
        '{"author":5,"datePublished":{}}',
        '{"author":[{"name":[]},null]}',
    ],
)
def test_odd_linked_data_is_passed_over(value: str) -> None:
    good = json.dumps({"author": {"name": "何大川"}, "datePublished": "2031-05-06T08:00:00Z"})
    scripts = "".join(
        f'<script type="application/ld+json">{each}</script>' for each in (value, good)
    )
    found = from_blog(blog(CHINESE, "老石桥", scripts), "body: //div[@class='text']")
    assert (found.authors, found.published) == (("何大川",), datetime(2031, 5, 6, 8, tzinfo=UTC))


def test_a_picture_for_sharing_leads_where_the_rules_name_none() -> None:
    head = '<meta property="og:image" content="/big.jpg">'
    found = from_blog(blog(CHINESE, "老石桥", head), "body: //div[@class='text']")
    assert found.picture == Picture(Url("https://blog.example/big.jpg"))


def test_links_to_other_articles_and_hosts_are_no_tags() -> None:
    links = f'<p><a href="{BASE}/gb/nsc1.htm">甲</a><a href="https://other.example/gb/tag/%E6%A1%A5.html">乙</a>{CHINESE[0]}</p>'
    assert from_site(modern_article(links)).tags == ()


@pytest.mark.parametrize(
    "tags", ["div", "font", "b", "i", "span", "blockquote", "center", "table><tr><td", "ul><li"]
)
@pytest.mark.parametrize("rules", ["title: //h1\nbody: //article", ""], ids=["rules", "heuristics"])
def test_an_article_of_tags_that_nobody_closes_is_whole(tags: str, rules: str) -> None:
    deep = "".join(f"<{tags}>{sentence} ({n}) " for n in range(100) for sentence in ENGLISH)
    last = "The last sentence says when the bridge will be closed for the night, and who will hold the keys of its gate."
    page = f"<html><body><article><h1>The bridge</h1><p>{ENGLISH[0]}</p>{deep}<p>{last}</p></article></body></html>"
    text = text_in(from_blog(page, rules).body)
    assert [f"({n})" in text for n in range(100)] == [True] * 100
    assert last in text


def test_a_page_that_nests_deeper_than_can_be_read_is_refused_with_that_reason() -> None:
    page = f"<html><body><article><h1>The bridge</h1><p>{ENGLISH[0]}</p>{'<div>' * 3_000}{ENGLISH[1]}</article>"
    with pytest.raises(ExtractError, match=r"blog\.example.*nested deeper than 2048"):
        from_blog(page)


@pytest.mark.parametrize(
    "noise",
    [
        "<script>{}</script>",
        "<script>//<![CDATA[\n{}//]]></script>",
        "<!-- {} -->",
        "<i data-state='{}'></i>",
    ],
)
def test_a_page_with_a_long_script_or_comment_or_value_is_an_article(noise: str) -> None:
    code = "for(var i=0;i<n;i++){ s = t < u; } " * 2_000
    page = f"<html><body>{noise.format(code)}<article><h1>The bridge</h1>{''.join(f'<p>{p}</p>' for p in ENGLISH)}</article>"
    assert ENGLISH[-1] in text_in(from_blog(page).body)
