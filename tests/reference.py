"""`make docs`: the tables of docs/configuration.md, brought up to the settings that there are.

Which variables and keys there are, and their defaults, come from the models. What each means is written by hand, in the document;
a new one gets its field's description. `tests/test_docs.py` holds that there is nothing to bring up.
"""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo

from feedproxy.configuration import NOT_IN_FILES
from feedproxy.configuration.schema import MirrorFile, SectionFile, SiteFile
from feedproxy.configuration.settings import PREFIX, Settings
from feedproxy.model import Site

FILE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
_ROW = re.compile(r"^\| (?P<names>`[^|]+?) \| ?(?P<default>[^|]*?) ?\| (?P<meaning>.*) \|$")
_NAME = re.compile(r"`([^`]+)`")


def regenerate(text: str) -> str:
    """Return the document with tables that name what there is, each with its default."""
    tables = {
        "Environment": {
            PREFIX + name.upper(): field for name, field in Settings.model_fields.items()
        },
        "`config/feedproxy.toml`": dict(keys_of(MirrorFile)),
        "`config/sections/<name>.toml`": dict(SectionFile.model_fields),
        "`config/sites/<name>.toml`": _site_keys(),
    }
    for heading, fields in tables.items():
        before, mark, rest = text.partition(f"## {heading}\n")
        part, end, after = rest.partition("\n## ")
        text = before + mark + _with_table(part, fields) + end + after
    return text


def _site_keys() -> dict[str, FieldInfo]:
    """Return the keys of a site's file; some fields of the values come from elsewhere."""
    found = dict(keys_of(Site)) | dict(keys_of(SiteFile))
    elsewhere = tuple(f"{key}." for key in NOT_IN_FILES)
    return {name: field for name, field in found.items() if not f"{name}.".startswith(elsewhere)}


def keys_of(table: Any, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys of a file, those of its tables as ``table.key``."""
    fields = getattr(table, "model_fields", None) or table.__pydantic_fields__
    for name, field in fields.items():
        inner = [
            each for each in (field.annotation, *get_args(field.annotation)) if _is_table(each)
        ]
        if inner:
            yield from keys_of(inner[0], f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or is_pydantic_dataclass(kind))


def _with_table(part: str, fields: dict[str, FieldInfo]) -> str:
    lines = part.splitlines()
    made: list[str] = []
    places: dict[str, int] = {}  # of names, in `made`
    for row in (row for line in lines if (row := _ROW.match(line))):
        names = _NAME.findall(row["names"])
        if any(name.partition(".")[0] in fields or name in fields for name in names):
            places |= dict.fromkeys(
                [*names, *(name.partition(".")[0] for name in names)], len(made)
            )
            made.append(_row(row["names"], fields.get(names[0]), row["default"], row["meaning"]))
    last = -1
    for name, field in fields.items():
        if name not in places:  # it comes behind the one before
            made.insert(last + 1, _row(f"`{name}`", field, "", field.description or ""))
            places = {each: place + (place > last) for each, place in places.items()} | {
                name: last + 1
            }
        last = places[name]
    first = next(number for number, line in enumerate(lines) if _ROW.match(line))
    others = [line for line in lines[first:] if not _ROW.match(line)]
    return "\n".join([*lines[:first], *made, *others]) + ("\n" if part.endswith("\n") else "")


def _row(names: str, field: FieldInfo | None, default: str, meaning: str) -> str:
    """Return a row; a default that is empty is told in words, which stay."""
    value = (
        _shown(field.default, ", " if PREFIX not in names else ",")
        if field and not field.is_required()
        else ""
    )
    cell = f" `{value}` " if value else f" {default} " if default and "`" not in default else " "
    return f"| {names} |{cell}| {meaning} |"


def _shown(value: object, comma: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        listed = comma.join(_shown(each, comma) for each in value)
        return listed if comma == "," else f"[{listed}]" if listed else ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Enum):
        return str(value.value)
    return str(value) if isinstance(value, str | int | Path) else ""


if __name__ == "__main__":
    FILE.write_text(regenerate(FILE.read_text("utf-8")), "utf-8")
