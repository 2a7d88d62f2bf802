"""`feedproxy bundle`: a book that can be read without a network, whatever the articles hold."""

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from posixpath import normpath
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from newsroom import BASE, STORIES, Story
from PIL import Image
from realsite import Harvest
from standing import Standing, open_standing
from test_fuzz import DIRTY
from test_sanitise import SOUP

from feedproxy import markup, sanitise
from feedproxy.cli.bundle import bundle
from feedproxy.configuration.settings import Settings
from feedproxy.errors import ConfigError, FeedproxyError
from feedproxy.model import DirtyHtml, Url

HTML, OPF, NCX = (
    "{http://www.w3.org/1999/xhtml}",
    "{http://www.idpf.org/2007/opf}",
    "{http://www.daisy.org/z3986/2005/ncx/}",
)
DC = "{http://purl.org/dc/elements/1.1/}"
PAGE = Url(f"{BASE}/21/5/6/n300.htm")
# What browsers bear, and the grammar of HTML does not.
NASTY = (
    "<b>粗<div>段</div></b>",
    '<a href="#there">去</a><a name="there">来</a><a name="there">再来</a><a href="#nowhere">无</a><a href="#">顶</a>',
    "<ul>散<ul><li>内<p>段</ul></ul><li>孤<ol type=disc start=x><li value=1.5>一</ol><ul><li value=3>二</ul>",
    "<table><caption><table><tr><td>里</table></caption></table>",
    "<table><tr><td colspan=0 rowspan=x headers=h>格<tbody><tr><th scope=q>头</table>",
    "<dl><dd>先<dt>后</dl><dl><dt>词<dd>义</dl><ruby>山<rt>shan<rt></ruby><ruby><rp>(<b>x</b></rp><p>块</p></ruby><rt>孤</rt>",
    '<a href="https://a.example/"><table><tr><td><a href="https://b.example/?a|b=[1]&c=%zz#d#e">嵌</a></td></tr></table></a>',
    "<details><p>先<summary>题</summary></details><figure><p>文</p><figcaption>说明</figcaption><p>文</p></figure><big>大</big>",
    '<p dir="RTL" lang="x y" title="a&quot;&#x7f;">向</p><time datetime="soon">时</time><bdo>反</bdo><q>引</q><wbr><hr><br>',
    '<video src="/v.mp4" poster="/pic/poster.png" controls>片</video><audio><source src="https://a.example/a.mp3">声</audio>',
    "<header><header>头</header><footer>脚</footer></header>",
    "<address><h2>题</h2></address><h3>题<ul><li>项</ul></h3><pre>\n 字 </pre>",
)


def story(number: int, html: str, lead: str = "") -> Story:
    text = f"第{number}条街的照相馆重新开门，老街坊们都来照相，排起了长队，店主说要照到天黑。"
    return Story(
        f"n{number}",
        "21/5/6",
        f"照相馆{number} <新>&",
        f"{text}{html}",
        ("city",),
        ("街巷", "A%2FB"),
        lead,
    )


LINKS = (
    f'<p><a href="{BASE}/21/5/2/n102.htm">书</a> <a href="{BASE}/21/5/1/n101.htm#x">早</a> '
    f'<a href="{BASE}/20/1/1/n900.htm">无</a> <a href="/tag/山城.html">签</a> <a href="{BASE}/about.htm">社</a> '
    '<a href="https://elsewhere.example/a">外</a></p>'
    '<a href="/pic/large.png"><img src="/pic/one.png" alt="一"></a><img src="https://blocked.example/two.png" alt="二">'
)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    nasty = (story(300 + at, html) for at, html in enumerate(NASTY))
    with open_standing(
        tmp_path_factory.mktemp("bundle"), (*STORIES, story(201, LINKS, "/pic/lead.png"), *nasty)
    ) as opened:
        yield opened


