"""From the bytes of a request to events of the log, as pure functions.

Every event is decoded whole, although its body is stored as text: what is accepted here can
be read by every later stage. A request is taken as a whole or refused as a whole, and the
refusal names each faulty event and its fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from typing import Any
from uuid import uuid4

import msgspec

from tsunagu.collect.errors import BadRequest, TooLarge
from tsunagu.collect.models import (
    MAX_DEPTH,
    MAX_ID_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_NAME_CHARACTERS,
    Batch,
    Id,
    Message,
    Options,
)
from tsunagu.core import Body, Invalid, Json, NewEvent, encode_body
from tsunagu.core.events import TYPES
from tsunagu.core.times import parse_time
from tsunagu.eventlog import copy_rows

BATCH = "batch"
IMPORT = "import"
MAX_FAULTS_SHOWN = 10

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError)


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: str | None = None


class _Line(Message, rename="camel"):
    """One call as an archive keeps it, with the time at which it was received there."""

    received_at: str | None = None


_message = msgspec.json.Decoder(Message)
_line = msgspec.json.Decoder(_Line)
_batch = msgspec.json.Decoder(Batch)
_keyed = msgspec.json.Decoder(_Keyed)


class _Fault(ValueError):
    """What is wrong with one event."""


def stated_key(raw: bytes) -> str | None:
    """The `writeKey` that a body carries, for clients that send no Authorization header."""
    try:
        return _keyed.decode(raw).write_key
    except _UNREADABLE:
        return None


def read_events(
    call: str, raw: bytes, source: str, received_at: int, *, corrected: bool
) -> list[NewEvent]:
    """The events of one request.

    Args:
        call: `batch`, `import`, or the type of the one event that the body is. What is
            imported happened in the past: each event says when, and the time stands.
        raw: the body after decompression.
        source: where the write key says that the events come from.
        received_at: when the request arrived, in microseconds.
        corrected: shift the events' times by the client's clock skew, which is the receipt
            time less `sentAt`. A workspace whose clock is driven has no skew.

    Raises:
        BadRequest: what is wrong and with which event.
        TooLarge: an event is above the limit.
    """
    if call in (BATCH, IMPORT):
        opened = _open(raw)
        messages, common = opened.batch, opened
    else:
        messages, common = [msgspec.Raw(raw)], Batch([])
    if not messages:
        raise BadRequest("`batch` is empty; send at least one event")
    _refuse_large(call, messages)
    received = received_at if corrected and call != IMPORT else None
    skew = _skew(common.sent_at, received)
    events: list[NewEvent] = []
    faults: list[str] = []
    for index, text in enumerate(messages):
        try:
            message = _message.decode(text)
            if message.options is not None:
                _heed_options(message, message.options)
            if common.context or common.integrations:
                _inherit(message, common)
            kind = message.type if call in (BATCH, IMPORT) else call
            if call == IMPORT and not (message.timestamp or message.original_timestamp):
                raise _Fault("an imported event needs `timestamp`, when it happened")
            own = _skew(message.sent_at, received) if message.sent_at else skew
            events.append(_event(kind, message, source, own))
        except _UNREADABLE as error:
            faults.append(f"{_place(call, index)}: {error}")
    if faults:
        raise BadRequest(_tell(faults, len(messages)))
    return events


def read_line(raw: bytes, source: str) -> NewEvent:
    """One call as a line of a file, by the rules of a call over HTTP.

    A line without a message id is known by its contents; without a time of its own it happened
    when it was sent or received there, else its time is None.

    Raises:
        Invalid: what is wrong with it.
    """
    try:
        if len(raw) > MAX_MESSAGE_BYTES:
            raise _Fault(f"the line has {len(raw)} bytes; one event may have {MAX_MESSAGE_BYTES}")
        line = _line.decode(raw)
        if line.options is not None:
            _heed_options(line, line.options)
        stated = line.timestamp or line.original_timestamp or line.sent_at or line.received_at
        line.timestamp = stated
        if line.message_id in (None, ""):
            line.message_id = f"row-{md5(raw, usedforsecurity=False).hexdigest()}"
        return _event(line.type, line, source, 0)
    except _UNREADABLE as error:
        raise Invalid(str(error)) from None


def rows_of(
    call: str, workspace_id: int, events: Sequence[NewEvent], received_at: int, now: int | None
) -> bytes:
    """The events in the form in which the log takes them.

    Args:
        now: the clock of a driven workspace, None on the wall clock.

    Raises:
        BadRequest: what the database would refuse, and in which event.
    """
    try:
        return copy_rows(workspace_id, events, received_at, now)
    except Invalid:
        faults: list[str] = []
        for index, event in enumerate(events):
            try:
                copy_rows(workspace_id, [event], received_at, now)
            except Invalid as error:
                faults.append(f"{_place(call, index)}: {error}")
        raise BadRequest(_tell(faults, len(events))) from None


def _open(raw: bytes) -> Batch:
    try:
        return _batch.decode(raw)
    except _UNREADABLE as error:
        raise BadRequest(
            f'The body cannot be read: {error}; send {{"batch": [...]}} in JSON'
        ) from None


def _place(call: str, index: int) -> str:
    return f"batch[{index}]" if call in (BATCH, IMPORT) else call


def _tell(faults: Sequence[str], total: int) -> str:
    shown = "; ".join(faults[:MAX_FAULTS_SHOWN])
    more = len(faults) - MAX_FAULTS_SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    return f"{len(faults)} of {total} events cannot be taken, nothing was stored: {shown}{rest}"


def _refuse_large(call: str, messages: Sequence[msgspec.Raw]) -> None:
    for index, text in enumerate(messages):
        size = memoryview(text).nbytes
        if size > MAX_MESSAGE_BYTES:
            raise TooLarge(
                f"{_place(call, index)} has {size} bytes; "
                f"one event may have {MAX_MESSAGE_BYTES}, nothing was stored"
            )


def _skew(sent_at: str | None, received_at: int | None) -> int:
    """Microseconds by which the client's clock is behind; 0 when it cannot be told."""
    if sent_at is None or received_at is None:
        return 0
    try:
        return received_at - parse_time(sent_at)
    except (ValueError, OverflowError):
        raise BadRequest(f"`sentAt` is {sent_at!r}, which is not an ISO 8601 time") from None


