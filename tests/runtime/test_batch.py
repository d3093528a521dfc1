"""The cut of the log does not matter: any batches give the same customers and decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.content import Message
from tsunagu.core import Body, Event
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import DAY, HOUR, parse_time, zone
from tsunagu.decisions import Policy
from tsunagu.identity import Known, identifiers_of
from tsunagu.journeys import Book, Enrolment, Journey
from tsunagu.profiles import (
    Plan,
    State,
    Survivorship,
    SurvivorshipDocument,
    encode_state,
    make_plan,
)
from tsunagu.runtime.batch import Changes, Loaded, advance_batch, resolve_batch

START = parse_time("2017-11-01T00:00:00Z")
NEW_YORK = zone("America/New_York")


def plan_of(**rules: str) -> Plan:
    return make_plan({name: parse_rule(text) for name, text in rules.items()}, NEW_YORK)


PLAN = plan_of(
    regulars="did('Order Completed', within => '3 days') >= 2",
    spenders="total('Order Completed', 'total', within => '12 hours') > 50 and language = 'ja'",
)
SURVIVING = make_plan(
    PLAN.rules,
    NEW_YORK,
    Survivorship(SurvivorshipDocument.model_validate({"default": {"strategy": "longest_held"}})),
)
WORDS = {"subject": "Hello", "mjml": "<mjml></mjml>", "text": "Hello"}
MESSAGE = Message(
    title={"en": "Reminder"}, channel="email", purpose="marketing", languages={"en": WORDS}
)
JOURNEY = Journey.model_validate(
    {
        "title": {"en": "Reminder"},
        "entry": {"audience": "regulars"},
        "holdout": 0.3,
        "start": "first",
        "nodes": {
            "first": {"kind": "send", "message": "reminder", "next": "wait"},
            "wait": {
                "kind": "wait",
                "event": "Coupon Redeemed",
                "within": "2 days",
                "then": "done",
                "otherwise": "second",
            },
            "second": {"kind": "send", "message": "reminder", "next": "done"},
            "done": {"kind": "end"},
        },
        "goal": {"event": "Coupon Redeemed", "within": "5 days"},
        "reentry_after": "6 days",
    }
)
POLICY = Policy.model_validate(
    {
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "caps": [{"channel": "email", "limit": 2, "within": "4 days"}],
        "default_zone": "America/New_York",
    }
)
BOOK = Book({("reminder", 1): JOURNEY}, {"reminder": 1}, {"reminder": (1, MESSAGE)}, POLICY)


@dataclass
class Memory:
    """What a database would keep between batches."""

    plan: Plan
    known: Known = field(default_factory=Known)
    states: dict[int, bytes] = field(default_factory=dict[int, bytes])
    wakes: dict[int, int] = field(default_factory=dict[int, int])
    enrolments: dict[int, bytes] = field(default_factory=dict[int, bytes])
    outcomes: list[Changes] = field(default_factory=list[Changes])

    def batch(self, log: list[tuple[Event, Body]], closing: int) -> None:
        events, bodies = [e for e, _ in log], [b for _, b in log]
        stated = [identifiers_of(e, b) for e, b in log]
        facts, absorbed, _ = resolve_batch(1, events, bodies, stated, self.known)
        for merge in absorbed:
            self.known.owners = {
                i: merge.survivor if c == merge.loser else c for i, c in self.known.owners.items()
            }
        touched = {f.customer for f in facts} | {c for m in absorbed for c in (m.loser, m.survivor)}
        touched |= {c for c, wake in self.wakes.items() if 0 < wake <= closing}
        enrolments = [
            msgspec.msgpack.decode(raw, type=Enrolment) for raw in self.enrolments.values()
        ]
        loaded = Loaded(
            {c: self.states[c] for c in touched if c in self.states},
            [e for e in enrolments if e.customer_id in touched],
        )
        changes = advance_batch(self.plan, BOOK, facts, absorbed, loaded, closing)
        for merge in absorbed:
            self.states.pop(merge.loser, None)
            self.wakes.pop(merge.loser, None)
        self.states |= {c: encode_state(s) for c, s in changes.states.items()}
        self.wakes |= changes.wakes
        self.enrolments |= {
            e.enrolment_id: msgspec.msgpack.encode(e) for e in changes.moves.changed.values()
        }
        self.outcomes.append(changes)

    def story(self) -> Any:
        """Everything that was decided, in an order that the cut cannot change."""
        moves = [o.moves for o in self.outcomes]
        return {
            "states": {c: _readable(raw) for c, raw in sorted(self.states.items())},
            "wakes": dict(sorted(self.wakes.items())),
            "enrolments": dict(sorted(self.enrolments.items())),
            "steps": sorted(
                (s.enrolment_id, s.step, s.node, s.outcome, s.at) for m in moves for s in m.steps
            ),
            "decisions": sorted(
                (d.send_key, d.verdict.kind, d.verdict.reason, d.at, str(sorted(d.traits.items())))
                for m in moves
                for d in m.decisions
            ),
            "memberships": sorted(
                (c.customer, c.now, c.audience, c.entered)
                for o in self.outcomes
                for c in o.memberships
            ),
        }


def _readable(raw: bytes) -> Any:
    state = msgspec.msgpack.decode(raw, type=State)
    state.traits = dict(sorted(state.traits.items()))
    state.counters = dict(sorted(state.counters.items()))
    state.consents = dict(sorted(state.consents.items()))
    return msgspec.to_builtins(state, str_keys=False)


def fact(
    position: int, at: int, name: str, user: str | None, device: str | None, body: Body
) -> Any:
    kind = "identify" if name == "identify" else "track"
    return (
        Event(position, at, at, f"m{position}", kind, name, user, device, at, "shop", b"{}"),
        body,
    )


BODIES = {
    "Order Completed": Body(properties={"total": 30}),
    "Coupon Redeemed": Body(),
    "Consent Given": Body(properties={"channel": "email", "purpose": "marketing"}),
    "Consent Withdrawn": Body(properties={"channel": "email", "purpose": "marketing"}),
    "identify": Body(traits={"email": "a@example.com", "language": "ja", "timezone": "Asia/Tokyo"}),
    "Page Viewed": Body(),
}
entries = st.tuples(
    st.integers(0, 30),
    st.sampled_from([*BODIES, "Order Completed", "Order Completed"]),
    st.sampled_from([None, "u1", "u2"]),
    st.sampled_from([None, "d1", "d2"]),
).filter(lambda e: e[2] or e[3])


def make_log(drawn: list[tuple[int, str, str | None, str | None]]) -> list[tuple[Event, Body]]:
    log: list[tuple[Event, Body]] = []
    now = START
    for position, (hours, name, user, device) in enumerate(drawn, start=1):
        now += hours * HOUR
        body = BODIES[name]
        if name == "identify":
            body = Body(traits={**body.traits, "email": f"{user or device}@example.com"})
        log.append(fact(position, now, name, user, device, body))
    return log


@settings(max_examples=150, deadline=None)
@given(st.lists(entries, min_size=1, max_size=40), st.data())
def test_the_cut_of_the_log_does_not_matter(
    drawn: list[tuple[int, str, str | None, str | None]], data: st.DataObject
) -> None:
    log = make_log(drawn)
    end = log[-1][0].known_at + 20 * DAY
    plan = data.draw(st.sampled_from([PLAN, SURVIVING]))
    whole = Memory(plan)
    whole.batch(log, end)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=8)))
    pieces = Memory(plan)
    for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True):
        if start < stop:
            pieces.batch(log[start:stop], log[stop - 1][0].known_at)
    pieces.batch([], end)
    assert pieces.story() == whole.story()


def test_a_regular_is_reminded_twice_after_quiet_hours_and_then_left_alone() -> None:
    drawn = [
        (12, "identify", "u1", None),
        (0, "Consent Given", "u1", None),
        (1, "Order Completed", "u1", None),
        (5, "Order Completed", "u1", None),
    ]
    memory = Memory(PLAN)
    memory.batch(make_log(drawn), START + 30 * DAY)
    story = memory.story()
    (enrolment,) = (msgspec.msgpack.decode(e, type=Enrolment) for e in memory.enrolments.values())
    assert enrolment.status == "completed"
    assert enrolment.end_reason == "no goal"
    if enrolment.arm == "treated":
        # 18:00 UTC is 03:00 in Tokyo: the first mail waits for 08:00 there
        assert [d[3] for d in story["decisions"]] == [
            START + 23 * HOUR,
            START + 23 * HOUR + 2 * DAY,
        ]
