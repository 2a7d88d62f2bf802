"""Fuzzing: whatever upstream or a client sends, only errors of ours leave a room, and the web side never fails.

Inputs are invented feeds, pages, pictures and requests, mutated where structure begins. The short
form is a part of `make test` and has the same examples in every run; the long one has new ones, for
ten minutes a target (`make fuzz`). What was found is kept as examples.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
import samples
from fakes import NOW
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree
from newsroom import BASE, STORIES, article_page, listing, rss, write_config
from PIL import Image
from standing import MISSING, PAGE, Standing, open_standing
from test_sanitise import SOUP
from werkzeug.test import run_wsgi_app

from feedproxy import markup, paths, urls
from feedproxy.configuration import load_mirror
from feedproxy.dates import parse_date
from feedproxy.errors import FeedproxyError, PictureError
from feedproxy.extract import extract_article
from feedproxy.feed_options import PARAMETERS
from feedproxy.ingest.drafts import make_article
from feedproxy.media.variants import make_variants
from feedproxy.model import (
    ArticleId,
    ArticleRules,
    DirtyHtml,
    Entry,
    ImageRules,
    ListingItem,
    MirrorPath,
    Page,
    Site,
    Url,
)
from feedproxy.parse import parse_listing
from feedproxy.rewrite import LinkContext, linked_articles, rewrite_links, shown_pictures
from feedproxy.sanitise import clean, plain_text

# A run of `make fuzz` takes about a minute, and as many follow each other as there is time for.
_LONGER = 25 if settings.get_current_profile_name() == "fuzz" else 0.25
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

with TemporaryDirectory() as _folder:
    MIRROR = load_mirror(write_config(Path(_folder) / "config"))
SITE = MIRROR.sites[0]
REAL = samples.make_site()
# Of no site's pages anything is known: every address is an article's, heuristics read it.
UNRULED = Site(
    name="blog", title="无规则", hosts=("www.news.example",), timezone="America/St_Johns"
)
LISTING, ARTICLE = Url(f"{BASE}/city.htm"), Url(f"{BASE}{STORIES[1].path}")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def fuzzed(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(max_examples=round(examples * _LONGER), suppress_health_check=_SLOW)


# ---------------------------------------------------------------- what is sent

HREFS = st.sampled_from(
    (
        *(
            f"{BASE}{STORIES[0].path}",
            samples.article_url(1),
            "/gb/21/11/9/n99000002.htm?x#y",
            "//news.example:99999/",
            "http://[",
        ),
        *(
            "http://[::1]:80/n1",
            "javascript:x",
            "HTTP://NEWS.EXAMPLE./21/5/1/n1.htm",
            "/tag/%2e%2e.html",
            "/tag/%ff%00.html",
            "#",
        ),
        *(
            "http://news.example\\@x/",
            "http://user:pw@news.example/21/5/1/n1.htm",
            "http://①.example/",
            "http://xn--a/",
            "?",
            "",
        ),
        *(
            "http://news.example:0/",
            "http://news.example:٣/",
            "http://\u2100.example/",
            "/gb/tag/{0.__class__}%s.html",
            "http://..",
        ),
        *(
            "http://a..b/",
            "http://" + "a" * 64 + ".example/",
            "http://ｎews.example/",
            "//[fe80::1%25eth0]/",
            "http://[v1.x]/",
        ),
    )
)
DATES = st.sampled_from(
    (
        *(
            "2021-11-09T14:05:00+08:00",
            "Tue, 09 Nov 2021 14:05:00 +0800",
            "2021年11月9日 下午13:61",
            "0001-01-01T00:00:00+14:00",
        ),
        *(
            "9999-12-31T23:59:59-12:00",
            "2021-02-30 25:99",
            "1e400",
            "32 Dec 99999",
            "2021-11-09T14:05:00+99:99",
            "٢٠٢١-١١-٠٩",
            "²",
        ),
        *(
            "2021-11-09 24:00",
            "Sun, 31 Dec 2023 23:59:60 GMT",
            "1/1/1 1:1 pm",
            "-1",
            "2021-3-14 02:30 America/New_York",
            "今天 12:00",
        ),
    )
)
TOKENS = st.sampled_from(
    (
        *(
            "<",
            ">",
            "&",
            '"',
            "'",
            "/",
            "=",
            "]]>",
            "<![CDATA[",
            "<!--",
            "-->",
            "<?",
            "?>",
            "<!DOCTYPE x [<!ENTITY a 'b'>]>",
            "&a;",
        ),
        *(
            "<script>",
            "</script>",
            "<noscript>",
            "<p>",
            "</p>",
            "<html>",
            "<body x=1>",
            "</body>",
            "<table>",
            "<td>",
            "<svg>",
            "<a>",
        ),
        *(
            "<h1>",
            "<title>",
            "<template>",
            "<textarea>",
            "<plaintext>",
            "<frameset>",
            "<img srcset='a 1w, b 2x'>",
            "<picture>",
        ),
        *(
            '<div id="text">',
            "<ul class='list'>",
            "<li>",
            "<base href='//x'>",
            "<meta charset=utf-16>",
            "<o:p>",
            "<a:b:c>",
            "<1>",
        ),
        *(
            "<item>",
            "</item>",
            "<link/>",
            "<link xmlns='x'>",
            "<entry>",
            "<pubDate>",
            "<ttl>99999999</ttl>",
            "<ttl>-1</ttl>",
            "<guid>",
        ),
        *(
            "&#0;",
            "&#x110000;",
            "&#xd800;",
            "&#99999999999;",
            "&nbsp",
            "&lt;b&gt;",
            "\x00",
            "\x0b",
            "\x1f",
            "\x85",
            "\u2028",
            "\xa0",
        ),
        *(
            "\ufeff",
            "\ufffe",
            "\U0001f600",
            "桥" * 40,
            "a" * 3000,
            " " * 500,
            "\n" * 300,
            "<b>" * 300,
            "<div>" * 1200,
            "[" * 1500,
        ),
        *(
            '{"a":' * 1200,
            "null",
            "1e999",
            "-",
            "\\ud800",
            "\\u0000",
            '"version"',
            "{}",
            "{{",
            "%s%n",
            "{0.__class__}",
            "../../x",
        ),
        *(
            '<script type="application/ld+json">{"@graph":[[{"author":[1,{"name":[]}],"datePublished":{"a":1}}]]}</script>',
        ),
        *(
            '<meta property="og:image" content="http://[">',
            '<meta property="og:title" content="&#0;">',
            "<time datetime='x'>",
        ),
        *(
            '<span class="date">2021-13-45</span>',
            '<a rel="next" href="//[">',
            '<video poster="x"><source src="y"></video>',
        ),
    )
)
CONTENT_TYPES = st.sampled_from(
    (
        *(
            "text/html; charset=utf-8",
            "application/rss+xml",
            "application/json",
            "",
            "text/html; charset=gb2312",
            ";",
            "charset=",
        ),
        *(
            "text/html; charset=utf-16",
            "text/html; charset=utf-7",
            "text/html; charset=replacement",
            "text/html; charset=\x00",
        ),
        *(
            "text/html; charset=x-user-defined",
            "text/html; charset=idna",
            "text/html; charset=base64",
            "text/html; charset=iso-2022-jp",
        ),
        *(
            "text/html; charset=big5",
            "text/html; charset=hz-gb-2312",
            "text/xml; charset='",
            "image/png",
            "text/html; charset=桥",
        ),
    )
)
ENCODINGS = st.sampled_from(
    (
        "utf-8",
        "utf-8",
        "utf-8",
        "utf-8",
        "gb18030",
        "big5",
        "utf-16",
        "utf-16-be",
        "iso-2022-jp",
        "utf-7",
    )
)
_STRUCTURE = re.compile("[<>&=\"'{}:/]")


@st.composite
def mutated(draw: st.DrawFn, bases: Sequence[str], tokens: st.SearchStrategy[str] = TOKENS) -> str:
    """Draw one of *bases* with parts cut out, doubled, moved, and replaced by *tokens*, mostly where structure begins."""
    text = draw(st.sampled_from(bases))
    for _ in range(draw(st.integers(0, 5))):
        edges = [match.start() for match in _STRUCTURE.finditer(text[:20_000])] or [0]
        start, end = sorted(
            (draw(st.sampled_from(edges)) + draw(st.integers(0, 1)), draw(st.sampled_from(edges)))
        )
        part = text[start:end]
        match draw(st.integers(0, 5)):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:end] + part[:2_000] + text[end:]
            case 2:
                text = text[:start] + part[::-1] + text[end:]
            case 3:
                text = text[:start] + draw(tokens | HREFS | DATES) + text[end:]
            case _:
                text = text[:start] + draw(tokens | HREFS | DATES) + text[start:]
    return text


@st.composite
def as_bytes(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> bytes:
    """Draw a text in an encoding, not always whole."""
    body = bytearray(draw(texts).encode(draw(ENCODINGS), "replace"))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 9)) == 0 else body)


_RDF = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item><title>x</title>
<link>{BASE}{STORIES[0].path}</link><dc:date xmlns:dc="http://purl.org/dc/elements/1.1/">2021-05-01</dc:date></item></rdf:RDF>"""
# Where the library that reads feeds has more to read than a headline.
_ODD_RSS = f"""<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:georss="http://www.georss.org/georss"
xmlns:gml="http://www.opengis.net/gml" xmlns:itunes="http://www.itunes.com/DTDs/Podcast-1.0.dtd"><channel><ttl>5</ttl><image><url>x</url>
<width>z</width></image><cloud port="x"/><item><link>{BASE}{STORIES[0].path}</link><media:content url="x" width="z"/>
<georss:point>1 x</georss:point><georss:where><gml:Polygon><gml:posList>1 2 3</gml:posList></gml:Polygon></georss:where>
<itunes:duration>1:2:x</itunes:duration><itunes:explicit>no</itunes:explicit><enclosure length="-"/><source url="http://[">x</source>
<category domain="http://[">x</category><content:encoded xmlns:content="x">&lt;p></content:encoded></item></channel></rss>"""
FEEDS = (
    rss("city", STORIES),
    samples.rss(
        samples.rss_item(samples.article_url(1)),
        samples.rss_item(samples.article_url(2), "<b>&amp;", "x"),
        encoding="gb2312",
    ),
    samples.atom(
        samples.article_url(1),
        samples.article_url(2),
        attributes=' xml:base="http://news.example/" xml:lang="zh"',
    ),
    samples.json_feed(samples.article_url(1), samples.article_url(2)),
    _RDF,
    _ODD_RSS,
)
LISTINGS = (
    listing("city", 1, STORIES),
    samples.modern_listing(range(3), f"{samples.BASE}/gb/nsc1_2.htm"),
    samples.classic_listing(range(3), "http://["),
)
# What heuristics take for an article.
_PLAIN = f"""<!DOCTYPE html><html><head><title>桥 - 报</title><meta name="author" content="李明">
<meta name="date" content="2021-11-09"></head><body><nav><a href="/">首页</a></nav><article><h1>石桥重新开放</h1>
{"".join(f"<p>{each.text * 4}</p>" for each in STORIES)}
<ul><li>甲</li></ul><table><tr><td>一</td></tr></table><pre>x\n y</pre><img src="/a.png" alt="桥"></article></body></html>"""
ARTICLES = (
    *map(article_page, STORIES),
    samples.modern_article(),
    samples.classic_article(),
    _PLAIN,
)
LINKS = st.tuples(
    st.sampled_from(("a href", "img src", "video src", "audio src", "source src", "video poster")),
    HREFS | SOUP,
).map(lambda pair: f'<{pair[0]}="{pair[1]}">石桥')
DIRTY = SOUP | st.lists(LINKS | SOUP, max_size=6).map("".join) | mutated(ARTICLES)
ADDRESSES = st.lists(HREFS | TOKENS | st.text(max_size=6), min_size=1, max_size=3).map("".join)
PLACE = LinkContext(
    ArticleId("n102"),
    "town",
    "city",
    paths.Layout(MIRROR.about.page_path, MIRROR.about.index_path, MIRROR.sections),
    {ArticleId("n101"): MirrorPath("/town/blob/master/pages/city/n101.md")},
    lambda to: paths.relative(to, MirrorPath(PAGE)),
)


