"""`feedproxy keygen` and `feedproxy verify`: create a signing key, and verify a signed mirror."""

import os
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

import click

from feedproxy.characters import visible
from feedproxy.cli.console import as_json, examples, progress, say
from feedproxy.configuration.settings import Settings
from feedproxy.errors import ConfigError, SignatureError
from feedproxy.export import MARK
from feedproxy.paths import in_git
from feedproxy.sign import (
    MANIFEST,
    RANDOM_BYTES,
    SIGNATURE_SUFFIX,
    OtherPathError,
    PublicKey,
    check_serial,
    make_key,
    read_manifest,
    read_public_key,
    verify_publication,
    write_public_key,
    write_secret_key,
)
from feedproxy.store import open_store

# The most lines of a manifest that is read; the manifest of ten years has a tenth of them.
_MAX_LINES = 5_000_000
# Names in a checkout that are not part of the mirror's files.
_NOT_OF_THE_MIRROR = {".git", MANIFEST, MANIFEST + SIGNATURE_SUFFIX}


@click.command(epilog=examples("feedproxy keygen /etc/feedproxy/mirror.key"))
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def keygen(file: Path, *, is_json: bool) -> None:
    """Make a key pair for signing.

    Writes the secret key to FILE and the public key to FILE.pub. Both have minisign's format; the
    secret key has no password, and only its owner may read it. Existing files are never
    overwritten. Exits with 0.
    """
    key, public_file = make_key(os.urandom(RANDOM_BYTES)), file.with_name(file.name + ".pub")
    _write_new(file, write_secret_key(key), 0o600)
    try:
        _write_new(public_file, write_public_key(key.public), 0o644)
    except ConfigError:
        file.unlink()  # a secret key without its public key is of no use
        raise
    words = (
        f"secret key: {file} (sign with it: FEEDPROXY_SIGNING_KEY_FILE={file.absolute()})",
        f"public key: {key.public} (the same in {public_file})",
        f"verify with: minisign -Vm {MANIFEST} -P {key.public}",
    )
    say(
        {"secret_file": file, "public_file": public_file, "public_key": key.public},
        "\n".join(words),
        is_json=is_json,
    )


