"""Encode the two variants of a picture: the original size, and a smaller one for reading. Pure.

The only module that imports Pillow; the web server never loads it.

Every picture is decoded and encoded again, so that only its pixels remain: no metadata, no comment,
no bytes behind the end, no second meaning as another kind of file.
"""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image, ImageSequence, UnidentifiedImageError

from feedproxy.errors import PictureError
from feedproxy.media.folder import MEDIA_TYPES, PictureFile, name_of
from feedproxy.model import ImageRules, MediaFile, StoredPicture, Url

# The formats that are decoded, and the format in which the original size of each is stored. Pillow
# does not decode SVG, which may contain scripts.
_KEPT_AS = {
    "AVIF": "WEBP",
    "BMP": "PNG",
    "GIF": "PNG",
    "JPEG": "JPEG",
    "MPO": "JPEG",
    "PNG": "PNG",
    "WEBP": "WEBP",
}
_DECODED = tuple(sorted(_KEPT_AS.keys() - {"MPO"}))
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_READING_QUALITY = 80
# A high quality: the picture was compressed with loss before, and is to lose little more.
_ORIGINAL_QUALITY = 90
# Takes half the time of the default, for 4 % more bytes.
_WEBP_METHOD = 2
_MAX_WEBP_PX = 16_383
# The formats that e-readers show. WebP is a core media type since EPUB 3.3 (3.2), but hardly any
# e-reader shows it.
_IN_BOOKS = tuple(MEDIA_TYPES[_ENDINGS[kind]] for kind in ("JPEG", "PNG"))
# The colour profiles of cameras and programs have 0.5 to 4 KB; a larger one carries other data.
_MAX_PROFILE_BYTES = 16_000
# Trying all filters of PNG takes seconds for pictures with more pixels.
_OPTIMIZED_PIXELS = 1_000_000
# Twenty seconds of animation; all frames are in memory at once.
_MAX_FRAMES = 500
# Each scan of a JPEG file is a pass over all its pixels. Cameras and programs write about a dozen.
# No other bytes look like a scan's marker (ITU T.81, B.1.1.3).
_JPEG, _SCAN, _MAX_SCANS = b"\xff\xd8", b"\xff\xda", 100
_EXIF_ORIENTATION = 0x0112
# The operation that turns a picture upright, by its orientation (Exif 2.32, 4.6.4 A).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises for broken files, and its warnings, for where warnings are turned into errors.
_FOREIGN = (
    *(
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
    ),
    *(
        SyntaxError,
        TypeError,
        ValueError,
        Warning,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ),
)


def make_variants(url: Url, body: bytes, rules: ImageRules) -> tuple[PictureFile, PictureFile]:
    """Return a picture in its original size, and its variant for reading.

    The variant for reading is WebP, at most `reading_width_px` wide; where the original is not
    wider and not larger in bytes, it serves as both. An animation becomes an animated WebP. An
    animation that has too many frames, or more than `max_pixels` in all frames together, or that
    ends too early, is stored as its first frame.

    Raises:
        PictureError: *body* is not a picture in a supported format, is broken, or is too large.

    """
    if len(body) > rules.max_bytes:
        raise PictureError(url, f"picture of {len(body)} bytes is larger than {rules.max_bytes}")
    if body.startswith(_JPEG) and body.count(_SCAN) > _MAX_SCANS:
        raise PictureError(url, f"picture of more than {_MAX_SCANS} scans takes too long")
    # `_check_size` applies the limit before anything is decoded. Pillow applies it as well, where a
    # frame makes the picture larger than its header says.
    Image.MAX_IMAGE_PIXELS = rules.max_pixels
    try:
        with Image.open(io.BytesIO(body), formats=_DECODED) as image:
            _check_size(url, image, rules)
            moving = _moving(image, rules)
        if moving:
            return moving
        with Image.open(io.BytesIO(body), formats=_DECODED) as image:
            return _still(image, body, rules)
    except UnidentifiedImageError as e:
        raise PictureError(url, "is not a picture of a supported format") from e
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise PictureError(url, f"picture has more pixels than {rules.max_pixels} in all") from e
    except _FOREIGN as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        raise PictureError(url, f"picture can't be read: {reason}") from e


def make_book_variant(
    stored: StoredPicture, read: Callable[[str], bytes | None], rules: ImageRules
) -> PictureFile | None:
    """Return a stored picture for e-readers: JPEG, or PNG if it is transparent.

    It is at most `reading_width_px` wide, and a still picture. A stored variant that meets this is
    returned unchanged. *read* returns a file's content by name, None if there is no such file. The
    result is None if the file no longer exists or can't be decoded.
    """
    for file in (stored.reading, stored.original):
        if file.media_type in _IN_BOOKS and file.width <= rules.reading_width_px:
            body = read(file.name)
            return PictureFile(file, body) if body is not None else None
    body = read(stored.original.name)
    Image.MAX_IMAGE_PIXELS = rules.max_pixels
    try:
        with Image.open(io.BytesIO(body or b""), formats=_DECODED) as image:
            profile, picture = _profile(image), _narrowed(_coloured(image), rules.reading_width_px)
            if picture.mode == "RGB":
                return _as_form(
                    picture, "JPEG", quality=_READING_QUALITY, optimize=True, icc_profile=profile
                )
            return _as_form(picture, "PNG", icc_profile=profile)
    except _FOREIGN:
        return None


