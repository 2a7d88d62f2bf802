"""Read `config/` into a `Mirror` of frozen values.

An unknown key or a wrong value raises a `ConfigError` that names the file and the key.
"""

import logging
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from feedproxy import paths, urls
from feedproxy.configuration.ftr import parse_ftr
from feedproxy.configuration.schema import (
    ChannelTable,
    FallbackTable,
    MirrorFile,
    SectionFile,
    SiteFile,
)
from feedproxy.configuration.settings import reason
from feedproxy.errors import ConfigError
from feedproxy.markup import check_xpath
from feedproxy.model import (
    CHECK_XPATH,
    NAME,
    REQUESTED,
    ArticleRules,
    Channel,
    ExportFormat,
    Mirror,
    PublishTarget,
    Section,
    Site,
    Source,
    Url,
)

__all__ = ["NOT_IN_FILES", "load_mirror", "rules_for"]

_log = logging.getLogger(__name__)
_Table = TypeVar("_Table")
# Error types of pydantic for a key that a table does not have.
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
# Fields of `Site` that are not keys of its file.
NOT_IN_FILES = ("name", "article.name", "article.tests", "article.replace", "article.wrap_in")
# First path segments of the mirror's own addresses; a section of such a name would hide them.
_RESERVED = (
    *(
        "feed",
        "feeds",
        "tag",
        "media",
        "static",
        "book",
        "subscribe",
        "search",
        "healthz",
        "readyz",
        "metrics",
        "status",
        "all",
    ),
    "merged",
)
# Kinds of sources whose content can be required to be signed.
_SIGNED_KINDS = ("mirror", "feedproxy")


def load_mirror(folder: Path) -> Mirror:
    """Return the configuration in *folder*.

    It consists of feedproxy.toml, sections/*.toml, sites/*.toml and sites/*.txt.

    Raises:
        ConfigError: a file is missing or is not TOML, a key is unknown, or a value is wrong.

    """
    main_file = folder / "feedproxy.toml"
    main = _validated(main_file, _toml(main_file), MirrorFile)
    sites = {file.stem: _site(file) for file in sorted((folder / "sites").glob("*.toml"))}
    sections = tuple(
        _section(folder / "sections" / f"{name}.toml", main_file, name, sites)
        for name in main.mirror.sections
    )
    _check_channels(folder, sections)
    _check_navigation(main_file, main)
    targets = _targets(main_file, main)
    public = (target.public for target in targets if target.public)
    return Mirror(
        about=main.mirror,
        navigation=main.navigation,
        feeds=main.feeds,
        fetch=main.fetch,
        poll=main.poll,
        keep=main.keep,
        images=main.images,
        requests=main.requests,
        export=main.export,
        sections=sections,
        sites=tuple(sites.values()),
        rules=_text_rules(folder / "sites"),
        targets=targets,
        addresses=tuple(dict.fromkeys([*main.mirror.addresses, *public])),
    )


