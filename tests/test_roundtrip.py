"""A mirror that is exported and taken in again is the same mirror; over the invented site, and over the real one.

What differs over the real one is printed: run it alone with `pytest -n0 -s
tests/test_roundtrip.py`.
"""

import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

import pytest
from fakes import CalmBudget
from newsroom import STORIES, Answer, Newsroom, picture
from realsite import NOW, SHARED, Harvest
from seedform import read_seed
from test_corpus_markdown import differing, pages, text_of

from feedproxy.cli.export import signer_of
from feedproxy.configuration.settings import Settings
from feedproxy.export import ExportOptions, export
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import (
    ChannelPoller,
    Import,
    Importer,
    Services,
    Verifier,
    entries_of,
    prepare,
)
from feedproxy.media import FolderMedia
from feedproxy.model import Article, ArticleId, ExportFormat, Links, Mirror, Source, Url
from feedproxy.sanitise import plain_text
from feedproxy.sign import make_key, write_secret_key
from feedproxy.store import Store, open_store

KEY = make_key(bytes(range(40)))
# Over the real site, bodies in which the form keeps less than what was there: players, a picture
# without alternative text.
_LEAST_EQUAL = 0.97


@contextmanager
def take_in(
    mirror: Mirror,
    folder: Path,
    checkout: Path,
    now: datetime,
    key: str = "",
    *,
    allow_older: bool = False,
) -> Iterator[tuple[Store, Import]]:
    """Import a checkout into a store of its own."""
    settings = Settings(config=folder, data=folder)
    store, done = open_store(settings.store_url, folder), Import()
    fetcher = open_fetcher(
        settings, mirror, CalmBudget(), lambda: now, lambda _: None, more_folders=(checkout,)
    )
    services = Services(mirror, store, fetcher, FolderMedia(settings.media), lambda: now)
    prepare(mirror)
    places = {
        section.name: Url(f"{(checkout / section.name).as_uri()}/indexes/")
        for section in mirror.sections
    }
    sources = {
        name: Source("mirror", url, None, key, name, allow_older) for name, url in places.items()
    }
    verifier = Verifier(fetcher, store.serials)
    entries = entries_of(services, sources, verifier, done)
    with ThreadPoolExecutor(1) as pool:
        Importer(services, pool, 1, done, verifier, sources.values()).run(entries, lambda _: None)
    fetcher.close()
    yield store, done
    store.close()


def dump(store: Store, mirror: Mirror) -> dict[ArticleId, Article]:
    stored = store.ids([channel.id for channel in mirror.channels])
    return {article_id: article for article_id in stored if (article := store.article(article_id))}


def differences(ours: dict[ArticleId, Article], theirs: dict[ArticleId, Article]) -> Counter[str]:
    """Count the parts of articles that differ."""
    assert ours.keys() == theirs.keys()
    pairs = [(ours[each], theirs[each]) for each in ours]
    return Counter(
        part.name
        for a, b in pairs
        for part in fields(a)
        if getattr(a, part.name) != getattr(b, part.name)
    )


def write(
    mirror: Mirror,
    settings: Settings,
    store: Store,
    folder: Path,
    links: Links = Links.MIRROR,
    *,
    form: ExportFormat = ExportFormat.GIT,
    is_dry: bool = False,
) -> None:
    order = ExportOptions(
        mirror, form, settings.store_url, settings.data, FolderMedia(settings.media), links=links
    )
    signing = settings.model_copy(update={"signing_key": write_secret_key(KEY)})
    export(
        order, store, folder, is_dry=is_dry, signer=signer_of(signing, order, store, is_dry=is_dry)
    )


@pytest.fixture
def filled(newsroom: Newsroom, channel_poller: ChannelPoller) -> Services:
    """The invented site's mirror; one of its pictures could not be had."""
    newsroom.faults["/pic/gone.png"] = Answer(b"", 404)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    return channel_poller.services


def test_an_export_that_is_taken_in_is_the_same_mirror(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    with take_in(
        filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), str(KEY.public)
    ) as (taken, done):
        assert done.failures == []
        assert dump(taken, filled.mirror) == dump(store, filled.mirror)
        ids = list(dump(store, filled.mirror))
        assert taken.channels_of(ids) == store.channels_of(ids)
        assert taken.pictures.of(ids) == store.pictures.of(ids)
        assert len(ids) == len(STORIES)


