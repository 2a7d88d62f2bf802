"""What is answered before routing is what Flask would have answered, to the byte, and never later than the store."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from fakes import NOW
from flask import Flask
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import Response
from sqlalchemy import text
from werkzeug.test import TestResponse, create_environ

from feedproxy.harvest import Harvester
from feedproxy.media import MediaFolder
from feedproxy.model import ArticleId, Mirror, Page, Version
from feedproxy.settings import Settings
from feedproxy.store import SqlStore, open_store
from feedproxy.store.engine import create
from feedproxy.web import create_app
from feedproxy.web.answers import Answer, prepare
from feedproxy.web.heads import Made
from feedproxy.web.press import Press
from feedproxy.web.shelf import Held, Shelf
from feedproxy.web.worker import unchecked

PAGE = "/town/blob/master/pages/city/n102.md"
FEEDS = [
    f"/feed/{scope}.{form}"
    for scope in ("town", "town/city", "all", "tag/读书", "merged/letters,town", "town/archive/1", "town/city/archive/1")
    for form in ("xml", "atom", "json")
]
PAGES = [PAGE, "/", "/town", "/town/", "/town/blob/master/indexes/city/README.md", "/tag/读书"]
CODINGS = ("", "gzip", "zstd", "br")
ACCEPTED = ("", "gzip", "zstd", "br, zstd;q=0.5, gzip", "gzip, br;q=0", "*", "gzip;q=0, identity", "GZIP", "gzip;q=x")
# Flask's way ignores the units of ranges that it does not know, and nobody else looks at them: so this is always its answer.
BY_FLASK = {"Range": "lines=1-2"}


class Watched:
    """A client, and how often it got as far as Flask."""

    def __init__(self, app: Flask) -> None:
        self.client, self.routed = app.test_client(), 0
        app.before_request(self._count)

    def _count(self) -> None:
        self.routed += 1

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def watched(app: Flask, harvester: Harvester, clock: Clock) -> Watched:
    fill(harvester, clock)
    return Watched(app)


def fill(harvester: Harvester, clock: Clock) -> None:
    for channel in harvester.kit.mirror.channels:
        harvester.walk(channel, pages=9)
    clock.advance(seconds=1)


def shown(answer: TestResponse) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return all that a client sees, but for the time of day, which the server tells."""
    return answer.status, [pair for pair in answer.headers if pair[0] != "Date"], answer.data


def conditions_of(answer: TestResponse) -> list[dict[str, str]]:
    tag, date = answer.headers["ETag"], answer.headers.get("Last-Modified", "Tue, 01 Jun 2021 12:00:01 GMT")
    tags = (tag, f"W/{tag}", '"other"', f'"other", {tag}', "*", "", tag.strip('"'), '"')
    dates = (date, "Tue, 01 Jun 2021 11:00:00 GMT", "Wed, 01 Jun 2022 11:00:00 GMT", "yesterday", "")
    return [
        {},
        *({"If-None-Match": each} for each in tags),
        *({"If-Modified-Since": each} for each in dates),
        {"If-None-Match": '"other"', "If-Modified-Since": date},
        {"If-None-Match": tag, "If-Modified-Since": "yesterday"},
        {"If-Match": '"other"'},
        {"If-Unmodified-Since": "Tue, 01 Jun 2021 11:00:00 GMT"},
    ]


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_both_ways_answer_alike(watched: Watched, accepted: str) -> None:
    for address in (*FEEDS, *PAGES) if accepted in CODINGS else (FEEDS[0], PAGES[0]):
        first = watched.get(address, Accept_Encoding=accepted)
        assert first.status_code == 200
        for condition in conditions_of(first):
            for method in ("GET", "HEAD"):
                headers = {"Accept-Encoding": accepted, **condition}
                quick = watched.client.open(address, method=method, headers=headers)
                slow = watched.client.open(address, method=method, headers={**headers, **BY_FLASK})
                assert shown(quick) == shown(slow), (address, method, condition)


@pytest.mark.parametrize("address", [*FEEDS, *PAGES, PAGE + "?n102", "/feed/town.xml?n13000001"])
def test_what_was_made_is_given_without_flask(watched: Watched, address: str) -> None:
    first = watched.get(address)
    routed = watched.routed
    for coding in CODINGS:
        packed = watched.get(address, Accept_Encoding=coding)
        again = watched.get(address, Accept_Encoding=coding, If_None_Match=packed.headers["ETag"])
        assert (packed.status_code, again.status_code, again.data) == (200, 304, b"")
        assert packed.headers.get("Content-Encoding", "") == coding
    dated = watched.get(address, If_Modified_Since=first.headers.get("Last-Modified", ""))
    assert dated.status_code == (304 if "Last-Modified" in first.headers else 200)
    assert watched.routed == routed + (0 if "Last-Modified" in first.headers else 1)