def rules_for(mirror: Mirror, host: str) -> ArticleRules:
    """Return the rules for pages of *host*: its site's, else those of a text file, else none.

    A site's rules count if they have a body expression. Of the text files in sites/,
    ``example.com.txt`` applies to example.com and www.example.com, ``.example.com.txt`` to the
    other subdomains (ftr-site-config, README, "File naming").
    """
    site = mirror.site_of(host)
    if site is not None and site.article.body:
        return site.article
    bare = host.removeprefix("www.")
    parents = [bare[index:] for index, letter in enumerate(bare) if letter == "."]
    return next(
        (mirror.rules[key] for key in (bare, *parents) if key in mirror.rules), ArticleRules()
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as e:
        hint = "" if file.parent.is_dir() else "; name the folder with --config or FEEDPROXY_CONFIG"
        raise ConfigError(file, "", f"can't be read: {(e.strerror or str(e)).lower()}{hint}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(file, "", f"is not valid TOML: {e}") from e


def _validated(file: Path, values: dict[str, Any], table: type[_Table]) -> _Table:
    try:
        return TypeAdapter(table).validate_python(values, context={CHECK_XPATH: check_xpath})
    except ValidationError as e:
        # For a union (a channel is a string or a table), report the error at the deepest key: it
        # belongs to the alternative that was meant.
        first = max(e.errors(), key=lambda error: len(error["loc"]))
        key = ".".join(
            str(part) for part in first["loc"] if part not in ("str", "ChannelTable", "[key]")
        )
        raise ConfigError(
            file, key, "no such key" if first["type"] in _UNKNOWN_KEY else reason(first)
        ) from e


def _site(file: Path) -> Site:
    values = _toml(file)
    for key in NOT_IN_FILES:
        table, _, name = key.rpartition(".")
        keys = values.get(table) if table else values
        if isinstance(keys, dict) and name in keys:
            raise ConfigError(file, key, "no such key")
    own = _validated(
        file, {key: values.pop(key) for key in SiteFile.model_fields if key in values}, SiteFile
    )
    site = _validated(file, values | {"name": file.stem}, Site)
    return replace(
        site,
        short_links={urls.bare(short): url for short, url in own.short_links.items()},
        article=replace(site.article, name=f"sites/{file.name}", tests=own.test),
    )


def _section(file: Path, main_file: Path, name: str, sites: dict[str, Site]) -> Section:
    if not re.match(NAME, name) or name in _RESERVED:
        raise ConfigError(main_file, "mirror.sections", f"{name!r} can't be a section's name")
    table = _validated(file, _toml(file), SectionFile)
    tables = {
        channel_id: value if isinstance(value, ChannelTable) else ChannelTable(title=value)
        for channel_id, value in table.channels.items()
    }
    for key, site in [
        ("site", table.site),
        *((f"channels.{each}.site", channel.site) for each, channel in tables.items()),
    ]:
        if site and site not in sites:
            raise ConfigError(file, key, f"there is no sites/{site}.toml")
    channels = tuple(
        _channel(file, table, channel_id, channel, sites[channel.site or table.site])
        for channel_id, channel in tables.items()
    )
    return Section(name, table.title, table.description, channels, table.images)


def _channel(
    file: Path, section: SectionFile, channel_id: str, table: ChannelTable, site: Site
) -> Channel:
    kind = table.kind or section.kind
    url = table.url or section.listing.get(kind, "")
    if not url:
        raise ConfigError(
            file, f"channels.{channel_id}", f"has no url, and there is no listing.{kind}"
        )
    first = FallbackTable(
        kind=kind,
        listing=url,
        key=section.key,
        section=section.section,
        allow_older=section.allow_older,
    )
    pages = section.listing.get("html", "") if site.listing.item else ""
    sources = [
        _source(file, channel_id, site, source_table, pages)
        for source_table in (first, *section.fallback)
    ]
    return Channel(
        channel_id,
        table.title,
        site,
        sources[0],
        tuple(sources[1:]),
        table.end_marker,
        section.text,
    )


def _source(
    file: Path, channel_id: str, site: Site, source_table: FallbackTable, pages: str
) -> Source:
    kind, listing = source_table.kind, source_table.listing
    where = f"channels.{channel_id}"
    if kind == "html" and not (site.listing.item and site.listing.link):
        raise ConfigError(
            file, where, f'kind is "html", but sites/{site.name}.toml has no listing rules'
        )
    if kind == "mirror" and "/indexes/" not in listing:
        raise ConfigError(
            file,
            where,
            f'kind is "mirror", but {listing} has no /indexes/, where such mirrors have '
            "their listings",
        )
    if kind != "mirror" and listing.startswith("/"):
        raise ConfigError(file, where, f'kind is "{kind}", but {listing} is not an http(s) address')
    if source_table.key and kind not in _SIGNED_KINDS:
        raise ConfigError(
            file, "key", f'kind is "{kind}", but only a mirror or feedproxy signs what it gives'
        )
    url = Url(listing.replace("{channel}", channel_id))
    if kind == "feedproxy" and paths.archive_at(url, 1) is None:
        raise ConfigError(
            file,
            where,
            f"{listing} does not end as a feed of a feedproxy does: /feed/<section>/<channel>.json",
        )
    archive_url = Url(pages.replace("{channel}", channel_id)) if pages and kind == "feed" else None
    section = (
        (source_table.section or _section_at(url, file))
        if source_table.key and kind == "mirror"
        else ""
    )
    absolute_url = Url(Path(url).as_uri()) if url.startswith("/") else url
    return Source(
        kind, absolute_url, archive_url, source_table.key, section, source_table.allow_older
    )


def _section_at(url: Url, file: Path) -> str:
    """Return the name of the section that a mirror's URL belongs to.

    It is the last path segment of the URL that is the name of a section's file, else the name of
    *file*.
    """
    names = {each.stem for each in file.parent.glob("*.toml")}
    return next((part for part in reversed(url.split("/")) if part in names), file.stem)


def _check_navigation(file: Path, main: MirrorFile) -> None:
    """Raise `ConfigError` for a link that leads neither to a section of the mirror nor to a URL.

    With a URL, `to` may name a folder beside the sections.
    """
    for link in main.navigation:
        is_in_mirror = link.to == "section" or link.to in main.mirror.sections
        if is_in_mirror == bool(link.url):
            reason = (
                'give url, or to, which is a section\'s name or "section"; '
                "both for a folder beside the sections"
            )
            raise ConfigError(file, "navigation", f"{link.title}: {reason}")


def _targets(file: Path, main: MirrorFile) -> tuple[PublishTarget, ...]:
    """Return the publish targets.

    Raises `ConfigError` if two targets have the same name, a section is unknown, or several
    sections would share one git remote.
    """
    known, names = main.mirror.sections, [table.name for table in main.publish]
    for table in main.publish:
        if names.count(table.name) > 1:
            raise ConfigError(file, "publish.name", f"{table.name!r} is listed twice")
        if unknown := set(table.sections) - set(known):
            raise ConfigError(
                file, "publish.sections", f"{table.name}: there is no section {min(unknown)!r}"
            )
        is_git, count = table.format is ExportFormat.GIT, len(table.sections or known)
        if table.sections and not is_git:
            raise ConfigError(
                file,
                "publish.sections",
                f"{table.name}: the format html has all sections in one repository",
            )
        if is_git and count > 1 and "{section}" not in table.url:
            raise ConfigError(
                file,
                "publish.url",
                f"{table.name}: must hold {{section}}, as each is a repository of its own",
            )
    return tuple(replace(target, sections=target.sections or known) for target in main.publish)


def _check_channels(folder: Path, sections: tuple[Section, ...]) -> None:
    """Raise `ConfigError` if sections disagree on a channel's sources, or an ID is reserved."""
    seen: dict[str, Channel] = {}
    for section in sections:
        for channel in section.channels:
            if channel.id == REQUESTED:
                file = folder / "sections" / f"{section.name}.toml"
                raise ConfigError(
                    file,
                    f"channels.{channel.id}",
                    "is reserved for articles that readers request",
                )
            first = seen.setdefault(channel.id, channel)
            if (first.sources, first.text) != (channel.sources, channel.text):
                file = folder / "sections" / f"{section.name}.toml"
                raise ConfigError(
                    file,
                    f"channels.{channel.id}",
                    "another section gives this channel another address, key, section of a mirror, "
                    "or text",
                )


def _text_rules(folder: Path) -> dict[str, ArticleRules]:
    rules: dict[str, ArticleRules] = {}
    faults: list[str] = []
    for file in sorted(folder.glob("*.txt")):
        try:
            text = file.read_text("utf-8", "replace")
        except OSError as e:
            raise ConfigError(file, "", f"can't be read: {(e.strerror or str(e)).lower()}") from e
        rules[file.stem], faulty = parse_ftr(text, f"sites/{file.name}")
        faults += faulty
    for fault in faults:
        _log.debug("ignored: %s", fault)
    if faults:
        _log.warning(
            "%s/*.txt: %d expressions are not XPath 1.0 and are ignored; "
            "FEEDPROXY_LOG=debug names them",
            folder,
            len(faults),
        )
    return rules
