"""The folder of an export: built beside the present one, takes its place when it is whole.

    <parent>/<name>                  the present tree
    <parent>/.<name>.next-export     the next one, until it is whole
    <parent>/.<name>.last-export     the last one, while the next takes its place

Whatever is killed when, the next run finds the present tree, or the last one to be put back.
"""

import hashlib
import os
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from feedproxy import paths
from feedproxy.errors import ExportError
from feedproxy.export.locks import held
from feedproxy.export.values import Group, Signer
from feedproxy.sign import SIGNATURE_SUFFIX, write_manifest

SUMS = "SHA256SUMS"
# Says that a folder is an export, and of which form.
MARK = ".feedproxy"
_GIT = ".git"
_CHUNK_BYTES = 1 << 20
Write = Callable[[Path, bytes], None]


def write_file(file: Path, body: bytes) -> None:
    """Write a file that is not there yet."""
    with file.open("xb") as opened:
        opened.write(body)


class Tree:
    """The next tree of a folder; *roots* are the folders in it that have a SHA256SUMS each, "" for itself.

    Files are put into groups, which can be made anew as a whole. Nothing is written where it *is_dry*.
    """

    def __init__(
        self,
        folder: Path,
        form: str,
        roots: tuple[str, ...],
        *,
        is_dry: bool = False,
        write: Write = write_file,
    ) -> None:
        self.folder, self.present = folder, folder.resolve()
        self._next = self.present.with_name(f".{self.present.name}.next-export")
        self._form, self._roots, self._is_dry, self._write = form, roots, is_dry, write
        self.before: dict[str, bytes] = _read_sums(self.present)
        self.sums: dict[str, bytes] = {}
        self._groups: dict[Group, list[str]] = defaultdict(list)
        self._made: set[Path] = set()
        self.written, self.unchanged = Counter[Group](), Counter[Group]()

    def begin(self) -> None:
        """Begin with an empty next tree."""
        if not self._is_dry:
            self.discard()
            self._next.mkdir(parents=True)
        if self._roots == ("",):
            self.put(("fixed", "", ""), MARK, f"{self._form}\n".encode())
        else:
            self._put_body(MARK, f"{self._form}\n".encode())

    def discard(self) -> None:
        """Drop the next tree."""
        if self._next.exists():
            shutil.rmtree(self._next)

    def put(self, group: Group, path: str, body: bytes) -> None:
        """Add a file: a link to the present one where that is equal."""
        self._count(group, path, hashlib.sha256(body).digest(), is_same=self._put_body(path, body))

    def put_copy(self, group: Group, path: str, source: Path) -> None:
        """Add a copy of a file that never changes under its name."""
        old, known = self.present / path, self.before.get(path)
        is_same = (
            known is not None and old.is_file() and old.stat().st_size == source.stat().st_size
        )
        if not self._is_dry:
            _link(old if is_same else source, self._place(path))
        self._count(group, path, known if is_same and known else _digest(source), is_same=is_same)

    def kept(self, path: str) -> Path | None:
        """Return the file in the present tree, if it is there."""
        old = self.present / path
        return old if path in self.before and old.is_file() else None

    def forget(self, group: Group) -> None:
        """Take out all files of a group."""
        for path in self._groups.pop(group, ()):
            del self.sums[path]
            if not self._is_dry:
                (self._next / path).unlink()
        del self.written[group], self.unchanged[group]

    def seal(self, seal: Signer | None) -> None:
        """Write the manifests: of each channel, of a section's channels, and the SHA256SUMS of each root.

        The latter two have signatures, if *seal* makes any.
        """
        self._put_channel_manifests()
        self._put_section_manifests(seal)
        lines: dict[str, list[bytes]] = {root: [] for root in self._roots}
        for path in sorted(self.sums):
            root = path.partition("/")[0] if self._roots != ("",) else ""
            shown = path.removeprefix(f"{root}/") if root else path
            lines[root].append(f"{self.sums[path].hex()}  {shown}\n".encode())
        for root in self._roots:
            body = b"".join(lines[root])
            path, group = f"{root}/{SUMS}" if root else SUMS, ("sums", root, "")
            files = {path: body} | ({path + SIGNATURE_SUFFIX: seal(path, body)} if seal else {})
            for name, content in files.items():
                (self.unchanged if self._put_body(name, content) else self.written)[group] += 1

    def _put_channel_manifests(self) -> None:
        """Add a manifest of each channel's pages and index, for those who take one channel and not the whole."""
        found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for path, digest in self.sums.items():
            root, _, name = path.partition("/")
            if root in self._roots and (channel := paths.channel_of(name)):
                found[root, channel][name] = digest.hex()
        for (root, channel), hashes in found.items():
            self.put(
                ("sums", root, channel),
                f"{root}/{paths.channel_manifest(channel)}",
                write_manifest(hashes),
            )

    def _put_section_manifests(self, seal: Signer | None) -> None:
        """Add to each section a manifest of its channels, so that one signature is over all of them as they are together."""
        for root in filter(None, self._roots):
            channels = [
                channel
                for kind, section, channel in self._groups
                if kind == "sums" and section == root
            ]
            named = [paths.CHANNEL_LIST, *map(paths.channel_manifest, channels)]
            hashes = {
                name: self.sums[f"{root}/{name}"].hex()
                for name in named
                if f"{root}/{name}" in self.sums
            }
            path, body = f"{root}/{paths.SECTION_MANIFEST}", write_manifest(hashes)
            self.put(("sums", root, ""), path, body)
            if seal:
                self.put(("sums", root, ""), path + SIGNATURE_SUFFIX, seal(path, body))

    @property
    def removed(self) -> int:
        """How many files the next tree has no more."""
        return sum(path not in self.sums for path in self.before)

    def swap(self) -> None:
        """Put the next tree in the place of the present one; what lies beside our files in its folders moves along."""
        last = _last(self.present)
        if self.present.exists():
            self.present.rename(last)
        try:
            self._next.rename(self.present)
        except OSError:
            if last.exists():
                last.rename(self.present)
            raise
        _clear(self.present, last)

    def _put_body(self, path: str, body: bytes) -> bool:
        """Write a file; return whether the present one is equal, which then serves for both."""
        old = self.present / path
        is_same = _holds(old, body)
        if not self._is_dry:
            new = self._place(path)
            _link(old, new) if is_same else self._write(new, body)
        return is_same

    def _count(self, group: Group, path: str, digest: bytes, *, is_same: bool) -> None:
        path = sys.intern(path)  # both lists of sums have it
        if path in self.sums:
            raise ExportError(
                f"{self.folder}: {path} is made twice; check mirror.page_path and mirror.index_path"
            )
        self.sums[path] = self.before[path] if self.before.get(path) == digest else digest
        self._groups[group].append(path)
        (self.unchanged if is_same else self.written)[group] += 1

    def _place(self, path: str) -> Path:
        file = self._next / path
        if file.parent not in self._made:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(file.parent)
        return file


