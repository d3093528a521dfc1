"""What people answer is held against what a model states."""

from __future__ import annotations

import math
from typing import Any

import pytest
from judges import BY_NAME

from tsunagu import access
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME
from tsunagu.runtime import cli_matching
from tsunagu.serve.matching_checks import ModelReport, report_of, shift_by_answers
from tsunagu.storage import Database, in_workspace

ASK = """
insert into match_reviews (workspace_id, customer_a, customer_b, kind_a, value_a, kind_b, value_b,
    weight, probability, model, reasons, status)
select %s, n, n + 1, 'user_id', 'a' || n, 'user_id', 'b' || n, %s, 1 / (1 + power(2, -%s)), 1, '[]',
    case when n <= %s then 'same' else 'different' end
from generate_series(%s::int, %s::int) as n
"""


def _answered(cursor: Any, workspace: int, weight: float, same: int, first: int, last: int) -> None:
    told = (workspace, weight, weight, first + same - 1, first, last)
    cursor.execute(ASK, told)


@pytest.fixture
def report(database: Database, workspace: int) -> ModelReport:
    """Of 39 answered pairs that weigh 1 two in three are one person, of 50 that weigh 6 only 30."""
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        _answered(cursor, workspace, 1.0, 27, 1, 40)
        _answered(cursor, workspace, 6.0, 30, 101, 150)
        cursor.execute(
            "update match_reviews set status = 'open' where workspace_id = %s and value_a = 'a1'",
            (workspace,),
        )
        return report_of(cursor, workspace, 1, BY_NAME.model())


def test_answers_are_told_by_weight_with_what_was_promised(report: ModelReport) -> None:
    light, heavy = report.bands
    assert (light.least, light.under, light.answers, light.same) == (0, 2, 39, 26)
    assert light.expected == pytest.approx(2 / 3)
    assert light.low < 26 / 39 < light.high
    assert not light.contradicts
    assert (heavy.least, heavy.answers, heavy.same) == (6, 50, 30)
    assert heavy.expected == pytest.approx(64 / 65)
    # Wilson's interval of 30 out of 50.
    assert (heavy.low, heavy.high) == (
        pytest.approx(0.4618, abs=1e-4),
        pytest.approx(0.7239, abs=1e-4),
    )
    assert heavy.contradicts


def test_a_stated_precision_that_answers_contradict_is_said(
    report: ModelReport, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (report.above, report.above_same) == (50, 30)
    assert report.contradicted
    cli_matching.show_answers(report)
    told = capsys.readouterr()
    assert "60.0%" in told.err
    assert "100.0%" in told.err
    assert "contradicts" in told.out


def test_no_answer_contradicts_nothing(
    database: Database, workspace: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        report = report_of(cursor, workspace, 1, BY_NAME.model())
    assert (report.low, report.high, report.bands) == (0.0, 1.0, ())
    assert not report.contradicted
    cli_matching.show_answers(report)
    assert capsys.readouterr() == ("", "")


def test_answers_move_the_next_model_and_not_twice(database: Database, workspace: int) -> None:
    """Of pairs of even odds nine in ten are one person, whoever asked and however moved."""
    model = BY_NAME.model()
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        assert shift_by_answers(cursor, workspace) == 0.0
        for moved in (0.0, 1.5):
            document = model.model_copy(update={"shift": moved}).model_dump(mode="json")
            access.publish(cursor, workspace, MATCH_MODEL, MATCH_MODEL_NAME, document, "Mari")
        _answered(cursor, workspace, 0.0, 900, 1, 1_000)
        once = shift_by_answers(cursor, workspace)
        assert once == pytest.approx(math.log2(9), abs=0.1)
        cursor.execute("update match_reviews set model = 2, weight = weight + 1.5")
        assert shift_by_answers(cursor, workspace) == pytest.approx(once)
