"""Events as lines of PostgreSQL's `COPY`, checked so that the server has nothing to refuse.

One bad line fails a whole `COPY` and with it everybody in a group commit; so what PostgreSQL
does not take (U+0000, broken UTF-8, times outside any calendar) is refused here, by event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tsunagu.core import Invalid, NewEvent
from tsunagu.core.times import SECOND, moment, parse_time

_EARLIEST = parse_time("1900-01-01T00:00:00Z")
_LATEST = parse_time("2200-01-01T00:00:00Z")
# Identifiers stand in index entries, whose size PostgreSQL limits.
_LONGEST_NAME = 1000
_SPECIAL = re.compile(r"[\\\n\r\t\x00]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
# An escaped U+0000, not a backslash followed by "u0000".
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def copy_rows(
    workspace_id: int, events: Sequence[NewEvent], received_at: int, now: int | None
) -> bytes:
    """The lines for `COPY_INBOX`, one an event, each ended by a newline.

    Args:
        now: the clock of a driven workspace; None on the wall clock, where an event is known
            when it is received, whatever its sender's clock says.

    Raises:
        Invalid: an event holds what PostgreSQL cannot store; the message names it.
    """
    received = _time(received_at)
    head = f"{workspace_id}\t{received}\t"
    source, source_text = None, ""
    rows: list[bytes] = []
    for event in events:
        if event.source is not source:
            source, source_text = event.source, _text(event, "source", event.source)
        known_at = event.known_at
        if known_at is None:
            known_at = received_at if now is None else _known_at(event, now)
        known = received if known_at == received_at else _checked_time(event, known_at)
        at = known_at if event.at is None else event.at
        happened = known if at == known_at else _checked_time(event, at)
        line = f"{head}{known}\t{_names(event)}\t{happened}\t{source_text}\t"
        try:
            rows.append(line.encode() + _body(event))
        except UnicodeEncodeError:
            raise _refused(event, "a text is not valid Unicode") from None
    rows.append(b"")
    return b"\n".join(rows)


def _known_at(event: NewEvent, now: int) -> int:
    return now if event.at is None else max(event.at, now)


def _names(event: NewEvent) -> str:
    """Message id, type, name and identifiers; nearly always there is nothing to escape."""
    user_id, anonymous_id = event.user_id or "", event.anonymous_id or ""
    plain = f"{event.message_id}{event.type}{event.name}{user_id}{anonymous_id}"
    if len(plain) <= _LONGEST_NAME and "\\" not in plain and plain.isprintable():
        user = "\\N" if event.user_id is None else user_id
        anonymous = "\\N" if event.anonymous_id is None else anonymous_id
        return f"{event.message_id}\t{event.type}\t{event.name}\t{user}\t{anonymous}"
    return "\t".join(
        (
            _text(event, "message_id", event.message_id),
            _text(event, "type", event.type),
            _text(event, "name", event.name),
            _optional(event, "user_id", event.user_id),
            _optional(event, "anonymous_id", event.anonymous_id),
        )
    )


def _body(event: NewEvent) -> bytes:
    body = event.body
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            raise _refused(event, "the body is not UTF-8") from None
    if b"\x00" in body or (b"\\u0000" in body and _NUL.search(body)):
        raise _refused(event, "the body holds the character U+0000")
    if b"\\" in body:
        body = body.replace(b"\\", b"\\\\")
    if b"\n" in body or b"\r" in body or b"\t" in body:
        body = body.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t")
    return body


def _text(event: NewEvent, field: str, text: str) -> str:
    if len(text) > _LONGEST_NAME:
        raise _refused(event, f"{field} is longer than {_LONGEST_NAME} characters")
    if "\x00" in text:
        raise _refused(event, f"{field} holds the character U+0000")
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _optional(event: NewEvent, field: str, text: str | None) -> str:
    return "\\N" if text is None else _text(event, field, text)


def _checked_time(event: NewEvent, at: int) -> str:
    if not _EARLIEST <= at < _LATEST:
        raise _refused(event, "a time lies outside the years 1900 to 2199")
    return _time(at)


def _time(at: int) -> str:
    seconds, rest = divmod(at, SECOND)
    return f"{_second(seconds)}.{rest:06}+00"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return moment(seconds * SECOND).strftime("%Y-%m-%d %H:%M:%S")


def _refused(event: NewEvent, reason: str) -> Invalid:
    return Invalid(f"Event {event.message_id[:100]!r} cannot be stored: {reason}.")
