"""Features: what the live rules need of a customer's behaviour, kept in whole buckets.

All audiences of a workspace share one plan, so an event is counted once however many rules
look at it. What the rules see of the counters is taken in `sight.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tsunagu.core import decode_body, stable_key
from tsunagu.core.rules import Feature, Rule, amount, trait_column
from tsunagu.core.times import HOUR, day_number
from tsunagu.profiles.state import Counter, State
from tsunagu.profiles.survivorship import LATEST, Survivorship

Happened = tuple[str, int, bytes]
"""An event of the past: its name, its time and its stored body."""


@dataclass(frozen=True)
class Need:
    """What to keep of one event: summed properties, and how many buckets back."""

    properties: tuple[str, ...]
    days: int
    hours: int


@dataclass(frozen=True)
class Plan:
    """Everything the rules of a workspace look at; `key` changes when they do.

    `survivorship` says which value of a trait holds.
    """

    key: str
    rules: Mapping[str, Rule]
    features: tuple[Feature, ...]
    traits: tuple[str, ...]
    needs: Mapping[str, Need]
    zone: ZoneInfo
    survivorship: Survivorship = LATEST

    @property
    def columns(self) -> list[str]:
        """The columns of a feature row, in its order."""
        return [f.column for f in self.features] + [trait_column(t) for t in self.traits]


def make_plan(
    rules: Mapping[str, Rule], zone: ZoneInfo, survivorship: Survivorship = LATEST
) -> Plan:
    """The shared plan of a set of rules."""
    features = sorted({f for r in rules.values() for f in r.features}, key=lambda f: f.column)
    traits = sorted({t for r in rules.values() for t in r.traits})
    events = {f.event: [g for g in features if g.event == f.event] for f in features}
    needs = {name: _need(group) for name, group in events.items()}
    texts = [text for name in sorted(rules) for text in (name, rules[name].source)]
    if not survivorship.plain:
        texts.append(survivorship.key)
    return Plan(
        stable_key(str(zone), *texts),
        dict(rules),
        tuple(features),
        tuple(traits),
        needs,
        zone,
        survivorship,
    )


def _need(features: list[Feature]) -> Need:
    return Need(
        tuple(sorted({f.property for f in features if f.property is not None})),
        max((f.buckets for f in features if f.unit == "day"), default=0),
        max((f.buckets for f in features if f.unit == "hour"), default=0),
    )


def count_event(
    plan: Plan, state: State, name: str, properties: Mapping[str, Any], at: int
) -> bool:
    """Count one event at its own time; False when no rule looks at it."""
    need = plan.needs.get(name)
    if need is None:
        return False
    counter = state.counters.get(name)
    if counter is None:
        counter = state.counters[name] = Counter(first=at, last=at)
    counter.total += 1
    counter.first = min(counter.first, at)
    counter.last = max(counter.last, at)
    day, hour = day_number(at, plan.zone), at // HOUR
    if need.days:
        counter.days[day] = counter.days.get(day, 0) + 1
    if need.hours:
        counter.hours[hour] = counter.hours.get(hour, 0) + 1
    for key in need.properties:
        _add_amount(counter, key, amount(properties.get(key)), day, hour)
    return True


def _add_amount(counter: Counter, key: str, value: float, day: int, hour: int) -> None:
    total, days, hours = counter.sums.get(key, (0.0, {}, {}))
    days[day] = days.get(day, 0.0) + value
    hours[hour] = hours.get(hour, 0.0) + value
    counter.sums[key] = (total + value, days, hours)


def recount(plan: Plan, history: Sequence[Happened], now: int) -> dict[str, Counter]:
    """The counters of a customer from what is kept of their past, for rules that are new."""
    state = State()
    for name, at, body in history:
        count_event(plan, state, name, decode_body(body).properties, min(at, now))
    return state.counters
