"""Folding in bulk: the states of a million customers from what a load brought of them.

A fold of history is the same whatever the order, but for a few rare cases (see `_is_rare`):
those customers are walked event by event, as the pipeline does. Audiences are answered once for
everybody, when everything is folded, and nobody enters a journey by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from tsunagu.core import Json
from tsunagu.core.events import CONSENT_WORDS
from tsunagu.profiles.features import Plan, count_event
from tsunagu.profiles.fold import MAX_TRAITS, consent_key, fold_traits
from tsunagu.profiles.state import Consent, State, decode_state, encode_state, merge_states
from tsunagu.profiles.walk import Absorption, Fact, ObservingWalk
from tsunagu.storage import Arrow

Ints = np.ndarray[Any, np.dtype[np.int64]]

Figures = tuple[int, int, int, int, int]
"""Of a customer's events: how many, first and last time, last receipt, last position."""

CHUNK = 20_000
WORDS = tuple(CONSENT_WORDS)
IDENTIFY, TRACK = 1, 2

_decode = msgspec.json.Decoder(Json).decode


@dataclass(frozen=True)
class History:
    """Events of a part in log order, each with its customer. Times are microseconds.

    `kind` is `IDENTIFY`, `TRACK` or 0 for the rest. `watched` is the place of the event's name
    among the plan's needs, `word` among `WORDS`; -1 is none. Arrow of JSON stand only where the
    fold looks at them: `traits` of identify events, `properties` of watched events and consents,
    `context` of consents. `source` stands everywhere.
    """

    customer: Ints
    position: Ints
    known_at: Ints
    at: Ints
    kind: np.ndarray[Any, np.dtype[np.int8]]
    watched: Ints
    word: Ints
    traits: Arrow
    properties: Arrow
    context: Arrow
    source: Arrow


@dataclass(frozen=True)
class Held:
    """What the database holds: states by customer, whose answers are by other rules, and
    when the next enrolment timer of a customer is due."""

    states: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    stale: Collection[int] = ()
    wakes: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(slots=True)