def _is_told(error: FeedproxyError) -> None:
    """Hold that an error can be shown on one line and written anywhere."""
    text = str(error)
    assert "\n" not in text
    assert not FORBIDDEN.search(text)


def _can_be_kept(*texts: str) -> None:
    for text in texts:
        assert not FORBIDDEN.search(text)


# ---------------------------------------------------------------- parse


@fuzzed(450)
@given(as_bytes(mutated(FEEDS)), CONTENT_TYPES, st.sampled_from((SITE, REAL, UNRULED)))
def test_parse_gives_the_articles_of_a_feed_or_says_why_not(
    body: bytes, content_type: str, site: Site
) -> None:
    _parse(Page(LISTING, body, content_type), site, "feed")


@fuzzed(300)
@given(as_bytes(mutated(LISTINGS)), CONTENT_TYPES, st.sampled_from((SITE, REAL)))
def test_parse_gives_the_articles_of_a_page_or_says_why_not(
    body: bytes, content_type: str, site: Site
) -> None:
    _parse(Page(LISTING, body, content_type), site, "html")


@fuzzed(150)
@given(
    st.binary(max_size=200), CONTENT_TYPES | st.text(max_size=20), st.sampled_from(("feed", "html"))
)
def test_parse_takes_any_bytes(body: bytes, content_type: str, kind: str) -> None:
    _parse(Page(LISTING, body, content_type), SITE, kind)


