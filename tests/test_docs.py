"""The documentation names everything there is, and nothing that is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from feedproxy.cli import cli
from feedproxy.settings import PREFIX, Settings
from feedproxy.sources.schema import MirrorFile, SectionFile, SiteFile

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def part(heading: str) -> str:
    return CONFIGURATION.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def names_in(text: str) -> set[str]:
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_variable_is_documented_with_its_default_and_no_other() -> None:
    text = part("Environment")
    assert names_in(text) == {PREFIX + name.upper() for name in Settings.model_fields}
    for name in ("config", "data", "bind", "workers", "threads", "log"):
        assert f"| `{PREFIX}{name.upper()}` | `{Settings.model_fields[name].default}` |" in text


def keys_of(table: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in table.model_fields.items():
        inner = [each for each in (field.annotation, *get_args(field.annotation)) if _is_table(each)]
        if inner:
            yield from keys_of(inner[0], f"{prefix}{name}.")
        else:
            yield prefix + name


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


@pytest.mark.parametrize(
    ("heading", "table"),
    [("`config/feedproxy.toml`", MirrorFile), ("`config/sites/<name>.toml`", SiteFile)],
)
def test_every_key_is_documented_and_no_other(heading: str, table: type[BaseModel]) -> None:
    assert names_in(part(heading)) == set(keys_of(table))


def test_every_key_of_a_section_is_documented() -> None:
    documented = {name.partition(".")[0] for name in names_in(part("`config/sections/<name>.toml`"))}
    assert documented == set(SectionFile.model_fields)


def test_every_command_is_documented_in_both_places() -> None:
    for name in cli.commands:
        assert f"`feedproxy {name}`" in part("Commands")
        assert f"feedproxy {name}" in README


def test_documents_lead_to_files_that_are_there() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_metric_is_documented_and_no_other() -> None:
    named = set(re.findall(r'"(feedproxy_[a-z_]+)"', (ROOT / "feedproxy" / "web" / "metrics.py").read_text("utf-8")))
    documented = names_in(OPERATIONS)
    assert {name.removesuffix("_total") for name in documented if name.startswith("feedproxy_")} == named
