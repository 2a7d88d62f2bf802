"""The documentation names everything there is, and nothing that is not."""

import re
from configparser import RawConfigParser
from pathlib import Path

import reference

from feedproxy.cli import cli

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def part(heading: str) -> str:
    return CONFIGURATION.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def names_in(text: str) -> set[str]:
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_tables_name_every_variable_and_key_with_its_default_and_no_other() -> None:
    assert reference.regenerate(CONFIGURATION) == CONFIGURATION, "make docs brings them up"


def test_every_row_says_what_it_means() -> None:
    assert re.findall(r"^\|.*\|\s*\|$", CONFIGURATION, re.MULTILINE) == []


def test_a_key_that_is_new_or_gone_or_has_another_default_changes_the_tables() -> None:
    row = next(
        line for line in CONFIGURATION.splitlines() if line.startswith("| `fetch.requests_at_once`")
    )
    for changed in (
        CONFIGURATION.replace(row + "\n", ""),
        CONFIGURATION.replace("| `4` | simultaneous", "| `5` | simultaneous"),
    ):
        assert changed != CONFIGURATION
        assert reference.regenerate(changed) != changed
    stale = CONFIGURATION.replace(row, f"{row}\n| `fetch.gone` | `1` | a key that is no more |")
    assert reference.regenerate(stale) == CONFIGURATION


def test_every_command_is_documented_in_both_places() -> None:
    for name in cli.commands:
        assert f"`feedproxy {name}`" in part("Commands")
        assert f"feedproxy {name}" in README


def test_documents_lead_to_files_that_are_there() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_architecture_is_short_and_names_files_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert len(text.split()) <= 2_500
    named = re.findall(r"`([a-z_]+(?:/[a-z_0-9]*)*(?:\.py|/))`", text)
    assert len(named) > 40
    files = [f"/{path.relative_to(ROOT)}" for path in (ROOT / "feedproxy").rglob("*")]
    there = {name for name in named for file in files if file.endswith("/" + name.rstrip("/"))}
    assert set(named) == there


def test_the_picture_of_packages_has_the_layers_of_the_import_contract() -> None:
    contract = RawConfigParser()
    contract.read(ROOT / "setup.cfg", "utf-8")
    layers = contract["importlinter:contract:rooms"]["layers"].split("\n")
    drawn = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("```")[1]
    rows: list[set[str]] = []
    for line in drawn.strip("\n").splitlines():
        names = set(re.split(r"\s+\|\s+|\s+", line.strip().partition("    ")[0])) - {"", "|"}
        if line.lstrip().startswith("|"):
            rows[-1] |= names
        else:
            rows.append(names)
    assert rows == [set(re.findall(r"\w+", layer)) for layer in layers if layer.strip()]


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    assert [file.name for file in folder.glob("2*.md") if f"]({file.name})" not in index] == []


def test_every_metric_is_documented_and_no_other() -> None:
    named = set(
        re.findall(
            r'"(feedproxy_[a-z_]+)"', (ROOT / "feedproxy" / "web" / "metrics.py").read_text("utf-8")
        )
    )
    documented = names_in(OPERATIONS)
    assert {
        name.removesuffix("_total") for name in documented if name.startswith("feedproxy_")
    } == named
