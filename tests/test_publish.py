"""Exports pushed to git remotes: bare repositories in a folder, one of which is broken."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from newsroom import Newsroom, write_config
from test_export import NEWEST, House

from feedproxy.cli.publish import publish_mirror
from feedproxy.configuration import load_mirror
from feedproxy.errors import ConfigError, ExportError
from feedproxy.export import ExportOptions, PublishResult, export, publish
from feedproxy.model import ExportFormat, Links, PublishTarget

NOW = datetime(2021, 6, 1, tzinfo=UTC)
ENVIRON = {"PATH": os.environ["PATH"], "FEEDPROXY_OPERATOR_TOKEN": "secret"}


class Publisher:
    """Somebody who publishes a mirror."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder, self.exports = house, folder, list[str]()

    def target(self, name: str, **changes: object) -> PublishTarget:
        url = str(self.folder / f"{name}-{{section}}.git")
        target = PublishTarget(
            name,
            url,
            ("town", "letters"),
            ExportFormat.GIT,
            Links.MIRROR,
            24,
            "master",
            force=False,
            public="",
        )
        return replace(target, **changes)  # type: ignore[arg-type]

    def publish(
        self, *targets: PublishTarget, now: datetime = NOW, is_all: bool = False
    ) -> dict[str, PublishResult]:
        order = self.house.order(
            ExportFormat.GIT, mirror=replace(self.house.mirror, targets=targets)
        )
        done = publish(
            order, self.folder / "var" / "publish", self._write, ENVIRON, now, is_all=is_all
        )
        return {outcome.target.name: outcome for outcome in done}

    def _write(self, order: ExportOptions, folder: Path) -> None:
        self.exports.append(f"{order.format}-{order.links}")
        export(order, self.house.store, folder)

    def remote(self, name: str) -> Path:
        bare = self.folder / f"{name}.git"
        git("init", "--quiet", "--bare", str(bare))
        return bare


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def publisher(newsroom: Newsroom, tmp_path: Path) -> Iterator[Publisher]:
    house = House(newsroom, tmp_path / "house")
    yield Publisher(house, tmp_path)
    house.store.close()


def test_each_section_is_committed_and_pushed_to_its_own_repository_whole(
    publisher: Publisher, tmp_path: Path
) -> None:
    town, letters = publisher.remote("one-town"), publisher.remote("one-letters")
    outcome = publisher.publish(publisher.target("one"))["one"]
    assert (outcome.error, outcome.changes) == (
        "",
        "town: 64 new, 0 changed, 0 removed articles; letters: 2 new, 0 changed, 0 removed articles",
    )
    for bare, name in ((town, "town"), (letters, "letters")):
        clone = tmp_path / "clone" / name
        git("clone", "--quiet", "--branch", "master", str(bare), str(clone))
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=clone, check=True)
        tree = tmp_path / "var" / "publish" / "git-mirror" / "tree" / name
        ours = {file.relative_to(tree).as_posix() for file in tree.rglob("*") if file.is_file()}
        assert set(git("-C", str(clone), "ls-files").splitlines()) == ours
        assert not (tree / ".git").exists()
        assert git("-C", str(clone), "log", "--format=%an").split() == ["feedproxy"]


def test_a_new_article_is_one_small_commit_and_nothing_new_is_none(publisher: Publisher) -> None:
    bare, target = publisher.remote("one-town"), publisher.target("one", sections=("town",))
    publisher.publish(target)
    publisher.publish(target, is_all=True)
    assert git("-C", str(bare), "rev-list", "--count", "master") == "1\n"
    publisher.house.room.stories += (NEWEST,)
    publisher.house.poll()
    assert (
        publisher.publish(target, is_all=True)["one"].changes
        == "town: 1 new, 0 changed, 0 removed articles"
    )
    changed = git("-C", str(bare), "diff", "--name-only", "master~", "master").splitlines()
    assert {"pages/city/n105.md", "indexes/city.csv", "indexes/city.sha256", "SHA256SUMS"} <= set(
        changed
    )
    assert len(changed) < 10


def test_a_broken_remote_stops_no_other_and_is_tried_again_at_once(publisher: Publisher) -> None:
    publisher.remote("good-town")
    broken, good = (
        publisher.target("broken", sections=("town",)),
        publisher.target("good", sections=("town",)),
    )
    done = publisher.publish(broken, good)
    assert done["good"].error == ""
    assert done["broken"].error.endswith(
        "broken-town.git: is no git repository, or this user may not see it"
    )
    assert publisher.exports == ["git-mirror"]
    again = publisher.publish(broken, good, now=NOW + timedelta(minutes=5))
    assert (again["good"].is_due, again["broken"].is_due) == (False, True)