def _parse(page: Page, site: Site, kind: str) -> None:
    try:
        found = parse_listing(page, site, kind)
    except FeedproxyError as e:
        _is_told(e)
        return
    assert found.items
    assert len({item.id for item in found.items}) == len(found.items)
    assert found.ttl_s >= 0
    for item in found.items:
        assert urls.identify(site, item.url) or (item.entry and not item.entry.has_page)
        assert urls.is_web(item.url)
        assert re.fullmatch(r"[\w-]{1,64}", item.id)
        if item.entry:
            assert Entry.from_json(item.entry.to_json()) == item.entry
            _can_be_kept(item.entry.guid, item.entry.link)
        assert item.published is None or item.published.utcoffset() == timedelta(0)
        assert "\n" not in item.title + item.excerpt
        _can_be_kept(item.url, item.title, item.excerpt)
    assert found.next_url is None or urls.host_of(found.next_url) in site.hosts


# ---------------------------------------------------------------- extract


@fuzzed(160)
@given(as_bytes(mutated(ARTICLES)), CONTENT_TYPES, st.sampled_from((SITE, REAL)))
def test_extract_gives_an_article_by_rules_or_says_why_not(
    body: bytes, content_type: str, site: Site
) -> None:
    _extract(Page(ARTICLE, body, content_type), site.article, site)


