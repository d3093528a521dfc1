"""A world played in memory: the pipeline's own functions over dictionaries instead of tables.

Two hundred worlds are generated to see how often the interval of a comparison holds the truth;
each goes through the same audiences, journeys, policy and holdout as live customers, only
without database, mails and HTTP. Customers react at the end of the step that mailed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeVar

from pydantic import BaseModel

from tsunagu.content import Message
from tsunagu.core import Body, Event, NewEvent, decode_body, encode_body, stable_id
from tsunagu.core.events import UNSUBSCRIBED
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import parse_duration, zone
from tsunagu.decisions import Policy, quiet_until
from tsunagu.identity import USER_ID
from tsunagu.insights import Comparison, Outcome, compare
from tsunagu.journeys import Book, Decision, Enrolment, Journey
from tsunagu.profiles import Audience, Fact, Plan, encode_state, make_plan
from tsunagu.runtime.batch import Loaded, advance_batch
from tsunagu.runtime.demo.library import POLICY, Library
from tsunagu.runtime.demo.synthetic import CHANNEL, PURPOSE
from tsunagu.runtime.world.crowd import Crowd
from tsunagu.runtime.world.library import journey_of, world_library
from tsunagu.runtime.world.model import CAMPAIGN, END, SOURCE, START, STEP, ZONE, World

Document = TypeVar("Document", bound=BaseModel)


@dataclass
class Loop:
    """What a database would keep of the world's workspace."""

    owner: str | int
    plan: Plan
    book: Book
    names: dict[int, str] = field(default_factory=dict[int, str])
    states: dict[int, bytes] = field(default_factory=dict[int, bytes])
    wakes: dict[int, int] = field(default_factory=dict[int, int])
    enrolments: dict[int, list[Enrolment]] = field(default_factory=dict[int, list[Enrolment]])
    outbox: list[Decision] = field(default_factory=list[Decision])
    position: int = 0

    def batch(self, events: Sequence[NewEvent], closing: int) -> None:
        """Take events through the loop; timers fire up to `closing`."""
        facts = [self._fact(event) for event in events]
        touched = {fact.customer for fact in facts}
        touched |= {customer for customer, wake in self.wakes.items() if 0 < wake <= closing}
        loaded = Loaded(
            {c: self.states[c] for c in touched if c in self.states},
            [e for c in touched for e in self.enrolments.get(c, ())],
        )
        changes = advance_batch(self.plan, self.book, facts, [], loaded, closing)
        self.states |= {c: encode_state(s) for c, s in changes.states.items()}
        self.wakes |= changes.wakes
        for enrolment in changes.moves.entered:
            self.enrolments.setdefault(enrolment.customer_id, []).append(enrolment)
        self.outbox += [d for d in changes.moves.decisions if d.verdict.kind == "allowed"]

    def hand_over(self, now: int) -> list[Decision]:
        """The mails that leave at `now`; as in a sender, those in quiet hours wait."""
        sent: list[Decision] = []
        waiting: list[Decision] = []
        for mail in self.outbox:
            quiet = quiet_until(self.book.policy, mail.traits.get("timezone"), now)
            (waiting if quiet else sent).append(mail)
        self.outbox = waiting
        return sorted(sent, key=attrgetter("at", "send_key"))

    def _fact(self, event: NewEvent) -> Fact:
        name, at = event.user_id or "", event.at or 0
        customer = stable_id(self.owner, USER_ID, name)
        self.names[customer] = name
        self.position += 1
        stored = Event(
            self.position,
            at,
            at,
            event.message_id,
            event.type,
            event.name,
            name,
            None,
            at,
            event.source,
            event.body,
        )
        return Fact(stored, decode_body(event.body), customer)


def play(world: World) -> dict[str, Comparison]:
    """Play a world from its first to its last day and compare each shop's journey."""
    loop = live_through(world, world.name)
    enrolled = [e for some in loop.enrolments.values() for e in some]
    return {
        shop.name: _compare(loop.book.journeys[journey_of(shop.name), 1], shop.name, enrolled)
        for shop in world.shops
    }


def live_through(world: World, owner: str | int) -> Loop:
    """Everything that happens in a world, its customers reacting after each step.

    Args:
        owner: whose the customers are. A workspace's id gives the ids, and with them the
            holdout and every decision, that a live run in this workspace has.
    """
    loop = Loop(owner, *_read(world_library([shop.name for shop in world.shops])))
    crowd = Crowd(world)
    now = START
    for until in (CAMPAIGN, *range(CAMPAIGN + STEP, END, STEP), END):
        loop.batch(crowd.between(now, until), until)
        answers = [
            event
            for decision in loop.hand_over(until)
            for event in _answer(crowd, loop.names[decision.enrolment.customer_id], decision, until)
        ]
        if answers:
            loop.batch(answers, until)
        now = until
    return loop


def _answer(crowd: Crowd, customer: str, mail: Decision, now: int) -> list[NewEvent]:
    """What a customer does with a mail, as far as it comes back as an event at once."""
    if not crowd.receive(customer, mail.send_key, now).unsubscribes:
        return []
    body = encode_body(Body(properties={"channel": CHANNEL, "purpose": PURPOSE}))
    key = f"unsubscribed-{mail.send_key}"
    return [NewEvent(key, "track", UNSUBSCRIBED, customer, None, now, SOURCE, body)]


def _read(library: Library) -> tuple[Plan, Book]:
    def of(kind: str, model: type[Document]) -> dict[str, Document]:
        found = {name: document for (k, name), document in library.items() if k == kind}
        return {name: model.model_validate(document) for name, document in found.items()}

    journeys = of("journey", Journey)
    book = Book(
        {(name, 1): journey for name, journey in journeys.items()},
        dict.fromkeys(journeys, 1),
        {name: (1, message) for name, message in of("message", Message).items()},
        of("policy", Policy)[POLICY],
    )
    rules = {name: parse_rule(found.rule) for name, found in of("audience", Audience).items()}
    return make_plan(rules, zone(ZONE)), book


def _compare(journey: Journey, shop: str, enrolled: Sequence[Enrolment]) -> Comparison:
    outcomes = [
        Outcome(e.arm, e.entered_at, e.goal_at) for e in enrolled if e.journey == journey_of(shop)
    ]
    return compare(
        outcomes,
        within=parse_duration(journey.goal.within),
        now=END,
        planned_holdout=journey.holdout,
    )
