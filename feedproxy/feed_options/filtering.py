"""Filter the articles of a feed by a reader's options."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import islice

from feedproxy import markup
from feedproxy.feed_options.parameters import FeedOptions
from feedproxy.feed_options.patterns import CompiledFilter, compile_all
from feedproxy.model import Article

# The number of newest articles that a filter examines: more than a feed shows, so that filters find
# enough.
WINDOW = 500
# The most steps for all searches of a request; a step is one byte times one instruction. In the
# worst case RE2 takes 1 or 2 ns for a step (measured). A text of 5,000 characters takes 240,000
# steps for "台湾|香港".
_MAX_STEPS = 1_000_000_000
# The characters of a text that are examined; the longest real text has 60,000.
_MAX_CHARACTERS = 100_000
_CHARACTER_BYTES = 3


class _FilteredArticle:
    """An article to filter; its plain text is computed on first use."""

    def __init__(self, article: Article) -> None:
        self.article, self.characters = article, 0

    @cached_property
    def text(self) -> str:
        text = markup.text_of(markup.fragment(self.article.body))[:_MAX_CHARACTERS]
        self.characters = len(text)
        return text


def _title_and_text(looked: _FilteredArticle) -> Iterator[str]:
    yield looked.article.title
    yield looked.text


_PARTS: Mapping[str, Callable[[_FilteredArticle], Iterator[str]]] = {
    "title": lambda looked: iter((looked.article.title,)),
    "author": lambda looked: iter(looked.article.authors),
    "category": lambda looked: iter(looked.article.tags),
    "description": lambda looked: iter((looked.text,)),
    "": _title_and_text,
}
# Filters that do not need the text are applied first.
_ORDER = tuple(_PARTS)


def pick(articles: Sequence[Article], options: FeedOptions, limit: int) -> list[Article]:
    """Return at most *limit* of *articles*, newest first, that match *options*.

    *within_s* counts back from the newest of *articles*, so the result does not depend on a clock.
    Once the limit on steps is reached, no more articles are examined; large expressions reach it
    sooner.

    Raises:
        OptionError: an expression is invalid; `parse_options` rejects such options.

    """
    if options.within_s and articles:
        since = articles[0].published - timedelta(seconds=options.within_s)
        articles = [article for article in articles if article.published >= since]
    searches = compile_all(options.expressions, is_sensitive=options.is_sensitive)
    ordered = sorted(searches, key=lambda search: _ORDER.index(_part_of(search)))
    return list(islice(_fitting(articles, ordered), limit))


def _fitting(articles: Sequence[Article], searches: Sequence[CompiledFilter]) -> Iterator[Article]:
    size, steps = sum(search.size for search in searches), 0
    for article in articles:
        looked = _FilteredArticle(article)
        if all(_fits(search, looked) for search in searches):
            yield article
        steps += size * _CHARACTER_BYTES * looked.characters
        if steps > _MAX_STEPS:
            return


def _fits(search: CompiledFilter, looked: _FilteredArticle) -> bool:
    is_found = any(map(search.finds, _PARTS[_part_of(search)](looked)))
    return is_found != search.name.startswith("filterout")


def _part_of(search: CompiledFilter) -> str:
    return search.name.partition("_")[2]
