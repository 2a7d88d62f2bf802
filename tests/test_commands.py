"""The commands that the documentation shows are run, as they stand there, over the invented site.

A line of a fenced or indented block, the first cell of a row in the README's tables, and an example below a command's help are
commands where they begin with a program. What can't be run in a test says why, by its first words.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from newsroom import BASE, HOST, open_newsroom, write_config

from feedproxy.cli import cli

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_PROGRAMS = (
    *(
        "adduser",
        "cp",
        "docker",
        "feedproxy",
        "git",
        "gunicorn",
        "install",
        "make",
        "minisign",
        "mkdir",
        "nginx",
    ),
    *("pg_dump", "pg_restore", "python3", "rsync", "sqlite3", "systemctl", "useradd"),
)
_PROGRAM = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:sudo )?(?:\S*/bin/)?(?:{'|'.join(_PROGRAMS)})(?= |$)")
# Why a command that begins so is not run here.
UNRUN = {
    "make serve": "runs for ever: tests/test_serve.py starts what it starts",
    "make check": "is lint and a part of `make test`",
    "make test": "is what runs this test",
    "make bench": "takes ten minutes, and measures",
    "make soak": "takes minutes",
    "make fuzz": "takes minutes",
    "make audit": "asks PyPI",
    "make attacks": "asks PyPI",
    "make lock": "asks PyPI",
    "make install": "asks PyPI",
    "make demo": "runs for ever: tests/test_demo.py starts it",
    "make docs": "rewrites docs/configuration.md: tests/test_docs.py compares",
    "make picture": "draws with Chromium",
    "sudo ": "changes the system",
    "useradd ": "changes the system",
    "install ": "changes the system",
    "mkdir /etc": "changes the system",
    "cp -r config/": "changes the system: tests/test_deploy.py reads what is copied",
    "cp config/deploy/": "changes the system: the same",
    "systemctl ": "changes the system",
    "git clone . ": "changes the system",
    "make -C ": "asks PyPI",
    "docker ": "needs a running Docker",
    "pg_": "needs a database that may be overwritten: $URL",
    "python3 -m http.server": "runs for ever",
    "gunicorn": "runs for ever: tests/test_scan.py starts it",
    "feedproxy add https": "needs a site that is not mirrored yet: tests/test_add.py has some",
    "feedproxy add URL": "needs a site that is not mirrored yet: tests/test_add.py has some",
    "feedproxy demo": "runs for ever: tests/test_demo.py starts it",
    "feedproxy test-rules --site": "needs a site whose file has tests: tests/test_add.py makes some",
    "feedproxy test-rules": "needs a site whose file has tests: tests/test_add.py makes some",
    "feedproxy serve": "runs for ever: tests/test_serve.py starts it",
    "feedproxy poll$": "runs for ever: tests/test_kills.py starts and kills it",
    "feedproxy import https": "needs a mirror's raw address: tests/test_import.py has one",
    "feedproxy worker": "runs for ever; its own tests start it",
    "feedproxy scheduler": "runs for ever; its own tests start it",
    "feedproxy migrate-store": "needs a second database: tests/databases.py has some",
    "feedproxy publish": "needs remotes: tests/test_publish.py has some",
    "git pull": "needs a remote",
    "minisign -": "needs minisign, and a signed mirror: tests/test_sign.py has both",
    "git config": "changes the user's settings",
}
# What a test has in place of what the documentation names.
PLACES = {
    "epoch-news": "town",
    "ncid277": "city",
    "DIR": "{tmp}/www",
    "import DIR": "{tmp}/git",
    "www": "{tmp}/www",
    "mirror": "{tmp}/git",
    "URL": f"{BASE}/city.htm",
    "FILE": "{tmp}/new.key",
    "/etc/feedproxy/mirror.key": "{tmp}/other.key",
    "SHA256SUMS": "{tmp}/www/SHA256SUMS",
    "KEY": "{tmp}/mirror.key.pub",
    "RWQ...": "{tmp}/mirror.key.pub",
    "mirror.key.pub": "{tmp}/mirror.key.pub",
    "RW...": "{tmp}/mirror.key.pub",
    "SECTION": "town",
    "november.epub": "{tmp}/november.epub",
    "/srv/mirror": "{tmp}/git",
    "2021-11-01": "2021-05-01",
    "2021-11-30": "2021-05-31",
    "https://www.example.org/news.htm": f"{BASE}/city.htm",
    "https://www.example.org/21/5/1/n1.htm": f"{BASE}/21/5/1/n101.htm",
}


@dataclass(frozen=True)
class Line:
    """A command, and where it stands."""

    place: str
    text: str


def lines_of(document: Path) -> Iterator[Line]:
    """Yield the commands of a document: lines of its blocks, and what stands between backquotes, if it has an argument."""
    is_fenced = False
    for line in document.read_text("utf-8").splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced or line.startswith("    "):
            if _PROGRAM.match(line.strip()):
                yield Line(document.name, line.strip())
        elif document.name == "README.md" and line.startswith("| `") and _PROGRAM.match(line[3:]):
            yield Line(document.name, line[3:].partition("`")[0])


def short(text: str) -> str:
    """Return a command as it is typed by who has it in the path, without what is set before it."""
    return re.sub(r"^(?:[A-Z_]+=\S+ )*(?:\S*/bin/)?", "", text)


def reason_of(text: str) -> str:
    return next((reason for begin, reason in UNRUN.items() if f"{text}$".startswith(begin)), "")


SHOWN = {short(line.text): line for document in DOCUMENTS for line in lines_of(document)}
HELP = {
    re.sub(r" [|>].*", "", short(line.strip()))
    for command in cli.commands.values()
    for line in (command.epilog or "").splitlines()
    if line.startswith("  ")
}
OURS = sorted(
    text for text in {*SHOWN, *HELP} if text.startswith("feedproxy ") and not reason_of(text)
)
# How a backup is made and brought back, in the order in which it stands there.
COPYING = [
    line.text
    for line in SHOWN.values()
    if line.text.startswith(("sqlite3", "rsync", "cp ")) and "/srv/backup" in line.text
]


@dataclass(frozen=True)
class LinkContext:
    """A folder, and an environment in which the invented site is reached."""

    folder: Path
    environment: dict[str, str]

    def run(self, arguments: list[str]) -> Result:
        with chdir(self.folder):  # where what is written without a place to write it goes
            return CliRunner().invoke(cli, arguments, env=self.environment)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkContext]:
    """A place with articles, a key, and signed exports."""
    folder = tmp_path_factory.mktemp("commands")
    with open_newsroom() as room:
        environment = {
            "FEEDPROXY_CONFIG": str(write_config(folder / "config")),
            "FEEDPROXY_DATA": str(folder / "var"),
            "FEEDPROXY_ORIGINS": f"{HOST}={room.origin}",
            "FEEDPROXY_PUBLIC_URL": "https://mirror.example",
        }
        made = LinkContext(folder, environment)
        assert made.run(["backfill"]).exit_code == 0
        assert made.run(["keygen", str(folder / "mirror.key")]).exit_code == 0
        environment["FEEDPROXY_SIGNING_KEY_FILE"] = str(folder / "mirror.key")
        for form, name in (("html", "www"), ("git", "git")):
            assert (
                made.run(
                    ["export", str(folder / name), "--format", form, "--workers", "1"]
                ).exit_code
                == 0
            )
        yield made


def arguments_of(text: str, folder: Path) -> list[str]:
    command, *words = shlex.split(text)[1:]
    return [
        command,
        *(
            PLACES.get(f"{command} {word}", PLACES.get(word, word)).format(tmp=folder)
            for word in words
        ),
    ]


@pytest.mark.parametrize("text", OURS)
def test_a_command_that_is_shown_does_what_it_says(text: str, filled: LinkContext) -> None:
    arguments = arguments_of(text, filled.folder)
    for key in ("new.key", "other.key"):
        for file in (filled.folder / key, filled.folder / f"{key}.pub"):
            file.unlink(missing_ok=True)
    done = filled.run(arguments)
    expected = (
        {0, 1} if arguments[0] in {"doctor", "healthcheck"} else {0}
    )  # nothing serves or polls here
    assert done.exit_code in expected, (done.output, done.exception)
    if "--json" in arguments:
        assert all(isinstance(json.loads(line), dict) for line in done.stdout.splitlines())


@pytest.mark.skipif(
    None in (shutil.which("sqlite3"), shutil.which("rsync")),
    reason="needs sqlite3 and rsync (Debian packages)",
)
def test_a_backup_that_is_made_as_it_is_shown_brings_everything_back(filled: LinkContext) -> None:
    data, backup = Path(filled.environment["FEEDPROXY_DATA"]), filled.folder / "backup"
    backup.mkdir()
    before = json.loads(filled.run(["prune", "--dry-run", "--json"]).stdout.splitlines()[-1])
    commands = [
        text.replace("/var/lib/feedproxy", str(data)).replace("/srv/backup", str(backup))
        for text in COPYING
    ]
    assert [text.partition(" ")[0] for text in commands] == ["sqlite3", "rsync", "cp", "rsync"]
    for number, text in enumerate(commands):
        if number == len(commands) // 2:
            shutil.rmtree(data)
            data.mkdir()
        subprocess.run(shlex.split(text), check=True, timeout=60)
    assert (
        json.loads(filled.run(["prune", "--dry-run", "--json"]).stdout.splitlines()[-1]) == before
    )
    assert (
        filled.run(
            ["bundle", "town", "--since", "30d", "--out", str(filled.folder / "after.epub")]
        ).exit_code
        == 0
    )


def test_every_command_that_is_shown_is_run_or_says_why_not() -> None:
    assert [
        text
        for text in SHOWN
        if not text.startswith("feedproxy ") and text not in COPYING and not reason_of(text)
    ] == []


def test_every_command_has_examples_of_its_own() -> None:
    for name, command in cli.commands.items():
        examples = [
            line for line in (command.epilog or "").splitlines() if f"feedproxy {name}" in line
        ]
        assert examples, name
        assert "Exits with" in " ".join((command.help or "").split()), name


def test_no_summary_in_the_list_of_commands_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = CliRunner().invoke(cli, ["--help"]).output.partition("Commands:\n")[2]
    lines = listed.partition("\n\n")[0].splitlines()
    assert len(lines) == len(cli.commands)
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []
