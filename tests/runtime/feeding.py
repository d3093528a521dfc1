"""A workspace that is fed by HTTP and by loads in turns, and what pure functions make of both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import compress, groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from deltalake import write_deltalake

from tsunagu import access, eventlog
from tsunagu.core import Body, Event, NewEvent, encode_body
from tsunagu.core.times import moment
from tsunagu.decisions import Policy
from tsunagu.identity import BUILT_IN, Kinds, Known, note_blocked
from tsunagu.journeys import Book
from tsunagu.profiles import Plan, State, decode_state, encode_state
from tsunagu.profiles.sight import Sight
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.batch import Loaded, advance_batch, resolve_batch
from tsunagu.runtime.desk import Desk
from tsunagu.runtime.feed import FeedReport, feed
from tsunagu.serve import definitions
from tsunagu.storage import Database, in_workspace

NO_JOURNEYS = Book({}, {}, {}, Policy())
LAKE_TYPES = pa.schema(
    [
        ("position", pa.int64()),
        *((name, pa.timestamp("us", "UTC")) for name in ("received_at", "known_at", "happened_at")),
        *((name, pa.string()) for name in (
            "message_id", "type", "name", "user_id", "anonymous_id", "previous_id", "group_id",
            "source", "properties", "traits", "context", "month",
        )),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One event before the log has it."""

    type: str
    name: str
    at: int
    user: str | None = None
    device: str | None = None
    body: Body = field(default_factory=Body)
    known_at: int | None = None
    source: str | None = None

    @property
    def known(self) -> int:
        """When it is known: history at its own time."""
        return self.at if self.known_at is None else self.known_at


