"""Pictures in several sizes: of the candidates of a `srcset`, the one that suits reading best. Pure.

By the algorithm of HTML, 4.8.4.2.2 ("parsing a srcset attribute"), in one pass, as what upstream sends may be long.
"""

import re
from collections.abc import Iterator

# Wide enough for a column on a screen of double density; what is wider costs more than it shows.
_WIDE_PX, _COLUMN_PX = 1200, 600
_SPACES = " \t\n\f\r"
_START = re.compile(rf"[{_SPACES},]*+([^{_SPACES}]++)")
# Up to the next comma that stands in no bracket.
_DESCRIPTORS = re.compile(r"(?:[^,(]++|\([^)]*+\)?)*+")
_WIDTH = re.compile(r"0*[1-9][0-9]{0,5}w")
_HEIGHT = re.compile(r"0*[1-9][0-9]{0,5}h")
_DENSITY = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9])?x")


def best_candidate(*srcsets: str) -> str:
    """Return the address that suits reading best among those of some `srcset`s, "" if there is none.

    It is the narrowest that fills a column on a screen of double density, else the widest; one without a width fills a
    column by its density. What is inlined does not count.

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
    """Return how many pixels wide a candidate is, 0 if its descriptors are not valid."""
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
