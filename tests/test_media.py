"""What is kept of a picture, and where."""

import hashlib
import io
import struct
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence, PngImagePlugin

from feedproxy.errors import PictureError, StoreError
from feedproxy.media import FolderMedia, PictureFile
from feedproxy.media.variants import make_book_variant, make_variants
from feedproxy.model import ImageRules, StoredPicture, Url

URL = Url("https://pic.example/a")
RULES = ImageRules(reading_width_px=120, max_pixels=1_000_000, max_bytes=500_000)
RED, BLUE = (200, 30, 30), (30, 30, 200)


def drawing(mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> Image.Image:
    """Return a picture that is red on the left and blue on the right."""
    picture = Image.radial_gradient("L").resize(size).convert("RGB")
    picture.paste(RED, (0, 0, size[0] // 2, size[1]))
    picture.paste(BLUE, (size[0] - size[0] // 4, 0, size[0], size[1]))
    return picture.convert(mode)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def opened(variant: PictureFile) -> Image.Image:
    picture = Image.open(io.BytesIO(variant.body))
    picture.load()
    return picture


def variants(body: bytes, rules: ImageRules = RULES) -> tuple[PictureFile, PictureFile]:
    return make_variants(URL, body, rules)


KINDS = {
    "JPEG": encoded(drawing(), "JPEG"),
    "grey JPEG": encoded(drawing("L"), "JPEG"),
    "CMYK JPEG": encoded(drawing("CMYK"), "JPEG"),
    "PNG": encoded(drawing(), "PNG"),
    "palette PNG": encoded(drawing("P"), "PNG"),
    "two-coloured PNG": encoded(drawing("1"), "PNG"),
    "transparent PNG": encoded(drawing("RGBA"), "PNG"),
    "16-bit PNG": encoded(Image.new("I;16", (90, 60), 30_000), "PNG"),
    "GIF": encoded(drawing("P"), "GIF"),
    "WebP": encoded(drawing(), "WEBP"),
    "lossless WebP": encoded(drawing(), "WEBP", lossless=True),
    "AVIF": encoded(drawing(), "AVIF"),
    "BMP": encoded(drawing(), "BMP"),
}
FRAMES = [drawing("RGB").rotate(90 * exclusive_lock, expand=False) for exclusive_lock in range(4)]
ANIMATIONS = {
    "GIF": encoded(
        FRAMES[0],
        "GIF",
        save_all=True,
        append_images=FRAMES[1:],
        duration=[100, 200, 300, 400],
        loop=0,
    ),
    "PNG": encoded(
        FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:], duration=[100, 200, 300, 400]
    ),
    "WebP": encoded(
        FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], duration=[100, 200, 300, 400]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_kept_in_its_size(kind: str) -> None:
    for variant in variants(KINDS[kind]):
        picture = opened(variant)
        assert picture.size == (variant.file.width, variant.file.height) == (90, 60)
        assert Image.MIME[picture.format or ""] == variant.file.media_type
        assert len(variant.body) == variant.file.size
        assert variant.file.name.startswith(hashlib.sha256(variant.body).hexdigest()[:32] + ".")
        if "16" not in kind and "grey" not in kind and "two" not in kind:
            red, _, blue = (picture.convert("RGB").getpixel((at, 30)) for at in (10, 50, 85))
            assert isinstance(red, tuple)
            assert isinstance(blue, tuple)
            assert red[0] > red[2] + 80
            assert blue[2] > blue[0] + 80


def test_a_wide_picture_has_a_narrow_form_for_reading() -> None:
    original, reading = variants(encoded(drawing(size=(600, 400)), "JPEG"))
    assert (original.file.media_type, original.file.width) == ("image/jpeg", 600)
    assert (reading.file.media_type, reading.file.width, reading.file.height) == (
        "image/webp",
        120,
        80,
    )


def test_a_picture_that_is_small_enough_has_one_form() -> None:
    original, reading = variants(encoded(drawing(size=(90, 60)).quantize(4), "PNG"))
    assert original is reading


def test_a_picture_too_tall_for_webp_has_one_form() -> None:
    tall = encoded(Image.new("L", (10, 40_000)), "PNG")
    original, reading = variants(tall)
    assert original is reading
    assert original.file.height == 40_000


def metadata_of(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "secret place", "secret author"
    exif.get_ifd(0x8825)[1] = "N"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "secret note")
    options: dict[str, dict[str, object]] = {
        "JPEG": {"exif": exif, "comment": b"secret note", "xmp": b"<secret/>"},
        "PNG": {"exif": exif, "pnginfo": notes},
        "WEBP": {"exif": exif, "xmp": b"<secret/>"},
        "GIF": {"comment": b"secret note"},
    }
    return encoded(drawing(), kind, **options[kind])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_nothing_but_pixels_survives(kind: str) -> None:
    body = metadata_of(kind) + b"PK\x03\x04secret archive<script>secret</script>"
    assert b"secret" in metadata_of(kind)
    for variant in variants(body):
        assert b"secret" not in variant.body
        assert b"<script" not in variant.body
        assert not dict(opened(variant).getexif())


@pytest.mark.parametrize(
    ("orientation", "is_turned"),
    [(1, False), (2, False), (3, False), (4, False), (5, True), (6, True), (7, True), (8, True)],
)
def test_a_picture_is_turned_as_its_metadata_said(orientation: int, is_turned: bool) -> None:  # noqa: FBT001
    exif = Image.Exif()
    exif[0x0112] = orientation
    for variant in variants(encoded(drawing(), "JPEG", exif=exif, quality=95)):
        picture = opened(variant).convert("RGB")
        assert picture.size == ((60, 90) if is_turned else (90, 60))
        corner = picture.getpixel((5, 5))
        assert isinstance(corner, tuple)
        assert (corner[0] > corner[2]) == (orientation in (1, 4, 5, 6) or orientation in (5, 6))


def test_a_colour_profile_stays_unless_it_carries_more_than_colours() -> None:
    profile = b"\0" * 500
    for kind in ("JPEG", "PNG", "WEBP"):
        assert [
            opened(variant).info.get("icc_profile")
            for variant in variants(encoded(drawing(), kind, icc_profile=profile))
        ] == [profile] * 2
    assert (
        opened(variants(encoded(drawing(), "JPEG", icc_profile=b"\0" * 60_000))[0]).info.get(
            "icc_profile"
        )
        is None
    )


def test_transparency_stays() -> None:
    clear = drawing("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    for variant in variants(encoded(clear, "PNG")):
        assert (
            opened(variant).convert("RGBA").getchannel("A").getextrema()
            == clear.getchannel("A").getextrema()
        )


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_an_animation_goes_on_moving(kind: str) -> None:
    for variant in variants(ANIMATIONS[kind]):
        picture = opened(variant)
        assert variant.file.media_type == "image/webp"
        assert picture.size == (90, 60)
        shown = [
            (frame.load(), int(frame.info["duration"])) for frame in ImageSequence.Iterator(picture)
        ]
        assert [duration for _, duration in shown] == [100, 200, 300, 400]
        assert picture.info["loop"] == 0


def test_an_animation_that_is_too_long_or_too_large_stands_still() -> None:
    long = [Image.new("P", (4, 4), number % 200) for number in range(600)]
    body = encoded(long[0], "GIF", save_all=True, append_images=long[1:], duration=20)
    large = ImageRules(120, 90 * 60 * 3, 500_000)
    for original, _ in (variants(body), variants(ANIMATIONS["GIF"], large)):
        assert getattr(opened(original), "n_frames", 1) == 1


def test_an_animation_that_ends_too_early_stands_still() -> None:
    whole, alone = ANIMATIONS["GIF"], variants(encoded(FRAMES[0], "GIF"))
    last = whole.rindex(b"\x21\xf9\x04")  # its last frame's graphic control extension (GIF89a, 23)
    for cut in (last + 60, (last + len(whole)) // 2, len(whole) - 60):
        original, _ = variants(whole[:cut])
        assert getattr(opened(original), "n_frames", 1) == 1
        assert (
            opened(original).convert("RGB").tobytes() == opened(alone[0]).convert("RGB").tobytes()
        )


def growing_gif(size: tuple[int, int]) -> bytes:
    """Return an animation whose screen and first frame are 10 pixels wide and high, and whose second frame is of another size."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes((*RED, *BLUE))
    pause = b"\x21\xf9\x04\x04\x0a\x00\x00\x00"

    def frame(width: int, height: int, colour: int) -> bytes:
        # LZW (GIF89a, appendix F): clear, then one colour by itself each time, so that no code is ever longer than 3 bits
        codes = [code for _ in range(min(width * height, 100)) for code in (4, colour)] + [5]
        bits = sum(code << 3 * at for at, code in enumerate(codes)).to_bytes(
            (3 * len(codes) + 7) // 8, "little"
        )
        return (
            b"\x2c"
            + struct.pack("<HHHHB", 0, 0, width, height, 0)
            + bytes((2, len(bits)))
            + bits
            + b"\x00"
        )

    return screen + pause + frame(10, 10, 0) + pause + frame(*size, 1) + b";"


FIRST_FRAME = """
import io, resource, sys
from PIL import Image
from feedproxy.media.variants import make_variants
from feedproxy.model import ImageRules
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
body = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
original, _ = make_variants("u", body, ImageRules(reading_width_px=120, max_pixels=1_000_000, max_bytes=500_000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
with Image.open(io.BytesIO(original.body)) as shown:
    print(getattr(shown, "n_frames", 1), *shown.size, *shown.convert("RGB").getpixel((9, 9)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory in Linux's units")
@pytest.mark.parametrize("size", [(20, 10), (5_000, 5_000), (65_535, 65_535)], ids=str)
def test_an_animation_that_grows_stands_still_and_takes_no_memory(size: tuple[int, int]) -> None:
    command = [sys.executable, "-c", FIRST_FRAME]
    done = subprocess.run(
        command, input=growing_gif(size), capture_output=True, check=True, timeout=60
    )
    kilobytes, *shown = map(int, done.stdout.split())
    assert shown == [1, 10, 10, *RED]
    assert kilobytes < 20_000  # 25 million pixels take 25,000 at least


def test_an_animation_of_frames_within_its_screen_is_read_as_it_was_built() -> None:
    original, _ = variants(growing_gif((10, 10)))
    assert getattr(opened(original), "n_frames", 1) == 2


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        + b"\0\0\0\1IDAT"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not a picture of a supported format"),
        (b"<!DOCTYPE html><h1>404</h1>", "is not a picture of a supported format"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is not a picture of a supported format"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "is not a picture of a supported format",
        ),
        (encoded(drawing(), "TIFF"), "is not a picture of a supported format"),
        (encoded(drawing(), "ICO"), "is not a picture of a supported format"),
        (KINDS["JPEG"][:-300], "picture can't be read: image file is truncated"),
        (KINDS["PNG"][:-300], "picture can't be read: "),
        (png_header(60_000, 60_000), "picture has more pixels than 1000000 in all"),
        (png_header(2**31 - 1, 2**31 - 1), "more pixels than 1000000 in all"),
        (png_header(0, 9), "picture"),
        (KINDS["PNG"] + b"\0" * 500_000, "bytes is larger than 500000"),
    ],
)
def test_what_is_no_whole_picture_of_fair_size_is_refused_in_one_line(
    body: bytes, reason: str
) -> None:
    with pytest.raises(PictureError) as caught:
        variants(body)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(URL)


@given(st.sampled_from([*KINDS.values(), *ANIMATIONS.values()]), st.data())
def test_a_broken_picture_is_kept_or_refused_and_nothing_else(
    body: bytes, data: st.DataObject
) -> None:
    broken = bytearray(body)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, min(len(broken), 300) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(len(broken) // 2, len(broken)))
    try:
        original, reading = variants(bytes(broken[:cut]))
    except PictureError:
        return
    assert opened(original).size == (original.file.width, original.file.height)
    assert opened(reading).width <= max(120, original.file.width)


def test_equal_pictures_make_equal_files() -> None:
    assert variants(KINDS["PNG"]) == make_variants(
        Url("https://other.example/b"), KINDS["PNG"], RULES
    )
    assert variants(KINDS["BMP"])[0] == variants(KINDS["PNG"])[0]


# ---------------------------------------------------------------- the folder


@pytest.fixture
def folder(tmp_path: Path) -> FolderMedia:
    return FolderMedia(tmp_path / "media")


def test_what_is_put_can_be_read_until_it_is_removed(folder: FolderMedia) -> None:
    variant = variants(KINDS["PNG"])[0]
    assert folder.read(variant.file.name) is None
    folder.put(variant)
    folder.put(variant)
    assert folder.read(variant.file.name) == variant.body
    assert list(folder.names()) == [variant.file.name]
    assert (
        folder.size(variant.file.name),
        folder.remove(variant.file.name),
        folder.remove(variant.file.name),
    ) == (
        len(variant.body),
        len(variant.body),
        0,
    )
    assert folder.read(variant.file.name) is None


def test_a_file_that_was_cut_is_written_anew(folder: FolderMedia, tmp_path: Path) -> None:
    variant = variants(KINDS["PNG"])[0]
    folder.put(variant)
    file = tmp_path / "media" / variant.file.name[:2] / variant.file.name
    file.write_bytes(variant.body[:10])
    folder.put(variant)
    assert folder.read(variant.file.name) == variant.body


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "0" * 32,
        "0" * 32 + ".svg",
        "0" * 32 + ".png\n",
        "A" * 32 + ".png",
        "0" * 31 + "/.png",
        "\0",
    ],
)
def test_no_other_name_is_looked_for(folder: FolderMedia, name: str, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    assert folder.read(name) is None
    assert folder.size(name) == folder.remove(name) == 0


def test_an_unfinished_file_is_not_one_of_those_that_are_kept(
    folder: FolderMedia, tmp_path: Path
) -> None:
    (tmp_path / "media" / "ab").mkdir(parents=True)
    part = tmp_path / "media" / "ab" / "x.part"
    part.write_bytes(b"half")
    written = datetime.fromtimestamp(part.stat().st_mtime, UTC)
    assert (list(folder.names()), list(folder.leftovers(written + timedelta(minutes=59)))) == (
        [],
        [],
    )  # it may be at work
    later = written + timedelta(minutes=61)
    assert list(folder.leftovers(later)) == ["x.part"]
    assert (folder.size("x.part"), folder.remove("x.part"), list(folder.leftovers(later))) == (
        4,
        4,
        [],
    )


def test_a_folder_that_can_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file")
    folder = FolderMedia(tmp_path / "media")
    with pytest.raises(
        StoreError,
        match=r"media: .*/media/.*\.png can't be written: not a directory; check FEEDPROXY_DATA",
    ):
        folder.put(variants(KINDS["PNG"])[0])
    with pytest.raises(StoreError, match=r"media: .* can't be read: not a directory"):
        folder.read("0" * 32 + ".png")


# ------------------------------------------------------------------ for books


def book_form(*kept: PictureFile, rules: ImageRules = RULES) -> PictureFile | None:
    original, reading = kept
    bodies = {variant.file.name: variant.body for variant in kept}
    return make_book_variant(StoredPicture(original.file, reading.file), bodies.get, rules)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_has_a_form_that_e_readers_show(kind: str) -> None:
    variant = book_form(*variants(KINDS[kind]))
    assert variant is not None
    assert opened(variant).size == (variant.file.width, variant.file.height) == (90, 60)
    assert variant.file.media_type == Image.MIME[opened(variant).format or ""]
    assert variant.file.media_type in ("image/jpeg", "image/png")


def test_a_kept_form_that_e_readers_show_is_taken_as_it_is() -> None:
    original, reading = variants(KINDS["JPEG"])
    assert book_form(original, reading) == original


def test_a_wide_picture_is_narrow_in_a_book_and_a_transparent_one_stays_transparent() -> None:
    wide = book_form(*variants(encoded(drawing(size=(600, 400)), "JPEG")))
    assert wide is not None
    assert (wide.file.media_type, wide.file.width, wide.file.height) == ("image/jpeg", 120, 80)
    glass = book_form(*variants(encoded(Image.new("RGBA", (600, 400), (255, 0, 0, 90)), "PNG")))
    assert glass is not None
    assert (glass.file.media_type, glass.file.width, opened(glass).mode) == (
        "image/png",
        120,
        "RGBA",
    )


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_an_animation_stands_still_in_a_book(kind: str) -> None:
    variant = book_form(*variants(ANIMATIONS[kind]))
    assert variant is not None
    assert getattr(opened(variant), "n_frames", 1) == 1


def test_a_picture_that_is_lost_or_spoilt_has_no_form_for_a_book() -> None:
    original, reading = variants(KINDS["AVIF"])
    assert (
        make_book_variant(StoredPicture(original.file, reading.file), lambda _: None, RULES) is None
    )
    assert (
        make_book_variant(StoredPicture(original.file, reading.file), lambda _: b"RIFF", RULES)
        is None
    )
    kept, _ = variants(KINDS["PNG"])
    assert make_book_variant(StoredPicture(kept.file, kept.file), lambda _: None, RULES) is None
