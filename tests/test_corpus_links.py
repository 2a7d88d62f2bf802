"""Every link of the real mirror leads where it should: harvested from the stand-in, walked live and from disk.

Prints its figures; run it alone with `pytest -n0 -s tests/test_corpus_links.py`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from urllib.parse import urljoin, urlsplit
from zlib import crc32

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from linkcheck import Answer, Crawl, Mirror, article_of, crawl, faults, write
from lxml import etree
from realsite import CONFIG, NOW, SHARED, Harvest, stand_in
from test_links import check_files, file_server

from feedproxy.cli.prune import prune
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.media import FolderMedia
from feedproxy.store import open_store
from feedproxy.web import create_app

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.soak,
]  # its short form is over plain files of a section: test_corpus_export
_ARTICLE_LINK = re.compile(
    r"""<ok\s[^>]*href="\s*(?:https?:)?//(?:www\.|m\.)?epochtimes\.com/(?:gb|b5)/[\d/]+/(n\d+)\.html?\b"""
)
_NAMES = 'id="{}"', 'name="{}"'
_WORKERS = 2
# Three in four addresses are those of tags, all made alike: one tag of so many is walked.
_TAGS = 40
_TAG = re.compile(r"/(?:feed/)?tag/(?P<name>.+?)(?:\.(?:xml|atom|json))?")


@cache
def client_of(folder: Path) -> FlaskClient:
    """Return a process's own application over the harvested store."""
    settings = Settings(config=CONFIG, data=folder, trusted_hosts=("localhost",))
    store = open_store(settings.store_url, folder)
    return create_app(
        settings, load_mirror(CONFIG), store, FolderMedia(settings.media), lambda: NOW
    ).test_client()


def is_followed(path: str) -> bool:
    tag = _TAG.fullmatch(path)
    return tag is None or crc32(tag["name"].encode()) % _TAGS == 0


def answer_to(folder: Path, addresses: Sequence[str]) -> list[Answer]:
    answers = (client_of(folder).get(address) for address in addresses)
    return [
        (answer.status_code, answer.headers.get("Location", ""), answer.data) for answer in answers
    ]


@pytest.fixture(scope="module")
def crawled(modern: Harvest) -> Crawl:
    """Every address of the mirror: rendering is most of the work, so two processes share it."""
    began = monotonic()
    folder, sites = modern.settings.data, modern.mirror.sites
    with ProcessPoolExecutor(_WORKERS, get_context("spawn")) as pool:

        def ask(addresses: Sequence[str]) -> Iterator[Answer]:
            batches = [addresses[start : start + 50] for start in range(0, len(addresses), 50)]
            return chain.from_iterable(pool.map(answer_to, [folder] * len(batches), batches))

        hosts = frozenset(host for site in sites for host in site.hosts)
        pictures = frozenset(host for site in sites for host in site.picture_hosts) - hosts
        found = crawl(Mirror(ask, hosts=hosts, picture_hosts=pictures, is_followed=is_followed))
    print(f"\n{found.summary()}\nwalked in {monotonic() - began:.0f} s")
    return found


def test_every_article_of_every_channel_is_reached_by_clicks_from_the_front_page(
    modern: Harvest, crawled: Crawl
) -> None:
    places = {
        f"/{section.name}/blob/master/pages/{channel.id}/{article.id}.md"
        for section in modern.mirror.sections
        for channel in section.channels
        for article in modern.store.newest([channel.id], 10_000)
    }
    pages = [page for found in crawled.articles().values() for page in found]
    assert {page.path for page in pages} == places
    assert {crawled.pages[page.found_on].reading.kind for page in pages} == {"html"}
    assert set(crawled.articles()) == set(modern.fetcher.site.articles)
    print(f"\n{len(crawled.articles())} articles on {len(pages)} pages")


def test_no_link_is_broken_or_asks_another_host_or_leads_to_the_blocked_site(
    crawled: Crawl,
) -> None:
    wrong = faults(crawled)
    kinds = Counter(fault.kind for fault in wrong)
    print(f"\nfaults: {dict(kinds)}")
    kept = "leads to a picture host", "no such anchor"
    assert [fault for fault in wrong if fault.kind not in kept] == []
    assert [page.path for page in crawled.pages.values() if page.leads_to] == []


