"""The real pages: harvested from the stand-in upstream in ../shared, compared with the mirror it was made from.

Prints its figures; run it alone with `pytest -n0 -s tests/test_corpus.py`.
"""

import difflib
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest
from feedcheck import check_atom, check_json_feed, check_rss
from lxml import html
from realsite import CONFIG, NOW, SHARED, Harvest, harvest, of_sections, stand_in

from feedproxy.characters import without_hidden
from feedproxy.configuration import load_mirror
from feedproxy.media import FolderMedia
from feedproxy.sanitise import plain_text
from feedproxy.web import create_app

pytestmark = pytest.mark.corpus
LAYOUTS = ("modern", "classic")
_WHITE = re.compile(r"\s+")
MAX_FEED_ITEMS = 20


@pytest.fixture(params=LAYOUTS)
def harvested(request: pytest.FixtureRequest) -> Harvest:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Harvest)
    return found


def squeezed(text: str) -> str:
    return _WHITE.sub("", without_hidden(text))


def text_of(markup: str) -> str:
    root = html.fragment_fromstring(markup, create_parent="div")
    return squeezed(
        "".join(root.xpath(".//text()[not(ancestor::script) and not(ancestor::style)]"))
    )


@dataclass
class Copies:
    """What the mirrored pages of an article say: one stands in each of its channels, some from an earlier day than others."""

    titles: set[str] = field(default_factory=set)
    leads: set[bool] = field(default_factory=set)
    captions: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


def mirrored(article_id: str) -> Copies:
    copies = Copies()
    for file in sorted(SHARED.glob(f"mirror/*/pages/*/{article_id}.md")):
        page = file.read_text("utf-8", errors="replace")
        markup = page[page.find("<div") : page.rfind("\n---\n")]
        lead, _, body = markup.rpartition("</div></div><hr/>")
        copies.titles.add(page.split("\n", 1)[0].removeprefix("### ").strip())
        copies.leads.add("<img" in lead)
        copies.captions.add(text_of(lead.partition('<div class="caption">')[2]) if lead else "")
        copies.texts.add(text_of(body or markup))
    return copies


def common_start(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next(
        (index for index, (one, other) in pairs if one != other), min(len(first), len(second))
    )


def similarity(got: str, wanted: str) -> float:
    """Return the share of characters that two texts have in common, in order."""
    start = common_start(got, wanted)
    end = common_start(got[start:][::-1], wanted[start:][::-1])
    middle = difflib.SequenceMatcher(
        None, got[start : len(got) - end], wanted[start : len(wanted) - end], autojunk=False
    )
    common = start + end + sum(block.size for block in middle.get_matching_blocks())
    return 2 * common / (len(got) + len(wanted))


def test_every_article_of_every_channel_is_brought_once(harvested: Harvest) -> None:
    site, published = harvested.fetcher.site, harvested.published()
    assert set(harvested.articles()) == published
    assert len(harvested.mirror.sections) == 1 or published == set(site.articles)
    asked = [path for path in harvested.fetcher.asked if re.search(r"/n\d+\.htm$", path)]
    assert len(asked) == len(set(asked)) == len(published)
    for channel in harvested.mirror.channels:
        stored = {article.id for article in harvested.store.newest([channel.id], 10_000)}
        assert stored == set(site.channels[channel.id]["order"])


def test_articles_equal_the_mirrored_pages(harvested: Harvest) -> None:
    articles, site = harvested.articles(), harvested.fetcher.site
    wrong: dict[str, list[str]] = {
        "title": [],
        "day": [],
        "picture": [],
        "caption": [],
        "tags": [],
        "text": [],
    }
    least = 1.0
    for article_id, article in articles.items():
        wanted, upstream = mirrored(article_id), site.articles[article_id]
        tags = tuple(dict.fromkeys(unquote(tag) for tag in upstream["tags"]))
        checks = {
            "title": article.title in wanted.titles,
            "day": article.published.astimezone(stand_in().CST).date()
            == upstream["published"].date(),
            "picture": (article.picture is not None) in wanted.leads,
            "caption": squeezed(article.picture.caption if article.picture else "")
            in wanted.captions,
            "tags": article.tags == tags,
        }
        text = squeezed(plain_text(article.body))
        checks["text"] = text in wanted.texts
        if not checks["text"]:
            least = min(least, max(similarity(text, each) for each in wanted.texts))
        for name, holds in checks.items():
            if not holds:
                wrong[name].append(article_id)
    shares = {name: 1 - len(ids) / len(articles) for name, ids in wrong.items()}
    print(
        f"\n{len(articles)} articles, equal:",
        {name: f"{share:.2%}" for name, share in shares.items()},
        f"least alike: {least:.2%}",
    )
    print({name: ids for name, ids in wrong.items() if ids})
    assert (
        wrong["title"]
        == wrong["day"]
        == wrong["picture"]
        == wrong["caption"]
        == wrong["tags"]
        == []
    )
    assert shares["text"] >= 0.995
    assert least >= 0.98


def test_no_white_space_of_mark_up_stands_between_chinese_characters(harvested: Harvest) -> None:
    broken = re.compile(r"[\u4e00-\u9fff]\s*\n\s*[\u4e00-\u9fff]")
    for article in harvested.articles().values():
        assert not broken.search(article.title)
        assert not broken.search(
            re.sub(r"<(?!/?(?:p|div|br|h\d|li|td|tr)\b)[^>]*>", "", article.body)
        )


def test_all_feeds_of_the_real_site_are_valid(modern: Harvest) -> None:
    app = create_app(
        modern.settings,
        modern.mirror,
        modern.store,
        FolderMedia(modern.settings.media),
        lambda: NOW,
    )
    client = app.test_client()
    schemas = SHARED / "schemas"
    selectors = ["all", *(section.name for section in modern.mirror.sections)]
    selectors += [
        f"{section.name}/{channel.id}"
        for section in modern.mirror.sections
        for channel in section.channels[:3]
    ]
    for scope in selectors:
        assert check_rss(client.get(f"/feed/{scope}.xml").data) == []
        assert (
            check_atom(client.get(f"/feed/{scope}.atom").data, schema=schemas / "atom-rfc4287.rng")
            == []
        )
        assert (
            check_json_feed(client.get(f"/feed/{scope}.json").data, schema=schemas / "feed.json")
            == []
        )


def test_both_layouts_give_equal_articles(modern: Harvest, classic: Harvest) -> None:
    articles = modern.articles()
    assert {each: articles[each] for each in classic.published()} == classic.articles()


@pytest.mark.soak
def test_the_whole_site_in_its_older_layout_gives_equal_articles(
    modern: Harvest, tmp_path: Path
) -> None:
    whole = harvest("classic", tmp_path, modern.mirror)
    assert whole.articles() == modern.articles()
    whole.store.close()


def test_rss_listings_bring_the_newest_and_backfill_the_rest(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    for file in (config / "sections").iterdir():
        file.write_text(file.read_text("utf-8").replace('kind = "html"', 'kind = "feed"'), "utf-8")
    mirror = of_sections(load_mirror(config), slice(1))
    once = harvest("modern", tmp_path / "var", mirror, pages=1)
    orders = [once.fetcher.site.channels[channel.id]["order"] for channel in mirror.channels]
    newest = set(once.articles())
    assert newest == {each for order in orders for each in order[::-1][:MAX_FEED_ITEMS]}
    once.store.close()
    deep = harvest("modern", tmp_path / "var", mirror)
    assert set(deep.articles()) == deep.published() > newest
    deep.store.close()
