"""The local mailbox's store: every mail that arrived, in the order of arrival.

SQLite in write-ahead mode: a mail that was answered with 250 survives a killed process, and
the console reads while mails arrive. Nothing is ever dropped as a repeat, because the box is
where a second copy would show.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from tsunagu.channels.email.queries import (
    COUNT,
    COUNT_BY_MESSAGE_ID,
    GET,
    INSERT,
    LIST,
    SCHEMA,
)

FILE_NAME = "mailbox.sqlite3"


@dataclass(frozen=True, slots=True)
class MailSummary:
    """One line of the mailbox. `arrived_at` is the machine's time in microseconds."""

    mail_id: int
    arrived_at: int
    recipient: str
    subject: str
    message_id: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail as it arrived, to one of its recipients."""

    summary: MailSummary
    content: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail on its way into the store."""

    arrived_at: int
    recipients: tuple[str, ...]
    content: bytes


class Mailbox:
    """The store in a folder, for its one writer and any number of readers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._writer = self._open()
        self._writer.executescript(SCHEMA)

    def close(self) -> None:
        """Close the store."""
        self._writer.close()

    def add(self, arrival: Arrival) -> int:
        """Keep a mail, once for each recipient; the number of the last row. Thread-safe."""
        subject, message_id = _headline(arrival.content)
        with self._lock, self._writer:
            row = 0
            for recipient in arrival.recipients:
                cursor = self._writer.execute(
                    INSERT,
                    (arrival.arrived_at, recipient.lower(), subject, message_id, arrival.content),
                )
                row = cursor.lastrowid or row
        return row

    def list(
        self, *, search: str = "", before: int | None = None, limit: int = 50
    ) -> list[MailSummary]:
        """The newest mails first; `search` looks in recipient, subject and Message-ID.

        Args:
            search: a part of one of them, letter case aside; empty for all mails.
            before: only mails with a smaller `mail_id`, for the next page.
            limit: how many at most.
        """
        wanted = {"search": _like(search), "before": before or 2**62, "limit": limit}
        return [MailSummary(*row) for row in self._rows(LIST, wanted)]

    def get(self, mail_id: int) -> StoredMail | None:
        """One mail whole, or None."""
        for *summary, content in self._rows(GET, {"mail_id": mail_id}):
            return StoredMail(MailSummary(*summary), content)
        return None

    def count(self, *, search: str = "") -> int:
        """How many mails arrived."""
        return self._rows(COUNT, {"search": _like(search)})[0][0]

    def copies(self) -> dict[str, int]:
        """How often each Message-ID arrived; anything above 1 is a customer written to twice."""
        return dict(self._rows(COUNT_BY_MESSAGE_ID, {}))

    def _rows(self, query: str, wanted: dict[str, int | str]) -> list[tuple[Any, ...]]:
        with closing(self._open()) as reader:
            return reader.execute(query, wanted).fetchall()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        return connection


def _like(search: str) -> str:
    escaped = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _headline(content: bytes) -> tuple[str, str]:
    """Subject and Message-ID; a mail with broken headers is kept all the same."""
    head = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    message = _parser.parsebytes(head, headersonly=True)
    subject = str(message.get("Subject", ""))
    with suppress(LookupError, ValueError):
        subject = str(make_header(decode_header(subject)))
    return " ".join(subject.split()), str(message.get("Message-ID", "")).strip()


_parser = BytesParser()
