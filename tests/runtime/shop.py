"""A shop with one audience, one message and one journey, and what a test does to it."""

from __future__ import annotations

from typing import Any

from tsunagu import access, eventlog
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import parse_time
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk, Report
from tsunagu.serve import definitions
from tsunagu.storage import Database, in_workspace

START = parse_time("2017-11-01T12:00:00Z")
WORDS = {
    "subject": "Hello",
    "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>"
    '<a href="{{ unsubscribe_url }}">Stop</a>'
    "</mj-text></mj-column></mj-section></mj-body></mjml>",
    "text": "Hello {{ unsubscribe_url }}",
}
DOCUMENTS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "audience",
        "regulars",
        {"title": {"en": "Regulars"}, "rule": "did('Order Completed', within => '3 days') >= 2"},
    ),
    (
        "message",
        "reminder",
        {
            "title": {"en": "Reminder"},
            "channel": "email",
            "purpose": "marketing",
            "languages": {"en": WORDS},
        },
    ),
    (
        "journey",
        "reminder",
        {
            "title": {"en": "Reminder"},
            "entry": {"audience": "regulars"},
            "start": "first",
            "nodes": {
                "first": {"kind": "send", "message": "reminder", "next": "wait"},
                "wait": {
                    "kind": "wait",
                    "event": "Coupon Redeemed",
                    "within": "2 days",
                    "then": "done",
                    "otherwise": "done",
                },
                "done": {"kind": "end"},
            },
            "goal": {"event": "Coupon Redeemed", "within": "5 days"},
        },
    ),
]


class Shop:
    """A workspace with a driven clock, and what a test does to it."""

    def __init__(self, database: Database, workspace: int) -> None:
        self.workspace = workspace
        self._database = database
        self._said = 0
        self.desk = Desk(workspace, "UTC", driven=True)

    def publish(self, *documents: tuple[str, str, dict[str, Any]]) -> None:
        with (
            self._database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            for kind, name, document in documents:
                definitions.publish_document(cursor, self.workspace, kind, name, document, "tester")

    def tell(self, user: str, name: str, at: int, **properties: Any) -> str:
        self._said += 1
        message = f"m{self._said}"
        body = Body(properties=properties)
        if name == "identify":
            body = Body(traits=properties)
        kind = "identify" if name == "identify" else "track"
        self.append(
            NewEvent(message, kind, name, user, None, at, "shop", encode_body(body), known_at=at)
        )
        return message

    def append(self, *events: NewEvent) -> None:
        with (
            self._database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            eventlog.append(cursor, self.workspace, events, received_at=START, now=START)

    def drain(self, until: int | None = None) -> list[Report]:
        with self._database.connect("pipeline") as connection:
            if until is not None:
                with in_workspace(connection, self.workspace) as cursor:
                    access.set_clock(cursor, self.workspace, until)
            reports = [pipeline_loop.next_batch(connection, self.desk)]
            while reports[-1].more:
                reports.append(pipeline_loop.next_batch(connection, self.desk))
            with in_workspace(connection, self.workspace) as cursor:
                assert eventlog.drained(cursor, self.workspace)
        return reports

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with (
            self._database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return cursor.execute(query, parameters).fetchall()  # type: ignore[arg-type]


def consenting(shop: Shop, user: str, at: int) -> None:
    shop.tell(user, "identify", at, email=f"{user}@example.com", language="en")
    shop.tell(user, "Consent Given", at, channel="email", purpose="marketing", form="sign-up v2")
