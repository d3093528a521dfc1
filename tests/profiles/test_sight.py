"""What the rules see of a customer agrees with the definition of a window, hour after hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.core.rules import Feature, parse_rule
from tsunagu.core.times import DAY, HOUR, MINUTE
from tsunagu.profiles.features import count_event, make_plan
from tsunagu.profiles.sight import Sight
from tsunagu.profiles.state import State

START = 20_500 * DAY
RULES = {
    "often": "did('Viewed', within => '3 days') >= 2 and did('Viewed') < 50",
    "lately": "did('Viewed', within => '5 hours') >= 1 or did('Viewed', within => '1 hour') >= 3",
    "spent": "total('Bought', 'total', within => '2 days') > 10"
    " or total('Bought', 'total', within => '30 hours') > 5",
    "ever": "total('Bought', 'total') > 3 and last_time('Bought') > '2026-01-01'",
    "first": "first_time('Viewed') < '2026-03-01' and country = 'JP'",
}
Deed = tuple[int, str, int]

deeds = st.lists(
    st.tuples(
        st.integers(0, 8 * DAY // (7 * MINUTE)),
        st.sampled_from(["Viewed", "Bought", "Ignored"]),
        st.integers(0, 9),
    ),
    max_size=25,
).map(lambda found: sorted((START + step * 7 * MINUTE, name, n) for step, name, n in found))
zones = st.sampled_from(["Asia/Tokyo", "America/New_York", "Asia/Kathmandu", "UTC"])


def expected(feature: Feature, done: Sequence[Deed], now: int, zone: ZoneInfo) -> Any:
    """The figure as the rule language defines it, from the bare list of what was done."""
    amounts = feature.kind == "sum"
    own = [(at, n if amounts else 1) for at, what, n in done if what == feature.event]
    if feature.kind in ("first", "last"):
        times = [at for at, _ in own]
        return (min(times) if feature.kind == "first" else max(times)) if times else None
    if feature.within is not None:
        low, high = feature.window(now, zone)
        own = [(at, n) for at, n in own if low <= feature.bucket(at, zone) <= high]
    return sum(n for _, n in own)


@given(deeds, zones, st.lists(st.integers(0, 48), min_size=1, max_size=6))
def test_a_row_holds_what_the_windows_hold(
    done: list[Deed], zone_name: str, pauses: list[int]
) -> None:
    zone = ZoneInfo(zone_name)
    plan = make_plan({name: parse_rule(rule) for name, rule in RULES.items()}, zone)
    sight, state = Sight(plan), State(traits={"country": ("JP", 0, 0)})
    now, left = START, list(done)
    for pause in pauses:
        now += pause * HOUR
        while left and left[0][0] <= now:
            at, name, n = left.pop(0)
            count_event(plan, state, name, {"total": n}, at)
        row, wake = sight.look(state, now)
        seen = done[: len(done) - len(left)]
        wanted = [expected(feature, seen, now, zone) for feature in plan.features]
        assert row == [*wanted, "JP"]
        if wake:
            assert wake > now


@given(deeds, zones)
def test_nothing_changes_before_the_wake_and_something_does_at_it(
    done: list[Deed], zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    plan = make_plan({name: parse_rule(rule) for name, rule in RULES.items()}, zone)
    state = State()
    for at, name, n in done:
        count_event(plan, state, name, {"total": n}, at)
    now = START + 8 * DAY
    row, wake = Sight(plan).look(state, now)
    windows = [f for f in plan.features if f.within is not None]
    if not wake:
        assert all(not expected(f, done, now, zone) or f.kind == "sum" for f in windows)
        return
    assert Sight(plan).look(state, wake - 1)[0] == row
    later, before = (
        {f: {b for b in _buckets(f, done, zone) if b >= f.window(time, zone)[0]} for f in windows}
        for time in (wake, now)
    )
    assert later != before


def _buckets(feature: Feature, done: Sequence[Deed], zone: ZoneInfo) -> set[int]:
    return {feature.bucket(at, zone) for at, what, _ in done if what == feature.event}
