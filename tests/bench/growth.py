"""Rows 9 to 12: what a large store costs more than a small one, memory, and the time to start."""

import json
import random
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from serving import free_port

from bench.harvesting import Poll
from bench.load import requests_per_s
from bench.measure import TOLD, Pairs, Result, alternate, at_most
from bench.processes import answers, children, family, get, pss_mb, running, stand_in
from bench.rendering import Renders, often
from bench.stores import SMALL, Setup, bench_store, copy_of, forget, origins, services_of, store_of
from bench.web import GZIP, environment_of, feed_path, page_paths, running_web, serving, warm
from feedproxy.markup import clean_text_of
from feedproxy.search_terms import Query, parse_query
from feedproxy.store import Store

_PAGES = 1_000
# Searches, and how many articles each asks for: as a page shows.
_SEARCHES, _FOUND = 200, 21
_CHINESE = re.compile("[\u4e00-\u9fff]{2,}")
# What a poller has to fetch while its memory is looked at: one that finds nothing loads half of itself.
_NEWS = 200
_WHAT = "{} articles beside {}: {}"


def beside_small(setup: Setup) -> Iterator[Result]:
    """Measure row 9."""
    with ExitStack() as stack:
        large, small = (
            stack.enter_context(bench_store(store_of(setup, count)))
            for count in (setup.large, SMALL)
        )
        ports = [stack.enter_context(serving(each.settings)) for each in (large, small)]
        path, most = feed_path(small), 100 if setup.is_quick else _PAGES
        of_large = set(page_paths(large, most))
        both = [
            page for page in page_paths(small, most) if page in of_large
        ]  # the very same pages, as texts differ in length
        for row, what, paths in (
            ("1", "feed", [[path], [path]]),
            ("3", "pages", [both, both]),
        ):
            for port, asked in zip(ports, paths, strict=True):
                warm(port, asked)
            # the time for a request, so that more is worse here as elsewhere
            ours, theirs = (
                _seconds_each(setup, port, asked) for port, asked in zip(ports, paths, strict=True)
            )
            yield _grown(
                setup, row, what, alternate(ours, theirs, setup.rounds), 1e6, "us a request"
            )
    with ExitStack() as stack:
        copies = (
            copy_of(setup, store_of(setup, count), f"renders-{count}")
            for count in (setup.large, SMALL)
        )
        large_renders, small_renders = (
            Renders(stack.enter_context(bench_store(copy))) for copy in copies
        )
        pairs = often(large_renders.after_news, small_renders.after_news, setup)
        yield _grown(setup, "7", "feeds after one new article", pairs, 1e3, "ms")
    with ExitStack() as stack:
        port = stack.enter_context(stand_in())
        copies = (
            copy_of(setup, store_of(setup, count), f"polls-{count}")
            for count in (setup.large, SMALL)
        )
        opened = (
            services_of(copy.model_copy(update={"origins": origins(port)}), is_calm=False)
            for copy in copies
        )
        large_poll, small_poll = (Poll(stack.enter_context(services)) for services in opened)
        pairs = alternate(large_poll.cpu_of_channel, small_poll.cpu_of_channel, setup.rounds)
        yield _grown(setup, "8", "a poll without news", pairs, 1e3, "ms a channel")
    yield from _sizes(setup)


def _sizes(setup: Setup) -> Iterator[Result]:
    """Tell how a store's file grows, and the time to copy it while it is in use, as a backup does."""
    files = [store_of(setup, count).data / "feedproxy.sqlite" for count in (setup.large, SMALL)]
    counts = f"{setup.large:,}", f"{SMALL:,}"
    sizes = Pairs(*((file.stat().st_size / 1e6,) for file in files))
    yield Result(
        "9", _WHAT.format(*counts, "size of the store"), TOLD, sizes.ratio, sizes.raw("MB", *counts)
    )
    seconds = Pairs(*((_copy_s(file, setup.work / "backup.sqlite"),) for file in files))
    yield Result(
        "9",
        _WHAT.format(*counts, "time of a backup"),
        TOLD,
        seconds.ratio,
        seconds.raw("s", *counts),
    )


def _copy_s(file: Path, target: Path) -> float:
    target.unlink(missing_ok=True)
    began = time.monotonic()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return time.monotonic() - began


