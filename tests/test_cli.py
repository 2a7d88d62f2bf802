"""The commands, as a user types them."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from newsroom import BASE, HOST, STORIES, Answer, Newsroom, write_config

from feedproxy.cli import cli
from feedproxy.media import FolderMedia
from feedproxy.model import ArticleId
from feedproxy.store import open_store

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(newsroom: Newsroom, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
        "FEEDPROXY_CONFIG": str(write_config(tmp_path / "config")),
        "FEEDPROXY_DATA": str(tmp_path / "var"),
        "FEEDPROXY_ORIGINS": f"{HOST}={newsroom.origin}",
    }


@pytest.fixture
def run(environment: Mapping[str, str]) -> Run:
    def run_command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "feedproxy", *arguments]
        return subprocess.run(
            command,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_command


def rows_of(output: str) -> dict[str, list[str]]:
    """Return the cells behind the title of each row of a table."""
    rows = (line.split() for line in output.splitlines()[1:])
    return {row[0]: row[2:] for row in rows}


def test_poll_once_prints_a_row_for_each_channel_and_ends_with_0(run: Run) -> None:
    first = run("poll", "--once")
    assert (first.returncode, first.stderr) == (0, "")
    assert [
        word
        for word in ("channel", "listed", "new", "updated", "failed", "seconds")
        if word not in first.stdout
    ] == []
    columns = ("listed", "new", "updated", "pictures", "missing", "failed")
    assert {
        channel: dict(zip(columns, cells, strict=False))
        for channel, cells in rows_of(first.stdout).items()
    } == {
        "city": dict(zip(columns, ("2", "2", "0", "1", "0", "0"), strict=True)),
        "books": dict(zip(columns, ("2", "1", "0", "0", "0", "0"), strict=True)),
    }
    second = run("poll", "--once")
    assert {channel: cells[1] for channel, cells in rows_of(second.stdout).items()} == {
        "city": "0",
        "books": "0",
    }


def test_poll_once_ends_with_1_and_names_each_failure_once_in_report_and_log(
    run: Run, newsroom: Newsroom
) -> None:
    newsroom.faults = {"/books.htm": Answer(b"", 500), "/21/5/3/n103.htm": Answer(b"", 404)}
    done = run("poll", "--once")
    assert done.returncode == 1
    for failure in (f"{BASE}/books.htm: answered 500", f"{BASE}/21/5/3/n103.htm: answered 404"):
        assert done.stdout.count(failure) == 1
        assert done.stderr.count(failure) == 1
    assert "Traceback" not in done.stderr
    newsroom.faults = {}
    assert run("poll", "--once").returncode == 0


def test_a_picture_that_is_missing_fails_no_poll_and_is_told(run: Run, newsroom: Newsroom) -> None:
    newsroom.faults = {STORIES[1].picture: Answer(b"", 404)}
    done = run("poll", "--once")
    assert (done.returncode, done.stdout.count(STORIES[1].picture)) == (0, 0)
    assert rows_of(done.stdout)["city"][3:6] == ["0", "1", "0"]
    assert done.stderr.count(f"{BASE}{STORIES[1].picture}: answered 404") == 1


def test_poll_once_fetches_what_pictures_are_due_of_articles_that_are_held(
    run: Run, newsroom: Newsroom, environment: Mapping[str, str]
) -> None:
    sections = sorted((Path(environment["FEEDPROXY_CONFIG"]) / "sections").glob("*.toml"))
    for file in sections:
        file.write_text('images = "none"\n' + file.read_text("utf-8"), "utf-8")
    run("poll", "--once")
    assert newsroom.count(STORIES[1].picture) == 0
    for file in sections:
        file.write_text(file.read_text("utf-8").replace('"none"', '"store"', 1), "utf-8")
    assert rows_of(run("poll", "--once").stdout)["books"][3] == "1"
    assert newsroom.count(STORIES[1].picture) == 1


def test_backfill_brings_everything(run: Run, newsroom: Newsroom) -> None:
    assert run("backfill", "--pages", "1").returncode == 0
    assert newsroom.count("/21/5/1/n101.htm") == 0
    assert run("backfill").returncode == 0
    assert [newsroom.count(story.path) for story in STORIES] == [1, 1, 1, 1]


def test_check_says_what_is_recognised_in_an_article(run: Run) -> None:
    done = run("check", f"{BASE}/21/5/2/n102.htm")
    assert done.returncode == 0
    shown = dict(re.findall(r"^ *(\w+)  (.*)$", done.stdout, re.MULTILINE))
    assert shown["ID"] == "n102"
    assert shown["title"] == "河边的图书馆"
    assert shown["date"] == "2021-05-02 08:00"
    assert shown["author"] == "李明"
    assert shown["tags"] == "读书"
    assert shown["picture"] == f"{BASE}/pic/102.jpg 图注：河边的图书馆"
    assert re.match(r"\d+ characters: ", shown["text"])
    assert shown["rule"] == "sites/news.example.toml"


@pytest.mark.parametrize(("path", "kind"), [("/city.htm", "html"), ("/city.xml", "feed")])
def test_check_says_what_is_recognised_in_a_listing(run: Run, path: str, kind: str) -> None:
    done = run("check", BASE + path)
    assert done.returncode == 0
    assert f"listing ({kind}): " in done.stdout
    assert "n103" in done.stdout
    assert "老校长的菜园" in done.stdout


@pytest.mark.parametrize("path", ["/city.htm", STORIES[1].path])
def test_check_stores_nothing_of_what_it_finds(
    run: Run, environment: Mapping[str, str], path: str
) -> None:
    assert run("check", BASE + path).returncode == 0
    data = Path(environment["FEEDPROXY_DATA"])
    store = open_store(
        f"sqlite:///{data}/feedproxy.sqlite", data
    )  # which knows only when the host may be asked again
    assert set(store.records.sizes().values()) == {0}
    assert store.queue.of_channel("city") == []
    assert (store.schedule.states(), store.records.counts()) == ({}, {})
    store.close()
    assert not list(data.glob("*cache*"))
    assert not (data / "media").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("check", f"{BASE}/nothing.htm"),
            f"feedproxy: {BASE}/nothing.htm: answered 404 Not Found\n",
        ),
        (("check", "news"), "feedproxy: news: is not an http or https address\n"),
    ],
)
def test_what_cant_be_checked_is_told_in_one_line(
    run: Run, arguments: tuple[str, ...], line: str
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (2, line)


@pytest.mark.parametrize("command", [("poll", "--once"), ("serve",), ("check", BASE)])
def test_a_wrong_key_stops_every_command_with_file_key_and_reason(
    run: Run, environment: Mapping[str, str], command: tuple[str, ...]
) -> None:
    file = Path(environment["FEEDPROXY_CONFIG"]) / "sections" / "town.toml"
    file.write_text('colour = "red"\n' + file.read_text("utf-8"), "utf-8")
    done = run(*command)
    assert (done.returncode, done.stderr) == (2, f"feedproxy: {file}: colour: no such key\n")


def test_a_wrong_variable_stops_the_web_side_for_good_with_one_line(
    environment: Mapping[str, str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        env={**environment, "FEEDPROXY_BIND_TO": "x"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (
        3,
        "feedproxy: environment: FEEDPROXY_BIND_TO: no such setting\n",
    )


def test_another_configuration_can_be_named(run: Run, tmp_path: Path) -> None:
    other = write_config(tmp_path / "other", kind="feed")
    done = run("--config", str(other), "poll", "--once")
    assert rows_of(done.stdout)["city"][:2] == ["3", "3"]
    missing = run("--config", str(tmp_path / "none"), "poll", "--once")
    assert missing.returncode == 2
    assert f"{tmp_path}/none/feedproxy.toml: can't be read" in missing.stderr
    assert "FEEDPROXY_CONFIG" in missing.stderr


def test_a_poll_that_is_killed_loses_nothing_and_doubles_nothing(
    environment: Mapping[str, str], run: Run, newsroom: Newsroom, tmp_path: Path
) -> None:
    for victim in (STORIES[1].path, STORIES[1].picture, STORIES[3].path):
        process = subprocess.Popen(
            [sys.executable, "-m", "feedproxy", "backfill"],
            env=dict(environment),
            stderr=subprocess.DEVNULL,
        )

        def kill(killed: "subprocess.Popen[bytes]" = process) -> Answer:
            killed.kill()
            return Answer(b"", 500)

        newsroom.faults = {victim: kill}
        assert process.wait(30) == -9
    newsroom.faults = {}
    assert run("backfill").returncode == 0
    store = open_store(f"sqlite:///{tmp_path}/var/feedproxy.sqlite", tmp_path / "var")
    assert [article.id for article in store.newest(["city", "books"], 99)] == [
        "n104",
        "n103",
        "n102",
        "n101",
    ]
    assert list(store.pictures.of([ArticleId("n102")])) == [BASE + STORIES[1].picture]
    assert set(FolderMedia(tmp_path / "var" / "media").names()) == store.pictures.used_files()
    store.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_poller_that_is_told_to_end_ends_in_peace(
    environment: Mapping[str, str], newsroom: Newsroom, number: int
) -> None:
    poller = subprocess.Popen(
        [sys.executable, "-m", "feedproxy", "poll"],
        env=dict(environment),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def tell() -> Answer:
        poller.send_signal(number)
        return Answer(b"", 404)

    newsroom.faults = {STORIES[1].picture: tell}
    said, told = poller.communicate(timeout=30)
    assert (poller.returncode, said) == (0, b"")
    assert [word for word in (b"Aborted", b"Traceback") if word in told] == []


def test_every_command_explains_itself(run: Run) -> None:
    listed = re.findall(r"^  (\w[\w-]*)  ", run("--help").stdout, re.MULTILINE)
    assert set(listed) == set(cli.commands)
    for command in listed:
        assert "Usage: " in CliRunner().invoke(cli, [command, "--help"]).output
