"""Dead letters: events put aside whole with the reason, and how they enter the log again.

A letter is open, replayed or discarded. It leaves `open` in the transaction that puts the
mended event into the log, under a message id made from the letter's number: so a replay is no
repeat of the original, and however often it is asked for, the event is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Event, Json, NewEvent, decode_body, encode_body, stable_key
from tsunagu.core.times import iso, moment
from tsunagu.eventlog.batches import leave_out
from tsunagu.storage import Row

State = Literal["open", "replayed", "discarded"]
LONGEST_REASON = 2000
REPLAY_CONTEXT = "replayOf"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event or a row that was put aside. `position` is None for what never was in the log."""

    letter_id: int
    position: int | None
    message_id: str
    type: str
    name: str
    source: str
    stage: str
    reason: str
    event: Json
    at: int
    state: State
    replayed_as: str | None
    settled_by: str | None

    @property
    def was_event(self) -> bool:
        """Whether it had the shape of an event; a row of a file had not."""
        return "body" in self.event


SELECT_LETTERS: LiteralString = """
select letter_id, position, message_id, type, name, source, stage, reason, event,
    (date_part('epoch', at) * 1000000)::bigint, state, replayed_as, settled_by
from dead_letters
"""
_TAKE_OPEN: LiteralString = (
    SELECT_LETTERS + "where workspace_id = %s and letter_id = %s and state = 'open' for update"
)


def bury(
    cursor: Cursor[Row],
    workspace_id: int,
    events: Sequence[Event],
    stage: str,
    reasons: str | Sequence[str],
) -> None:
    """Put events into dead letters whole and leave them out of profiles and lake.

    Args:
        reasons: one for all of them, or one for each.
    """
    told = [reasons] * len(events) if isinstance(reasons, str) else reasons
    cursor.execute(
        """
        insert into dead_letters (
            workspace_id, position, message_id, type, name, source, stage, reason, event, at
        )
        select %(workspace)s, t.position, t.message_id, t.type, t.name, t.source, %(stage)s,
            t.reason, t.event::jsonb, t.at
        from unnest(
            %(positions)s::bigint[], %(messages)s::text[], %(types)s::text[], %(names)s::text[],
            %(sources)s::text[], %(reasons)s::text[], %(events)s::text[], %(ats)s::timestamptz[]
        ) as t (position, message_id, type, name, source, reason, event, at)
        on conflict do nothing
        """,
        {
            "workspace": workspace_id,
            "stage": stage,
            "positions": [event.position for event in events],
            "messages": [event.message_id for event in events],
            "types": [event.type for event in events],
            "names": [event.name for event in events],
            "sources": [event.source for event in events],
            "reasons": [reason.replace("\x00", "\ufffd")[:LONGEST_REASON] for reason in told],
            "events": [msgspec.json.encode(_readable(event)).decode() for event in events],
            "ats": [moment(event.known_at) for event in events],
        },
    )
    leave_out(cursor, workspace_id, [event.position for event in events], "dead")


def _readable(event: Event) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name != "body"}
    return {**fields, "body": event.body.decode("utf-8", "replace")}


def call_of(letter: DeadLetter) -> Json:
    """The letter as the call that a client would send, for people to read and mend.

    What had not the shape of an event comes as it was put aside.
    """
    told = letter.event
    if not letter.was_event:
        return told
    call: Json = {"type": letter.type}
    if letter.name:
        call["event" if letter.type == "track" else "name"] = letter.name
    for name, field in (("userId", "user_id"), ("anonymousId", "anonymous_id")):
        if told.get(field) is not None:
            call[name] = told[field]
    if isinstance(told.get("at"), int):
        call["timestamp"] = iso(told["at"])
    try:
        body = msgspec.json.decode(told["body"])
    except msgspec.DecodeError:
        body = {"body": told["body"]}
    return call | body if isinstance(body, dict) else call | {"body": body}


def event_of(letter: DeadLetter) -> NewEvent:
    """The event of a letter as it came, ready to enter the log again.

    Raises:
        msgspec.DecodeError: its body cannot be read; it needs mending first.
    """
    told = letter.event
    return NewEvent(
        replay_id(letter),
        letter.type,
        letter.name,
        told.get("user_id"),
        told.get("anonymous_id"),
        told.get("at"),
        letter.source or str(told.get("source") or "replay"),
        linked(letter, str(told["body"]).encode()),
    )


def is_readable(letter: DeadLetter) -> bool:
    """Whether the body of an event that was put aside can be read."""
    try:
        decode_body(str(letter.event["body"]))
    except msgspec.DecodeError:
        return False
    return True


def replay_id(letter: DeadLetter) -> str:
    """The message id under which a letter enters the log again."""
    return f"replay-{stable_key('dead letter', letter.letter_id, letter.message_id)}"


def linked(letter: DeadLetter, body: bytes) -> bytes:
    """A body with the link back to the letter in its context.

    Raises:
        msgspec.DecodeError: the body cannot be read.
    """
    read = decode_body(body)
    link = {"letter": letter.letter_id, "messageId": letter.message_id}
    read.context = {**read.context, REPLAY_CONTEXT: link}
    return encode_body(read)


def take_open(cursor: Cursor[Row], workspace_id: int, letter_id: int) -> DeadLetter | None:
    """The letter, locked until the transaction ends, if it is still open."""
    row = cursor.execute(_TAKE_OPEN, (workspace_id, letter_id)).fetchone()
    return None if row is None else DeadLetter(*row)


def mark_replayed(
    cursor: Cursor[Row], workspace_id: int, letters: Sequence[DeadLetter], by: str
) -> None:
    """Note under which message ids letters entered the log again."""
    cursor.execute(
        """
        update dead_letters as d
        set state = 'replayed', replayed_as = t.replayed_as, settled_by = %s,
            settled_at = clock_timestamp()
        from unnest(%s::bigint[], %s::text[]) as t (letter_id, replayed_as)
        where d.workspace_id = %s and d.letter_id = t.letter_id and d.state = 'open'
        """,
        (
            by,
            [letter.letter_id for letter in letters],
            [replay_id(letter) for letter in letters],
            workspace_id,
        ),
    )


def discard(cursor: Cursor[Row], workspace_id: int, letter_ids: Sequence[int], by: str) -> int:
    """Say that open letters will not be replayed; returns how many. They stay readable."""
    done = cursor.execute(
        """
        update dead_letters
        set state = 'discarded', settled_by = %s, settled_at = clock_timestamp()
        where workspace_id = %s and letter_id = any(%s) and state = 'open'
        """,
        (by, workspace_id, list(letter_ids)),
    )
    return done.rowcount


def reopen(cursor: Cursor[Row], workspace_id: int, letter_id: int) -> bool:
    """Take back that a letter was discarded; False when it was not."""
    done = cursor.execute(
        """
        update dead_letters set state = 'open', settled_by = null, settled_at = null
        where workspace_id = %s and letter_id = %s and state = 'discarded'
        """,
        (workspace_id, letter_id),
    )
    return done.rowcount > 0


def forget_letters(cursor: Cursor[Row], workspace_id: int, before: int, most: int) -> int:
    """Delete the oldest `most` letters that were put aside before a time, whatever their state."""
    done = cursor.execute(
        """
        delete from dead_letters
        where workspace_id = %(workspace)s and letter_id in (
            select letter_id from dead_letters
            where workspace_id = %(workspace)s
            order by letter_id
            limit %(most)s
        ) and put_at < %(before)s
        """,
        {"workspace": workspace_id, "before": moment(before), "most": most},
    )
    return done.rowcount
