"""Hidden characters: removed from stored titles and names, escaped in logs and terminals. Pure.

A reader cannot see these characters. They end lines, change the direction of the surrounding text
(Unicode Bidirectional Algorithm, UAX 9), move a terminal's cursor, or make two equal-looking names
differ.
"""

import re
import unicodedata
from collections.abc import Callable

# Scripts from Hebrew to Mongolian need these characters to join letters, break words and mix
# directions; emoji sequences need them to join.
_NEEDED = "[\u0590-\u1fff\u2300-\u27bf\ufe0f\U0001f000-\U0001faff][\u200b-\u200f\u061c]"
# The flag emoji of a region: a black flag, the region's code in tag characters, and a cancel tag
# (Unicode Emoji, UTS 51, ED-14a).
_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
_LINE_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_HIDDEN = re.compile(
    f"({_NEEDED}|{_FLAG})"
    # Controls; soft hyphen; zero-width spaces and joiners, direction marks; directional embeddings,
    # overrides and isolates.
    "|[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    # Lone surrogates, byte order mark, interlinear annotations, tags, noncharacters.
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# Unicode categories: controls, formats, surrogates, line separators, paragraph separators.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def without_hidden(text: str) -> str:
    r"""Return *text* without hidden characters, and with every line end as "\n".

    Hidden characters that a script or an emoji needs are kept.

    >>> (
    ...     without_hidden("新\u202e闻\x9b\u200b"),
    ...     without_hidden("a\u2028b"),
    ...     without_hidden("می\u200cخواهم"),
    ... )
    ('新闻', 'a\nb', 'می\u200cخواهم')
    """
    if text.isprintable():
        return text
    return _HIDDEN.sub(lambda match: match[1] or "", _LINE_ENDS.sub("\n", text))


def visible(text: str, quoted: Callable[[str], str] = ascii) -> str:
    r"""Return *text* on one line, with each hidden character escaped.

    *quoted* returns a quoted literal with escapes; its quotation marks are cut off.

    >>> visible("新\x1b[2K闻\n")
    '新\\x1b[2K闻\\n'
    """
    if text.isprintable():
        return text
    return "".join(
        quoted(each)[1:-1] if unicodedata.category(each) in _UNSEEN else each for each in text
    )
