"""A mirror that is exported and taken in again is the same mirror; over the invented site, and over the real one.

What differs over the real one is printed: run it alone with `pytest -n0 -s tests/test_roundtrip.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

import pytest
from fakes import CalmBudget
from newsroom import STORIES, Answer, Newsroom
from realsite import NOW, SHARED, Harvest
from seedform import read_seed
from test_corpus_markdown import differing, pages, text_of

from feedproxy.cli.export import seal_by
from feedproxy.export import Order, export
from feedproxy.fetch import open_fetcher
from feedproxy.harvest import Harvester, Import, Importer, Kit, Trust, entries_of, prepare
from feedproxy.media import MediaFolder
from feedproxy.model import Article, ArticleId, ExportForm, Links, Mirror, Source, Url
from feedproxy.sanitise import plain_text
from feedproxy.settings import Settings
from feedproxy.sign import make_key, write_secret_key
from feedproxy.store import SqlStore, open_store

KEY = make_key(bytes(range(40)))
# Over the real site, bodies in which the form keeps less than what was there: players, a picture without alternative text.
_LEAST_EQUAL = 0.97


@contextmanager
def take_in(mirror: Mirror, folder: Path, checkout: Path, now: datetime, key: str = "") -> Iterator[tuple[SqlStore, Import]]:
    """Import a checkout into a store of its own."""
    settings = Settings(config=folder, data=folder)
    store, done = open_store(settings.store_url, folder), Import()
    fetcher = open_fetcher(settings, mirror, CalmBudget(), lambda: now, lambda _: None, more_folders=(checkout,))
    kit = Kit(mirror, store, fetcher, MediaFolder(settings.media), lambda: now)
    prepare(mirror)
    places = {section.name: Url(f"{(checkout / section.name).as_uri()}/indexes/") for section in mirror.sections}
    sources = {name: Source("mirror", url, key=key, section=name) for name, url in places.items()}
    trust = Trust(fetcher, store.serials)
    entries = entries_of(kit, sources, trust, done)
    with ThreadPoolExecutor(1) as pool:
        Importer(kit, pool, 1, done, trust, sources.values()).run(entries, lambda _: None)
    fetcher.close()
    yield store, done
    store.close()


def dump(store: SqlStore, mirror: Mirror) -> dict[ArticleId, Article]:
    held = store.walk([channel.id for channel in mirror.channels])
    return {article_id: article for article_id in held if (article := store.article(article_id))}


def differences(ours: dict[ArticleId, Article], theirs: dict[ArticleId, Article]) -> Counter[str]:
    """Count the parts of articles that differ."""
    assert ours.keys() == theirs.keys()
    pairs = [(ours[each], theirs[each]) for each in ours]
    return Counter(part.name for a, b in pairs for part in fields(a) if getattr(a, part.name) != getattr(b, part.name))


def write(mirror: Mirror, settings: Settings, store: SqlStore, folder: Path, links: Links = Links.MIRROR) -> None:
    order = Order(mirror, ExportForm.GIT, settings.store_url, settings.data, MediaFolder(settings.media), links=links)
    signing = settings.model_copy(update={"signing_key": write_secret_key(KEY)})
    export(order, store, folder, seal=seal_by(signing, order, store))


@pytest.fixture
def filled(newsroom: Newsroom, harvester: Harvester) -> Kit:
    """The invented site's mirror; one of its pictures could not be had."""
    newsroom.faults["/pic/gone.png"] = Answer(b"", 404)
    for channel in harvester.kit.mirror.channels:
        harvester.walk(channel, pages=9)
    return harvester.kit


def test_an_export_that_is_taken_in_is_the_same_mirror(filled: Kit, settings: Settings, tmp_path: Path, store: SqlStore) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    with take_in(filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), str(KEY.public)) as (taken, done):
        assert done.failures == []
        assert dump(taken, filled.mirror) == dump(store, filled.mirror)
        ids = list(dump(store, filled.mirror))
        assert taken.channels_of(ids) == store.channels_of(ids)
        assert taken.pictures(ids) == store.pictures(ids)
        assert len(ids) == len(STORIES)