@fuzzed(75)
@example(
    '<h1>山城</h1><time datetime="2021-05-01T08B">8:00</time><p>清晨五点，山城的早市已经热闹起来。</p>'.encode(),
    "text/html",
)
@given(as_bytes(mutated((_PLAIN, *ARTICLES[:2]))), CONTENT_TYPES)
def test_extract_gives_an_article_by_heuristics_or_says_why_not(
    body: bytes, content_type: str
) -> None:
    _extract(Page(ARTICLE, body, content_type), ArticleRules(), None)


def _extract(page: Page, rules: ArticleRules, site: Site | None) -> None:
    try:
        found = extract_article(page, rules, site)
        safe = clean(found.body, page.url)
    except FeedproxyError as e:
        _is_told(e)
        return
    for stated in found.statements.values():
        assert stated.published is None or stated.published.utcoffset() == timedelta(0)
        assert "\n" not in stated.title + "".join(stated.authors + stated.tags)
        shown = stated.picture
        pictures = (shown.url, shown.alt, shown.caption) if shown else ()
        _can_be_kept(stated.title, *stated.authors, *stated.tags, *pictures, stated.summary)
    _can_be_kept(safe, plain_text(safe))
    picture = found.merged().picture
    for url in (found.single_url, found.next_url, picture.url if picture else None):
        assert url is None or url.startswith(("http://", "https://"))


# ---------------------------------------------------------------- sanitise


@fuzzed(450)
@example("<a><details><table><a>", str(ARTICLE))
@given(DIRTY, HREFS)
def test_sanitise_gives_clean_text_that_stays_so_or_says_why_not(dirty: str, base: str) -> None:
    page = urls.resolve(ARTICLE, base) or ARTICLE
    try:
        safe = clean(DirtyHtml(dirty), page)
    except FeedproxyError as e:
        _is_told(e)
        return
    _can_be_kept(safe, plain_text(safe))
    assert not re.search(
        r"<(?:script|style|iframe|svg|math|form|base|meta|object|embed)\b", safe, re.IGNORECASE
    )
    assert not re.search(
        r"<[^>]*\s(?:on\w+|style|srcset)\s*=", re.sub(r'"[^"]*"', '""', safe), re.IGNORECASE
    )
    assert clean(DirtyHtml(safe), page) == safe


# ---------------------------------------------------------------- rewrite


@fuzzed(450)
@given(DIRTY, st.booleans(), st.booleans())
def test_rewrite_takes_whatever_was_cleaned_and_leaves_no_way_to_the_site(
    dirty: str,
    is_standalone: bool,  # noqa: FBT001
    only_stored: bool,  # noqa: FBT001
) -> None:
    try:
        safe = clean(DirtyHtml(dirty), ARTICLE)
    except FeedproxyError:
        return
    write: Callable[[MirrorPath], str] = (
        (lambda to: paths.absolute(to, "https://m.example")) if is_standalone else PLACE.write
    )
    place = LinkContext(
        PLACE.article_id,
        "town",
        "city",
        PLACE.layout,
        PLACE.pages,
        write,
        is_standalone=is_standalone,
        only_stored=only_stored,
    )
    written = rewrite_links(safe, MIRROR, place)
    _can_be_kept(written)
    assert not {
        urls.host_of(url) for url in re.findall(r'(?:href|src|poster)="([^"]*)"', written)
    } & set(SITE.hosts)
    assert clean(DirtyHtml(written), Url("https://m.example/")) is not None
    for article_id, url in linked_articles(
        markup.fragment(safe), MIRROR, besides=ArticleId("n102")
    ):
        assert urls.identify(SITE, url) == (article_id, url)
    assert all(
        url.startswith(("http://", "https://"))
        for url in shown_pictures(markup.fragment(safe), None)
    )