class Folded:
    """One customer with everything of the part folded; `before` are the audiences until now.

    The state's own audiences are those of all who were absorbed into it. `retold` if readable
    traits may have changed, `stale` if the audiences must be answered by the pipeline, from the
    timeline. `evidence` has what proves the consents, by position.
    """

    customer: int
    state: State
    before: list[str]
    retold: bool
    stale: bool
    evidence: dict[int, Json] | None = None
    text: bytes | None = None
    """The readable traits as they were written, where one event holds all of them."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """The rows of one sort of a chunk of customers; those of the i-th lie between two bounds."""

    bounds: list[int]
    at: list[int]
    position: list[int]
    mark: list[int]
    texts: list[list[bytes | None]]


class _Pile:
    """The rows of one sort, customer by customer and each in log order."""

    def __init__(
        self, history: History, rows: Ints, group: Ints, groups: int, mark: Ints, *texts: Arrow
    ) -> None:
        self._bounds = np.searchsorted(group[rows], np.arange(groups + 1))
        self._at, self._position, self._mark = history.at[rows], history.position[rows], mark[rows]
        taken = pa.array(rows)
        self._texts = [_whole(text).take(taken) for text in texts]

    def cut(self, start: int, end: int) -> _Cut:
        """The rows of the customers from `start` to before `end`."""
        first, last = int(self._bounds[start]), int(self._bounds[end])
        return _Cut(
            (self._bounds[start : end + 1] - first).tolist(),
            self._at[first:last].tolist(),
            self._position[first:last].tolist(),
            self._mark[first:last].tolist(),
            [text.slice(first, last - first).to_pylist() for text in self._texts],
        )


def _whole(texts: Arrow) -> Arrow:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.cast(pa.large_binary()).combine_chunks()
    return texts.cast(pa.large_binary())


class BulkFold:
    """The fold of a part. Customers come in the order of their ids, in chunks.

    Args:
        plan: what the rules look at.
        history: the events, by the customers that they end with.
        held: tells what the database holds of some customers; asked chunk by chunk, for states
            are large.
        families: whom each survivor absorbs, in order.
    """

    def __init__(
        self,
        plan: Plan,
        history: History,
        held: Callable[[Sequence[int]], Held],
        families: Mapping[int, Sequence[int]],
    ) -> None:
        self._plan, self._ask, self._families = plan, held, families
        self._needs = tuple(plan.needs.items())
        self.rare: list[int] = []
        """Customers whose order of facts matters; they are left out of the chunks."""
        self.customers, group = np.unique(history.customer, return_inverse=True)
        count = len(self.customers)
        order = np.argsort(group, kind="stable")
        self._figures = _counted(history, order, group, count)
        told = order[history.kind[order] == IDENTIFY]
        sources, self._sources = _numbered(history.source)
        self._told = _Pile(history, told, group, count, sources, history.traits)
        seen = order[history.watched[order] >= 0]
        self._seen = _Pile(history, seen, group, count, history.watched, history.properties)
        said = order[history.word[order] >= 0]
        texts = (history.properties, history.context)
        self._said = _Pile(history, said, group, count, history.word, *texts)
        self._early = set(group[seen[history.at[seen] > history.known_at[seen]]].tolist())

    def chunks(self) -> Iterator[tuple[list[Folded], Held]]:
        """The customers with everything folded, and what the database held of them."""
        for start in range(0, len(self.customers), CHUNK):
            yield self._chunk(start, min(start + CHUNK, len(self.customers)))

    def _chunk(self, start: int, end: int) -> tuple[list[Folded], Held]:
        told, seen, said = (p.cut(start, end) for p in (self._told, self._seen, self._said))
        traits = _objects(told.texts[0])
        figures = zip(*(column[start:end].tolist() for column in self._figures), strict=True)
        customers: list[int] = self.customers[start:end].tolist()
        held = self._ask(self._with_families(customers))
        all_new = not held.states and not self._families
        found: list[Folded] = []
        for place, (customer, figure) in enumerate(zip(customers, figures, strict=True)):
            one = _new(customer, figure) if all_new else self._before(held, customer, figure)
            first, last = told.bounds[place], told.bounds[place + 1]
            new = traits[first:last]
            speaks = said.bounds[place] < said.bounds[place + 1]
            if start + place in self._early or _is_rare(one, new, speaks):
                self.rare.append(customer)
                continue
            if new:
                one.retold = True
                if len(new) == 1 and new[0] and not one.state.traits:
                    one.text = told.texts[0][first]
                self._fold_traits(one.state, new, told, first)
            if seen.bounds[place] < seen.bounds[place + 1] and not one.stale:
                self._count(one.state, seen, seen.bounds[place], seen.bounds[place + 1])
            if speaks:
                _fold_consents(one, said, said.bounds[place], said.bounds[place + 1])
            found.append(one)
        return found, held

    def _with_families(self, customers: list[int]) -> list[int]:
        if not self._families:
            return customers
        absorbed = (self._families.get(customer, ()) for customer in customers)
        return [*customers, *chain.from_iterable(absorbed)]

    def _before(self, known: Held, customer: int, figures: Figures) -> Folded:
        """A customer as it is stored, with those it absorbs, and what is counted of the part."""
        held = known.states.get(customer)
        if held is None and customer not in self._families:
            return _new(customer, figures)
        state = State() if held is None else decode_state(held)
        before, stale = state.audiences, customer in known.stale
        inside = set(before)
        absorbs = customer in self._families
        for other in self._families.get(customer, ()):
            loser = known.states.get(other)
            if loser is not None:
                absorbed = decode_state(loser)
                inside.update(absorbed.audiences)
                state = self._joined(state, absorbed)
                stale = stale or other in known.stale
        state.audiences = sorted(inside)
        _add_figures(state, figures)
        return Folded(customer, state, before, absorbs, stale, {} if absorbs else None)

    def _joined(self, state: State, other: State) -> State:
        """A state with another one absorbed; one without events takes the other's place."""
        return merge_states(state, other, self._plan.survivorship) if state.events else other

    def _fold_traits(self, state: State, new: Sequence[Json], told: _Cut, row: int) -> None:
        """What each event says of traits; the first of all is taken as it is."""
        plain = self._plan.survivorship.plain
        for values in new:
            at, position, source = told.at[row], told.position[row], self._sources[told.mark[row]]
            row += 1
            if plain and values and not state.traits:
                state.traits = {name: (value, at, position) for name, value in values.items()}
                state.sources = {position: source}
            else:
                fold_traits(self._plan, state, values, at, position, source)

    def _count(self, state: State, seen: _Cut, first: int, last: int) -> None:
        for row in range(first, last):
            name, need = self._needs[seen.mark[row]]
            text = seen.texts[0][row] if need.properties else None
            properties = _object(text) if text else {}
            count_event(self._plan, state, name, properties, seen.at[row])


def _objects(texts: Sequence[bytes | None]) -> list[Json]:
    """Objects of JSON; what is none counts as empty, and holds up no other."""
    try:
        return [_decode(text or b"{}") for text in texts]
    except msgspec.DecodeError:
        return [_object(text) for text in texts]


def _object(text: bytes | None) -> Json:
    try:
        return _decode(text or b"{}")
    except msgspec.DecodeError:
        return {}


