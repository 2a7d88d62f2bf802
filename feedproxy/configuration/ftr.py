"""Site rules in the text format of ftr-site-config (``<host>.txt``). Pure.

Full-Text RSS and Instapaper use this format. Each line is ``directive: value``; ``#`` begins a
comment, and a directive may be repeated. Many people write these files by hand, so a directive that
can't be used is skipped and reported, and is never fatal.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import starmap
from typing import Any

from feedproxy.markup import check_xpath
from feedproxy.model import ArticleRules, Replacement, RuleTest, Url, Wrapping

_LINE = re.compile(r"\s*([a-z_]+)\s*(?:\((.*?)\))?\s*:\s?(.*?)\s*\Z", re.IGNORECASE)
_XPATHS = (
    "title",
    "body",
    "date",
    "author",
    "strip",
    "strip_attr",
    "single_page_link",
    "next_page_link",
)
_WORDS = ("strip_id_or_class", "strip_image_src", "src_lazy_load_attr")
_LISTS = (*_XPATHS, *_WORDS, "find_string", "replace_string", "autodetect_on_failure")
_TAG = re.compile(r"[a-z][a-z0-9]*", re.IGNORECASE)
_NO = ("no", "false", "0")


def parse_ftr(text: str, name: str) -> tuple[ArticleRules, tuple[str, ...]]:
    r"""Return the rules in *text*, and one line for each directive that can't be used.

    Directives about requesting or tidying a page (``http_header``, ``tidy``, ``prune``, ``parser``
    and the like) are ignored.

    >>> parse_ftr(
    ...     "body: //article\nstrip_id_or_class: ad\nreplace_string(<b>): <i>", "example.org.txt"
    ... )[0].replace
    (Replacement(old='<b>', new='<i>'),)
    """
    lists: dict[str, list[str]] = defaultdict(list)
    replacements, wrappings = list[Replacement](), list[Wrapping]()
    tests: list[tuple[Url, list[str]]] = []
    faults: list[str] = []
    for directive, argument, value in _directives(text):
        if fault := _fault(directive, argument, value):
            faults.append(f"{name}: {directive}: {fault}")
        elif directive == "replace_string" and argument:
            replacements.append(Replacement(argument, value))
        elif directive == "wrap_in" and argument:
            wrappings.append(Wrapping(argument, value))
        elif directive in _LISTS:
            lists[directive].append(value)
        elif directive == "test_url":
            tests.append((Url(value), []))
        elif directive == "test_contains" and tests:
            tests[-1][1].append(value)
    found = zip(lists.pop("find_string", []), lists.pop("replace_string", []), strict=False)
    detects = "".join(lists.pop("autodetect_on_failure", [])).lower() not in _NO
    fields: dict[str, Any] = {key: tuple(values) for key, values in lists.items()}
    checked = tuple(RuleTest(url, tuple(texts)) for url, texts in tests)
    rules = ArticleRules(
        name=name,
        autodetect_on_failure=detects,
        tests=checked,
        replace=(*starmap(Replacement, found), *replacements),
        wrap_in=tuple(wrappings),
        **fields,
    )
    return rules, tuple(faults)


def _fault(directive: str, argument: str, value: str) -> str:
    """Return why a directive can't be used, "" if it can be used."""
    if directive == "wrap_in" and not _TAG.fullmatch(argument):
        return f"{argument!r} is no element"
    if directive in (*_XPATHS, "wrap_in"):
        try:
            check_xpath(value)
        except ValueError as e:
            return str(e)
    return ""


def _directives(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each directive with argument and value; only ``replace_string`` may lack a value."""
    for line in text.splitlines():
        match = None if line.lstrip().startswith("#") else _LINE.match(line)
        if match is None:
            continue
        directive, argument, value = match[1].lower(), match[2] or "", match[3]
        if directive in _WORDS:
            value = value.strip("\"'")
        if value or directive == "replace_string":
            yield directive, argument, value
