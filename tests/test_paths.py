from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedproxy import paths
from feedproxy.model import ArticleId, Channel, MirrorPath, Section, Site, Source, Url

SITE = Site(name="site", title="山村消息", hosts=("news.example",))


def _channel(name: str) -> Channel:
    return Channel(name, name, SITE, Source("html", Url(f"https://news.example/{name}")))


NEWS = Section("news", "新闻", "", (_channel("c2"), _channel("c1")))
COMMENT = Section("comment", "评论", "", (_channel("c1"), _channel("c3")))
LAYOUT = paths.Layout(
    "/{section}/blob/master/pages/{channel}/{id}.md",
    "/{section}/blob/master/indexes/{channel}/{page}.md",
    (NEWS, COMMENT),
)
ARTICLE = LAYOUT.article("news", "c1", ArticleId("n1"))

NAMES = st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True)
FORMS = st.sampled_from(sorted(paths.FORMATS))
PATHS = (
    st.builds(LAYOUT.article, NAMES, NAMES, NAMES.map(ArticleId))
    | st.builds(LAYOUT.index, NAMES, NAMES, st.integers(1, 99))
    | st.builds(paths.section, NAMES)
    | st.builds(paths.section_folder, NAMES)
    | st.builds(paths.media, st.from_regex(r"[0-9a-f]{32}\.(jpg|png|webp)", fullmatch=True))
    | st.builds(
        paths.tag,
        st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=8),
    )
    | st.builds(
        paths.tag_feed,
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
        feed_format=FORMS,
    )
    | st.builds(paths.feed, NAMES, st.just("") | NAMES, feed_format=FORMS)
    | st.sampled_from((paths.HOME, paths.STYLE))
)
ROOTS = st.sampled_from(
    ("http://mirror.example", "https://host.example/user", "https://host.example/a/b/c")
)


@settings(deadline=None, max_examples=300)
@given(target=PATHS, page=PATHS, root=ROOTS)
def test_a_relative_link_leads_to_its_target_from_any_page_under_any_root(
    target: MirrorPath, page: MirrorPath, root: str
) -> None:
    link = paths.relative(target, page)
    led_to = urljoin(root + page, link)
    # a folder above the page is reached with "..", and that ends with "/"
    assert led_to.removesuffix("/") == (root + target).removesuffix("/")
    assert not urlsplit(link).scheme
    assert not urlsplit(link).netloc
    assert not link.startswith("/")


@pytest.mark.parametrize(
    ("target", "link"),
    [
        (paths.section("news"), "../../../.."),
        (paths.section("comment"), "../../../../../comment"),
        (LAYOUT.article("news", "c1", ArticleId("n2")), "n2.md"),
        (LAYOUT.article("news", "c2", ArticleId("n2")), "../c2/n2.md"),
        (paths.STYLE, "../../../../../static/mirror.css"),
    ],
)
def test_links_on_an_article_page_have_the_form_that_works_on_a_git_host_too(
    target: MirrorPath, link: str
) -> None:
    assert paths.relative(target, ARTICLE) == link


@settings(deadline=None, max_examples=200)
@given(target=PATHS, root=ROOTS)
def test_an_absolute_address_is_the_path_below_the_public_one(
    target: MirrorPath, root: str
) -> None:
    assert paths.absolute(target, root) == root + target
    assert urljoin(root + "/", paths.relative(target, paths.HOME)).removesuffix("/") == (
        root + target
    ).removesuffix("/")


@pytest.mark.parametrize(
    ("path", "with_suffix"),
    [
        ("n2.md", "n2.md?n1"),
        ("../../../..", "../../../..?n1"),
        ("n2.md#top", "n2.md?n1#top"),
        ("n2.md?page=2", "n2.md?page=2&n1"),
        ("https://example.org/a?b=1#c?d", "https://example.org/a?b=1&n1#c?d"),
    ],
)
def test_the_suffix_stands_before_the_fragment_and_joins_a_query(
    path: str, with_suffix: str
) -> None:
    assert paths.suffixed(path, ArticleId("n1")) == with_suffix


