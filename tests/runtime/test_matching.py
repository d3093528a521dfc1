"""Customers who look like one person are merged by a model's plan, or people are asked."""

from __future__ import annotations

import math
import os
import signal
from multiprocessing import get_context

import pytest
from matched import PEOPLE, TWICE, Make, Matched
from shop import START

from tsunagu.core import Invalid
from tsunagu.core.times import DAY
from tsunagu.identity import matching_review_queries as queries
from tsunagu.runtime.cli_matching import STEPS
from tsunagu.serve import identity as deciding
from tsunagu.serve import matching, matching_reviews
from tsunagu.serve.matching_one import match_record
from tsunagu.storage import Database, in_workspace


@pytest.fixture
def shop(database: Database, make_workspace: Make) -> Matched:
    return Matched(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))


def _planned(shop: Matched) -> matching.Planned:
    with shop.database.connect("pipeline") as connection:
        matching.train(connection, shop.workspace, "Mari")
        return matching.plan(connection, shop.workspace, "Mari")


def test_a_plan_merges_who_is_one_person_and_nobody_whom_people_keep_apart(shop: Matched) -> None:
    shop.do(
        lambda c: deciding.keep_apart(
            c, shop.workspace, ("user_id", "u0"), ("user_id", f"u{PEOPLE}"), "Mari", "operator"
        )
    )
    shop.drain()
    planned = _planned(shop)
    assert planned.merges + planned.reviews >= TWICE * 0.8
    assert shop.people() == PEOPLE + TWICE
    with shop.database.connect("pipeline") as connection:
        outcomes = matching.apply(connection, shop.workspace, planned.plan_id, "Mari", chunk=7)
        assert outcomes["merge done"] == planned.merges
        assert matching.apply(connection, shop.workspace, planned.plan_id, "Mari") == outcomes
    shop.drain()
    assert shop.people() == PEOPLE + TWICE - planned.merges
    wrong = shop.rows(
        """
        select count(*) from (
            select customer_id from identifiers where kind = 'user_id' group by 1
            having count(distinct substr(value, 2)::int %% %s) > 1
        ) as w
        """,
        PEOPLE,
    )
    assert wrong == [(0,)]
    owners = shop.rows(
        "select distinct customer_id from identifiers where value in ('u0', %s)", f"u{PEOPLE}"
    )
    assert len(owners) == 2
    kinds = shop.rows("select count(*) from identity_edges where kind = 'model' and weight > 0")
    assert kinds == [(planned.merges,)]


def test_who_changed_since_the_plan_is_left_alone(shop: Matched) -> None:
    planned = _planned(shop)
    for n in range(PEOPLE):
        shop.tell(f"u{n}", "identify", START + DAY, city="Kyoto")
    shop.drain()
    with shop.database.connect("pipeline") as connection:
        outcomes = matching.apply(connection, shop.workspace, planned.plan_id, "Mari")
    assert "merge done" not in outcomes
    assert outcomes["merge changed"] == planned.merges


def _die_midway(database: Database, workspace: int, plan: int) -> None:
    os.environ["TSUNAGU_FAILPOINT"] = "matching.apply.before_commit:3"
    with database.connect("pipeline") as connection:
        matching.apply(connection, workspace, plan, "Mari", chunk=5)


def test_each_step_is_told_and_has_words(shop: Matched) -> None:
    steps: list[str] = []
    with shop.database.connect("pipeline") as connection:
        matching.train(connection, shop.workspace, "Mari", tell=steps.append)
        matching.plan(connection, shop.workspace, "Mari", tell=steps.append)
    assert steps[0] == "reading"
    assert steps[-1] == "keeping"
    assert set(steps) == STEPS.keys()