class Feeding:
    """A workspace with a driven clock, a lake, and the ways by which events come in."""

    def __init__(self, database: Database, workspace: int, lake: Path, zone: str = "UTC") -> None:
        self.database, self.workspace, self.lake = database, workspace, lake
        self.desk = Desk(workspace, zone, driven=True)
        self._said = 0

    def publish(self, kind: str, name: str, document: dict[str, Any]) -> None:
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            definitions.publish_document(cursor, self.workspace, kind, name, document, "tester")

    def clock(self, now: int) -> None:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            access.set_clock(cursor, self.workspace, now)

    def post(self, said: list[Said]) -> list[tuple[Event, Body]]:
        """Events by HTTP; the pipeline takes them. They are given back as the log has them."""
        log = self.wait(said)
        self.drain()
        return log

    def wait(self, said: list[Said]) -> list[tuple[Event, Body]]:
        """Events by HTTP that wait for the pipeline, as the log has them."""
        before = self._last_position()
        new = self.append(said)
        return self._log(said, [before + number + 1 for number in range(len(said))], new)

    def append(self, said: list[Said]) -> list[NewEvent]:
        """Events by HTTP, for a pipeline that runs."""
        new = [
            NewEvent(
                self._message(), s.type, s.name, s.user, s.device, s.at, s.source or "shop",
                encode_body(s.body), known_at=s.known,
            )
            for s in said
        ]  # fmt: skip
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            eventlog.append(cursor, self.workspace, new, received_at=new[0].at or 0, now=None)
        return new

    def drained(self) -> bool:
        """Whether the pipeline has taken everything."""
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return eventlog.drained(cursor, self.workspace)

    def drain(self) -> None:
        with self.database.connect("pipeline") as connection:
            while pipeline_loop.next_batch(connection, self.desk).more:
                pass

    def put(self, said: list[Said]) -> tuple[int, int, list[tuple[Event, Body]]]:
        """Events of a load into the lake, under positions of their own (with gaps)."""
        after = self._last_position()
        positions = [after + 2 * number + 1 for number in range(len(said))]
        upto = after + 2 * len(said)
        with self.database.connect("owner") as connection:
            connection.execute(
                "select setval(pg_get_serial_sequence('inbox', 'position'), %s)", (upto,)
            )
        new = [
            NewEvent(
                self._message(), s.type, s.name, s.user, s.device, s.at, s.source or "load", b""
            )
            for s in said
        ]
        log = self._log(said, positions, new)
        rows = [_lake_row(event, body) for event, body in log]
        write_deltalake(
            self.lake / str(self.workspace) / "events",
            pa.Table.from_pylist(rows, LAKE_TYPES),
            mode="append",
            partition_by=["month"],
        )
        return after, upto, log

    def load(self, said: list[Said], *, part: int = 1_000) -> list[list[tuple[Event, Body]]]:
        """Events by a load, fed at once; they are given back as the parts had them."""
        after, upto, log = self.put(said)
        self.feed(after, upto, part=part)
        return parts_of(log, after, part)

    def feed(self, after: int, upto: int, *, part: int = 1_000) -> FeedReport:
        return feed(self.database, self.lake, self.workspace, after=after, upto=upto, part=part)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return cursor.execute(query, parameters).fetchall()  # type: ignore[arg-type]

    def state(self, kind: str, value: str) -> State:
        ((raw,),) = self.rows(
            "select p.state from profiles as p join identifiers as i using (customer_id) "
            "where i.kind = %s and i.value = %s",
            kind,
            value,
        )
        return decode_state(raw)

    def story(self) -> dict[str, Any]:
        """Everything that was written about customers."""
        states = self.rows("select customer_id, state, audiences, traits from profiles")
        return {
            "states": {c: readable(decode_state(raw)) for c, raw, _, _ in states},
            "audiences": {c: sorted(a) for c, _, a, _ in states},
            "traits": {c: t for c, _, _, t in states},
            "customers": {
                c: rest
                for c, *rest in self.rows(
                    "select customer_id, first_kind, first_value, created_position from customers"
                )
            },
            "owners": {
                (k, v): [c, p]
                for k, v, c, p in self.rows(
                    "select kind, value, customer_id, first_position from identifiers"
                )
            },
            "stated_by": {
                (k, v): [by, p]
                for k, v, by, p in self.rows(
                    "select kind, value, stated_by, held_position from identifiers "
                    "where stated_by is not null"
                )
            },
            "held": {
                (k, v, reason): [p, times]
                for k, v, reason, p, times in self.rows(
                    "select kind, value, reason, first_position, times from held_identifiers"
                )
            },
            "edges": set(
                self.rows(
                    "select kind_a, value_a, kind_b, value_b, message_id, position "
                    "from identity_edges"
                )
            ),
            "members": set(self.rows("select audience, customer_id from audience_members")),
            "consents": {
                (c, f"{channel}/{purpose}"): [granted, position]
                for c, channel, purpose, granted, position in self.rows(
                    "select customer_id, channel, purpose, granted, position from consents"
                )
            },
            "timeline": sorted(
                (position, self._survivor(c))
                for position, c in self.rows(
                    "select position, customer_id from timeline where source <> 'tsunagu'"
                )
            ),
        }

    def _survivor(self, customer: int) -> int:
        while True:
            ((into,),) = self.rows(
                "select merged_into from customers where customer_id = %s", customer
            )
            if into is None:
                return customer
            customer = into

    def _message(self) -> str:
        self._said += 1
        return f"m{self._said}"

    def _last_position(self) -> int:
        with self.database.connect("owner") as connection:
            row = connection.execute(
                "select last_value, is_called from inbox_position_seq"
            ).fetchone()
        assert row is not None
        return row[0] if row[1] else row[0] - 1

    def _log(
        self, said: list[Said], positions: list[int], new: list[NewEvent]
    ) -> list[tuple[Event, Body]]:
        return [
            (
                Event(
                    position, s.known, s.known, n.message_id, s.type, s.name, s.user, s.device,
                    s.at, n.source, b"",
                ),
                s.body,
            )
            for s, position, n in zip(said, positions, new, strict=True)
        ]  # fmt: skip


