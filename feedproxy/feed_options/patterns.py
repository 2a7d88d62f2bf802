"""Compile readers' regular expressions with RE2, whose time is linear in the text.

The time of a search is at most the size of the expression times that of the text. Only this module
imports re2.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import re2

from feedproxy.errors import OptionError

MAX_CHARACTERS = 300
# The most instructions of all expressions of a request. A Chinese character takes 3, "." 7,
# "\p{Han}" 84.
_MAX_PROGRAM = 1000
# The memory limit of RE2 for one expression, instead of its default of 8 MiB. More does not speed
# up the worst expressions.
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A compiled expression: *name* is its parameter, *size* its number of instructions."""

    name: str
    size: int
    finds: Callable[[str], bool]


def compile_all(
    expressions: Iterable[tuple[str, str]], *, is_sensitive: bool
) -> tuple[CompiledFilter, ...]:
    """Return compiled *expressions*, given as pairs of a parameter's name and its value.

    Raises:
        OptionError: an expression is invalid in RE2's syntax or too large, alone or with those
            before it.

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
        re2.purge()  # RE2's module cache would keep 128 expressions
    return CompiledFilter(
        name, compiled.programsize, lambda text: compiled.search(text) is not None
    )


def _refused(name: str, why: str) -> OptionError:
    return OptionError(
        name,
        f"takes a regular expression in RE2's syntax "
        f"of at most {MAX_CHARACTERS} characters ({why})",
    )


def _reason(error: re2.error) -> str:
    """Return RE2's reason for an error, without the part of the expression that it quotes."""
    message = error.args[0] if error.args else b""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    return text.partition(":")[0]
