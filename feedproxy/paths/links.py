"""Links to paths of the mirror: relative to the linking page, or absolute, with a query. Pure."""

import posixpath
from functools import lru_cache

from feedproxy.model import MirrorPath


def suffixed(path: str, article_id: str) -> str:
    """Return *path* with the ID of the linking article as a query, before any fragment.

    It is unchanged if *article_id* is "".

    >>> suffixed("../c1/n1.md#note", "n2")
    '../c1/n1.md?n2#note'
    """
    if not article_id:
        return path
    path, mark, fragment = path.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{article_id}{mark}{fragment}"


def chosen(path: str, parameter: str) -> str:
    """Return *path* with a parameter of a reader's choice, before the rest of its query.

    >>> chosen("../c1/n1.md?n2#note", "opencc=s2t"), chosen("?", "opencc=s2t")
    ('../c1/n1.md?opencc=s2t&n2#note', '?opencc=s2t')
    """
    before, mark, fragment = path.partition("#")
    page, _, query = before.partition("?")
    return f"{page}?{'&'.join(filter(None, (parameter, query)))}{mark}{fragment}"


def relative(target: MirrorPath, page: MirrorPath) -> str:
    """Return *target* as a relative link on *page*, which works below any root.

    >>> relative(MirrorPath("/news"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../..'
    >>> relative(MirrorPath("/other"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../../../other'
    >>> relative(MirrorPath("/"), MirrorPath("/news"))
    '.'
    """
    return _relative(target, posixpath.dirname(page))


# Pages in one folder have most links in common.
_relative = lru_cache(2_000)(posixpath.relpath)


def from_root(target: MirrorPath, page: MirrorPath) -> str:
    """Return *target* as a link on *page* by way of the root.

    The navigation of git-hosted mirrors uses such links.

    >>> from_root(MirrorPath("/news"), MirrorPath("/news/blob/master/pages/c1/n1.md"))
    '../../../../../news'
    """
    return "../" * (page.count("/") - 1) + target.removeprefix("/")


def absolute(target: MirrorPath, public_url: str, key: str = "", query: str = "") -> str:
    """Return the absolute URL of *target*, with *query* and the reader's access *key*.

    *public_url* is the mirror's public address, without "/" at its end.

    >>> absolute(MirrorPath("/news"), "https://mirror.example.org")
    'https://mirror.example.org/news'
    >>> suffixed(absolute(MirrorPath("/news"), "https://mirror.example.org", "secret"), "n13000001")
    'https://mirror.example.org/news?key=secret&n13000001'
    """
    parameters = "&".join(part for part in (query, f"key={key}" if key else "") if part)
    return public_url + target + (f"?{parameters}" if parameters else "")
