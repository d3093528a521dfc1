"""The tracking plan as people work with it: what a change breaks, and how traffic stands to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Cursor

from tsunagu.access import Definition, published
from tsunagu.collect import plan as tracking
from tsunagu.collect.plan import (
    PLAN_KIND,
    SCHEMA_KIND,
    Change,
    Checked,
    EventSchema,
    PlanBook,
    TrackingPlan,
)
from tsunagu.core import Json
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import zone
from tsunagu.serve.definitions import check
from tsunagu.storage import Row

PREVIEW_TAIL = 20_000
INFER_TAIL = 50_000


@dataclass(frozen=True)
class DocumentChanges:
    """What publishing a document changes, and which documents look at what it breaks."""

    kind: str
    name: str
    changes: list[Change]
    readers: list[tuple[str, str]]

    @property
    def breaking(self) -> list[Change]:
        """The changes that break somebody."""
        return [change for change in self.changes if change.breaks]


def document_changes(
    cursor: Cursor[Row], workspace_id: int, documents: Sequence[tuple[str, str, Json]]
) -> list[DocumentChanges]:
    """What publishing documents of the plan (kind, name, document) would change.

    Raises:
        Invalid: a document is wrong.
    """
    current = published(cursor, workspace_id)
    there = {(d.kind, d.name): d.document for d in current}
    found: list[DocumentChanges] = []
    for kind, name, document in documents:
        checked, old = check(kind, document), there.get((kind, name))
        changes: list[Change] = []
        readers: list[tuple[str, str]] = []
        if isinstance(checked, TrackingPlan):
            changes = tracking.plan_changes(
                TrackingPlan.model_validate(old) if old else None, checked
            )
        elif isinstance(checked, EventSchema):
            before = EventSchema.model_validate(old) if old else None
            changes = tracking.changes_of(before, checked)
            if any(change.breaks == "readers" for change in changes):
                readers = readers_of(current, before or checked, changes)
        if changes:
            found.append(DocumentChanges(kind, name, changes, readers))
    return found


def readers_of(
    current: Sequence[Definition], schema: EventSchema, changes: Sequence[Change]
) -> list[tuple[str, str]]:
    """The published audiences and messages that look at what changes take away."""
    lost = {
        change.place.partition(".")[2].partition("[")[0]
        for change in changes
        if change.breaks == "readers"
    }
    lost.discard("")
    found: list[tuple[str, str]] = []
    for definition in current:
        if definition.kind == "audience":
            rule = parse_rule(str(definition.document.get("rule", "")))
            named = {f.property for f in rule.features if f.event == schema.event and f.property}
            if schema.type == "identify":
                named |= rule.traits
            if named & lost:
                found.append((definition.kind, definition.name))
        elif definition.kind == "message" and schema.type == "identify":
            text = msgspec.json.encode(definition.document).decode()
            if any(f".{name}" in text or f" {name} " in text for name in lost):
                found.append((definition.kind, definition.name))
    return found


def preview(
    cursor: Cursor[Row],
    workspace_id: int,
    zone_name: str,
    schema: EventSchema,
    policy: TrackingPlan,
) -> tuple[int, Checked]:
    """How the latest events of a schema would stand to it; nothing is kept.

    Returns:
        How many there were among the latest 20,000 of the log, and what they violate.
    """
    book = single_book(schema, policy, zone(zone_name))
    call, name = schema.key
    found = tracking.recent_events(cursor, workspace_id, tail=PREVIEW_TAIL, call=call, name=name)
    checked = tracking.check(book, [e for e, _ in found], [b for _, b in found])
    return len(found), checked


def single_book(schema: EventSchema, policy: TrackingPlan, tz: ZoneInfo) -> PlanBook:
    """A book that announces one event alone."""
    documents = [
        (PLAN_KIND, tracking.PLAN_NAME, policy.model_dump(mode="json", by_alias=True)),
        (SCHEMA_KIND, "preview", schema.model_dump(mode="json", by_alias=True)),
    ]
    book = tracking.make_book(documents, tz)
    assert book is not None
    return book


def inferred(
    cursor: Cursor[Row],
    workspace_id: int,
    *,
    tail: int = INFER_TAIL,
    call: str = "",
    name: str = "",
) -> list[tuple[str, EventSchema]]:
    """Schemas of the latest events of the log, to start from."""
    found = tracking.recent_events(cursor, workspace_id, tail=tail, call=call, name=name)
    return tracking.infer((event.type, event.name, body) for event, body in found)
