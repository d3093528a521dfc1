"""A workspace that looks lived in, written by real SQL: what the console's tests look at.

Shops in the United States and Japan, a coupon reminder with a holdout, archived mails, refusals,
results and a dead letter. Every name is made up, chance is seeded.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any

from data_seed import seed_data
from psycopg import Connection, Cursor
from shop_documents import AUDIENCES, JOURNEY, NAMES, POLICY, REPORTS, message

from tsunagu import access
from tsunagu.core import stable_id
from tsunagu.core.times import DAY, HOUR, MINUTE, moment, parse_time
from tsunagu.profiles.state import State, encode_state
from tsunagu.sending.archive import Archived, Seals, keep
from tsunagu.storage import Database, in_workspace

NOW = parse_time("2017-12-08T15:00:00Z")
SIGNING_SECRET = "a secret for tests that is long enough"
OPERATOR, PASSWORD = "hana", "correct horse battery"


@dataclass
class Seeded:
    """What the tests look for."""

    workspace_id: int
    customers: list[int] = field(default_factory=list[int])
    sends: list[int] = field(default_factory=list[int])


def seed(database: Database, people: int = 240) -> Seeded:
    """Make the workspace, its operator and everything in it."""
    with database.connect("app") as connection:
        workspace_id = access.create_workspace(
            connection,
            "Complete Journey",
            zone="America/New_York",
            clock="driven",
            clock_now=NOW,
            synthetic=True,
        )
        access.create_workspace(connection, "Empty shop", zone="Asia/Tokyo", currency="JPY")
        access.create_operator(connection, OPERATOR, PASSWORD)
        access.create_key(connection, workspace_id, "write", "web shop", "web")
    found = Seeded(workspace_id)
    # The pipeline's role writes what the pipeline would have written.
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace_id) as cursor,
    ):
        _Writer(cursor, workspace_id, found).write(people)
    seed_data(database, workspace_id)
    with database.connect("app") as connection:
        with in_workspace(connection, workspace_id) as cursor:
            for kind, name, document in _documents():
                access.publish(cursor, workspace_id, kind, name, document, "hana")
        _processes(connection)
    return found


def _documents() -> list[tuple[str, str, dict[str, Any]]]:
    audiences = [("audience", name, document) for name, document in AUDIENCES.items()]
    return [
        *audiences,
        ("journey", "coupon_reminder", JOURNEY),
        ("message", "coupon_reminder", message(True)),
        ("message", "coupon_last_call", message(False)),
        ("policy", "contact", POLICY),
    ]


def _processes(connection: Connection[Any]) -> None:
    figures = {
        "collector": {"counter": {"tsunagu.collect.events": 48210}},
        "pipeline": {
            "counter": {"tsunagu.pipeline.events": 48210},
            "gauge": {"tsunagu.pipeline.lag": 0.042},
        },
        "lake": {"counter": {"tsunagu.lake.events": 48000}},
        "sender": {"counter": {"tsunagu.sending.sent": 311}},
        "public": {},
        "console": {},
    }
    for number, (role, held) in enumerate(figures.items()):
        connection.execute(
            """
            insert into processes (role, host, pid, started_at, beat_at, figures)
            values (%s, 'shop-1', %s, now() - interval '3 hours', now() + interval '1 hour', %s)
            """,
            (role, 4000 + number, json.dumps(held)),
        )


class _Writer:
    """Writes the customers one after another with positions that grow."""

    def __init__(self, cursor: Cursor[Any], workspace_id: int, found: Seeded) -> None:
        self.cursor = cursor
        self.workspace_id = workspace_id
        self.found = found
        self.position = 0
        self.chance = random.Random(18)

    def insert(self, table: str, **values: Any) -> None:
        columns = ", ".join(["workspace_id", *values])
        places = ", ".join(["%s"] * (len(values) + 1))
        self.cursor.execute(
            f"insert into {table} ({columns}) values ({places})",
            (self.workspace_id, *values.values()),
        )

    def write(self, people: int) -> None:
        for number in range(people):
            self._customer(number)
        self._waiting()
        self._dead_letters()
        self._reports()
        self.cursor.execute(
            "update cursors set position = %s, last_received_at = now() where workspace_id = %s",
            (self.position, self.workspace_id),
        )

    def happened(self, customer: int, at: int, name: str, source: str, **body: Any) -> None:
        self.position += 1
        self.insert(
            "timeline",
            customer_id=customer,
            position=self.position,
            at=moment(at),
            type="identify" if name == "identify" else "track",
            name=name,
            source=source,
            body=json.dumps(body),
        )

    def _customer(self, number: int) -> None:
        customer = stable_id("seeded", number)
        self.found.customers.append(customer)
        name, language, zone = NAMES[number % len(NAMES)]
        if number >= len(NAMES):
            name = f"{name.split('<')[0].strip()} {number}"
        user = f"household-{number + 1}"
        email = f"{user}@customers.example"
        first = NOW - 90 * DAY + number * 37 * MINUTE
        inside = [
            a
            for a, share in (("coupons_unused", 0.55), ("regulars", 0.3))
            if self.chance.random() < share
        ]
        self.insert(
            "customers",
            customer_id=customer,
            first_kind="user_id",
            first_value=user,
            created_position=number,
            created_at=moment(first),
        )
        for kind, value in (("user_id", user), ("email", email), ("anonymous_id", f"dev-{number}")):
            self.insert(
                "identifiers", kind=kind, value=value, customer_id=customer, first_position=number
            )
        self.insert(
            "identity_edges",
            kind_a="user_id",
            value_a=user,
            kind_b="email",
            value_b=email,
            source="pos",
            message_id=f"m-{number}",
            position=number,
            at=moment(first),
        )
        self.happened(customer, first, "identify", "pos", traits={"email": email})
        orders = 2 + number % 9
        for order in range(orders):
            at = NOW - (orders - order) * 5 * DAY - number * 11 * MINUTE
            self.happened(
                customer,
                at,
                "Order Completed",
                "pos",
                properties={
                    "total": round(8 + self.chance.random() * 90, 2),
                    "currency": "USD",
                    "products": [{"name": "Coffee"}, {"name": "Apples"}],
                },
            )
        traits: dict[str, Any] = {
            "name": name,
            "email": email,
            "language": language,
            "timezone": zone,
            "coupon_campaign": "18",
            "age_group": "35-44",
            "household_size": 3,
            "synthetic": True,
        }
        told = {trait: (value, first, self.position) for trait, value in traits.items()}
        self.insert(
            "profiles",
            customer_id=customer,
            traits=json.dumps(traits),
            audiences=inside,
            state=encode_state(State(traits=told)),
            first_seen=moment(first),
            last_seen=moment(NOW - number * 13 * MINUTE),
            events=orders + 1,
            position=self.position,
        )
        for audience in inside:
            joined = NOW - DAY * self.chance.randint(1, 20)
            self.insert(
                "audience_members",
                audience=audience,
                customer_id=customer,
                entered_at=moment(joined),
            )
            self.happened(
                customer, joined, "Audience Entered", "tsunagu", properties={"audience": audience}
            )
        granted = number % 8 != 5
        self.insert(
            "consents",
            customer_id=customer,
            channel="email",
            purpose="marketing",
            granted=granted,
            at=moment(first),
            position=number,
            evidence=json.dumps({"properties": {"evidence": {"synthetic": True}}}),
        )
        self.insert(
            "scores",
            score="coupon",
            customer_id=customer,
            value=self.chance.random() * 0.6,
            as_of=moment(NOW - DAY),
        )
        if "coupons_unused" in inside:
            self._enrol(number, customer, name, email, language, granted)

    def _enrol(
        self, number: int, customer: int, name: str, email: str, language: str, granted: bool
    ) -> None:
        enrolment = stable_id("enrolment", customer)
        held = self.chance.random() < 0.1
        goal = self.chance.random() < 0.17
        at = NOW - (3 + number % 9) * DAY
        past_wait = at + 7 * DAY < NOW
        node = "holdout" if held else "done" if goal or past_wait else "wait_for_coupon"
        self.insert(
            "enrolments",
            enrolment_id=enrolment,
            journey="coupon_reminder",
            version=1,
            customer_id=customer,
            entry=1,
            arm="holdout" if held else "treated",
            node=node,
            status="active",
            entered_at=moment(at),
            entered_position=self.position,
            node_since=moment(at),
            wake_at=moment(at + 7 * DAY),
            goal_at=moment(at + 2 * DAY) if goal else None,
            steps=3,
        )
        self.happened(
            customer,
            at,
            "Journey Entered",
            "tsunagu",
            properties={"journey": "coupon_reminder", "arm": "holdout" if held else "treated"},
        )
        self._step(enrolment, 0, customer, "holdout" if held else "first_mail", "entered", at)
        if held:
            return
        self._say(
            enrolment,
            1,
            customer,
            name,
            email,
            language,
            "first_mail",
            "coupon_reminder",
            at,
            granted,
        )
        if goal:
            self._step(
                enrolment, 2, customer, "wait_for_coupon", "event: Coupon Redeemed", at + 2 * DAY
            )
            self.happened(
                customer, at + 2 * DAY, "Coupon Redeemed", "pos", properties={"coupon": "18-7"}
            )
        elif past_wait:
            self._step(enrolment, 2, customer, "wait_for_coupon", "time passed", at + 7 * DAY)
            self._say(
                enrolment,
                3,
                customer,
                name,
                email,
                language,
                "second_mail",
                "coupon_last_call",
                at + 7 * DAY,
                granted and self.chance.random() < 0.8,
            )

    def _step(
        self, enrolment: int, step: int, customer: int, node: str, outcome: str, at: int
    ) -> None:
        self.insert(
            "journey_steps",
            enrolment_id=enrolment,
            step=step,
            journey="coupon_reminder",
            customer_id=customer,
            node=node,
            outcome=outcome,
            at=moment(at),
            position=self.position,
        )

    def _say(
        self,
        enrolment: int,
        step: int,
        customer: int,
        name: str,
        email: str,
        language: str,
        node: str,
        said: str,
        at: int,
        allowed: bool,
    ) -> None:
        if not allowed:
            reason = self.chance.choice(["no_consent", "no_consent", "frequency_cap", "no_address"])
            self._step(enrolment, step, customer, node, f"refused: {reason}", at)
            self.insert(
                "send_refusals",
                send_key=f"{enrolment}:{node}",
                customer_id=customer,
                enrolment_id=enrolment,
                journey="coupon_reminder",
                node=node,
                message=said,
                reason=reason,
                detail="email/marketing",
                at=moment(at),
                position=self.position,
            )
            self.happened(
                customer,
                at,
                "Message Refused",
                "tsunagu",
                properties={"message": said, "reason": reason, "channel": "email"},
            )
            return
        self._step(enrolment, step, customer, node, "queued", at)
        send = stable_id("send", enrolment, node)
        self.found.sends.append(send)
        self.insert(
            "send_ledger",
            send_id=send,
            send_key=f"{enrolment}:{node}",
            customer_id=customer,
            enrolment_id=enrolment,
            journey="coupon_reminder",
            node=node,
            message=said,
            message_version=1,
            channel="email",
            purpose="marketing",
            address=email,
            decided_at=moment(at),
            decided_position=self.position,
            state="sent",
            provider_id=f"<{send}@tsunagu.example>",
            result_at=moment(at + MINUTE),
        )
        wording = message(said == "coupon_reminder")["languages"][language]
        text = wording["text"].replace("{{ customer.name }}", name)
        hostile = self.found.sends[0] == send
        content = mail(email, wording["subject"], text, hostile=hostile)
        kept = Archived(send, customer, "email", said, 1, email, wording["subject"], content, at)
        keep(self.cursor, self.workspace_id, Seals(SIGNING_SECRET.encode()), [kept])
        self.happened(
            customer,
            at + MINUTE,
            "Message Sent",
            "email",
            properties={"message": said, "channel": "email", "send_id": str(send)},
        )
        if self.chance.random() < 0.3:
            self.happened(
                customer,
                at + 5 * HOUR,
                "Email Link Clicked",
                "public",
                properties={"message": said, "link": "https://shop.example/coupons"},
            )
        elif self.chance.random() < 0.06:
            self.happened(
                customer,
                at + 6 * HOUR,
                "Unsubscribed",
                "public",
                properties={"channel": "email", "purpose": "marketing"},
            )

    def _waiting(self) -> None:
        """Three customers' messages stand in the outbox until the morning."""
        for number, customer in enumerate(self.found.customers[-3:]):
            send = stable_id("waiting", number)
            self.insert(
                "send_ledger",
                send_id=send,
                send_key=f"waiting:{number}",
                customer_id=customer,
                message="coupon_reminder",
                message_version=1,
                channel="email",
                purpose="marketing",
                address=f"waiting-{number}@customers.example",
                decided_at=moment(NOW),
                decided_position=self.position,
            )
            self.insert(
                "outbox",
                send_id=send,
                not_before=moment(NOW + 12 * HOUR),
                expires_at=moment(NOW + 2 * DAY),
                data=json.dumps({"traits": {}}),
                decided_wall=moment(NOW),
            )

    def _dead_letters(self) -> None:
        for number, name in enumerate(("Order Completed", "Product Viewed")):
            self.insert(
                "dead_letters",
                position=self.position + 10 + number,
                message_id=f"broken-{number}",
                type="track",
                name=name,
                stage="fold",
                reason="OverflowError: the property `total` is no finite number",
                event=json.dumps(
                    {"userId": "household-7", "event": name, "properties": {"total": "NaN"}}
                ),
                at=moment(NOW - HOUR),
            )

    def _reports(self) -> None:
        for name, document in REPORTS.items():
            self.insert(
                "reports", report=name, document=json.dumps(document), at=moment(NOW - HOUR)
            )