@pytest.fixture
def settings(standing: Standing, tmp_path: Path) -> Settings:
    """Return those of a copy, which a test may spoil."""
    for name in ("config", "var"):
        shutil.copytree(standing.settings.config.parent / name, tmp_path / "copy" / name)
    return standing.settings.model_copy(
        update={"config": tmp_path / "copy" / "config", "data": tmp_path / "copy" / "var"}
    )


class Opened:
    """A book, its documents parsed."""

    def __init__(self, file: Path) -> None:
        self.bytes = file.read_bytes()
        self.archive = zipfile.ZipFile(io.BytesIO(self.bytes))
        self.names = self.archive.namelist()
        kinds = (".xhtml", ".ncx", ".opf", ".xml")
        self.trees = {
            name: ET.fromstring(self.archive.read(name))
            for name in self.names
            if name.endswith(kinds)
        }
        self.package = self.trees["EPUB/package.opf"]

    def article(self, article_id: str) -> ET.Element:
        return self.trees[f"EPUB/article-{article_id}.xhtml"]

    def spine(self) -> list[str]:
        files = {item.get("id"): str(item.get("href")) for item in self.package.iter(f"{OPF}item")}
        return [files[item.get("idref")] for item in self.package.iter(f"{OPF}itemref")]

    def meta(self, name: str) -> str:
        return next(
            str(element.text)
            for element in self.package.iter()
            if name in (element.tag, element.get("property"))
        )


def links_of(tree: ET.Element) -> dict[str, tuple[str | None, str | None]]:
    return {
        "".join(link.itertext()): (link.get("href"), link.get("title"))
        for link in tree.iter(f"{HTML}a")
    }


@pytest.fixture
def bound(settings: Settings, tmp_path: Path) -> Callable[..., Opened]:
    def run(*options: str, public_url: str = "") -> Opened:
        file = tmp_path / "book.epub"
        command = [
            "town",
            *(() if "--since" in options else ("--since", "2021-05-01")),
            *options,
            "--out",
            str(file),
        ]
        done = CliRunner().invoke(
            bundle, command, obj=settings.model_copy(update={"public_url": public_url})
        )
        assert (done.exit_code, done.stderr) == (0, "")
        assert re.fullmatch(
            rf"{file}: \d+ articles, \d+ pictures, {file.stat().st_size} bytes\n", done.stdout
        )
        return Opened(file)

    return run


def test_a_book_names_its_mirror_section_and_period_and_has_its_articles_newest_first_by_day(
    bound: Callable[..., Opened],
) -> None:
    book = bound()
    assert book.meta(f"{DC}title") == "山城镜像：山城 2021-05-01 – 2021-05-06"
    assert book.meta(f"{DC}language") == "zh-CN"
    assert "山城镜像" in (title := "".join(book.trees["EPUB/title.xhtml"].itertext()))
    assert all(
        words in title for words in ("山城", "2021-05-01 – 2021-05-06", f"{len(NASTY) + 5} 篇文章")
    )
    spine = book.spine()
    assert spine[:3] == [
        "title.xhtml",
        "day-2021-05-06.xhtml",
        f"article-n{299 + len(NASTY)}.xhtml",
    ]
    assert spine[-8:] == [
        *(
            "day-2021-05-04.xhtml",
            "article-n104.xhtml",
            "day-2021-05-03.xhtml",
            "article-n103.xhtml",
        ),
        *(
            "day-2021-05-02.xhtml",
            "article-n102.xhtml",
            "day-2021-05-01.xhtml",
            "article-n101.xhtml",
        ),
    ]


def test_both_tables_of_contents_lead_to_every_document_in_the_order_of_reading(
    bound: Callable[..., Opened],
) -> None:
    book = bound()
    navigation, old = book.trees["EPUB/nav.xhtml"], book.trees["EPUB/toc.ncx"]
    assert [link.get("href") for link in navigation.iter(f"{HTML}a")] == book.spine()
    assert [content.get("src") for content in old.iter(f"{NCX}content")] == book.spine()
    assert [text.text for text in old.iter(f"{NCX}text")][1:] == [
        "".join(link.itertext()) for link in navigation.iter(f"{HTML}a")
    ]
    day = navigation.findall(f".//{HTML}nav/{HTML}ol/{HTML}li")[1]
    assert day.findtext(f"{HTML}a") == "2021-05-06"
    assert len(day.findall(f"{HTML}ol/{HTML}li")) == len(NASTY) + 1