def test_a_kill_in_the_middle_of_a_plan_loses_and_repeats_nothing(shop: Matched) -> None:
    planned = _planned(shop)
    process = get_context("fork").Process(
        target=_die_midway, args=(shop.database, shop.workspace, planned.plan_id)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    done = shop.rows("select count(*) from match_changes where outcome = 'done'")
    assert done == [(10,)]
    with shop.database.connect("pipeline") as connection:
        outcomes = matching.apply(connection, shop.workspace, planned.plan_id, "Mari")
    assert outcomes["merge done"] == planned.merges
    shop.drain()
    assert shop.people() == PEOPLE + TWICE - planned.merges
    assert shop.rows("select count(*) from match_reviews") == [(planned.reviews,)]


def test_people_answer_and_take_it_back(shop: Matched) -> None:
    planned = _planned(shop)
    with shop.database.connect("pipeline") as connection:
        # asks of every pair, as if the model were sure of none
        with in_workspace(connection, shop.workspace) as cursor:
            cursor.execute("update match_changes set action = 'review'")
        matching.apply(connection, shop.workspace, planned.plan_id, "Mari")
    one, other, *_ = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 10))
    assert one.traits_a["lastName"]
    assert one.weight == pytest.approx(
        sum(why.weight for why in one.reasons) + _prior(shop), abs=0.01
    )
    shop.do(
        lambda c: matching_reviews.answer_review(c, shop.workspace, one.review_id, "same", "Ken")
    )
    shop.do(
        lambda c: matching_reviews.answer_review(
            c, shop.workspace, other.review_id, "different", "K"
        )
    )
    shop.drain()
    assert shop.people() == PEOPLE + TWICE - 1
    report = shop.do(lambda c: matching.model_report(c, shop.workspace))
    assert (report.answers, report.same) == (2, 1)
    again = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 500))
    assert not {one.review_id, other.review_id} & {r.review_id for r in again}
    with pytest.raises(Invalid, match="answered already"):
        shop.do(
            lambda c: matching_reviews.answer_review(
                c, shop.workspace, one.review_id, "same", "Ken"
            )
        )
    shop.do(lambda c: matching_reviews.undo_answer(c, shop.workspace, one.review_id, "Ken"))
    shop.drain()
    assert shop.people() == PEOPLE + TWICE


def test_a_pair_is_asked_once_whichever_is_named_first(shop: Matched) -> None:
    planned = _planned(shop)
    numbers = [n for (n,) in shop.rows("select number from match_changes order by number")]
    shop.do(lambda c: queries.ask(c, shop.workspace, planned.plan_id, planned.model, numbers))
    turn = "update match_changes set customer_a = customer_b, customer_b = customer_a"
    shop.do(lambda c: c.execute(turn))
    shop.do(lambda c: queries.ask(c, shop.workspace, planned.plan_id, planned.model, numbers))
    ((asked, open_ones),) = shop.rows(
        "select count(*), count(*) filter (where status = 'open') from match_reviews"
    )
    assert asked == open_ones == len(numbers)


def _prior(shop: Matched) -> float:
    report = shop.do(lambda c: matching.model_report(c, shop.workspace))
    return math.log2(report.model.prior / (1 - report.model.prior))


def test_one_record_finds_whom_the_bulk_finds_with_the_same_weight(shop: Matched) -> None:
    planned = _planned(shop)
    a, b, weight = shop.rows(
        "select customer_a, customer_b, weight from match_changes where plan_id = %s limit 1",
        planned.plan_id,
    )[0]
    report = shop.do(lambda c: matching.model_report(c, shop.workspace))
    ((told,),) = shop.rows("select told from match_records where customer_id = %s", a)
    record = {
        column.name: text
        for column, text in zip(report.model.columns, told, strict=True)
        if text is not None
    }
    found = shop.do(lambda c: match_record(c, shop.workspace, record))
    weights = {one.b: one.weight for one in found}
    assert weights[b] == pytest.approx(weight, abs=1e-9)
    assert found[0].b == a


def test_a_record_finds_the_customer_whom_another_became(shop: Matched) -> None:
    planned = _planned(shop)
    a, b = shop.rows(
        "select customer_a, customer_b from match_changes where action = 'merge' limit 1"
    )[0]
    report = shop.do(lambda c: matching.model_report(c, shop.workspace))
    ((told,),) = shop.rows("select told from match_records where customer_id = %s", a)
    named = zip(report.model.columns, told, strict=True)
    record = {column.name: text for column, text in named if text is not None}
    before = {one.b for one in shop.do(lambda c: match_record(c, shop.workspace, record))}
    assert {a, b} <= before
    with shop.database.connect("pipeline") as connection:
        matching.apply(connection, shop.workspace, planned.plan_id, "Mari")
    shop.drain()
    ((stays, gone),) = shop.rows(
        """
        select merged_into, customer_id from customers
        where customer_id = any(%s) and merged_into is not null
        """,
        [a, b],
    )
    after = [one.b for one in shop.do(lambda c: match_record(c, shop.workspace, record))]
    assert after.count(stays) == 1
    assert gone not in after
