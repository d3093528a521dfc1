"""Merges by models that are in force, weighed again by the model in use.

A customer falls into parts where the edges of models are taken away; each part has a record of its
own, folded from what was said by its identifiers as a parting would fold it. What people merged or
confirmed, and what events show, holds a part together and is never weighed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import duckdb
from psycopg import Cursor

from tsunagu import access, identity, profiles
from tsunagu.core import Json, decode_body
from tsunagu.core.events import IDENTITY_PARTED
from tsunagu.core.times import zone
from tsunagu.identity import Decision, Identifier, Kinds
from tsunagu.identity import matching as pairs
from tsunagu.identity import matching_queries as queries
from tsunagu.identity.evidence import Pair, groups_of, parting_between
from tsunagu.identity.linking import Model
from tsunagu.identity.matching import Merged, Proposal
from tsunagu.identity.matching_again import Reading, weigh_again
from tsunagu.profiles import Lived, Plan, State, ToldTraits
from tsunagu.serve import definitions
from tsunagu.serve.identity_queries import held_by, joined
from tsunagu.storage import Row

PART = "part"
MOST_TOLD = 1_000
"""Identify events of a customer that are read; who has more is left as they are."""
MOST_PARTS = 50
"""Parts of a customer whose pairs are weighed; who falls into more is left as they are."""
_AT_ONCE = 200


@dataclass(frozen=True)
class _Rules:
    """By what a side's record is folded, and by what a row is told to be of a side."""

    plan: Plan
    kinds: Kinds
    columns: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Whole:
    """A customer with merges by models: identifiers, edges, and what was said by whom.

    `told` has the identifier by which each statement came.
    """

    customer: int
    held: Sequence[Identifier]
    joined: Sequence[Pair]
    judged: Sequence[Pair]
    told: Sequence[tuple[Identifier, ToldTraits]]


@dataclass
class _Readings:
    """The merges that are weighed, by number, and the records that stand for their sides."""

    merges: list[tuple[int, Pair]] = field(default_factory=list[tuple[int, Pair]])
    readings: list[Reading] = field(default_factory=list[Reading])
    records: int = 0

    def number(self) -> int:
        """The number of one more record."""
        self.records += 1
        return self.records


def reconsidered(
    cursor: Cursor[Row],
    workspace_id: int,
    duck: duckdb.DuckDBPyConnection,
    model: Model,
    columns: Mapping[str, Sequence[str]],
) -> list[Proposal]:
    """Which merges by models the model would part (`part`) or ask about (`review`).

    Args:
        columns: of a record, each with the traits that it is taken from.
    """
    tz = zone(access.workspace_by_id(cursor, workspace_id).zone)
    found = definitions.load(cursor, workspace_id, tz, None)
    rules = _Rules(found.plan, found.kinds, columns)
    kept = _Readings()
    pairs.into_duckdb(duck, list(columns), _records(cursor, workspace_id, rules, kept))
    proposals: list[Proposal] = []
    for doubt in weigh_again(duck, model, kept.readings):
        customer, (a, b) = kept.merges[doubt.merge]
        action = PART if doubt.weight < model.lower else "review"
        merged = Merged(a, b, doubt.told_left, doubt.told_right)
        proposals.append(Proposal(action, customer, customer, doubt.weight, doubt.reasons, merged))
    return proposals


def parting_of(
    evidence: Collection[Pair],
    a: Identifier,
    b: Identifier,
    by: str,
    reason: str,
    weight: float | None = None,
) -> Decision | None:
    """The decision that takes back that two identifiers are one person's.

    None where other evidence joins the two as well.

    Args:
        evidence: what joins the identifiers of their customer.
    """
    found = parting_between(evidence, a, b)
    return found and Decision(IDENTITY_PARTED, *found, by, reason, weight)