def mail(email: str, subject: str, text: str, *, hostile: bool) -> bytes:
    """A mail as the sender hands it over; a hostile one tries what a sandbox must stop."""
    made = EmailMessage(policy=SMTP)
    made["From"] = "Tsunagu Mart <news@tsunagu.example>"
    made["To"] = email
    made["Subject"] = subject
    made["Message-ID"] = (
        f"<{hashlib.sha256((email + subject).encode()).hexdigest()[:20]}@tsunagu.example>"
    )
    made["List-Unsubscribe"] = "<http://127.0.0.1:8081/u/token>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(text)
    greeting, _, body = text.partition("\n\n")
    made.add_alternative(
        '<html><body style="margin:0;background:#f2f4f7;font-family:sans-serif"><div style="'
        'max-width:600px;margin:24px auto;background:#fff;border-radius:12px;padding:32px">'
        f'<h1 style="color:#0f766e;font-size:22px">{subject}</h1>'
        f"<p>{escape(greeting)}</p><p>{escape(body.splitlines()[0])}</p>"
        '<p><a href="https://shop.example/coupons" style="background:#0f766e;color:#fff;'
        'padding:12px 20px;border-radius:8px;text-decoration:none">Tsunagu Mart</a></p></div>'
        f"{HOSTILE if hostile else ''}</body></html>",
        subtype="html",
    )
    return made.as_bytes()


HOSTILE = (
    "<script>document.body.innerHTML = 'owned'; parent.document.title = 'owned'</script>"
    '<img src="/console-assets/mark.svg?from-mail" onerror="parent.document.title = 1">'
)
