"""Pages in the Markdown form: an invented article, and what could break the form."""

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from fakes import NOW
from gitpages import markdown_page
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from newsroom import BASE, STORIES, Answer, Newsroom, Story
from seedform import read_seed

from feedproxy.extract import split_mirrored
from feedproxy.ingest import ChannelPoller
from feedproxy.model import ArticleId, DirtyHtml, Links, Page, SafeHtml, Url
from feedproxy.output.render import ArticleBody, Lead, Link, render_markdown
from feedproxy.output.render.markdown import as_link, as_paragraph
from feedproxy.sanitise import clean
from feedproxy.urls import resolve

ORIGINAL = "https://news.example/gb/21/11/9/n99000001.htm"
NAVIGATION = (
    Link("首页", "../../../..?n99000001"),
    Link("评论", "../../../../../comment?n99000001"),
)
LEAD = Lead("https://i.news.example/bridge.jpg", "石桥", "石桥旁的老槐树。（山村图片社）")
CONTENT = SafeHtml(
    '<p>石桥在<a href="https://news.example/gb/tag/%E6%B8%85%E6%99%A8.html">清晨</a>开放。</p>'
    '<figure><a href="https://i.news.example/a.jpg"><img src="https://i.news.example/a-600.jpg" alt="桥"></a>'
    "<figcaption>新桥</figcaption></figure>"
    '<h2><a name="one"></a>过桥的人</h2><p>见<a href="#one">上文</a>。</p>'
)
GOLDEN = """### 山村石桥 百年后重修

---

#### [首页](../../../..?n99000001) &nbsp;|&nbsp; [评论](../../../../../comment?n99000001)


<div><img alt="石桥" src="https://i.news.example/bridge.jpg"/>
<div class="caption">石桥旁的老槐树。（山村图片社）</div></div><hr/><div class="post_content" id="artbody" itemprop="articleBody">
<p>石桥在<ok href="https://news.example/gb/tag/%E6%B8%85%E6%99%A8.html">清晨</ok>开放。</p>
<figure><ok href="https://i.news.example/a.jpg"><img src="https://i.news.example/a-600.jpg" alt="桥"></ok><br>\
<figcaption>新桥</figcaption><br></figure>
<br>
<h4><a name="one"></a>过桥的人</h4>
<p>见<ok href="#one">上文</ok>。</p>
</div>


---

原文链接（需翻墙）：https://news.example/gb/21/11/9/n99000001.htm"""


# CommonMark 0.31, 2.1
BLANK_LINE = re.compile(r"^[ \t]*$\n", re.MULTILINE)


def page(
    content: str = CONTENT, title: str = "山村石桥 百年后重修", lead: Lead | None = LEAD
) -> ArticleBody:
    return ArticleBody(title, (), NOW, NOW, SafeHtml(content), ORIGINAL, lead)


def render(article: ArticleBody, links: Links = Links.SEED) -> str:
    return render_markdown(article, NAVIGATION, links).decode()


def body_of(text: str) -> str:
    return text.partition('itemprop="articleBody">\n')[2].partition("\n</div>\n\n\n---\n")[0]


def test_a_page_has_the_form_of_the_git_hosted_mirrors() -> None:
    assert render(page()) == GOLDEN


def test_in_the_mirror_only_links_that_lead_nowhere_are_neutralised() -> None:
    content = '<p><a href="../c2/n2.md?n1">前文</a><a title="https://news.example/podcast.htm">播客</a><a title="注">注</a></p>'
    expected = '<p><a href="../c2/n2.md?n1">前文</a><ok href="https://news.example/podcast.htm">播客</ok><a title="注">注</a></p>'
    assert body_of(render(page(content), Links.MIRROR)) == expected


def test_a_page_without_a_lead_picture_begins_with_its_text() -> None:
    assert "\n\n\n<div class=" in render(page(lead=None))


def test_of_a_picture_that_is_not_shown_its_words_stay() -> None:
    shown = render(page(lead=Lead("", "石桥", "老槐树")))
    assert '<div><i>石桥</i>\n<div class="caption">老槐树</div></div><hr/>' in shown
    assert "<img" not in shown.partition("artbody")[0]


@pytest.mark.parametrize(
    "title",
    [
        "*一* _二_",
        "[三](https://elsewhere.example)",
        "<b>四</b> &amp;",
        "`五` #",
        "\\六",
        "~~七~~",
        "八\n\n# 九",
        "十  十一",
        "# 十二",
    ],
)
def test_a_headline_is_text_whatever_stands_in_it_and_is_read_back(title: str) -> None:
    text = render(page(title=title))
    heading = text.partition("\n")[0]
    assert re.search(r"(?<!\\)[*_\[\]<>&`~#]", heading.removeprefix("### ")) is None
    assert text.startswith(f"{heading}\n\n---\n\n#### [首页]")
    assert read_seed(text).title == re.sub(r"\n+", " ", title)


MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


def tokens_of(text: str) -> list[tuple[str, str]]:
    """Return what a reader of Markdown finds in the last paragraph or heading of a text: types, and texts or targets."""
    inline = [token for token in MARKDOWN.parse(text) if token.type == "inline"][-1]
    return [
        (each.type, str(each.attrs.get("href") or each.content)) for each in inline.children or ()
    ]


@pytest.mark.parametrize(
    "rest",
    [
        *(
            "a.htm?x=1&y=2#z",
            "a_b_c.htm",
            "%E6%96%B0.htm",
            "a)b(c",
            "[x](https://elsewhere.example)",
            "*a*",
            "_a_/_b_",
            "~~a~~",
        ),
        *(
            "`a`",
            "![x](y)",
            "$a$",
            "a|b",
            "&lt;script&gt;",
            "&#60;b&#62;",
            "<script>x</script>",
            "a>b<c",
            "\\*a",
            "a b",
            "end.",
        ),
        *(
            "a\n\n# x",
            "a\r\nb",
            "a\u2028b",
            "a\x00\x9bb",
            "<!--",
            "](x)",
            "a'(b)",
            "end)",
            "end*",
            "\\",
        ),
    ],
)
def test_an_articles_address_is_an_address_whatever_stands_in_it(rest: str) -> None:
    address = f"https://news.example/{rest}"
    text = render(replace(page(), original=address))
    line = text.rpartition("\n")[2]
    assert line.startswith("原文链接（需翻墙）：")
    assert text.count("\n") == render(page()).count("\n")
    found = tokens_of(line)
    shown = "".join(content for kind, content in found if kind == "text").removeprefix(
        "原文链接（需翻墙）："
    )
    assert {kind for kind, _ in found} <= {"text", "link_open", "link_close"}
    assert {target for kind, target in found if kind == "link_open"} <= {shown} | {
        unquote(shown)
    } | {quoted(shown)}
    assert " " not in shown
    assert unquote(shown) == unquote(address)
    read = split_mirrored(Page(Url("https://git.example/n1.md"), text.encode()))
    assert read.original == resolve("", shown)
    assert resolve("", address) in (read.original, None) or "&" in rest or not rest.isprintable()


def quoted(address: str) -> str:
    """Return an address as markdown-it writes it."""
    return MARKDOWN.normalizeLink(address)


@pytest.mark.parametrize(
    "href",
    [
        "../c/n1.md?n1",
        "a(b)c",
        "a) [x](https://elsewhere.example",
        "<a> b",
        "a\n\n# b",
        "a\\",
        "&lt;b&gt;",
        'a "t"',
        "`a`*b*",
    ],
)
@pytest.mark.parametrize(
    "title",
    ["一", "](https://elsewhere.example)", "`", "![a](b)", "<b>", "a|b $c$", "*a* &lt;", "\\"],
)
def test_a_link_leads_where_it_should_and_its_title_is_text(href: str, title: str) -> None:
    found = tokens_of(f"- {as_link(Link(title, href))}")
    assert [kind for kind, _ in found if kind != "text"] == ["link_open", "link_close"]
    assert "".join(content for kind, content in found if kind == "text") == title
    assert unquote(dict(found)["link_open"]) == href


@pytest.mark.parametrize(
    "text",
    ["- a", "+ a", "1. a", "23) a", "= a", "---", "    a", "# a", "> a", "a\n---", "a | b", "* a"],
)
def test_a_description_is_one_paragraph_of_text(text: str) -> None:
    parsed = MARKDOWN.parse(f"## x\n\n{as_paragraph(text)}\n")
    assert [token.type for token in parsed[3:]] == ["paragraph_open", "inline", "paragraph_close"]
    assert tokens_of(as_paragraph(text)) == [("text", re.sub(r"\n", " ", text).strip())]


def test_words_of_the_lead_picture_can_not_leave_their_place() -> None:
    lead = Lead("https://i.news.example/a.jpg", '"><script>x</script>', "</div>\n\n---\n")
    text = render(page(lead=lead))
    assert "<script" not in text
    assert "</div>\n\n---\n" not in text.partition("<hr/>")[0]
    assert read_seed(text).original == ORIGINAL


