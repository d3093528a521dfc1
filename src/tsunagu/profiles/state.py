"""What is kept of one customer between batches: traits, feature buckets, consents, sends.

The state is the fold of the customer's events. It travels as MessagePack in one column, is
loaded for the customers a batch touches and stored back when it changed. A trait's value is
resolved by its strategy (`survivorship.py`), by default by event time and then log position, so
late events never overwrite newer facts.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tsunagu.profiles.survivorship import LATEST, Candidate, Candidates, Rule, Survivorship

Number = TypeVar("Number", int, float)


class Counter(msgspec.Struct, array_like=True):
    """Occurrences of one event: total, first and last time, per local day and hour.

    `sums` holds the same for each summed property: total, per day, per hour.
    """

    total: int = 0
    first: int = 0
    last: int = 0
    days: dict[int, int] = {}
    hours: dict[int, int] = {}
    sums: dict[str, tuple[float, dict[int, float], dict[int, float]]] = {}


class Consent(msgspec.Struct, array_like=True):
    """The customer's last word on a channel and purpose."""

    granted: bool
    at: int
    position: int


class State(msgspec.Struct, array_like=True):
    """The fold of one customer.

    A trait is its value with the event time and the position of the event that said it.
    """

    traits: dict[str, tuple[Any, int, int]] = {}
    counters: dict[str, Counter] = {}
    consents: dict[str, Consent] = {}
    sends: list[tuple[int, str]] = []
    audiences: list[str] = []
    now: int = 0
    first_seen: int = 0
    last_seen: int = 0
    events: int = 0
    position: int = 0
    # when an audience may change without an event; 0 is never
    audience_wake: int = 0
    # which source said what the traits hold, by position
    sources: dict[int, str] = {}
    # all that was said of the traits whose strategy needs it
    candidates: dict[str, Candidates] = {}

    def trait(self, name: str) -> Any:
        """The current value of a trait, or None."""
        found = self.traits.get(name)
        return None if found is None else found[0]

    def values(self) -> dict[str, Any]:
        """All traits as plain values."""
        return {name: value for name, (value, _, _) in self.traits.items()}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def encode_state(state: State) -> bytes:
    """The stored form of a state; equal states give equal bytes only within one fold order."""
    return _encoder.encode(state)


def decode_state(raw: bytes) -> State:
    """The state of a stored form."""
    return _decoder.decode(raw)


def tell_source(state: State, position: int, source: str) -> None:
    """Note who said what the traits hold now; who said nothing of it any more is forgotten."""
    sources = state.sources
    sources[position] = source
    if len(sources) > 1:
        for gone in sources.keys() - {held for _, _, held in state.traits.values()}:
            del sources[gone]


def said_of(state: State, trait: str) -> Candidates:
    """What is known of the values of a trait: its candidates, or the one that it holds."""
    kept = state.candidates.get(trait)
    if kept is None:
        held = state.traits.get(trait)
        if held is None:
            return []
        value, at, position = held
        return [Candidate(value, state.sources.get(position, ""), at, at, position, 1)]
    return kept


def choose(state: State, trait: str, rule: Rule, said: Candidates) -> bool:
    """Add what was said of a trait to a state; True when another statement holds now."""
    kept = state.candidates[trait] = rule.join(said_of(state, trait), said)
    best = rule.best(kept)
    before = state.traits.get(trait)
    state.traits[trait] = now = (best.value, best.last, best.position)
    if now == before:
        return False
    tell_source(state, best.position, best.source)
    return True


def merge_states(survivor: State, loser: State, survivorship: Survivorship = LATEST) -> State:
    """The fold of both customers' events, as if they had always been one.

    Consent never widens: where both spoke, the stricter word holds until the customer speaks.
    """
    merged = decode_state(encode_state(survivor))
    for name, (value, at, position) in loser.traits.items():
        rule = survivorship.rule_of(name)
        if rule is not None:
            choose(merged, name, rule, said_of(loser, name))
            continue
        held = merged.traits.get(name)
        if held is None or (held[1], held[2]) < (at, position):
            merged.traits[name] = (value, at, position)
            if position in loser.sources:
                tell_source(merged, position, loser.sources[position])
    for name, counter in loser.counters.items():
        merged.counters[name] = _merge_counters(merged.counters.get(name), counter)
    for key, consent in loser.consents.items():
        merged.consents[key] = _stricter(merged.consents.get(key), consent)
    merged.sends = sorted([*survivor.sends, *loser.sends])
    # A customer that is made and absorbed by one event has seen none; 0 is no time.
    merged.first_seen = min(
        survivor.first_seen or loser.first_seen, loser.first_seen or survivor.first_seen
    )
    merged.last_seen = max(survivor.last_seen, loser.last_seen)
    merged.now = max(survivor.now, loser.now)
    merged.events = survivor.events + loser.events
    merged.position = max(survivor.position, loser.position)
    return merged


def _stricter(held: Consent | None, other: Consent) -> Consent:
    if held is None:
        return other
    newest = max(held, other, key=lambda c: (c.at, c.position))
    return Consent(held.granted and other.granted, newest.at, newest.position)


def _merge_counters(held: Counter | None, other: Counter) -> Counter:
    if held is None:
        return other
    sums = dict(held.sums)
    for name, (total, days, hours) in other.sums.items():
        old_total, old_days, old_hours = sums.get(name, (0.0, {}, {}))
        sums[name] = (old_total + total, _add(old_days, days), _add(old_hours, hours))
    return Counter(
        held.total + other.total,
        min(held.first, other.first),
        max(held.last, other.last),
        _add(held.days, other.days),
        _add(held.hours, other.hours),
        sums,
    )


def _add(a: dict[int, Number], b: dict[int, Number]) -> dict[int, Number]:
    total = dict(a)
    for bucket, amount in b.items():
        total[bucket] = total[bucket] + amount if bucket in total else amount
    return total
