"""Decide whether an extracted text is the complete article. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from feedproxy import markup

# Minimum share of a page's visible text that belongs to the article. Measured on 891 real pages,
# except pages with films, the lowest share is 0.1.
_MIN_SHARE = 0.03
# Maximum share of an article's text inside links; the highest on the same pages is 0.46.
_MAX_LINKED = 0.6
_MIN_EXCERPT_CHARACTERS = 40
# The end marker must be in the last characters: only a name or a copyright line follows it.
_END_CHARACTERS = 400
# A line more, such as "The post ... appeared first on ...", does not make an excerpt another text.
_MIN_COVERED = 0.8
_STRUCTURE = (
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "tr", "pre", "code", "blockquote"),
    *("img", "figcaption", "video", "audio", "a"),
)
# The length of the pieces by which texts are compared.
_PIECE_CHARACTERS = 8
_SENTENCES = re.compile(r"[。！？!?.…\n]+\s*")
_MIN_SENTENCE_CHARACTERS = 6
# A single neighbour with the same text is allowed: it is an article that was published twice.
_MIN_TWINS, _MIN_TWIN_SHARE = 2, 0.8


@dataclass(frozen=True, slots=True)
class Flaw:
    """A sign that an article is incomplete; with a *minor* flaw the text may still be complete."""

    reason: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """An article's text and its figures.

    *linked* is its number of characters inside links, *visible* the number on the whole page, both
    without white space. *has_media* is whether it has pictures, video or audio. *structure* is its
    number of elements with a meaning, such as paragraphs, list items and pictures.
    """

    text: str
    linked: int
    has_media: bool
    visible: int
    structure: int = 0


def content_of(body: markup.Element, visible: int) -> Content:
    """Return the text and figures of an article's clean body.

    *visible* is the number of characters that its page shows.
    """
    linked = sum(_size(link.text_content()) for link in body.iter("a") if link.get("href"))
    return Content(
        markup.text_of(body),
        linked,
        next(body.iter("img", "video", "audio"), None) is not None,
        visible,
        sum(1 for _ in body.iter(*_STRUCTURE)),
    )


def find_flaw(
    content: Content,
    *,
    excerpt: str = "",
    neighbours: Iterable[frozenset[str]] = (),
    end_marker: str = "",
) -> Flaw | None:
    """Return the flaw of an article, None if it has none.

    Args:
        content: the text and figures of the article.
        excerpt: the excerpt in the listing.
        neighbours: the sentences of other articles of its channel.
        end_marker: a string near the end of every complete article, "" if there is none.

    """
    text, linked = content.text, content.linked
    size = _size(text)
    if not content.has_media and size < _MIN_SHARE * content.visible:
        return Flaw(f"{size} characters of text on a page of {content.visible}")
    if (
        not content.has_media
        and _size(excerpt) >= _MIN_EXCERPT_CHARACTERS
        and size < _size(excerpt)
        and covered(excerpt, text) < _MIN_COVERED
    ):
        return Flaw(
            f"{size} characters of text, fewer than its excerpt's {_size(excerpt)}, "
            "most of which it does not contain"
        )
    if linked > _MAX_LINKED * size:
        return Flaw(f"{linked} of {size} characters of text are links")
    if _is_boilerplate(text, neighbours):
        return Flaw("the same text as other articles of its channel")
    return _minor_flaw(text, end_marker)


def _minor_flaw(text: str, end_marker: str) -> Flaw | None:
    if reason := markup.undecodable(text):
        return Flaw(reason, is_minor=True)
    if end_marker and end_marker not in text[-_END_CHARACTERS:]:
        return Flaw(f"no {end_marker!r} at its end", is_minor=True)
    return None


def _size(text: str) -> int:
    return len("".join(text.split()))


def _is_boilerplate(text: str, neighbours: Iterable[frozenset[str]]) -> bool:
    """Return whether at least two other texts contain most (80%) of a text's sentences.

    The threshold allows the common introduction of a series.
    """
    own = sentences_of(text)
    size = sum(map(len, own))
    twins = sum(
        size > 0 and sum(map(len, own & each)) >= _MIN_TWIN_SHARE * size for each in neighbours
    )
    return twins >= _MIN_TWINS


def sentences_of(text: str) -> frozenset[str]:
    """Return the sentences of a text, except those shorter than six characters."""
    return frozenset(
        each for each in _SENTENCES.split(text) if len(each) >= _MIN_SENTENCE_CHARACTERS
    )


def covered(text: str, other: str) -> float:
    """Return the share of *text* that is also in *other*, whatever their white space.

    >>> covered("one two three four", "zero one two three four five"), covered("", "one")
    (1.0, 1.0)
    """
    own, others = _pieces(text), _pieces(other)
    return len(own & others) / len(own) if own else 1.0


def _pieces(text: str) -> set[str]:
    joined = "".join(text.split())
    last = max(1, len(joined) - _PIECE_CHARACTERS + 1)
    return {joined[at : at + _PIECE_CHARACTERS] for at in range(last)} if joined else set()
