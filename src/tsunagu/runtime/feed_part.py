"""One part of a feed: the stages of the pipeline over a whole range of a load's positions.

They run in the caller's transaction, under the pipeline's lease. PostgreSQL stores what is done
while the next customers are folded: a second thread speaks to it, one statement after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
from psycopg import Cursor

from tsunagu import identity, journeys, profiles
from tsunagu.core import NewEvent
from tsunagu.identity import NONE, Kinds, Linked, Names
from tsunagu.journeys import Book, JourneyWalk
from tsunagu.profiles import (
    Absorption,
    Asker,
    BulkFold,
    Fact,
    Folded,
    Held,
    History,
    Ints,
    Plan,
    State,
)
from tsunagu.runtime import feed_queries as queries
from tsunagu.runtime.batch import Changes
from tsunagu.runtime.feed_queries import Heads, Owned
from tsunagu.runtime.reactions import reactions, spoken_of

Row = tuple[Any, ...]

RARE = 5_000
"""How many customers are walked event by event at once; their events are all in memory."""


@dataclass(frozen=True)
class Part:
    """A range of positions: what its events say, and who is named in it by number."""

    after: int
    upto: int
    plan: Plan
    kinds: Kinds
    heads: Heads
    names: Names
    stated: Ints


@dataclass(frozen=True)
class Stored:
    """What a part was: its events, profiles written, events about nobody, and what to tell."""

    events: int
    customers: int
    nobody: int
    owned: Owned
    reactions: list[NewEvent]


def read_part(
    lake: duckdb.DuckDBPyConnection, plan: Plan, kinds: Kinds, after: int, upto: int
) -> Part:
    """Read a range of the lake and number the identifiers in it."""
    heads = queries.read_heads(lake, plan, kinds, after, upto)
    return Part(after, upto, plan, kinds, heads, *identity.number_names(heads.told, kinds))


def store_part(
    cursor: Cursor[Row],
    beside: Cursor[Row],
    reader: Cursor[Row],
    lake: duckdb.DuckDBPyConnection,
    workspace_id: int,
    part: Part,
    book: Book,
    closing: int,
) -> Stored:
    """Link, fold, answer and store a part.

    Args:
        cursor: of the transaction that holds the lease.
        beside: of a second one, to be committed just before it. It takes the new customers and
            their identifiers, so that two processes of the server work; nothing of it, if
            customers merge or are held apart: what a kill between the commits leaves must link
            as it did.
        reader: of a third one, which looks up owners and states as they were before the part.
        book: the published definitions, by which enrolments follow merged customers.
        closing: the business time as of which audiences are answered.
    """
    told = part.heads.told
    owners = identity.load_owners(cursor, workspace_id, part.names, part.stated, reader)
    linked = identity.link(workspace_id, told, part.names, part.stated, owners, part.kinds)
    existing = np.unique(owners.customer[owners.customer != NONE])
    held = _Holdings(reader, workspace_id, existing, linked.final(), part.plan.key)
    older = _older(linked, existing)
    moved = _move_enrolments(cursor, workspace_id, part.plan, book, older, closing)
    table = part.heads.table
    stale: list[int] = []
    customers = 0
    with _Writes() as writes, _Writes() as second:
        together = linked.merges or linked.withheld.held
        named, where = (writes, cursor) if together else (second, beside)
        named.do(identity.store_named, where, workspace_id, linked, told)
        if older:
            writes.do(identity.store_absorbed, cursor, workspace_id, linked)
            writes.do(profiles.store_merges, cursor, workspace_id, older)
        asker = Asker(part.plan, closing)
        for folded, before in _folded(lake, part, linked, held, closing):
            asker.answer(folded)
            for stored in (False, True):
                some = [one for one in folded if (one.customer in before.states) == stored]
                rows = profiles.rows_of(some, before.wakes, closing)
                store = partial(profiles.store_folded, stored=stored)
                writes.do(store, cursor, workspace_id, rows, part.plan.key)
            writes.do(profiles.store_spoken, cursor, workspace_id, folded)
            stale += [one.customer for one in folded if one.stale]
            customers += len(folded)
        writes.do(profiles.store_answers, cursor, workspace_id, asker.answers)
        said = (table["source"], table["message_id"])
        writes.do(identity.store_evidence, cursor, workspace_id, linked, told, *said)
        writes.do(identity.store_withheld, cursor, workspace_id, linked, told)
    firsts = identity.first_identifiers(cursor, workspace_id, spoken_of(moved))
    nobody = int((linked.customer == NONE).sum())
    owned = Owned(told.position, linked.customer, part.plan.key, stale)
    return Stored(len(told.position), customers, nobody, owned, reactions(moved, firsts))


class _Writes:
    """Statements of one transaction, done in order by a thread of their own."""

    def __init__(self, waiting: int = 3) -> None:
        self._executor = ThreadPoolExecutor(1, "feed-writes")
        self._most = waiting
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(cancel_futures=error is not None)
        if error is None:
            self._settle(0)

    def do(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do this after what was asked before; wait if much is waiting."""
        self._waiting.append(self._executor.submit(work, *arguments))
        self._settle(self._most)

    def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()


