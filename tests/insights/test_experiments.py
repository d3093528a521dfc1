"""The comparison of a journey with its holdout, as an analyst would check it by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakes import Fact, write_lake

from tsunagu.core.times import DAY, HOUR, parse_time
from tsunagu.insights import Outcome, compare, document, outcomes_of
from tsunagu.storage.lake import LakeReader

WITHIN = 10 * DAY
NOW = 100 * DAY


def arm(name: str, n: int, reached: int, entered: int = DAY) -> list[Outcome]:
    return [Outcome(name, entered, entered + DAY if i < reached else 0) for i in range(n)]


def test_a_journey_that_helps_is_seen_to_help() -> None:
    found = compare(
        [*arm("treated", 450, 180), *arm("holdout", 50, 5)],
        within=WITHIN,
        now=NOW,
        planned_holdout=0.1,
    )
    assert found.answer == "helps"
    assert found.difference.value == pytest.approx(0.3)
    assert 0.15 < found.difference.low < 0.3 < found.difference.high < 0.4
    assert found.ratio_holds


def test_a_goal_after_its_time_does_not_count_and_open_enrolments_wait() -> None:
    late = [Outcome("treated", DAY, DAY + WITHIN)]
    running = [Outcome("treated", NOW - WITHIN + 1, NOW)]
    found = compare([*late, *running], within=WITHIN, now=NOW, planned_holdout=0.1)
    assert (found.treated.n, found.treated.reached, found.waiting) == (1, 0, 1)
    assert found.answer == "unknown"


def test_broken_assignment_is_called_broken() -> None:
    found = compare(
        [*arm("treated", 300, 60), *arm("holdout", 200, 40)],
        within=WITHIN,
        now=NOW,
        planned_holdout=0.1,
    )
    assert not found.ratio_holds
    report = document(found, "reminder", {"en": "Reminder"}, as_of=NOW, caveats=[])
    assert any("Do not trust" in caveat["en"] for caveat in report["caveats"])


def test_the_report_speaks_both_languages() -> None:
    found = compare(
        [*arm("treated", 90, 20), *arm("holdout", 10, 2)],
        within=WITHIN,
        now=NOW,
        planned_holdout=0.1,
    )
    words = document(found, "reminder", {"en": "Reminder"}, as_of=NOW, caveats=[])["sentence"]
    assert "percentage points" in words["en"]
    assert "ポイント" in words["ja"]


def test_outcomes_come_from_the_lake_as_known_then(tmp_path: Path) -> None:
    start = parse_time("2020-01-01")

    def entered(customer: str, arm: str, at: int) -> Fact:
        properties = {"journey": "reminder", "arm": arm, "enrolment_id": customer}
        return at, at, customer, "Journey Entered", properties

    def redeemed(customer: str, at: int) -> Fact:
        return at, at, customer, "Coupon Redeemed", {}

    facts = [
        redeemed("a", start),
        entered("a", "treated", start + HOUR),
        entered("b", "holdout", start + HOUR),
        redeemed("a", start + 2 * DAY),
        redeemed("a", start + 3 * DAY),
        redeemed("b", start + 4 * DAY),
    ]
    lake = write_lake(tmp_path, facts)
    with LakeReader(lake, 1, known_at=start + 3 * DAY) as reader:
        found = outcomes_of(reader.connection, "reminder", "Coupon Redeemed")
    assert found == [
        Outcome("treated", start + HOUR, start + 2 * DAY),
        Outcome("holdout", start + HOUR, 0),
    ]
    with LakeReader(lake, 1) as reader:
        assert outcomes_of(reader.connection, "another", "Coupon Redeemed") == []
