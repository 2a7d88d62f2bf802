"""Headers of answers, made once for many."""

from collections.abc import Iterable


class Made(list[tuple[str, str]]):
    """Headers that were made here and are well formed, so that a server of ours need not look at each again.

    *length* is their Content-Length; *block* are all of them as they are sent, after the name of the first one.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], lines: str, length: int | None) -> None:
        super().__init__(pairs)
        self.length, self.block = length, [(self[0][0], lines.partition(": ")[2])]


class Frame:
    """Headers that many answers have alike: *before* and *after* those that are each answer's own."""

    __slots__ = ("_after", "_after_lines", "_before", "_before_lines")

    def __init__(self, before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str]]) -> None:
        self._before, self._after = tuple(before), tuple(after)
        self._before_lines, self._after_lines = (
            "".join(f"{name}: {value}\r\n" for name, value in pairs) for pairs in (self._before, self._after)
        )

    def fill(self, own: tuple[tuple[str, str], ...], length: int | None) -> Made:
        """Return all headers of an answer."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in own])
        lines = f"{self._before_lines}{lines}{self._after_lines}"
        return Made((*self._before, *own, *self._after), lines[:-2], length)
