"""The insights of the demonstration: flush the lake, compare, score, keep the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.core import Json
from tsunagu.core.times import parse_duration
from tsunagu.eventlog import request_flush
from tsunagu.insights import (
    SCORE,
    Comparison,
    Question,
    answer,
    compare,
    document,
    outcomes_of,
    propensity_document,
    store_report,
    store_scores,
    verdict,
)
from tsunagu.runtime.demo.driver import Driver
from tsunagu.runtime.demo.installation import Installation
from tsunagu.runtime.demo.library import CAMPAIGN
from tsunagu.runtime.demo.recording import CUT_OFF, ZONE
from tsunagu.storage.lake import LakeReader

Words = dict[str, str]

RECORDED: Words = {
    "en": (
        "These customers are a recording of 2017: they never saw our mails and cannot answer "
        "them. The right result is no difference. Their contact data is synthetic."
    ),
    "ja": (
        "ここのお客様は2017年の記録です。メールを見ておらず、反応できません。"
        "差がないのが正しい結果です。連絡先は合成データです。"
    ),
}


@dataclass(frozen=True)
class Finding:
    """One report in a sentence."""

    name: str
    document: Json

    @property
    def title(self) -> Words:
        """What was asked, in both languages."""
        return self.document.get("title") or self.document["question"]

    @property
    def sentence(self) -> Words:
        """The answer in one sentence, in both languages."""
        return self.document["sentence"]


def flush(installation: Installation, driver: Driver) -> None:
    """Have the lake hold everything up to now."""
    with installation.database.connect("pipeline") as connection:
        request_flush(connection, driver.workspace_id)


def compare_journey(
    installation: Installation,
    driver: Driver,
    name: str,
    journey: Json,
    *,
    caveats: Sequence[Words],
    truth: float | None = None,
) -> Finding:
    """Compare a journey with its holdout from the lake and keep the report.

    Args:
        journey: its document.
        caveats: what the reader of the result has to know.
        truth: the planted difference, where the customers are simulated.
    """
    now = driver.now()
    goal = journey["goal"]
    with LakeReader(installation.lake_folder, driver.workspace_id, known_at=now) as lake:
        outcomes = outcomes_of(lake.connection, name, goal["event"])
    found = compare(
        outcomes,
        within=parse_duration(goal["within"]),
        now=now,
        planned_holdout=float(journey["holdout"]),
    )
    report = document(found, name, journey["title"], as_of=now, caveats=caveats)
    if truth is not None:
        report |= {"truth": truth, "holds_truth": _holds(found, truth)}
    return _keep(driver, f"experiment:{name}", report)


def score_coupons(installation: Installation, driver: Driver) -> Finding:
    """Say at the cut-off who will redeem a coupon of the next campaign, and check it now."""
    now = driver.now()
    question = Question(CAMPAIGN, "Type A", CUT_OFF, ZONE)
    folder, workspace = installation.lake_folder, driver.workspace_id
    with LakeReader(folder, workspace, known_at=CUT_OFF) as lake:
        given = answer(lake.connection, question)
    with LakeReader(folder, workspace, known_at=now) as lake:
        found = verdict(lake.connection, given)
    customers = [int(customer) for customer in given.customers]
    values = [float(value) for value in given.model]
    driver.within(lambda cursor: store_scores(cursor, workspace, SCORE, customers, values, CUT_OFF))
    report = propensity_document(given, found, as_of=now)
    return _keep(driver, f"propensity:{SCORE}", report)


def _keep(driver: Driver, name: str, report: dict[str, Any]) -> Finding:
    driver.within(lambda cursor: store_report(cursor, driver.workspace_id, name, report))
    return Finding(name, report)


def _holds(found: Comparison, truth: float) -> bool:
    return found.difference.low <= truth <= found.difference.high
