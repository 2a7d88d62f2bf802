"""Find the results of a search and prepare them for its page."""

from collections.abc import Collection

from feedproxy import paths
from feedproxy.markup import clean_text_of
from feedproxy.model import Article, ArticleId
from feedproxy.output import render
from feedproxy.output.context import RenderContext
from feedproxy.output.selectors import FeedSelector
from feedproxy.search_terms import Query

# 20 results make a page of at most 35 KB, however many words are highlighted.
_MATCHES = 20
# The characters of a text that an excerpt shows, and how many of them precede the first match.
_SHOWN, _BEFORE = 120, 30


def found_of(
    context: RenderContext, selector: FeedSelector, before: ArticleId | None
) -> render.SearchResults | None:
    """Return the newest articles that match a search, and the links to newer and older results.

    *before* limits the results to articles older than that one.
    """
    if selector.words is None:
        return None
    found = context.store.search.find(
        selector.words, selector.channel_ids, _MATCHES + 1, before=before
    )
    shown = found[:_MATCHES]
    channels = context.store.channels_of([article.id for article in shown])
    matches = tuple(
        _match(context, article, channels[article.id], selector.words) for article in shown
    )
    first_page = f"{paths.relative(paths.SEARCH, paths.SEARCH)}?{selector.query}"
    return render.SearchResults(
        matches,
        first_page if before else "",
        f"{first_page}&before={shown[-1].id}" if len(found) > _MATCHES else "",
    )


def _match(
    context: RenderContext, article: Article, channels: Collection[str], words: Query
) -> render.SearchResult:
    page = paths.relative(context.page_of(article.id, channels, ""), paths.SEARCH)
    text = clean_text_of(article.body)
    first = next(iter(words.spans(text)), (0, 0))[0]
    start = max(0, first - _BEFORE)
    excerpt = "…" * (start > 0) + text[start : start + _SHOWN] + "…" * (start + _SHOWN < len(text))
    return render.SearchResult(
        href=paths.suffixed(page, article.id),
        title=_marked(article.title, words),
        excerpt=_marked(excerpt, words),
        published=article.published.astimezone(context.mirror.timezone_of(article.site)),
    )


def _marked(text: str, words: Query) -> tuple[render.Fragment, ...]:
    """Return a text in fragments, each with whether it matches a search term."""
    fragments, position = list[render.Fragment](), 0
    for start, end in words.spans(text):
        fragments.append(render.Fragment(text[position:start], is_match=False))
        fragments.append(render.Fragment(text[start:end], is_match=True))
        position = end
    fragments.append(render.Fragment(text[position:], is_match=False))
    return tuple(fragment for fragment in fragments if fragment.text)
