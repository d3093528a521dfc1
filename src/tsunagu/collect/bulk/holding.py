"""A part held against the tracking plan, by the same check that events over HTTP pass.

Only a workspace that has a plan pays for it: the events of the part become objects, some
thousands at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from psycopg import Cursor

from tsunagu.collect.bulk.staging import Places, Stage
from tsunagu.collect.plan import Checked, PlanBook, check, store_checked
from tsunagu.core import Body, Event, Json, encode_body
from tsunagu.storage import Row

_AT_ONCE = 10_000


@dataclass
class Held:
    """What the plan says of a part: the places that it blocks, and all that is to be kept of it."""

    places: Places = field(default_factory=lambda: np.empty(0, np.int64))
    found: list[tuple[Checked, list[Event]]] = field(
        default_factory=list[tuple[Checked, list[Event]]]
    )

    def store(self, cursor: Cursor[Row], workspace_id: int) -> None:
        """Keep the counts, the marks, and the blocked events as dead letters."""
        for checked, dead in self.found:
            store_checked(cursor, workspace_id, checked, dead)


def hold_part(
    stage: Stage, book: PlanBook, out: Places, base: int, source: str, received_at: int
) -> Held:
    """Hold the staged events, without those at the places `out`, against the plan.

    Args:
        base: the position before the part's first place.
    """
    held = Held()
    places: list[int] = []
    for rows in stage.rows(out, _AT_ONCE):
        bodies = [_body(row) for row in rows]
        events = [_event(row, base, source, received_at) for row in rows]
        checked = check(book, events, bodies)
        dead = [
            msgspec.structs.replace(event, body=encode_body(body))
            for event, body in zip(events, bodies, strict=True)
            if event.position in checked.blocked
        ]
        places += [event.position - base - 1 for event in dead]
        held.found.append((checked, dead))
    held.places = np.array(places, np.int64)
    return held


def _event(row: Sequence[Any], base: int, source: str, received_at: int) -> Event:
    place, known_at, at, message_id, kind, name, user_id, anonymous_id = row[:8]
    return Event(
        *(base + 1 + place, received_at, known_at),
        *(message_id, kind, name, user_id, anonymous_id, at),
        source=source,
        body=b"",
    )


def _body(row: Sequence[Any]) -> Body:
    previous_id, group_id, properties, traits, context = row[8:]
    return Body(_object(properties), _object(traits), _object(context), previous_id, group_id)


def _object(text: str | None) -> Json:
    return {} if text is None else msgspec.json.decode(text)
