"""Signatures in minisign's form: what others sign is verified, what is signed others verify, and nothing else passes."""

import os
import shutil
import stat
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from newsroom import write_config

from feedproxy.cli import cli, main
from feedproxy.configuration.settings import Settings, load_settings
from feedproxy.errors import ConfigError, FeedproxyError, SignatureError
from feedproxy.sign import (
    make_key,
    read_manifest,
    read_public_key,
    read_secret_key,
    sign,
    sign_publication,
    signing_key,
    verify,
    write_manifest,
    write_public_key,
    write_secret_key,
)
from feedproxy.store import open_store
from feedproxy.web import make_app

# A key of minisign 0.11 that was made for these tests, and what it signed; the legacy form is that of `minisign -S -l`.
PUBLIC = "RWSgEdCy3cYUarP3f2+tjcyybuNtlnU2QZLkC89rZl7U5guiCbblY1G+"
SECRET = (
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAoBHQst3GFGpQ1l3/lZcIYJLI1gwIgSd8dmvuWKuMpEioqRbkmTYv"
    "h7P3f2+tjcyybuNtlnU2QZLkC89rZl7U5guiCbblY1G+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)
SIGNED, COMMENT = b"hello\n", "河上的桥"
PREHASHED = f"""untrusted comment: signature from minisign secret key
RUSgEdCy3cYUavkNGsYYxPOAXqF37yJLzVdl3wqrTdWfViIYaXjYivDNcu4mE8TSn+3B/GM9kQSzpg8bYHSN8xY9/56ZMRuIugA=
trusted comment: {COMMENT}
OPhgtTU+vjJGSbPi26QJtJDwcUBuY4mHbQOq6483PQfjiGDBOZrHal42Kz544Q+pzWvH7HZen9pIyu2AbE8yCA==
""".encode()
LEGACY = f"""untrusted comment: signature from minisign secret key
RWSgEdCy3cYUaofR0znK/r3XsD62w0liDyiVRculybuXzVCi974TbgTwdbVm4qA3BPpxIkz8LaG7yAYVOm5xXRqqLyfbextNwwE=
trusted comment: {COMMENT}
8V8frpDCupIxOAneizn6vgF0S9ZrSgw3spI844ANWxLHxw4TVTseCUzVKHvJI7KnaI4jO7PTbsyiNHqBXONBDw==
""".encode()
# Another key, with a password as `minisign -G` makes it, and without it as `minisign -C -W` leaves it.
ENCRYPTED = (
    "RWRTY0IypdvijfEg68dgbbghftCxrEE4pv7dNVkotnxO7WAIeTMAAAACAAAAAAAAAEAAAAAAkggHNLLbkRrtBJHN4e6UzQHbqAhgw4z5veCrZVa3ePaMCjmDa0cq"
    "17qR+E82hBy1jWiDtAdjn9oMZLHqqFfF+zUpcG//14iZnxEawxdlgfRZNKP/emZu6lnm75YZQfhGaU88AySuQN0="
)
DECRYPTED = (
    "RWQAAEIypdvijfEg68dgbbghftCxrEE4pv7dNVkotnxO7WAIeTMAAAACAAAAAAAAAEAAAAAAZKNK/D2qo2buPIZ9l4zmlTfTTdPOx46Tgar7YZ2+KRRDDhILJFO3"
    "jGQjiiVJErQunuXkuYVD0eqAFLFvVIOeuvpsx2Qj+wIIQ9GXLRPvUsPRL7OM2BVXyhnblodGL8u8g4V9X8JEoMY="
)
DECRYPTED_PUBLIC = "RWRko0r8PaqjZmQjiiVJErQunuXkuYVD0eqAFLFvVIOeuvpsx2Qj+wII"

KEY = make_key(bytes(range(40)))
HASH, OTHER_HASH = "0" * 64, "f" * 64
needs_minisign = pytest.mark.skipif(
    not shutil.which("minisign"), reason="needs minisign (the Debian package of that name)"
)
texts = st.text(st.characters(), max_size=60)


def two_lines(line: str) -> str:
    return f"untrusted comment: a key\n{line}\n"


def minisign(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = ["minisign", *map(str, arguments)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20
    )


# Keys


@pytest.mark.parametrize(
    "form", [str, two_lines, "\n {}\r\n".format, lambda line: two_lines(line).replace("\n", "\r\n")]
)
def test_a_key_is_read_from_its_file_and_from_its_line_alone(form: Callable[[str], str]) -> None:
    assert str(read_public_key(form(PUBLIC))) == PUBLIC
    assert str(read_secret_key(form(SECRET)).public) == PUBLIC
    assert str(read_secret_key(form(DECRYPTED)).public) == DECRYPTED_PUBLIC


@given(st.binary(min_size=40, max_size=40))
def test_a_key_that_is_written_is_read_again(random: bytes) -> None:
    key = make_key(random)
    assert read_secret_key(write_secret_key(key)) == key
    assert read_public_key(write_public_key(key.public)) == key.public


def test_a_key_has_the_name_that_minisign_gives_it() -> None:
    assert read_public_key(PUBLIC).name == "6A14C6DDB2D011A0"


def test_a_key_with_a_password_is_refused_and_the_way_out_is_told() -> None:
    with pytest.raises(
        SignatureError, match=r"^is encrypted with a password; .*minisign -C -W -s COPY$"
    ):
        read_secret_key(two_lines(ENCRYPTED))


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (read_public_key, SECRET, "is a minisign secret key, not a minisign public key"),
        (read_secret_key, PUBLIC, "is a minisign public key, not a minisign secret key"),
        (read_public_key, "", "is not a minisign public key"),
        (read_public_key, two_lines(""), "is not a minisign public key"),
        (read_public_key, f"{PUBLIC}\n{PUBLIC}", "is not a minisign public key"),
        (read_public_key, PUBLIC[:-1], "is not a minisign public key"),
        (read_public_key, "RUQ" + PUBLIC[3:], "is a public key of an unknown algorithm"),
        (read_secret_key, "RUQ" + SECRET[3:], "is a secret key of an unknown algorithm"),
        (read_secret_key, SECRET[:-4], "is not a minisign secret key"),
    ],
)
def test_what_is_no_such_key_is_refused_by_name(
    read: Callable[[str], object], text: str, words: str
) -> None:
    with pytest.raises(SignatureError) as caught:
        read(text)
    assert caught.value.reason == words