def _records(
    cursor: Cursor[Row], workspace_id: int, rules: _Rules, kept: _Readings
) -> Generator[list[Row]]:
    """The records of all sides, in batches; `kept` then has what they stand for."""
    judged: dict[int, list[Pair]] = defaultdict(list)
    for customer, a, b in queries.merges_in_force(cursor, workspace_id):
        judged[customer].append((a, b))
    waiting = iter(judged)
    while some := list(islice(waiting, _AT_ONCE)):
        wholes = _wholes(cursor, workspace_id, {one: judged[one] for one in some}, rules)
        told = (side for whole in wholes for side in _sides(whole, rules.plan, kept))
        if rows := queries.texts_of(cursor, rules.columns, told):
            yield rows


def _wholes(
    cursor: Cursor[Row], workspace_id: int, judged: Mapping[int, Sequence[Pair]], rules: _Rules
) -> list[_Whole]:
    """Those of these customers of whom everything that was said is still told."""
    held = held_by(cursor, workspace_id, judged)
    evidence = joined(cursor, workspace_id, judged)
    lived = profiles.identifies_of(cursor, workspace_id, judged, MOST_TOLD + 1)
    states, _ = profiles.load_states(cursor, workspace_id, judged, rules.plan.key)
    lying = {one.customer for rows in lived.values() for one in rows}
    firsts = identity.first_identifiers(cursor, workspace_id, lying)
    found: list[_Whole] = []
    for customer, edges in judged.items():
        rows = lived.get(customer, [])
        if customer in states and _is_told(profiles.decode_state(states[customer]), rows):
            mine = frozenset(held[customer])
            named = [_named(one, mine, firsts, rules.kinds) for one in rows]
            told = [
                (by, ToldTraits(e.at, e.position, e.source, e.body))
                for by, e in zip(named, (one.event for one in rows), strict=True)
                if by is not None
            ]
            found.append(_Whole(customer, held[customer], evidence[customer], edges, told))
    return found


def _is_told(whole: State, rows: Sequence[Lived]) -> bool:
    """Whether the rows tell of every trait who said it; what is older nobody can tell apart."""
    known = {one.event.position for one in rows}
    return len(rows) <= MOST_TOLD and all(said[2] in known for said in whole.traits.values())


def _named(
    lived: Lived,
    held: Collection[Identifier],
    firsts: Mapping[int, Identifier],
    kinds: Kinds,
) -> Identifier | None:
    """Whose a row is, as a parting tells it: by its strongest identifier, else by where it lies."""
    stated = kinds.identifiers_of(lived.event, decode_body(lived.event.body))
    first = firsts.get(lived.customer)
    return next((one for one in (*stated, first) if one in held), None)


def _sides(whole: _Whole, plan: Plan, kept: _Readings) -> Iterator[tuple[int, Json]]:
    """Each record that stands for a side of a merge: its number and traits."""
    judged = set(whole.judged)
    part_of = groups_of(whole.held, (pair for pair in whole.joined if pair not in judged))
    parts = set(part_of.values())
    if len(parts) > MOST_PARTS:
        return
    numbers: dict[frozenset[int], int] = {}
    for a, b in whole.judged:
        parting = parting_between(whole.joined, a, b)
        if parting is None:
            continue
        one = {part_of[identifier] for identifier in parting[0]}
        left, right = (one, parts - one) if part_of[a] in one else (parts - one, one)
        readings = [(frozenset({x}), frozenset({y})) for x in left for y in right]
        readings.append((frozenset(left), frozenset(right)))
        kept.merges.append((whole.customer, (a, b)))
        for sides in dict.fromkeys(readings):
            for side in sides:
                if side not in numbers:
                    numbers[side] = kept.number()
                    yield numbers[side], _traits(whole, plan, part_of, side)
            reading = Reading(len(kept.merges) - 1, numbers[sides[0]], numbers[sides[1]])
            kept.readings.append(reading)


def _traits(
    whole: _Whole, plan: Plan, part_of: Mapping[Identifier, int], side: frozenset[int]
) -> Json:
    """The traits that a side would have, had it always stood for itself."""
    state = State({}, sources={}, candidates={})
    profiles.refold_traits(plan, state, [said for by, said in whole.told if part_of[by] in side])
    return state.values()
