"""Paired measurements: ours and another's, in turn, so that what else the machine does hits both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


class SkippedError(Exception):
    """What a row needs is not here; says what."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What is asked for: at least, or at most, so much; without a limit it is only told."""

    limit: float | None = None
    is_least: bool = False

    def met_by(self, value: float) -> bool | None:
        """Return whether *value* is within it, None where there is no limit."""
        if self.limit is None:
            return None
        return value >= self.limit if self.is_least else value <= self.limit

    def __str__(self) -> str:
        return "-" if self.limit is None else f"{'≥' if self.is_least else '≤'} {self.limit:,g}"


def at_least(limit: float) -> Bound:
    return Bound(limit, is_least=True)


def at_most(limit: float) -> Bound:
    return Bound(limit)


TOLD = Bound()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of measurements, each of ours and theirs, one after the other."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(our / their for our, their in zip(self.ours, self.theirs, strict=True))

    def raw(self, unit: str, ours: str = "ours", theirs: str = "other") -> str:
        """Return both medians in words."""
        return f"{ours} {figure(median(self.ours))} {unit}, {theirs} {figure(median(self.theirs))} {unit}"


def alternate(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> Pairs:
    """Measure both *rounds* times; every second pair begins with the other one, so that coming first favours neither."""
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            their = theirs()
            pairs.append((ours(), their))
        else:
            our = ours()
            pairs.append((our, theirs()))
    return Pairs(tuple(our for our, _ in pairs), tuple(their for _, their in pairs))


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table; without a *value* it was not measured, and *raw* says why."""

    row: str
    what: str
    bound: Bound
    value: float | None
    raw: str
    unit: str = ""

    @property
    def verdict(self) -> str:
        """What is said of it."""
        if self.value is None:
            return "not measured"
        return {True: "met", False: "NOT MET", None: "-"}[self.bound.met_by(self.value)]

    @property
    def shown(self) -> str:
        """The value in words."""
        return "-" if self.value is None else f"{figure(self.value)} {self.unit}".strip()


def figure(value: float) -> str:
    """Return a number with three digits that count.

    >>> figure(0.91234), figure(12345.6), figure(45.67)
    ('0.912', '12,346', '45.7')
    """
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3 if abs(value) < 1 else 2
    return f"{value:,.{digits}f}"


def table(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return the cells of the table, without its head."""
    return [
        (each.row, each.what, str(each.bound), each.shown, each.verdict, each.raw)
        for each in results
    ]


HEAD = ("#", "work", "bound", "measured", "", "raw medians")
