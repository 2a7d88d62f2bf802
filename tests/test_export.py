"""The mirror on disk: what lies where, what is written again, and what is refused; over the invented site."""

import csv
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from click.testing import CliRunner
from conftest import Clock
from fakes import open_calm_fetcher
from hypothesis import given
from hypothesis import strategies as st
from linkcheck import Mirror as Walked
from linkcheck import crawl, faults
from newsroom import BASE, HOST, STORIES, Newsroom, Story, open_newsroom, write_config
from newsroom import Answer as Sent
from test_links import LINKING, OLDER, PUBLIC, TAGS, file_server

from feedproxy import paths
from feedproxy.cli.export import export_mirror
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import ExportError
from feedproxy.export import ExportOptions, export
from feedproxy.export.git_format import list_line
from feedproxy.export.tree import write_file
from feedproxy.export.wellformed import find_fault_in_html, find_fault_in_markdown
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.ingest.mirrored import read_copy
from feedproxy.media import FolderMedia
from feedproxy.model import (
    ArticleId,
    ExportFormat,
    ExportRules,
    Images,
    ListingItem,
    Mirror,
    Page,
    PageCopies,
    Site,
    Url,
)
from feedproxy.parse import parse_listing
from feedproxy.sign import read_manifest
from feedproxy.store import Store, open_store

GIT, HTML = ExportFormat.GIT, ExportFormat.HTML
NEWEST = Story(
    "n105", "21/5/5", "新桥通车", "新桥今天通车，两岸的人都来看。", ("city",), ("山城", "桥")
)


