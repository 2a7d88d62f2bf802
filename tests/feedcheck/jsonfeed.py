"""Check JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).

Pure but for reading the schema that it is given: a JSON Schema file, with those that it refers to beside it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .markup import html_faults
from .values import (
    Check,
    filled,
    http_url,
    language,
    mime_type,
    no_references,
    no_tags,
    one_of,
    rfc3339,
    show,
)

Json = Any
Fault = Iterator[str]
Member = Callable[[Json, str], Fault]

# section "Extensions": an underscore, then a letter, no dots, and an object
_EXTENSION = re.compile(r"_[A-Za-z][^.]*")


def _text(*checks: Check) -> Member:
    def member(value: Json, where: str) -> Fault:
        if not isinstance(value, str):
            yield f"{where}: not a string: {show(value)}"
        else:
            yield from (f"{where}: {fault}" for check in checks for fault in check(value))

    return member


def _number(value: Json, where: str) -> Fault:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        yield f"{where}: not a non-negative number: {show(value)}"


def _flag(value: Json, where: str) -> Fault:
    if not isinstance(value, bool):
        yield f"{where}: neither true nor false: {show(value)}"


def _array(each: Member) -> Member:
    def member(value: Json, where: str) -> Fault:
        if not isinstance(value, list):
            yield f"{where}: not an array: {show(value)}"
            return
        for index, entry in enumerate(value):
            yield from each(entry, f"{where}[{index}]")
        if any(value.count(entry) > 1 for entry in value if isinstance(entry, str)):
            yield f"{where}: the same value twice"

    return member


def _object(members: Mapping[str, Member], required: str = "", one: str = "") -> Member:
    """Return the check of an object: all of *required*, at least one of *one*, nothing but *members*."""

    def member(value: Json, where: str) -> Fault:
        if not isinstance(value, dict):
            yield f"{where}: not an object: {show(value)}"
            return
        yield from (f"{where}: {name} is missing" for name in required.split() if name not in value)
        if one and not set(one.split()) & value.keys():
            yield f"{where}: none of {one}"
        for name, inner in value.items():
            yield from members.get(name, _extension)(inner, f"{where}.{name}")

    return member


def _extension(value: Json, where: str) -> Fault:
    name = where.rpartition(".")[2]
    if name.startswith("_") and not _EXTENSION.fullmatch(name):
        yield f"{where}: not a name for an extension"
    elif not name.startswith("_"):
        yield f"{where}: not a member of JSON Feed 1.1, and no extension"
    elif not isinstance(value, dict):
        yield f"{where}: an extension has to be an object"


def _deprecated(_value: Json, where: str) -> Fault:
    yield f"{where}: author is of version 1.0, use authors"


_URL = _text(http_url)
_PLAIN = _text(filled, no_tags, no_references)
_DATE = _text(rfc3339)
_AUTHOR = _object({"name": _text(filled), "url": _URL, "avatar": _URL}, one="name url avatar")
_ATTACHMENT = _object(
    {
        "url": _URL,
        "mime_type": _text(mime_type),
        "title": _PLAIN,
        "size_in_bytes": _number,
        "duration_in_seconds": _number,
    },
    required="url mime_type",
)
_SHARED = {
    "authors": _array(_AUTHOR),
    "author": _deprecated,
    "language": _text(language),
    "title": _PLAIN,
}
_ITEM = _object(
    _SHARED
    | {
        "id": _text(filled),
        "content_html": _text(filled, html_faults),
        "content_text": _text(filled),
        "summary": _PLAIN,
        "tags": _array(_text(filled)),
        "attachments": _array(_ATTACHMENT),
    }
    | dict.fromkeys(("url", "external_url", "image", "banner_image"), _URL)
    | dict.fromkeys(("date_published", "date_modified"), _DATE),
    required="id",
    one="content_html content_text",
)
_FEED = _object(
    _SHARED
    | {
        "version": _text(one_of("https://jsonfeed.org/version/1.1")),
        "description": _PLAIN,
        "user_comment": _text(filled),
        "expired": _flag,
        "hubs": _array(_object({"type": _text(filled), "url": _URL}, required="type url")),
        "items": _array(_ITEM),
    }
    | dict.fromkeys(("home_page_url", "feed_url", "next_url", "icon", "favicon"), _URL),
    # the two addresses are optional, but "should be considered required for feeds on the public web"
    required="version title items feed_url home_page_url",
)


def check_json_feed(data: bytes, *, schema: Path | None = None) -> list[str]:
    """Return what is wrong with the JSON feed *data*, one line per problem, errors and warnings alike.

    *schema* is a JSON Schema file (draft 4); its findings come after the others and are marked `schema`.
    """
    repeated: list[str] = []

    def pairs(members: list[tuple[str, Json]]) -> dict[str, Json]:
        repeated.extend(
            name for name, count in Counter(name for name, _ in members).items() if count > 1
        )
        return dict(members)

    try:
        feed = json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=_refuse)
        json.dumps(feed, ensure_ascii=False).encode("utf-8")
    except (
        ValueError,
        RecursionError,
    ) as e:  # UnicodeError and JSONDecodeError are kinds of the first
        return [f"json: {e}".replace("\n", " ")]
    problems = [f"json: member {name} stands more than once in an object" for name in repeated]
    problems += _FEED(feed, "feed")
    if isinstance(feed, dict):
        problems += _whole_problems(feed)
    return problems + (_schema_problems(feed, schema) if schema else [])


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _whole_problems(feed: dict[str, Json]) -> Iterator[str]:
    items = feed.get("items")
    found = (
        [item.get("id") for item in items if isinstance(item, dict)]
        if isinstance(items, list)
        else []
    )
    ids = Counter(id_ for id_ in found if isinstance(id_, str))
    yield from (
        f"feed.items: id {id_} stands {count} times" for id_, count in ids.items() if count > 1
    )
    if "next_url" in feed and feed["next_url"] == feed.get("feed_url"):
        yield "feed.next_url: the same as feed_url"


def _schema_problems(feed: Json, schema: Path) -> list[str]:
    # needed with a schema only, which is a matter of the corpus tests
    from jsonschema import Draft4Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.jsonschema import DRAFT4  # noqa: PLC0415

    near = [json.loads(file.read_bytes()) for file in sorted(schema.parent.glob("*.json"))]
    known = Registry().with_resources(
        (one["id"], DRAFT4.create_resource(one)) for one in near if "id" in one
    )
    rules = json.loads(schema.read_bytes())
    validator = Draft4Validator(
        rules, registry=known, format_checker=Draft4Validator.FORMAT_CHECKER
    )
    return [
        f"schema: {error.json_path}: {error.message[:200]}" for error in validator.iter_errors(feed)
    ]
