"""What a load is fed becomes what the pipeline would have made of it, but starts nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feeding import Feeding, Pure, Said
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsunagu.core import Body
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import DAY, HOUR, parse_time, zone
from tsunagu.profiles import make_plan
from tsunagu.storage import Database

START = parse_time("2017-11-01T00:00:00Z")
NEW_YORK = "America/New_York"
RULES = {
    "regulars": "did('Order Completed', within => '3 days') >= 2",
    "spenders": "total('Order Completed', 'total', within => '12 hours') > 50 and language = 'ja'",
    "ever": "did('Order Completed') >= 3 or total('Order Completed', 'tax') > 10",
}
PLAN = make_plan({name: parse_rule(rule) for name, rule in RULES.items()}, zone(NEW_YORK))
CONSENT = {"channel": "email", "purpose": "marketing"}
BODIES = {
    "Order Completed": Body(properties={"total": 30, "tax": 2.5}, context={"ip": "10.0.0.1"}),
    "Consent Given": Body(properties=CONSENT),
    "Consent Withdrawn": Body(properties=CONSENT),
    "identify": Body(traits={"language": "ja", "plan": {"name": "gold\t\\"}, "age": 3}),
    "Page Viewed": Body(),
}
entries = st.tuples(
    st.integers(-40, 60),
    st.sampled_from([*BODIES, "Order Completed", "Order Completed", "alias", "identify"]),
    st.sampled_from([None, "u1", "u2", "u3"]),
    st.sampled_from([None, "d1", "d2", "d3"]),
    st.booleans(),
    st.integers(0, 9),
).filter(lambda e: e[2] or e[3])


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
        said.append(Said(kind, name, at, user, device, body, now))
    return said


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
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(entries, min_size=1, max_size=30), st.data())
def test_history_and_traffic_cut_anywhere_give_what_the_pipeline_would(
    make_feeding: Callable[[], Feeding], drawn: list[Any], data: st.DataObject
) -> None:
    feeding = make_feeding()
    publish_rules(feeding)
    pure = Pure(feeding.workspace, PLAN)
    said = said_of(drawn)
    clock = max(s.at for s in said)
    feeding.clock(clock)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(said)), max_size=4)))
    for start, stop in zip([0, *cuts], [*cuts, len(said)], strict=True):
        if start == stop:
            continue
        bulk = data.draw(st.booleans())
        if bulk:
            pure.take(feeding.load(said[start:stop]), clock, bulk=True)
        else:
            pure.take(feeding.post(said[start:stop]), clock, bulk=False)
    found, expected = feeding.story(), pure.story()
    for part, of_part in expected.items():
        assert found[part] == of_part, part
    feeding.drain()
    assert feeding.story()["states"] == found["states"]
