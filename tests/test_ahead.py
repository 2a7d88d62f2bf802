"""Pages that come in numbers: articles are made of them in processes of their own, and none is lost whatever befalls those."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from engines import until
from newsroom import BASE, STORIES, Newsroom, article_page

from feedproxy.ingest import Extractors, Harvester, prepare
from feedproxy.ingest.ahead import extract_alone
from feedproxy.model import Article, ArticleId, ListingItem, Mirror, Page, Site, Url
from feedproxy.processes import pool_of
from feedproxy.store import SqlStore, open_store

MANY = 6
STREAM = tuple(
    replace(
        STORIES[0],
        id=f"n{200 + at}",
        title=f"第{at}条",
        text=f"第{at}条：{STORIES[0].text}",
        channels=("city",),
    )
    for at in range(4 * MANY)
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


def killed(*_: object) -> "Future[Any]":
    """Return what comes of a job whose process is killed."""
    broken: Future[Any] = Future()
    broken.set_exception(BrokenProcessPool("killed"))
    return broken


def refused(*_: object) -> "Future[Any]":
    raise OSError(errno.EAGAIN, "no room for another process")


def hung(*_: object) -> "Future[Any]":
    """Return what comes of a job that none has answered for so long."""
    late: Future[Any] = Future()
    late.set_exception(TimeoutError())
    return late


def here(fn: Callable[..., Any], *args: object) -> "Future[Any]":
    done: Future[Any] = Future()
    done.set_result(fn(*args))
    return done


def walk(harvester: Harvester, open_pool: Callable[[], Executor]) -> Extractors:
    """Take all in by way of a channel's listing, page by page."""
    extractors = Extractors(open_pool, MANY)
    report = Harvester(replace(harvester.services, extractors=extractors)).walk(
        harvester.services.mirror.channels[0], pages=1000
    )
    assert not report.failures
    return extractors


def whole(mirror: Mirror, more: str = "") -> tuple[Page, ListingItem, Site]:
    """Return an article's page, with *more* at its end, and what is known of it."""
    url = Url(BASE + STORIES[0].path)
    body = article_page(STORIES[0]).replace("</body>", f"{more}</body>").encode()
    return (
        Page(url, body, "text/html; charset=utf-8"),
        ListingItem(ArticleId("n101"), url, ""),
        mirror.sites[0],
    )


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
    Harvester(replace(harvester.services, store=other)).walk(mirror.channels[0], pages=1000)
    assert held(other) == held(store)
    assert len(held(store)) == len(STREAM)
    other.close()


@pytest.mark.parametrize("do", [killed, refused, hung])
def test_where_processes_fail_no_article_is_lost_and_it_goes_on_without_them(
    harvester: Harvester,
    newsroom: Newsroom,
    store: SqlStore,
    caplog: pytest.LogCaptureFixture,
    do: Callable[..., "Future[Any]"],
) -> None:
    newsroom.stories = STREAM
    pool = Counted(do)
    walk(harvester, lambda: pool)
    assert pool.is_ended
    assert 0 < pool.begun < len(STREAM) - MANY
    assert len(held(store)) == len(STREAM)
    assert sum("goes on without" in record.message for record in caplog.records) == 1


def test_where_no_pool_can_be_had_articles_are_made_here(
    harvester: Harvester, newsroom: Newsroom, store: SqlStore
) -> None:
    newsroom.stories = STREAM
    walk(harvester, refused)  # type: ignore[arg-type]
    assert len(held(store)) == len(STREAM)


@pytest.mark.parametrize(
    "link",
    ['<a class="more" href="n101_2.htm">2</a>', '<a class="all" href="n101_all.htm">全文</a>'],
)
def test_an_article_that_goes_on_elsewhere_is_left_to_who_can_fetch_the_rest(
    mirror: Mirror, clock: Clock, link: str
) -> None:
    (site,) = mirror.sites
    rules = replace(
        site.article,
        next_page_link=("//a[@class='more']",),
        single_page_link=("//a[@class='all']",),
    )
    mirror = replace(mirror, sites=(replace(site, article=rules),))
    prepare(mirror)
    draft = extract_alone(*whole(mirror), clock())
    assert draft is not None
    assert STORIES[0].text in draft.article.body
    assert extract_alone(*whole(mirror, link), clock()) is None


def test_few_pages_begin_no_processes(
    harvester: Harvester, newsroom: Newsroom, store: SqlStore
) -> None:
    newsroom.stories = STREAM[: MANY - 1]
    pool = Counted(here)
    walk(harvester, lambda: pool)
    assert (pool.begun, len(held(store))) == (0, MANY - 1)


def test_a_pools_processes_end_with_who_began_them_however_that_ends() -> None:
    program = "import os, time; from feedproxy.processes import pool_of; pool = pool_of(1, int)\n"
    program += "print(pool.submit(os.getpid).result(), flush=True); time.sleep(600)\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        pid = int(parent.stdout.readline()) if parent.stdout else 0
        assert Path(f"/proc/{pid}").exists()
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the process")