@pytest.mark.parametrize(
    "content",
    [
        *(
            "<pre>一\n\n二\n    三</pre>",
            "<p>一\n\n\n# 二</p>",
            "一\r\n\r\n- 二",
            '<p title="a\n\nb">x</p>',
        ),
        *(
            f"<p>一</p>{white}<p>二</p>"
            for white in (" ", "   ", "\t", " \r ", "\r\n", " \t \r\n ")
        ),
        *(
            "   <p>一</p>",
            "<p>一</p>  ",
            "<figure><img alt='一'></figure> <h2>二</h2> ",
            "<div> <p>一</p> </div> <div> </div>",
        ),
    ],
)
def test_no_blank_line_ends_the_html_of_a_text(content: str) -> None:
    body = body_of(render(page(content)))
    assert BLANK_LINE.search(f"{body}\n") is None
    assert "\r" not in body
    assert all(line.startswith(("<", "一")) for line in body.split("\n"))


@given(st.text(alphabet=st.sampled_from('一二三 a\n\t<>&"/pbrh2=:#*-'), max_size=200))
def test_any_text_is_read_back_as_it_was(dirty: str) -> None:
    content = clean(DirtyHtml(f"<p>始</p>{dirty}<p>终</p>"), Url(ORIGINAL))
    text = render(page(content))
    assert BLANK_LINE.search(f"{body_of(text)}\n") is None
    assert text == render(page(content))
    read = read_seed(text)
    bare = read_seed(f"### x\n\n#### y\n<div id='artbody'>{content}</div>\n---\n原文：{ORIGINAL}")
    assert words(read.body) == words(bare.body)
    assert read.original == ORIGINAL


def words(tree: object) -> str:
    """Return all text of a tree, without white space."""
    if isinstance(tree, str):
        return "".join(tree.split())
    return (
        "".join(words(child) for child in tree[2])
        if isinstance(tree, tuple) and len(tree) > 2
        else ""
    )


def test_what_is_published_links_what_is_held_and_neutralises_the_rest_of_the_site(
    newsroom: Newsroom, channel_poller: ChannelPoller
) -> None:
    story = Story(
        "n105",
        "21/5/5",
        "旧书与新桥",
        f'老桥边的旧书摊又开了：见<a href="{BASE}/21/5/1/n101.htm">早市</a>、<a href="{BASE}/21/4/1/n77.htm">前文</a>'
        '和<a href="https://elsewhere.example/more">别处</a>。'
        '<img src="/pic/a.png" alt="旧书"><img src="/pic/gone.png" alt="新桥">',
        ("books", "city"),
        ("读书",),
        "/pic/lead.png",
    )
    newsroom.stories = (*STORIES, story)
    newsroom.faults["/pic/gone.png"] = Answer(b"", 404)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    text = markdown_page(
        channel_poller.services.mirror,
        channel_poller.services.store,
        "letters",
        "books",
        ArticleId("n105"),
        Links.MIRROR,
    )
    pictures = channel_poller.services.store.pictures.of([ArticleId("n105")])
    assert '<a href="../../../../../town/blob/master/pages/city/n101.md?n105">早市</a>' in text
    assert f'<ok href="{BASE}/21/4/1/n77.htm">前文</ok>' in text
    assert (
        '<a href="https://elsewhere.example/more" rel="noopener noreferrer nofollow">别处</a>'
        in text
    )
    assert f'<ok href="{BASE}/tag/%E8%AF%BB%E4%B9%A6.html">读书</ok>' in text
    assert f'<i title="{BASE}/pic/gone.png">新桥</i>' in text
    for url in ("a", "lead"):
        name = pictures[Url(f"{BASE}/pic/{url}.png")].reading.name
        assert f'src="../../media/{name[:3]}/{name}"' in text
    assert "[文苑](../../../../../letters?n105)" in text
    assert (
        text.partition("<!-- feedproxy")[0].count(BASE) == 3
    )  # two disabled links and the original address


def test_in_the_seeds_link_mode_every_link_is_neutral_and_every_address_upstreams(
    channel_poller: ChannelPoller,
) -> None:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    made = markdown_page(
        channel_poller.services.mirror,
        channel_poller.services.store,
        "town",
        "books",
        ArticleId("n102"),
        Links.SEED,
    )
    page = read_seed(made)
    assert page.picture == (f"{BASE}/pic/102.jpg", STORIES[1].title, f"图注：{STORIES[1].title}")
    assert f'<ok href="{BASE}/tag/%E8%AF%BB%E4%B9%A6.html">读书</ok>' in made
    assert "<a " not in made
    assert page.navigation[0] == ("首页", "../../../..?n102")
    assert page.original == f"{BASE}{STORIES[1].path}"
