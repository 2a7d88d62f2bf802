"""The kinds of text, kept apart by the type checker: upstream and clean HTML, upstream addresses and the mirror's own."""

from typing import NewType

DirtyHtml = NewType("DirtyHtml", str)
SafeHtml = NewType("SafeHtml", str)
Url = NewType("Url", str)
MirrorPath = NewType("MirrorPath", str)
ArticleId = NewType("ArticleId", str)