def _inherit(message: Message, common: Batch) -> None:
    """A batch's context and integrations hold for each call that does not say otherwise."""
    if common.context:
        message.context = {**common.context, **(message.context or {})}
    if common.integrations:
        message.integrations = {**common.integrations, **(message.integrations or {})}


def _heed_options(message: Message, options: Options) -> None:
    """What an older client says in `options` holds where the call itself says nothing."""
    if options.context:
        message.context = {**options.context, **(message.context or {})}
    if options.integrations:
        message.integrations = {**options.integrations, **(message.integrations or {})}
    message.anonymous_id = message.anonymous_id or options.anonymous_id
    message.timestamp = message.timestamp or options.timestamp


def _event(kind: str | None, message: Message, source: str, skew: int) -> NewEvent:
    if kind not in TYPES:
        said = "is missing" if kind is None else f"is {kind!r}"
        raise _Fault(f"`type` {said}; it is one of {', '.join(TYPES)}")
    user_id = _identifier("userId", message.user_id)
    anonymous_id = _identifier("anonymousId", message.anonymous_id)
    previous_id = group_id = None
    if message.previous_id is not None:
        previous_id = _identifier("previousId", message.previous_id)
    if message.group_id is not None:
        group_id = _identifier("groupId", message.group_id)
    if user_id is None and anonymous_id is None and not _has_external(message.context):
        raise _Fault(
            "`userId` and `anonymousId` are missing; send at least one, or another identifier in "
            "`context.externalIds`"
        )
    if kind == "alias" and (user_id is None or previous_id is None):
        raise _Fault("an alias needs `userId` and `previousId`")
    if kind == "group" and group_id is None:
        raise _Fault("a group needs `groupId`")
    return NewEvent(
        _identifier("messageId", message.message_id) or uuid4().hex,
        kind,
        _name(kind, message),
        user_id,
        anonymous_id,
        _time(message.timestamp or message.original_timestamp, skew),
        source,
        _body(kind, message, previous_id, group_id),
    )


def _has_external(context: Json | None) -> bool:
    """Whether there is an external id, `{"type", "id"}`: with one the others may be missing."""
    listed = (context or {}).get("externalIds")
    return isinstance(listed, list) and any(
        isinstance(item, dict)
        and all(isinstance(item.get(name), str) and item[name] for name in ("type", "id"))
        for item in listed
    )


def _identifier(field: str, value: Id) -> str | None:
    if not value and value != 0:
        return None
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_ID_CHARACTERS:
        raise _Fault(f"`{field}` has {len(text)} characters; at most {MAX_ID_CHARACTERS} are taken")
    return text


def _name(kind: str, message: Message) -> str:
    name = message.event if kind == "track" else message.name
    if kind == "track" and not name:
        raise _Fault("a track needs `event`, the name of what happened")
    if name and len(name) > MAX_NAME_CHARACTERS:
        raise _Fault(f"the name has {len(name)} characters; at most {MAX_NAME_CHARACTERS}")
    return name or ""


def _time(text: str | None, skew: int) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text) + skew
    except (ValueError, OverflowError):
        raise _Fault(f"`timestamp` is {text!r}, which is not an ISO 8601 time") from None


def _body(kind: str, message: Message, previous_id: str | None, group_id: str | None) -> bytes:
    properties = message.properties or {}
    traits = message.traits or {}
    context = message.context or {}
    if kind == "identify" and "traits" in context:
        context, traits = _lift_traits(context, traits)
    if kind in ("page", "screen"):
        properties = _named(message, properties)
    try:
        if kind == "identify":
            # the fold keeps traits in MessagePack, which ends at 64 bits where JSON does not
            msgspec.msgpack.encode(traits)
        body = encode_body(
            Body(properties, traits, context, previous_id, group_id, message.integrations or {})
        )
    except OverflowError:
        raise _Fault("a number has more than 64 bits; send it as a text") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deep(msgspec.json.decode(body)):
        raise _Fault(f"objects and lists are nested deeper than {MAX_DEPTH} levels")
    return body


def _deep(value: Any, room: int = MAX_DEPTH) -> bool:
    """Whether lists and objects are nested deeper than every later reader goes."""
    if isinstance(value, dict):
        return room == 0 or any(_deep(inner, room - 1) for inner in value.values())
    return isinstance(value, list) and (room == 0 or any(_deep(i, room - 1) for i in value))


def _lift_traits(context: Json, traits: Json) -> tuple[Json, Json]:
    """RudderStack's clients put an identify's traits into its context."""
    told = context["traits"]
    if not isinstance(told, dict):
        return context, traits
    rest = {name: value for name, value in context.items() if name != "traits"}
    return rest, {**told, **traits}


def _named(message: Message, properties: Json) -> Json:
    """A page's name and category are properties too, as Segment's clients send them."""
    told = {"name": message.name, "category": message.category}
    return {name: value for name, value in told.items() if value} | properties
