"""Deterministic stitching alone: whose events these are, beside millions of known identifiers.

PostgreSQL is filled with known customers first. Then a million events come, most of them of known
people: some on new devices, some of new people, some visitors who sign in and merge, and some who
share a tablet or an address. They are linked in bulk, as a load does it, and in batches, as the
pipeline does it with what it remembers: drawn, looked up, resolved and stored with their
evidence, durably. `size` is the number of known identifiers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import numpy as np
import pyarrow as pa
from psycopg import Connection

from tsunagu import access, identity
from tsunagu.core import Body, Event
from tsunagu.eventlog import Lease
from tsunagu.identity import Told
from tsunagu.runtime.bench.installation import bench_folder, require_durability
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.database import open_database
from tsunagu.runtime.memory import Memory
from tsunagu.runtime.settings import load_settings
from tsunagu.storage import LOOK_UPS, Arrow, Row, in_workspace, migrate

SIZE = 10_000_000
EVENTS = 1_000_000
PART = 500_000
LIVE_EVENTS = 100_000
BATCH = 5_000
BAR = 100_000.0

# A known customer has a user id, a device, and every second one an address.
_FILL: tuple[LiteralString, ...] = (
    """
    insert into customers (
        workspace_id, customer_id, first_kind, first_value, created_position, created_at
    )
    select %(workspace)s, n, 'user_id', 'user-' || n, n, timestamptz 'epoch'
    from generate_series(1, %(people)s) as n
    """,
    """
    insert into identifiers (workspace_id, kind, value, customer_id, first_position)
    select %(workspace)s, 'user_id', 'user-' || n, n, n from generate_series(1, %(people)s) as n
    """,
    """
    insert into identifiers (workspace_id, kind, value, customer_id, first_position)
    select %(workspace)s, 'anonymous_id', md5(n::text), n, n
    from generate_series(1, %(people)s) as n
    """,
    """
    insert into identifiers (workspace_id, kind, value, customer_id, first_position)
    select %(workspace)s, 'email', 'user-' || n || '@example.com', n, n
    from generate_series(1, %(people)s, 2) as n
    """,
)


def measure(size: int | None) -> Iterator[Measure]:
    """The figures beside so many known identifiers."""
    known = size or SIZE
    people = max(1_000, known * 2 // 5)
    with bench_folder("identity-stitch") as folder:
        settings = load_settings(home=folder)
        with open_database(settings, tables=False) as database:
            migrate(database)
            require_durability(database)
            with database.connect("app") as connection:
                workspace = access.create_workspace(connection, "bench")
            with (
                database.connect("pipeline") as connection,
                database.connect("pipeline") as beside,
            ):
                yield Measure("stitch.known identifiers", _fill(connection, workspace, people), "")
                for each in (connection, beside):
                    each.execute(LOOK_UPS)
                events = min(EVENTS, max(known, 10_000))
                yield from _in_bulk((connection, beside), workspace, people, events)
                yield from _in_batches(connection, workspace, people, min(LIVE_EVENTS, events))


def _fill(connection: Connection[Row], workspace: int, people: int) -> int:
    for statement in _FILL:
        with in_workspace(connection, workspace) as cursor:
            cursor.execute(statement, {"workspace": workspace, "people": people})
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum analyze identifiers")
    connection.execute("vacuum analyze customers")
    connection.autocommit = False
    return people * 5 // 2


class Crowd:
    """Events of known and new people, drawn by chance that repeats."""

    def __init__(self, people: int, count: int, after: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.after, self.count = after, count
        # Somebody who comes does some things: every person here has five events on average.
        here = chance.integers(1, people + 1, max(1, count // 5))
        person = here[chance.integers(0, len(here), count)]
        way = chance.random(count)
        self.user: list[str | None] = []
        self.device: list[str | None] = []
        self.email: list[str | None] = []
        for number, (who, how) in enumerate(zip(person.tolist(), way.tolist(), strict=True)):
            user, device, email = self._event(number, who, how, seed)
            self.user.append(user)
            self.device.append(device)
            self.email.append(email)

    @staticmethod
    def _event(
        number: int, who: int, how: float, seed: int
    ) -> tuple[str | None, str | None, str | None]:
        user = f"user-{who}"
        if how < 0.70:  # a known person on a device that is soon known
            return user, f"phone-{who}", None
        if how < 0.80:
            return user, None, None
        if how < 0.88:  # somebody new, or a visitor who comes back
            return None, f"visitor-{seed}-{who % 50_000}", None
        if how < 0.90:  # a visitor who signs up
            return f"new-{seed}-{who % 50_000}", f"visitor-{seed}-{who % 50_000}", None
        if how < 0.92:  # a visitor who turns out to be known
            return user, f"visitor-{seed}-{who % 50_000}", None
        if how < 0.99:
            return user, f"phone-{who}", f"user-{who}@example.com"
        shared = number % 200  # a tablet in a shop, an address that a till types in
        return user, f"tablet-{shared}", f"till-{shared}@example.com"

    def told(self, start: int, stop: int) -> Told:
        """As a load reads them."""
        count = stop - start
        nothing = pa.nulls(count, pa.string())

        def texts(values: list[str | None]) -> Arrow:
            return pa.array(values[start:stop], pa.string())

        paths = [
            texts(self.email) if (kind.name, room) == ("email", "traits") else nothing
            for kind, room, _ in identity.BUILT_IN.paths
        ]
        position = np.arange(self.after + start + 1, self.after + stop + 1, dtype=np.int64)
        alias = np.zeros(count, np.bool_)
        user, device = texts(self.user), texts(self.device)
        return Told(position, position, alias, user, device, nothing, paths, nothing)

    def batch(self, start: int, stop: int) -> tuple[list[Event], list[Body]]:
        """As the pipeline reads them."""
        events: list[Event] = []
        bodies: list[Body] = []
        for number in range(start, stop):
            position, email = self.after + number + 1, self.email[number]
            kind = "track" if email is None else "identify"
            ids = (self.user[number], self.device[number])
            events.append(
                Event(position, position, position, f"m{position}", kind, "", *ids, 0, "web", b"")
            )
            bodies.append(Body(traits={"email": email}) if email else Body())
        return events, bodies


def _in_bulk(
    connections: tuple[Connection[Row], Connection[Row]],
    workspace: int,
    people: int,
    events: int,
) -> Iterator[Measure]:
    """As a load links them; the look-ups alone are the limit beside it."""
    connection, beside = connections
    crowd = Crowd(people, events, people, 1)
    looked = 0.0
    held = merges = 0
    parts = [crowd.told(start, min(start + PART, events)) for start in range(0, events, PART)]
    messages = [pa.array([f"m{n}" for n in told.position.tolist()]) for told in parts]
    began = time.monotonic()
    with ThreadPoolExecutor(1, "ahead") as ahead:
        # As a load does it: the next part is read while one is stored.
        numbered = [ahead.submit(identity.number_names, told) for told in parts]
        for told, message, found in zip(parts, messages, numbered, strict=True):
            names, stated = found.result()
            source = pa.array(["web"] * len(message))
            with (
                in_workspace(connection, workspace) as cursor,
                in_workspace(beside, workspace) as reader,
            ):
                before = time.monotonic()
                owners = identity.load_owners(cursor, workspace, names, stated, reader)
                looked += time.monotonic() - before
                linked = identity.link(workspace, told, names, stated, owners)
                identity.store_named(cursor, workspace, linked, told)
                identity.store_absorbed(cursor, workspace, linked)
                identity.store_evidence(cursor, workspace, linked, told, source, message)
                identity.store_withheld(cursor, workspace, linked, told)
            for each in connections:
                each.commit()
            held += len(linked.withheld.held)
            merges += len(linked.merges)
    seconds = time.monotonic() - began
    yield Measure("stitch.events in bulk", events, "events")
    yield Measure("stitch.merges in bulk", merges, "merges")
    yield Measure("stitch.held back in bulk", held, "identifiers")
    yield Measure("stitch.bulk", events / seconds, "events/s", limit=events / looked, bar=BAR)


def _in_batches(
    connection: Connection[Row], workspace: int, people: int, events: int
) -> Iterator[Measure]:
    """As the pipeline links them, with its memory; a batch is committed before the next."""
    crowd = Crowd(people, events, people + EVENTS, 2)
    kinds, memory = identity.BUILT_IN, Memory()
    seconds = 0.0
    cpu = 0.0
    for start in range(0, events, BATCH):
        batch, bodies = crowd.batch(start, min(start + BATCH, events))
        began, worked = time.monotonic(), time.process_time()
        with in_workspace(connection, workspace) as cursor:
            told = kinds.identifiers(batch, bodies)
            stated = told.identifiers
            known, missing = memory.known({i for some in stated for i in some})
            memory.settle(identity.load_known(cursor, workspace, missing), known)
            known.counts, uncounted = memory.counts(identity.gaining(stated, known))
            known.counts |= identity.load_counts(cursor, workspace, uncounted)
            found = identity.resolve(workspace, batch, stated, known, kinds)
            memory.pass_over(found)
            identity.store(cursor, workspace, found)
            memory.keep(Lease(batch[-1].position, 0), known, found, {})
        connection.commit()
        seconds += time.monotonic() - began
        cpu += time.process_time() - worked
    yield Measure("stitch.live", events / seconds, "events/s")
    yield Measure("stitch.live processor time of Python", cpu / events * 1e6, "us/event")
