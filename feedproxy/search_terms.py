"""Search terms: split a text into tokens, parse a query, and find its words in a text. Pure.

Chinese has no spaces between words, so every two adjacent characters in a run of Chinese, Japanese
or Korean are a token; in other scripts every whole word is one. Tokens select the texts that may
match a query; the text itself decides whether it does. Apart from `feed_options`, the only module
that imports opencc.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from opencc import OpenCC

from feedproxy.errors import OptionError

MAX_CHARACTERS, MAX_WORDS = 100, 8
# How much of a text is searched; the longest real one has 60,000 characters.
_MAX_TEXT = 100_000
# Longer words are cut to this length.
_MAX_TOKEN = 40
_CJK = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_FIRST_CJK = "\u3005"
# A lookahead, as each character of a run except the last begins a pair: three times as fast as
# splitting runs.
_PAIR = re.compile(rf"(?=([{_CJK}]{{2}}))")
_WORD = re.compile(rf"[^\W_{_CJK}]+")
_KNOWN = re.compile(rf"[{_CJK}]|[^\W_]")
_ASKED = re.compile(r'"(?P<phrase>[^"]*)"|“(?P<quoted>[^“”]*)”|(?P<word>[^\W_]+)')
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Query:
    """A reader's query.

    A text must contain all *words*, which are folded and sorted. A word with a space is a phrase.
    """

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The query in normal form, which is parsed to the same query.

        >>> parse_query('台灣 "New  York" 台湾').text
        '"new york" 台湾'
        """
        return " ".join(word if word.isalnum() else f'"{word}"' for word in self.words)

    @property
    def tokens(self) -> frozenset[str]:
        """The tokens of every text that contains all words."""
        return frozenset().union(*map(tokens_of, self.words))

    @property
    def is_of_tokens(self) -> bool:
        """Whether each word is one token, so that a text with all tokens contains all words."""
        return all(tokens_of(word) == [word] for word in self.words)

    def is_in(self, text: str) -> bool:
        """Return whether a text that has all tokens contains all words."""
        if all(
            word in text[:_MAX_TEXT] for word in self.words
        ):  # true for most texts, and folding is the slowest step
            return True
        folded = fold(text[:_MAX_TEXT])
        return all(word in folded for word in self.words)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the positions of the words in a text, in order; adjacent ones are merged.

        >>> parse_query("台灣 弯道").spans("在台湾湾道")
        [(1, 3)]
        """
        folded = fold(text)
        found: list[tuple[int, int]] = []
        for start, end in sorted(span for word in self.words for span in _places(word, folded)):
            if found and start <= found[-1][1]:
                found[-1] = found[-1][0], max(end, found[-1][1])
            else:
                found.append((start, end))
        return found


def parse_query(given: str) -> Query:
    """Return a reader's query.

    Words are separated by anything but letters and digits; phrases are in quotation marks.

    Raises:
        OptionError: the query has no word that can be found, or is too long.

    """
    if len(given) > MAX_CHARACTERS:
        raise OptionError("q", f"takes at most {MAX_CHARACTERS} characters")
    words = sorted(
        {word for word in map(_word, _ASKED.finditer(fold(given))) if _KNOWN.search(word)}
    )
    if len(words) > MAX_WORDS:
        raise OptionError("q", f"takes at most {MAX_WORDS} words")
    query = Query(tuple(words))
    if not query.tokens:
        raise OptionError(
            "q", "takes words of two Chinese characters or more, or words of letters and digits"
        )
    return query


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a text, which contain letters and digits only, with repetitions.

    >>> tokens_of("臺灣人用 iPhone")
    ['台湾', '湾人', '人用', 'iphone']
    """
    folded = fold(text[:_MAX_TEXT])
    return _PAIR.findall(folded) + [word[:_MAX_TOKEN] for word in _WORD.findall(folded)]


def fold(text: str) -> str:
    """Return *text* without differences of case, width, and simplified or traditional Chinese.

    Each character is folded to one character.

    >>> fold("ＡＢ臺灣頭髮")
    'ab台湾头发'
    """
    return text.translate(_FOLDED)


class _Folded(dict[int, str]):
    """Cache of the fold of each character: one character, so that positions stay valid."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        for folding in (
            lambda each: unicodedata.normalize("NFKC", each),
            str.casefold,
            _simplified,
        ):
            folded = folding(letter)
            letter = folded if len(folded) == 1 else letter
        self[code] = letter
        return letter


_FOLDED = _Folded()


def _simplified(letter: str) -> str:
    return _converter().convert(letter) if letter >= _FIRST_CJK and letter.isalpha() else letter


@cache
def _converter() -> OpenCC:
    """Return the one converter of this process: its tables take 20 ms and 5 MB."""
    return OpenCC("t2s")


def _word(match: re.Match[str]) -> str:
    return _SPACES.sub(" ", match["word"] or match["phrase"] or match["quoted"] or "").strip()


def _places(word: str, folded: str) -> Iterator[tuple[int, int]]:
    at = folded.find(word)
    while at >= 0:
        yield at, at + len(word)
        at = folded.find(word, at + len(word))
