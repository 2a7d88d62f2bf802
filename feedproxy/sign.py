"""Signatures in the format of minisign, and the manifests of SHA-256 hashes that they cover. Pure.

The only module that imports cryptography. The formats of keys, signatures and their comments are
those of https://jedisct1.github.io/minisign/ and minisign 0.11. The untrusted comment of a
signature is the only part that is not signed; it is never read.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from feedproxy.configuration.settings import PREFIX, Settings
from feedproxy.errors import ConfigError, SignatureError

# The file name of a mirror's manifest, and the suffix that a signature's file name adds to the name
# of the signed file.
MANIFEST, SIGNATURE_SUFFIX = "SHA256SUMS", ".minisig"
# Random bytes of a new key: 8 for its ID, 32 for its seed (RFC 8032, 5.1.5).
RANDOM_BYTES = 8 + 32

_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
# Ed25519 over the content itself, which minisign calls legacy, or over the content's BLAKE2b-512.
_PURE, _PREHASHED = b"Ed", b"ED"
_CHECKSUM, _UNENCRYPTED, _NO_CHECKSUM = b"B2", bytes(2), bytes(32)
# Algorithm, key ID, public key.
_PUBLIC = Struct("2s8s32s")
# Algorithm, encryption, kind of checksum, (salt and limits of the encryption,) key ID, seed,
# public key, checksum.
_SECRET = Struct("2s2s2s48x8s32s32s32s")
# Algorithm, key ID, signature; and the signature of that signature and the trusted comment.
_SIGNATURE, _WHOLE = Struct("2s8s64s"), Struct("64s")
_NAMES = {
    _PUBLIC: "public key",
    _SECRET: "secret key",
    _SIGNATURE: "signature",
    _WHOLE: "signature",
}
_FORM = re.compile(
    rf"{_UNTRUSTED}[^\n]*\n(?P<made>[^\n]*)\n{_TRUSTED}(?P<comment>[^\n]*)\n(?P<whole>[^\n]*)\n?"
)
# minisign accepts an untrusted comment of 1 KB and a trusted comment of 8 KB.
_MAX_COMMENT_BYTES, _MAX_SIGNATURE_BYTES = 8_000, 10_000
# Control characters except the tab, line and paragraph separators, surrogates.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# sha256sum escapes backslashes and line ends. Paths with them are refused, so a path in a manifest
# is always literal.
_BAD_IN_PATHS = re.compile(rf"\\|\t|{_CONTROLS.pattern}")
# "/a" and "a//b" have an empty part, too. `sha256sum -c` does not read "-" as a file.
_BAD_PARTS = {"", ".", ".."}
_HEX = re.compile(r"[0-9a-f]{64}")
_SHOWN_CHARACTERS = 80
# The serial of a publication that never changes. No counter comes near it.
FINAL_SERIAL = 10**15 - 1
# The trusted comment of every signature that a mirror publishes.
_LABEL = re.compile(r"serial:(?P<serial>0|[1-9][0-9]{0,14}) path:(?P<path>\S+)")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a key, which verifies signatures."""

    id: bytes
    raw: bytes

    def __str__(self) -> str:
        """Return the key in its usual one-line form, as RWQ..."""
        return _base64(_PUBLIC.pack(_PURE, self.id, self.raw))

    @property
    def name(self) -> str:
        """The key's ID in minisign's notation, 16 hexadecimal digits."""
        return _name(self.id)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """The secret half of a key, which signs; its seed never appears in the representation."""

    id: bytes
    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.id, _private(self).public_key().public_bytes_raw())


class OtherPathError(SignatureError):
    """A valid signature of a publication at another path; *path* is that path."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"its signature is that of {path}, not of {expected}")
        self.path = path


def signing_key(settings: Settings) -> SecretKey | None:
    """Return the mirror's signing key, None if none is configured.

    Raises:
        ConfigError: the configured key is not a usable secret key.

    """
    if not settings.signing_key:
        return None
    try:
        return read_secret_key(settings.signing_key)
    except SignatureError as e:
        raise ConfigError("environment", PREFIX + "SIGNING_KEY", e.reason) from e


def make_key(random: bytes) -> SecretKey:
    """Return the key made from `RANDOM_BYTES` random bytes; another length is a ValueError."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} bytes")
    return SecretKey(id=random[:8], seed=random[8:])


def read_public_key(text: str) -> PublicKey:
    """Return the public key in minisign's two-line file, or in its second line alone.

    Raises:
        SignatureError: *text* is not a public key of a known algorithm.

    """
    algorithm, key_id, raw = _unpack(_last_line(text), _PUBLIC)
    if algorithm != _PURE:
        raise SignatureError("is a public key of an unknown algorithm")
    return PublicKey(key_id, raw)