def memory(setup: Setup) -> Iterator[Result]:
    """Measure row 10."""
    settings = store_of(setup, setup.large)
    with bench_store(settings) as large:
        paths = page_paths(large, 200)
        feeds = [
            f"/feed/{section.name}.{form}"
            for section in large.mirror.sections
            for form in ("xml", "atom", "json")
        ]
        with running_web(settings) as (pid, port):
            for path in (*feeds, *paths, *feeds):
                get(port, path, GZIP)
            webs = [pss_mb(worker) for worker in children(pid)]
    raw = f"workers {', '.join(f'{mb:.0f}' for mb in webs)} MB after {len(feeds)} feeds and {len(paths)} pages"
    yield Result(
        "10", f"memory of a web worker, {setup.large:,} articles", at_most(90), max(webs), raw, "MB"
    )
    with stand_in() as port:
        copy = copy_of(setup, settings, "memory").model_copy(update={"origins": origins(port)})
        with closing(sqlite3.connect(copy.data / "feedproxy.sqlite")) as db:
            forget(db, _NEWS)
        polling = running(
            [sys.executable, "-m", "feedproxy", "poll"], lambda: True, environment_of(copy)
        )
        with polling as process:
            most = 0.0
            ends = time.monotonic() + (8 if setup.is_quick else 30)
            while time.monotonic() < ends and process.poll() is None:
                time.sleep(0.2)
                most = max(most, sum(map(pss_mb, family(process.pid))))
        asked = json.loads(get(port, "/_stats")[2])
    fetched = ", ".join(f"{asked[kind]} {kind}s" for kind in ("listing", "article", "image"))
    raw = f"the most in half a minute, in which it asked for {fetched}"
    yield Result(
        "10", f"memory of the poller, {setup.large:,} articles", at_most(200), most, raw, "MB"
    )


def start(setup: Setup) -> Iterator[Result]:
    """Measure row 11."""
    with bench_store(store_of(setup, setup.large)) as large:
        path = feed_path(large)
        settings = large.settings
    seconds: list[float] = []
    for _ in range(setup.rounds):
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}"]
        began = time.monotonic()
        with running(command, lambda port=port: answers(port, path, 200), environment_of(settings)):  # type: ignore[misc]
            seconds.append(time.monotonic() - began)
    raw = ", ".join(f"{each:.2f}" for each in seconds) + " s"
    yield Result(
        "11",
        f"gunicorn wsgi:app to its first feed, {setup.large:,} articles",
        at_most(1.5),
        median(seconds),
        raw,
        "s",
    )


def search(setup: Setup) -> Iterator[Result]:
    """Measure row 12: each search has three words from one article, so that it finds something: all its copies."""
    with bench_store(store_of(setup, setup.large)) as large:
        channels = frozenset(channel.id for channel in large.mirror.channels)
        ids = [article_id for article_id, _ in large.store.dated(channels)]
        draw = random.Random(1)  # the same searches in each run
        chosen = large.store.articles(draw.sample(ids, min(len(ids), _SEARCHES)))
        queries = [three_words(clean_text_of(article.body), draw) for article in chosen]
        ms = sorted(_search_ms(large.store, query, channels) for query in queries if query)
    raw = f"p50 {median(ms):.1f} ms, longest {ms[-1]:.1f} ms, of {len(ms)} searches for the newest {_FOUND}"
    what = f"full-text search of three Chinese words, p95, {setup.large:,} articles"
    yield Result("12", what, at_most(50), ms[int(len(ms) * 0.95)], raw, "ms")


def three_words(text: str, draw: random.Random) -> Query | None:
    """Return a search for three words of two to four characters that stand in a text, None if it has none."""
    runs = _CHINESE.findall(text)
    words = (
        [
            run[(at := draw.randrange(len(run) - 1)) : at + draw.randint(2, 4)]
            for run in draw.choices(runs, k=3)
        ]
        if runs
        else []
    )
    return parse_query(" ".join(words)) if words else None


def _search_ms(store: Store, query: Query, channels: frozenset[str]) -> float:
    began = time.perf_counter()
    found = store.search.find(query, channels, _FOUND)
    assert found, f"{query.text!r} finds nothing"
    return (time.perf_counter() - began) * 1e3


def _seconds_each(setup: Setup, port: int, paths: list[str]) -> Callable[[], float]:
    return lambda: 1 / requests_per_s(port, paths, GZIP, setup.seconds, setup.work)


def _grown(setup: Setup, row: str, what: str, pairs: Pairs, factor: float, unit: str) -> Result:
    shown = Pairs(
        tuple(each * factor for each in pairs.ours), tuple(each * factor for each in pairs.theirs)
    )
    counts = f"{setup.large:,}", f"{SMALL:,}"
    return Result(
        "9",
        _WHAT.format(*counts, f"row {row}, {what}"),
        at_most(1.2),
        pairs.ratio,
        shown.raw(unit, *counts),
    )