@settings(deadline=None, max_examples=200)
@given(target=PATHS, page=PATHS)
def test_the_suffix_does_not_change_where_a_link_leads(
    target: MirrorPath, page: MirrorPath
) -> None:
    link = paths.relative(target, page)
    led_to = urlsplit(
        urljoin("http://mirror.example" + page, paths.suffixed(link, ArticleId("n1")))
    )
    assert led_to.path == urlsplit(urljoin("http://mirror.example" + page, link)).path
    assert led_to.query == "n1"


@pytest.mark.parametrize(
    ("channels", "prefer", "place"),
    [
        ({"c1", "c2"}, "news", ("news", "c2")),
        ({"c1"}, "news", ("news", "c1")),
        ({"c1"}, "comment", ("comment", "c1")),
        ({"c1"}, "", ("news", "c1")),
        ({"c1"}, "elsewhere", ("news", "c1")),
        ({"c3"}, "news", ("comment", "c3")),
        ({"gone"}, "news", None),
        (set(), "", None),
    ],
)
def test_the_canonical_page_is_in_the_first_channel_of_the_section_asked_for(
    channels: set[str], prefer: str, place: tuple[str, str] | None
) -> None:
    assert LAYOUT.placement(channels, prefer=prefer) == place


def test_the_layout_of_pages_is_the_setting_and_the_web_side_has_the_same() -> None:
    assert ARTICLE == "/news/blob/master/pages/c1/n1.md"
    assert LAYOUT.index("news", "c1") == "/news/blob/master/indexes/c1/README.md"
    assert LAYOUT.index("news", "c1", 12) == "/news/blob/master/indexes/c1/12.md"
    assert LAYOUT.article_route == "/<section>/blob/master/pages/<channel>/<article_id>.md"
    assert LAYOUT.index_route == "/<section>/blob/master/indexes/<channel>/<page>.md"
    assert paths.Layout("/{channel}/{id}").article("news", "c1", ArticleId("n1")) == "/c1/n1"


@settings(deadline=None, max_examples=100)
@given(NAMES, NAMES, NAMES, st.integers(2, 999))
def test_whatever_the_layout_its_routes_have_the_addresses_that_it_gives(
    section: str, channel: str, article_id: str, number: int
) -> None:
    for layout in (
        LAYOUT,
        paths.Layout(
            "/{section}/{id}/in/{channel}.htm", "/{section}/lists/{channel}-{page}/all.html"
        ),
    ):
        of_article, of_index = (
            route.replace("<section>", section)
            .replace("<channel>", channel)
            .replace("<article_id>", article_id)
            for route in (layout.article_route, layout.index_route)
        )
        assert of_article == layout.article(section, channel, ArticleId(article_id))
        assert of_index.replace("<page>", str(number)) == layout.index(section, channel, number)
        assert of_index.replace("<page>", paths.FIRST) == layout.index(section, channel)


@pytest.mark.parametrize(
    ("target", "page", "link"),
    [
        (LAYOUT.index("news", "c1"), ARTICLE, "../../indexes/c1/README.md"),
        (LAYOUT.index("news", "c1", 3), LAYOUT.index("news", "c1", 2), "3.md"),
        (
            LAYOUT.article("news", "c2", ArticleId("n2")),
            LAYOUT.index("news", "c1", 2),
            "../../pages/c2/n2.md",
        ),
        (paths.media("00ff.webp"), ARTICLE, "../../../../../media/00ff.webp"),
        (paths.media("00ff.webp"), paths.section("news"), "media/00ff.webp"),
        (paths.media("00ff.webp"), paths.section_folder("news"), "../media/00ff.webp"),
        (ARTICLE, paths.section("news"), "news/blob/master/pages/c1/n1.md"),
        (ARTICLE, paths.section_folder("news"), "blob/master/pages/c1/n1.md"),
        (paths.tag("A/B"), paths.tag("石"), "A%2FB"),
        (paths.tag_feed("A/B", feed_format="atom"), paths.tag("A/B"), "../feed/tag/A%2FB.atom"),
    ],
)
def test_links_between_pages_are_as_short_as_they_can_be(
    target: MirrorPath, page: MirrorPath, link: str
) -> None:
    assert paths.relative(target, page) == link