@pytest.mark.parametrize(("line", "start"), [(SECRET, 62), (DECRYPTED, 54)])
def test_no_bit_of_a_secret_key_may_differ_nor_of_its_id_if_it_has_a_checksum(
    line: str, start: int
) -> None:
    packed = b64decode(line)
    for place in (*range(8 * 6), *range(8 * start, 8 * len(packed))):
        with pytest.raises(SignatureError):
            read_secret_key(b64encode(flipped(packed, place)).decode())


def test_a_key_is_made_of_as_many_bytes_as_it_needs() -> None:
    with pytest.raises(ValueError, match="40"):
        make_key(bytes(39))


# Signatures


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@pytest.mark.parametrize("signature", [PREHASHED, LEGACY])
def test_what_minisign_signed_is_verified_in_both_forms(signature: bytes) -> None:
    assert verify(SIGNED, signature, read_public_key(PUBLIC)) == COMMENT


def test_the_same_key_signs_the_same_content_as_minisign_does_and_every_time_alike() -> None:
    signature = sign(SIGNED, read_secret_key(SECRET), comment=COMMENT)
    assert signature.splitlines()[1:] == PREHASHED.splitlines()[1:]
    assert signature == sign(SIGNED, read_secret_key(SECRET), comment=COMMENT)


@given(
    st.binary(max_size=200),
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60),
)
def test_what_is_signed_is_verified_with_its_comment(body: bytes, comment: str) -> None:
    assert verify(body, sign(body, KEY, comment=comment), KEY.public) == comment