def read_secret_key(text: str) -> SecretKey:
    """Return the secret key in a file that ``minisign -G -W`` wrote, or in its second line alone.

    Raises:
        SignatureError: *text* is not a valid secret key, or the key is encrypted with a password.

    """
    algorithm, encryption, kind, key_id, seed, public, checksum = _unpack(_last_line(text), _SECRET)
    if encryption != _UNENCRYPTED:
        raise SignatureError(
            "is encrypted with a password; remove it from a copy: minisign -C -W -s COPY"
        )
    if (algorithm, kind) != (_PURE, _CHECKSUM):
        raise SignatureError("is a secret key of an unknown algorithm")
    key = SecretKey(key_id, seed)
    # `minisign -C -W` writes a checksum, `minisign -G -W` does not.
    right = blake2b(algorithm + key_id + seed + public, digest_size=32).digest()
    if key.public.raw != public or checksum not in (_NO_CHECKSUM, right):
        raise SignatureError("is a damaged minisign secret key")
    return key


def write_public_key(key: PublicKey) -> str:
    """Return a public key as a file for ``minisign -p``."""
    return f"{_UNTRUSTED}minisign public key {key.name}\n{key}\n"


def write_secret_key(key: SecretKey) -> str:
    """Return a secret key as a file for ``minisign -s``.

    The key has no password; the format is that of ``minisign -G -W``.
    """
    parts = (_PURE, _UNENCRYPTED, _CHECKSUM, key.id, key.seed, key.public.raw, _NO_CHECKSUM)
    return f"{_UNTRUSTED}minisign secret key {key.public.name}\n{_base64(_SECRET.pack(*parts))}\n"


def sign(body: bytes, secret_key: SecretKey, *, comment: str) -> bytes:
    """Return a signature of *body* and of the trusted *comment*, as a file for ``minisign -V``.

    The same arguments always give the same signature.

    Raises:
        SignatureError: *comment* is longer than one line or than 8,000 bytes.

    """
    if _CONTROLS.search(comment) or len(comment.encode()) > _MAX_COMMENT_BYTES:
        raise SignatureError("the comment is not a line of at most 8,000 bytes")
    private = _private(secret_key)
    made = private.sign(_message(_PREHASHED, body))
    lines = (
        f"{_UNTRUSTED}signature from feedproxy",
        _base64(_SIGNATURE.pack(_PREHASHED, secret_key.id, made)),
        f"{_TRUSTED}{comment}",
        _base64(private.sign(made + comment.encode())),
    )
    return "".join(f"{line}\n" for line in lines).encode()


def verify(body: bytes, signature: bytes, key: PublicKey) -> str:
    """Verify that *signature* is one of *body* by *key*, and return its trusted comment.

    Both formats of minisign are accepted, the present one and the legacy one. A signature covers no
    file name and no time; only its trusted comment can state them.

    Raises:
        SignatureError: *signature* is malformed, was made by another key or for another content.

    """
    (algorithm, key_id, made), comment, whole = _read_signature(signature)
    if algorithm not in (_PURE, _PREHASHED):
        raise SignatureError("is signed with an unknown algorithm")
    if key_id != key.id:
        raise SignatureError(f"is signed by key {_name(key_id)}, not by {key.name}")
    _check(key, made, _message(algorithm, body), f"is not what key {key.name} signed")
    _check(key, whole, made + comment.encode(), f"has a comment that key {key.name} did not sign")
    return comment


def sign_publication(body: bytes, secret_key: SecretKey, *, path: str, serial: int) -> bytes:
    """Return the signature of a publication; its trusted comment states *path* and *serial*."""
    return sign(body, secret_key, comment=f"serial:{serial} path:{path}")


def verify_publication(body: bytes, signature: bytes, key: PublicKey, *, path: str) -> int:
    """Verify the signature of the publication at *path*, and return its serial; raises as `verify`.

    Raises:
        OtherPathError: the signature is valid for another path.
        SignatureError: the signature is valid, and its comment states no serial and path.

    """
    comment = verify(body, signature, key)
    label = _LABEL.fullmatch(comment)
    if label is None:
        raise SignatureError(f"its signature names no serial and path, but {_shown(comment)}")
    if label["path"] != path:
        raise OtherPathError(label["path"], path)
    return int(label["serial"])


