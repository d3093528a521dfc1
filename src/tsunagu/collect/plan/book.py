"""The plan book: everything a workspace announced about its events, ready to hold events against.

It is made once when what is published changes; a workspace that announced nothing has none,
and its events are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import jsonschema_rs as js
import msgspec

from tsunagu.collect.plan.models import (
    NAMED,
    PLAN_KIND,
    SCHEMA_KIND,
    Action,
    EventSchema,
    TrackingPlan,
    Unannounced,
)
from tsunagu.collect.plan.schemas import closed, compiled
from tsunagu.core import Json


@dataclass(frozen=True)
class Announced:
    """One version of an event with its compiled schema and what its violations do."""

    name: str
    schema: EventSchema
    action: Action
    unknown: Unannounced

    @cached_property
    def validator(self) -> js.Validator:
        """The compiled schema, closed to unknown properties unless those are allowed."""
        contents = self.schema.contents
        text = msgspec.json.encode(contents if self.unknown == "allow" else closed(contents))
        return compiled(text.decode())

    @property
    def holds_traits(self) -> bool:
        """Whether the schema describes traits instead of properties."""
        return self.schema.type in ("identify", "group")


@dataclass(frozen=True)
class PlanBook:
    """The announced events by call and name, each version from the highest down."""

    plan: TrackingPlan
    events: Mapping[tuple[str, str], Sequence[Announced]]
    zone: ZoneInfo

    def announced(self, call: str, name: str, context: Json) -> Announced | None:
        """The version against which an event is held; None when nobody announced it."""
        found = self.events.get((call, name if call in NAMED else ""))
        if not found:
            return None
        if len(found) > 1 and "protocols" in context:
            stated = _stated_version(context)
            return next((one for one in found if one.schema.version == stated), found[0])
        return found[0]

    def covers(self, call: str, name: str) -> bool:
        """Whether an event of this name has to be looked at."""
        key = (call, name if call in NAMED else "")
        return key in self.events or (call == "track" and self.plan.unknown_events != "allow")


def _stated_version(context: Json) -> int | None:
    told = context["protocols"]
    stated = told.get("event_version") if isinstance(told, dict) else None
    if isinstance(stated, str) and stated.isascii() and stated.isdecimal() and len(stated) < 10:
        return int(stated)
    return stated if isinstance(stated, int) else None


def make_book(documents: Iterable[tuple[str, str, Json]], zone: ZoneInfo) -> PlanBook | None:
    """The book of published documents (kind, name, document); None when none is about events.

    Args:
        zone: whose days the counts of violations are kept by.
    """
    plan, announced = None, list[tuple[str, EventSchema]]()
    for kind, name, document in documents:
        if kind == PLAN_KIND:
            plan = TrackingPlan.model_validate(document)
        elif kind == SCHEMA_KIND:
            announced.append((name, EventSchema.model_validate(document)))
    if plan is None and not announced:
        return None
    plan = plan or TrackingPlan()
    events: dict[tuple[str, str], tuple[Announced, ...]] = {}
    for name, schema in sorted(announced, key=lambda item: -item[1].version):
        one = Announced(
            name,
            schema,
            schema.mode or plan.mode,
            schema.unknown_properties or plan.unknown_properties,
        )
        events[schema.key] = (*events.get(schema.key, ()), one)
    return PlanBook(plan, events, zone)