@pytest.mark.parametrize("signature", [PREHASHED, LEGACY])
def test_any_bit_that_differs_in_a_signature_is_refused(signature: bytes) -> None:
    said = len(
        signature.partition(b"\n")[0]
    )  # what the untrusted comment says is not signed: minisign's form
    places = [*range(8 * len("untrusted comment: ")), *range(8 * said, 8 * len(signature))]
    for place in places:
        with pytest.raises(SignatureError):
            verify(SIGNED, flipped(signature, place), read_public_key(PUBLIC))


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_bit_that_differs_in_what_is_signed_or_in_the_key_is_refused(
    body: bytes, data: st.DataObject
) -> None:
    signature, line = sign(body, KEY, comment="x"), b64decode(str(KEY.public))
    with pytest.raises(SignatureError):
        verify(flipped(body, data.draw(st.integers(0, 8 * len(body) - 1))), signature, KEY.public)
    with pytest.raises(SignatureError):
        verify(
            body,
            signature,
            read_public_key(
                b64encode(flipped(line, data.draw(st.integers(0, 8 * 42 - 1)))).decode()
            ),
        )


@pytest.mark.parametrize("place", range(32))
def test_a_public_key_of_any_bits_verifies_nothing_and_breaks_nothing(place: int) -> None:
    for filling in (0x00, 0x01, 0x7F, 0xFF):
        raw = bytearray([filling]) * 32
        raw[place] = 0xEC
        key = read_public_key(b64encode(b"Ed" + KEY.id + raw).decode())
        with pytest.raises(SignatureError):
            verify(SIGNED, sign(SIGNED, KEY, comment="x"), key)


@given(st.binary(max_size=300), st.binary(max_size=300), texts)
def test_whatever_is_given_nothing_but_our_error_is_raised(
    body: bytes, signature: bytes, text: str
) -> None:
    for attempt in (
        lambda: verify(body, signature, KEY.public),
        lambda: read_public_key(text),
        lambda: read_secret_key(two_lines(text)),
        lambda: sign(body, KEY, comment=text),
        lambda: read_manifest(body, max_lines=3),
        lambda: write_manifest({text: HASH}),
    ):
        with suppress(SignatureError):
            attempt()


@given(
    st.lists(
        st.sampled_from(
            [
                *PREHASHED.splitlines(keepends=True),
                *LEGACY.splitlines(keepends=True),
                b"\n",
                b"\r\n",
                b"\xff",
            ]
        )
    )
)
def test_no_other_order_of_the_lines_of_two_signatures_is_taken(lines: list[bytes]) -> None:
    if b"".join(lines).split(b"\n")[1:] in (PREHASHED.split(b"\n")[1:], LEGACY.split(b"\n")[1:]):
        return
    with pytest.raises(SignatureError):
        verify(SIGNED, b"".join(lines), read_public_key(PUBLIC))


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: signature + b"\n",
        lambda signature: signature + b"more\n",
        lambda signature: signature.replace(b"\n", b"\r\n"),
        lambda signature: signature.replace(
            b"untrusted comment: ", b"untrusted comment: " + b"x" * 10_000
        ),
        lambda signature: signature.replace(b"\ntrusted comment: ", b"\ntrusted comment:"),
        lambda signature: signature.replace(b"=\n", b"\n"),
        lambda signature: b"\n".join(signature.split(b"\n")[:3]),
        lambda _: b"",
        lambda _: PUBLIC.encode(),
    ],
)
def test_a_signature_in_another_form_is_none(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SignatureError, match=r"^is not a minisign signature$"):
        verify(SIGNED, change(PREHASHED), read_public_key(PUBLIC))


def test_a_signature_without_its_last_line_end_is_one() -> None:
    assert verify(SIGNED, PREHASHED.removesuffix(b"\n"), read_public_key(PUBLIC)) == COMMENT


def test_another_key_is_named() -> None:
    with pytest.raises(
        SignatureError, match=f"^is signed by key 6A14C6DDB2D011A0, not by {KEY.public.name}$"
    ):
        verify(SIGNED, PREHASHED, KEY.public)