def test_an_article_has_all_that_its_page_in_the_mirror_has(bound: Callable[..., Opened]) -> None:
    tree = bound().article("n201")
    assert tree.findtext(f".//{HTML}h1") == "照相馆201 <新>&"
    text = "".join(tree.itertext())
    for words in (
        "李明",
        "2021-05-06 08:00",
        "第201条街的照相馆重新开门",
        f"{BASE}/21/5/6/n201.htm",
        "街巷",
        "A/B",
    ):
        assert words in text
    figure = tree.find(f".//{HTML}figure")
    assert figure is not None
    assert str(figure.findtext(f"{HTML}figcaption")).startswith("图注：照相馆201")
    assert (tree.get("lang"), tree.get("{http://www.w3.org/XML/1998/namespace}lang")) == (
        "zh-CN",
        "zh-CN",
    )


def test_links_to_articles_of_the_book_lead_inside_it_and_others_of_the_site_nowhere(
    bound: Callable[..., Opened],
) -> None:
    links = links_of(bound("--since", "2021-05-02").article("n201"))
    assert links["书"] == ("article-n102.xhtml", None)
    assert links["早"] == (None, f"{BASE}/21/5/1/n101.htm#x")
    assert links["无"] == (None, f"{BASE}/20/1/1/n900.htm")
    assert links["签"][0] is None
    assert links["社"] == (None, f"{BASE}/about.htm")
    assert links["外"] == ("https://elsewhere.example/a", None)
    assert links["目录"] == ("day-2021-05-06.xhtml", None)


def test_links_out_of_the_book_lead_to_the_mirror_where_its_address_is_known(
    bound: Callable[..., Opened],
) -> None:
    mirror = "https://mirror.example/x"
    book = bound("--since", "2021-05-02", public_url=mirror)
    links = links_of(book.article("n201"))
    assert links["书"] == ("article-n102.xhtml", None)
    assert links["早"] == (f"{mirror}/town/blob/master/pages/city/n101.md?n201", None)
    assert links["无"] == (f"{mirror}/town/blob/master/pages/city/n900.md?n201", None)
    assert links["签"] == (f"{mirror}/tag/%E5%B1%B1%E5%9F%8E?n201", None)
    assert links["A/B"] == (f"{mirror}/tag/A%2FB?n201", None)
    assert f"{mirror}/town" in "".join(book.trees["EPUB/title.xhtml"].itertext())


