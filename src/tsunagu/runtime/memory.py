"""What the pipeline remembers of a workspace between batches, so as not to load it again.

The pipeline is the workspace's only writer while it holds the lease. So what it stored last is
what the database holds, as long as the cursor stands where it left it. If anybody else moved the
cursor or disturbed the lease, or a batch failed, all of this is forgotten; it can be loaded again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from tsunagu.core import Event
from tsunagu.core.times import DAY
from tsunagu.eventlog import Lease
from tsunagu.identity import Identifier, Known, Merge, Resolution, edge_key

MAX_IDENTIFIERS = 500_000
MAX_STATE_BYTES = 192 << 20
MAX_EDGES = 1_000_000
REPEATS_FOR = 30 * DAY
# When a batch is read ahead, the two before it may not be stored yet.
_UNSEEN = 2


class Memory:
    """Owners of identifiers, customers' folds in stored form, and edges that are stored."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.plan = ""
        self._edges: set[int] = set()
        self._known = Known()
        self._counts: dict[int, dict[str, int]] = {}
        self._merged: dict[int, int] = {}
        self._states: dict[int, bytes] = {}
        self._state_bytes = 0
        self._seen: deque[dict[str, int]] = deque(maxlen=_UNSEEN)

    def forget(self) -> None:
        """Start from nothing."""
        self.lease = None
        self._edges.clear()
        self._known = Known()
        self._counts = {}
        self._merged.clear()
        self._states.clear()
        self._state_bytes = 0
        self._seen.clear()

    def heed(self, lease: Lease, plan: str) -> bool:
        """Forget what can no longer be trusted at the start of a batch.

        Returns:
            Whether the batch goes on from the one that was kept last.
        """
        goes_on = lease == self.lease
        if not goes_on:
            self.forget()
        if plan != self.plan:
            self._states.clear()
            self._state_bytes = 0
            self.plan = plan
        return goes_on

    def repeats(self, events: Sequence[Event], stored: Collection[int]) -> set[int]:
        """The positions of events whose message id came before.

        Args:
            events: a batch in log order.
            stored: positions whose message ids the database has already, seen when at most
                `_UNSEEN` of the batches before were not stored.
        """
        repeats = set(stored)
        ids = {event.message_id for event in events}
        if len(ids) == len(events) and all(map(ids.isdisjoint, self._seen)):
            return repeats
        seen = {message_id: at for batch in self._seen for message_id, at in batch.items()}
        own: set[str] = set()
        for event in events:
            came = seen.get(event.message_id)
            recent = came is not None and came >= event.received_at - REPEATS_FOR
            if recent or event.message_id in own:
                repeats.add(event.position)
            own.add(event.message_id)
        return repeats

    def keep_ids(self, events: Sequence[Event]) -> None:
        """Remember the message ids of a batch, for as long as the database may not show them."""
        self._seen.append({event.message_id: event.received_at for event in events})

    def known(self, identifiers: Collection[Identifier]) -> tuple[Known, list[Identifier]]:
        """What is remembered of these identifiers, and those that are not."""
        found, missing = Known(), list[Identifier]()
        for identifier in identifiers:
            owner = self._known.owners.get(identifier)
            if owner is None:
                missing.append(identifier)
                continue
            while owner in self._merged:
                owner = self._merged[owner]
            found.owners[identifier] = owner
            found.ages[owner] = self._known.ages[owner]
            if owner in self._known.user_ids:
                found.user_ids.add(owner)
        stated_by = self._known.stated_by
        if stated_by:
            found.stated_by = {i: stated_by[i] for i in stated_by.keys() & set(identifiers)}
        return found, missing

    def counts(self, customers: Iterable[int]) -> tuple[dict[int, dict[str, int]], list[int]]:
        """How many identifiers the customers hold that the last batch changed; and the others.

        What the last batch did not change, the database shows, whether that is stored or not.
        """
        found, missing = dict[int, dict[str, int]](), list[int]()
        for customer in customers:
            counts = self._counts.get(customer)
            if counts is None:
                missing.append(customer)
            else:
                found[customer] = dict(counts)
        return found, missing

    def settle(self, loaded: Known, known: Known) -> None:
        """Add what was loaded to `known`, by merges that may not have been stored when it was."""
        known.ages.update(loaded.ages)
        known.user_ids.update(loaded.user_ids)
        known.stated_by.update(loaded.stated_by)
        for identifier, stored in loaded.owners.items():
            owner = stored
            while owner in self._merged:
                owner = self._merged[owner]
            known.owners[identifier] = owner
            if owner != stored:
                known.ages[owner] = self._known.ages[owner]
                if owner in self._known.user_ids:
                    known.user_ids.add(owner)

    def pass_over(self, resolution: Resolution) -> None:
        """Drop the edges that are stored already, or are just being stored."""
        edges, stored = resolution.edges, self._edges
        resolution.edges = {
            pair: e for pair, e in edges.items() if e.decided or edge_key(pair) not in stored
        }

    def states(self, customers: Iterable[int]) -> tuple[dict[int, bytes], list[int]]:
        """The remembered folds of these customers, and whose are not."""
        found, missing = dict[int, bytes](), list[int]()
        for customer in customers:
            state = self._states.get(customer)
            if state is None:
                missing.append(customer)
            else:
                found[customer] = state
        return found, missing

    def keep(
        self, lease: Lease, known: Known, resolution: Resolution, states: Mapping[int, bytes]
    ) -> None:
        """Remember what a batch knew and stores; if it fails to, all must be forgotten."""
        self.lease = lease
        self._keep_known(known, resolution.merges)
        self._keep_states(states, resolution.merges)
        if len(self._edges) > MAX_EDGES:
            self._edges.clear()
        # What a model decided is not remembered: an event that shows the same replaces it.
        edges = resolution.edges.items()
        self._edges.update(edge_key(pair) for pair, edge in edges if not edge.by_model)

    def _keep_known(self, known: Known, merges: Iterable[Merge]) -> None:
        if len(self._known.owners) > MAX_IDENTIFIERS:
            self._known = Known()
            self._merged.clear()
        self._known.owners.update(known.owners)
        self._known.ages.update(known.ages)
        self._known.user_ids.update(known.user_ids)
        self._known.stated_by.update(known.stated_by)
        self._counts = known.counts
        for merge in merges:
            self._merged[merge.loser] = merge.survivor

    def _keep_states(self, states: Mapping[int, bytes], merges: Iterable[Merge]) -> None:
        if self._state_bytes > MAX_STATE_BYTES:
            self._states.clear()
            self._state_bytes = 0
        for customer, state in states.items():
            self._state_bytes += len(state) - len(self._states.get(customer, b""))
            self._states[customer] = state
        for merge in merges:
            self._state_bytes -= len(self._states.pop(merge.loser, b""))