def test_a_key_that_only_has_the_same_id_verifies_nothing() -> None:
    impostor = make_key(KEY.id + bytes(32))
    with pytest.raises(SignatureError, match=f"^is not what key {KEY.public.name} signed$"):
        verify(SIGNED, sign(SIGNED, impostor, comment="x"), KEY.public)


def test_a_comment_of_another_signature_by_the_same_key_is_refused() -> None:
    one, other = (
        sign(body, KEY, comment=body.decode()).splitlines() for body in (b"one", b"other")
    )
    with pytest.raises(
        SignatureError, match=f"^has a comment that key {KEY.public.name} did not sign$"
    ):
        verify(b"one", b"\n".join([*one[:2], *other[2:]]), KEY.public)


@pytest.mark.parametrize(
    "comment", ["two\nlines", "\x1b[2J", "\r", "\u2028", "\ud800", "桥" * 2_667]
)
def test_a_comment_that_is_no_line_is_not_signed(comment: str) -> None:
    with pytest.raises(SignatureError, match="comment"):
        sign(SIGNED, KEY, comment=comment)


def test_a_signed_comment_that_would_play_with_the_terminal_is_refused() -> None:
    whole = (
        b"51TDJS0uONXdNAA4Y8bYlV+U2dxdya7kISBOe7G2UK0D2uUNRv9ZIeYUbTfX85qzSwCQ3KMhYtSCU2st0kPWBg=="
    )
    first, made, *_ = PREHASHED.splitlines()
    with pytest.raises(SignatureError, match=r"^is not a minisign signature$"):
        verify(
            SIGNED,
            b"\n".join([first, made, b"trusted comment: \x1b[2J", whole]),
            read_public_key(PUBLIC),
        )


def test_a_prehash_is_no_signed_content_of_the_present_form() -> None:
    with pytest.raises(SignatureError):
        verify(blake2b(SIGNED).digest(), PREHASHED, read_public_key(PUBLIC))


# minisign itself


@needs_minisign
@pytest.mark.parametrize("body", [b"", SIGNED, bytes(range(256)) * 4_000])
@pytest.mark.parametrize("comment", ["", COMMENT, "x" * 8_000])
def test_minisign_verifies_what_is_signed(body: bytes, comment: str, tmp_path: Path) -> None:
    file, public = tmp_path / "SHA256SUMS", tmp_path / "key.pub"
    file.write_bytes(body)
    public.write_text(write_public_key(KEY.public), "utf-8")
    file.with_name("SHA256SUMS.minisig").write_bytes(sign(body, KEY, comment=comment))
    by_file, by_line = (
        minisign("-Vm", file, "-p", public),
        minisign("-Vm", file, "-P", KEY.public, "-H"),
    )
    assert (by_file.returncode, by_line.returncode) == (0, 0)
    assert comment in by_file.stdout
    file.write_bytes(body + b"!")
    assert minisign("-Vm", file, "-p", public).returncode != 0


@needs_minisign
@pytest.mark.parametrize("form", [(), ("-l",), ("-c", "anything"), ("-t", COMMENT)])
def test_what_minisign_signs_with_a_key_of_its_own_is_verified(
    form: tuple[str, ...], tmp_path: Path
) -> None:
    file, public, secret = tmp_path / "SHA256SUMS", tmp_path / "key.pub", tmp_path / "key"
    file.write_bytes(SIGNED)
    assert minisign("-G", "-W", "-p", public, "-s", secret).returncode == 0
    assert minisign("-S", *form, "-s", secret, "-m", file).returncode == 0
    key, signature = (
        read_public_key(public.read_text("utf-8")),
        file.with_name("SHA256SUMS.minisig").read_bytes(),
    )
    comment = verify(SIGNED, signature, key)
    assert comment == COMMENT or comment.startswith("timestamp:")
    assert read_secret_key(secret.read_text("utf-8")).public == key
    with pytest.raises(SignatureError):
        verify(SIGNED + b"!", signature, key)


