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
from tsunagu.core.times import DAY, parse_duration, zone
from tsunagu.decisions import Policy
from tsunagu.insights import Comparison, Outcome, compare
from tsunagu.journeys import Book, Enrolment, Journey
from tsunagu.profiles import Audience, Fact, Plan, encode_state, make_plan
from tsunagu.runtime.batch import Changes, Loaded, advance_batch
from tsunagu.runtime.demo.library import POLICY, Library
from tsunagu.runtime.demo.synthetic import CHANNEL, PURPOSE
from tsunagu.runtime.world.crowd import Crowd
from tsunagu.runtime.world.library import journey_of, world_library
from tsunagu.runtime.world.model import CAMPAIGN, END, START, ZONE, World

STEP = DAY
Document = TypeVar("Document", bound=BaseModel)


@dataclass
class Loop:
    """What a database would keep of the world's workspace."""

    plan: Plan
    book: Book
    names: dict[int, str] = field(default_factory=dict[int, str])
    states: dict[int, bytes] = field(default_factory=dict[int, bytes])
    wakes: dict[int, int] = field(default_factory=dict[int, int])
    enrolments: dict[int, list[Enrolment]] = field(default_factory=dict[int, list[Enrolment]])
    position: int = 0

    def batch(self, world: str, events: Sequence[NewEvent], closing: int) -> Changes:
        """Take events through the loop; timers fire up to `closing`."""
        facts = [self._fact(world, event) for event in events]
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
        return changes

    def _fact(self, world: str, event: NewEvent) -> Fact:
        name, at = event.user_id or "", event.at or 0
        customer = stable_id(world, name)
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
    loop = Loop(*_read(world_library([shop.name for shop in world.shops])))
    crowd = Crowd(world)
    now = START
    for until in (CAMPAIGN, *range(CAMPAIGN + STEP, END + STEP, STEP)):
        mailed = loop.batch(world.name, crowd.between(now, until), until)
        answers = _answer(loop, crowd, mailed, until)
        if answers:
            loop.batch(world.name, answers, until)
        now = until
    enrolled = [e for some in loop.enrolments.values() for e in some]
    return {
        shop.name: _compare(loop.book.journeys[journey_of(shop.name), 1], shop.name, enrolled, now)
        for shop in world.shops
    }


def _answer(loop: Loop, crowd: Crowd, mailed: Changes, now: int) -> list[NewEvent]:
    answers: list[NewEvent] = []
    decided = sorted(mailed.moves.decisions, key=attrgetter("at", "send_key"))
    for decision in decided:
        if decision.verdict.kind != "allowed":
            continue
        customer = loop.names[decision.enrolment.customer_id]
        if crowd.receive(customer, decision.send_key, now).unsubscribes:
            body = encode_body(Body(properties={"channel": CHANNEL, "purpose": PURPOSE}))
            key = f"unsubscribed-{decision.send_key}"
            answers.append(
                NewEvent(key, "track", UNSUBSCRIBED, customer, None, now, "public", body)
            )
    return answers


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


def _compare(journey: Journey, shop: str, enrolled: Sequence[Enrolment], now: int) -> Comparison:
    outcomes = [
        Outcome(e.arm, e.entered_at, e.goal_at) for e in enrolled if e.journey == journey_of(shop)
    ]
    return compare(
        outcomes,
        within=parse_duration(journey.goal.within),
        now=now,
        planned_holdout=journey.holdout,
    )
