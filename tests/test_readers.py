"""Real feed readers show what a feed holds."""

import re
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from newsroom import STORIES
from serving import served

from feedproxy.ingest import ChannelPoller

NEWSBOAT = shutil.which("newsboat")


@pytest.fixture
def address(channel_poller: ChannelPoller, app: Flask) -> Iterator[str]:
    for channel in channel_poller.services.mirror.channels:
        channel_poller.backfill(channel, pages=9)
    with served(app) as opened:
        yield opened


@pytest.mark.skipif(NEWSBOAT is None, reason="needs newsboat (Debian package newsboat)")
@pytest.mark.parametrize("form", ["xml", "atom"])
def test_newsboat_shows_the_whole_text_and_who_wrote_it_when(
    address: str, form: str, tmp_path: Path
) -> None:
    (tmp_path / "urls").write_text(f"{address}/feed/town.{form}\n", "utf-8")
    command = [str(NEWSBOAT), "-u", "urls", "-c", "cache.db", "-C", "/dev/null", "-x", "reload"]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    cache = sqlite3.connect(tmp_path / "cache.db")
    rows = cache.execute(
        "SELECT title, author, pubDate, url, content FROM rss_item ORDER BY pubDate"
    ).fetchall()
    cache.close()
    assert [row[0] for row in rows] == [story.title for story in STORIES]
    for story, (_, author, published, url, content) in zip(STORIES, rows, strict=True):
        assert author == "李明"
        assert published > 0
        assert url.startswith(f"{address}/town/blob/master/pages/")
        assert story.text in content
        pictures = re.findall(r'<img [^>]*src="([^"]+)"', content)
        assert len(pictures) == bool(story.picture)
        for picture in pictures:
            assert picture.startswith(f"{address}/media/")
            with urllib.request.urlopen(picture) as answer:
                assert answer.headers["Content-Type"] == "image/webp"
