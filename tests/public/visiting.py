"""Shared by the public pages' tests: a customer who got a mail, and what the log says of it."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from tsunagu.channels import LinkSigner
from tsunagu.channels.email import Mail, MailBuilder
from tsunagu.content import Message, Rendered, Renderer, RenderJob
from tsunagu.core.times import wall
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.sending.archive import Archived, Seals, keep
from tsunagu.storage import Database, in_workspace

SECRET = b"a secret of the tests' installation"
SENDER = "つなぐマーケット"


@dataclass
class Customer:
    """One customer with one archived mail, and what the platform knows of them."""

    database: Database
    workspace: int
    desk: Desk
    mail: EmailMessage = field(default_factory=EmailMessage)

    def links(self, kind: str) -> list[str]:
        """The paths of the mail's links of one kind: `l`, `u` or `v`."""
        part = self.mail.get_body(("html",))
        assert part is not None
        found = re.findall(rf'href="http://[^"/]+(/{kind}/[^"]+)"', part.get_content())
        return list(dict.fromkeys(found))

    def events(self) -> list[dict[str, Any]]:
        """What public pages wrote into the log."""
        rows = self.rows(
            "select name, user_id, message_id, body from inbox"
            " where workspace_id = %s and source = 'public' order by position",
            self.workspace,
        )
        return [
            {"name": name, "user": user, "key": key, **json.loads(body)}
            for name, user, key, body in rows
        ]

    def digest(self) -> None:
        """Let the pipeline take everything that is in the log."""
        with self.database.connect("pipeline") as connection:
            while pipeline_loop.next_batch(connection, self.desk).more:
                pass

    def granted(self) -> bool | None:
        """The customer's last word, as the contact policy sees it."""
        rows = self.rows("select granted from consents where workspace_id = %s", self.workspace)
        return rows[0][0] if rows else None

    def proof(self) -> dict[str, Any]:
        """The proof of the customer's last word."""
        query = "select evidence from consents where workspace_id = %s"
        return self.rows(query, self.workspace)[0][0]["properties"]["evidence"]

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return cursor.execute(query, parameters).fetchall()  # type: ignore[arg-type]


JOURNEY = {
    "title": {"en": "Reminder"},
    "entry": {"audience": "coupons_unused"},
    "start": "first",
    "nodes": {
        "first": {"kind": "send", "message": "coupon_reminder", "next": "done"},
        "done": {"kind": "end"},
    },
    "goal": {"event": "Coupon Redeemed", "within": "5 days"},
}


def archive_mail(customer: Customer, message: Message, traits: dict[str, Any]) -> None:
    [(send_id, send_key, customer_id)] = customer.rows(
        "select send_id, send_key, customer_id from send_ledger where workspace_id = %s",
        customer.workspace,
    )
    language = message.language_for(traits.get("language"))
    with Renderer(LinkSigner("http://mail.test", SECRET)) as renderer:
        wording = message.languages[language]
        job = RenderJob(
            customer.workspace, send_id, "coupon_reminder", 1, language, wording, traits
        )
        [written] = renderer.render([job])
    assert isinstance(written, Rendered)
    mail = Mail(
        send_key,
        traits["email"],
        written.subject,
        written.html,
        written.text,
        wall(),
        language,
        written.unsubscribe_url,
    )
    content = MailBuilder(SENDER, "hello@shop.example").build(mail)
    parsed = BytesParser(policy=default).parsebytes(content)
    assert isinstance(parsed, EmailMessage)
    customer.mail = parsed
    kept = Archived(
        send_id,
        customer_id,
        "email",
        "coupon_reminder",
        1,
        traits["email"],
        written.subject,
        content,
        wall(),
    )
    with (
        customer.database.connect("pipeline") as connection,
        in_workspace(connection, customer.workspace) as cursor,
    ):
        keep(cursor, customer.workspace, Seals(SECRET), [kept])


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
