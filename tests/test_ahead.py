"""Pages that come in numbers: articles are made of them in processes of their own, and none is lost whatever befalls those."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from engines import until
from newsroom import BASE, STORIES, Newsroom, article_page

from feedproxy.harvest import Extractors, Harvester, prepare
from feedproxy.harvest.ahead import extract_alone
from feedproxy.model import Article, ArticleId, ListingItem, Mirror, Page, Url
from feedproxy.processes import pool_of
from feedproxy.store import SqlStore, open_store

MANY = 6
STREAM = tuple(
    replace(STORIES[0], id=f"n{200 + at}", title=f"第{at}条", text=f"第{at}条：{STORIES[0].text}", channels=("city",))
    for at in range(2 * MANY)
)


@dataclass
class Counted(Executor):
    """A pool that notes what it was given, and whether it was ended; *do* stands in for its processes."""

    do: Callable[..., "Future[Any]"]
    begun: int = 0
    is_ended: bool = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.begun += 1
        return self.do(fn, *args, **kwargs)

    def shutdown(self, *_: object, **__: object) -> None:
        self.is_ended = True


@dataclass
class Broken:
    """Processes that are killed with each job."""

    broken: "Future[Any]" = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.broken.set_exception(BrokenProcessPool("killed"))

    def __call__(self, *_: object) -> "Future[Any]":
        return self.broken


def here(fn: Callable[..., Any], *args: object) -> "Future[Any]":
    done: Future[Any] = Future()
    done.set_result(fn(*args))
    return done


def walk(harvester: Harvester, open_pool: Callable[[], Executor]) -> Extractors:
    """Take all in by way of a channel's listing, page by page."""
    extractors = Extractors(open_pool, MANY)
    report = Harvester(replace(harvester.kit, extractors=extractors)).walk(harvester.kit.mirror.channels[0], pages=1000)
    assert not report.failures
    return extractors


def held(store: SqlStore) -> list[Article]:
    return store.articles(store.walk(["city"]))


def test_articles_made_in_processes_are_those_made_here(
    harvester: Harvester, newsroom: Newsroom, store: SqlStore, mirror: Mirror, tmp_path: Path
) -> None:
    newsroom.stories = STREAM
    with pool_of(2, prepare, mirror) as processes:
        pool = Counted(processes.submit)
        walk(harvester, lambda: pool)
    assert pool.begun == len(STREAM) - MANY + 1
    other = open_store(f"sqlite:///{tmp_path / 'other.sqlite'}", tmp_path)
    Harvester(replace(harvester.kit, store=other)).walk(mirror.channels[0], pages=1000)
    assert held(other) == held(store)
    assert len(held(store)) == len(STREAM)
    other.close()


def test_where_processes_are_killed_no_article_is_lost(
    harvester: Harvester, newsroom: Newsroom, store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    newsroom.stories = STREAM
    pool = Counted(Broken())
    walk(harvester, lambda: pool)
    assert pool.begun
    assert pool.is_ended
    assert len(held(store)) == len(STREAM)
    assert "done without" in caplog.text


@pytest.mark.parametrize("link", ['<a class="more" href="n101_2.htm">2</a>', '<a class="all" href="n101_all.htm">全文</a>'])
def test_an_article_that_goes_on_elsewhere_is_left_to_who_can_fetch_the_rest(mirror: Mirror, clock: Clock, link: str) -> None:
    (site,) = mirror.sites
    rules = replace(site.article, next_page_link=("//a[@class='more']",), single_page_link=("//a[@class='all']",))
    site = replace(site, article=rules)
    prepare(replace(mirror, sites=(site,)))
    url, text = Url(BASE + STORIES[0].path), article_page(STORIES[0])
    item = ListingItem(ArticleId("n101"), url, "")
    whole, begun = (Page(url, each.encode(), "text/html; charset=utf-8") for each in (text, text.replace("</body>", link)))
    draft = extract_alone(whole, item, site, clock())
    assert draft is not None
    assert STORIES[0].text in draft.article.body
    assert extract_alone(begun, item, site, clock()) is None


def test_few_pages_begin_no_processes(harvester: Harvester, newsroom: Newsroom, store: SqlStore) -> None:
    newsroom.stories = STREAM[: MANY - 1]
    pool = Counted(here)
    walk(harvester, lambda: pool)
    assert (pool.begun, len(held(store))) == (0, MANY - 1)


def test_processes_end_when_no_page_has_come_for_a_minute(
    harvester: Harvester, newsroom: Newsroom, mirror: Mirror, clock: Clock
) -> None:
    newsroom.stories = STREAM
    prepare(mirror)
    pool = Counted(here)
    extractors = walk(harvester, lambda: pool)
    extractors.rest(clock() + timedelta(seconds=59))
    assert not pool.is_ended
    extractors.rest(clock() + timedelta(seconds=61))
    assert pool.is_ended


def test_a_pools_processes_end_with_who_began_them_however_that_ends() -> None:
    program = "import os, time; from feedproxy.processes import pool_of; pool = pool_of(1, int)\n"
    program += "print(pool.submit(os.getpid).result(), flush=True); time.sleep(600)\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        pid = int(parent.stdout.readline()) if parent.stdout else 0
        assert Path(f"/proc/{pid}").exists()
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the process")
