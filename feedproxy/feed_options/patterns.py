"""Regular expressions of readers, by RE2: none takes more time than its size times the text's.

re2 is imported here only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import re2

from feedproxy.errors import OptionError

MAX_CHARACTERS = 300
# Instructions of all expressions of a request together: a Chinese character takes 3, "." 7, "\p{Han}" 84.
_MAX_PROGRAM = 1000
# What RE2 may take for one expression, where its own default is 8 MiB; more makes none of the worst any faster.
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """An expression that is ready: *name* is its parameter, *size* how many instructions it has."""

    name: str
    size: int
    finds: Callable[[str], bool]


def compile_all(
    expressions: Iterable[tuple[str, str]], *, is_sensitive: bool
) -> tuple[CompiledFilter, ...]:
    """Return *expressions*, pairs of a parameter's name and its value, ready to be searched for.

    Raises:
        ChoiceError: one of them is no expression in RE2's syntax, or too large, also with those before it.

    """
    found: list[CompiledFilter] = []
    for name, expression in expressions:
        found.append(_compile(name, expression, is_sensitive=is_sensitive))
        if sum(each.size for each in found) > _MAX_PROGRAM:
            raise _refused(name, "too large")
    return tuple(found)


def _compile(name: str, expression: str, *, is_sensitive: bool) -> CompiledFilter:
    if len(expression) > MAX_CHARACTERS:
        raise _refused(name, "longer")
    options = re2.Options()
    options.max_mem, options.case_sensitive = _MAX_BYTES, is_sensitive
    options.never_capture, options.dot_nl, options.log_errors = True, True, False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as e:
        raise _refused(name, _reason(e)) from e
    except UnicodeError as e:
        raise _refused(name, "no text") from e
    finally:
        re2.purge()  # its cache would keep 128 of them
    return CompiledFilter(
        name, compiled.programsize, lambda text: compiled.search(text) is not None
    )


def _refused(name: str, why: str) -> OptionError:
    return OptionError(
        name,
        f"takes a regular expression in RE2's syntax of at most {MAX_CHARACTERS} characters ({why})",
    )


def _reason(error: re2.error) -> str:
    """Return what RE2 says of an expression, without the part of it that it shows."""
    said = error.args[0] if error.args else b""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.partition(":")[0]
