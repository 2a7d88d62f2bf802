"""The benches count what they say they count."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bench import report
from bench.counts import grown
from bench.load import LoadError, by_threads, parse_wrk
from bench.measure import TOLD, Pairs, Result, alternate, at_least, at_most, table
from bench.paths import core_paths, count_calls
from bench.processes import cpu_of
from bench.stores import fill, forget
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from feedproxy.store.tables import metadata

_WRK = """Running 1s test @ http://127.0.0.1:8000/feed/a.xml
  1 threads and 8 connections
  5569 requests in 1.00s, 1.27GB read
{rest}Requests/sec:   5569.36
Transfer/sec:      1.27GB
"""
NOW = datetime(2022, 1, 2, tzinfo=UTC)


def test_pairs_are_measured_in_turn_and_neither_always_comes_first() -> None:
    order: list[str] = []

    def measure(name: str, value: float) -> float:
        order.append(name)
        return value

    pairs = alternate(lambda: measure("ours", 3), lambda: measure("theirs", 2), 3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert pairs == Pairs((3, 3, 3), (2, 2, 2))


def test_a_ratio_is_the_median_of_those_of_the_pairs_and_not_that_of_the_medians() -> None:
    assert Pairs((1, 9, 4), (1, 3, 8)).ratio == 1
    assert Pairs((1, 9, 4), (1, 3, 8)).raw("ms", "a", "b") == "a 4.00 ms, b 3.00 ms"


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        (at_least(0.9), 0.9, "met"),
        (at_least(0.9), 0.89, "NOT MET"),
        (at_most(4), 4, "met"),
        (at_most(4), 4.1, "NOT MET"),
        (TOLD, 4, "-"),
        (at_most(4), None, "not measured"),
    ],
)
def test_a_bound_is_met_from_the_right_side(
    bound: object, value: float | None, verdict: str
) -> None:
    assert Result("1", "work", bound, value, "").verdict == verdict  # type: ignore[arg-type]


def test_the_table_says_what_was_asked_for_what_was_found_and_from_what() -> None:
    met = Result("1", "a feed", at_least(0.9), 0.9123, "ours 9 /s")
    skipped = Result("4", "nginx", TOLD, None, "skipped: nginx is not installed")
    assert table([met, skipped]) == [
        ("1", "a feed", "≥ 0.9", "0.912", "met", "ours 9 /s"),
        ("4", "nginx", "-", "-", "not measured", "skipped: nginx is not installed"),
    ]


def test_what_was_written_by_hand_outlives_the_next_run() -> None:
    first = report.document([], "make bench", NOW, "")
    noted = first.replace("Nothing is written down yet.", "Flask's own 0.3 ms.")
    again = report.document([Result("1", "a | b", TOLD, 2, "")], "make bench", NOW, noted)
    assert "Flask's own 0.3 ms." in again
    assert "| 1 | a / b | - | 2.00 | - |  |" in again
    assert report.document([], "make bench", NOW, again) == noted


def test_wrk_is_understood() -> None:
    assert parse_wrk(_WRK.format(rest="")).per_s == 5569.36
    assert parse_wrk(_WRK.format(rest="")).failures == 0


def test_every_request_that_wrk_says_has_failed_counts() -> None:
    rest = (
        "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 10\n"
    )
    assert parse_wrk(_WRK.format(rest=rest)).failures == 17


def test_wrk_that_says_nothing_is_no_measurement() -> None:
    with pytest.raises(LoadError):
        parse_wrk("unable to connect to 127.0.0.1:8000 Connection refused\n")


class _Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.path.encode() * 10_000
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def counting() -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Counting,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_without_wrk_as_many_requests_are_sent_as_are_asked_for_and_each_answer_is_read_to_its_end() -> (
    None
):
    with counting() as (port, asked):
        done = by_threads(port, ["/a", "/b", "/broken"], {}, total=30)
    assert sorted(asked) == ["/a"] * 10 + ["/b"] * 10 + ["/broken"] * 10
    assert done.failures == 10


def test_what_threads_take_of_the_processor_counts() -> None:
    def work() -> None:
        thread = threading.Thread(target=lambda: sum(range(2_000_000)))
        thread.start()
        thread.join()

    assert cpu_of(work) > 0


def test_what_executes_more_than_the_tolerance_is_named() -> None:
    recorded = {"parse": 1000, "render": 1000, "sanitise": 1000}
    assert grown(recorded, {"parse": 1030, "render": 1031, "sanitise": 10, "new": 1}, 0.03) == [
        "render",
        "new",
    ]


def test_a_core_path_makes_about_as_many_calls_each_time_and_all_of_them_do_something() -> None:
    paths = core_paths()
    for work in paths.values():
        assert work()

    def count() -> dict[
        str, int
    ]:  # the fewest of some: memory is freed at times, and what is kept is made
        return {name: min(count_calls(work) for _ in range(3)) for name, work in paths.items()}

    counted = count()
    assert count() == pytest.approx(counted, rel=0.001)
    assert len(counted) == 5
    assert min(counted.values()) > 1000


def open_small_store() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    for made in metadata.sorted_tables:
        db.execute(str(CreateTable(made).compile(dialect=sqlite.dialect())))
    for number in (1, 2, 3):
        row = f"'n{number}', 's', 'u/n{number}.htm', 't', 'b', 'm', '[]', {number}, 'stated', {number}, {number}, 'r'"
        names = (
            "id, site, url, title, body, summary, authors, published, dated, updated, stored, rule"
        )
        db.execute(f"INSERT INTO article ({names}) VALUES ({row})")
        db.execute(
            f"INSERT INTO membership (channel, article_id, title, published) VALUES ('c', 'n{number}', 't', {number})"
        )
    db.commit()
    return db


def ids_in(db: sqlite3.Connection, column: str, table: str) -> list[str]:
    return [name for (name,) in db.execute(f"SELECT {column} FROM {table} ORDER BY published DESC")]


def test_a_store_is_filled_with_copies_that_have_ids_of_their_own_and_are_older() -> None:
    with closing(open_small_store()) as db:
        fill(db, 8)
        rows = db.execute("SELECT id, url FROM article").fetchall()
        ids = ids_in(db, "id", "article")
        assert ids_in(db, "article_id", "membership") == ids
    assert len(ids) == 8
    assert ids[:4] == ["n3", "n2", "n1", "n100000003"]
    assert all(url == f"u/{name}.htm" for name, url in rows)


def test_what_a_store_is_made_to_forget_is_what_listings_show_and_not_its_copies() -> None:
    with closing(open_small_store()) as db:
        fill(db, 6)
        forget(db, 2)
        assert (
            ids_in(db, "id", "article")
            == ids_in(db, "article_id", "membership")
            == ["n1", "n100000003", "n100000002", "n100000001"]
        )