@contextmanager
def alone(folder: Path, form: str) -> Iterator[None]:
    """Have nobody else export to *folder*, and mend what a killed run left.

    Raises:
        ExportError: another export is at work, the folder is no export of ours in this form, or it can't be read or written.

    """
    present = folder.resolve()
    try:
        with held(present.parent):
            _recover(present)
            _check(folder, present, form)
            yield
    except BlockingIOError as e:
        raise ExportError(f"{folder}: another export is at work in its parent folder") from e
    except OSError as e:
        raise ExportError(
            f"{folder}: {e.filename or folder} can't be read or written: {(e.strerror or str(e)).lower()}"
        ) from e


def _recover(present: Path) -> None:
    """Have the present tree in its place, as a run that was killed may have left it."""
    last = _last(present)
    if last.exists() and not present.exists():
        last.rename(present)
    elif last.exists():
        _clear(present, last)


def _clear(present: Path, last: Path) -> None:
    """Drop the last tree, but for what is not ours in its folders, as a clone's .git: that moves along."""
    if not last.exists():
        return
    roots = [each for each in last.iterdir() if (each / SUMS).is_file()]
    for root in (*roots, last):
        own = (
            {path.partition("/")[0] for path in _sums_in(root)}
            | {each.name for each in roots}
            | {MARK}
        )
        for stranger in list(root.iterdir()):
            target = present / root.relative_to(last) / stranger.name
            is_ours = stranger.name in own or stranger.name.startswith(SUMS)
            if not is_ours and target.parent.is_dir() and not target.exists():
                stranger.rename(target)
    shutil.rmtree(last)


def _check(folder: Path, present: Path, form: str) -> None:
    """Hold that a folder is an export in this form, or holds nothing."""
    if not present.exists():
        return
    mark = present / MARK
    if mark.is_file():
        if (found := mark.read_text("utf-8").strip()) != form:
            raise ExportError(
                f"{folder}: is an export in the form {found}, not {form}; name another folder"
            )
    elif any(each.name != _GIT for each in present.iterdir()):
        raise ExportError(f"{folder}: is not empty and no export of ours; name another folder")


def _last(present: Path) -> Path:
    return present.with_name(f".{present.name}.last-export")


def _read_sums(folder: Path) -> dict[str, bytes]:
    """Return the hashes of all files of a tree, as its SHA256SUMS say."""
    if not (folder / MARK).is_file():
        return {}
    if (folder / SUMS).is_file():
        return _sums_in(folder)
    roots = sorted(each for each in folder.iterdir() if (each / SUMS).is_file())
    return {
        sys.intern(f"{root.name}/{path}"): digest
        for root in roots
        for path, digest in _sums_in(root).items()
    }


def _sums_in(root: Path) -> dict[str, bytes]:
    if not (root / SUMS).is_file():
        return {}
    found = {}
    with (root / SUMS).open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            digest, _, path = line.rstrip("\n").partition("  ")
            try:
                found[sys.intern(path)] = bytes.fromhex(digest)
            except ValueError:
                continue  # what is not read is written anew
    return found


def _holds(file: Path, body: bytes) -> bool:
    """Tell whether a file has this content: what it has, not what it should have."""
    try:
        return (
            not file.is_symlink() and file.stat().st_size == len(body) and file.read_bytes() == body
        )
    except OSError:
        return False


def _link(source: Path, target: Path) -> None:
    """Have a file under another name too; a copy where the file system knows no such thing, or not across it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _digest(file: Path) -> bytes:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.digest()