def test_anchors_that_are_not_there_are_not_upstream_either(crawled: Crawl) -> None:
    lost = [fault for fault in faults(crawled) if fault.kind == "no such anchor"]
    for fault in lost:
        path, _, anchor = urljoin(fault.page, fault.link.partition(" href ")[2]).partition("#")
        sources = [
            file.read_text("utf-8", "replace")
            for file in SHARED.glob(f"mirror/*/pages/*/{article_of(urlsplit(path).path)}.md")
        ]
        assert sources
        assert not any(name.format(anchor) in source for source in sources for name in _NAMES)


def test_links_to_held_articles_lead_to_them(crawled: Crawl) -> None:
    """Counted over the files that the stand-in was made of; of several copies of an article it serves the first."""
    held, served, count, inside = (
        set(crawled.articles()),
        dict[str, Counter[str]](),
        Counter[str](),
        0,
    )
    for file in sorted(SHARED.glob("mirror/*/indexes/*.csv")):
        for page in sorted((file.parents[1] / "pages" / file.stem).glob("*.md")):
            links = Counter(_ARTICLE_LINK.findall(page.read_text("utf-8", "replace")))
            wanted = served.setdefault(
                page.stem, Counter({each: links[each] for each in links if each in held})
            )
            count["to articles"] += links.total()
            count["to held articles"] += sum(links[each] for each in links if each in held)
            count["to held articles, as served"] += wanted.total()
            path = f"/{page.parts[-4]}/blob/master/pages/{file.stem}/{page.name}"
            inside += (wanted & linked(crawled, path)).total() if wanted else 0
    share = inside / count["to held articles, as served"]
    print(f"\nlinks in the files: {dict(count)}; of the last inside: {inside}, {share:.1%}")
    assert inside == count["to held articles, as served"] > 50


def linked(crawled: Crawl, path: str) -> Counter[str]:
    """Return the articles that the text on a page links to, as far as their pages answer."""
    root = etree.fromstring(crawled.pages[path].body, etree.HTMLParser(encoding="utf-8"))
    found = Counter[str]()
    for href in root.xpath("//div[@class='content']//a/@href"):
        target = urlsplit(urljoin(path, str(href))).path
        found[article_of(target)] += target in crawled.pages and crawled.pages[target].status == 200
    return found


def test_links_of_plain_files_lead_where_those_of_the_live_mirror_do(
    crawled: Crawl, tmp_path: Path
) -> None:
    began = monotonic()
    write(crawled, tmp_path / "deep" / "er")
    with file_server(tmp_path) as ask:
        files = crawl(replace(crawled.mirror, ask=ask, folder="/deep/er"))
    check_files(crawled, files)
    print(f"\nfrom disk: {files.summary()}\nwritten and walked in {monotonic() - began:.0f} s")


def test_pictures_are_stored_once_and_all_are_reached(modern: Harvest, crawled: Crawl) -> None:
    """The stand-in draws one colour for each address."""
    articles = modern.articles()
    stored = modern.store.pictures.of([article.id for article in articles.values()])
    drawn = {stand_in().picture(urlsplit(url).path) for url in stored}
    media = FolderMedia(modern.settings.media)
    originals, readings = (
        {getattr(each, form).name for each in stored.values()} for form in ("original", "reading")
    )
    names = set(media.names())
    print(
        f"\n{len(stored)} picture addresses, {len(drawn)} pictures, {len(originals)} + {len(readings)} files"
    )
    print(f"{sum(map(media.size, names)):,} bytes in {len(names)} files")
    assert len(originals) == len(drawn) <= len(stored)
    assert names == originals | readings == modern.store.pictures.used_files()
    reached = {page.path.removeprefix("/media/") for page in crawled.of_kind("file")} - {
        "/static/mirror.svg"
    }
    assert readings <= reached <= names
    print(
        f"{len(names - reached)} of them in original size only, shown inside a link to something else"
    )


def test_nothing_is_to_be_pruned_after_a_harvest(modern: Harvest) -> None:
    done = CliRunner().invoke(prune, ["--dry-run"], obj=modern.settings)
    assert (done.exit_code, done.stdout) == (
        0,
        "0 articles, 0 pictures and 0 files (0 bytes) would be deleted\n",
    )