# ---------------------------------------------------------------- helpers


@fuzzed(600)
@given(ADDRESSES)
@example("http://..")
def test_helpers_of_addresses_take_any_text(text: str) -> None:
    urls.host_of(text)
    urls.bare(text)
    tag = urls.plain_tag(text)
    assert tag is None or paths.tag(tag).isascii()
    url = urls.resolve(ARTICLE, text)
    if url is None:
        return
    assert urls.resolve(ARTICLE, url) == url
    assert url.isascii()
    assert urls.without_tracking(urls.without_tracking(url)) == urls.without_tracking(url)
    urls.site_of(MIRROR, url)
    for site in (SITE, REAL, UNRULED):
        found = urls.identify(site, url)
        assert found is None or (urls.identify(site, found[1]) == found and found[1].isascii())
        name = urls.tag_name(site, url)
        assert name is None or not FORBIDDEN.search(name)


@fuzzed(200)
@given(
    st.lists(DATES | TOKENS | st.text(max_size=8), max_size=4).map(" ".join),
    st.sampled_from(("UTC", "Asia/Shanghai")),
)
def test_helpers_of_dates_give_a_moment_or_none(text: str, timezone: str) -> None:
    moment = parse_date(text, timezone)
    assert moment is None or (moment.utcoffset() == timedelta(0) and moment.isoformat())


@fuzzed(300)
@given(
    as_bytes(mutated((*FEEDS, *LISTINGS))) | st.binary(max_size=60),
    CONTENT_TYPES | st.text(max_size=30),
)
@example(b"<", "text/html; charset=hz-gb-2312")
def test_helpers_of_mark_up_take_any_bytes(body: bytes, content_type: str) -> None:
    text = markup.decode(body, content_type)
    assert not FORBIDDEN.search(text)
    assert "\n" not in markup.plain(text)
    markup.best_candidate(text)


SEGMENTS = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=8
).filter(lambda text: text.strip("."))


@fuzzed(300)
@given(st.lists(SEGMENTS, min_size=1, max_size=5), st.lists(SEGMENTS, min_size=1, max_size=5))
def test_helpers_of_paths_lead_from_any_page_to_any_other(to: list[str], page: list[str]) -> None:
    target, start = MirrorPath("/" + "/".join(to)), MirrorPath("/" + "/".join(page))
    assert not paths.relative(target, start).startswith("/")
    assert paths.from_root(target, start).endswith(target[1:])
    assert paths.suffixed(target, ArticleId("n1")).count("n1") >= 1
    assert paths.tag_feed(to[0]).startswith("/feed/tag/")


# ---------------------------------------------------------------- media

RULES = ImageRules(reading_width_px=100, max_pixels=20_000, max_bytes=50_000)


def _pictures() -> Iterator[bytes]:
    drawn = Image.radial_gradient("L").resize((48, 30)).convert("RGB")
    turned = drawn.getexif()
    turned[0x0112] = 6
    profile = b"\0" * 128 + b"\0\0\0\0"
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("JPEG", "RGB", {"exif": turned, "icc_profile": profile}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("PNG", "P", {"icc_profile": profile}),
        ("PNG", "RGBA", {"exif": turned}),
        ("PNG", "I;16", {}),
        ("GIF", "P", {"transparency": 0, "comment": b"x"}),
        ("WEBP", "RGBA", {"exif": turned}),
        ("WEBP", "RGB", {"lossless": True}),
        ("AVIF", "RGB", {}),
        ("BMP", "P", {}),
        *(
            (kind, "RGB", {"save_all": True, "append_images": [drawn.rotate(90)], "duration": 9})
            for kind in ("GIF", "PNG", "WEBP")
        ),
    )
    for kind, mode, more in kinds:
        written = io.BytesIO()
        drawn.convert("L" if mode == "I;16" else mode).convert(mode).save(written, kind, **more)
        yield written.getvalue()


PICTURES = tuple(_pictures())