@click.command(
    epilog=examples(
        "verify SHA256SUMS --key RWQ...", "verify SHA256SUMS --key mirror.key.pub --files --json"
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", required=True, help="Public key: its line RWQ..., or a file with it.")
@click.option(
    "--files",
    "with_files",
    is_flag=True,
    help=f"Check all files beside FILE, too, which must be a {MANIFEST}.",
)
@click.option(
    "--path",
    default="",
    help=f"Path that the signature must name; git/<folder>/{MANIFEST} if not given.",
)
@click.option(
    "--allow-older", is_flag=True, help="Accept a copy that is older than one seen before."
)
@as_json
@click.pass_obj
def verify(
    settings: Settings,
    file: Path,
    key: str,
    path: str,
    *,
    with_files: bool,
    allow_older: bool,
    is_json: bool,
) -> None:
    """Check the signature of FILE.

    It is in FILE.minisig, and must name FILE and a serial. The store, if there is one, keeps the
    highest serial of each path and key, and an older FILE is rejected.

    Exits with 0; with 1 if the signature is by another key, names something else or an older state,
    or if a file differs, is missing or is not listed; with 2 if FILE, its signature or the key
    can't be read.
    """
    if with_files and file.name != MANIFEST:
        raise ConfigError(file, "--files", f"only a manifest named {MANIFEST} lists files")
    public, body = _read_key(key), _read(file)
    signature, path = _read(file.with_name(file.name + SIGNATURE_SUFFIX)), path or _path_of(file)
    try:
        serial = _verify(body, signature, public, path)
        is_remembered = _check_age(settings, public, path, serial, allow_older=allow_older)
        listed = read_manifest(body, max_lines=_MAX_LINES) if with_files else {}
    except SignatureError as e:
        _tell(file, e.reason, is_json=is_json)
        raise SystemExit(1) from e
    words = (
        f"ok   {visible(str(file))}: signed by key {public.name}: {visible(path)}, serial {serial}"
    )
    note = (
        ""
        if is_remembered
        else "; compare it with the serial of the copy that you had before: "
        "there is no store to remember it"
    )
    values = {
        "ok": True,
        "file": file,
        "key": public.name,
        "path": path,
        "serial": serial,
        "remembered": is_remembered,
    }
    say(values, words + note, is_json=is_json)
    if with_files and _print_faults(file.parent, listed, is_json=is_json):
        raise SystemExit(1)


def _path_of(file: Path) -> str:
    """Return the path that a file's signature must state, by the file's location.

    That is a section's repository, or an export in the form html.
    """
    folder = file.resolve().parent
    return f"html/{file.name}" if (folder / MARK).is_file() else in_git(folder.name, file.name)


def _verify(body: bytes, signature: bytes, key: PublicKey, path: str) -> int:
    try:
        return verify_publication(body, signature, key, path=path)
    except OtherPathError as e:
        raise SignatureError(
            f"{e.reason}; if that is the path you want, add --path {visible(e.path)}"
        ) from e


def _check_age(
    settings: Settings, key: PublicKey, path: str, serial: int, *, allow_older: bool
) -> bool:
    """Refuse a serial lower than the highest one seen, and remember it.

    Return False if there is no store that could remember it.
    """
    if not settings.has_store:
        return False
    store = open_store(settings.store_url, settings.data)
    try:
        highest = store.serials.highest(str(key), path)
        if not allow_older:
            check_serial(serial, highest, source=f"key {key.name}", path=path)
        store.serials.remember(str(key), path, serial)
    finally:
        store.close()
    return True


def _tell(file: Path | str, fault: str, *, is_json: bool) -> None:
    say(
        {"ok": False, "file": str(file), "what": fault},
        f"BAD  {visible(str(file))}: {fault}",
        is_json=is_json,
    )


def _print_faults(folder: Path, listed: dict[str, str], *, is_json: bool) -> int:
    """Print each file that differs from the manifest, and a summary; return their number.

    Only files that a walk of *folder* finds are opened, so a path in the manifest or a link cannot
    lead elsewhere.
    """
    bad = 0
    found = dict(_walk(folder))
    with progress("verify", len(found)) as bar:
        for path in sorted(found.keys() | listed.keys()):
            if fault := _fault(folder / path, listed.get(path), is_plain=found.get(path)):
                bad += 1
                _tell(path, fault, is_json=is_json)
            bar.advance(bar.task_ids[0], int(path in found))
    count = len(found.keys() | listed.keys())
    words = f"BAD  {bad} of {count} files" if bad else f"ok   {len(listed)} files are as listed"
    say({"ok": not bad, "files": count, "bad": bad}, words, is_json=is_json)
    return bad


def _fault(file: Path, digest: str | None, *, is_plain: bool | None) -> str:
    """Return what is wrong with a file, "" if nothing is.

    *is_plain* says whether it is a regular file; None means that it is missing.
    """
    if is_plain is None:
        return "is missing"
    if digest is None:
        return "is not listed"
    if not is_plain:
        return "is no plain file"
    try:
        with file.open("rb") as body:
            return "" if file_digest(body, "sha256").hexdigest() == digest else "differs"
    except OSError as e:
        return f"can't be read: {(e.strerror or str(e)).lower()}"


def _walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield the path of each file and link below *folder*, and whether it is a regular file.

    Links are not followed.
    """
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folder_path = Path(place)
        if folder_path == folder:
            folders[:] = [name for name in folders if name not in _NOT_OF_THE_MIRROR]
            names = [name for name in names if name not in _NOT_OF_THE_MIRROR]  # noqa: PLW2901
        for name in folders:
            if (folder_path / name).is_symlink():
                yield (folder_path / name).relative_to(folder).as_posix(), False
        for name in names:
            file = folder_path / name
            yield file.relative_to(folder).as_posix(), file.is_file() and not file.is_symlink()


def _unreadable(error: OSError) -> None:
    raise ConfigError(
        error.filename, "", f"can't be read: {(error.strerror or str(error)).lower()}"
    ) from error


def _read_key(key: str) -> PublicKey:
    """Return the public key in the text *key*, or in the file of that name."""
    try:
        return read_public_key(key)
    except SignatureError:
        file = Path(key)
    try:
        return read_public_key(file.read_text("utf-8"))
    except SignatureError as e:
        raise ConfigError("--key", str(file), e.reason) from e
    except (OSError, ValueError):  # the message does not quote *key*: it may be a secret key
        raise ConfigError(
            "--key", "", "is neither a minisign public key nor a file that can be read"
        ) from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as e:
        raise ConfigError(file, "", f"can't be read: {(e.strerror or str(e)).lower()}") from e


def _write_new(file: Path, text: str, mode: int) -> None:
    """Write a new file, which has *mode* from its creation on."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as e:
        raise ConfigError(file, "", "already exists; keys are never overwritten") from e
    except OSError as e:
        raise ConfigError(file, "", f"can't be written: {(e.strerror or str(e)).lower()}") from e
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as e:
        file.unlink(missing_ok=True)
        raise ConfigError(file, "", f"can't be written: {(e.strerror or str(e)).lower()}") from e