def test_every_target_has_its_own_schedule_and_what_is_not_due_is_not_exported(
    publisher: Publisher,
) -> None:
    publisher.remote("often-town")
    publisher.remote("seldom-town")
    targets = (
        publisher.target("often", sections=("town",), every_hours=1),
        publisher.target("seldom", sections=("town",), every_hours=24),
    )
    publisher.publish(*targets)

    def due(hours: float, *, is_all: bool = False) -> list[str]:
        done = publisher.publish(*targets, now=NOW + timedelta(hours=hours), is_all=is_all)
        return [name for name, outcome in done.items() if outcome.is_due]

    assert due(0.5) == []
    assert publisher.exports == ["git-mirror"]
    assert due(2) == ["often"]
    assert due(2.1, is_all=True) == ["often", "seldom"]
    assert due(-48) == ["often", "seldom"]  # a clock that was set back


def test_a_schedule_that_cannot_be_read_is_none(publisher: Publisher) -> None:
    publisher.remote("one-town")
    target = publisher.target("one", sections=("town",))
    publisher.publish(target)
    (publisher.folder / "var" / "publish" / "state.json").write_text("[half", "utf-8")
    assert publisher.publish(target)["one"].is_due


def test_a_remote_that_has_commits_of_others_is_left_as_it_is_unless_force_says_otherwise(
    publisher: Publisher, tmp_path: Path
) -> None:
    bare, target = publisher.remote("one-town"), publisher.target("one", sections=("town",))
    other = tmp_path / "other"
    git("init", "--quiet", "--initial-branch=master", str(other))
    (other / "x").write_text("theirs")
    git("-C", str(other), "add", "x")
    git(
        "-C",
        str(other),
        "-c",
        "user.name=o",
        "-c",
        "user.email=o@x",
        "commit",
        "--quiet",
        "-m",
        "theirs",
    )
    git("-C", str(other), "push", "--quiet", str(bare), "master")
    error = publisher.publish(target)["one"].error
    assert error.endswith("if they may go, set force = true, else name an empty repository")
    assert git("-C", str(bare), "log", "--format=%s", "master") == "theirs\n"
    assert publisher.publish(replace(target, force=True))["one"].error == ""
    assert "64 new" in git("-C", str(bare), "log", "--format=%s", "master")


def test_both_forms_go_out_each_exported_once(publisher: Publisher) -> None:
    publisher.remote("a-town")
    publisher.remote("b-town")
    pages = publisher.remote("pages")
    html = publisher.target("pages", url=str(pages), format=ExportFormat.HTML, branch="main")
    done = publisher.publish(
        publisher.target("a", sections=("town",)), publisher.target("b", sections=("town",)), html
    )
    assert [outcome.error for outcome in done.values()] == ["", "", ""]
    assert publisher.exports == ["git-mirror", "html-mirror"]
    files = git("-C", str(pages), "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {
        "index.html",
        "SHA256SUMS",
        "town/index.html",
        "town/blob/master/pages/city/n101.html",
    } <= set(files)
    assert done["pages"].changes == "64 new, 0 changed, 0 removed articles"


def test_an_export_that_is_refused_reaches_no_remote(publisher: Publisher) -> None:
    bare, target = publisher.remote("one-town"), publisher.target("one", sections=("town",))
    publisher.publish(target)
    before = git("-C", str(bare), "rev-parse", "master")
    stored = publisher.house.store.ids(["city", "books"])
    publisher.house.store.drop(stored[:40], NOW)
    assert "would lose 40 of 64 articles" in publisher.publish(target, is_all=True)["one"].error
    assert git("-C", str(bare), "rev-parse", "master") == before