class House:
    """The invented site's mirror, filled, and what exports it."""

    def __init__(self, room: Newsroom, folder: Path) -> None:
        room.stories = (*OLDER, LINKING, *STORIES[1:])
        room.faults["/pic/gone.png"] = Sent(b"", 404)
        self.room, self.folder = room, folder
        self.settings = Settings(
            config=write_config(folder / "config", "feed"),
            data=folder / "var",
            origins={HOST: room.origin},
        )
        self.mirror: Mirror = load_mirror(self.settings.config)
        self.store: Store = open_store(self.settings.store_url, self.settings.data)
        self.poll()

    def poll(self) -> None:
        fetcher = open_calm_fetcher(self.settings, self.mirror)
        for channel in self.mirror.channels:
            ChannelPoller(
                Services(
                    self.mirror, self.store, fetcher, FolderMedia(self.settings.media), Clock()
                )
            ).poll(channel)
        fetcher.close()

    def order(self, form: ExportFormat, **changes: object) -> ExportOptions:
        settings = self.settings
        order = ExportOptions(
            self.mirror,
            form,
            settings.store_url,
            settings.data,
            FolderMedia(settings.media),
            PUBLIC,
        )
        return replace(order, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A mirror that no test changes."""
    with open_newsroom() as room:
        opened = House(room, tmp_path_factory.mktemp("house"))
    yield opened
    opened.store.close()


@pytest.fixture
def growing(newsroom: Newsroom, tmp_path: Path) -> Iterator[House]:
    """A mirror of its own for one test."""
    opened = House(newsroom, tmp_path / "house")
    yield opened
    opened.store.close()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def checked(root: Path) -> set[str]:
    """Return the files that a SHA256SUMS names, each of which has the hash that it says."""
    lines = [line.split("  ", 1) for line in (root / "SHA256SUMS").read_text("utf-8").splitlines()]
    assert lines == sorted(lines, key=lambda line: line[1].encode())
    assert all(
        hashlib.sha256((root / path).read_bytes()).hexdigest() == digest for digest, path in lines
    )
    return {path for _, path in lines}


@pytest.mark.parametrize("form", [GIT, HTML])
def test_the_same_store_gives_the_same_files_wherever_however_and_by_how_many(
    house: House, tmp_path: Path, form: ExportFormat
) -> None:
    once, again, shared = tmp_path / "a", tmp_path / "b" / "c", tmp_path / "d"
    export(house.order(form), house.store, once)
    export(house.order(form), house.store, again)
    export(house.order(form), house.store, shared, processes=2)
    assert files_of(once) == files_of(again) == files_of(shared)
    roots = [once / section.name for section in house.mirror.sections] if form is GIT else [once]
    for root in roots:
        assert checked(root) == set(files_of(root)) - {"SHA256SUMS"}


def test_the_git_form_holds_pages_lists_and_pictures_of_each_section(
    house: House, tmp_path: Path
) -> None:
    result = export(house.order(GIT), house.store, tmp_path / "out")
    town = tmp_path / "out" / "town"
    assert result.articles == len(OLDER) + len(STORIES)
    ids = [
        line.partition(",")[0]
        for line in (town / "indexes" / "city.csv").read_text("utf-8").splitlines()
    ]
    assert ids == [row.id for row in house.store.index("city", 0, 999)]
    assert {file.stem for file in (town / "pages" / "city").iterdir()} == set(ids)
    assert (town / "scripts" / "index.csv").read_text("utf-8") == "city,城事\nbooks,读书\n"
    assert sorted(file.name for file in (town / "indexes" / "city").iterdir()) == [
        "2.md",
        "3.md",
        "README.md",
    ]
    assert "(../../pages/city/n103.md?n103)" in (town / "indexes" / "city" / "README.md").read_text(
        "utf-8"
    )
    readme = (town / "README.md").read_text("utf-8")
    for part in (
        "山城报",
        "非官方镜像",
        f"{PUBLIC}/feed/town/city.xml",
        f"{PUBLIC}/feeds.opml",
        "indexes/city/README.md",
    ):
        assert part in readme
    media = {file.name: file for file in (town / "media").glob("*/*")}
    assert all(file.parent.name == name[:3] for name, file in media.items())
    shown = house.store.pictures.of(house.store.ids(["city", "books"])).values()
    assert set(media) == {file.name for each in shown for file in (each.original, each.reading)}


def test_a_page_holds_the_whole_article(house: House, tmp_path: Path) -> None:
    export(house.order(GIT), house.store, tmp_path / "out")
    town = tmp_path / "out" / "town"
    stored = house.store.article(ArticleId("n102"))
    assert stored is not None
    page = Page(
        Url("https://git.example/town/pages/city/n102.md"),
        (town / "pages" / "city" / "n102.md").read_bytes(),
    )
    copy = read_copy(
        page, ListingItem(stored.id, stored.url, stored.title), house.mirror, stored.updated
    )
    assert copy.draft.article == stored
    names = {file.name for file in (town / "media").glob("*/*")}
    on_progress = {name for pair in copy.files.values() for name in pair}
    assert len(on_progress) == 2
    assert on_progress < names


def test_a_channel_s_manifest_names_its_index_and_pages(house: House, tmp_path: Path) -> None:
    export(house.order(GIT), house.store, tmp_path / "out")
    town = tmp_path / "out" / "town"
    sums = read_manifest((town / "indexes" / "books.sha256").read_bytes(), max_lines=100)
    expected = [
        "indexes/books.csv",
        "indexes/books/README.md",
        "pages/books/n102.md",
        "pages/books/n104.md",
    ]
    assert sorted(sums) == expected
    for name, digest in sums.items():
        assert hashlib.sha256((town / name).read_bytes()).hexdigest() == digest


def test_links_of_the_git_form_lead_to_files_or_keep_their_upstream_address(
    house: House, tmp_path: Path
) -> None:
    export(house.order(GIT), house.store, tmp_path / "out")
    text = (tmp_path / "out" / "town" / "pages" / "city" / "n101.md").read_text("utf-8")
    assert '<a href="n102.md?n101">图书馆</a>' in text
    assert f'<ok href="{BASE}/21/5/9/n900.htm">没有收录的</ok>' in text
    assert f'<ok href="{BASE}/tag/A%2FB.html">' in text
    source = text.partition('src="../../media/')[2].partition('"')[0]
    assert (tmp_path / "out" / "town" / "media" / source).is_file()


def test_one_page_for_each_article_if_it_is_to_be_so(house: House, tmp_path: Path) -> None:
    mirror = replace(house.mirror, export=ExportRules(PageCopies.ONCE))
    export(house.order(GIT, mirror=mirror), house.store, tmp_path / "git")
    town = tmp_path / "git" / "town"
    assert (town / "pages" / "city" / "n102.md").is_file()
    assert not (town / "pages" / "books" / "n102.md").exists()
    assert (town / "pages" / "books" / "n104.md").is_file()
    assert "(../../pages/city/n102.md?n102)" in (
        town / "indexes" / "books" / "README.md"
    ).read_text("utf-8")
    assert (tmp_path / "git" / "letters" / "pages" / "books" / "n102.md").is_file()
    export(house.order(HTML, mirror=mirror), house.store, tmp_path / "html")
    walk(tmp_path / "html")


def walk(folder: Path, below: str = "") -> set[str]:
    """Walk an export in the form html from its front page; nothing may be broken. Return the files that were reached."""
    with file_server(folder) as ask:
        found = crawl(
            Walked(ask, PUBLIC, folder=quote(below), hosts=frozenset((HOST, "localhost"))),
            "/index.html",
        )
    assert faults(found) == []
    assert found.not_held == set()
    assert [page.path for page in found.pages.values() if page.status != 200] == []
    return {unquote(path).lstrip("/") for path in found.pages}


@pytest.mark.parametrize("below", ["", "/mirrors/山城"])
def test_every_link_of_the_html_form_leads_to_a_file_and_every_file_is_reached(
    house: House, tmp_path: Path, below: str
) -> None:
    folder = tmp_path / below.lstrip("/")
    export(house.order(HTML), house.store, folder / "x" if below == "" else folder)
    reached = walk(tmp_path / "x" if below == "" else tmp_path, below)
    unlinked = {"SHA256SUMS", ".feedproxy", ".nojekyll", "404.html", "robots.txt", "mirrors.html"}
    assert set(files_of(folder / "x" if below == "" else folder)) == reached | unlinked
    assert {f"tag/{paths.layout._tag_file(unquote(tag))}.html" for tag in TAGS} <= reached


def test_without_an_address_of_its_own_the_html_form_has_no_feeds_and_nothing_names_any(
    house: House, tmp_path: Path
) -> None:
    export(house.order(HTML, public_url=""), house.store, tmp_path / "out")
    reached = walk(tmp_path / "out")
    assert not [path for path in reached if path.startswith("feed/")]
    home = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "订阅" not in home
    assert "canonical" not in home


def test_known_addresses_are_listed_in_both_forms(house: House, tmp_path: Path) -> None:
    mirror = replace(house.mirror, addresses=("https://one.example/", "https://two.example/x"))
    export(house.order(HTML, mirror=mirror), house.store, tmp_path / "html")
    export(house.order(GIT, mirror=mirror), house.store, tmp_path / "git")
    page = (tmp_path / "html" / "mirrors.html").read_text("utf-8")
    readme = (tmp_path / "git" / "town" / "README.md").read_text("utf-8")
    for address in mirror.addresses:
        assert f'<a href="{address}"' in page
        assert address in readme
    assert '<a href="mirrors.html">' in (tmp_path / "html" / "index.html").read_text("utf-8")


def test_a_section_that_shows_no_pictures_exports_none(house: House, tmp_path: Path) -> None:
    sections = tuple(replace(section, images=Images.NONE) for section in house.mirror.sections)
    for form in (GIT, HTML):
        export(
            house.order(form, mirror=replace(house.mirror, sections=sections)),
            house.store,
            tmp_path / form,
        )
        assert not list((tmp_path / form).rglob("*.webp"))
    walk(tmp_path / "html")


def test_after_one_new_article_only_the_files_that_changed_are_written(
    growing: House, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(growing.order(GIT), growing.store, out)
    before, inodes = files_of(out), {path: (out / path).stat().st_ino for path in files_of(out)}
    growing.room.stories += (NEWEST,)
    growing.poll()
    result = export(growing.order(GIT), growing.store, out)
    after = files_of(out)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    numbers = {f"town/indexes/city/{name}.md" for name in ("README", "2", "3")}
    sums = {"town/SHA256SUMS", "town/channels.sha256", "town/indexes/city.sha256"}
    assert changed == {"town/pages/city/n105.md", "town/indexes/city.csv"} | numbers | sums
    assert {path for path in after if (out / path).stat().st_ino != inodes.get(path)} == changed
    assert {kind: count for kind, count in result.written.items() if count} == {
        "pages": 1,
        "lists": 1,
        "indexes": 3,
        "sums": 3,
    }
    again = export(growing.order(GIT), growing.store, out)
    assert (sum(again.written.values()), again.removed) == (0, 0)


def test_a_dry_run_counts_and_writes_nothing(house: House, tmp_path: Path) -> None:
    result = export(house.order(HTML), house.store, tmp_path / "out", is_dry=True)
    assert list(tmp_path.iterdir()) == []
    assert result.written == export(house.order(HTML), house.store, tmp_path / "out").written


def test_what_an_operator_damaged_is_written_anew(house: House, tmp_path: Path) -> None:
    export(house.order(HTML), house.store, tmp_path / "out")
    (tmp_path / "out" / "index.html").write_text("damaged")
    result = export(house.order(HTML), house.store, tmp_path / "out")
    assert result.written["home"] == 1
    assert checked(tmp_path / "out")


class Killed(BaseException):
    """Ends a run where it is."""


@pytest.mark.parametrize("form", [GIT, HTML])
@pytest.mark.parametrize("left", [1, 2, 5])
def test_who_is_killed_while_writing_leaves_the_old_tree(
    growing: House, tmp_path: Path, form: ExportFormat, left: int
) -> None:
    out, count = tmp_path / "out", 0
    export(growing.order(form), growing.store, out)
    before = files_of(out)
    growing.room.stories += (NEWEST,)
    growing.poll()

    def write(file: Path, body: bytes) -> None:
        nonlocal count
        count += 1
        if count == left:
            raise Killed
        write_file(file, body)

    with pytest.raises(Killed):
        export(growing.order(form), growing.store, out, write=write)
    assert files_of(out) == before
    export(growing.order(form), growing.store, out)
    assert files_of(out) != before
    assert not [each.name for each in tmp_path.iterdir() if "export" in each.name]


def test_a_run_that_was_killed_between_two_trees_is_mended_by_the_next(
    house: House, tmp_path: Path
) -> None:
    out, last = tmp_path / "out", tmp_path / ".out.last-export"
    export(house.order(HTML), house.store, out)
    whole = files_of(out)
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("ref: x")
    out.rename(last)  # killed after the first renaming
    (tmp_path / ".out.next-export").mkdir()
    export(house.order(HTML), house.store, out)
    assert files_of(out) == whole | {".git/HEAD": b"ref: x"}
    shutil.copytree(out, last)  # killed after the second
    shutil.rmtree(out / ".git")
    export(house.order(HTML), house.store, out)
    assert files_of(out) == whole | {".git/HEAD": b"ref: x"}
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize("form", [GIT, HTML])
def test_what_an_operator_has_beside_our_files_stays(
    house: House, tmp_path: Path, form: ExportFormat
) -> None:
    root = tmp_path / "out" / ("town" if form is GIT else "")
    export(house.order(form), house.store, tmp_path / "out")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("mine")
    (root / "CNAME").write_text("mirror.example")
    export(house.order(form), house.store, tmp_path / "out")
    assert ((root / ".git" / "config").read_text(), (root / "CNAME").read_text()) == (
        "mine",
        "mirror.example",
    )


def test_a_folder_that_is_no_export_of_ours_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match="home: is not empty and not an export of feedproxy"):
        export(house.order(HTML), house.store, tmp_path / "home")
    assert files_of(tmp_path) == {"home/thesis.txt": b"mine"}
    export(house.order(HTML), house.store, tmp_path / "out")
    with pytest.raises(ExportError, match="is an export in the format html, not git"):
        export(house.order(GIT), house.store, tmp_path / "out")


def test_an_export_that_loses_articles_is_refused_unless_it_is_forced(
    growing: House, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(growing.order(GIT), growing.store, out)
    before = files_of(out)
    lost = [ArticleId(story.id) for story in OLDER[:4]]
    growing.store.drop(lost, growing.store.article(ArticleId("n101")).published)  # type: ignore[union-attr]
    with pytest.raises(
        ExportError, match=r"would lose 4 of 64 articles, more than export.max_loss = 0.05 allows"
    ):
        export(growing.order(GIT), growing.store, out)
    assert files_of(out) == before
    result = export(growing.order(GIT), growing.store, out, force=True)
    assert (result.articles, result.removed) == (60, 5)  # pages, and the last page of the list
    assert not list(out.rglob(f"{lost[0]}.md"))


def test_a_page_that_is_not_well_formed_stops_the_export(
    growing: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(growing.order(GIT), growing.store, out)
    before = files_of(out)
    monkeypatch.setattr(
        "feedproxy.export.git_format.markdown_of",
        lambda *_: b"### x\n\n---\n\n#### y\n\n\n<div><p></div>\n\n\n---\n\nz",
    )
    with pytest.raises(
        ExportError,
        match=r"town/pages/city/n\d+.md: is not well-formed: </div> ends what did not begin",
    ):
        export(growing.order(GIT), growing.store, out)
    assert files_of(out) == before


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<!DOCTYPE html>\n<html><p a='>'>x<br></p></html>\n", ""),
        ("<html></html>", "its beginning or its end is missing"),
        ("<!DOCTYPE html>\n<html><p></html>", "</html> ends what did not begin"),
        ("<!DOCTYPE html>\n<html><p></p></html></html>", "</html> ends what did not begin"),
        ("<!DOCTYPE html>\n<html><html></html>", "<html> does not end"),
        ("<!DOCTYPE html>\n<html>a < b</html>", "a < is no tag's"),
    ],
)
def test_the_look_at_pages_bites(body: str, fault: str) -> None:
    assert find_fault_in_html(body.encode()) == fault


def test_the_look_at_markdown_bites() -> None:
    head, foot = "### t\n\n---\n\n#### n\n\n\n", "\n\n\n---\n\n原文链接：http://x.example/"
    assert find_fault_in_markdown(f"{head}<div>x</div>{foot}".encode()) == ""
    assert (
        find_fault_in_markdown(f"{head}<div>x\n \ny</div>{foot}".encode())
        == "its text has a blank line, which ends it"
    )
    assert (
        find_fault_in_markdown(f"{head}<div>x</div>".encode())
        == "its heading, its text or its original address is missing"
    )


def test_what_is_stored_while_an_export_goes_on_is_in_it(growing: House, tmp_path: Path) -> None:
    out, is_new = tmp_path / "out", True

    def on_progress(_done: int, _total: int) -> None:
        nonlocal is_new
        if is_new:
            is_new = False
            growing.room.stories += (NEWEST,)
            growing.poll()

    export(growing.order(HTML), growing.store, out, on_progress=on_progress)
    walk(out)
    assert (out / "town/blob/master/pages/city/n105.html").is_file()
    export(growing.order(HTML), growing.store, tmp_path / "calm")
    assert files_of(out) == files_of(tmp_path / "calm")


def test_what_seals_a_root_is_given_its_sums_and_is_not_among_them(
    house: House, tmp_path: Path
) -> None:
    export(
        house.order(GIT),
        house.store,
        tmp_path / "out",
        signer=lambda path, sums: path.encode() + hashlib.sha256(sums).digest(),
    )
    town = tmp_path / "out" / "town"
    for name in ("SHA256SUMS", "channels.sha256"):
        made = f"town/{name}".encode() + hashlib.sha256((town / name).read_bytes()).digest()
        assert (town / f"{name}.minisig").read_bytes() == made
    assert "SHA256SUMS.minisig" not in checked(town)


def test_titles_with_commas_stand_in_lists_as_they_are(growing: House, tmp_path: Path) -> None:
    growing.room.stories += (replace(NEWEST, title='新桥,通车 "今天"'),)
    growing.poll()
    export(growing.order(GIT), growing.store, tmp_path / "out")
    line = (tmp_path / "out" / "town" / "indexes" / "city.csv").read_text("utf-8").splitlines()[0]
    assert line.partition(",")[2] == '新桥,通车 "今天"'
    assert len(next(csv.reader([line]))) == 3


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@A1",
    "＝1",
    "＋1",
    "－1",
    "＠A1",
    "'=1",
    "''-1",
    '"=1"',
    "一,=1",
    "一;@A1",
    '一," +1"',
    "\t=1",
)


@given(
    st.one_of(
        st.sampled_from(FORMULAS), st.text(st.sampled_from("=+-@＝,;，'\" 一a"), max_size=12)
    ),
    st.sampled_from(("n1", "-1")),
)
def test_no_cell_of_a_list_is_a_formula_and_titles_are_read_back(title: str, name: str) -> None:
    line = list_line(name, title)
    for delimiter in ",;\t":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            for cell in next(csv.reader([line], delimiter=delimiter, quoting=quoting)):
                assert not re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell), (line, cell)
    page = Page(Url("https://git.example/indexes/city.csv"), line.encode())
    if title.strip():
        found = parse_listing(page, Site(name="s", title="s", hosts=("s.example",)), "mirror").items
        assert [(item.id, item.title) for item in found] == [(name, " ".join(title.split()))]


def test_a_list_that_is_taken_in_has_the_titles_that_were_written(
    growing: House, tmp_path: Path
) -> None:
    growing.room.stories += (replace(NEWEST, title='=HYPERLINK("https://elsewhere.example",A1)'),)
    growing.poll()
    export(growing.order(GIT), growing.store, tmp_path / "out")
    file = tmp_path / "out" / "town" / "indexes" / "city.csv"
    assert file.read_text("utf-8").splitlines()[0].partition(",")[2].startswith("'=HYPERLINK(")
    found = parse_listing(
        Page(Url(file.as_uri()), file.read_bytes()), growing.mirror.sites[0], "mirror"
    ).items
    assert found[0].title == growing.store.index("city", 0, 1)[0].title


def test_the_command_says_what_it_wrote_and_ends_with_one_line_when_it_refuses(
    house: House, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        export_mirror,
        [str(tmp_path / "out"), "--format", "html", "--workers", "1"],
        obj=house.settings,
    )
    assert done.exit_code == 0, done.output
    assert "feeds are left out" in done.stderr
    assert "64 articles; files written: " in done.stdout
    assert "pages rendered in" in done.stdout
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x")
    refused = CliRunner().invoke(
        export_mirror,
        [str(tmp_path / "mine"), "--format", "git", "--workers", "1"],
        obj=house.settings,
    )
    assert isinstance(refused.exception, ExportError)


def test_tags_have_file_names_that_no_file_system_confuses() -> None:
    names = [
        "台湾",
        "A/B",
        "a/b",
        "A",
        "a",
        "index",
        "x" * 100,
        "台" * 100,
        "\u00e9",
        "e\u0301",
        "..x",
        "con.",
        "😀" * 60,
        "50%",
        "q?r",
    ]
    layout = paths.file_layout("/{section}/{channel}/{id}.md", "", ())
    files = [layout.file(path) for name in names if (path := layout.tag(name))]
    assert len({file.casefold() for file in files}) == len(names)
    assert all(file.count("/") == 1 and len(file.encode()) < 255 for file in files)
