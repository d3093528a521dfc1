"""Data quality of sources: how good the customer data is that each channel brings.

Of every customer that a source told of, the newest value of each column counts, and each value
is one of five things: good, held back, shared, unreadable or a placeholder; the rest is missing.
So the shares of a column add up to one, and what is worst says where to mend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tsunagu.identity.quality_values import Judge, ValueKind
from tsunagu.identity.resolve import Identifier

Problem = Literal["placeholder", "unreadable", "held", "shared", "missing"]

SHARED_BY = 5
"""An e-mail address or a telephone that more customers of one source have is nobody's own."""
SHARED_DAYS, SHARED_DAYS_SHARE = 20, 0.02
"""So is a date of birth that more have, if they are more than this share of those told of."""

MOST_FINDINGS = 3
# From which share of the customers on something is worth saying, and how it is ranked: a wrong
# value misleads, a missing one only tells nothing.
_LEAST: Mapping[Problem, float] = {
    "placeholder": 0.02,
    "unreadable": 0.02,
    "held": 0.02,
    "shared": 0.02,
    "missing": 0.2,
}
_MISSING_COUNTS = 0.5


@dataclass(frozen=True, slots=True)
class Value:
    """A customer's newest value in a column, and how many customers of the source have it."""

    text: str
    customers: int = 1


@dataclass(frozen=True, slots=True)
class Brought:
    """What a source brought in the period, before its values are judged.

    `customers` are those that its events are about, `told` those it told traits of, `joined`
    those of whom another source tells too. `records` are the values of a sample of those told of,
    in the order of the columns; None where there is none.
    """

    source: str
    events: int
    identifies: int
    customers: int
    told: int
    joined: int
    records: list[tuple[Value | None, ...]] = field(default_factory=list[tuple[Value | None, ...]])


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """How many of the customers looked at have what in a column; the counts add up to all."""

    column: str
    kind: ValueKind
    good: int
    placeholder: int
    unreadable: int
    held: int
    shared: int
    missing: int

    @property
    def filled(self) -> int:
        """How many have any value."""
        return self.good + self.placeholder + self.unreadable + self.held + self.shared

    def count(self, problem: Problem) -> int:
        """How many have a problem."""
        return getattr(self, problem)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend at a source: which share of its customers has which problem where."""

    column: str
    kind: ValueKind
    problem: Problem
    share: float


@dataclass(frozen=True, slots=True)
class SourceQuality:
    """A source's figures; `sampled` of the customers `told` of were looked at."""

    source: str
    events: int
    identifies: int
    customers: int
    joined: int
    told: int
    sampled: int
    columns: list[ColumnQuality]
    dead_letters: int
    checked: int
    violating: int

    @property
    def alone(self) -> int:
        """Customers of whom no other source tells."""
        return self.customers - self.joined

    @property
    def worst(self) -> list[Finding]:
        """What to mend, the worst first; nothing of columns that the source never fills."""
        found = [
            Finding(c.column, c.kind, problem, c.count(problem) / self.sampled)
            for c in self.columns
            for problem, least in _LEAST.items()
            if c.filled and c.count(problem) >= max(1.0, least * self.sampled)
        ]
        return sorted(found, key=lambda f: -weighed(f))[:MOST_FINDINGS]


def weighed(finding: Finding) -> float:
    """By what findings are ranked."""
    return finding.share * (_MISSING_COUNTS if finding.problem == "missing" else 1.0)


def identifiers_in(
    brought: Iterable[Brought], kinds: Sequence[ValueKind], judge: Judge
) -> set[Identifier]:
    """The identifiers among the values of all records, as they are compared."""
    texts: set[tuple[ValueKind, str]] = {
        (kind, value.text)
        for one in brought
        for record in one.records
        for kind, value in zip(kinds, record, strict=True)
        if value is not None and kind in ("email", "phone")
    }
    found = (judge.identifier(kind, text) for kind, text in texts)
    return {identifier for identifier in found if identifier is not None}


def measure(
    brought: Brought,
    columns: Mapping[str, ValueKind],
    judge: Judge,
    held: set[Identifier],
    *,
    dead_letters: int = 0,
    checked: int = 0,
    violating: int = 0,
) -> SourceQuality:
    """Judge what a source brought.

    Args:
        held: the identifiers that are held back in the workspace.
        dead_letters: how many of its events could not be processed in the period.
        checked: how many of its events were held against the tracking plan; `violating` of them
            were otherwise than announced.
    """
    counts = [Counter[str]() for _ in columns]
    verdicts: dict[tuple[ValueKind, str], str] = {}

    def verdict_of(kind: ValueKind, text: str) -> str:
        if (kind, text) not in verdicts:
            verdicts[kind, text] = _verdict(kind, text, judge, held)
        return verdicts[kind, text]

    for record in brought.records:
        for counted, kind, value in zip(counts, columns.values(), record, strict=True):
            counted[_of_value(kind, value, brought.told, verdict_of)] += 1
    return SourceQuality(
        brought.source,
        brought.events,
        brought.identifies,
        brought.customers,
        brought.joined,
        brought.told,
        len(brought.records),
        [_column(*told) for told in zip(columns.items(), counts, strict=True)],
        dead_letters,
        checked,
        violating,
    )


def _verdict(kind: ValueKind, text: str, judge: Judge, held: set[Identifier]) -> str:
    verdict = judge.judge(kind, text)
    return "held" if verdict == "good" and judge.identifier(kind, text) in held else verdict


def _of_value(
    kind: ValueKind,
    value: Value | None,
    told: int,
    verdict_of: Callable[[ValueKind, str], str],
) -> str:
    """What a customer's value is; shared are only those that would be good otherwise."""
    if value is None:
        return "missing"
    verdict = verdict_of(kind, value.text)
    return "shared" if verdict == "good" and _shared(kind, value.customers, told) else verdict


def _shared(kind: ValueKind, customers: int, told: int) -> bool:
    if kind in ("email", "phone"):
        return customers > SHARED_BY
    return kind == "birth_date" and customers > max(SHARED_DAYS, SHARED_DAYS_SHARE * told)


def _column(named: tuple[str, ValueKind], counted: Counter[str]) -> ColumnQuality:
    name, kind = named
    told = ("good", "placeholder", "unreadable", "held", "shared", "missing")
    return ColumnQuality(name, kind, *(counted[one] for one in told))