def test_a_section_s_front_page_answers_as_a_page_and_as_a_folder() -> None:
    assert paths.section("news") == "/news"
    assert paths.section_folder("news") == "/news/"
    assert urljoin(
        "http://mirror.example" + ARTICLE, "../../../.."
    ) == "http://mirror.example" + paths.section_folder("news")


@settings(deadline=None, max_examples=200)
@given(
    target=st.builds(paths.section, NAMES) | st.builds(paths.section_folder, NAMES),
    page=PATHS,
    root=ROOTS,
)
def test_a_link_by_way_of_the_root_leads_to_its_section_from_any_page_under_any_root(
    target: MirrorPath, page: MirrorPath, root: str
) -> None:
    assert urljoin(root + page, paths.from_root(target, page)) == root + target


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_tag_is_one_path_segment_of_ascii_and_can_be_read_back(name: str) -> None:
    path = paths.tag(name)
    assert path.startswith("/tag/")
    assert path.isascii()
    assert not set(path.removeprefix("/tag/")) & set("/?#: \"<>&'")
    assert unquote(path.removeprefix("/tag/")) == name


@pytest.mark.parametrize(
    ("name", "channel", "feed_format", "path"),
    [
        ("news", "", "xml", "/feed/news.xml"),
        ("news", "c1", "atom", "/feed/news/c1.atom"),
        ("all", "", "json", "/feed/all.json"),
    ],
)
def test_a_feed_has_the_address_that_readers_subscribed_to(
    name: str, channel: str, feed_format: str, path: str
) -> None:
    assert feed_format in paths.FORMATS
    assert paths.feed(name, channel, feed_format=feed_format) == path


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), FORMS)
def test_a_tag_s_feed_stands_beside_the_other_feeds_under_the_tag_s_own_name(
    name: str, feed_format: str
) -> None:
    path = paths.tag_feed(name, feed_format=feed_format)
    assert path.isascii()
    assert path.count("/") == 3
    assert unquote(path.removeprefix("/feed/tag/").removesuffix(f".{feed_format}")) == name


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_a_tags_file_lies_in_the_folder_of_tags_whatever_its_name(name: str) -> None:
    layout = paths.file_layout("/{section}/{channel}/{id}.md", "", ())
    file = layout.file(layout.tag(name) or paths.HOME)
    folder, _, rest = file.partition("/")
    assert (folder, rest[-5:], "/" in rest, "\0" in rest) == ("tag", ".html", False, False)
    assert len(rest.encode()) <= 255
    assert rest.strip(".") == rest


def test_layouts_of_files_know_an_articles_page_from_any_other() -> None:
    for layout, file in (
        (paths.git_layout(()), "news/pages/c1/n1.md"),
        (
            paths.file_layout(LAYOUT.page_path, LAYOUT.index_path, ()),
            "news/blob/master/pages/c1/n1.html",
        ),
        (
            paths.file_layout(
                "/{section}/{id}/in/{channel}.htm", "/{section}/{channel}/{page}", ()
            ),
            "news/n1/in/c1.htm.html",
        ),
    ):
        assert layout.file(layout.article("news", "c1", ArticleId("n1"))) == file
        match = layout.page_files.fullmatch(file)
        assert match is not None
        assert match["id"] == "n1"
        assert not layout.page_files.fullmatch(layout.file(layout.index("news", "c1")))
