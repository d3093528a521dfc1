"""A shop with customers and messages in a real outbox, a real mailbox, and real senders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tsunagu.access import business_now, publish
from tsunagu.channels.email import Mailbox, SmtpServer
from tsunagu.channels.email.server import Fault
from tsunagu.core import Figures, stable_id
from tsunagu.core.times import DAY, moment
from tsunagu.sending import MailSettings, Saying, record, run_sender, send_id
from tsunagu.storage import Database, in_workspace, notify

SECRET = b"s" * 32
MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Dear {{ customer.first_name | default("customer") }}</mj-text>
<mj-button href="https://shop.example/coupons">Coupons</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Stop</a> <a href="{{ web_view_url }}">Web</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def message_document(purpose: str = "marketing") -> dict[str, Any]:
    english = {"subject": "Coupons for you", "mjml": MJML, "text": "Hi\n{{ unsubscribe_url }}"}
    japanese = {**english, "subject": "クーポンのお知らせ"}
    return {
        "title": {"en": "Coupons", "ja": "クーポン"},
        "channel": "email",
        "purpose": purpose,
        "languages": {"en": english, "ja": japanese},
    }


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s: {what}"
        time.sleep(0.02)


@dataclass
class Post:
    """The mailbox's port, what arrived, and faults by recipient."""

    mailbox: Mailbox
    port: int
    faults: dict[str, Fault] = field(default_factory=dict[str, Fault])

    def arrived(self, address: str) -> int:
        return sum(1 for mail in self.mailbox.list(search=address, limit=1000))

    def settings(self, lines: int = 4) -> MailSettings:
        server = SmtpServer("127.0.0.1", self.port, timeout=5.0)
        return MailSettings(server, "Shop", "news@shop.example", lines)


@dataclass
class Shop:
    """One workspace, seen by a test."""

    database: Database
    workspace: int
    number: int = 0

    def __post_init__(self) -> None:
        self.connection = self.database.connect("pipeline")
        self.app = self.database.connect("app")
        self.publish("message", "coupons", message_document())
        self.publish("message", "notice", message_document("mandatory"))

    def publish(self, kind: str, name: str, document: dict[str, Any]) -> None:
        with in_workspace(self.app, self.workspace) as cursor:
            publish(cursor, self.workspace, kind, name, document, "test")

    def now(self) -> int:
        return business_now(self.connection, self.workspace)

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with in_workspace(self.connection, self.workspace) as cursor:
            cursor.execute(statement, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def customer(self, name: str, *, consent: bool = True, **traits: Any) -> int:
        customer = stable_id("customer", self.workspace, name)
        traits = {"email": f"{name}@customers.example", "first_name": name, **traits}
        self.run(
            "insert into customers (workspace_id, customer_id, first_kind, first_value,"
            " created_position, created_at) values (%s, %s, 'user_id', %s, 1, now())",
            self.workspace, customer, name,
        )  # fmt: skip
        self.run(
            "insert into profiles (workspace_id, customer_id, traits, state, first_seen,"
            " last_seen, position) values (%s, %s, %s, '', now(), now(), 1)",
            self.workspace, customer, msgspec.json.encode(traits).decode(),
        )  # fmt: skip
        self.consent(customer, consent)
        return customer

    def consent(self, customer: int, granted: bool) -> None:
        self.run(
            "insert into consents (workspace_id, customer_id, channel, purpose, granted, at,"
            " position) values (%s, %s, 'email', 'marketing', %s, now(), 1)"
            " on conflict (workspace_id, customer_id, channel, purpose)"
            " do update set granted = excluded.granted",
            self.workspace, customer, granted,
        )  # fmt: skip

    def queue(self, customer: int, *, message: str = "coupons", expires: int = 2 * DAY) -> int:
        """Decide one message for a customer, as the pipeline does."""
        return self.queue_all([customer], message=message, expires=expires)[0]

    def queue_all(
        self, customers: list[int], *, message: str = "coupons", expires: int = 2 * DAY
    ) -> list[int]:
        traits = dict(
            self.run(
                "select customer_id, traits from profiles where workspace_id = %s", self.workspace
            )
        )
        now, sayings = self.now(), list[Saying]()
        for customer in customers:
            self.number += 1
            sayings.append(
                Saying(
                    send_key=f"{customer}:say:{self.number}",
                    customer_id=customer,
                    enrolment_id=1,
                    journey="reminder",
                    node="say",
                    message=message,
                    message_version=1,
                    channel="email",
                    purpose="mandatory" if message == "notice" else "marketing",
                    address=traits[customer]["email"],
                    traits=traits[customer],
                    expires_at=now + expires,
                    at=now,
                    position=self.number,
                )
            )
        with in_workspace(self.connection, self.workspace) as cursor:
            record(cursor, self.workspace, sayings)
            notify(cursor, "tsunagu_outbox", self.workspace)
        return [send_id(self.workspace, saying.send_key) for saying in sayings]

    def state(self, send: int) -> str:
        """The ledger's state of a send, with the reason after a colon if it has one."""
        [(state, reason)] = self.run(
            "select state, reason from send_ledger where workspace_id = %s and send_id = %s",
            self.workspace, send,
        )  # fmt: skip
        return f"{state}: {reason}" if reason else state

    def states(self) -> dict[str, int]:
        return dict(
            self.run(
                "select state, count(*) from send_ledger where workspace_id = %s group by state",
                self.workspace,
            )
        )

    def waiting(self) -> int:
        [(count,)] = self.run("select count(*) from outbox where workspace_id = %s", self.workspace)
        return count

    def events(self, send: int) -> list[tuple[str, dict[str, Any]]]:
        """Names and properties of the events about a send, in log order."""
        found = self.run(
            "select name, user_id, body from inbox where workspace_id = %s order by position",
            self.workspace,
        )
        bodies = [(name, msgspec.json.decode(body)["properties"]) for name, _, body in found]
        return [(name, said) for name, said in bodies if said["send_id"] == send]

    def make_due(self) -> None:
        """Let the time of all messages that wait come now."""
        self.run(
            "update outbox set not_before = %s where workspace_id = %s",
            moment(self.now()), self.workspace,
        )  # fmt: skip
        with in_workspace(self.connection, self.workspace) as cursor:
            notify(cursor, "tsunagu_outbox", self.workspace)


@contextmanager
def sender(database: Database, mail: MailSettings) -> Iterator[Figures]:
    """A sender in a thread of this process."""
    stop, figures = threading.Event(), Figures()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_sender(database, mail, "http://127.0.0.1:1", SECRET, stop, figures)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield figures
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()
        assert not failures
