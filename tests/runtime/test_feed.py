"""What a load is fed becomes what the pipeline would have made of it, but starts nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from feeding import Feeding, Pure, Said
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsunagu.core import Body, Figures
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import DAY, HOUR, parse_time, wall, zone
from tsunagu.identity import DEFAULTS, IDENTIFIER, IdentifierKind, Kinds
from tsunagu.profiles import (
    SURVIVORSHIP,
    SURVIVORSHIP_NAME,
    Survivorship,
    SurvivorshipDocument,
    decode_state,
    make_plan,
)
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.feed import _Feeder
from tsunagu.storage import Database

START = parse_time("2017-11-01T00:00:00Z")
NEW_YORK = "America/New_York"
RULES = {
    "regulars": "did('Order Completed', within => '3 days') >= 2",
    "spenders": "total('Order Completed', 'total', within => '12 hours') > 50 and language = 'ja'",
    "ever": "did('Order Completed') >= 3 or total('Order Completed', 'tax') > 10",
}
PLAN = make_plan({name: parse_rule(rule) for name, rule in RULES.items()}, zone(NEW_YORK))
SURVIVING: dict[str, Any] = {
    "default": {"strategy": "most_frequent"},
    "traits": {
        "language": {"strategy": "source_priority", "sources": ["crm", "load"]},
        "t3": {"strategy": "longest_held"},
        "email": {"strategy": "latest"},
    },
}
CONSENT = {"channel": "email", "purpose": "marketing"}
BODIES = {
    "Order Completed": Body(properties={"total": 30, "tax": 2.5}, context={"ip": "10.0.0.1"}),
    "Consent Given": Body(properties=CONSENT),
    "Consent Withdrawn": Body(properties=CONSENT),
    "identify": Body(traits={"language": "ja", "plan": {"name": "gold\t\\"}, "age": 3}),
    "Page Viewed": Body(),
}
STRICT = {
    "anonymous_id": DEFAULTS["anonymous_id"].model_copy(
        update={"per_customer": 2, "per_identifier": 1}
    ),
    "email": DEFAULTS["email"].model_copy(
        update={"per_customer": 1, "per_identifier": 2, "patterns": ["u3@*"]}
    ),
    "member": IdentifierKind(sources=["properties.member", "context.x.no"], unique=True),
}
# What stands beside the envelope, by chance; some of it is written with escapes.
CONTEXTS: list[Any] = [
    {"externalIds": [{"type": "line", "id": "U1"}, {"type": "shop no", "id": "日本"}]},
    {"externalIds": [{"type": "phone", "id": "０９０-1111-2222"}]},
    {"device": {"id": "t1"}, "x": {"no": 'a\n"b'}},
    {"device": {"id": 5}, "externalIds": {"type": "card"}},
]
entries = st.tuples(
    st.integers(-40, 60),
    st.sampled_from([*BODIES, "Order Completed", "Order Completed", "alias", "identify"]),
    st.sampled_from([None, "u1", "u2", "u3"]),
    st.sampled_from([None, "d1", "d2", "d3"]),
    st.booleans(),
    st.integers(0, 9),
)


def said_of(drawn: list[Any]) -> list[Said]:
    said: list[Said] = []
    now = START + 50 * DAY
    for hours, name, user, device, flag, chance in drawn:
        now += hours * HOUR
        body = BODIES.get(name, Body())
        kind = name if name in ("identify", "alias") else "track"
        if name == "identify":
            traits = {**body.traits, "language": "ja" if flag else "en", f"t{chance}": chance}
            if flag:
                traits["email"] = f"{user or device}@example.com "
            body = Body(traits=traits)
        if name == "alias":
            body = Body(previous_id=f"d{chance % 3 + 1}")
        at = now + (5 * HOUR if chance == 9 else 0)  # a sender's clock that runs ahead
        if name == "alias" or (chance < len(CONTEXTS) and flag):
            context = {**body.context, **CONTEXTS[chance % len(CONTEXTS)]}
            body = msgspec.structs.replace(body, context=context)
        source = "crm" if chance % 3 == 0 else None
        said.append(Said(kind, name, at, user, device, body, now, source))
    return said


@pytest.fixture
def feeding(make_feeding: Callable[[], Feeding]) -> Feeding:
    return make_feeding()


@pytest.fixture
def make_feeding(
    database: Database, make_workspace: Callable[..., int], tmp_path: Path
) -> Callable[[], Feeding]:
    def make() -> Feeding:
        workspace = make_workspace(clock="driven", clock_now=START, zone=NEW_YORK)
        return Feeding(database, workspace, tmp_path / "lake", NEW_YORK)

    return make


def publish_rules(feeding: Feeding) -> None:
    for name, rule in RULES.items():
        feeding.publish("audience", name, {"title": {"en": name}, "rule": rule})


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(entries, min_size=1, max_size=30), st.data())
def test_history_and_traffic_cut_anywhere_give_what_the_pipeline_would(
    make_feeding: Callable[[], Feeding], drawn: list[Any], data: st.DataObject
) -> None:
    feeding = make_feeding()
    publish_rules(feeding)
    kinds = data.draw(st.sampled_from([{}, STRICT]))
    for name, kind in kinds.items():
        feeding.publish(IDENTIFIER, name, kind.model_dump())
    plan = PLAN
    if data.draw(st.booleans()):
        feeding.publish(SURVIVORSHIP, SURVIVORSHIP_NAME, SURVIVING)
        survivorship = Survivorship(SurvivorshipDocument.model_validate(SURVIVING))
        plan = make_plan(PLAN.rules, PLAN.zone, survivorship)
    pure = Pure(feeding.workspace, plan, Kinds(kinds))
    said = said_of(drawn)
    clock = max(s.at for s in said)
    feeding.clock(clock)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(said)), max_size=4)))
    for start, stop in zip([0, *cuts], [*cuts, len(said)], strict=True):
        if start == stop:
            continue
        bulk = data.draw(st.booleans())
        if bulk:
            for part in feeding.load(said[start:stop], part=data.draw(st.sampled_from([9, 1_000]))):
                pure.take(part, clock, bulk=True)
        else:
            pure.take(feeding.post(said[start:stop]), clock, bulk=False)
    found, expected = feeding.story(), pure.story()
    for part, of_part in expected.items():
        assert found[part] == of_part, part
    feeding.drain()
    assert feeding.story()["states"] == found["states"]


JOURNEY: dict[str, Any] = {
    "title": {"en": "Reminder"},
    "entry": {"audience": "ever"},
    "start": "first",
    "nodes": {
        "first": {"kind": "send", "message": "reminder", "next": "wait"},
        "wait": {"kind": "wait", "within": "9 days", "otherwise": "end"},
        "end": {"kind": "end"},
    },
    "goal": {"event": "Coupon Redeemed", "within": "20 days"},
}
MAIL = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>"
    '<a href="{{ unsubscribe_url }}">Stop</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
MESSAGE: dict[str, Any] = {
    "title": {"en": "Reminder"},
    "channel": "email",
    "purpose": "marketing",
    "languages": {
        "en": {"subject": "Hello", "mjml": MAIL, "text": "Hello {{ unsubscribe_url }}"},
    },
}


def publish_journey(feeding: Feeding) -> None:
    publish_rules(feeding)
    feeding.publish("message", "reminder", MESSAGE)
    feeding.publish("journey", "reminder", JOURNEY)


def orders(user: str | None, count: int, at: int, device: str | None = None) -> list[Said]:
    body = BODIES["Order Completed"]
    return [Said("track", "Order Completed", at, user, device, body) for _ in range(count)]


def test_history_makes_members_and_enters_no_journey(feeding: Feeding) -> None:
    publish_journey(feeding)
    feeding.clock(START + 100 * DAY)
    feeding.load([*orders("u1", 3, START), *orders("u2", 1, START)])
    assert feeding.rows("select audience from audience_members") == [("ever",)]
    feeding.post([*orders("u1", 1, START + 100 * DAY), *orders("u2", 2, START + 100 * DAY)])
    entered = "select first_value from customers join enrolments using (customer_id)"
    assert feeding.rows(entered) == [("u2",)]
    told = (
        "select distinct first_value from customers join timeline using (customer_id) "
        "where name = 'Audience Entered'"
    )
    assert feeding.rows(told) == [("u2",)]
    assert feeding.rows("select 1 from send_ledger union all select 1 from outbox") == []


def test_history_never_overwrites_what_is_newer(feeding: Feeding) -> None:
    feeding.clock(START + 100 * DAY)
    new = Body(traits={"plan": "gold", "city": "Kyoto"})
    said = [
        Said("identify", "identify", START + 9 * DAY, "u1", body=new),
        Said("track", "Consent Withdrawn", START + 9 * DAY, "u1", body=Body(properties=CONSENT)),
    ]
    feeding.post(said)
    old = Body(traits={"plan": "free", "town": "Nara"})
    given = Body(properties=CONSENT, context={"ip": "10.0.0.1"})
    feeding.load(
        [
            Said("identify", "identify", START, "u1", body=old),
            Said("track", "Consent Given", START, "u1", body=given),
            Said("track", "Consent Given", START, "u2", body=given),
        ]
    )
    ((traits,),) = feeding.rows("select traits from profiles where traits ? 'plan'")
    assert traits == {"plan": "gold", "city": "Kyoto", "town": "Nara"}
    found = feeding.rows(
        "select first_value, granted, evidence from consents join customers using (customer_id) "
        "order by first_value"
    )
    assert [(value, granted) for value, granted, _ in found] == [("u1", False), ("u2", True)]
    assert found[1][2] == {"properties": CONSENT, "context": {"ip": "10.0.0.1"}}
    state = feeding.state("user_id", "u1")
    assert (state.first_seen, state.last_seen, state.events) == (START, START + 9 * DAY, 4)


def test_enrolments_follow_customers_whom_history_merges(feeding: Feeding) -> None:
    publish_journey(feeding)
    feeding.clock(START + 100 * DAY)
    feeding.post([*orders("u1", 3, START + 99 * DAY), *orders(None, 3, START + 99 * DAY, "d1")])
    assert len(feeding.rows("select 1 from enrolments where status = 'active'")) == 2
    feeding.load([Said("track", "Page Viewed", START, "u1", "d1")])
    feeding.drain()
    ((customer,),) = feeding.rows("select customer_id from profiles")
    found = feeding.rows("select customer_id, status, end_reason from enrolments order by status")
    assert found == [(customer, "active", None), (customer, "exited", "merged")]
    wakes = "select p.wake_at <= e.wake_at from profiles p, enrolments e where e.status = 'active'"
    assert feeding.rows(wakes) == [(True,)]
    assert len(feeding.rows("select 1 from timeline where name = 'Journey Ended'")) == 1


def test_who_names_nobody_stays_in_the_lake_alone(feeding: Feeding) -> None:
    after, upto, _ = feeding.put(
        [Said("track", "Seen", START, "null"), Said("track", "Seen", START, "u1")]
    )
    report = feeding.feed(after, upto)
    assert (report.events, report.customers, report.nobody) == (2, 1, 1)
    assert len(feeding.rows("select 1 from timeline")) == 1


def test_parts_without_events_and_parts_about_nobody_are_passed(feeding: Feeding) -> None:
    said = [Said("track", "Seen", START, "null"), *orders("u1", 1, START)]
    after, upto, _ = feeding.put(said)  # positions 1 and 3 of four
    report = feeding.feed(after, upto, part=1)
    assert (report.events, report.customers, report.nobody) == (2, 1, 1)
    assert feeding.rows("select fed_position, told_position from load_feeds") == [(upto, upto)]


def test_rules_that_are_new_before_the_timeline_is_there_are_answered_from_all_of_it(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeding.clock(START + 100 * DAY)
    feeding.drain()
    tell = _Feeder._tell

    def publish_first(self: _Feeder, *words: Any) -> None:
        publish_rules(feeding)
        feeding.drain()
        assert feeding.rows("select 1 from audience_members") == []
        tell(self, *words)

    monkeypatch.setattr(_Feeder, "_tell", publish_first)
    feeding.load(orders("u1", 3, START))
    feeding.drain()
    assert feeding.rows("select audience from audience_members") == [("ever",)]
    assert feeding.state("user_id", "u1").counters["Order Completed"].total == 3


def test_a_customer_who_waits_for_new_rules_is_answered_with_their_history(
    feeding: Feeding,
) -> None:
    feeding.clock(START + 100 * DAY)
    feeding.post(orders("u1", 1, START + 99 * DAY))
    publish_rules(feeding)
    feeding.load(orders("u1", 2, START))  # before the pipeline has seen the new rules
    assert feeding.rows("select 1 from audience_members") == []
    feeding.drain()
    assert feeding.rows("select audience from audience_members") == [("ever",)]
    assert feeding.state("user_id", "u1").counters["Order Completed"].total == 3


def test_traffic_and_a_feed_at_the_same_time_lose_nothing(
    database: Database, make_workspace: Callable[..., int], tmp_path: Path
) -> None:
    feeding = Feeding(database, make_workspace(), tmp_path / "lake")
    publish_rules(feeding)
    history = [
        said
        for n in range(300)
        for said in orders(f"u{n % 17}" if n % 3 else None, 1, START + n * HOUR, f"d{n % 23}")
    ]
    after, upto, _ = feeding.put(history)
    stop = threading.Event()
    pipeline = threading.Thread(target=pipeline_loop.run, args=(database, Figures(), stop))
    load = threading.Thread(target=feeding.feed, args=(after, upto), kwargs={"part": 70})
    pipeline.start()
    load.start()
    for n in range(60):
        feeding.append(orders(f"u{n % 19}", 2, wall(), f"d{n % 29}"))
    load.join(60)
    until = time.monotonic() + 60
    while not feeding.drained() and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    pipeline.join(30)
    told = Counter(customer for _, customer in feeding.story()["timeline"])
    assert sum(told.values()) == 300 + 120
    profiles = feeding.rows("select customer_id, events, state from profiles")
    assert {customer: events for customer, events, _ in profiles} == told
    counted = {c: decode_state(raw).counters["Order Completed"].total for c, _, raw in profiles}
    assert counted == told
    assert feeding.rows("select told_position from load_feeds") == [(upto,)]
