"""What the API answers: times are ISO 8601 in UTC, ids are texts (they exceed JavaScript's
integers), and what does not apply is null."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tsunagu.core.times import iso


def _time(value: Any) -> Any:
    return iso(value) if isinstance(value, int) and value else value or None


Time = Annotated[str, BeforeValidator(_time)]
TimeOrNever = Annotated[str | None, BeforeValidator(_time)]
Id = Annotated[str, BeforeValidator(str)]
TextOrNone = Annotated[str | None, BeforeValidator(lambda text: text or None)]


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Identifier(_Answer):
    """An identifier that leads to the customer."""

    kind: str = Field(examples=["user_id"])
    value: str = Field(examples=["u-1042"])


class AudienceMembership(_Answer):
    """An audience the customer is in now."""

    audience: str
    entered_at: Time


class Consent(_Answer):
    """The customer's last word on a channel and purpose."""

    channel: str
    purpose: str
    granted: bool
    at: Time
    evidence: dict[str, Any] = Field(description="What proves it, as it was collected.")


class Suppressed(_Answer):
    """An address of the customer that is not written to any more."""

    channel: str
    address: str
    reason: str
    at: Time


class Score(_Answer):
    """A score, with the time as of which it was computed."""

    score: str
    value: float
    as_of: Time


class TimelineEvent(_Answer):
    """One event that happened to the customer."""

    position: int = Field(description="Its place in the log; ask for older events `before` it.")
    at: Time = Field(description="When it happened.")
    type: str
    name: str
    source: str
    body: dict[str, Any] = Field(description="Its properties, traits and context.")


class Enrolment(_Answer):
    """The customer's way through a journey."""

    enrolment_id: Id
    journey: str
    version: int
    arm: Literal["treated", "holdout"] = Field(
        description="The holdout gets no message, so that the journey's effect can be measured."
    )
    node: str
    status: Literal["active", "completed", "exited"]
    entered_at: Time
    waits_until: TimeOrNever = Field(validation_alias="wake_at")
    reached_goal_at: TimeOrNever = Field(validation_alias="goal_at")
    ended_at: TimeOrNever
    end_reason: TextOrNone


class Send(_Answer):
    """A message that was decided to be sent, and what became of it."""

    send_id: Id
    message: str
    message_version: int
    journey: TextOrNone
    node: TextOrNone
    channel: str
    purpose: str
    address: str
    state: Literal["queued", "handing", "sent", "refused", "failed", "unknown", "expired"]
    reason: TextOrNone
    decided_at: Time
    not_before: TimeOrNever
    result_at: TimeOrNever
    archived: bool


class Refusal(_Answer):
    """A message that the contact policy refused when it was decided."""

    message: str
    journey: TextOrNone
    node: TextOrNone
    reason: str
    detail: str
    at: Time


class PolicyAnswer(_Answer):
    """What the contact policy would say of a published message at this moment."""

    message: str
    channel: str
    purpose: str
    answer: Literal["allowed", "refused", "wait"]
    reason: TextOrNone
    detail: TextOrNone
    until: TimeOrNever = Field(description="For `wait`: when it would be allowed.")


class Contact(_Answer):
    """Why the customer was, or was not, sent something; the latest first."""

    sends: list[Send]
    refusals: list[Refusal]
    now: list[PolicyAnswer]


class SaidValue(_Answer):
    """Another value that was said of a trait, and by whom."""

    value: Any
    source: str
    first: Time
    last: Time
    times: int = Field(description="How often it was said; 0 where too many values were.")


class TraitProvenance(_Answer):
    """Whence the value of a trait comes."""

    source: str = Field(description="Who said it; empty where that is not known any more.")
    at: Time
    strategy: Literal["latest", "source_priority", "most_frequent", "longest_held"]
    overfull: bool = Field(description="More values were said than are kept: the latest one holds.")
    others: list[SaidValue] = Field(description="What else was said, where that is kept.")


class Profile(_Answer):
    """The whole customer, under whichever identifier was asked for."""

    customer_id: Id
    merged_ids: list[Id] = Field(description="Former customers that turned out to be this one.")
    identifiers: list[Identifier]
    traits: dict[str, Any]
    provenance: dict[str, TraitProvenance] = Field(
        description="For each trait: who said its value, when, and why it holds."
    )
    audiences: list[AudienceMembership]
    consents: list[Consent]
    suppressions: list[Suppressed]
    scores: list[Score]
    first_seen: Time
    last_seen: Time
    event_count: int
    events: list[TimelineEvent] = Field(description="The latest in the log first.")
    journeys: list[Enrolment] = Field(description="The running ones first.")
    contact: Contact


class NodeFigures(_Answer):
    """How many enrolments are at a node, or ended there."""

    node: str
    arm: Literal["treated", "holdout"]
    status: Literal["active", "completed", "exited"]
    enrolments: int
    reached_goal: int


class MessageFigures(_Answer):
    """Messages of a node by what became of them; the reason tells why they were refused."""

    node: str
    message: str
    state: str
    reason: TextOrNone
    sends: int


class JourneyFigures(_Answer):
    """A journey as published, with where everybody is."""

    name: str
    version: int
    status: Literal["draft", "published", "stopped"]
    document: dict[str, Any]
    nodes: list[NodeFigures]
    messages: list[MessageFigures]


class DefinitionVersion(_Answer):
    """One version of a document."""

    kind: str
    name: str
    version: int
    status: Literal["draft", "published", "stopped"]
    created_at: Time
    created_by: str


class DefinitionDocument(DefinitionVersion):
    """One version of a document, whole."""

    document: dict[str, Any]


class Published(_Answer):
    """The version under which a document is in force; an equal document makes no new one."""

    kind: str
    name: str
    version: int


class Health(_Answer):
    """The API and its database answer."""

    status: Literal["ok"]


class Problem(_Answer):
    """Why a request failed, and what to do next."""

    code: str
    message: str


class SqlQuestion(BaseModel):
    """A question to the lake."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(
        max_length=100_000,
        description="One SELECT in DuckDB's dialect.",
        examples=["select name, count(*) from events group by 1 order by 2 desc"],
    )
    rows: int = Field(10_000, ge=1, le=1_000_000, description="The result ends after this many.")
    known_at: str | None = Field(
        None,
        description="Answer as of what was known at this time.",
        examples=["2026-05-01T12:00:00Z"],
    )


class SqlColumn(BaseModel):
    """A column of a result, with Arrow's name of its type."""

    name: str
    type: str


class SqlAnswer(BaseModel):
    """The rows of a result. Times are ISO 8601; a number that JSON cannot hold is its digits."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    truncated: bool = Field(description="There were more rows than asked for.")
    seconds: float
