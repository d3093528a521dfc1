"""The send ledger: each message that policy allowed takes one row, for ever, and one in the
outbox; each that it refused leaves its reason.

Both are written in the transaction that moves the journey. `send_key` is unique: a second row
for the same message of the same enrolment is an error, never a second mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Json, stable_id
from tsunagu.storage import stage

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Saying:
    """One message that is to be said, or was refused, at one node of one enrolment.

    `reason` is empty for what is allowed. `traits` are the customer's as known at the
    decision: what the message is rendered from. Times are microseconds.
    """

    send_key: str
    customer_id: int
    enrolment_id: int
    journey: str
    node: str
    message: str
    message_version: int
    channel: str
    purpose: str
    address: str
    traits: Json
    expires_at: int
    at: int
    position: int
    reason: str = ""
    detail: str = ""


_SEND_COLUMNS = {
    "send_id": "int8",
    "send_key": "text",
    "customer_id": "int8",
    "enrolment_id": "int8",
    "journey": "text",
    "node": "text",
    "message": "text",
    "message_version": "int4",
    "channel": "text",
    "purpose": "text",
    "address": "text",
    "traits": "text",
    "expires_at": "int8",
    "at": "int8",
    "position": "int8",
}

_LEDGER: LiteralString = """
insert into send_ledger (
    workspace_id, send_id, send_key, customer_id, enrolment_id, journey, node, message,
    message_version, channel, purpose, address, decided_at, decided_position
)
select
    %s, send_id, send_key, customer_id, enrolment_id, journey, node, message,
    message_version, channel, purpose, address,
    timestamptz 'epoch' + at * interval '1 microsecond', position
from sends_in
"""

_OUTBOX: LiteralString = """
insert into outbox (workspace_id, send_id, not_before, expires_at, data, decided_wall)
select
    c.workspace_id, s.send_id,
    timestamptz 'epoch' + s.at * interval '1 microsecond',
    timestamptz 'epoch' + s.expires_at * interval '1 microsecond',
    jsonb_build_object(
        'traits', s.traits::jsonb,
        'identifier', jsonb_build_object('kind', c.first_kind, 'value', c.first_value)
    ),
    clock_timestamp()
from sends_in as s
join customers as c on c.workspace_id = %s and c.customer_id = s.customer_id
"""


def send_id(workspace_id: int, send_key: str) -> int:
    """The number of a send; it follows from its key, so a retry has the same."""
    return stable_id("send", workspace_id, send_key)


def record(cursor: Cursor[Row], workspace_id: int, sayings: Sequence[Saying]) -> None:
    """Queue what is allowed and keep the reasons of what is refused."""
    allowed = [s for s in sayings if not s.reason]
    refused = [s for s in sayings if s.reason]
    if allowed:
        rows = (
            tuple(_value(saying, name, workspace_id) for name in _SEND_COLUMNS)
            for saying in allowed
        )
        stage(cursor, "sends_in", _SEND_COLUMNS, rows)
        cursor.execute(_LEDGER, (workspace_id,))
        cursor.execute(_OUTBOX, (workspace_id,))
    if refused:
        _refuse(cursor, workspace_id, refused)


def _value(saying: Saying, column: str, workspace_id: int) -> Any:
    if column == "send_id":
        return send_id(workspace_id, saying.send_key)
    if column == "traits":
        return msgspec.json.encode(saying.traits).decode()
    return getattr(saying, column)


_REFUSAL_COLUMNS = {
    "send_key": "text",
    "customer_id": "int8",
    "enrolment_id": "int8",
    "journey": "text",
    "node": "text",
    "message": "text",
    "reason": "text",
    "detail": "text",
    "at": "int8",
    "position": "int8",
}


def _refuse(cursor: Cursor[Row], workspace_id: int, refused: Sequence[Saying]) -> None:
    rows = (tuple(getattr(saying, name) for name in _REFUSAL_COLUMNS) for saying in refused)
    stage(cursor, "refusals_in", _REFUSAL_COLUMNS, rows)
    cursor.execute(
        """
        insert into send_refusals (
            workspace_id, send_key, customer_id, enrolment_id, journey, node, message,
            reason, detail, at, position
        )
        select
            %s, send_key, customer_id, enrolment_id, journey, node, message, reason, detail,
            timestamptz 'epoch' + at * interval '1 microsecond', position
        from refusals_in
        """,
        (workspace_id,),
    )
