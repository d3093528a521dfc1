"""How long the lake keeps events: a document of the workspace, published like any other.

Without it everything is kept. Events leave in whole weeks, so that a file is written anew at
most once a week; an event therefore stays up to seven days longer than it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from psycopg import Connection, Cursor
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tsunagu.access import business_now, published
from tsunagu.core.times import DAY, parse_duration
from tsunagu.storage import Row, in_workspace

if TYPE_CHECKING:
    from tsunagu.storage.lake import Expiry

RETENTION = "retention"
RETENTION_NAME = "lake"
WEEK = 7 * DAY


def _at_least_a_day(text: str) -> str:
    if parse_duration(text) < DAY:
        raise ValueError("an event is kept for at least one day")
    return text


Keep = Annotated[str, Field(examples=["90 days"]), AfterValidator(_at_least_a_day)]


class Retention(BaseModel):
    """How long events are kept, by name. What no rule names is kept for ever.

    Args:
        events: for an event's name, how long after it became known it is kept.
        others: the same for all events that `events` does not name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: dict[str, Keep] = Field(default_factory=dict)
    others: Keep | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Retention:
        if not self.events and self.others is None:
            raise ValueError("name at least one event, or say how long others are kept")
        return self

    def expiries(self, now: int) -> list[Expiry]:
        """What has expired at a time, in microseconds."""
        # The pipeline reads documents, and needs none of the lake's libraries.
        from tsunagu.storage.lake import Expiry

        rules: list[tuple[str | None, str]] = list(self.events.items())
        if self.others is not None:
            rules.append((None, self.others))
        return [Expiry(name, (now - parse_duration(keep)) // WEEK * WEEK) for name, keep in rules]


def published_retention(cursor: Cursor[Row], workspace_id: int) -> Retention | None:
    """The retention that a workspace has published."""
    for found in published(cursor, workspace_id):
        if (found.kind, found.name) == (RETENTION, RETENTION_NAME):
            return Retention.model_validate(found.document)
    return None


def expiries(connection: Connection[Row], workspace_id: int) -> list[Expiry]:
    """What has expired by now under the published retention; nothing without one."""
    with in_workspace(connection, workspace_id) as cursor:
        retention = published_retention(cursor, workspace_id)
        now = business_now(cursor, workspace_id)
    return [] if retention is None else retention.expiries(now)
