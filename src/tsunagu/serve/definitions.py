"""Definitions: documents of each kind, checked as a whole before they are published.

A journey names an audience and messages, so what is published must fit what is there. The
pipeline reads the published ones as one plan (what to count) and one book (what to do).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Cursor
from pydantic import BaseModel, ValidationError

from tsunagu.access import Definition, all_versions, fingerprint, publish, published
from tsunagu.collect import plan as tracking
from tsunagu.collect.plan import PLAN_KIND, PLAN_NAME, SCHEMA_KIND, EventSchema, PlanBook
from tsunagu.content import Message, check_message
from tsunagu.core import Invalid, Json
from tsunagu.core.rules import parse_rule
from tsunagu.decisions import Policy
from tsunagu.eventlog import RETENTION, RETENTION_NAME, Retention
from tsunagu.identity import BUILT_IN, IDENTIFIER, IdentifierKind, Kinds, check_kind_name
from tsunagu.identity.households import HOUSEHOLD, HOUSEHOLD_NAME, HouseholdRules
from tsunagu.identity.linking import Model
from tsunagu.identity.matching import MATCH_MODEL, MATCHING, Matching
from tsunagu.journeys import Book, Journey, Send
from tsunagu.profiles import (
    SURVIVORSHIP,
    SURVIVORSHIP_NAME,
    Audience,
    Plan,
    SurvivorshipDocument,
    make_plan,
    survivorship_of,
)

Row = tuple[Any, ...]

KINDS: Mapping[str, type[BaseModel]] = {
    "audience": Audience,
    "message": Message,
    "policy": Policy,
    "journey": Journey,
    PLAN_KIND: tracking.TrackingPlan,
    SCHEMA_KIND: EventSchema,
    RETENTION: Retention,
    IDENTIFIER: IdentifierKind,
    SURVIVORSHIP: SurvivorshipDocument,
    HOUSEHOLD: HouseholdRules,
    MATCHING: Matching,
    MATCH_MODEL: Model,
}
POLICY_NAME = "contact"


@dataclass(frozen=True)
class Definitions:
    """All that a workspace has published, ready for the pipeline.

    `tracking` is what it announced about its events; None when it announced nothing. `kinds`
    are its kinds of identifiers.
    """

    plan: Plan
    book: Book
    fingerprint: str
    tracking: PlanBook | None = None
    kinds: Kinds = BUILT_IN


def check(kind: str, document: Json) -> BaseModel:
    """The validated document.

    Raises:
        Invalid: the kind is unknown or the document is wrong; the message names each place.
    """
    model = KINDS.get(kind)
    if model is None:
        raise Invalid(f"There is no kind {kind!r}; the kinds are: {', '.join(KINDS)}.")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors()
        )
        raise Invalid(f"This is not a valid {kind}. {places}") from error


def publish_document(
    cursor: Cursor[Row], workspace_id: int, kind: str, name: str, document: Json, by: str
) -> int:
    """Check a document against its kind and what it names, and publish it as a new version.

    Raises:
        Invalid: as `check`, it names an audience or message that is not published, or a
            message's words would not do for every customer.
    """
    checked = check(kind, document)
    if kind == "policy" and name != POLICY_NAME:
        raise Invalid(f"The contact policy of a workspace is called {POLICY_NAME!r}.")
    if kind == RETENTION and name != RETENTION_NAME:
        raise Invalid(f"The retention of a workspace's events is called {RETENTION_NAME!r}.")
    if kind == PLAN_KIND and name != PLAN_NAME:
        raise Invalid(f"The tracking plan of a workspace is called {PLAN_NAME!r}.")
    if kind == SURVIVORSHIP and name != SURVIVORSHIP_NAME:
        raise Invalid(f"The survivorship of a workspace is called {SURVIVORSHIP_NAME!r}.")
    if kind == HOUSEHOLD and name != HOUSEHOLD_NAME:
        raise Invalid(f"The rules of a workspace's households are called {HOUSEHOLD_NAME!r}.")
    if kind == IDENTIFIER:
        check_kind_name(name)
    if isinstance(checked, EventSchema):
        _check_announced_once(cursor, workspace_id, name, checked)
    if isinstance(checked, Journey):
        _check_names(cursor, workspace_id, checked)
    if isinstance(checked, Message):
        _check_words(checked)
    plain = msgspec.json.decode(checked.model_dump_json(by_alias=True, exclude_none=True))
    return publish(cursor, workspace_id, kind, name, plain, by)


def _check_words(message: Message) -> None:
    problems = [str(p) for p in check_message(message) if p.severity == "error"]
    if problems:
        raise Invalid("The message cannot be published yet.\n" + "\n".join(problems))


def _check_announced_once(
    cursor: Cursor[Row], workspace_id: int, name: str, schema: EventSchema
) -> None:
    """One version of an event has one schema, whatever its document is called."""
    for other in published(cursor, workspace_id):
        if other.kind == SCHEMA_KIND and other.name != name:
            known = EventSchema.model_validate(other.document)
            if (known.key, known.version) == (schema.key, schema.version):
                raise Invalid(
                    f"Version {schema.version} of {schema.called()!r} is described by "
                    f"{other.name!r} already; edit that, or give this one another version."
                )


def _check_names(cursor: Cursor[Row], workspace_id: int, journey: Journey) -> None:
    known = {
        (d.kind, d.name) for d in all_versions(cursor, workspace_id) if d.status == "published"
    }
    wanted = [("audience", journey.entry.audience)]
    wanted += [("message", n.message) for n in journey.nodes.values() if isinstance(n, Send)]
    for kind, name in wanted:
        if (kind, name) not in known:
            there = ", ".join(sorted(n for k, n in known if k == kind)) or "none"
            raise Invalid(f"The {kind} {name!r} is not published. Published: {there}.")


def load(
    cursor: Cursor[Row], workspace_id: int, zone: ZoneInfo, held: Definitions | None
) -> Definitions:
    """What the workspace has published now; `held` itself when nothing has changed."""
    mark = fingerprint(cursor, workspace_id)
    if held is not None and held.fingerprint == mark:
        return held
    found = all_versions(cursor, workspace_id)
    current = [d for d in found if d.status == "published"]
    rules = {
        d.name: parse_rule(Audience.model_validate(d.document).rule)
        for d in current
        if d.kind == "audience"
    }
    about_events = tracking.make_book(((d.kind, d.name, d.document) for d in current), zone)
    kinds = {
        d.name: IdentifierKind.model_validate(d.document) for d in current if d.kind == IDENTIFIER
    }
    book = _book(found, current)
    return Definitions(
        make_plan(rules, zone, survivorship_of(current)),
        book,
        mark,
        about_events,
        Kinds(kinds) if kinds else BUILT_IN,
    )


def _book(found: list[Definition], current: list[Definition]) -> Book:
    journeys = {
        (d.name, d.version): Journey.model_validate(d.document)
        for d in found
        if d.kind == "journey" and d.status != "draft"
    }
    published = {d.name: d.version for d in current if d.kind == "journey"}
    messages = {
        d.name: (d.version, Message.model_validate(d.document))
        for d in current
        if d.kind == "message"
    }
    policy = next((Policy.model_validate(d.document) for d in current if d.kind == "policy"), None)
    return Book(journeys, published, messages, policy or Policy())