def test_every_link_and_picture_leads_to_something_that_is_there(
    bound: Callable[..., Opened],
) -> None:
    book = bound()
    for name, tree in book.trees.items():
        ids = [element.get("id") for element in tree.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        for element in tree.iter():
            for address in (element.get("href"), element.get("src")):
                file, mark, fragment = (address or "").partition("#")
                if not file.startswith("https://"):
                    assert not file or normpath(f"EPUB/{file}") in book.names, name
                    assert not mark or (not file and fragment in ids), name


def test_pictures_are_in_the_book_as_e_readers_show_them_and_others_leave_their_text(
    bound: Callable[..., Opened],
) -> None:
    book = bound()
    tree = book.article("n201")
    shown = [str(image.get("src")) for image in tree.iter(f"{HTML}img")]
    assert [image.get("alt") for image in tree.iter(f"{HTML}img")] == ["照相馆201 <新>&", "一"]
    assert "二" in "".join(tree.itertext())
    types = {item.get("href"): item.get("media-type") for item in book.package.iter(f"{OPF}item")}
    for src in shown:
        with Image.open(io.BytesIO(book.archive.read(f"EPUB/{src}"))) as image:
            assert (image.format, image.size) == ("PNG", (80, 60))
        assert types[src] == "image/png"
    assert set(book.names) - {"mimetype", "META-INF/container.xml", "EPUB/package.opf"} == {
        f"EPUB/{href}" for href in types
    }


def test_a_book_without_pictures_has_their_texts(bound: Callable[..., Opened]) -> None:
    book = bound("--no-pictures")
    assert not [name for name in book.names if "media" in name]
    assert not [*book.article("n201").iter(f"{HTML}img")]
    assert "图注：照相馆201" in "".join(book.article("n201").itertext())


def test_a_picture_whose_file_is_lost_leaves_its_text(
    bound: Callable[..., Opened], settings: Settings
) -> None:
    shutil.rmtree(settings.media)
    assert not [*bound().article("n201").iter(f"{HTML}img")]


@pytest.mark.parametrize("images", ["link", "none"])
def test_a_section_that_keeps_no_pictures_has_none_in_its_book(
    bound: Callable[..., Opened], settings: Settings, images: str
) -> None:
    file = settings.config / "sections" / "town.toml"
    file.write_text(f'images = "{images}"\n' + file.read_text("utf-8"), "utf-8")
    assert not [*bound().article("n201").iter(f"{HTML}img")]


def test_the_same_articles_make_the_same_bytes_and_say_when_one_changed_last(
    bound: Callable[..., Opened], standing: Standing
) -> None:
    first, second = bound(), bound()
    assert first.bytes == second.bytes
    assert {entry.date_time for entry in first.archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    newest = max(article.updated for article in standing.store.newest(("city", "books"), 99))
    assert first.meta("dcterms:modified") == f"{newest:%Y-%m-%dT%H:%M:%SZ}"
    names = {
        bound(*options).meta(f"{DC}identifier")
        for options in ((), (), ("--since", "2021-05-02"), ("--channel", "books"))
    }
    assert len(names) == 3


def test_what_e_readers_look_at_first_comes_first_and_uncompressed(
    bound: Callable[..., Opened],
) -> None:
    book = bound()
    assert book.bytes[30:58] == b"mimetypeapplication/epub+zip"
    assert book.archive.infolist()[0].compress_type == zipfile.ZIP_STORED


def test_a_span_counts_back_from_the_newest_article(bound: Callable[..., Opened]) -> None:
    assert [
        file for file in bound("--since", "48h", "--channel", "books").spine() if "article" in file
    ] == [
        *("article-n104.xhtml", "article-n102.xhtml"),
    ]
    assert [
        file for file in bound("--since", "1d", "--channel", "books").spine() if "article" in file
    ] == ["article-n104.xhtml"]


def test_the_last_day_is_meant_with_it_and_days_are_those_of_the_site(
    bound: Callable[..., Opened],
) -> None:
    spine = bound("--since", "2021-05-02", "--until", "2021-05-03").spine()
    assert [file for file in spine if "article" in file] == [
        "article-n103.xhtml",
        "article-n102.xhtml",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("town", "--since", "soon"),
            "bundle: --since: 'soon' is neither a day such as 2021-11-01 nor a span such as 7d or 24h",
        ),
        (("town", "--since", "2021-02-30"), "bundle: --since: '2021-02-30' is neither"),
        (("town", "--since", "0001-01-01"), "bundle: --since: '0001-01-01' is neither"),
        (("town", "--since", "0d"), "bundle: --since: '0d' is neither"),
        (("town", "--since", "20210501"), "bundle: --since: '20210501' is neither"),
        (
            ("town", "--since", "1d", "--until", "0001-01-01"),
            "bundle: --until: 0001-01-01 is not after 1d",
        ),
        (
            ("town", "--since", "1d", "--until", "9999-12-31"),
            "bundle: --until: '9999-12-31' is neither",
        ),
        (
            ("town", "--since", "2022-01-01"),
            "bundle: town: no article is stored from 2022-01-01 on",
        ),
        (
            ("town", "--since", "2020-01-01", "--until", "2020-01-02"),
            "bundle: town: no article is stored from 2020-01-01 to",
        ),
        (("nowhere", "--since", "1d"), "bundle: nowhere: there is no such section"),
        (
            ("letters", "--since", "1d", "--channel", "city"),
            "bundle: letters: there is no channel 'city' in it",
        ),
        (
            ("town", "--since", "1d", "--out", "/nowhere/book.epub"),
            "bundle: --out: /nowhere/book.epub can't be written: no such",
        ),
    ],
)
def test_what_can_not_be_bundled_is_one_line(
    settings: Settings, options: tuple[str, ...], words: str
) -> None:
    done = CliRunner().invoke(bundle, options, obj=settings)
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(words)
    assert "\n" not in str(done.exception)