def check_serial(serial: int, highest: int, *, source: str, path: str) -> None:
    """Refuse a publication with a serial lower than *highest*, the highest seen from its source.

    Raises:
        SignatureError: the publication is older; the message has the source, the path, both serials
            and the remedy.

    """
    if serial < highest:
        raise SignatureError(
            f"an old copy: {path} from {source} has serial {serial}, "
            f"and {highest} was seen before; "
            "if its publisher went back on purpose, accept it with --allow-older, "
            "or allow_older = true for a source"
        )


def write_manifest(hashes: Mapping[str, str]) -> bytes:
    """Return a manifest of SHA-256 *hashes* by path for ``sha256sum -c``, sorted by path.

    Raises:
        SignatureError: a path leaves the folder or has a backslash or a control character, or a
            hash is not a SHA-256.

    """
    for path, digest in hashes.items():
        if flaw := _flaw(digest, path):
            raise SignatureError(flaw)
    return "".join(f"{hashes[path]}  {path}\n" for path in sorted(hashes)).encode()


def read_manifest(body: bytes, *, max_lines: int) -> dict[str, str]:
    """Return the hashes by path in a manifest, which may be hostile.

    Each path stays below the manifest's folder, and has no backslash and no control character.

    Raises:
        SignatureError: *body* is not a manifest, or has more than *max_lines* lines; a message
            about a line has its number.

    """
    if body.count(b"\n") > max_lines:
        raise SignatureError(f"has more than {max_lines} lines")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise SignatureError("is not a manifest: it is not UTF-8") from None
    *lines, rest = text.split("\n")
    if rest:
        raise SignatureError("is not a manifest: its last line is incomplete")
    hashes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        digest, blanks, path = line.partition("  ")
        flaw = _flaw(digest, path) if blanks else "is no line of a manifest"
        if flaw or path in hashes:
            raise SignatureError(f"line {number}: {flaw or f'{_shown(path)} is listed twice'}")
        hashes[path] = digest
    return hashes


def _flaw(digest: str, path: str) -> str:
    """Return what is wrong with a line of a manifest, "" if nothing is."""
    if not _HEX.fullmatch(digest):
        return f"{_shown(digest)} is no SHA-256"
    if _BAD_IN_PATHS.search(path):
        return f"{_shown(path)} holds a backslash or a control"
    if path == "-" or not _BAD_PARTS.isdisjoint(path.split("/")):
        return f"{_shown(path)} is no path of a file below"
    return ""


def _shown(text: str) -> str:
    return ascii(text[:_SHOWN_CHARACTERS])


def _read_signature(signature: bytes) -> tuple[tuple[bytes, ...], str, bytes]:
    """Return the fields of a signature, its trusted comment, and the signature of both."""
    try:
        found = (
            _FORM.fullmatch(signature.decode()) if len(signature) <= _MAX_SIGNATURE_BYTES else None
        )
    except UnicodeDecodeError:
        found = None
    if not found or _CONTROLS.search(found["comment"]):
        raise SignatureError("is not a minisign signature")
    return _unpack(found["made"], _SIGNATURE), found["comment"], _unpack(found["whole"], _WHOLE)[0]


def _last_line(text: str) -> str:
    """Return the text below the untrusted comment, or the whole text if it has no such comment."""
    first, _, rest = text.strip().partition("\n")
    return rest.strip() if first.startswith(_UNTRUSTED.strip()) else text.strip()


def _unpack(line: str, struct: Struct) -> tuple[bytes, ...]:
    """Return the fields in a line of base64; only the canonical encoding passes (RFC 4648, 3.5)."""
    try:
        packed = b64decode(line, validate=True)
    except ValueError:
        packed = b""
    if len(packed) != struct.size or _base64(packed) != line:
        found = next(
            (f"a minisign {name}, " for each, name in _NAMES.items() if each.size == len(packed)),
            "",
        )
        raise SignatureError(f"is {found}not a minisign {_NAMES[struct]}")
    return struct.unpack(packed)


def _check(key: PublicKey, made: bytes, message: bytes, reason: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(made, message)
    except (InvalidSignature, ValueError):  # ValueError: the key is not a point of the curve
        raise SignatureError(reason) from None


def _message(algorithm: bytes, body: bytes) -> bytes:
    return blake2b(body).digest() if algorithm == _PREHASHED else body


def _private(key: SecretKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.seed)


def _base64(packed: bytes) -> str:
    return b64encode(packed).decode()


def _name(key_id: bytes) -> str:
    """Return a key ID in minisign's notation, a little-endian number in hexadecimal."""
    return f"{int.from_bytes(key_id, 'little'):016X}"