@st.composite
def broken_pictures(draw: st.DrawFn) -> bytes:
    """Draw a picture with bytes changed, taken out, put in, doubled, and the halves of two put together."""
    body = bytearray(draw(st.sampled_from(PICTURES)))
    if draw(st.integers(0, 4)) == 0:
        body[draw(st.integers(0, len(body))) :] = draw(st.sampled_from(PICTURES))
    for _ in range(draw(st.integers(0, 5))):
        # most of what is interpreted stands at the beginning
        at = (
            draw(st.integers(0, min(len(body), 400) - 1) | st.integers(0, len(body) - 1))
            if body
            else 0
        )
        match draw(st.integers(0, 3)):
            case 0:
                body[at : at + 1] = bytes(
                    (draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255)),)
                )
            case 1:
                body[at : at + 4] = draw(
                    st.sampled_from(
                        (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1")
                    )
                )
            case 2:
                del body[at : at + draw(st.integers(1, 40))]
            case _:
                body[at:at] = body[at : at + draw(st.integers(1, 60))]
    return bytes(body)


@fuzzed(300)
@given(broken_pictures() | st.binary(max_size=100))
def test_media_keeps_a_picture_or_says_why_not(body: bytes) -> None:
    try:
        kept = make_variants(Url("https://pic.example/a"), body, RULES)
    except PictureError as e:
        _is_told(e)
        return
    for form in kept:
        assert form.file.width * form.file.height <= RULES.max_pixels
        with Image.open(io.BytesIO(form.body)) as opened:
            opened.load()
            assert opened.size == (form.file.width, form.file.height)


# ---------------------------------------------------------------- web


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with open_standing(tmp_path_factory.mktemp("standing")) as opened:
        yield opened


METHODS = st.sampled_from(
    (
        "GET",
        "GET",
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "PATCH",
        "CONNECT",
        "get",
        "X-Y",
    )
)
ODD = st.sampled_from(
    (
        *(
            b"..",
            b".",
            b"",
            b"%00",
            b"%2e%2e%2f",
            b"..%5c",
            b"%ff%fe",
            b"%0d%0aX-Y: 1",
            b"<x9q>",
            b"%3Cx9q%3E",
            b"{{7*7}}",
            b"%25s",
        ),
        *(
            b"' OR 1=1--",
            b"%C0%AE",
            b"\xe4\xba",
            b"?",
            b"#",
            b";",
            b"//evil.example",
            b"\\evil.example",
            b"a" * 5000,
            b"9" * 400,
        ),
        *(
            "桥".encode(),
            "\u202e".encode(),
            "\ud800".encode("utf-8", "surrogatepass"),
            b"+",
            b"%",
            b"%zz",
            b"%u0041",
            b"~",
            b"*",
        ),
        *(
            b"http://evil.example/",
            b"README",
            b"1",
            b"0",
            b"-1",
            b"2147483648",
            b"9" * 20,
            b"1e3",
            b"xml",
            b"json.atom",
            b"%2f",
        ),
    )
)
KNOWN = st.sampled_from(
    (
        *(
            b"town",
            b"letters",
            b"city",
            b"books",
            b"requested",
            b"all",
            b"n102",
            b"n900",
            b"tag",
            b"feed",
            b"media",
            b"static",
        ),
        *(
            b"blob",
            b"master",
            b"pages",
            b"indexes",
            b"README.md",
            b"2.md",
            b"n102.md",
            b"n900.md",
            b"town.xml",
            b"all.json",
        ),
        *(
            b"mirror.css",
            b"healthz",
            b"readyz",
            b"status",
            b"metrics",
            b"robots.txt",
            b"favicon.ico",
        ),
        *("读书".encode(), b"%E8%AF%BB%E4%B9%A6", "读书.atom".encode()),
    )
)
PARTS = KNOWN | ODD | st.binary(max_size=6)
TEMPLATES = st.sampled_from(
    (
        *(
            "/",
            "/{}",
            "/{}/",
            "/tag/{}",
            "/feed/{}.xml",
            "/feed/{}.atom",
            "/feed/town/{}.json",
            "/feed/{}/city.xml",
            "/media/{}",
        ),
        *("/feed/merged/{},town.json", "/feed/merged/{}/{}.xml", "/feeds.opml"),
        *(
            "/feed/tag/{}.xml",
            "/town/blob/master/pages/{}/n102.md",
            "/town/blob/master/pages/city/{}.md",
            "/static/{}",
        ),
        *(
            "/{}/blob/master/pages/city/n102.md",
            "/{}/blob/master/indexes/city/README.md",
            "/town/blob/master/indexes/city/{}.md",
        ),
        *(
            "/town/blob/master/indexes/{}/1.md",
            PAGE,
            MISSING,
            "/healthz",
            "/status",
            "/metrics",
            "/readyz",
            "/{}/{}/{}",
            "/feed/{}",
        ),
    )
)
VALUES = st.sampled_from(
    (
        *(
            "localhost",
            "localhost:8000",
            "evil.example",
            "[::1]",
            "[::1",
            "a b",
            "",
            "localhost:99999",
            "LOCALHOST:",
            "\xe4",
            "*",
            "-",
        ),
        *(
            "bytes=0-3",
            "bytes=-1",
            "bytes=3-1",
            "bytes=0-99999999999999999999",
            "bytes=0-1,2-3",
            "items=1-2",
            "bytes=",
            "bytes=a-b",
        ),
        *(
            '"x"',
            'W/"x"',
            "*",
            '"',
            'W/"',
            "Tue, 01 Jun 2021 12:00:00 GMT",
            "Tue, 99 Jun 99999 12:00:00 GMT",
            "0",
            "-1",
            "1e9",
        ),
        *(
            "gzip",
            "gzip;q=0",
            "gzip;q=x",
            "identity;q=0, *;q=0",
            "br;q=1e400",
            "gzip;q=-1",
            ";;;,,,",
            "gzip;q=nan",
            "*;q=0.5",
        ),
        *(
            "Basic eDp5",
            "Bearer ",
            "Bearer \xff",
            'Digest a="b',
            "Basic \xe4",
            "Basic !!!",
            "key=x; key=y",
            'key="\\400"',
            "=;=",
            "\x00",
        ),
        *(
            "for=127.0.0.1;host=evil.example",
            "127.0.0.1",
            "::1, x",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "a" * 9000,
        ),
        *(
            "multipart/form-data; boundary=x",
            "application/json",
            "text/html; charset=x\xe4",
            "chunked",
            "100-continue",
            "99999999999999",
        ),
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            *(
                "HOST",
                "HOST",
                "RANGE",
                "IF_RANGE",
                "IF_NONE_MATCH",
                "IF_MATCH",
                "IF_MODIFIED_SINCE",
                "IF_UNMODIFIED_SINCE",
            ),
            *(
                "ACCEPT_ENCODING",
                "ACCEPT",
                "AUTHORIZATION",
                "COOKIE",
                "X_FORWARDED_FOR",
                "X_FORWARDED_HOST",
                "X_FORWARDED_PROTO",
            ),
            *(
                "FORWARDED",
                "X_FORWARDED_PREFIX",
                "USER_AGENT",
                "REFERER",
                "CACHE_CONTROL",
                "X_HTTP_METHOD_OVERRIDE",
                "EXPECT",
                "DATE",
            ),
        )
    ),
    VALUES | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12),
    max_size=4,
)
QUERIES = st.lists(
    st.sampled_from(
        (
            "key=",
            "token=",
            "filter=(",
            "&limit=1",
            "&opencc=s2t",
            "&format=json",
            "n102",
            "&",
            "=",
            "%",
            "%ff",
            "%00",
            ";",
            "a[]=1",
            "%E6%A1",
        )
    )
    | st.text(max_size=4),
    max_size=4,
)
# What stands in the query of a feed: parameters, and values that are nearly expressions, numbers,
# names of scripts.
CHOICES = st.dictionaries(
    st.sampled_from(PARAMETERS),
    st.lists(
        st.sampled_from(
            (
                *(
                    "(",
                    ")",
                    "|",
                    "[",
                    "]",
                    "^",
                    "*",
                    "+?",
                    "{2,}",
                    "{1000}",
                    "{,",
                    "\\",
                    "\\p{Han}",
                    "\\pL",
                    "\\C",
                    "\\Q",
                    "(?i)",
                    "(?P<a>",
                ),
                *(
                    "的",
                    "风筝",
                    "a",
                    ".",
                    "\0",
                    "\ud800",
                    "\u202e",
                    "\U0001f600",
                    "<x9q>",
                    "%",
                    "s2t",
                    "t2jp",
                    "100",
                    "7",
                    "-",
                    "json",
                ),
            )
        ),
        max_size=6,
    ).map("".join),
    max_size=5,
)
SHAPES: tuple[dict[str, object], ...] = (
    {},
    {"operator_token": "a-token-of-the-operator"},
    {"access_keys": ("bridge-and-river-1",), "trusted_proxies": 1},
    {"public_url": "https://mirror.example/x"},
)
_KNOWN_HEADERS = (
    *(
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Permissions-Policy",
        "X-Frame-Options",
    ),
    *("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"),
)