def _tamper_page(town: Path) -> str:
    file = town / "pages" / "city" / "n103.md"
    file.write_text(file.read_text("utf-8").replace("种豆角", "种罂粟"), "utf-8")
    return "pages/city/n103.md: is rejected: it differs from what its mirror signed"


def _tamper_index(town: Path) -> str:
    file = town / "indexes" / "city.csv"
    file.write_text(file.read_text("utf-8").replace("老校长的菜园", "别的标题"), "utf-8")
    return "indexes/city.csv: is rejected: it differs from what its mirror signed"


def _tamper_manifest(town: Path) -> str:
    file = town / "indexes" / "city.sha256"
    file.write_bytes(file.read_bytes().replace(b"0", b"1"))
    return "indexes/city.sha256: is rejected"


@pytest.mark.parametrize("tamper", [_tamper_page, _tamper_index, _tamper_manifest])
def test_what_was_tampered_with_is_refused_by_the_key_and_named(
    tamper: Callable[[Path], str],
    filled: Services,
    settings: Settings,
    tmp_path: Path,
    store: Store,
) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    told = tamper(tmp_path / "out" / "town")
    with take_in(
        filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), str(KEY.public)
    ) as (taken, done):
        assert any(told in str(failure) for failure in done.failures)
        article = taken.article(ArticleId("n103"))
        assert article is None or article == store.article(article.id)
        assert taken.article(ArticleId("n104")) is not None


# ---------------------------------------------------------------- who controls the host, and holds
# all that was ever signed


def _copy(source: Path, target: Path) -> None:
    for suffix in ("", ".minisig"):
        if source.with_name(source.name + suffix).exists():
            shutil.copy(
                source.with_name(source.name + suffix), target.with_name(target.name + suffix)
            )


def _other_section(out: Path, _html: Path) -> str:
    _copy(out / "letters" / "channels.sha256", out / "town" / "channels.sha256")
    signed = "its signature is that of git/letters/channels.sha256, not of git/town/channels.sha256"
    return f"town/channels.sha256: is rejected: {signed}; take it from another copy of the mirror"


def _other_form(out: Path, html: Path) -> str:
    _copy(html / "SHA256SUMS", out / "town" / "channels.sha256")
    return "town/channels.sha256: is rejected: its signature is that of html/SHA256SUMS"


def _other_manifest(out: Path, _html: Path) -> str:
    _copy(out / "town" / "SHA256SUMS", out / "town" / "channels.sha256")
    return "town/channels.sha256: is rejected: its signature is that of git/town/SHA256SUMS"


def _other_channel(out: Path, _html: Path) -> str:
    for name in ("indexes/{}.sha256", "indexes/{}.csv"):
        _copy(out / "town" / name.format("books"), out / "town" / name.format("city"))
    return "town/indexes/city.sha256: is rejected: it differs from what its mirror signed"


def _no_channel(out: Path, _html: Path) -> str:
    (out / "town" / "indexes" / "city.csv").unlink()
    return "town/indexes/city.csv: there is no such file"


def _no_channel_and_no_manifest(out: Path, _html: Path) -> str:
    _no_channel(out, _html)
    (out / "town" / "indexes" / "city.sha256").unlink()
    return "town/indexes/city.csv: there is no such file"


def _no_manifest(out: Path, _html: Path) -> str:
    (out / "town" / "channels.sha256").unlink()
    return "town/channels.sha256: is rejected: a signed mirror must have it"


def _no_signature(out: Path, _html: Path) -> str:
    (out / "town" / "channels.sha256.minisig").unlink()
    return "town/channels.sha256: is rejected: it has no signature (.minisig)"


def _other_channels(out: Path, _html: Path) -> str:
    with (out / "town" / "scripts" / "index.csv").open("a") as file:
        file.write("sports,x\n")
    return "town/scripts/index.csv: is rejected: it differs from what its mirror signed"


def _other_page(out: Path, _html: Path) -> str:
    shutil.copy(
        out / "town" / "pages" / "city" / "n101.md", out / "town" / "pages" / "city" / "n103.md"
    )
    return "town/pages/city/n103.md: is rejected: it differs from what its mirror signed"