@needs_minisign
def test_minisign_signs_with_a_key_of_ours(tmp_path: Path) -> None:
    file, secret = tmp_path / "SHA256SUMS", tmp_path / "key"
    file.write_bytes(SIGNED)
    secret.write_text(write_secret_key(KEY), "utf-8")
    assert minisign("-S", "-s", secret, "-m", file).returncode == 0
    assert verify(SIGNED, file.with_name("SHA256SUMS.minisig").read_bytes(), KEY.public).startswith(
        "timestamp:"
    )


# Manifests

names = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\\/"),
    min_size=1,
    max_size=20,
)
paths = st.lists(
    names.filter(lambda name: name not in (".", "..", "-")), min_size=1, max_size=4
).map("/".join)


@given(
    st.dictionaries(
        paths, st.binary(max_size=3).map(lambda body: sha256(body).hexdigest()), max_size=8
    )
)
def test_a_manifest_that_is_written_is_read_again_whatever_the_order(
    hashes: dict[str, str],
) -> None:
    body = write_manifest(hashes)
    assert read_manifest(body, max_lines=8) == hashes
    assert body == write_manifest(dict(reversed(hashes.items())))


def test_sha256sum_checks_a_manifest(tmp_path: Path) -> None:
    contents = {
        "pages/c1/n1.md": b"one",
        "标签/桥.md": b"two",
        " a  b ": b"",
        "*star": b"x",
        "-dash": b"y",
        "#": b"z",
        "q\"'$": b"w",
    }
    for path, content in contents.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    manifest = tmp_path / "SHA256SUMS"
    manifest.write_bytes(
        write_manifest({path: sha256(content).hexdigest() for path, content in contents.items()})
    )
    command = ["sha256sum", "--check", "--strict", manifest.name]
    assert (
        subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=False, timeout=20
        ).returncode
        == 0
    )
    (tmp_path / "标签/桥.md").write_bytes(b"three")
    assert (
        subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=False, timeout=20
        ).returncode
        == 1
    )


BAD_PATHS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a/..",
    ".",
    "./a",
    "a//b",
    "a/",
    "-",
    "a\\b",
    "..\\up",
    "a\rb",
    "a\tb",
    "a\0",
    "\x1b[2J",
    "\x85",
    "a\u2028b",
]


@pytest.mark.parametrize("path", [*BAD_PATHS, "a\nb", "\ud800"])
def test_a_path_that_is_none_is_not_written_and_is_named(path: str) -> None:
    with pytest.raises(SignatureError) as caught:
        write_manifest({"fine": HASH, path: HASH})
    assert ascii(path) in str(caught.value)


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_leads_elsewhere_is_not_read_and_its_line_is_named(path: str) -> None:
    with pytest.raises(SignatureError) as caught:
        read_manifest(f"{HASH}  fine\n{HASH}  {path}\n".encode(), max_lines=9)
    assert str(caught.value).startswith("line 2: ")
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"{HASH}  a\n{OTHER_HASH}  a\n".encode(), "line 2: 'a' is listed twice"),
        (
            f"{HASH}  a\n{HASH}  b\n{HASH}  c\n{HASH}  d".encode(),
            "is not a manifest: its last line is incomplete",
        ),
        (f"{HASH}  a\n{HASH}  b\n{HASH}  c\n{HASH}  d\n".encode(), "has more than 3 lines"),
        (f"{HASH} *a\n".encode(), "line 1: is no line of a manifest"),
        (f"{HASH}  a\n\n".encode(), "line 2: is no line of a manifest"),
        (f"{OTHER_HASH.upper()}  a\n".encode(), f"line 1: '{OTHER_HASH.upper()}' is no SHA-256"),
        (f"\\{HASH}  a\\nb\n".encode(), rf"line 1: '\\{HASH}' is no SHA-256"),
        (f"{HASH[1:]}  a\n".encode(), f"line 1: '{HASH[1:]}' is no SHA-256"),
        (f"{HASH[1:]}０  a\n".encode(), rf"line 1: '{HASH[1:]}\uff10' is no SHA-256"),
        (f"{HASH}  ".encode() + b"\xff\n", "is not a manifest: it is not UTF-8"),
    ],
)
def test_a_manifest_in_another_form_is_none(body: bytes, words: str) -> None:
    with pytest.raises(SignatureError) as caught:
        read_manifest(body, max_lines=3)
    assert str(caught.value) == words


