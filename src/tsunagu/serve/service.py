"""The composed reads: what several rooms know of one customer or journey, in one transaction."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor

from tsunagu import identity, journeys, profiles, sending
from tsunagu.access import Definition, all_versions, business_now, workspace_by_id
from tsunagu.core import NotFound
from tsunagu.core.times import iso, zone
from tsunagu.decisions import Verdict, check
from tsunagu.journeys import Book
from tsunagu.profiles import CustomerView, State
from tsunagu.serve import models
from tsunagu.serve.definitions import Definitions, load

Row = tuple[Any, ...]

CUSTOMER_ID = "customer_id"
MAX_LISTED = 50
_LARGEST_ID = 2**63 - 1


def find_customer(cursor: Cursor[Row], workspace_id: int, kind: str, value: str) -> int:
    """The customer that an identifier, or the id of a customer, leads to now.

    Raises:
        NotFound: it leads to nobody.
    """
    found = None
    if kind == CUSTOMER_ID:
        if value.isascii() and value.isdecimal() and len(value) <= 19 and int(value) <= _LARGEST_ID:
            found = profiles.surviving_customer(cursor, workspace_id, int(value))
    elif "\x00" not in kind + value:
        wanted = value.strip().lower() if kind == identity.EMAIL else value
        found = identity.current_customer(cursor, workspace_id, kind, wanted)
    if found is None:
        raise NotFound(f"No customer of this workspace has the {kind} {value!r}.")
    return found


def read_profile(
    cursor: Cursor[Row],
    workspace_id: int,
    customer_id: int,
    held: Definitions | None,
    *,
    events: int,
    before: int | None,
) -> tuple[models.Profile, Definitions]:
    """Everything about one customer, and the definitions that policy was asked under.

    Args:
        held: the definitions that an earlier call returned; read again only if changed.
        events: how many of the latest events.
        before: only events that stand before this position of the log.

    Raises:
        NotFound: the customer has no profile yet.
    """
    view = profiles.customer_view(cursor, workspace_id, customer_id)
    state = profiles.state_of(cursor, workspace_id, customer_id)
    if view is None or state is None:
        raise NotFound(f"The customer {customer_id} has no profile yet; ask again in a moment.")
    workspace = workspace_by_id(cursor, workspace_id)
    definitions = load(cursor, workspace_id, zone(workspace.zone), held)
    ids = view.customer_ids
    sends = sending.sends_of(cursor, workspace_id, ids, limit=MAX_LISTED)
    refusals = sending.refusals_of(cursor, workspace_id, ids, limit=MAX_LISTED)
    now = business_now(cursor, workspace_id)
    entries = profiles.timeline(cursor, workspace_id, ids, limit=events, before=before)
    enrolments = journeys.enrolments_of(cursor, workspace_id, ids, limit=MAX_LISTED)
    profile = models.Profile(
        customer_id=str(customer_id),
        merged_ids=[str(former) for former in ids[1:]],
        identifiers=[models.Identifier(kind=k, value=v) for k, v in view.identifiers],
        traits=view.traits,
        provenance={
            whence.trait: models.TraitProvenance.model_validate(whence)
            for whence in profiles.provenance_of(cursor, workspace_id, customer_id)
        },
        audiences=[models.AudienceMembership.model_validate(m) for m in view.audiences],
        consents=[models.Consent.model_validate(c) for c in view.consents],
        suppressions=[models.Suppressed.model_validate(s) for s in view.suppressions],
        scores=[models.Score.model_validate(s) for s in view.scores],
        first_seen=iso(view.first_seen),
        last_seen=iso(view.last_seen),
        event_count=view.events,
        events=[models.TimelineEvent.model_validate(e) for e in entries],
        journeys=[models.Enrolment.model_validate(e) for e in enrolments],
        contact=models.Contact(
            sends=[models.Send.model_validate(s) for s in sends],
            refusals=[models.Refusal.model_validate(r) for r in refusals],
            now=policy_answers(definitions.book, state, view, now),
        ),
    )
    return profile, definitions


def policy_answers(
    book: Book, state: State, view: CustomerView, now: int
) -> list[models.PolicyAnswer]:
    """What the contact policy would say of each published message at `now`."""
    answers: list[models.PolicyAnswer] = []
    for name, (_, message) in sorted(book.messages.items()):
        verdict = check(book.policy, state, message.channel, message.purpose, now)
        blocked = next((s for s in view.suppressions if s.channel == message.channel), None)
        if blocked is not None and verdict.kind != "refused":
            verdict = Verdict("refused", "suppressed", f"{blocked.address}: {blocked.reason}")
        answers.append(
            models.PolicyAnswer(
                message=name,
                channel=message.channel,
                purpose=message.purpose,
                answer=verdict.kind,
                reason=verdict.reason,
                detail=verdict.detail,
                until=iso(verdict.until) if verdict.until else None,
            )
        )
    return answers


def read_journey(cursor: Cursor[Row], workspace_id: int, name: str) -> models.JourneyFigures:
    """A journey's document in force, or the last one that was, with where everybody is.

    Raises:
        NotFound: no journey of this name was ever published.
    """
    document = current_version(cursor, workspace_id, "journey", name)
    nodes = journeys.node_counts(cursor, workspace_id, name)
    sends = sending.send_counts(cursor, workspace_id, name)
    return models.JourneyFigures(
        name=name,
        version=document.version,
        status=document.status,
        document=document.document,
        nodes=[models.NodeFigures.model_validate(n) for n in nodes],
        messages=[models.MessageFigures.model_validate(s) for s in sends],
    )


def current_version(
    cursor: Cursor[Row], workspace_id: int, kind: str, name: str, version: int | None = None
) -> Definition:
    """A version of a document: the one asked for, else the published one, else the latest.

    Raises:
        NotFound: there is none.
    """
    found = [
        d
        for d in all_versions(cursor, workspace_id)
        if (d.kind, d.name) == (kind, name) and version in (None, d.version)
    ]
    if not found:
        wanted = f"The {kind} {name!r}" + ("" if version is None else f" in version {version}")
        raise NotFound(f"{wanted} does not exist in this workspace.")
    return max(found, key=lambda d: (d.status == "published", d.version))
