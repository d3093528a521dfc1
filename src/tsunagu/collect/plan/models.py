"""The tracking plan's documents: one for the workspace, and one for each event and version.

`tracking-plan` says what happens to events and properties that nobody announced; an
`event-schema` says what one event carries. Both are definitions like an audience: versions,
Git, `tsunagu publish`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tsunagu.collect.plan.schemas import check_schema
from tsunagu.core import Json
from tsunagu.core.errors import Invalid

Action = Literal["observe", "flag", "block"]
Unannounced = Literal["allow", "observe", "flag", "block"]
Call = Literal["track", "page", "screen", "identify", "group"]

PLAN_KIND = "tracking-plan"
SCHEMA_KIND = "event-schema"
PLAN_NAME = "plan"

# Calls whose events have names; a schema of another call describes all of its events.
NAMED = frozenset({"track", "page", "screen"})

# How much an action does; a plan is loosened by going down.
WEIGHT: dict[str, int] = {"allow": 0, "observe": 1, "flag": 2, "block": 3}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrackingPlan(_Document):
    """What holds for every event of the workspace unless its own schema says otherwise.

    `mode` is what a violation does: `observe` counts it, `flag` also marks the event, `block`
    puts the event into dead letters. Unknown events are `track` calls without a schema.
    """

    title: dict[str, str] = Field(default_factory=dict[str, str])
    owner: str = Field(default="", max_length=200)
    mode: Action = "observe"
    unknown_events: Unannounced = "observe"
    unknown_properties: Unannounced = "observe"


class EventSchema(_Document):
    """What one event carries, as JSON Schema.

    `schema` describes the `properties` of a track, page or screen and the `traits` of an
    identify or group. Several documents may describe versions of one event: an event that
    states `context.protocols.event_version` is held against that one, any other against the
    highest.
    """

    event: str = Field(default="", max_length=1000)
    type: Call = "track"
    version: int = Field(default=1, ge=1, lt=2**31)
    title: dict[str, str] = Field(default_factory=dict[str, str])
    description: dict[str, str] = Field(default_factory=dict[str, str])
    owner: str = Field(default="", max_length=200)
    mode: Action | None = None
    unknown_properties: Unannounced | None = None
    contents: Json = Field(alias="schema")

    @field_validator("event")
    @classmethod
    def _is_plain(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("an event's name holds no U+0000")
        return value

    @field_validator("contents")
    @classmethod
    def _is_a_schema(cls, value: Json) -> Json:
        try:
            check_schema(value)
        except Invalid as error:
            raise ValueError(str(error)) from error
        return value

    @property
    def key(self) -> tuple[str, str]:
        """The call and the event's name: what an event is looked up by."""
        return self.type, self.event if self.type in NAMED else ""

    def called(self) -> str:
        """How people name it: the event, or the call that has no name."""
        return self.event or self.type


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which one event differs from what was agreed.

    `place` is a JSON path with list positions as `[*]`, empty for the event itself; `got`
    never holds a personal value. `version` is 0 for an event without a schema.
    """

    place: str
    rule: str
    expected: str
    got: str
    action: Action
    version: int

    def words(self) -> str:
        """The violation as one line."""
        where = self.place or "event"
        return f"{where}: expected {self.expected}, got {self.got}"


def as_document(model: BaseModel) -> dict[str, Any]:
    """A document as it is written to a file: without what was left at its default."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
