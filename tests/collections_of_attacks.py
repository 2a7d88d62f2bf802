"""Public collections of attacks, read out of the packages that bring them, as `make attacks` lays them into `.attacks`.

Nothing of them is part of the project; nothing of them is ever run or imported here: their files are only read.
"""

import ast
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lxml import etree

FOLDER = Path(__file__).resolve().parent.parent / ".attacks"
_PAYLOAD = re.compile(r'"payload"\s*:\s*("(?:[^"\\]|\\.)*")')
# A test of html5lib: what is parsed, up to the next heading.
_DATA = re.compile(r"^#data\n(.*?)\n#errors$", re.MULTILINE | re.DOTALL)


def _of_bleach(name: str, text: str) -> Iterator[str]:
    if name.endswith(".test"):
        yield text.partition("\n--\n")[0]
    elif name.endswith("test_clean.py"):
        yield from _strings(text)


def _of_dompurify(name: str, text: str) -> Iterator[str]:
    if "/test/" in name and "expect" in name:
        yield from (json.loads(found) for found in _PAYLOAD.findall(text))


def _of_html5lib(name: str, text: str) -> Iterator[str]:
    if "tree-construction" in name and name.endswith(".dat"):
        yield from _DATA.findall(text)


def _of_feedparser(name: str, text: str) -> Iterator[str]:
    if "/sanitize/" in name and name.endswith(".xml"):
        root = etree.fromstring(
            text.encode(), etree.XMLParser(recover=True, resolve_entities=False)
        )
        yield from (
            str(each.text) for each in root.iter(etree.Element) if each.text and "<" in each.text
        )
        yield from (
            etree.tostring(each, encoding="unicode")
            for each in root.iter("{http://www.w3.org/1999/xhtml}div")
        )


def _of_lxml(name: str, text: str) -> Iterator[str]:
    if name.endswith("tests/test_clean.py"):
        yield from _strings(text)


def _of_brs_kb(name: str, text: str) -> Iterator[str]:
    if "/payloads/" in name and name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "payload"
                and isinstance(node.value, ast.Constant)
            ):
                yield str(node.value.value)


# By the beginning of an archive's name.
READERS: Mapping[str, Callable[[str, str], Iterator[str]]] = {
    "bleach": _of_bleach,
    "brs_kb": _of_brs_kb,
    "dompurify": _of_dompurify,
    "feedparser": _of_feedparser,
    "html5lib": _of_html5lib,
    "lxml_html_clean": _of_lxml,
}


def collection(name: str) -> list[str]:
    """Return the attacks in a package, each once; none where the package is not there."""
    archives = sorted(path for path in FOLDER.glob(f"{name}-*") if path.suffix != ".txt")
    found = (
        each
        for archive in archives
        for member, text in _members(archive)
        for each in READERS[name](member, text)
    )
    return list(dict.fromkeys(each for each in found if each.strip()))


def _members(archive: Path) -> Iterator[tuple[str, str]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                yield name, zipped.read(name).decode("utf-8", "replace")
    else:
        with tarfile.open(archive) as packed:
            for member in packed:
                if file := packed.extractfile(member):
                    yield member.name, file.read().decode("utf-8", "replace")


def _strings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "<" in node.value:
            yield node.value
