"""The real mirror's pages in their Markdown form, against those that are made from the harvested articles.

Prints what differs; run it alone with `pytest -n0 -s tests/test_corpus_markdown.py`.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from gitpages import markdown_page
from realsite import SHARED, Harvest
from seedform import SeedPage, read_seed

from feedproxy.model import ArticleId, Links

pytestmark = pytest.mark.corpus
_LEAST = 0.995
_MOST_EDITIONS = 0.02
# An older script wrote it without the note.
_LABELS = ("原文链接（需翻墙）", "原文链接")


def made(modern: Harvest, section: str, channel: str, article_id: str) -> SeedPage:
    return read_seed(
        markdown_page(
            modern.mirror, modern.store, section, channel, ArticleId(article_id), Links.SEED
        )
    )


def of_file(file: Path) -> SeedPage:
    return read_seed(file.read_text("utf-8", "replace"))


def differing(ours: SeedPage, theirs: SeedPage) -> list[str]:
    """Return the names of the parts that differ."""
    return [
        name
        for name in SeedPage.__dataclass_fields__
        if getattr(ours, name) != getattr(theirs, name)
    ]


def text_of(page: SeedPage) -> SeedPage:
    """Return what is the same wherever the page stands."""
    return replace(page, navigation=(), label="")


def pages() -> list[Path]:
    """Return the pages that an index lists, in the order in which the stand-in takes the first copy of an article."""
    return [
        file
        for index in sorted((SHARED / "mirror").glob("*/indexes/*.csv"))
        for file in sorted((index.parents[1] / "pages" / index.stem).glob("*.md"))
    ]


def test_the_seed_and_the_page_made_of_its_article_are_equal(modern: Harvest) -> None:
    assert made(modern, "epoch-news", "nf1412576", "n13365715") == of_file(
        SHARED / "seed" / "n13365715.md"
    )


def test_the_pages_of_the_real_mirror_and_those_made_of_the_articles_are_equal_trees(
    some: Harvest,
) -> None:
    """A page of another edition of an article than the one that the stand-in serves can't be made of what it serves."""
    served: dict[str, SeedPage] = {}
    labels, editions, different = 0, list[str](), list[str]()
    sections, count = {section.name for section in some.mirror.sections}, 0
    for file in pages():
        section, channel, theirs = file.parts[-4], file.parts[-2], of_file(file)
        edition = served.setdefault(file.stem, text_of(theirs))
        if section not in sections:
            continue
        count, ours = count + 1, made(some, section, channel, file.stem)
        assert theirs.label in _LABELS
        labels += theirs.label != ours.label
        if parts := differing(ours, replace(theirs, label=ours.label)):
            is_other = edition != text_of(theirs)
            (editions if is_other else different).append(
                f"{section}/{channel}/{file.stem}: {', '.join(parts)}"
            )
    print(f"\n{count} pages, {labels} with the older label")
    print(f"other editions than the one that is served: {len(editions)}", *editions, sep="\n  ")
    print(f"different otherwise: {len(different)}", *different, sep="\n  ")
    assert len(different) <= (1 - _LEAST) * (count - len(editions))
    assert len(editions) <= _MOST_EDITIONS * count
