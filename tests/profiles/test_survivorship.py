"""Which value of a trait holds, and who said it, follows from what was said and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tsunagu.core.times import zone
from tsunagu.profiles import (
    Plan,
    State,
    Survivorship,
    SurvivorshipDocument,
    ToldTraits,
    decode_state,
    encode_state,
    make_plan,
    refold_traits,
)
from tsunagu.profiles.fold import fold_traits
from tsunagu.profiles.state import merge_states
from tsunagu.profiles.survivorship import LARGEST_VALUE, MOST_VALUES

UTC = zone("UTC")
RULES: dict[str, Any] = {
    "city": {"strategy": "source_priority", "sources": ["crm", "shop"]},
    "size": {"strategy": "most_frequent"},
    "phone": {"strategy": "longest_held"},
}
Told = tuple[int, str, dict[str, Any]]


def plan_of(**traits: Any) -> Plan:
    document = SurvivorshipDocument.model_validate({"traits": traits})
    return make_plan({}, UTC, Survivorship(document))


PLAN = plan_of(**RULES)
told = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["crm", "shop", "web", "app"]),
        st.dictionaries(
            st.sampled_from(["city", "size", "phone", "plain"]),
            st.sampled_from(["a", "b", "c", 1, True, 1.0, None, ["a"], {"x": 1, "y": 2}]),
            min_size=1,
        ),
    ),
    max_size=12,
)


def fold(plan: Plan, said: Sequence[tuple[int, Told]]) -> State:
    """The state of what was said at these positions, in the order given."""
    state = State({}, {}, {}, sources={}, candidates={})
    for position, (at, source, traits) in said:
        state.events += 1
        fold_traits(plan, state, traits, at, position, source)
    return state


def held(state: State) -> Any:
    """Values are told apart by how they are written: 1, 1.0 and true are equal in Python."""
    parts = (state.traits, sorted(state.sources.items()), state.candidates)
    return msgspec.json.encode(parts, order="deterministic")


@given(told, st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_said_does_not_matter(drawn: list[Told], random: Any) -> None:
    said = list(enumerate(drawn, start=1))
    shuffled = list(said)
    random.shuffle(shuffled)
    assert held(fold(PLAN, shuffled)) == held(fold(PLAN, said))


@given(told, st.data())
def test_two_customers_who_merge_are_as_if_they_had_always_been_one(
    drawn: list[Told], data: st.DataObject
) -> None:
    said = list(enumerate(drawn, start=1))
    mine = data.draw(st.lists(st.booleans(), min_size=len(said), max_size=len(said)))
    one = fold(PLAN, [s for s, here in zip(said, mine, strict=True) if here])
    other = fold(PLAN, [s for s, here in zip(said, mine, strict=True) if not here])
    merged = merge_states(one, other, PLAN.survivorship)
    assert held(merged) == held(fold(PLAN, said))


@given(told, st.data())
def test_a_refold_by_other_rules_is_as_if_they_had_always_been_in_force(
    drawn: list[Told], data: st.DataObject
) -> None:
    said = list(enumerate(drawn, start=1))
    plans = st.sampled_from([PLAN, make_plan({}, UTC), plan_of(city={"strategy": "longest_held"})])
    before, after = data.draw(plans), data.draw(plans)
    state = decode_state(encode_state(fold(before, said)))
    body = msgspec.json.encode
    refold_traits(
        after,
        state,
        [ToldTraits(at, p, source, body({"traits": traits})) for p, (at, source, traits) in said],
    )
    assert held(state) == held(fold(after, said))


@settings(max_examples=30)
@given(st.data())
def test_more_values_than_are_kept_leave_the_latest_whatever_the_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(MOST_VALUES - 1, MOST_VALUES + 3))
    drawn: list[Told] = [(n % 7, "crm", {"size": n}) for n in range(count)]
    said = list(enumerate(drawn, start=1))
    shuffled = data.draw(st.permutations(said))
    cut = data.draw(st.integers(0, count))
    state = fold(PLAN, said)
    assert held(fold(PLAN, shuffled)) == held(state)
    parts = fold(PLAN, shuffled[:cut]), fold(PLAN, shuffled[cut:])
    assert held(merge_states(*parts, PLAN.survivorship)) == held(state)
    kept = state.candidates["size"]
    assert len(kept) == (count if count <= MOST_VALUES else 1)
    assert kept[-1].times == (1 if count <= MOST_VALUES else 0)


def test_each_strategy_chooses_as_its_name_says() -> None:
    said: list[Told] = [
        (1, "crm", {"city": "Nara", "size": "M", "phone": "03", "plain": "old"}),
        (3, "web", {"city": "Kobe", "size": "L", "phone": "06", "plain": "new"}),
        (2, "shop", {"city": "Uji", "size": "M"}),
        (9, "app", {"city": "Otsu", "size": "S"}),
    ]
    state = fold(PLAN, list(enumerate(said, start=1)))
    assert state.values() == {"city": "Nara", "size": "M", "phone": "03", "plain": "new"}
    whence = {name: state.sources[position] for name, (_, _, position) in state.traits.items()}
    assert whence == {"city": "crm", "size": "shop", "phone": "crm", "plain": "web"}


def test_a_source_that_knows_nothing_leaves_the_word_to_the_next() -> None:
    said: list[Told] = [(1, "crm", {"city": "Nara"}), (2, "web", {"city": "Kobe"})]
    said.append((3, "crm", {"city": None}))
    assert fold(PLAN, list(enumerate(said, start=1))).values() == {"city": "Kobe"}


def test_a_value_too_long_to_be_kept_beside_others_counts_when_it_is_the_latest() -> None:
    long = "x" * LARGEST_VALUE
    said: list[Told] = [(1, "crm", {"size": "M"}), (2, "crm", {"size": long})]
    state = fold(PLAN, list(enumerate([*said, (1, "crm", {"size": "M"})], start=1)))
    assert state.values() == {"size": long}
    assert len(state.candidates["size"]) == 1


def test_plain_workspaces_keep_no_other_values_and_no_source_that_says_nothing_any_more() -> None:
    plan = make_plan({}, UTC)
    drawn: list[Told] = [(n, f"s{n}", {"a": n, "b": n}) for n in range(5)]
    state = fold(plan, list(enumerate([*drawn, (2, "late", {"a": 0, "c": 0})], start=1)))
    assert state.candidates == {}
    assert state.sources == {5: "s4", 6: "late"}
    latest = make_plan({}, UTC, Survivorship(SurvivorshipDocument()))
    assert latest.key == plan.key != PLAN.key


def test_states_from_before_sources_were_kept_are_read_and_merged() -> None:
    old = msgspec.msgpack.encode([{"city": ["Nara", 5, 1]}, {}, {}, [], ["all"], 5, 5, 5, 1, 1, 0])
    state = decode_state(old)
    assert (state.values(), state.sources, state.candidates) == ({"city": "Nara"}, {}, {})
    newer = fold(PLAN, [(2, (6, "crm", {"city": "Uji"}))])
    assert merge_states(state, newer, PLAN.survivorship).values() == {"city": "Uji"}


@pytest.mark.parametrize(
    "rule",
    [
        {"strategy": "source_priority"},
        {"strategy": "latest", "sources": ["crm"]},
        {"strategy": "source_priority", "sources": ["crm", "crm"]},
        {"strategy": "newest"},
        {"strategy": "source_priority", "sources": [f"s{n}" for n in range(MOST_VALUES)]},
    ],
)
def test_a_rule_that_says_nothing_sensible_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SurvivorshipDocument.model_validate({"traits": {"city": rule}})