def _tamper_page(town: Path) -> str:
    file = town / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种罂粟"), "utf-8")
    return "pages/city/n103.md: is refused: it is not as its mirror signed it"


def _tamper_index(town: Path) -> str:
    file = town / "indexes" / "city.csv"
    file.write_text(file.read_text("utf-8").replace("老校长的菜园", "别的标题"), "utf-8")
    return "indexes/city.csv: is refused: it is not as its mirror signed it"


def _tamper_manifest(town: Path) -> str:
    file = town / "indexes" / "city.sha256"
    file.write_bytes(file.read_bytes().replace(b"0", b"1"))
    return "indexes/city.sha256: is refused"


@pytest.mark.parametrize("tamper", [_tamper_page, _tamper_index, _tamper_manifest])
def test_what_was_tampered_with_is_refused_by_the_key_and_named(
    tamper: Callable[[Path], str], filled: Kit, settings: Settings, tmp_path: Path, store: SqlStore
) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    told = tamper(tmp_path / "out" / "town")
    with take_in(filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), str(KEY.public)) as (taken, done):
        assert any(told in str(failure) for failure in done.failures)
        article = taken.article(ArticleId("n103"))
        assert article is None or article == store.article(article.id)
        assert taken.article(ArticleId("n104")) is not None


@pytest.mark.corpus
def test_the_real_mirror_taken_in_and_exported_is_the_same_pages_and_taken_in_again_the_same_store(
    some: Harvest, tmp_path: Path
) -> None:
    with take_in(some.mirror, tmp_path / "first", SHARED / "mirror", NOW) as (first, done):
        assert done.failures == []
        settings = Settings(config=tmp_path / "first", data=tmp_path / "first")
        write(some.mirror, settings, first, tmp_path / "out", Links.SEED)
        sections = {section.name for section in some.mirror.sections}
        read = {file: read_seed(file.read_text("utf-8")) for file in pages() if file.parts[-4] in sections}
        editions, different, copies = list[str](), list[str](), defaultdict[str, list[object]](list)
        for file, theirs in read.items():
            copies[file.stem].append(replace(text_of(theirs), label=""))
        for file, theirs in read.items():
            ours = read_seed((tmp_path / "out" / file.relative_to(SHARED / "mirror")).read_text("utf-8"))
            if parts := [part for part in differing(ours, theirs) if part != "label"]:
                is_one_of_several = any(copy != copies[file.stem][0] for copy in copies[file.stem])
                (editions if is_one_of_several else different).append(f"{file.parent.name}/{file.stem}: {', '.join(parts)}")
        print(f"\n{len(read)} pages; other editions: {len(editions)}; different otherwise:", *different, sep="\n  ")
        assert len(different) <= (1 - 0.995) * len(read)
        with take_in(some.mirror, tmp_path / "second", tmp_path / "out", NOW) as (second, _):
            assert dump(second, some.mirror) == dump(first, some.mirror)


@pytest.mark.corpus
def test_what_was_harvested_from_the_real_site_exported_and_taken_in_is_the_same(some: Harvest, tmp_path: Path) -> None:
    write(some.mirror, some.settings, some.store, tmp_path / "out")
    with take_in(some.mirror, tmp_path / "again", tmp_path / "out", NOW) as (taken, done):
        assert done.failures == []
        ours, theirs = dump(taken, some.mirror), dump(some.store, some.mirror)
        found = differences(ours, theirs)
        print(f"\n{len(ours)} articles; differences: {dict(found)}")
        assert set(found) <= {"body"}
        assert found["body"] <= (1 - _LEAST_EQUAL) * len(ours)
        assert {each: plain_text(ours[each].body) for each in ours} == {each: plain_text(theirs[each].body) for each in theirs}
        shown = {channel.id for channel in some.mirror.channels}
        places = {each: channels & shown for each, channels in some.store.channels_of(list(ours)).items()}
        assert taken.channels_of(list(ours)) == places
        assert taken.pictures(list(ours)) == some.store.pictures(list(ours))