# The setting


@pytest.mark.parametrize("value", [SECRET, two_lines(SECRET)])
def test_the_key_is_set_by_the_content_of_its_file_or_by_its_line(
    value: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(value, "utf-8")
    for settings in (
        load_settings({"FEEDPROXY_SIGNING_KEY": value}),
        load_settings({"FEEDPROXY_SIGNING_KEY_FILE": str(file)}),
    ):
        assert signing_key(settings) == read_secret_key(SECRET)


def test_a_mirror_without_a_key_signs_nothing() -> None:
    assert signing_key(load_settings({})) is None


def test_a_secret_key_is_shown_nowhere() -> None:
    settings = load_settings({"FEEDPROXY_SIGNING_KEY": SECRET})
    key = signing_key(settings)
    shown = f"{settings!r} {settings} {key!r} {key}"
    assert not [
        secret for secret in (SECRET, repr(read_secret_key(SECRET).seed)) if secret in shown
    ]


@pytest.mark.parametrize(
    "value", [SECRET[:-8], ENCRYPTED, SECRET.replace("h7P3", "h7P4"), f"x{SECRET}"]
)
def test_a_wrong_key_stops_every_start_with_one_line_that_does_not_show_it(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "FEEDPROXY_CONFIG": str(write_config(tmp_path)),
        "FEEDPROXY_DATA": str(tmp_path),
        "FEEDPROXY_SIGNING_KEY": value,
    }
    for name, content in environ.items():
        monkeypatch.setenv(name, content)
    monkeypatch.setattr(sys, "argv", ["feedproxy", "serve"])
    for start, code in ((main, 2), (lambda: make_app(environ, lambda: datetime.now(UTC)), 3)):
        with pytest.raises(SystemExit) as caught:
            start()
        assert caught.value.code == code
        said = capsys.readouterr().err
        assert said.startswith("feedproxy: environment: FEEDPROXY_SIGNING_KEY: is ")
        assert (len(said.splitlines()), value[10:50] in said) == (1, False)


# The commands


PUBLISHED = "git/mirror/SHA256SUMS"


def run(*arguments: object, data: Path = Path("/nonexistent")) -> Result:
    return CliRunner(env={"FEEDPROXY_SIGNING_KEY": None, "FEEDPROXY_DATA": str(data)}).invoke(
        cli, [str(argument) for argument in arguments]
    )


def refusal(*arguments: object) -> str:
    """Return what stops a command before it has found anything out, as `main` tells it with exit code 2."""
    result = run(*arguments)
    assert isinstance(result.exception, FeedproxyError)
    return str(result.exception)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return the manifest of a mirror that was signed by `KEY`."""
    folder = tmp_path / "mirror"
    contents = {f"pages/n{number}.md": str(number).encode() for number in range(4)} | {
        "README.md": b"read"
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    manifest, body = (
        folder / "SHA256SUMS",
        write_manifest({path: sha256(content).hexdigest() for path, content in contents.items()}),
    )
    manifest.write_bytes(body)
    (folder / "SHA256SUMS.minisig").write_bytes(
        sign_publication(body, KEY, path=PUBLISHED, serial=7)
    )
    return manifest


def test_keygen_makes_a_pair_that_only_its_owner_can_read_and_tells_how_to_use_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mirror.key"
    result = run("keygen", file)
    secret = read_secret_key(file.read_text("utf-8"))
    assert result.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_public_key((tmp_path / "mirror.key.pub").read_text("utf-8")) == secret.public
    assert f"public key: {secret.public} " in result.output
    assert f"minisign -Vm SHA256SUMS -P {secret.public}\n" in result.output
    assert file.read_text("utf-8").splitlines()[1] not in result.output


def test_keygen_makes_another_key_every_time(tmp_path: Path) -> None:
    assert (run("keygen", tmp_path / "a").exit_code, run("keygen", tmp_path / "b").exit_code) == (
        0,
        0,
    )
    one, other = (read_secret_key((tmp_path / name).read_text("utf-8")) for name in "ab")
    assert one.id != other.id
    assert one.seed != other.seed


@pytest.mark.parametrize("present", ["mirror.key", "mirror.key.pub"])
def test_keygen_overwrites_nothing_and_leaves_no_half_of_a_pair(
    present: str, tmp_path: Path
) -> None:
    (tmp_path / present).write_text("precious", "utf-8")
    assert (
        refusal("keygen", tmp_path / "mirror.key")
        == f"{tmp_path / present}: already exists; keys are never overwritten"
    )
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {
        present: "precious"
    }


def test_keygen_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "mirror.key").symlink_to(tmp_path / "elsewhere")
    assert "already exists" in refusal("keygen", tmp_path / "mirror.key")
    assert not (tmp_path / "elsewhere").exists()


def test_keygen_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert (
        refusal("keygen", tmp_path / "no" / "key")
        == f"{tmp_path / 'no' / 'key'}: can't be written: no such file or directory"
    )


def test_verify_takes_the_key_as_line_and_as_file_and_shows_the_signed_comment(
    published: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.pub").write_text(write_public_key(KEY.public), "utf-8")
    for key in (KEY.public, tmp_path / "key.pub"):
        result = run("verify", published, "--key", key)
        said = f"ok   {published}: signed by key {KEY.public.name}: {PUBLISHED}, serial 7; compare it with "
        assert (result.exit_code, result.output.startswith(said)) == (0, True)


def test_verify_ends_with_1_where_the_signature_is_another_s(published: Path) -> None:
    assert run("verify", published, "--key", PUBLIC).exit_code == 1
    published.write_bytes(published.read_bytes() + b"\n")
    result = run("verify", published, "--key", KEY.public, "--files")
    assert (result.exit_code, result.output) == (
        1,
        f"BAD  {published}: is not what key {KEY.public.name} signed\n",
    )


def test_verify_of_the_files_passes_over_git_s_own_and_finds_all_as_listed(published: Path) -> None:
    (published.parent / ".git").mkdir()
    (published.parent / ".git" / "HEAD").write_text("x", "utf-8")
    result = run("verify", published, "--key", KEY.public, "--files")
    assert (result.exit_code, result.output.splitlines()[1:]) == (0, ["ok   5 files are as listed"])


def test_verify_names_every_file_that_differs_is_missing_or_is_not_listed(
    published: Path, tmp_path: Path
) -> None:
    folder = published.parent
    (folder / "pages/n0.md").write_bytes(b"changed")
    (folder / "pages/n1.md").unlink()
    (folder / "pages/n2.md").rename(tmp_path / "same content")
    (folder / "pages/n2.md").symlink_to(tmp_path / "same content")
    (folder / "pages/n3.md").unlink()
    os.mkfifo(folder / "pages/n3.md")
    (folder / "pages/\x1b[2J.md").write_bytes(b"")
    (folder / "pages/.git").write_bytes(b"")
    (folder / "etc").symlink_to("/etc")
    result = run("verify", published, "--key", KEY.public, "--files")
    assert result.exit_code == 1
    assert set(result.output.splitlines()[1:]) == {
        "BAD  pages/n0.md: differs",
        "BAD  pages/n1.md: is missing",
        "BAD  pages/n2.md: is no plain file",
        "BAD  pages/n3.md: is no plain file",
        r"BAD  pages/\x1b[2J.md: is not listed",
        "BAD  pages/.git: is not listed",
        "BAD  etc: is not listed",
        "BAD  7 of 8 files",
    }


def test_verify_refuses_what_the_same_key_signed_for_another_place_and_tells_how_to_ask_for_it(
    published: Path,
) -> None:
    body, signature = published.read_bytes(), published.with_name("SHA256SUMS.minisig")
    for path in (
        "git/letters/SHA256SUMS",
        "html/SHA256SUMS",
        "seed/mirror/SHA256SUMS",
        "git/mirror/channels.sha256",
    ):
        signature.write_bytes(sign_publication(body, KEY, path=path, serial=1))
        result = run("verify", published, "--key", KEY.public)
        told = f"its signature is that of {path}, not of {PUBLISHED}; if that is the path you want, add --path {path}"
        assert (result.exit_code, result.output) == (1, f"BAD  {published}: {told}\n")
        assert run("verify", published, "--key", KEY.public, "--path", path).exit_code == 0
    signature.write_bytes(sign(body, KEY, comment="timestamp:1700000000"))
    assert "names no serial and path" in run("verify", published, "--key", KEY.public).output


def test_verify_knows_an_export_as_html_by_its_mark(published: Path) -> None:
    (published.parent / ".feedproxy").write_text("html\n")
    signed = sign_publication(published.read_bytes(), KEY, path="html/SHA256SUMS", serial=1)
    published.with_name("SHA256SUMS.minisig").write_bytes(signed)
    assert run("verify", published, "--key", KEY.public).exit_code == 0


def test_verify_remembers_serials_where_there_is_a_store_and_refuses_older_ones(
    published: Path, tmp_path: Path
) -> None:
    open_store(Settings(data=tmp_path).store_url, tmp_path).close()
    body, signature = published.read_bytes(), published.with_name("SHA256SUMS.minisig")

    def verified(serial: int, *options: str) -> Result:
        signature.write_bytes(sign_publication(body, KEY, path=PUBLISHED, serial=serial))
        return run("verify", published, "--key", KEY.public, *options, data=tmp_path)

    assert [verified(serial).exit_code for serial in (7, 7, 8)] == [0, 0, 0]
    old = verified(7)
    told = (
        f"an old copy: {PUBLISHED} from key {KEY.public.name} has serial 7, and 8 was seen before; "
    )
    assert (old.exit_code, old.output.startswith(f"BAD  {published}: {told}")) == (1, True)
    assert "--allow-older" in old.output
    assert [verified(7, "--allow-older").exit_code, verified(7).exit_code] == [0, 0]


def test_verify_of_a_signed_manifest_that_leads_elsewhere_opens_nothing(published: Path) -> None:
    body = f"{HASH}  ../secret\n".encode()
    published.write_bytes(body)
    published.with_name("SHA256SUMS.minisig").write_bytes(
        sign_publication(body, KEY, path=PUBLISHED, serial=1)
    )
    result = run("verify", published, "--key", KEY.public, "--files")
    assert (result.exit_code, result.output) == (
        1,
        f"BAD  {published}: line 1: '../secret' is no path of a file below\n",
    )


def test_verify_names_what_it_can_not_read(published: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(write_secret_key(KEY), "utf-8")
    readme = published.with_name("README.md")
    assert (
        refusal("verify", tmp_path / "no", "--key", PUBLIC)
        == f"{tmp_path / 'no'}: can't be read: no such file or directory"
    )
    assert (
        refusal("verify", readme, "--key", PUBLIC)
        == f"{readme}.minisig: can't be read: no such file or directory"
    )
    assert refusal("verify", readme, "--key", PUBLIC, "--files").startswith(f"{readme}: --files: ")
    secret = f"--key: {tmp_path / 'key'}: is a minisign secret key, not a minisign public key"
    assert refusal("verify", published, "--key", tmp_path / "key") == secret


@pytest.mark.parametrize("given_key", [SECRET, "x" * 5_000, "a\0b", ""])
def test_verify_does_not_show_what_was_given_as_a_key_and_is_none(
    given_key: str, published: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"^--key: is neither a minisign public key nor a file that can be read$"
    ):
        raise run("verify", published, "--key", given_key).exception or AssertionError
