"""Locate an article in its page's tree by its text, and keep the page's own structure. Pure.

A library says what the text is; this module finds the subtree that contains it. So code, lists,
tables, figures and their captions stay as the page has them.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from feedproxy import markup
from feedproxy.extract.players import MARK
from feedproxy.markup import Element

# The share of a candidate's text that the tree must contain, and of that the share that the
# located element must contain.
_MIN_FOUND, _MIN_INSIDE = 0.7, 0.99
# Shorter blocks, such as the words of a menu, may be in both by chance.
_MIN_BLOCK_CHARACTERS = 10
# The share of a block's pieces that the candidate contains, where it differs in spelling.
_MIN_PIECES, _PIECE_CHARACTERS = 0.7, 8
# How much text may be kept that the candidate lacks, such as tables and lists.
_MAX_MORE, _MORE_CHARACTERS = 0.5, 400
_MAX_LINKED = 0.5
# Elements without text of an article, unless the candidate has some of it.
_ASIDE = ("nav", "aside", "footer", "form", "button", "menu", "select", "header")
# Words in classes and IDs of what surrounds an article.
_SURROUNDINGS = re.compile(
    r"(?:^|[-_\s])(?:comments?|respond|related|recommend(?:ed|ations?)?|shar(?:e|ing)|social|promo|subscribe"
    r"|newsletter|sidebar|breadcrumbs?|tags?|author|bio|copyright|foot(?:er)?|nav(?:bar)?|menu|pag(?:er|ination)"
    r"|adverts?|ads?|sponsor(?:ed)?|hot|rank(?:ing)?|disclaimer|popular|cookies?|consent|toolbar|byline|meta"
    r"|date|hidden|tool|login|prev|next)(?:$|[-_\s])",
    re.IGNORECASE,
)
# Structure that candidates leave out, and that belongs to an article also at its ends.
_STRUCTURE = frozenset(("figure", "pre", "table", "ol", "dl", "blockquote", "details", "picture"))
_MEDIA = ("img", "picture", "video", "audio", "iframe", "embed", "object", "amp-img", "svg", "math")
_UNSEEN = frozenset(("script", "style", "noscript", "template", "head", "title"))


@dataclass(slots=True)
class _Texts:
    """The text of a tree by its blocks: sizes in characters without white space.

    *size* is the text below each element, *linked* the part of it in links, *found* the part that
    the candidate contains; *own* are the blocks with such text of their own. *place* numbers the
    blocks with text, *first* and *last* are the numbers of the first and last one that the
    candidate contains.
    """

    size: dict[Element, int] = field(default_factory=lambda: defaultdict(int))
    linked: dict[Element, int] = field(default_factory=lambda: defaultdict(int))
    found: dict[Element, int] = field(default_factory=lambda: defaultdict(int))
    own: set[Element] = field(default_factory=set)
    place: dict[Element, int] = field(default_factory=dict)
    first: int = -1
    last: int = -1


def locate(root: Element, candidate: str) -> Element | None:
    """Return the article's element, without its surroundings; None if the text is not in the tree.

    The tree is changed in place. *candidate* is the article's plain text, as a library found it.
    """
    text = _squeezed(candidate)
    texts = _texts(root, text)
    total = texts.found[root]
    if not text or total < _MIN_FOUND * len(text):
        return None
    element = root
    while element not in texts.own and (
        inside := [child for child in element if texts.found[child] >= _MIN_INSIDE * total]
    ):
        element = inside[0]
    _prune(element, texts)
    more = len(_squeezed(element.text_content())) - texts.found[element]
    return element if more <= _MAX_MORE * len(text) + _MORE_CHARACTERS else None


def _texts(root: Element, text: str) -> _Texts:
    pieces = {
        text[at : at + _PIECE_CHARACTERS] for at in range(max(1, len(text) - _PIECE_CHARACTERS + 1))
    }
    texts, own = _Texts(), dict[Element, list[str]]()
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in _UNSEEN:
            continue
        _note(element, element.text, own, texts)
        for child in element:
            _note(element, child.tail, own, texts)
    for block, parts in own.items():
        words = _squeezed("".join(parts))
        texts.place[block] = len(texts.place)
        if len(words) >= _MIN_BLOCK_CHARACTERS and _is_in(words, text, pieces):
            texts.own.add(block)
            texts.first = texts.place[block] if texts.first < 0 else texts.first
            texts.last = texts.place[block]
            for each in (block, *block.iterancestors()):
                texts.found[each] += len(words)
    return texts


def _note(element: Element, text: str | None, own: dict[Element, list[str]], texts: _Texts) -> None:
    """Add a text node to its block, and its size to all elements around it."""
    size = len("".join((text or "").split()))
    if not size:
        return
    block, is_linked = None, False
    for each in (element, *element.iterancestors()):
        is_linked = is_linked or each.tag == "a"
        block = each if block is None and each.tag in markup.BLOCKS else block
        texts.size[each] += size
        texts.linked[each] += size if is_linked else 0
    own.setdefault(element if block is None else block, []).append(text or "")


def _is_in(words: str, text: str, pieces: set[str]) -> bool:
    if words in text:
        return True
    own = {words[at : at + _PIECE_CHARACTERS] for at in range(len(words) - _PIECE_CHARACTERS + 1)}
    return bool(own) and len(own & pieces) >= _MIN_PIECES * len(own)


def _prune(element: Element, texts: _Texts) -> None:
    """Remove what surrounds an article inside its element."""
    for child in list(element):
        if not isinstance(child.tag, str):
            continue
        if texts.found[child]:
            _prune(child, texts)
        elif not _belongs(child, texts):
            markup.drop([child])


def _belongs(child: Element, texts: _Texts) -> bool:
    """Return whether an element without text of the candidate belongs to the article."""
    names = f"{child.get('class', '')} {child.get('id', '')}"
    if MARK in child.attrib:
        return True
    if child.tag in _ASIDE or _SURROUNDINGS.search(names):
        return False
    size = texts.size[child]
    has_media = any(each.tag in _MEDIA or MARK in each.attrib for each in child.iter())
    if not size:
        return True
    if child.tag not in markup.BLOCKS:
        return True
    if texts.linked[child] > _MAX_LINKED * size and child.tag not in _STRUCTURE and not has_media:
        return False
    places = [texts.place[each] for each in child.iter() if each in texts.place]
    is_inside = bool(places) and texts.first < min(places) and max(places) < texts.last
    has_structure = (
        child.tag in _STRUCTURE or next(child.iter(*_STRUCTURE), None) is not None or has_media
    )
    return is_inside or (has_structure and texts.linked[child] <= _MAX_LINKED * size)


def _squeezed(text: str) -> str:
    return "".join(text.split())
