"""A marketer writes a rule: it is understood, or refused with the word that is wrong."""

from __future__ import annotations

import pytest

from tsunagu.core.errors import Invalid
from tsunagu.core.rules import Feature, evaluate, parse_rule, trait_column, trait_text
from tsunagu.core.times import DAY, HOUR, parse_time, zone


def holds(source: str, traits: dict[str, object], **figures: float | int | None) -> bool:
    rule = parse_rule(source)
    columns: dict[str, list[object]] = {
        trait_column(name): [trait_text(traits.get(name))] for name in rule.traits
    }
    for feature in rule.features:
        columns[feature.column] = [figures.get(feature.kind)]
    return evaluate({"it": rule}, columns)["it"][0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("country = 'JP'", True),
        ("country <> 'JP'", False),
        ("age > 30", True),
        ("age between 30 and 42 and not vip is false", True),
        ("vip", True),
        ("vip = true and not (country = 'US')", True),
        ("name like '山%'", True),
        ("lower(country) in ('jp', 'us')", True),
        ("missing = 'x'", False),
        ("not (missing = 'x')", False),
        ("missing is null", True),
        ("coalesce(missing, 'x') = 'x'", True),
        ("country > 5", False),
        ("nonsense > 5", False),
        ("age / 0 > 1", False),
        ("age + 1 * 2 - -1 = 45", True),
        ("\"Sign Up\" >= '2017-10-30'", True),
        ("\"Sign Up\" < timestamp '2017-10-30 01:00:00'", True),
        ("\"Sign Up\" between date '2017-10-29' and date '2017-10-30'", True),
        ("country = 'J''P'", False),
    ],
)
def test_traits(source: str, expected: bool) -> None:
    traits = {
        "country": "JP",
        "age": 42,
        "vip": True,
        "name": "山田",
        "nonsense": "nan",
        "Sign Up": "2017-10-30T09:00:00+09:00",
    }
    assert holds(source, traits) is expected


def test_behaviour_is_read_from_features() -> None:
    source = """country = 'JP' and did('Order Completed', within => '30 days') >= 2
        and total('Order Completed', 'total', within => '90 days') > 50
        and last_time('Order Completed') >= date '2017-11-01'"""
    rule = parse_rule(source)
    assert rule.traits == {"country"}
    assert rule.features == {
        Feature("count", "Order Completed", None, 30 * DAY, "day"),
        Feature("sum", "Order Completed", "total", 90 * DAY, "day"),
        Feature("last", "Order Completed"),
    }
    figures = {"count": 2, "sum": 50.5, "last": parse_time("2017-11-02")}
    assert holds(source, {"country": "JP"}, **figures)
    assert not holds(source, {"country": "JP"}, **{**figures, "sum": 50.0})
    assert not holds(source, {"country": "JP"}, **{**figures, "last": None})


def test_what_was_never_done_counts_as_zero() -> None:
    assert holds("did('Order Completed') = 0", {})
    assert holds("total('Order Completed', 'total') = 0", {})


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("upper(country) = 'JP'", "upper(...)"),
        ("read_csv('/etc/passwd') = 'x'", "read_csv(...)"),
        ("getenv('HOME') = 'x'", "getenv(...)"),
        ("country = (select 1)", "SELECT 1"),
        ("exists (select 1)", "not part of the rule language"),
        ("country in (select value from traits)", "not part of the rule language"),
        ("select 1", "not part of the rule language"),
        ("country = 'JP'; drop table traits", "not part of the rule language"),
        ("country ilike 'j%'", "not part of the rule language"),
        ("country like any ('J%')", "not part of the rule language"),
        ("age between symmetric 1 and 2", "not part of the rule language"),
        ("age::integer = 1", "not part of the rule language"),
        ("case when vip then true end", "not part of the rule language"),
        ("customer.country = 'JP'", "not part of the rule language"),
        ("country = $1", "not part of the rule language"),
        ("country || 'x' = 'JPx'", "not part of the rule language"),
        ("country = null", "is null"),
        ("country = ", "line 1, column"),
        ("country = 'JP", "quote is open"),
        ("country = 'JP' and 5", "'5' is a number"),
        ("did('A') = 'x'", "a number with a text"),
        ("did('A')", "true or false is needed"),
        ("did(country) > 1", "in quotes"),
        ("did('A', '30 days') > 1", "is used as did("),
        ("did('A', since => '30 days') > 1", "is used as did("),
        ("did('A', within => '30 moons') > 1", "not a duration"),
        ("did('A', within => '90 minutes') > 1", "whole hours"),
        ("did('A', within => '100 hours') > 1", "whole hours"),
        ("did('A', within => '0 days') > 1", "1 hour"),
        ("total('A') > 1", "is used as total("),
        ("total('A', 'a\"b') > 1", 'no "'),
        ("first_time('A', within => '3 days') > '2017-01-01'", "is used as first_time("),
        ("first_time('A') > 'yesterday'", "not a time"),
        ("age > 1e999", "not a number"),
        ("1 = 1", "must look at"),
        ("", "empty"),
        ("x" * 5_000, "characters"),
        ("(" * 200 + "vip" + ")" * 200, "nested deeper"),
        ("not " * 200 + "vip", "nested deeper"),
        ("age > " + "1+" * 200 + "1", "nested deeper"),
        ("case " * 700, ""),
    ],
)
def test_refusals_name_the_word(source: str, says: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_rule(source)
    assert says in str(refusal.value)


def test_a_long_list_of_conditions_is_fine() -> None:
    assert holds(" or ".join(f"age = {n}" for n in range(200)), {"age": 199})


def test_names_that_differ_in_case_or_sign_have_their_own_columns() -> None:
    assert len({trait_column(n).lower() for n in ("Country", "country", "国", "國", "a b")}) == 5
    assert holds("Country = 'a' and country = 'b'", {"Country": "a", "country": "b"})


def test_a_window_is_whole_buckets_and_says_when_they_leave() -> None:
    tokyo = zone("Asia/Tokyo")
    days = Feature("count", "A", None, 2 * DAY, "day")
    now = parse_time("2017-10-30T00:00:00+09:00")
    today = days.bucket(now, tokyo)
    assert days.window(now, tokyo) == (today - 1, today)
    assert days.leaves_at(today, tokyo) == now + 2 * DAY
    hours = Feature("count", "A", None, 3 * HOUR, "hour")
    assert hours.buckets == 3
    assert hours.leaves_at(hours.bucket(now, tokyo), tokyo) == now + 3 * HOUR
    new_york = zone("America/New_York")
    sunday = parse_time("2017-11-05T00:00:00-04:00")  # 25 hours long
    one_day = Feature("count", "A", None, DAY, "day")
    assert one_day.leaves_at(one_day.bucket(sunday, new_york), new_york) == sunday + 25 * HOUR
