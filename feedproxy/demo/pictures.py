"""Generated pictures for the demo: hills, water, and a sun or a moon. Pure.

Each name has its own picture, which is always the same.
"""

import colorsys
import hashlib
import io
import math
from collections.abc import Iterator
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

_WIDTH, _HEIGHT = 960, 600
_WATER = 0.68
_RIDGES = 5
# Hues of the land by day (dusk, spring, pines, the sea, haze, heather), and at night.
_DAYS, _NIGHT = (0.06, 0.28, 0.4, 0.5, 0.58, 0.72), 0.62
_Colour = tuple[int, int, int]


def draw(name: str, *, is_night: bool = False) -> bytes:
    """Return the picture of *name* as PNG."""
    chance = Random(hashlib.sha256(name.encode()).digest())  # noqa: S311 (no secret: seeded by the name)
    hue = _NIGHT if is_night else chance.choice(_DAYS) + chance.uniform(-0.03, 0.03)
    picture = _sky(hue, is_night=is_night)
    _light(picture, chance, is_night=is_night)
    for number in range(_RIDGES):
        _ridge(picture, chance, hue, number / _RIDGES, is_night=is_night)
    _water(picture)
    written = io.BytesIO()
    picture.quantize(128).save(written, "PNG", optimize=True)
    return written.getvalue()


def _colour(hue: float, lightness: float, saturation: float) -> _Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)


def _sky(hue: float, *, is_night: bool) -> Image.Image:
    above, below = (0.12, 0.35) if is_night else (0.72, 0.93)
    shades = Image.linear_gradient("L").resize((_WIDTH, _HEIGHT))
    return ImageOps.colorize(shades, _colour(hue, above, 0.45), _colour(hue + 0.12, below, 0.6))


def _light(picture: Image.Image, chance: Random, *, is_night: bool) -> None:
    """Draw a sun, or a moon with stars."""
    pen = ImageDraw.Draw(picture)
    for _ in range(120 if is_night else 0):
        x, y = chance.randrange(_WIDTH), chance.randrange(_HEIGHT // 2)
        pen.ellipse((x, y, x + 2, y + 2), fill=(255, 255, 235))
    x, y, size = (
        chance.randrange(200, _WIDTH - 200),
        chance.randrange(60, 170),
        chance.randrange(38, 70),
    )
    pen.ellipse(
        (x - size, y - size, x + size, y + size),
        fill=(255, 250, 225) if is_night else (255, 238, 190),
    )


def _ridge(
    picture: Image.Image, chance: Random, hue: float, nearness: float, *, is_night: bool
) -> None:
    """Draw a range of hills; nearer ranges are lower and darker."""
    base = _HEIGHT * (0.38 + 0.3 * nearness)
    waves = [
        (
            chance.uniform(30, 90) / step,
            chance.uniform(0.6, 1.4) * step,
            chance.uniform(0, math.tau),
        )
        for step in (1, 2, 4, 8)
    ]
    lightness = (0.3 - 0.22 * nearness) if is_night else (0.75 - 0.45 * nearness)
    ImageDraw.Draw(picture).polygon(
        [(0, _HEIGHT), *_line(base, waves), (_WIDTH, _HEIGHT)],
        fill=_colour(hue + 0.05 * nearness, lightness, 0.35),
    )


def _line(base: float, waves: list[tuple[float, float, float]]) -> Iterator[tuple[float, float]]:
    for x in range(0, _WIDTH + 6, 6):
        yield (
            x,
            base
            - sum(
                height * math.sin(x / _WIDTH * math.tau * times + start)
                for height, times, start in waves
            ),
        )


def _water(picture: Image.Image) -> None:
    """Draw a lake below the shore: the picture above it, flipped, blurred and slightly darker."""
    shore = int(_HEIGHT * _WATER)
    depth = _HEIGHT - shore
    mirrored = ImageOps.flip(picture.crop((0, shore - depth, _WIDTH, shore))).filter(
        ImageFilter.BoxBlur(4)
    )
    picture.paste(mirrored.point(lambda value: value * 0.86), (0, shore))
    pen = ImageDraw.Draw(picture)
    for number in range(12):
        y = shore + 6 + number * number * 3 // 2
        if y < _HEIGHT:
            pen.line(
                (0, y, _WIDTH, y),
                fill=tuple(min(255, value + 18) for value in _at(picture, y)),
                width=1,
            )


def _at(picture: Image.Image, y: int) -> _Colour:
    red, green, blue = picture.getpixel((_WIDTH // 2, y))  # type: ignore[misc]  # an RGB picture has three
    return int(red), int(green), int(blue)