def test_each_content_coding_has_a_tag_of_its_own(watched: Watched) -> None:
    for _ in range(2):
        answers = [watched.get("/feed/town.xml", Accept_Encoding=coding) for coding in CODINGS]
        assert len({answer.headers["ETag"] for answer in answers}) == len({answer.data for answer in answers}) == len(CODINGS)
        assert {answer.headers["Vary"] for answer in answers} == {"Accept-Encoding, Sec-Fetch-Dest"}


@pytest.mark.parametrize("query", ["limit=1", "n102&limit=1", "format=json", "n102=&format=json", "limit=none", "key=x", "x"])
def test_a_query_that_is_not_the_mirrors_own_suffix_is_left_to_flask(watched: Watched, query: str) -> None:
    plain = watched.get("/feed/town.xml")
    routed = watched.routed
    quick, slow = watched.get(f"/feed/town.xml?{query}"), watched.get(f"/feed/town.xml?{query}", **BY_FLASK)
    assert watched.routed == routed + 2
    assert shown(quick) == shown(slow)
    assert (quick.data == plain.data) == (query in ("key=x", "x"))


@pytest.mark.parametrize("address", ["/feed/nothing.xml", "/feed/town.txt", "/nowhere", PAGE + "x", "/town/archive/9.xml"])
def test_what_there_is_not_is_always_flasks_to_tell(watched: Watched, address: str) -> None:
    for routed in (1, 2):
        assert watched.get(address).status_code == 404
        assert watched.routed == routed


def test_other_methods_are_flasks(watched: Watched) -> None:
    watched.get(PAGE)
    assert watched.client.post(PAGE).status_code == 303
    assert watched.client.delete(PAGE).status_code == 405


def test_hosts_that_are_trusted_have_links_of_their_own_and_others_are_refused_however_often_they_ask(watched: Watched) -> None:
    for _ in range(2):
        for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:80"):
            assert f"http://{host.lower()}/town".encode() in watched.get("/feed/town.xml", Host=host).data
        for host in ("evil.example", "localhost.evil.example", "a b", "localhost:80:80", "[::1"):
            for address in ("/feed/town.xml", PAGE):
                assert watched.get(address, Host=host).status_code == 400
    https = watched.client.get("/feed/town.xml", base_url="https://localhost")
    assert b"https://localhost/town" in https.data


@pytest.mark.usefixtures("watched")
def test_where_the_public_address_is_known_any_host_that_is_one_will_do(
    settings: Settings, mirror: Mirror, store: SqlStore, clock: Clock
) -> None:
    public = settings.model_copy(update={"public_url": "https://mirror.example"})
    named = Watched(create_app(public, mirror, store, MediaFolder(settings.media), clock))
    for _ in range(2):
        for host, status in (("evil.example", 200), ("localhost", 200), ("a b", 400)):
            assert named.get("/feed/town.xml", Host=host).status_code == status
    assert named.routed == 2


@pytest.mark.usefixtures("watched")
def test_a_private_mirror_looks_at_every_request(settings: Settings, mirror: Mirror, store: SqlStore, clock: Clock) -> None:
    private = settings.model_copy(update={"access_keys": ("k" * 16,)})
    guarded = Watched(create_app(private, mirror, store, MediaFolder(settings.media), clock))
    for address in ("/feed/town.xml", PAGE):
        for _ in range(2):
            assert guarded.get(address, Authorization=f"Bearer {'k' * 16}").status_code == 200
        assert guarded.get(address).status_code == 401
        assert guarded.get(f"{address}?n102").status_code == 401
    assert guarded.routed == 4


def retitle(store: SqlStore, clock: Clock, title: str) -> None:
    article = store.article(ArticleId("n102"))
    assert article is not None
    store.save(replace(article, title=title, updated=clock.now), [Page(article.url, b"")], {}, clock.now)


@pytest.mark.parametrize(
    "address", ["/feed/town.xml", PAGE, "/", "/town", "/town/blob/master/indexes/city/README.md", "/tag/读书"]
)
def test_a_change_of_the_store_is_shown_at_once_whichever_process_made_it(
    watched: Watched, settings: Settings, store: SqlStore, clock: Clock, address: str
) -> None:
    other = open_store(settings.store_url, settings.data)
    for title, writer in (("甲的书", store), ("乙的书", other), ("丙的书", store)):
        clock.advance(seconds=2)
        before = watched.get(address)
        retitle(writer, clock, title)
        after = watched.get(address, If_None_Match=before.headers["ETag"])
        assert (after.status_code, title in after.text) == (200, True)
        assert shown(watched.get(address)) == shown(watched.get(address, **BY_FLASK))
    other.close()