@dataclass(frozen=True)
class _Holdings:
    """Looks up what the database held of customers before the part."""

    reader: Cursor[Row]
    workspace_id: int
    existing: Ints
    final: dict[int, int]
    plan: str

    def __call__(self, customers: Sequence[int]) -> Held:
        """The states of those who were there, and timers by whom they come to."""
        wanted = np.intersect1d(np.asarray(customers, np.int64), self.existing)
        if not len(wanted):
            return Held()
        held = profiles.load_held(self.reader, self.workspace_id, wanted, self.plan)
        wakes: dict[int, int] = {}
        due = queries.enrolment_wakes(self.reader, self.workspace_id, wanted)
        for customer, wake in due.items():
            survivor = self.final.get(customer, customer)
            wakes[survivor] = min(wake, wakes.get(survivor, wake))
        return Held(*held, wakes)


def _older(linked: Linked, existing: Ints) -> list[Absorption]:
    """The customers that were there before the part and are absorbed in it."""
    if not linked.merges:
        return []
    known, final = set(existing.tolist()), linked.final()
    return [
        Absorption(merge.loser, final[merge.loser], merge.position)
        for merge in linked.merges
        if merge.loser in known
    ]


def _move_enrolments(
    cursor: Cursor[Row],
    workspace_id: int,
    plan: Plan,
    book: Book,
    absorbed: Sequence[Absorption],
    now: int,
) -> Changes:
    """Enrolments follow their customers into a merge; nothing else of the part moves them."""
    members = {customer for a in absorbed for customer in (a.loser, a.survivor)}
    enrolments = journeys.load_enrolments(cursor, workspace_id, members)
    walk = JourneyWalk(plan, {customer: State() for customer in members}, book, enrolments, {})
    if enrolments:
        for absorption in absorbed:
            walk.on_absorb(absorption, now)
        journeys.store_enrolments(cursor, workspace_id, walk.moves.changed.values())
        journeys.store_steps(cursor, workspace_id, walk.moves.steps)
    return Changes(moves=walk.moves)


def _folded(
    lake: duckdb.DuckDBPyConnection,
    part: Part,
    linked: Linked,
    held: Callable[[Sequence[int]], Held],
    closing: int,
) -> Iterator[tuple[list[Folded], Held]]:
    """The customers of a part, many at a time; those whose order matters come last."""
    families: dict[int, list[int]] = {}
    final = linked.final()
    for merge in linked.merges:
        families.setdefault(final[merge.loser], []).append(merge.loser)
    fold = BulkFold(part.plan, _history(part, linked), held, families)
    yield from fold.chunks()
    for start in range(0, len(fold.rare), RARE):
        rare = set(fold.rare[start : start + RARE])
        rows = np.flatnonzero(np.isin(linked.customer, list(rare)))
        positions = part.heads.told.position[rows]
        whole = queries.read_whole(lake, part.after, part.upto, positions)
        owners = linked.at_first[rows].tolist()
        facts = [Fact(*event, owner) for event, owner in zip(whole, owners, strict=True)]
        absorbed = [
            Absorption(merge.loser, merge.survivor, merge.position)
            for merge in linked.merges
            if final[merge.loser] in rare
        ]
        before = held(sorted(rare | {a.loser for a in absorbed}))
        yield profiles.walk_rare(part.plan, before, facts, absorbed, closing), before


def _history(part: Part, linked: Linked) -> History:
    """The events of a part that belong to somebody."""
    heads = part.heads
    told, table, customer, at = heads.told, heads.table, linked.customer, heads.at
    position, known_at = told.position, told.known_at
    if (customer == NONE).any():
        rows = np.flatnonzero(customer != NONE)
        table, customer, at = table.take(rows), customer[rows], at[rows]
        position, known_at = position[rows], known_at[rows]
    kind, watched, word = (table[name].to_numpy() for name in ("kind", "watched", "word"))
    texts = (table[name] for name in ("traits", "properties", "context", "source"))
    return History(customer, position, known_at, at, kind, watched, word, *texts)