def test_hooks_and_configuration_of_a_user_do_nothing_and_secrets_stay_here(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks, seen = tmp_path / "hooks", tmp_path / "seen"
    hooks.mkdir()
    for hook in ("pre-commit", "pre-push", "post-commit"):
        (hooks / hook).write_text(f"#!/bin/sh\nenv >> {seen}\nexit 1\n")
        (hooks / hook).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgSign = true\n")
    monkeypatch.setitem(ENVIRON, "GIT_CONFIG_GLOBAL", str(config))
    (hooks / "pre-receive").write_text(
        f"#!/bin/sh\nenv > {seen}\n"
    )  # the remote's, which lies on this machine
    (hooks / "pre-receive").chmod(0o755)
    publisher.remote("one-town")
    assert publisher.publish(publisher.target("one", sections=("town",)))["one"].error == ""
    assert "FEEDPROXY" not in seen.read_text()


def test_what_a_killed_git_left_is_mended(publisher: Publisher) -> None:
    publisher.remote("one-town")
    target = publisher.target("one", sections=("town",))
    publisher.publish(target)
    own = publisher.folder / "var" / "publish" / "git-mirror" / "git" / "town.git"
    (own / "index.lock").write_text("")
    (own / "refs" / "heads" / "mirror.lock").write_text("")
    publisher.house.room.stories += (NEWEST,)
    publisher.house.poll()
    assert publisher.publish(target, is_all=True)["one"].error == ""


def test_where_there_is_no_git_it_is_said(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENVIRON, "PATH", str(tmp_path))
    assert (
        publisher.publish(publisher.target("one"))["one"].error
        == "git can't be run; install it (Debian package git)"
    )


def config_with(folder: Path, publish_tables: str) -> Path:
    config = write_config(folder / "published")
    with (config / "feedproxy.toml").open("a", encoding="utf-8") as main:
        main.write(publish_tables)
    return config


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            'name = "x"\nurl = "https://me:secret@host.example/{section}"',
            "must not hold a password",
        ),
        ('name = "x"\nurl = "ext::sh -c id {section}"', "is not a git remote"),
        ('name = "x"\nurl = "--upload-pack=x"', "is not a git remote"),
        ('name = "x"\nurl = "https://host.example/one"', r"must hold \{section\}"),
        ('name = "x"\nurl = "/x"\nsections = ["nowhere"]', "there is no section 'nowhere'"),
        (
            'name = "x"\nurl = "/x"\nformat = "html"\nsections = ["town"]',
            "has all sections in one repository",
        ),
        ('name = "x"\nurl = "/x-{section}"\nbranch = "--all"', "publish.0.branch"),
        (
            'name = "x"\nurl = "/{section}"\n[[publish]]\nname = "x"\nurl = "/{section}"',
            "is listed twice",
        ),
    ],
)
def test_a_target_that_can_not_be_is_refused_at_start(
    tmp_path: Path, table: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_mirror(config_with(tmp_path, f"[[publish]]\n{table}\n"))


def test_public_addresses_of_targets_are_the_mirrors_known_ones(tmp_path: Path) -> None:
    tables = '[[publish]]\nname = "x"\nurl = "/{section}"\npublic = "https://git.example/x"\n'
    tables += '[[publish]]\nname = "y"\nurl = "/{section}"\n'
    mirror = load_mirror(config_with(tmp_path, tables))
    assert mirror.addresses == ("https://git.example/x",)
    assert [target.sections for target in mirror.targets] == [("town", "letters")] * 2


def test_the_command_prints_what_became_of_each_target(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.remote("good-town")
    tables = (
        f'[[publish]]\nname = "good"\nsections = ["town"]\nurl = "{tmp_path}/good-town.git"\n'
        f'[[publish]]\nname = "bad"\nsections = ["town"]\nurl = "{tmp_path}/bad.git"\n'
    )
    settings = publisher.house.settings.model_copy(update={"config": config_with(tmp_path, tables)})
    done = CliRunner().invoke(publish_mirror, ["--workers", "1"], obj=settings)
    assert done.exit_code == 1, done.output
    assert re.search(r"^good +git +pushed +", done.stdout, re.MULTILINE)
    assert "failed: bad: " in done.stdout
    (tmp_path / "bad.git").mkdir()
    git("init", "--quiet", "--bare", str(tmp_path / "bad.git"))
    again = CliRunner().invoke(publish_mirror, ["--workers", "1"], obj=settings)
    assert again.exit_code == 0, again.output
    assert json.loads((settings.data / "publish" / "state.json").read_text()).keys() == {
        "good",
        "bad",
    }


def test_two_do_not_publish_at_once(publisher: Publisher) -> None:
    target = publisher.target("one", sections=("town",))
    inner: list[str] = []

    def write(_order: ExportOptions, _folder: Path) -> None:
        with pytest.raises(ExportError, match="another publish is running"):
            publisher.publish(target)
        inner.append("refused")
        raise ExportError("enough")

    order = publisher.house.order(
        ExportFormat.GIT, mirror=replace(publisher.house.mirror, targets=(target,))
    )
    publish(order, publisher.folder / "var" / "publish", write, ENVIRON, NOW)
    assert inner == ["refused"]
