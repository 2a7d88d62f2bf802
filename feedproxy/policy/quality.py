"""Whether what was found on a page is the whole article. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from feedproxy import markup

# Over 891 real pages the least share of a page's visible text that is its article's, but for films, is 0.1.
_MIN_SHARE = 0.03
# The most of an article's text that stands in links is 0.46 there.
_MAX_LINKED = 0.6
_MIN_EXCERPT_CHARACTERS = 40
# The end marker is followed by little: a name, a copyright line.
_END_CHARACTERS = 400
_SENTENCES = re.compile(r"[。！？!?.…\n]+\s*")
_MIN_SENTENCE_CHARACTERS = 6
# One neighbour with the same text is an article that was published twice.
_MIN_TWINS, _MIN_TWIN_SHARE = 2, 0.8


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an article is hardly whole; a *minor* one may come with a whole text all the same."""

    reason: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """An article's text; how many of its characters stand in links, and how many its page shows, white space apart."""

    text: str
    linked: int
    has_media: bool
    visible: int


def content_of(body: markup.Element, visible: int) -> Content:
    """Return what an article's clean body holds, whose page shows so many characters."""
    linked = sum(_size(link.text_content()) for link in body.iter("a") if link.get("href"))
    return Content(
        markup.text_of(body),
        linked,
        next(body.iter("img", "video", "audio"), None) is not None,
        visible,
    )


def find_flaw(
    content: Content,
    *,
    excerpt: str = "",
    neighbours: Iterable[frozenset[str]] = (),
    end_marker: str = "",
) -> Flaw | None:
    """Return what is wrong with an article, None if nothing is.

    Args:
        content: what it holds.
        excerpt: what the listing says of it.
        neighbours: the sentences of other articles of its channel.
        end_marker: what stands at the end of a whole article, if anything does.

    """
    text, linked = content.text, content.linked
    size = _size(text)
    if not content.has_media and size < _MIN_SHARE * content.visible:
        return Flaw(f"{size} characters of text on a page of {content.visible}")
    if (
        not content.has_media
        and _size(excerpt) >= _MIN_EXCERPT_CHARACTERS
        and size < _size(excerpt)
    ):
        return Flaw(f"{size} characters of text, fewer than its excerpt's {_size(excerpt)}")
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
    """Tell whether most of a text's sentences stand in several other texts; that a series begins alike is no fault of it."""
    own = sentences_of(text)
    size = sum(map(len, own))
    twins = sum(
        size > 0 and sum(map(len, own & each)) >= _MIN_TWIN_SHARE * size for each in neighbours
    )
    return twins >= _MIN_TWINS


def sentences_of(text: str) -> frozenset[str]:
    """Return the sentences of a text, but for the shortest."""
    return frozenset(
        each for each in _SENTENCES.split(text) if len(each) >= _MIN_SENTENCE_CHARACTERS
    )