def test_what_changed_elsewhere_costs_no_making_anew(watched: Watched, store: SqlStore, clock: Clock) -> None:
    watched.get("/feed/letters.xml")
    routed = watched.routed
    store.budget.hold("news.example", clock.now, clock.now)
    assert watched.get("/feed/letters.xml").status_code == 200
    assert watched.routed == routed


def test_an_article_that_is_dropped_is_gone_and_one_that_comes_is_there(watched: Watched, store: SqlStore, clock: Clock) -> None:
    assert watched.get(PAGE).status_code == 200
    store.drop([ArticleId("n102")], clock.now)
    assert watched.get(PAGE).status_code == 404


@pytest.mark.usefixtures("watched")
def test_with_a_moment_an_answer_is_older_than_the_store_by_that_at_most(
    settings: Settings, mirror: Mirror, store: SqlStore, clock: Clock
) -> None:
    app = create_app(settings, mirror, store, MediaFolder(settings.media), clock, moment=timedelta(milliseconds=10))
    lazy = Watched(app)
    for _ in range(2):
        lazy.get("/feed/town.xml")
    retitle(store, clock, "一会儿的书")
    assert "一会儿的书" not in lazy.get("/feed/town.xml").text
    clock.advance(milliseconds=10)
    assert "一会儿的书" in lazy.get("/feed/town.xml").text
    retitle(store, clock, "钟拨回去的书")
    clock.advance(hours=-1)
    assert "钟拨回去的书" in lazy.get("/feed/town.xml").text


def test_a_store_that_fails_leaves_the_last_good_answers_and_one_that_comes_back_is_heard(
    watched: Watched, settings: Settings, store: SqlStore, clock: Clock
) -> None:
    good = {address: watched.get(address) for address in ("/feed/town.xml", "/feed/town/archive/1.json", PAGE, "/")}
    rename(settings, "channel", "lost")
    for _ in range(2):
        for address, before in good.items():
            assert watched.get(address).data == before.data
            assert shown(watched.get(address)) == shown(watched.get(address, **BY_FLASK))
    rename(settings, "lost", "channel")
    retitle(store, clock, "回来的书")
    assert "回来的书" in watched.get("/feed/town.xml").text


def rename(settings: Settings, table: str, to: str) -> None:
    engine = create(settings.store_url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))
    engine.dispose()


def test_the_date_of_a_change_is_told_once_its_second_is_over_by_both_ways(
    watched: Watched, store: SqlStore, clock: Clock
) -> None:
    clock.advance(minutes=1, seconds=0.4)
    retitle(store, clock, "这一秒的书")
    for has_date in (False, True):
        for _ in range(2):
            answer = watched.get("/feed/town.xml")
            assert shown(answer) == shown(watched.get("/feed/town.xml", **BY_FLASK))
            assert ("Last-Modified" in answer.headers) == has_date
        clock.advance(seconds=1)


def test_the_pulse_is_another_after_every_commit_and_the_same_for_all_threads_else(
    settings: Settings, store: SqlStore, clock: Clock
) -> None:
    other, found = open_store(settings.store_url, settings.data), list[int]()
    thread = threading.Thread(target=lambda: found.append(store.pulse()))
    before = store.pulse()
    thread.start()
    thread.join()
    assert found == [before] == [store.pulse()]
    for writer in (store, other, store):
        clock.advance(minutes=1)
        writer.budget.hold("news.example", clock.now, clock.now)
        assert store.pulse() not in found
        found.append(store.pulse())
    other.close()


# ---------------------------------------------------------------- what is kept


_FIRST = Version(1, NOW)


def page(number: int) -> Answer:
    return prepare(f"<p>{number}</p>".encode() * 200, "text/html", NOW)


def forms_of(answer: Answer) -> dict[str, bytes]:
    return {coding: answer.form(coding) for coding in CODINGS}


def keep(shelf: Shelf, number: int, version: Version = _FIRST, make: Callable[[Version], Answer] | None = None) -> Held:
    return shelf.get(number, lambda: version, make or (lambda _: page(number)))


def press(folder: Path, max_bytes: int = 1_000_000, name: str = "one") -> Press:
    return Press(folder / "made", name, max_bytes)


def test_bodies_in_a_file_are_what_they_were(tmp_path: Path) -> None:
    shelf = Shelf(1_000_000, press(tmp_path), is_pressed=True)
    kept = [keep(shelf, number) for number in range(20)]
    assert [forms_of(held.answer) for held in kept] == [forms_of(page(number)) for number in range(20)]
    assert {tuple(sorted(held.answer.forms)) for held in kept} == {tuple(sorted(CODINGS))}  # nothing is added to a file later
    assert {held.answer.size for held in kept} == {0}


def never(version: Version) -> Answer:
    raise AssertionError(version)