@pytest.mark.parametrize(
    "attack",
    [
        _other_section,
        _other_form,
        _other_manifest,
        _other_channel,
        _no_channel,
        _no_channel_and_no_manifest,
        _no_manifest,
        _no_signature,
        _other_channels,
        _other_page,
    ],
)
def test_what_the_same_key_signed_for_something_else_or_is_missing_is_refused_and_named(
    attack: Callable[[Path, Path], str],
    filled: Services,
    settings: Settings,
    tmp_path: Path,
    store: Store,
) -> None:
    out = tmp_path / "out"
    write(filled.mirror, settings, store, out)
    write(filled.mirror, settings, store, tmp_path / "html", form=ExportFormat.HTML)
    told = attack(out, tmp_path / "html")
    with take_in(filled.mirror, tmp_path / "again", out, filled.clock(), str(KEY.public)) as (
        taken,
        done,
    ):
        assert [str(failure) for failure in done.failures if told in str(failure)] != []
        assert all(
            article == store.article(article.id) for article in dump(taken, filled.mirror).values()
        )
        members = {
            each
            for each, channels in taken.channels_of(list(dump(taken, filled.mirror))).items()
            if "city" in channels
        }
        assert members <= {"n101", "n102", "n103"}


def test_a_mirror_that_has_not_all_channels_proves_it(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    town = filled.mirror.sections[0]
    smaller = replace(
        filled.mirror,
        sections=(replace(town, channels=town.channels[:1]), *filled.mirror.sections[1:]),
    )
    write(smaller, settings, store, tmp_path / "out")
    with take_in(
        filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), str(KEY.public)
    ) as (_, done):
        assert done.failures == []


