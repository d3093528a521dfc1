"""The end of a message: ledger, refusals, suppressions and its event, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor

from tsunagu.core import Body, NewEvent, encode_body, stable_key
from tsunagu.core.events import (
    MESSAGE_FAILED,
    MESSAGE_REFUSED,
    MESSAGE_SENT,
    MESSAGE_UNKNOWN,
)
from tsunagu.eventlog import append
from tsunagu.sending import queries
from tsunagu.sending.models import Ending, State
from tsunagu.storage import notify

Row = tuple[Any, ...]

_NAMES: dict[State, str] = {
    "sent": MESSAGE_SENT,
    "failed": MESSAGE_FAILED,
    "unknown": MESSAGE_UNKNOWN,
    "refused": MESSAGE_REFUSED,
    "expired": MESSAGE_REFUSED,
}


def conclude(
    cursor: Cursor[Row],
    workspace_id: int,
    sender: int,
    endings: Sequence[Ending],
    now: int,
    received_at: int,
) -> list[Ending]:
    """Record the ends of messages; returns those that this sender still held.

    Nothing may follow in the transaction: appending to the log holds the log's lock until the
    commit.
    """
    if not endings:
        return []
    ended = queries.end(cursor, workspace_id, sender, endings, now)
    mine = [e for e in endings if e.identity.send_id in ended]
    if not mine:
        return []
    queries.keep_refusals(cursor, workspace_id, mine, now)
    queries.suppress(cursor, workspace_id, mine, now)
    notify(cursor, "tsunagu_done", workspace_id)
    events = [result_event(ending, now) for ending in mine]
    append(cursor, workspace_id, events, received_at=received_at, now=now)
    return mine


def result_event(ending: Ending, now: int) -> NewEvent:
    """The event that tells what became of a send; a repeat of it has the same message id."""
    about = ending.identity
    known_as = about.identifier if about.identifier_kind == "user_id" else None
    properties = {
        "send_id": about.send_id,
        "message": about.message,
        "journey": about.journey,
        "node": about.node,
        "channel": about.channel,
        "purpose": about.purpose,
    }
    if ending.reason:
        properties |= {"reason": ending.reason, "detail": ending.detail}
    return NewEvent(
        message_id=stable_key(ending.state, about.send_id),
        type="track",
        name=_NAMES[ending.state],
        user_id=known_as,
        anonymous_id=None if known_as is not None else about.identifier,
        at=now,
        source=about.channel,
        body=encode_body(Body(properties=properties)),
    )