def _numbered(texts: Arrow) -> tuple[Ints, list[str]]:
    """Texts as places in a list of the different ones."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    named = texts.cast(pa.string()).dictionary_encode()
    return named.indices.to_numpy().astype(np.int64), named.dictionary.to_pylist()


def _new(customer: int, figures: Figures) -> Folded:
    """A customer of whom nothing is stored."""
    events, first, last, now, position = figures
    state = State({}, {}, {}, [], [], now, first, last, events, position)
    return Folded(customer, state, [], False, False)


def _counted(history: History, order: Ints, group: Ints, count: int) -> tuple[Ints, ...]:
    """`Figures` by customer: how many events, first and last time, last receipt, last position."""
    if not count:
        return (order,) * 5
    starts = np.searchsorted(group[order], np.arange(count))
    at, known = history.at[order], history.known_at[order]
    events = np.diff(np.append(starts, len(order)))
    return (
        events,
        np.minimum.reduceat(at, starts),
        np.maximum.reduceat(at, starts),
        np.maximum.reduceat(known, starts),
        np.maximum.reduceat(history.position[order], starts),
    )


def _is_rare(one: Folded, traits: Sequence[Json], speaks: bool) -> bool:
    """Whether the order of a customer's facts matters to the fold.

    It does where consents of two customers meet in a merge and where there are more traits than
    are kept. (And where an event claims to be later than its receipt.)
    """
    if one.evidence is not None and (speaks or one.state.consents):
        return True
    if not traits:
        return False
    return len(one.state.traits) + sum(map(len, traits)) > MAX_TRAITS


def _add_figures(state: State, figures: Figures) -> None:
    events, first, last, now, position = figures
    state.first_seen = min(state.first_seen or first, first)
    state.last_seen = max(state.last_seen, last)
    state.now = max(state.now, now)
    state.events += events
    state.position = max(state.position, position)


def _fold_consents(one: Folded, said: _Cut, first: int, last: int) -> None:
    one.evidence = evidence = {} if one.evidence is None else one.evidence
    consents = one.state.consents
    for row in range(first, last):
        properties, context = (_object(texts[row]) for texts in said.texts)
        at, position = said.at[row], said.position[row]
        evidence[position] = {"properties": properties, "context": context}
        channel, purpose = properties.get("channel"), properties.get("purpose")
        if not isinstance(channel, str) or not isinstance(purpose, str):
            continue
        key = consent_key(channel, purpose)
        held = consents.get(key)
        if held is None or (held.at, held.position) < (at, position):
            consents[key] = Consent(CONSENT_WORDS[WORDS[said.mark[row]]], at, position)


def walk_rare(
    plan: Plan,
    held: Held,
    facts: Sequence[Fact],
    absorbed: Sequence[Absorption],
    closing: int,
) -> list[Folded]:
    """The rare customers, walked event by event as the pipeline does.

    Args:
        facts: all facts of these customers in the part, in log order, each with the customer it
            belonged to at that point.
        absorbed: the merges among them.
    """
    members = {fact.customer for fact in facts}
    members |= {customer for a in absorbed for customer in (a.loser, a.survivor)}
    states = {c: decode_state(held.states.get(c, _EMPTY)) for c in sorted(members)}
    before = {customer: state.audiences for customer, state in states.items()}
    walk = ObservingWalk(plan, states)
    walk.run(facts, absorbed, closing)
    inside, _ = walk.answer(before)
    absorbs = {a.survivor for a in absorbed}
    family = _families(absorbed)
    evidence = _evidence(facts, family)
    found: list[Folded] = []
    for customer, state in walk.states.items():
        if customer in inside:
            state.audiences = sorted(inside[customer])
        stale = any(c in held.stale for c in (customer, *family.get(customer, ())))
        proofs = evidence.get(customer, {} if customer in absorbs else None)
        found.append(Folded(customer, state, before[customer], True, stale, proofs))
    return found


_EMPTY = encode_state(State())


def _families(absorbed: Sequence[Absorption]) -> dict[int, list[int]]:
    """Whom each customer absorbed in the end, also by way of others."""
    family: dict[int, list[int]] = {}
    for absorption in absorbed:
        inside = [absorption.loser, *family.pop(absorption.loser, [])]
        family.setdefault(absorption.survivor, []).extend(inside)
    return family


def _evidence(
    facts: Sequence[Fact], families: Mapping[int, Sequence[int]]
) -> dict[int, dict[int, Json]]:
    survivor = {member: customer for customer, some in families.items() for member in some}
    found: dict[int, dict[int, Json]] = {}
    for fact in facts:
        if fact.event.name in CONSENT_WORDS:
            customer = survivor.get(fact.customer, fact.customer)
            said: Json = {"properties": fact.body.properties, "context": fact.body.context}
            found.setdefault(customer, {})[fact.event.position] = said
    return found
