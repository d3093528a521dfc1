"""The door between public pages and the log: reads about one send, writes what customers do.

Reading and writing use different database roles, as everywhere: the one that may see a
customer cannot write the log, and the one that writes cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType

import psycopg
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from tsunagu.access import business_now
from tsunagu.channels import SignedLink
from tsunagu.core import Body, Figures, Json, NewEvent, NotFound, Retryable, encode_body, stable_key
from tsunagu.core.events import CONSENT_GIVEN, LINK_CLICKED, UNSUBSCRIBED
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import SECOND, iso, wall
from tsunagu.eventlog import append
from tsunagu.identity import USER_ID
from tsunagu.public.models import Answer, Recipient
from tsunagu.public.queries import recipient_of
from tsunagu.sending import archived
from tsunagu.storage import Database, Row, in_workspace

SOURCE = "public"
_CONNECTIONS = 4
_WAIT_SECONDS = 3.0
_DEVICES = (
    ("robot", re.compile(r"bot\b|crawl|spider|scan|preview|fetch|python|curl|wget", re.IGNORECASE)),
    ("tablet", re.compile(r"iPad|Tablet|Android(?!.*Mobile)")),
    ("phone", re.compile(r"Mobi|iPhone|Android")),
    ("computer", re.compile(r"Windows|Macintosh|X11|CrOS")),
)


class Unavailable(Retryable):
    """The database does not answer; nothing was recorded."""


class Door:
    """Connections for reading and for writing; open it as a context manager."""

    def __init__(self, database: Database, figures: Figures) -> None:
        self._figures = figures
        self._reading = database.pool("app", size=_CONNECTIONS)
        self._writing = database.pool("ingest", size=_CONNECTIONS)
        self._open = ExitStack()

    def __enter__(self) -> Door:
        self._open.enter_context(self._reading)
        self._open.enter_context(self._writing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def check(self) -> None:
        """Ask the database anything.

        Raises:
            Unavailable: it does not answer.
        """
        with _answering(), self._writing.connection(_WAIT_SECONDS) as connection:
            connection.execute("select 1")

    def recipient(self, link: SignedLink) -> Recipient | None:
        """Who was sent what, or None when the send is not known (any more).

        Raises:
            Unavailable: the database does not answer.
        """
        with _transaction(self._reading, link) as cursor:
            return recipient_of(cursor, link.workspace_id, link.send_id)

    def mail(self, link: SignedLink) -> bytes | None:
        """The archived mail of a send, or None when there is none (any more).

        Raises:
            Unavailable: the database does not answer.
        """
        with suppress(NotFound), _transaction(self._reading, link) as cursor:
            return archived(cursor, link.workspace_id, link.send_id).content
        return None

    def clicked(self, link: SignedLink, recipient: Recipient, device: str) -> None:
        """Record a click; clicks on one link within a second are one. Durable on return.

        Raises:
            Unavailable: the database does not answer; nothing was recorded.
        """
        properties = _about(recipient) | {"link": link.link, "url": link.url}

        def event(now: int) -> NewEvent:
            key = stable_key("click", link.send_id, link.link, now // SECOND)
            return _event(key, LINK_CLICKED, recipient, properties, device, now)

        self._append(link, event)
        self._figures.add("tsunagu.public.clicks")

    def answered(self, link: SignedLink, recipient: Recipient, answer: Answer) -> None:
        """Record that the customer left or came back, with what was shown. Durable on return.

        Raises:
            Unavailable: the database does not answer; nothing was recorded.
        """
        name = UNSUBSCRIBED if answer.choice == "leave" else CONSENT_GIVEN
        # The last word and the turn tell a form sent twice from a mind that changed.
        key = stable_key("answer", answer.choice, link.send_id, recipient.said_at, answer.turn)

        def event(now: int) -> NewEvent:
            properties = _about(recipient) | {"evidence": _evidence(answer, now)}
            return _event(key, name, recipient, properties, answer.device, now)

        self._append(link, event)
        self._figures.add(f"tsunagu.public.{answer.choice}")

    def _append(self, link: SignedLink, event: Callable[[int], NewEvent]) -> None:
        with _transaction(self._writing, link) as cursor:
            now = business_now(cursor, link.workspace_id)
            append(cursor, link.workspace_id, [event(now)], received_at=wall(), now=now)
            failpoint("public.before_commit")
        failpoint("public.after_commit")


@contextmanager
def _answering() -> Generator[None]:
    try:
        yield
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise Unavailable("The database does not answer.") from error


@contextmanager
def _transaction(pool: ConnectionPool[Connection[Row]], link: SignedLink) -> Generator[Cursor[Row]]:
    with (
        _answering(),
        pool.connection(_WAIT_SECONDS) as connection,
        in_workspace(connection, link.workspace_id) as cursor,
    ):
        yield cursor


def _event(
    key: str, name: str, recipient: Recipient, properties: Json, device: str, now: int
) -> NewEvent:
    known = recipient.identifier_kind == USER_ID
    return NewEvent(
        key,
        "track",
        name,
        recipient.identifier if known else None,
        None if known else recipient.identifier,
        now,
        SOURCE,
        encode_body(Body(properties=properties, context={"device": device})),
    )


def _evidence(answer: Answer, now: int) -> Json:
    """The proof of an answer: what stood there, when, and how it was given; no address of it."""
    return {
        "page": answer.page,
        "language": answer.language,
        "shown": list(answer.shown),
        "how": answer.how,
        "device": answer.device,
        "at": iso(now),
    }


def _about(recipient: Recipient) -> Json:
    return {
        "send_id": recipient.send_id,
        "message": recipient.message,
        "journey": recipient.journey,
        "node": recipient.node,
        "channel": recipient.channel,
        "purpose": recipient.purpose,
    }


def device_of(user_agent: str) -> str:
    """The kind of device in one word: enough for proof and reports, too little to follow anyone."""
    return next((word for word, known in _DEVICES if known.search(user_agent)), "unknown")
