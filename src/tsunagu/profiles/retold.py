"""Traits told again: chosen anew from all that was said, when the rules of choosing changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from tsunagu.core import decode_body
from tsunagu.profiles.features import Plan
from tsunagu.profiles.fold import fold_traits
from tsunagu.profiles.state import State, decode_state


class ToldTraits(NamedTuple):
    """What one event of the past said of traits; `body` is its stored body, `at` microseconds."""

    at: int
    position: int
    source: str
    body: bytes


def to_refold(plan: Plan, states: Mapping[int, bytes], stale: Collection[int]) -> list[int]:
    """Which of the stale customers may have values of traits by another rule."""
    if not plan.survivorship.plain:
        return list(stale)
    return [c for c in stale if c in states and decode_state(states[c]).candidates]


def refold_traits(plan: Plan, state: State, told: Sequence[ToldTraits]) -> None:
    """Choose the values of all traits anew, in place, by what was said of them.

    What holds and is not among `told` counts as said once, so that nothing is lost.
    """
    anew = State({}, {}, {}, sources={}, candidates={})
    for said in told:
        traits = decode_body(said.body).traits
        fold_traits(plan, anew, traits, said.at, said.position, said.source)
    known = {said.position for said in told}
    for name, (value, at, position) in state.traits.items():
        if position not in known:
            source = state.sources.get(position, "")
            fold_traits(plan, anew, {name: value}, at, position, source)
    state.traits, state.sources, state.candidates = anew.traits, anew.sources, anew.candidates
