"""Choose the picture of a `srcset` that suits reading best. Pure.

It follows the algorithm of HTML, 4.8.4.2.2 ("parsing a srcset attribute"), in one pass, as values
from upstream may be long.
"""

import re
from collections.abc import Iterator

# The width of a text column on a double-density screen, and on a plain one; a wider picture costs
# more and shows no more.
_WIDE_PX, _COLUMN_PX = 1200, 600
_SPACES = " \t\n\f\r"
_START = re.compile(rf"[{_SPACES},]*+([^{_SPACES}]++)")
# Up to the next comma outside parentheses.
_DESCRIPTORS = re.compile(r"(?:[^,(]++|\([^)]*+\)?)*+")
_WIDTH = re.compile(r"0*[1-9][0-9]{0,5}w")
_HEIGHT = re.compile(r"0*[1-9][0-9]{0,5}h")
_DENSITY = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9])?x")


def best_candidate(*srcsets: str) -> str:
    """Return the address of the best candidate for reading in some `srcset`s, "" if there is none.

    It is the narrowest picture that fills a column on a double-density screen, else the widest. The
    width of a candidate without one is that of a column, times its density. `data:` URLs are
    skipped.
    >>> best_candidate("/a-300.jpg 300w, /a-1600.jpg 1600w, /a-4000.jpg 4000w")
    '/a-1600.jpg'
    >>> best_candidate("/a.jpg, /a@2.jpg 2x")
    '/a@2.jpg'
    """
    widths: dict[float, str] = {}
    for srcset in srcsets:
        for url, descriptors in _candidates(srcset):
            width = _width_of(descriptors)
            if width and url[:5].lower() != "data:":
                widths.setdefault(width, url)
    wide = [width for width in widths if width >= _WIDE_PX]
    return widths[min(wide)] if wide else widths[max(widths)] if widths else ""


def _candidates(srcset: str) -> Iterator[tuple[str, str]]:
    """Yield each address with its descriptors."""
    at = 0
    while start := _START.match(srcset, at):
        url, at = start[1], start.end()
        if url.endswith(","):
            yield url.rstrip(","), ""
            continue
        descriptors = _DESCRIPTORS.match(srcset, at)
        at = descriptors.end() if descriptors else at
        yield url, descriptors[0] if descriptors else ""


def _width_of(descriptors: str) -> float:
    """Return the width of a candidate in pixels, 0 if its descriptors are invalid."""
    words = descriptors.split()
    match words:
        case []:
            return _COLUMN_PX
        case [density] if _DENSITY.fullmatch(density):
            return float(density[:-1]) * _COLUMN_PX
        case [width] if _WIDTH.fullmatch(width):
            return float(width[:-1])
        case [width, height] if _WIDTH.fullmatch(width) and _HEIGHT.fullmatch(height):
            return float(width[:-1])
        case [height, width] if _WIDTH.fullmatch(width) and _HEIGHT.fullmatch(height):
            return float(width[:-1])
        case _:
            return 0