@pytest.mark.parametrize("key", ["", str(KEY.public)])
@pytest.mark.parametrize("bodies_are", ["of other pictures", "forged"])
def test_a_picture_whose_name_is_not_its_hash_is_refused_and_named(
    key: str, bodies_are: str, filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    files = sorted(tmp_path.glob("out/*/media/*/*"))
    bodies = [file.read_bytes() for file in files]
    forged = picture("forged")
    for file, body in zip(
        files,
        [*bodies[1:], bodies[0]] if bodies_are != "forged" else [forged] * len(files),
        strict=True,
    ):
        file.write_bytes(body)
    swapped = {
        file.as_uri() for file, body in zip(files, bodies, strict=True) if file.read_bytes() != body
    }
    with take_in(filled.mirror, tmp_path / "again", tmp_path / "out", filled.clock(), key) as (
        taken,
        done,
    ):
        assert {failure.url for failure in done.failures} <= swapped
        assert "is rejected: its name is not the hash of its content" in str(done.failures[0])
        assert taken.pictures.of(list(dump(taken, filled.mirror))) == {}


def test_an_older_copy_is_refused_unless_that_is_allowed(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    out, old, again = tmp_path / "out", tmp_path / "old", tmp_path / "again"
    write(filled.mirror, settings, store, out)
    shutil.copytree(out, old)
    key, now = str(KEY.public), filled.clock()
    with take_in(filled.mirror, again, out, now, key) as (_, done):
        assert done.failures == []
    stored = store.article(ArticleId("n103"))
    assert stored is not None
    store.save(replace(stored, title="更正的标题", updated=now), [], {}, now)
    write(filled.mirror, settings, store, out)
    with take_in(filled.mirror, again, out, now, key) as (_, done):
        assert done.failures == []
    shutil.rmtree(out)
    shutil.copytree(old, out)
    with take_in(filled.mirror, again, out, now, key) as (taken, done):
        place = (out / "town").as_uri()
        told = f"is rejected: an old copy: git/town/channels.sha256 from {place} has serial 1, and 2 was seen before; "
        assert told in str(done.failures[0])
        assert "--allow-older" in str(done.failures[0])
        assert taken.article(stored.id) == store.article(stored.id)
    with take_in(filled.mirror, again, out, now, key, allow_older=True) as (_, done):
        assert done.failures == []


def test_an_old_channel_beside_new_ones_is_refused_at_first_sight(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    old, out, now = tmp_path / "old", tmp_path / "out", filled.clock()
    write(filled.mirror, settings, store, old)
    stored = store.article(ArticleId("n103"))
    assert stored is not None
    store.save(replace(stored, title="更正的标题", updated=now), [], {}, now)
    write(filled.mirror, settings, store, out)
    for name in ("indexes/city.sha256", "indexes/city.csv", "pages/city/n103.md"):
        shutil.copy(old / "town" / name, out / "town" / name)
    with take_in(filled.mirror, tmp_path / "again", out, now, str(KEY.public)) as (taken, done):
        assert "town/indexes/city.sha256: is rejected" in str(done.failures[0])
        assert taken.article(stored.id) is None


def test_serials_grow_with_each_publication_and_only_then(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    def serials(folder: Path) -> list[int]:
        files = sorted(folder.rglob("*.minisig"))
        return [
            int(file.read_text("utf-8").partition("serial:")[2].partition(" ")[0]) for file in files
        ]

    write(filled.mirror, settings, store, tmp_path / "a")
    write(filled.mirror, settings, store, tmp_path / "b")
    first = serials(tmp_path / "a")
    assert first == serials(tmp_path / "b") == [1] * 4
    write(
        replace(filled.mirror, about=replace(filled.mirror.about, name="别的名字")),
        settings,
        store,
        tmp_path / "b",
    )
    write(filled.mirror, settings, store, tmp_path / "b", is_dry=True)
    after = serials(tmp_path / "b")
    assert after > first
    write(filled.mirror, settings, store, tmp_path / "a")
    assert serials(tmp_path / "a") > after
    restored = settings.model_copy(update={"serial_base": 1000})
    write(filled.mirror, restored, store, tmp_path / "b")
    assert min(serials(tmp_path / "b")) > 1000


@pytest.mark.skipif(not shutil.which("minisign"), reason="needs minisign")
def test_minisign_verifies_an_export(
    filled: Services, settings: Settings, tmp_path: Path, store: Store
) -> None:
    write(filled.mirror, settings, store, tmp_path / "out")
    for file in tmp_path.glob("out/*/*.minisig"):
        command = ["minisign", "-Vm", str(file.with_suffix("")), "-P", str(KEY.public)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert f"serial:1 path:git/{file.parent.name}/{file.stem}" in ended.stdout


@pytest.mark.corpus
def test_the_real_mirror_taken_in_and_exported_is_the_same_pages_and_taken_in_again_the_same_store(
    some: Harvest, tmp_path: Path
) -> None:
    with take_in(some.mirror, tmp_path / "first", SHARED / "mirror", NOW) as (first, done):
        assert done.failures == []
        settings = Settings(config=tmp_path / "first", data=tmp_path / "first")
        write(some.mirror, settings, first, tmp_path / "out", Links.SEED)
        sections = {section.name for section in some.mirror.sections}
        read = {
            file: read_seed(file.read_text("utf-8"))
            for file in pages()
            if file.parts[-4] in sections
        }
        editions, different, copies = list[str](), list[str](), defaultdict[str, list[object]](list)
        for file, theirs in read.items():
            copies[file.stem].append(replace(text_of(theirs), label=""))
        for file, theirs in read.items():
            ours = read_seed(
                (tmp_path / "out" / file.relative_to(SHARED / "mirror")).read_text("utf-8")
            )
            if parts := [part for part in differing(ours, theirs) if part != "label"]:
                is_one_of_several = any(copy != copies[file.stem][0] for copy in copies[file.stem])
                (editions if is_one_of_several else different).append(
                    f"{file.parent.name}/{file.stem}: {', '.join(parts)}"
                )
        print(
            f"\n{len(read)} pages; other editions: {len(editions)}; different otherwise:",
            *different,
            sep="\n  ",
        )
        assert len(different) <= (1 - 0.995) * len(read)
        with take_in(some.mirror, tmp_path / "second", tmp_path / "out", NOW) as (second, _):
            assert dump(second, some.mirror) == dump(first, some.mirror)


@pytest.mark.corpus
def test_what_was_harvested_from_the_real_site_exported_and_taken_in_is_the_same(
    some: Harvest, tmp_path: Path
) -> None:
    write(some.mirror, some.settings, some.store, tmp_path / "out")
    with take_in(some.mirror, tmp_path / "again", tmp_path / "out", NOW) as (taken, done):
        assert done.failures == []
        ours, theirs = dump(taken, some.mirror), dump(some.store, some.mirror)
        found = differences(ours, theirs)
        print(f"\n{len(ours)} articles; differences: {dict(found)}")
        assert set(found) <= {"body"}
        assert found["body"] <= (1 - _LEAST_EQUAL) * len(ours)
        assert {each: plain_text(ours[each].body) for each in ours} == {
            each: plain_text(theirs[each].body) for each in theirs
        }
        shown = {channel.id for channel in some.mirror.channels}
        places = {
            each: channels & shown for each, channels in some.store.channels_of(list(ours)).items()
        }
        assert taken.channels_of(list(ours)) == places
        assert taken.pictures.of(list(ours)) == some.store.pictures.of(list(ours))
