"""Who is one person, as people decide it: customers merged, kept apart and parted.

A decision is an event in the log; the pipeline does it. `identity_preview` tells beforehand what
it would change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from psycopg import Cursor

from tsunagu import access, eventlog, identity
from tsunagu.core import Body, Invalid, NewEvent, NotFound, encode_body
from tsunagu.core.events import (
    DECISION_SOURCE,
    IDENTITY_KEPT_APART,
    IDENTITY_MERGED,
    IDENTITY_PARTED,
)
from tsunagu.core.times import wall
from tsunagu.identity import Decision, Identifier, as_properties
from tsunagu.storage import Row

OPERATOR = "operator"


@dataclass(frozen=True)
class Holding:
    """A customer with the identifiers that lead to it, the oldest first."""

    customer: int
    identifiers: tuple[Identifier, ...]


def holding(cursor: Cursor[Row], workspace_id: int, identifier: Identifier) -> Holding:
    """Who owns an identifier.

    Raises:
        NotFound: nobody does.
    """
    customer = identity.current_customer(cursor, workspace_id, *identifier)
    if customer is None:
        raise NotFound(f"Nobody has the {identifier[0]} {identifier[1]!r}.")
    held = identity.owners_of(cursor, workspace_id, customer)
    return Holding(customer, tuple(one for one, _ in held))


def merge(
    cursor: Cursor[Row], workspace_id: int, a: Identifier, b: Identifier, by: str, reason: str
) -> str:
    """Decide that the owners of two identifiers are one person; the decision's message id.

    Raises:
        NotFound: nobody owns one of them.
        Invalid: one customer owns both.
    """
    one, other = holding(cursor, workspace_id, a), holding(cursor, workspace_id, b)
    if one.customer == other.customer:
        raise Invalid("Both identifiers lead to one customer already.")
    return enter(cursor, workspace_id, Decision(IDENTITY_MERGED, (a,), b, by, reason))


def keep_apart(
    cursor: Cursor[Row], workspace_id: int, a: Identifier, b: Identifier, by: str, reason: str
) -> str:
    """Decide that the owners of two identifiers are two people; the decision's message id.

    Raises:
        NotFound: nobody owns one of them.
        Invalid: one customer owns both, and would have to be parted.
    """
    one, other = holding(cursor, workspace_id, a), holding(cursor, workspace_id, b)
    if one.customer == other.customer:
        raise Invalid("One customer owns both identifiers; part that customer instead.")
    return enter(cursor, workspace_id, Decision(IDENTITY_KEPT_APART, (a,), b, by, reason))


def part(
    cursor: Cursor[Row],
    workspace_id: int,
    leaving: Sequence[Identifier],
    by: str,
    reason: str,
) -> str:
    """Decide that some identifiers of a customer are another person's; the message id.

    Raises:
        NotFound: nobody owns one of them.
        Invalid: they have several owners, or none would stay.
    """
    _, stays = check_part(cursor, workspace_id, leaving)
    decision = Decision(IDENTITY_PARTED, tuple(leaving), stays, by, reason)
    return enter(cursor, workspace_id, decision)


def check_part(
    cursor: Cursor[Row], workspace_id: int, leaving: Sequence[Identifier]
) -> tuple[Holding, Identifier]:
    """The customer whom these identifiers may leave, and one identifier that stays.

    Raises:
        NotFound: nobody owns one of them.
        Invalid: they have several owners, or none would stay.
    """
    if not leaving or len(leaving) > identity.MOST_PARTED:
        raise Invalid(f"Name 1 to {identity.MOST_PARTED} identifiers that leave.")
    whole = holding(cursor, workspace_id, leaving[0])
    missing = [one for one in leaving if one not in whole.identifiers]
    if missing:
        kind, value = missing[0]
        raise Invalid(f"The {kind} {value!r} does not belong to the same customer as the first.")
    stays = next((one for one in whole.identifiers if one not in leaving), None)
    if stays is None:
        raise Invalid("No identifier would stay; there is nothing to part.")
    return whole, stays


def enter(cursor: Cursor[Row], workspace_id: int, decision: Decision) -> str:
    """Put a decision into the log, and into the audit; its message id.

    The cursor is of the role `pipeline`. Call it last in the transaction, as `eventlog.append`.
    """
    message_id = str(uuid4())
    workspace = access.workspace_by_id(cursor, workspace_id)
    now = workspace.clock_now or wall()
    event = NewEvent(
        message_id=message_id,
        type="track",
        name=decision.name,
        user_id=None,
        anonymous_id=None,
        at=now,
        source=DECISION_SOURCE,
        body=encode_body(Body(properties=as_properties(decision))),
        known_at=now,
    )
    told = as_properties(decision)
    access.audit(cursor, workspace_id, decision.by, decision.name, message_id, told)
    eventlog.append(cursor, workspace_id, [event], received_at=wall(), now=workspace.clock_now)
    return message_id
