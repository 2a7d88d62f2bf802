"""What operators look at: the status page, the same for scripts, the metrics, and what Prometheus makes of them."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Clock
from flask import Flask
from flask.testing import FlaskClient
from newsroom import BASE, STORIES, Answer, Newsroom
from playwright.sync_api import sync_playwright
from serving import served
from sqlalchemy import event

from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.ingest import ChannelPoller
from feedproxy.media import FolderMedia
from feedproxy.model import Alarm, Mirror, Url
from feedproxy.output import look
from feedproxy.output.render import render_status
from feedproxy.output.render.charts import bar_chart
from feedproxy.store import Store
from feedproxy.web import counters, create_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def polled(channel_poller: ChannelPoller, newsroom: Newsroom, store: Store, clock: Clock) -> Clock:
    """Both channels polled and a poller leading, a day after the newest article."""
    newsroom.faults[STORIES[3].path] = Answer(status=500)
    clock.now = clock.now.replace(month=5, day=4)
    for channel in channel_poller.services.mirror.channels:
        channel_poller.poll(channel)
    store.lease.lead("machine 7", clock.now, clock.now + timedelta(minutes=5))
    return clock


TOKEN = "a-token-of-the-operator"


@pytest.fixture
def guarded(
    settings: Settings, mirror: Mirror, store: Store, media: FolderMedia, clock: Clock
) -> FlaskClient:
    chosen = settings.model_copy(
        update={"operator_token": TOKEN, "public_url": "https://mirror.example"}
    )
    return create_app(chosen, mirror, store, media, clock).test_client()


def test_who_shows_no_token_is_told_how(guarded: FlaskClient) -> None:
    for address in ("/status", "/status.json", "/metrics"):
        answer = guarded.get(address)
        assert answer.status_code == 401
        assert [each.partition(" ")[0] for each in answer.headers.getlist("WWW-Authenticate")] == [
            "Basic",
            "Bearer",
        ]
        assert guarded.get(address, auth=("", TOKEN)).status_code == 200


def test_tokens_can_not_be_guessed_for_long(guarded: FlaskClient) -> None:
    ways = ({"Authorization": "Bearer guess"}, {"Authorization": "Basic OmFiYw=="})
    statuses = [
        guarded.get("/status", headers=ways[number % 2]).status_code for number in range(30)
    ]
    assert statuses == [401] * 20 + [429] * 10
    assert guarded.get("/metrics?token=guess").headers["Retry-After"] == "60"
    assert guarded.get("/readyz?token=guess").json == {"ready": True}
    assert guarded.get("/metrics", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200


def rows_of(page: str) -> dict[str, list[str]]:
    """Return the cells of each row of the table of channels, by the channel."""
    rows = re.findall(r"<tr.*?>(<th scope=\"row\">.*?)</tr>", page)
    cells = (
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in rows
    )
    return {each[0].partition(" ")[0]: each[1:] for each in cells}


def test_each_channel_is_told_in_words(client: FlaskClient, polled: Clock) -> None:
    page = client.get("/status").text
    assert "The leader is machine 7; its lease ends in 5 minutes" in page
    assert "1 articles are queued" in page
    rows = rows_of(page)
    assert rows["city"][:2] == ["well", "0 seconds ago"]
    assert rows["city"][4:7] == ["36 hours ago", "more than a day", "0"]
    assert rows["books"][6] == "1"
    polled.advance(hours=9)
    assert rows_of(client.get("/status").text)["city"][0].startswith("late since 2021-05-04 ")


def test_what_fails_stands_first_with_its_reason(
    client: FlaskClient,
    polled: Clock,
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    store: Store,
    mirror: Mirror,
) -> None:
    newsroom.faults["/books.htm"] = Answer(status=503)
    for _ in range(3):
        channel_poller.poll(mirror.channels[1])
    rows = rows_of(client.get("/status").text)
    assert list(rows) == ["books", "city"]
    assert (rows["books"][0], rows["books"][-1]) == (
        "failed 3 times in a row",
        f"{BASE}/books.htm: answered 503 Service Unavailable",
    )
    store.records.put_alarm(
        Alarm(
            "city", "news.example", "article.body", Url(f"{BASE}/x"), "matches nothing", polled.now
        )
    )
    page = client.get("/status").text
    assert rows_of(page)["city"][0] == "article.body no longer matches"
    assert page.index("feedproxy reextract --channel city") < page.index("<table")


def test_what_is_for_scripts_says_the_same(client: FlaskClient, polled: Clock) -> None:  # noqa: ARG001 (it polls)
    told = client.get("/status.json").json
    assert told is not None
    assert (told["well"], told["problems"], told["poller"]["name"]) == (True, [], "machine 7")
    assert {each["id"]: (each["words"], each["waiting"]) for each in told["channels"]} == {
        "city": ("well", 0),
        "books": ("well", 1),
    }
    assert (told["days"]["2021-05-03"], told["days"]["2021-05-02"], len(told["days"])) == (1, 1, 30)
    assert told["store"]["articles"] == 2
    assert told["store"]["free_bytes"] > 0
    assert client.get("/status.json", headers={"X-Forwarded-For": "203.0.113.5"}).status_code == 403


def test_a_store_that_fails_is_what_the_page_says(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreError("store: disk I/O error")

    monkeypatch.setattr(store.schedule, "states", fail)
    page = client.get("/status")
    assert (
        page.status_code,
        "store: disk I/O error" in page.text,
        "feedproxy doctor --offline" in page.text,
    ) == (
        503,
        True,
        True,
    )
    told = client.get("/status.json")
    assert (told.status_code, told.json["store"]["readable"]) == (503, False)  # type: ignore[index]
    metrics = client.get("/metrics")
    assert (metrics.status_code, "feedproxy_store_up 0.0" in metrics.text) == (200, True)


def test_a_data_folder_that_is_not_there_is_a_problem_and_no_error(
    mirror: Mirror, store: Store, polled: Clock
) -> None:
    health = look(mirror, store, Path("/nowhere"), polled())
    assert (health.bytes_free, [problem.what for problem in health.problems]) == (
        None,
        ["/nowhere can't be read"],
    )
    assert b"unknown of disk are free" in render_status(mirror, health, {}, {})


def test_the_page_asks_the_store_no_more_where_there_are_many_channels(
    settings: Settings, mirror: Mirror, store: Store, media: FolderMedia, polled: Clock
) -> None:
    asked: list[str] = []
    event.listen(
        store._database._engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    counts = []
    for more in (0, 200):
        section = mirror.sections[0]
        copies = tuple(replace(section.channels[0], id=f"more{number}") for number in range(more))
        wide = replace(
            mirror,
            sections=(
                replace(section, channels=(*section.channels, *copies)),
                *mirror.sections[1:],
            ),
        )
        client = create_app(settings, wide, store, media, polled).test_client()
        asked.clear()
        assert len(rows_of(client.get("/status").text)) == 2 + more
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_chart_says_in_words_what_it_shows() -> None:
    chart = bar_chart('New "articles"', {"05-01": 3, "05-02": 0})
    assert 'role="img"' in chart
    assert 'aria-label="New &quot;articles&quot;. 05-01: 3, 05-02: 0"' in chart
    assert "style=" not in chart  # the mirror's policy forbids it
    assert bar_chart("None", {}).endswith("</svg>")


# ---------------------------------------------------------------- metrics

DEPLOY = Path(__file__).resolve().parents[1] / "config" / "deploy"


def value_of(metrics: str, series: str) -> float:
    return float(
        next(
            line.rpartition(" ")[2]
            for line in metrics.splitlines()
            if line.startswith(series + " ")
        )
    )


def test_the_metrics_tell_freshness_queue_lease_and_disk(
    client: FlaskClient, polled: Clock
) -> None:
    metrics = client.get("/metrics").text
    newest = polled.now - timedelta(hours=36)
    assert (
        value_of(metrics, 'feedproxy_channel_newest_timestamp_seconds{channel="city"}')
        == newest.timestamp()
    )
    assert value_of(metrics, 'feedproxy_channel_waiting{channel="books"}') == 1
    assert value_of(metrics, "feedproxy_poller_lease_seconds") == 300
    assert value_of(metrics, "feedproxy_store_up") == 1
    assert value_of(metrics, "feedproxy_store_bytes") > 0
    assert value_of(metrics, "feedproxy_disk_free_bytes") > 0


def test_responses_are_counted_by_outcome(client: FlaskClient, polled: Clock) -> None:  # noqa: ARG001 (it polls)
    before = dict(counters.totals())
    for _ in range(3):
        client.get("/feed/all.xml")
    client.get("/nowhere")
    counted = {outcome: count - before[outcome] for outcome, count in counters.totals().items()}
    assert counted == {"cached": 2, "2xx": 1, "3xx": 0, "4xx": 1, "5xx": 0}


def test_names_that_the_configuration_has_not_make_no_series(
    client: FlaskClient, store: Store
) -> None:
    store.records.add({("requests", f"host{number}.example", "200"): 2 for number in range(50)})
    store.records.add({("polls", "channel-of-last-year", "ok"): 7})
    metrics = client.get("/metrics").text
    assert value_of(metrics, 'feedproxy_upstream_requests_total{host="other",outcome="200"}') == 100
    assert value_of(metrics, 'feedproxy_polls_total{channel="other",outcome="ok"}') == 7
    assert "host1.example" not in metrics


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\bfeedproxy_[a-z_]+\b", expression))


def expressions_of(value: Any) -> Iterator[str]:
    """Yield every `expr` in a document."""
    if isinstance(value, dict):
        if "expr" in value:
            yield value["expr"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from expressions_of(each)


@pytest.mark.parametrize("name", ["alerts.yml", "grafana-dashboard.json"])
def test_alerts_and_dashboard_name_metrics_that_there_are(
    client: FlaskClient,
    polled: Clock,  # noqa: ARG001
    name: str,
) -> None:
    there = set(re.findall(r"^# TYPE (\S+) ", client.get("/metrics").text, re.MULTILINE))
    text = (DEPLOY / name).read_text("utf-8")
    is_json = name.endswith(".json")
    expressions = (
        list(expressions_of(json.loads(text)))
        if is_json
        else re.findall(r"^ +expr: (.+)$", text, re.MULTILINE)
    )
    named = set[str]().union(*map(metrics_in, expressions))
    assert len(expressions) > 10
    assert named - there == set()


# ---------------------------------------------------------------- in a browser

CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_page_is_for_everybody_and_needs_no_script(
    app: Flask,
    polled: Clock,
    channel_poller: ChannelPoller,
    newsroom: Newsroom,
    mirror: Mirror,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    newsroom.faults["/books.htm"] = Answer(status=503)
    polled.advance(hours=1)
    for _ in range(3):
        channel_poller.poll(mirror.channels[1])
    with served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
        )
        page = context.new_page()
        page.goto(f"{address}/status")
        assert page.evaluate(
            "[document.scripts.length, document.documentElement.scrollWidth <= innerWidth]"
        ) == [0, True]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        browser.close()