@pytest.mark.parametrize("is_pressed", [True, False])
def test_what_one_worker_has_made_the_others_give_and_those_that_come_later(tmp_path: Path, *, is_pressed: bool) -> None:
    first, second = (Shelf(1_000_000, press(tmp_path), is_pressed=is_pressed) for _ in range(2))
    for number, (maker, other) in enumerate([(first, second), (second, first)]):
        for version in (_FIRST, Version(2, None)):
            made = keep(maker, number, version).answer
            for shelf in (other, Shelf(1_000_000, press(tmp_path), is_pressed=is_pressed)):
                given = keep(shelf, number, version, never).answer
                assert (given.tag, given.changed, given.headers("gzip")) == (made.tag, NOW, made.headers("gzip"))
                assert forms_of(given) == forms_of(page(number))


def test_another_version_and_another_maker_find_nothing_that_was_made(tmp_path: Path) -> None:
    made = press(tmp_path)
    made.put("key", Version(1, NOW), page(1))
    assert made.find("key", Version(1, NOW))
    assert made.find("key", Version(2, NOW)) is made.find("key", Version(1, None)) is made.find("other", Version(1, NOW)) is None
    assert press(tmp_path, name="two").find("key", Version(1, NOW)) is None
    assert press(tmp_path).find("key", Version(1, NOW)) is None


@pytest.mark.parametrize("harm", ["cut", "flip", "rubbish", "empty", "gone"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, harm: str) -> None:
    file = tmp_path / "made" / "one"
    press(tmp_path).put("key", Version(1, NOW), page(1))
    whole = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        flipped = whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]
        file.write_bytes({"cut": whole[:-1], "flip": flipped, "rubbish": bytes(5_000), "empty": b""}[harm])
    shelf = Shelf(1_000_000, press(tmp_path), is_pressed=True)
    assert shelf.get("key", lambda: Version(1, NOW), lambda _: page(2)).answer.body == page(2).body
    assert shelf.get("other", lambda: Version(1, NOW), lambda _: page(3)).answer.body == page(3).body
    later = Shelf(1_000_000, press(tmp_path))
    assert later.get("key", lambda: Version(1, NOW), never).answer.body == page(2).body
    assert later.get("other", lambda: Version(1, NOW), never).answer.body == page(3).body


def test_a_file_that_is_full_gives_way_to_another_for_all_and_what_is_being_read_stays(tmp_path: Path) -> None:
    shelf, other = (Shelf(1_000_000, press(tmp_path, 5_000), is_pressed=True) for _ in range(2))
    first, theirs = keep(shelf, 0), keep(other, 0)
    assert keep(shelf, 0) is first
    for number in range(1, 20):
        keep(shelf, number)
    assert keep(shelf, 0) is not first
    assert keep(other, 20).answer.body == page(20).body
    assert keep(other, 0) is not theirs
    assert first.answer.body == theirs.answer.body == keep(shelf, 0).answer.body == page(0).body
    assert (tmp_path / "made" / "one").stat().st_size < 20_000


def test_where_no_file_can_be_made_bodies_stay_in_memory_within_bounds(tmp_path: Path) -> None:
    shelf = Shelf(50_000, press(tmp_path / "missing"), is_pressed=True)
    for number in range(50):
        assert keep(shelf, number).answer.body == page(number).body
    assert 1 <= len(shelf._slots) <= 50_000 // page(0).size


# ---------------------------------------------------------------- on the wire


class Wire:
    """A socket that remembers what was sent."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("condition", ["known", "unknown"])
def test_the_server_sends_the_same_whether_it_looks_at_headers_or_not(watched: Watched, method: str, condition: str) -> None:
    tag = watched.get("/feed/town.xml").headers["ETag"] if condition == "known" else '"other"'
    watched.get("/feed/town.xml")
    app = watched.client.application.wsgi_app
    sent = [send(each, method, tag) for each in (app, unchecked(app), plain(app))]
    assert sent[0] == sent[1] == sent[2]
    assert sent[0].startswith(b"HTTP/1.1 304" if condition == "known" else b"HTTP/1.1 200")


def plain(app: Any) -> Any:
    """Return *app* with headers that are any list."""

    def answer(environ: Any, start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            assert isinstance(headers, Made)
            return start_response(status, list(headers))

        return app(environ, start)

    return answer


def send(app: Any, method: str, tag: str) -> bytes:
    """Return what gunicorn writes, but for its first lines, of which one is the time."""
    config, wire = Config(), Wire()
    head = f"{method} /feed/town.xml HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n"
    request = Request(config, IterUnreader([head.encode()]), ("127.0.0.1", 1))
    response = Response(request, wire, config)
    environ = create_environ("/feed/town.xml", method=method, headers={"If-None-Match": tag})
    for part in app(environ, response.start_response):
        response.write(part)
    response.close()
    assert not response.should_close()
    return b"\r\n".join(line for line in wire.sent.split(b"\r\n") if not line.startswith(b"Date: "))
