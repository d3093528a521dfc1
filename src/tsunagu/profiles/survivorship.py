"""Survivorship: which of the values that were said of a trait is the one that holds.

A document of the workspace names a strategy for each trait. Whatever the strategy, the outcome
depends on what was said alone, not on the order in which it came: so late events, bulk loads
and merges of two customers give what one complete log would have given. Traits of the strategy
`latest` keep no other values, and cost nothing more than their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tsunagu.core.ids import stable_key

SURVIVORSHIP = "survivorship"
SURVIVORSHIP_NAME = "traits"

MOST_VALUES = 20
"""How many pairs of source and value are kept of a trait of one customer."""
LARGEST_VALUE = 1_000
"""The longest value, in bytes of JSON, of which times and spans are kept."""

Strategy = Literal["latest", "source_priority", "most_frequent", "longest_held"]
Source = Annotated[str, Field(min_length=1, max_length=200)]


class TraitRule(BaseModel):
    """How the value of a trait is chosen; `sources` in their order, for `source_priority`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Strategy = "latest"
    sources: list[Source] = Field(default_factory=list[str], max_length=MOST_VALUES - 1)

    @model_validator(mode="after")
    def _sources_where_they_count(self) -> Self:
        if (self.strategy == "source_priority") != bool(self.sources):
            raise ValueError("name the sources in order, for source_priority and for it alone")
        if len(set(self.sources)) != len(self.sources):
            raise ValueError("name each source once")
        return self


class SurvivorshipDocument(BaseModel):
    """A strategy for each trait that has its own, and one for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: TraitRule = TraitRule()
    traits: dict[Annotated[str, Field(min_length=1, max_length=200)], TraitRule] = Field(
        default_factory=dict[str, TraitRule], max_length=200
    )


class Candidate(msgspec.Struct, array_like=True):
    """A value that was said of a trait, with who said it.

    Times are the events' own, in microseconds; `last` and `position` are of the statement that
    came last by time and then log position. `times` counts the statements; 0 says that there
    are more values than are kept (`OVERFULL`). For `source_priority` there is one candidate for
    each source named, and one for all others.
    """

    value: Any
    source: str
    first: int
    last: int
    position: int
    times: int

    @property
    def age(self) -> tuple[int, int]:
        """By which one statement is later than another."""
        return self.last, self.position


OVERFULL = 0

Candidates = list[Candidate]


class Rule:
    """One compiled strategy other than `latest`: how candidates join, and which one holds."""

    def __init__(self, rule: TraitRule) -> None:
        self.strategy = rule.strategy
        self._ranks = {source: rank for rank, source in enumerate(rule.sources)}

    def join(self, some: Iterable[Candidate], others: Iterable[Candidate]) -> Candidates:
        """What is kept of all of them, by age; in whatever order they are joined."""
        all_of_them = [*some, *others]
        if self.strategy == "source_priority":
            kept = _joined((self._rank(one.source), one) for one in all_of_them)
        else:
            keyed = [((one.source, _encoded(one.value)), one) for one in all_of_them]
            kept = _joined(keyed)
            large = any(len(key[1]) > LARGEST_VALUE for key, _ in keyed)
            if large or len(kept) > MOST_VALUES or any(not one.times for one in all_of_them):
                newest = max(all_of_them, key=_age)
                first = min(one.first for one in all_of_them)
                return [msgspec.structs.replace(newest, first=first, times=OVERFULL)]
        return sorted(kept, key=_age)

    def best(self, kept: Sequence[Candidate]) -> Candidate:
        """The candidate whose value holds; no value (null) only where there is nothing else."""
        if len(kept) == 1:
            return kept[0]
        some = [one for one in kept if one.value is not None] or kept
        if self.strategy == "source_priority":
            return max(some, key=lambda one: (-self._rank(one.source), one.age))
        values: dict[bytes, Candidates] = {}
        for one in some:
            values.setdefault(_encoded(one.value), []).append(one)
        score = _held_for(values) if self.strategy == "longest_held" else _counts(values)
        newest = {value: max(said, key=_age) for value, said in values.items()}
        return newest[max(values, key=lambda value: (score[value], newest[value].age))]

    def _rank(self, source: str) -> int:
        return self._ranks.get(source, len(self._ranks))


def _age(one: Candidate) -> tuple[int, int]:
    return one.last, one.position


_encoder = msgspec.json.Encoder(order="deterministic")


def _encoded(value: Any) -> bytes:
    return _encoder.encode(value)


def _joined(keyed: Iterable[tuple[Any, Candidate]]) -> Candidates:
    """One candidate for each key: the latest, with the first time and all the times."""
    kept: dict[Any, Candidate] = {}
    for key, one in keyed:
        held = kept.get(key)
        if held is not None:
            newest = max(held, one, key=_age)
            first, times = min(held.first, one.first), held.times + one.times
            one = msgspec.structs.replace(newest, first=first, times=times)
        kept[key] = one
    return list(kept.values())


def _counts(values: Mapping[bytes, Candidates]) -> dict[bytes, int]:
    return {value: sum(one.times for one in said) for value, said in values.items()}


def _held_for(values: Mapping[bytes, Candidates]) -> dict[bytes, int]:
    """How long each value was held: until another one came up, or until it was last said."""
    firsts = {value: min(one.first for one in said) for value, said in values.items()}
    order = sorted(values, key=lambda value: (firsts[value], value))
    spans: dict[bytes, int] = {}
    for place, value in enumerate(order):
        until = max(one.last for one in values[value])
        if place + 1 < len(order):
            until = max(until, firsts[order[place + 1]])
        spans[value] = until - firsts[value]
    return spans


class Survivorship:
    """A compiled document. `plain` says that every trait's latest value holds."""

    def __init__(self, document: SurvivorshipDocument | None = None) -> None:
        document = document or SurvivorshipDocument()
        self._default = _compiled(document.default)
        self._rules = {name: _compiled(rule) for name, rule in document.traits.items()}
        rules = (self._default, *self._rules.values())
        self.plain = all(rule is None for rule in rules)
        self.key = "" if self.plain else stable_key(document.model_dump_json())

    def rule_of(self, trait: str) -> Rule | None:
        """The rule of a trait; None where the latest value holds."""
        return self._rules.get(trait, self._default)

    def strategy_of(self, trait: str) -> str:
        """The name of a trait's strategy."""
        rule = self.rule_of(trait)
        return "latest" if rule is None else rule.strategy


def _compiled(rule: TraitRule) -> Rule | None:
    return None if rule.strategy == "latest" else Rule(rule)


LATEST = Survivorship()
