"""The folder of an export, which is replaced as a whole: the next tree is built beside it.

    <parent>/<name>                  the present tree
    <parent>/.<name>.next-export     the next tree, until it is complete
    <parent>/.<name>.last-export     the last tree, while the next one replaces it

Whenever a run is killed, the next run finds the present tree, or the last tree and restores it.
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
from feedproxy.export.locks import locked
from feedproxy.export.values import Group, Signer
from feedproxy.sign import SIGNATURE_SUFFIX, write_manifest

SUMS = "SHA256SUMS"
# A file that marks a folder as an export; its content is the format.
MARK = ".feedproxy"
_GIT = ".git"
_CHUNK_BYTES = 1 << 20
Write = Callable[[Path, bytes], None]


def write_file(file: Path, body: bytes) -> None:
    """Write a new file; raises FileExistsError if it exists."""
    with file.open("xb") as opened:
        opened.write(body)


class Tree:
    """The next tree of a folder.

    *roots* are the folders in it that have a SHA256SUMS each, "" for the tree itself. Each file is
    in a group; a group's files can be removed together and rendered again. With *is_dry* nothing is
    written.
    """

    def __init__(
        self,
        folder: Path,
        export_format: str,
        roots: tuple[str, ...],
        *,
        is_dry: bool = False,
        write: Write = write_file,
    ) -> None:
        self.folder, self.present = folder, folder.resolve()
        self._next = self.present.with_name(f".{self.present.name}.next-export")
        self._format, self._roots, self._is_dry, self._write = export_format, roots, is_dry, write
        self.before: dict[str, bytes] = _read_sums(self.present)
        self.sums: dict[str, bytes] = {}
        self._groups: dict[Group, list[str]] = defaultdict(list)
        self._made: set[Path] = set()
        self.written, self.unchanged = Counter[Group](), Counter[Group]()

    def begin(self) -> None:
        """Create an empty next tree."""
        if not self._is_dry:
            self.discard()
            self._next.mkdir(parents=True)
        if self._roots == ("",):
            self.put(("fixed", "", ""), MARK, f"{self._format}\n".encode())
        else:
            self._put_body(MARK, f"{self._format}\n".encode())

    def discard(self) -> None:
        """Delete the next tree."""
        if self._next.exists():
            shutil.rmtree(self._next)

    def put(self, group: Group, path: str, body: bytes) -> None:
        """Add a file; if the present tree has an equal one, as a hard link to it."""
        self._count(group, path, hashlib.sha256(body).digest(), is_same=self._put_body(path, body))

    def put_copy(self, group: Group, path: str, source: Path) -> None:
        """Add a copy of a file whose content never changes under its name."""
        old, known = self.present / path, self.before.get(path)
        is_same = (
            known is not None and old.is_file() and old.stat().st_size == source.stat().st_size
        )
        if not self._is_dry:
            _link(old if is_same else source, self._place(path))
        self._count(group, path, known if is_same and known else _digest(source), is_same=is_same)

    def kept(self, path: str) -> Path | None:
        """Return the file in the present tree, None if it has none."""
        old = self.present / path
        return old if path in self.before and old.is_file() else None

    def forget(self, group: Group) -> None:
        """Remove all files of a group from the next tree."""
        for path in self._groups.pop(group, ()):
            del self.sums[path]
            if not self._is_dry:
                (self._next / path).unlink()
        del self.written[group], self.unchanged[group]

    def write_manifests(self, signer: Signer | None) -> None:
        """Write the manifests of channels and of sections, and the SHA256SUMS of each root.

        With *signer* the manifests of sections and the SHA256SUMS are signed.
        """
        self._put_channel_manifests()
        self._put_section_manifests(signer)
        lines: dict[str, list[bytes]] = {root: [] for root in self._roots}
        for path in sorted(self.sums):
            root = path.partition("/")[0] if self._roots != ("",) else ""
            shown = path.removeprefix(f"{root}/") if root else path
            lines[root].append(f"{self.sums[path].hex()}  {shown}\n".encode())
        for root in self._roots:
            body = b"".join(lines[root])
            path, group = f"{root}/{SUMS}" if root else SUMS, ("sums", root, "")
            files = {path: body} | ({path + SIGNATURE_SUFFIX: signer(path, body)} if signer else {})
            for name, content in files.items():
                (self.unchanged if self._put_body(name, content) else self.written)[group] += 1

    def _put_channel_manifests(self) -> None:
        """Add a manifest of each channel's pages and index, for mirrors that copy one channel."""
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

    def _put_section_manifests(self, signer: Signer | None) -> None:
        """Add a manifest of each section's channels.

        Its signature covers all channels of the section in one state.
        """
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
            if signer:
                self.put(("sums", root, ""), path + SIGNATURE_SUFFIX, signer(path, body))

    @property
    def removed(self) -> int:
        """The number of files in the present tree that the next one does not have."""
        return sum(path not in self.sums for path in self.before)

    def swap(self) -> None:
        """Replace the present tree with the next one; files that no export wrote move along."""
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
        """Write a file, or link an equal one of the present tree; return whether there is one."""
        old = self.present / path
        is_same = _holds(old, body)
        if not self._is_dry:
            new = self._place(path)
            _link(old, new) if is_same else self._write(new, body)
        return is_same

    def _count(self, group: Group, path: str, digest: bytes, *, is_same: bool) -> None:
        path = sys.intern(path)  # `before` and `sums` share the string
        if path in self.sums:
            raise ExportError(
                f"{self.folder}: {path} is written twice; "
                "check mirror.page_path and mirror.index_path"
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
def alone(folder: Path, export_format: str) -> Iterator[None]:
    """Lock *folder* against other exports, and repair what a killed run left.

    Raises:
        ExportError: another export is running, the folder is not an export in this format, or it
            can't be read or written.

    """
    present = folder.resolve()
    try:
        with locked(present.parent):
            _recover(present)
            _check(folder, present, export_format)
            yield
    except BlockingIOError as e:
        raise ExportError(f"{folder}: another export is running in its parent folder") from e
    except OSError as e:
        raise ExportError(
            f"{folder}: {e.filename or folder} can't be read or written: "
            f"{(e.strerror or str(e)).lower()}"
        ) from e


def _recover(present: Path) -> None:
    """Restore the present tree, and delete the last one, after a run that was killed."""
    last = _last(present)
    if last.exists() and not present.exists():
        last.rename(present)
    elif last.exists():
        _clear(present, last)


def _clear(present: Path, last: Path) -> None:
    """Delete the last tree.

    Files in its folders that no export wrote, such as a clone's .git, are moved to the present tree
    first.
    """
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


def _check(folder: Path, present: Path, export_format: str) -> None:
    """Refuse a folder that is neither an export in this format nor empty."""
    if not present.exists():
        return
    mark = present / MARK
    if mark.is_file():
        if (found := mark.read_text("utf-8").strip()) != export_format:
            raise ExportError(
                f"{folder}: is an export in the format {found}, not {export_format}; "
                "name another folder"
            )
    elif any(each.name != _GIT for each in present.iterdir()):
        raise ExportError(
            f"{folder}: is not empty and not an export of feedproxy; name another folder"
        )


def _last(present: Path) -> Path:
    return present.with_name(f".{present.name}.last-export")


def _read_sums(folder: Path) -> dict[str, bytes]:
    """Return the hashes of all files of a tree, from its SHA256SUMS."""
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
                continue  # a file without a readable line is written again
    return found


def _holds(file: Path, body: bytes) -> bool:
    """Return whether a file has this content; compares the file itself, not its listed hash."""
    try:
        return (
            not file.is_symlink() and file.stat().st_size == len(body) and file.read_bytes() == body
        )
    except OSError:
        return False


def _link(source: Path, target: Path) -> None:
    """Hard-link a file to another name; copy it where the file system does not support the link."""
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
