"""The pipeline's desk: what it keeps of one workspace, and what lies on it between two stages.

A batch is first prepared, which only reads, and then stored in one transaction. While one is
being stored the next is already prepared: what the database does not show yet lies on the desk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from tsunagu.collect.bulk import Brought, LoadedKeys
from tsunagu.collect.plan import Checked
from tsunagu.core import Event, TsunaguError
from tsunagu.eventlog import Lease
from tsunagu.identity import Known, Resolution
from tsunagu.journeys import Enrolment
from tsunagu.runtime.ahead import Ahead
from tsunagu.runtime.batch import Changes
from tsunagu.runtime.memory import Memory
from tsunagu.serve.definitions import Definitions

BATCH = 5_000
TIMERS = 2_000


class Overtaken(TsunaguError):
    """Somebody else moved the workspace's cursor or changed its customers meanwhile."""


@dataclass(frozen=True)
class Report:
    """What one batch did: how many events, repeats, timers, moves, sends, refusals, and events
    that the tracking plan blocked or flagged.

    `told` counts the events that tell of it, `lag` is the age of its oldest event in seconds,
    `more` whether work is left at once.
    """

    events: int
    repeats: int
    timers: int
    entered: int
    queued: int
    refused: int
    blocked: int
    flagged: int
    told: int
    lag: float
    more: bool


@dataclass(frozen=True)
class Prepared:
    """A batch that is computed and not yet stored.

    It leads from the lease `before` to the lease `after`. `brought` is what bulk loads had brought
    when it was prepared. `checked` is what the tracking plan
    says of the events, `states` are the customers' new folds in stored form, `due` counts the
    customers whose timers fired. `last` says that the next batch must wait until this one is
    stored, because what is published has changed.
    """

    before: Lease
    after: Lease
    events: Sequence[Event]
    repeats: Collection[int]
    brought: Brought | None
    checked: Checked | None
    known: Known
    resolution: Resolution
    changes: Changes
    states: Mapping[int, bytes]
    plan: str
    clock: int
    closed_at: int | None
    due: int
    more: bool
    last: bool


@dataclass
class Desk:
    """One workspace as the pipeline sees it, kept between batches.

    `limit` is how many events it dares at once: halved after failures, doubled after success.
    `rests_until` is when to try again a workspace in which nothing works. `flight` is the batch
    that is being stored while the next is prepared. `loaded` tells what bulk loads brought; None
    where there is no lake to load into. `ahead` reads the next batch early, where there is time.
    """

    workspace_id: int
    zone_name: str
    driven: bool = False
    definitions: Definitions | None = None
    limit: int = BATCH
    rests_until: int = 0
    memory: Memory = field(default_factory=Memory)
    flight: Prepared | None = None
    loaded: LoadedKeys | None = None
    ahead: Ahead | None = None

    def keep(self, prepared: Prepared) -> None:
        """Remember what a batch knew and is about to store."""
        self.memory.keep(prepared.after, prepared.known, prepared.resolution, prepared.states)
        self.memory.keep_ids(prepared.events)

    def forget(self) -> None:
        """Load everything anew: a batch failed, and what was remembered may be wrong."""
        self.definitions = None
        self.flight = None
        self.memory.forget()

    def standing(self, seen: Lease) -> Lease:
        """Where the next batch begins, given where the database says the cursor stands.

        Raises:
            Overtaken: a batch is being stored from another place.
        """
        if self.flight is None:
            return seen
        if seen not in (self.flight.before, self.flight.after):
            raise Overtaken("Another process works in this workspace; trying again.")
        return self.flight.after

    def merging(self) -> dict[int, int]:
        """The survivors, by loser, of the merges that are being stored."""
        merges = self.flight.resolution.merges if self.flight else ()
        final = {merge.loser: merge.survivor for merge in merges}
        for loser in final:
            while final[loser] in final:
                final[loser] = final[final[loser]]
        return final

    def due(self, found: Collection[int], closing: int) -> set[int]:
        """Whose timers are due by `closing`, given those that the database has due."""
        if self.flight is None:
            return set(found)
        changes = self.flight.changes
        moved = changes.wakes.keys() | {a.loser for a in changes.absorbed}
        due = {customer for customer in found if customer not in moved}
        return due | {c for c, wake in changes.wakes.items() if 0 < wake <= closing}

    def enrolments(self, found: Sequence[Enrolment], touched: Collection[int]) -> list[Enrolment]:
        """The enrolments of the touched customers, given those that the database has."""
        if self.flight is None:
            return list(found)
        changed = self.flight.changes.moves.changed
        current = [e for e in found if e.enrolment_id not in changed]
        # Copies: the thread that stores the batch in flight still reads its own.
        current += [copy(e) for e in changed.values() if e.customer_id in touched]
        return current