def test_an_empty_store_has_nothing_to_bundle(settings: Settings) -> None:
    shutil.rmtree(settings.data)
    done = CliRunner().invoke(bundle, ["all", "--since", "1d"], obj=settings)
    assert str(done.exception) == "bundle: all: no article is stored"


def test_a_book_that_fails_half_way_leaves_the_one_of_before(
    bound: Callable[..., Opened], settings: Settings, tmp_path: Path
) -> None:
    before = bound().bytes
    for file in list(settings.media.glob("??/*")):
        file.unlink()
        file.mkdir()
    command = ["town", "--since", "2021-05-01", "--out", str(tmp_path / "book.epub")]
    done = CliRunner().invoke(bundle, command, obj=settings)
    assert isinstance(done.exception, FeedproxyError)
    assert (tmp_path / "book.epub").read_bytes() == before
    assert not [*tmp_path.glob("*.part")]


def test_a_book_without_a_name_is_named_after_what_it_holds(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(
        bundle, ["town", "--channel", "city", "--since", "2021-05-01"], obj=settings
    )
    assert done.exit_code == 0
    assert [file.name for file in tmp_path.glob("*.*")] == ["town-city-2021-05-01.epub"]


# ------------------------------------------------------------------ the grammar


PHRASES = {
    *(
        "a",
        "abbr",
        "b",
        "bdi",
        "br",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
        "q",
        "ruby",
        "s",
        "samp",
    ),
    *("small", "span", "strong", "sub", "sup", "u", "var", "wbr", "rt", "rp"),
}
PARENTS = {
    **{name: {"tr"} for name in ("td", "th")},
    **{name: {"table"} for name in ("tbody", "thead", "tfoot", "caption")},
    **{name: {"dl"} for name in ("dt", "dd")},
    **{name: {"ruby"} for name in ("rt", "rp")},
    "li": {"ul", "ol"},
    "tr": {"table", "tbody", "thead", "tfoot"},
}
ONLY = {
    "ul": {"li"},
    "ol": {"li"},
    "dl": {"dt", "dd"},
    "tr": {"td", "th"},
    "tbody": {"tr"},
    "thead": {"tr"},
    "tfoot": {"tr"},
}


def faults_of(element: ET.Element, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what HTML 5 does not allow, as far as it can be told without a schema."""
    for child in element:
        here = (*above, element.tag)
        if child.tag in PARENTS and element.tag not in PARENTS[child.tag]:
            yield f"{child.tag} in {element.tag}"
        if element.tag in ONLY and (
            child.tag not in ONLY[element.tag] or (child.tail or "").strip(" \t\r\n")
        ):
            yield f"{child.tag} or text in {element.tag}"
        lines = (PHRASES - {"a", "ins", "del"}) | {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
        if child.tag not in PHRASES and lines & set(here):
            yield f"{child.tag} in {here}"
        if child.tag in ("a", "dfn") and child.tag in here:
            yield f"{child.tag} in itself"
        yield from faults_of(child, here)


FEW = settings_of_hypothesis(deadline=None, max_examples=60)


@FEW
@given(SOUP | DIRTY | st.permutations(NASTY).map("".join))
@example("<ul>\u2028<li>a</ul>")
@example("<ruby>" + "<rt>a</rt>" * 100 + "b</ruby>")
@example("<a name=x><video>a<source src=/a></video></a>")
def test_whatever_was_cleaned_is_well_formed_holds_to_the_grammar_and_loses_no_text(
    dirty: str,
) -> None:
    try:
        safe = sanitise.clean(DirtyHtml(dirty), PAGE)
    except FeedproxyError:
        return
    made = ET.fromstring(f"<div>{markup.as_xhtml(safe)}</div>")
    assert list(faults_of(made)) == []
    ids = [element.get("id") for element in made.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    alts = "".join(image.get("alt", "") for image in markup.fragment(safe).iter("img"))
    text = "".join(map(str, markup.fragment(safe).itertext()))
    assert sorted("".join(made.itertext())) == sorted(text + alts)


@pytest.mark.parametrize(
    ("html", "xhtml"),
    [
        ("<p>石<br>桥<i></i></p>", "<p>石<br/>桥<i></i></p>"),
        ("<b>石<div>桥</div></b>", '<div class="b">石<div>桥</div></div>'),
        ("<ul><li>石</ul>", "<ul><li>石</li></ul>"),
        ("<ul>石<li>桥</ul>", '<div class="ul">石<div class="li">桥</div></div>'),
        (
            "<table><tr><td colspan=2>石<td colspan=0>桥</table>",
            '<table><tr><td colspan="2">石</td><td>桥</td></tr></table>',
        ),
        (
            '<a href="#石">桥</a><a name="石">石</a><a name="石">石</a>',
            '<a href="#p1">桥</a><a id="p1">石</a><a>石</a>',
        ),
        (
            '<a href="https://e.example/a|b?%zz">石</a>',
            '<a href="https://e.example/a%7Cb?%25zz">石</a>',
        ),
        (
            '<a href="article-n1.xhtml">石</a><a href="media/a.png">桥</a>',
            '<a href="article-n1.xhtml">石</a><a>桥</a>',
        ),
        ('<img src="https://e.example/a.png" alt="石">', "<span>石</span>"),
        (
            "<ol start=3 type=a><li value=4>石</ol>",
            '<ol start="3" type="a"><li value="4">石</li></ol>',
        ),
        (
            "<big>石</big><figure>桥</figure>",
            '<span class="big">石</span><div class="figure">桥</div>',
        ),
    ],
)
def test_what_the_grammar_has_no_place_for_becomes_something_that_shows_the_same(
    html: str, xhtml: str
) -> None:
    assert markup.as_xhtml(html) == xhtml


# ------------------------------------------------------------------ the validator


EPUBCHECK, JAVA = shutil.which("epubcheck"), shutil.which("java")
needs_epubcheck = pytest.mark.skipif(
    not (EPUBCHECK and JAVA), reason="needs epubcheck (Debian package epubcheck)"
)


def check(file: Path) -> None:
    """Hold that epubcheck has nothing to say; Debian's is the bare archive, which not every kernel starts by itself."""
    is_archive = Path(str(EPUBCHECK)).read_bytes()[:2] == b"PK"
    command = [str(JAVA), "-jar", str(EPUBCHECK)] if is_archive else [str(EPUBCHECK)]
    done = subprocess.run(
        [*command, str(file)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), (done.stdout + done.stderr)[:4000]
    assert "No errors or warnings detected" in done.stdout


@needs_epubcheck
def test_the_validator_of_epub_finds_nothing_even_where_articles_are_hostile(
    bound: Callable[..., Opened], tmp_path: Path
) -> None:
    bound(public_url="https://mirror.example")
    check(tmp_path / "book.epub")


@needs_epubcheck
@pytest.mark.soak
@pytest.mark.corpus
def test_the_validator_finds_nothing_in_the_real_sites_newest_articles(
    modern: Harvest, tmp_path: Path
) -> None:
    file = tmp_path / "book.epub"
    command = ["epoch-news", "--since", "2000-01-01", "--limit", "100", "--out", str(file)]
    done = CliRunner().invoke(bundle, command, obj=modern.settings)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: 100 articles, ")
    check(file)
