"""The real site on disk in both forms: every link of the one leads to a file, every page of the other is the seed's.

Prints its figures; run it alone with `pytest -n0 -s tests/test_corpus_export.py`.
"""

from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from linkcheck import Mirror, crawl, faults
from realsite import SHARED, Harvest
from seedform import read_seed
from test_corpus_markdown import made
from test_links import file_server

from feedproxy.export import ExportOptions, export
from feedproxy.media import FolderMedia
from feedproxy.model import ExportFormat, Links

pytestmark = pytest.mark.corpus
PUBLIC = "https://mirror.example"


def order(modern: Harvest, form: ExportFormat, links: Links = Links.MIRROR) -> ExportOptions:
    settings = modern.settings
    return ExportOptions(
        modern.mirror,
        form,
        settings.store_url,
        settings.data,
        FolderMedia(settings.media),
        PUBLIC,
        links,
    )


def test_no_link_of_the_html_form_is_broken_or_asks_another_host_or_leads_to_the_blocked_site(
    some: Harvest, tmp_path: Path
) -> None:
    began = monotonic()
    places = {
        "",
        "section",
        *(section.name for section in some.mirror.sections),
    }  # where what is exported stands
    navigation = tuple(link for link in some.mirror.navigation if link.url or link.to in places)
    some = replace(some, mirror=replace(some.mirror, navigation=navigation))
    result = export(order(some, ExportFormat.HTML), some.store, tmp_path / "deep" / "er")
    print(
        f"\n{result.rendered} pages, {sum(result.written.values())} files in {monotonic() - began:.0f} s"
    )
    site = some.mirror.sites[0]
    with file_server(tmp_path) as ask:
        walked = Mirror(
            ask,
            PUBLIC,
            "/deep/er",
            frozenset(site.hosts),
            frozenset(site.picture_hosts) - frozenset(site.hosts),
        )
        found = crawl(walked, "/index.html")
    print(found.summary())
    wrong = faults(found)
    kept = (
        "leads to a picture host",
        "no such anchor",
    )  # as on the live mirror: see test_corpus_links
    assert [fault for fault in wrong if fault.kind not in kept] == []
    assert [page.path for page in found.pages.values() if page.status != 200] == []
    assert set(found.articles()) == set(some.articles())
    assert all(
        len(list(folder.iterdir())) <= 1_000
        for folder in (tmp_path / "deep" / "er" / "media").iterdir()
    )


def test_pages_of_the_git_form_in_link_mode_seed_are_those_that_the_seed_is_compared_with(
    some: Harvest, tmp_path: Path
) -> None:
    export(order(some, ExportFormat.GIT, Links.SEED), some.store, tmp_path / "out")
    count = 0
    for section, channel in [
        (each.name, channel.id) for each in some.mirror.sections for channel in each.channels
    ]:
        index = SHARED / "mirror" / section / "indexes" / f"{channel}.csv"
        theirs = {file.stem for file in (index.parents[1] / "pages" / channel).glob("*.md")}
        files = list((tmp_path / "out" / section / "pages" / channel).iterdir())
        assert {file.stem for file in files} == theirs
        for file in files:
            assert read_seed(file.read_text("utf-8")) == made(some, section, channel, file.stem), (
                file
            )
        count += len(files)
        listed = (
            (tmp_path / "out" / section / "indexes" / index.name).read_text("utf-8").splitlines()
        )
        assert {line.partition(",")[0] for line in listed} == theirs
    print(f"\n{count} pages")