def parts_of(
    log: list[tuple[Event, Body]], after: int, part: int
) -> list[list[tuple[Event, Body]]]:
    """A load's events cut as a feed cuts them."""
    numbered = [((event.position - after - 1) // part, (event, body)) for event, body in log]
    return [[fact for _, fact in some] for _, some in groupby(numbered, key=lambda n: n[0])]


def _lake_row(event: Event, body: Body) -> dict[str, Any]:
    return {
        "position": event.position,
        "received_at": moment(event.received_at),
        "known_at": moment(event.known_at),
        "happened_at": moment(event.at),
        "message_id": event.message_id,
        "type": event.type,
        "name": event.name,
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "previous_id": body.previous_id,
        "group_id": body.group_id,
        "source": event.source,
        "properties": json.dumps(body.properties) if body.properties else None,
        "traits": json.dumps(body.traits) if body.traits else None,
        "context": json.dumps(body.context) if body.context else None,
        "month": moment(event.known_at).strftime("%Y-%m"),
    }


def readable(state: State) -> Any:
    """A state whose order of names does not count; its audiences are compared apart."""
    state.traits = dict(sorted(state.traits.items()))
    state.counters = dict(sorted(state.counters.items()))
    state.consents = dict(sorted(state.consents.items()))
    state.audiences = sorted(state.audiences)
    return msgspec.to_builtins(state, str_keys=False)


class Pure:
    """The same by the pipeline's pure functions, in memory."""

    def __init__(self, workspace: int, plan: Plan, kinds: Kinds = BUILT_IN) -> None:
        self.workspace, self.plan, self.kinds = workspace, plan, kinds
        self.shared: dict[tuple[str, str], int] = {}
        self.held: dict[tuple[str, str, str], list[int]] = {}
        self.known = Known()
        self.states: dict[int, bytes] = {}
        self.claims: dict[tuple[str, str], int] = {}
        self.created: dict[int, list[Any]] = {}
        self.edges: dict[Any, Any] = {}
        self.facts: list[tuple[int, int]] = []
        self.merged: dict[int, int] = {}

    def take(self, log: list[tuple[Event, Body]], closing: int, *, bulk: bool) -> None:
        """One batch; a bulk one is looked at once more when all is folded."""
        told = self.kinds.identifiers([e for e, _ in log], [b for _, b in log])
        somebody = [bool(some) for some in told.identifiers]
        stated = [some for some in told.identifiers if some]
        log = list(compress(log, somebody))
        events, bodies = [e for e, _ in log], [b for _, b in log]
        facts, absorbed, found = resolve_batch(
            self.workspace, events, bodies, stated, self.known, self.kinds
        )
        note_blocked(found, told.blocked)
        for identifier, position in found.shared.items():
            self.shared.setdefault(identifier, position)
        for (identifier, reason), held in found.held.items():
            before = self.held.setdefault((*identifier, reason), [held.position, 0])
            before[1] += held.times
        self.claims |= {i: position for i, (_, position) in found.identifiers.items()}
        self.created |= {c.customer_id: [*c.first, c.position] for c in found.created}
        for pair, edge in found.edges.items():
            self.edges.setdefault(pair, (edge.message_id, edge.position))
        self.merged |= {a.loser: a.survivor for a in absorbed}
        self.known.owners = {i: self._current(c) for i, c in self.known.owners.items()}
        self.known.user_ids = {self._current(c) for c in self.known.user_ids}
        self.facts += [(f.event.position, f.customer) for f in facts]
        loaded = Loaded(dict(self.states))
        touched = {self._current(f.customer) for f in facts}
        changes = advance_batch(self.plan, NO_JOURNEYS, facts, absorbed, loaded, closing)
        for loser in self.merged:
            self.states.pop(loser, None)
        sight = Sight(self.plan)
        for customer, state in changes.states.items():
            if bulk and customer in touched and self.plan.rules:
                state.now = max(state.now, closing)
                _, state.audience_wake = sight.look(state, state.now)
            self.states[customer] = encode_state(state)

    def _current(self, customer: int) -> int:
        while customer in self.merged:
            customer = self.merged[customer]
        return customer

    def story(self) -> dict[str, Any]:
        """As `Feeding.story`."""
        states = {c: decode_state(raw) for c, raw in self.states.items()}
        return {
            "states": {c: readable(state) for c, state in states.items()},
            "audiences": {c: sorted(state.audiences) for c, state in states.items()},
            "traits": {c: state.values() for c, state in states.items()},
            "customers": self.created,
            "owners": {i: [c, self.claims[i]] for i, c in self.known.owners.items()},
            "stated_by": {
                i: [list(by), self.shared.get(i)] for i, by in self.known.stated_by.items()
            },
            "held": self.held,
            "edges": {(*a, *b, *proof) for (a, b), proof in self.edges.items()},
            "members": {(a, c) for c, state in states.items() for a in state.audiences},
            "timeline": sorted((p, self._current(c)) for p, c in self.facts),
        }
