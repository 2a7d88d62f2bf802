"""Add a channel, its section and its site to `config/`.

New files are written from a small template; existing files get new lines. As `tomllib` cannot write
TOML, existing files are edited as text, and stay byte for byte the same elsewhere. A configuration
that would not load is not written.
"""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from feedproxy import urls
from feedproxy.configuration import load_mirror
from feedproxy.errors import ConfigError
from feedproxy.model import ListingRules, Mirror, RuleTest, Section, Site, Url, one_line

_MAIN = "feedproxy.toml"
_HEADER = re.compile(r"^\s*\[", re.MULTILINE)
_CHANNELS = re.compile(r"^\s*\[\s*channels\s*\]\s*(?:#.*)?$", re.MULTILINE)
_SECTIONS = re.compile(r"^\s*sections\s*=\s*\[", re.MULTILINE)
# Tokens in an array of names: a string, a comment, the end.
_IN_ARRAY = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#.*|\]")
_WRONG = re.compile("[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Addition:
    """A channel to be added: its section, listing and site.

    *tests* are articles to test the site's rules with.
    """

    section: str
    channel: str
    title: str
    kind: str
    url: Url
    site: Site
    picture_hosts: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()


def name_of(text: str) -> str:
    """Return a section or channel name made of *text*, a host or a part of a URL.

    It is "" if *text* has no Latin letter or digit.

    >>> name_of("Blog.example.org"), name_of("新闻")
    ('blog-example-org', '')
    """
    return _WRONG.sub("-", text.lower()).strip("-")[:40].strip("-")


def added_files(folder: Path, mirror: Mirror, new: Addition) -> dict[Path, str]:
    """Return the new text of each file that adding *new* creates or changes, in writing order.

    Raises:
        ConfigError: a file that must be changed does not have the expected form; the message
            says what to add by hand.

    """
    files: dict[Path, str] = {}
    site_file = folder / "sites" / f"{new.site.name}.toml"
    known = next((site for site in mirror.sites if site.name == new.site.name), None)
    if known is None:
        files[site_file] = _site_text(new)
    elif not set(new.site.hosts) <= set(known.hosts):
        raise ConfigError(
            site_file,
            "hosts",
            f"already exists without {', '.join(new.site.hosts)}: add them by hand",
        )
    elif new.kind == "html" and not known.listing.item:
        files[site_file] = f"{_read(site_file).rstrip()}\n\n{_listing_text(new.site.listing)}"
    section_file = folder / "sections" / f"{new.section}.toml"
    section = mirror.section(new.section)
    if section is None:
        files[section_file] = _section_text(new)
        files[folder / _MAIN] = _with_section(folder / _MAIN, new.section)
    elif known_url := next(
        (channel.url for channel in section.channels if channel.id == new.channel), None
    ):
        if urls.bare(known_url) != urls.bare(new.url):
            reason = f"already exists, for {known_url}: give another name with --channel"
            raise ConfigError(section_file, f"channels.{new.channel}", reason)
    else:
        files[section_file] = _with_channel(section_file, section, new)
    return files


def write_files(folder: Path, files: Mapping[Path, str]) -> None:
    """Write *files* of the configuration in *folder* if the changed configuration loads.

    Each file is replaced atomically.

    Raises:
        ConfigError: the changed configuration does not load, and nothing was written; or a file
            can't be written, and files written before it are not referenced yet.

    """
    with tempfile.TemporaryDirectory() as other:
        trial = Path(other) / "config"
        shutil.copytree(folder, trial)
        for file, text in files.items():
            _put(trial / file.relative_to(folder), text)
        try:
            load_mirror(trial)
        except ConfigError as e:
            raise ConfigError(
                str(e).replace(str(trial), str(folder)), "", "so nothing was written"
            ) from e
    for file, text in files.items():
        try:
            _put(file, text)
        except OSError as e:
            raise ConfigError(
                file, "", f"can't be written: {(e.strerror or str(e)).lower()}"
            ) from e


def _put(file: Path, text: str) -> None:
    """Write a file atomically: a reader finds either the old or the new content, complete."""
    file = file.resolve()  # keeps a symbolic link
    file.parent.mkdir(exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, "utf-8", newline="")
    if file.exists():
        shutil.copymode(file, beside)
    os.replace(beside, file)  # noqa: PTH105 (as atomic as Path.replace, and says so)


def _read(file: Path) -> str:
    return file.read_bytes().decode()


# -------------------------------------------------------------- new files


def _site_text(new: Addition) -> str:
    site = new.site
    lines = [
        f"# {one_line(site.title)}: added for {new.url}",
        (
            "# What its articles are is found out page by page (heuristics), "
            "unless rules stand here under [article]."
        ),
        "# Every key is described in docs/configuration.md.",
        "",
        f"title = {_string(site.title)}",
        f"hosts = {_array(site.hosts)}",
        f"picture_hosts = {_array(new.picture_hosts)}",
        "# of dates that name no zone of their own",
        f"timezone = {_string(site.timezone)}",
    ]
    text = "\n".join(lines) + "\n"
    if new.kind == "html":
        text += "\n" + _listing_text(site.listing)
    tests = "".join(
        f"\n[[test]]\nurl = {_string(each.url)}\ncontains = {_string(text)}\n"
        for each in new.tests
        for text in each.contains
    )
    return text + (
        f'\n# What "feedproxy test-rules" holds the rules against.{tests}' if tests else ""
    )


def _listing_text(rules: ListingRules) -> str:
    found = {field.name: getattr(rules, field.name) for field in fields(rules)}
    return "[listing]\n" + "".join(
        f"{name} = {_string(values[0])}\n" for name, values in found.items() if values
    )


def _section_text(new: Addition) -> str:
    lines = (
        (
            f"# Section {one_line(new.title)}: its channels in the order "
            "in which readers see them. A new channel is one more line."
        ),
        f"title = {_string(new.title)}",
        f"site = {_string(new.site.name)}",
        f"kind = {_string(new.kind)}",
        'images = "store"',
        "",
        "[channels]",
        f"{new.channel} = {{ title = {_string(new.title)}, url = {_string(new.url)} }}",
    )
    return "\n".join(lines) + "\n"


# -------------------------------------------------------------- lines added to existing files


def _with_section(file: Path, name: str) -> str:
    """Return the text of feedproxy.toml with *name* added to `mirror.sections`."""
    text = _read(file)
    by_hand = f'add "{name}" by hand'
    start = _SECTIONS.search(text)
    if start is None:
        raise ConfigError(file, "mirror.sections", f"is not written as sections = [...]: {by_hand}")
    parts = list(_IN_ARRAY.finditer(text, start.end()))
    end = next((part.start() for part in parts if part[0] == "]"), None)
    strings = [
        part for part in parts if end is not None and part.end() <= end and part[0][0] in "\"'"
    ]
    if end is None or not strings:
        raise ConfigError(file, "mirror.sections", f"can't be read: {by_hand}")
    at = strings[-1].end()
    has_own_line = "\n" in text[start.end() : strings[0].start()]
    gap = (
        text[text.rindex("\n", 0, strings[-1].start()) : strings[-1].start()]
        if has_own_line
        else " "
    )
    return f'{text[:at]},{gap}"{name}"{text[at:]}'


def _with_channel(file: Path, section: Section, new: Addition) -> str:
    """Return the text of a section's file with the new channel at the end of [channels]."""
    text = _read(file)
    header = _CHANNELS.search(text)
    line = _channel_line(section, file, new)
    if header is None:
        raise ConfigError(file, "channels", f"is not written as [channels]: add by hand: {line}")
    following = _HEADER.search(text, header.end())
    end = following.start() if following else len(text)
    body = text[header.start() : end].rstrip()
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    return (
        f"{text[: header.start()]}{body}{end_of_line}{line}"
        f"{text[header.start() + len(body) : end] or end_of_line}{text[end:]}"
    )


def _channel_line(section: Section, file: Path, new: Addition) -> str:
    """Return the line for a channel: only its title if its section determines the rest."""
    is_like = (
        new.site.name == section.channels[0].site.name
        and template_name(file, new.kind, new.url) == new.channel
    )
    if is_like:
        return f"{new.channel} = {_string(new.title)}"
    site = f", site = {_string(new.site.name)}"
    return (
        f"{new.channel} = {{ title = {_string(new.title)}, kind = {_string(new.kind)},"
        f" url = {_string(new.url)}{site} }}"
    )


def template_name(file: Path, kind: str, url: Url) -> str:
    """Return the channel name that the listing template in *file* has for *url*, "" for none."""
    table = tomllib.loads(_read(file)) if file.is_file() else {}
    template = table.get("listing", {}).get(kind, "") if table.get("kind") == kind else ""
    before, mark, after = urls.bare(template).partition("{channel}")
    plain = urls.bare(url)
    found = (
        plain[len(before) : len(plain) - len(after)]
        if mark and plain.startswith(before) and plain.endswith(after)
        else ""
    )
    return found if found == name_of(found) else ""


def _array(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_string, values))}]"


def _string(text: str) -> str:
    """Return *text* as a TOML 1.0 basic string: with JSON's escapes, and DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
