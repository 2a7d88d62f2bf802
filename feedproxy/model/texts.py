"""Types of text, kept apart by the type checker: dirty and clean HTML, upstream URLs, paths."""

from typing import NewType

DirtyHtml = NewType("DirtyHtml", str)
SafeHtml = NewType("SafeHtml", str)
Url = NewType("Url", str)
MirrorPath = NewType("MirrorPath", str)
ArticleId = NewType("ArticleId", str)


def one_line(text: str) -> str:
    r"""Return *text* with each run of white space as one space, and none at its ends.

    Headlines are compared in this form.

    >>> one_line(" 一  二\u3000三\n")
    '一 二 三'
    """
    return " ".join(text.split())
