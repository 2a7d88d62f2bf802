"""Feeds are put together of entries that were made before: they are what feedgen makes of all at once, and never out of date."""

import gzip
import hashlib
import shutil
import threading
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from newsroom import BASE
from test_archive import HELD, LEAD, PICTURE, START, Library, article_of, open_library

from feedproxy import paths, render
from feedproxy.choice import Choice, shape
from feedproxy.edition import Document, Fragments, Ground, Scope, context_of, make_feed, scope_of, tag_scope
from feedproxy.edition.documents import Piece, packed_memo
from feedproxy.edition.feeds import articles_of, entry_of, feed_of
from feedproxy.edition.memo import Memo
from feedproxy.model import Article, ArticleId, SafeHtml, Url
from feedproxy.store import PAGE_ENTRIES, SqlStore
from feedproxy.web.answers import prepare

FORMS = tuple(paths.FORMATS)
CHOICES = {
    "all": Choice(),
    "few": Choice(limit=3),
    "briefs": Choice(brief=100),
    "another script": Choice(script="s2tw"),
    "chosen": Choice(expressions=(("filterout_title", "7"),), limit=20),
}
# What ends an entry in one of the forms, where text can say it, too.
ODD = '"items":[]}</item></entry></content>]]&gt;\\u0000 &amp;lt;'
COUNT = 24


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A mirror of articles with links and pictures, some of them odd, three of them in two channels; only to be read."""
    opened = open_library(tmp_path_factory.mktemp("standing"))
    opened.list_in("city", *range(COUNT))
    opened.list_in("books", *range(3))
    for number in range(COUNT):
        opened.store.save(article_of(number, **odd(number)), [], {PICTURE: HELD} if number % 2 else {}, opened.clock())
    opened.append()
    yield opened
    opened.store.close()


@pytest.fixture
def library(standing: Library, tmp_path: Path) -> Iterator[Library]:
    """The same, to be changed."""
    shutil.copytree(standing.settings.data, tmp_path / "var")
    opened = open_library(tmp_path)
    yield opened
    opened.store.close()


def odd(number: int) -> dict[str, object]:
    if number % 5:
        return {}
    body = SafeHtml(f'<p title="&lt;/item&gt;{ODD}">{ODD}</p><p><a href="{BASE}/21/1/1/n{number + 1}.htm">下一座</a></p>')
    links = ((ArticleId(f"n{number + 1}"), Url(f"{BASE}/21/1/1/n{number + 1}.htm")),)
    return {"title": f"]]> </title><item> {number}", "body": body, "authors": (), "tags": ("</entry>", "桥"), "links": links}


def scopes_of(library: Library) -> list[Scope]:
    named = [scope_of(library.mirror, *name) for name in (("all",), ("town",), ("letters",), ("town", "city"), ("town", "books"))]
    return [scope for scope in (*named, tag_scope(library.mirror, "桥")) if scope]


def ground_of(library: Library, fragments: Fragments | None = None, host: str = "mirror.example", key: str = "") -> Ground:
    return Ground(library.mirror, library.store, f"http://{host}", key, fragments=fragments or Fragments())


def all_at_once(ground: Ground, scope: Scope, form: str, choice: Choice) -> bytes:
    """Return what feedgen makes of a feed as a whole, its entries made one after the other."""
    articles = [shape(article, choice) for article in articles_of(ground, scope, choice)]
    context = context_of(ground, articles, scope.name)
    entries = tuple(entry_of(each, context, ground.place_of(context.channels[each.id], scope.name)) for each in articles)
    newest = -(-ground.library.archive.length(scope.log) // PAGE_ENTRIES) if scope.log and not choice.query else 0
    history = render.History(older=ground.absolute(scope.archive_path(newest, form)) if newest else "")
    updated = max((article.updated for article in articles), default=render.NEVER)
    feed = feed_of(ground, scope, scope.path(form), updated, history, choice=choice)
    return render.FORMS[form](replace(feed, entries=entries))


@pytest.mark.parametrize("form", FORMS)
def test_a_feed_of_pieces_is_to_the_byte_what_feedgen_makes_of_it_at_once(standing: Library, form: str) -> None:
    ground = ground_of(standing, key="bridge-and-river-1")
    for scope in scopes_of(standing):
        for choice in CHOICES.values():
            at_once = all_at_once(ground, scope, form, choice)
            for _ in ("cold", "warm"):
                assert make_feed(ground, scope, form, choice).whole() == at_once, scope


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1).map(ODD.__add__)
ENCLOSURES = st.sampled_from(
    (None, render.Enclosure("http://x/a.webp", "image/webp", 10, 80, 60), render.Enclosure("http://x/b", "a/b"))
)
HISTORIES = st.sampled_from(
    (
        render.History(),
        render.History(older="http://x/1"),
        render.History("http://x/1", "http://x/3", "http://x/", 2, is_full=True),
        render.History(current="http://x/", page=1),
    )
)
RECORDS = st.sampled_from((None, {"id": "n1", "body": ODD}))
ENTRIES = st.builds(
    render.Entry,
    *(TEXTS for _ in ("id", "link", "via", "title", "summary")),
    content=TEXTS.map(SafeHtml),
    published=st.just(START),
    updated=st.just(START),
    authors=st.lists(TEXTS, max_size=2).map(tuple),
    tags=st.lists(TEXTS, max_size=2).map(tuple),
    enclosure=ENCLOSURES,
    record=RECORDS,
)
FEEDS = st.builds(
    render.Feed,
    *(TEXTS for _ in ("id", "title", "description", "link", "self_link")),
    language=st.just("zh"),
    ttl_minutes=st.just(5),
    updated=st.just(START),
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
    history=HISTORIES,
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60)
@given(feed=FEEDS)
def test_entries_cut_out_and_put_together_are_what_feedgen_makes_of_all_at_once(form: str, feed: render.Feed) -> None:
    head, tail = render.render_ends(feed, form)
    pieces = [render.render_entry(entry, form) for entry in feed.entries]
    assert head + render.JOINTS[form].join(pieces) + tail == render.FORMS[form](feed)


# ---------------------------------------------------------------- never out of date


class Watched:
    """A library that remembers which articles were read whole."""

    def __init__(self, library: SqlStore) -> None:
        self._library, self.read = library, list[ArticleId]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def articles(self, articles: Collection[ArticleId]) -> list[Article]:
        self.read += articles
        return self._library.articles(articles)


def add(library: Library, number: int, **changes: object) -> None:
    library.list_in("city", number)
    library.store.save(article_of(number, **changes), [], {}, library.clock())


# What changes an entry or a feed; the clock stands still, as two changes can come in one moment of it.
CHANGES: dict[str, Callable[[Library], None]] = {
    "an article comes": lambda library: add(library, COUNT),
    "a text": lambda library: add(library, 7, body=SafeHtml("<p>改了</p>")),
    "the same text once more, changed": lambda library: add(library, 7, body=SafeHtml("<p>又改了</p>")),
    "tags": lambda library: add(library, 8, tags=("河",)),
    "a picture comes": lambda library: library.store.keep_picture(LEAD, HELD, library.clock()),
    "what is linked to comes": lambda library: add(library, 9000),
    "what is linked to comes, in another section": lambda library: library.list_in("books", 9000),
    "an article is in another channel, too": lambda library: library.list_in("books", 10),
    "an article goes": lambda library: library.store.drop([ArticleId("n11")], library.clock()),
    "what is linked to goes": lambda library: library.store.drop([ArticleId("n21")], library.clock()),
    "a picture is lost": lambda library: library.store.fetch_again([HELD.original.name], library.clock()),
}


def whole_feeds(ground: Ground, scopes: list[Scope]) -> list[bytes]:
    """Return feeds of all kinds, made as the web side does."""
    kinds = (("xml", Choice()), ("json", Choice()), ("atom", Choice(brief=100, expressions=(("filterout_title", "3"),))))
    versions = [ground.library.archive.version(scope.log, scope.channel_ids) for scope in scopes]
    return [
        make_feed(ground, scope, form, choice, version).whole()
        for scope, version in zip(scopes, versions, strict=True)
        for form, choice in kinds
    ]


def test_after_any_change_a_feed_is_as_if_nothing_had_been_made_before(library: Library) -> None:
    warm, scopes = ground_of(library), scopes_of(library)
    before = whole_feeds(warm, scopes)
    for name, change in CHANGES.items():
        change(library)
        library.append()
        after = whole_feeds(warm, scopes)
        assert after != before, name
        assert after == whole_feeds(ground_of(library), scopes), name
        before = after


def test_one_new_article_is_all_that_is_read_for_all_feeds_that_it_is_in(library: Library) -> None:
    watched = Watched(library.store)
    ground, scopes = replace(ground_of(library), library=cast("SqlStore", watched)), scopes_of(library)
    whole_feeds(ground, scopes)
    watched.read.clear()
    add(library, COUNT)
    for scope in scopes:
        version = ground.library.archive.version(scope.log, scope.channel_ids)
        for form in FORMS:
            make_feed(ground, scope, form, version=version)
    assert set(watched.read) == {f"n{COUNT}"}


def test_readers_of_two_keys_or_hosts_share_no_entry(standing: Library) -> None:
    fragments, scope = Fragments(), scopes_of(standing)[0]
    for form in FORMS:
        for host, key in (("mirror.example", "bridge"), ("other.example", "bridge"), ("other.example", "river")):
            shared = make_feed(ground_of(standing, fragments, host, key), scope, form)
            assert shared.whole() == make_feed(ground_of(standing, None, host, key), scope, form).whole()


def test_a_feed_of_more_entries_than_there_is_room_for_is_whole(standing: Library) -> None:
    none = Fragments(Memo(1, lambda _: 1), Memo(1, lambda _: 1), Memo(1, lambda _: 1), Memo(1, lambda _: 1))
    for scope in scopes_of(standing):
        for form in FORMS:
            small, large = (make_feed(ground_of(standing, each), scope, form) for each in (none, Fragments()))
            assert small.whole() == large.whole()
            assert small.gzip(small.whole()) == large.gzip(large.whole())


def test_what_is_kept_stays_within_its_bounds_and_what_is_asked_for_stays() -> None:
    memo = Memo[bytes](100_000, len)
    for number in range(1_000):
        memo.keep(number, bytes(1_000))
        assert memo.find([0]) == [bytes(1_000)]
        assert sum(each is not None for each in (*memo._young.values(), *memo._old.values())) <= 100
    assert memo.find([1]) == [None]


# ---------------------------------------------------------------- compressed


def unpacked(packed: bytes) -> bytes:
    """Return what a gzip file holds, if it is one member and nothing after it, as browsers have it."""
    found = zlib.decompressobj(wbits=31)
    body = found.decompress(packed) + found.flush()
    assert found.eof
    assert not found.unused_data
    assert body == gzip.decompress(packed)
    return body


@given(
    st.binary(max_size=200),
    st.lists(st.binary(min_size=1, max_size=200).map(lambda part: part * 30), max_size=12),
    st.binary(max_size=50),
    st.sampled_from((b"", b",")),
)
def test_a_document_compressed_in_pieces_is_one_gzip_file_with_its_bytes(
    head: bytes, parts: list[bytes], tail: bytes, joint: bytes
) -> None:
    document = Document(head, tuple(Piece.of(part) for part in parts), tail, joint)
    whole = document.whole()
    assert whole == head + joint.join(parts) + tail
    assert unpacked(document.gzip(whole)) == whole
    assert document.gzip(whole) == replace(document, packed=packed_memo()).gzip(whole)


@pytest.mark.parametrize("size", [65_535, 65_536, 200_000])
def test_a_head_of_any_length_is_in_the_file(size: int) -> None:
    document = Document(b"h" * size, tuple(Piece.of(bytes([number]) * 40_000) for number in range(5)), b"t" * size)
    assert unpacked(document.gzip(document.whole())) == document.whole()


def test_each_content_coding_of_a_feed_holds_the_same_and_is_made_once(standing: Library) -> None:
    document = make_feed(ground_of(standing), scopes_of(standing)[0], "xml")
    answer, again = prepare(document, "text/xml"), prepare(document, "text/xml")
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(answer.form("br"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in made}) == 1
    whole = document.whole()
    assert brotli.decompress(answer.form("br")) == zstandard.ZstdDecompressor().decompress(answer.form("zstd")) == whole
    assert unpacked(answer.form("gzip")) == answer.form("") == whole
    assert sum(map(len, answer.forms.values())) <= answer.size
    assert answer.tag == again.tag


def test_the_tag_of_a_document_without_pieces_is_the_hash_of_its_bytes() -> None:
    assert Document(b"page").digest == hashlib.sha256(b"page").hexdigest()
