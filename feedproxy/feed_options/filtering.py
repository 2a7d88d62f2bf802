"""Which articles of a feed a reader wants."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import islice

from feedproxy import markup
from feedproxy.feed_options.parameters import FeedOptions
from feedproxy.feed_options.patterns import CompiledFilter, compile_all
from feedproxy.model import Article

# How many of the newest articles a filter looks at, so that it finds more than what a feed shows anyway.
WINDOW = 500
# How many steps, a byte by one instruction, all searches of a request take at most: RE2 takes 1 or 2 ns for one at the
# worst (measured), and a text of 5,000 characters for "台湾|香港" 240,000.
_MAX_STEPS = 1_000_000_000
# Of a text so much is looked at; the longest real one has 60,000.
_MAX_CHARACTERS = 100_000
_CHARACTER_BYTES = 3


class _FilteredArticle:
    """An article as filters see it; its text is made when one asks for it."""

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
# Those that need no text come first.
_ORDER = tuple(_PARTS)


def pick(articles: Sequence[Article], choice: FeedOptions, limit: int) -> list[Article]:
    """Return those of *articles*, newest first, that *choice* leaves, at most *limit*.

    A wish for the last so many seconds counts back from the newest of *articles*, as no clock decides what a feed holds.
    Large expressions look at fewer articles than small ones.

    Raises:
        ChoiceError: an expression is none; `parse_options` makes no such choice.

    """
    if choice.within_s and articles:
        since = articles[0].published - timedelta(seconds=choice.within_s)
        articles = [article for article in articles if article.published >= since]
    searches = compile_all(choice.expressions, is_sensitive=choice.is_sensitive)
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