def _environ(
    method: str, path: bytes, query: str, headers: dict[str, str], body: bytes, content_type: str
) -> dict[str, Any]:
    """Return a request as a server hands it over (PEP 3333): bytes as latin-1, the path decoded once."""
    decoded = re.sub(rb"%([0-9a-fA-F]{2})", lambda match: bytes((int(match[1], 16),)), path)
    return {
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": decoded.decode("latin-1"),
        "RAW_URI": quote_from_bytes(path),
        "QUERY_STRING": query.encode("utf-8", "replace").decode("latin-1"),
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": headers.get("X_FORWARDED_FOR", "127.0.0.1"),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


@fuzzed(900)
@given(
    st.sampled_from(range(len(SHAPES))),
    METHODS,
    TEMPLATES,
    st.lists(st.lists(PARTS, min_size=1, max_size=2).map(b"".join), min_size=3, max_size=3),
    QUERIES.map("".join),
    HEADERS,
    st.binary(max_size=30),
    VALUES,
)
@example(0, "GET", "/favicon.ico", [b"x"] * 3, "\n", {}, b"", "")
def test_web_answers_any_request(
    fronts: tuple[Callable[..., Any], ...],
    shape: int,
    method: str,
    template: str,
    parts: list[bytes],
    query: str,
    headers: dict[str, str],
    body: bytes,
    content_type: str,
) -> None:
    pieces = iter(parts)
    path = re.sub(rb"\{\}", lambda _: next(pieces), template.encode())
    environ = _environ(method, path, query, {"HOST": "localhost", **headers}, body, content_type)
    chunks, status, answered = run_wsgi_app(fronts[shape], environ, buffered=True)
    sent = b"".join(chunks)
    assert int(status[:3]) < 500, sent
    assert b"Traceback" not in sent
    assert not [name for name in _KNOWN_HEADERS if name not in answered]
    assert not [value for _, value in answered if re.search("[\r\n\0]", value)]
    assert answered.get("Location", "/x")[:2] not in ("//", "/\\")
    assert "evil.example" not in answered.get("Location", "").partition("?")[0].partition("/")[0]
    if method == "HEAD":
        assert sent == b""


@fuzzed(400)
@given(
    st.sampled_from(("/feed/town.atom", "/feed/all.json", "/feed/merged/town/city,letters.xml")),
    CHOICES,
)
def test_web_answers_any_choice(
    fronts: tuple[Callable[..., Any], ...], address: str, given_: dict[str, str]
) -> None:
    query = "&".join(
        f"{name}={quote(value, errors='surrogatepass')}" for name, value in given_.items()
    )
    environ = _environ("GET", address.encode(), query, {"HOST": "localhost"}, b"", "")
    chunks, status, answered = run_wsgi_app(fronts[0], environ, buffered=True)
    sent, media_type = b"".join(chunks), answered["Content-Type"].partition(";")[0]
    if status.startswith("400"):
        assert re.fullmatch(rf"(?:{'|'.join(PARAMETERS)}): takes [^\n]+\n", sent.decode())
        return
    assert status == "200 OK", sent
    (json.loads if media_type == paths.FORMATS["json"] else etree.fromstring)(sent)
    assert not FORBIDDEN.search(sent.decode())


@pytest.fixture(scope="module")
def fronts(standing: Standing) -> tuple[Callable[..., Any], ...]:
    return tuple(standing.app(**shape).wsgi_app for shape in SHAPES)


@fuzzed(24)
@given(as_bytes(mutated(ARTICLES[:4])), as_bytes(mutated((_PLAIN,))))
def test_web_shows_whatever_was_harvested(standing: Standing, body: bytes, other: bytes) -> None:
    item = ListingItem(ArticleId("n102"), ARTICLE, "图书馆")
    for page, site, rules in (
        (Page(ARTICLE, body), SITE, SITE.article),
        (Page(ARTICLE, other), SITE, ArticleRules()),
    ):
        try:
            article = make_article(
                [(page, extract_article(page, rules, site))], item, site, MIRROR, NOW
            ).article
        except FeedproxyError:
            continue
        standing.store.save(article, [page], {}, NOW)
        client = standing.app().test_client()
        shown = client.get(PAGE)
        assert (shown.status_code, len(re.findall("<h1", shown.text))) == (
            200,
            shown.text.count("<h1"),
        )
        assert client.get("/town").status_code == client.get("/").status_code == 200
        for form in ("xml", "atom"):
            etree.fromstring(client.get(f"/feed/town.{form}").data)
        json.loads(client.get("/feed/town.json").data)