def _check_size(url: Url, image: Image.Image, rules: ImageRules) -> None:
    """Refuse a picture by the size in its header, before any pixel is decoded."""
    width, height = image.size
    if width < 1 or height < 1 or width * height > rules.max_pixels:
        raise PictureError(
            url, f"picture of {width} x {height} pixels is larger than {rules.max_pixels} in all"
        )


def _moving(image: Image.Image, rules: ImageRules) -> tuple[PictureFile, PictureFile] | None:
    """Return the variants of an animation, None for a still picture.

    The result is also None if the animation has too many pixels or frames, or is cut short.
    """
    try:
        frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
        is_moderate = (
            frames * image.width * image.height <= rules.max_pixels
            and max(image.size) <= _MAX_WEBP_PX
        )
        return (
            _animated(image, rules.reading_width_px)
            if 1 < frames <= _MAX_FRAMES and is_moderate
            else None
        )
    except _FOREIGN:
        return None


def _still(image: Image.Image, body: bytes, rules: ImageRules) -> tuple[PictureFile, PictureFile]:
    kind = _KEPT_AS[image.format or ""]
    image.load()
    upright = _upright(image)
    profile = _profile(image)
    is_lossless = kind == "PNG" or body[12:16] == b"VP8L"
    kind = "PNG" if kind == "WEBP" and max(upright.size) > _MAX_WEBP_PX else kind
    original = _encode(upright, kind, profile, keep=upright is image, lossless=is_lossless)
    if upright.height * min(1, rules.reading_width_px / upright.width) > _MAX_WEBP_PX:
        return original, original
    small = _narrowed(_coloured(upright), rules.reading_width_px)
    reading = _as_form(
        small, "WEBP", quality=_READING_QUALITY, method=_WEBP_METHOD, icc_profile=profile
    )
    is_enough = upright.width <= rules.reading_width_px and original.file.size <= reading.file.size
    return original, original if is_enough else reading


def _encode(
    image: Image.Image, kind: str, profile: bytes | None, *, keep: bool, lossless: bool
) -> PictureFile:
    """Return a still picture in its original size.

    With *keep* it is unchanged since it was decoded, so a JPEG keeps its quantisation tables. With
    *lossless* a WebP is encoded without loss.
    """
    if kind == "JPEG":
        keeps_tables = keep and image.format == "JPEG" and image.mode in ("L", "RGB")
        picture = image if image.mode in ("L", "RGB") else image.convert("RGB")
        picture.info = {}
        quality = "keep" if keeps_tables else _ORIGINAL_QUALITY
        return _as_form(picture, kind, quality=quality, optimize=True, icc_profile=profile)
    image.info = {name: value for name, value in image.info.items() if name == "transparency"}
    if kind == "PNG":
        return _as_form(
            image,
            kind,
            optimize=image.width * image.height < _OPTIMIZED_PIXELS,
            icc_profile=profile,
        )
    return _as_form(
        _coloured(image),
        kind,
        quality=_ORIGINAL_QUALITY,
        lossless=lossless,
        method=_WEBP_METHOD,
        icc_profile=profile,
    )


def _animated(image: Image.Image, width: int) -> tuple[PictureFile, PictureFile]:
    frames, durations, size = [], [], image.size
    for frame in ImageSequence.Iterator(image):
        if frame.size != size:  # frames that grow are an attack on memory
            raise ValueError("frames of different sizes")
        frames.append(frame.convert("RGBA"))  # for WebP, a frame's duration is known once decoded
        durations.append(int(frame.info.get("duration", 0)))
    for frame in frames:
        frame.info = {}
    loop = int(image.info.get("loop", 1 if image.format == "GIF" else 0))

    def encoded(pictures: list[Image.Image]) -> PictureFile:
        return _as_form(
            pictures[0],
            "WEBP",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=loop,
            quality=_READING_QUALITY,
            method=_WEBP_METHOD,
        )

    original = encoded(frames)
    if image.width <= width:
        return original, original
    return original, encoded([_narrowed(frame, width) for frame in frames])


def _as_form(image: Image.Image, kind: str, **options: object) -> PictureFile:
    written = io.BytesIO()
    image.save(written, kind, **options)
    body = written.getvalue()
    ending = _ENDINGS[kind]
    return PictureFile(
        MediaFile(name_of(body, ending), MEDIA_TYPES[ending], len(body), image.width, image.height),
        body,
    )


def _upright(image: Image.Image) -> Image.Image:
    """Return a picture rotated and mirrored as its Exif orientation says."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 0))
    except _FOREIGN:  # the metadata may be broken where the picture is not
        turn = None
    return image.transpose(turn) if turn is not None else image


def _profile(image: Image.Image) -> bytes | None:
    """Return a picture's colour profile, None if it has none that can be kept.

    The colours would change without it.
    """
    profile = image.info.get("icc_profile")
    return (
        profile
        if isinstance(profile, bytes)
        and 0 < len(profile) <= _MAX_PROFILE_BYTES
        and image.mode != "CMYK"
        else None
    )


def _coloured(image: Image.Image) -> Image.Image:
    """Return a picture as RGB or RGBA, the two modes of WebP."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("RGB")
    is_transparent = "A" in image.getbands() or "transparency" in image.info
    coloured = image.convert("RGBA" if is_transparent else "RGB")
    coloured.info = {}
    return coloured


def _narrowed(image: Image.Image, width: int) -> Image.Image:
    if image.width <= width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
