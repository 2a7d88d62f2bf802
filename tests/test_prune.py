"""`feedproxy prune`: what nothing refers to goes, what an article shows stays."""

import os
from dataclasses import replace

import pytest
from click.testing import CliRunner
from conftest import Clock
from newsroom import BASE, Answer, Newsroom, picture
from test_pictures import poll, story

from feedproxy.cli.prune import prune
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.media.variants import make_variants
from feedproxy.model import ArticleId, Url
from feedproxy.store import Store

GONE = f"{BASE}/pic/b.png"


@pytest.fixture
def edited(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    media: FolderMedia,
    settings: Settings,
    clock: Clock,
) -> set[str]:
    """An article of two pictures is edited to show only the first; return the files of before. One is unfinished, too."""
    newsroom.stories = (story(1, '<img src="/pic/a.png"><img src="/pic/b.png">'),)
    poll(channel_poller)
    newsroom.stories = (replace(story(1, '<img src="/pic/a.png">'), title="改了的照相馆"),)
    clock.advance(hours=1)
    poll(channel_poller)
    files = set(media.names())
    (settings.media / "ab").mkdir(exist_ok=True)
    for name, moment in (("tmp123.part", 0), ("at-work.part", None)):
        (settings.media / "ab" / name).write_bytes(b"half")
        os.utime(settings.media / "ab" / name, None if moment is None else (moment, moment))
    return files


def run(settings: Settings, *options: str) -> list[str]:
    done = CliRunner().invoke(prune, options, obj=settings)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_dry_run_lists_what_nothing_refers_to_and_deletes_nothing(
    edited: set[str], settings: Settings, media: FolderMedia, store: Store
) -> None:
    used = store.pictures.used_files()
    lines = run(settings, "--dry-run")
    assert lines[:-1] == [
        f"picture {GONE}",
        *(f"file {name}" for name in sorted(edited - used)),
        "file tmp123.part",
    ]
    assert lines[-1].startswith("0 articles, 1 pictures and 3 files (")
    assert lines[-1].endswith(" bytes) would be deleted")
    assert set(media.names()) == edited
    assert store.pictures.unused() == [GONE]


def test_a_run_deletes_what_was_listed_and_nothing_else(
    edited: set[str], settings: Settings, media: FolderMedia, store: Store
) -> None:
    used, shown = store.pictures.used_files(), store.pictures.of([ArticleId("n1")])
    listed = run(settings, "--dry-run")
    assert run(settings)[:-1] == listed[:-1]
    assert set(media.names()) == used < edited
    assert [file.name for file in settings.media.glob("*/*.part")] == ["at-work.part"]
    assert (
        store.pictures.of([ArticleId("n1")])
        == shown
        == {Url(f"{BASE}/pic/a.png"): shown[Url(f"{BASE}/pic/a.png")]}
    )
    assert run(settings) == ["0 articles, 0 pictures and 0 files (0 bytes) deleted"]


def test_nothing_is_pruned_right_after_a_harvest(
    settings: Settings, channel_poller: ChannelPoller
) -> None:
    poll(channel_poller)
    assert run(settings, "--dry-run") == [
        "0 articles, 0 pictures and 0 files (0 bytes) would be deleted"
    ]


def test_a_file_that_another_picture_still_needs_stays(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    media: FolderMedia,
    settings: Settings,
    store: Store,
    clock: Clock,
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png"><img src="/pic/b.png">'),)
    newsroom.faults["/pic/b.png"] = Answer(picture("/pic/a.png"))
    poll(channel_poller)
    files = set(media.names())
    newsroom.stories = (replace(story(1, '<img src="/pic/a.png">'), title="改了的照相馆"),)
    clock.advance(hours=1)
    poll(channel_poller)
    assert run(settings) == [
        f"picture {GONE}",
        "0 articles, 1 pictures and 0 files (0 bytes) deleted",
    ]
    assert set(media.names()) == files
    assert len(store.pictures.of([ArticleId("n1")])) == 1


def test_files_without_a_picture_go_and_files_that_are_not_the_mirrors_stay(
    newsroom: Newsroom, channel_poller: ChannelPoller, media: FolderMedia, settings: Settings
) -> None:
    newsroom.stories = (story(1, '<img src="/pic/a.png">'),)
    poll(channel_poller)
    used = set(media.names())
    lost, _ = make_variants(Url(GONE), picture("lost"), channel_poller.services.mirror.images)
    media.put(lost)
    others = [settings.media / lost.file.name[:2] / "notes.txt", settings.media / "README"]
    for file in others:
        file.write_text("the operator's own")
    assert run(settings) == [
        f"file {lost.file.name}",
        f"0 articles, 0 pictures and 1 files ({len(lost.body)} bytes) deleted",
    ]
    assert set(media.names()) == used
    assert all(file.exists() for file in others)


def test_what_readers_asked_for_keeps_its_pictures(
    newsroom: Newsroom,
    channel_poller: ChannelPoller,
    settings: Settings,
    store: Store,
    clock: Clock,
) -> None:
    newsroom.stories = (story(1, '<a href="/21/5/5/n2.htm">旧闻</a>'),)
    poll(channel_poller)
    newsroom.stories = (*newsroom.stories, story(2, '<img src="/pic/a.png">', ()))
    assert store.requests.ask(ArticleId("n2"), limit=9, now=clock.now)
    channel_poller.serve_readers()
    assert run(settings) == ["0 articles, 0 pictures and 0 files (0 bytes) deleted"]
    assert len(store.pictures.of([ArticleId("n2")])) == 1


def test_an_empty_installation_has_nothing_to_prune(settings: Settings) -> None:
    assert run(settings) == ["0 articles, 0 pictures and 0 files (0 bytes) deleted"]
