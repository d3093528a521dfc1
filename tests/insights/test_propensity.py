"""The propensity looks only at what was known, and says honestly who won."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from lakes import Fact, write_lake
from scipy.stats import norm

from tsunagu.core import chance, stable_id
from tsunagu.core.times import DAY, iso, parse_time
from tsunagu.insights import Question, answer, propensity_document, queries, verdict
from tsunagu.insights.auc import area, areas
from tsunagu.insights.propensity import Features, known_features
from tsunagu.storage.lake import LakeReader

ZONE = "America/New_York"
START = parse_time("2020-01-01T05:00:00Z")
CUT_OFF = START + 200 * DAY
QUESTION = Question("next", "Type A", CUT_OFF, ZONE)


def offer(customer: str, campaign: str, at: int, days: int) -> Fact:
    ends = iso(at + days * DAY)[:10]
    properties = {"campaign": campaign, "campaign_type": "Type A", "ends": ends}
    return at, at, customer, "Campaign Received", properties


def order(customer: str, at: int, total: float, known: int | None = None) -> Fact:
    return known or at, at, customer, "Order Completed", {"total": total}


def redemption(customer: str, campaign: str, at: int, known: int | None = None) -> Fact:
    return known or at, at, customer, "Coupon Redeemed", {"campaign": campaign}


def shop(customers: int = 300) -> list[Fact]:
    """Customers who spend more redeem more; each was asked twice before the cut-off."""
    facts: list[Fact] = []
    for number in range(customers):
        customer = f"c{number}"
        keen = chance("keen", customer)
        facts += [order(customer, START + d * DAY, 10 + 90 * keen) for d in range(1, 190, 12)]
        for campaign, day in (("one", 60), ("two", 120), ("open", 180), ("next", 201)):
            at = START + day * DAY
            facts.append(offer(customer, campaign, at, 30))
            if chance("takes", campaign, customer) < 0.6 * keen**2:
                facts.append(redemption(customer, campaign, at + 5 * DAY))
    return sorted(facts, key=lambda fact: fact[0])


@pytest.fixture(scope="module")
def facts() -> list[Fact]:
    return shop()


def features_at_cut_off(lake: Path) -> Features:
    with LakeReader(lake, 1, known_at=CUT_OFF) as reader:
        answer(reader.connection, QUESTION)
        return known_features(reader.connection)


def test_the_model_finds_what_was_planted_and_is_judged_afterwards(
    tmp_path: Path, facts: list[Fact]
) -> None:
    lake = write_lake(tmp_path, facts)
    with LakeReader(lake, 1, known_at=CUT_OFF) as reader:
        given = answer(reader.connection, QUESTION)
    assert given.learned_from == 600  # not the campaign that was still open
    with LakeReader(lake, 1) as reader:
        found = verdict(reader.connection, given)
    assert found.n == 300
    assert found.areas.first.low > 0.6
    assert found.winner == "model"
    assert found.model_brier < found.base_brier
    assert sum(group.n for group in found.model_bins) == 300
    report = propensity_document(given, found, as_of=START)
    assert "beats" in report["sentence"]["en"]
    json.dumps(report)


def test_facts_of_the_future_change_nothing(tmp_path: Path, facts: list[Fact]) -> None:
    """Neither what happens after the cut-off nor what becomes known only then is seen."""
    later: list[Fact] = []
    for number in range(300):
        customer = f"c{number}"
        later.append(order(customer, CUT_OFF + DAY, 9_999))
        later.append(order(customer, CUT_OFF - 3 * DAY, 9_999, known=CUT_OFF + DAY))
        later.append(redemption(customer, "one", CUT_OFF - 90 * DAY, known=CUT_OFF + DAY))
        later.append(redemption(customer, "open", CUT_OFF + DAY))
    without = features_at_cut_off(write_lake(tmp_path / "without", facts))
    together = features_at_cut_off(write_lake(tmp_path / "with", [*facts, *later]))
    assert (without.values == together.values).all()
    assert (without.customers == together.customers).all()
    assert without.column("spent_91").max() < 9_999


def test_an_offer_knows_only_what_came_before_it(tmp_path: Path) -> None:
    at = START + 60 * DAY
    facts = [
        order("a", START, 10),
        order("a", at - DAY, 20),
        offer("a", "one", at, 30),
        redemption("a", "one", at + 2 * DAY),
        order("a", at + DAY, 30),
        redemption("b", "zero", START),
        offer("b", "one", at, 30),
        redemption("b", "one", at + 40 * DAY),  # after its time
    ]
    lake = write_lake(tmp_path, sorted(facts, key=lambda fact: fact[0]))
    with LakeReader(lake, 1, known_at=CUT_OFF) as reader:
        reader.connection.execute(queries.OFFERS, {"zone": ZONE})
        reader.connection.execute(queries.ENDED, {"zone": ZONE, "cut_off": CUT_OFF, "history": 28})
        found = known_features(reader.connection)
    places = [int(c) for c in found.customers]
    a, b = (places.index(stable_id(1, "user_id", c)) for c in "ab")
    assert (found.took[a], found.took[b]) == (True, False)
    assert (found.column("orders_91")[a], found.column("spent_28")[a]) == (2, 20)
    assert (found.column("redemptions")[a], found.column("redemptions")[b]) == (0, 1)


def test_the_area_counts_pairs_and_its_interval_has_the_published_width() -> None:
    happened = np.array([True, True, True, False, False, False, False])
    score = np.array([0.9, 0.8, 0.4, 0.5, 0.4, 0.3, 0.1])
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0 for p in score[happened] for n in score[~happened]
    ]
    found = area(happened, score)
    assert found.value == pytest.approx(np.mean(pairs))
    # DeLong: the variance of the shares of rightly ranked pairs, by group
    table = np.array(pairs).reshape(3, 4)
    variance = table.mean(axis=1).var(ddof=1) / 3 + table.mean(axis=0).var(ddof=1) / 4
    assert found.value - found.low == pytest.approx(norm.ppf(0.975) * variance**0.5)


def test_the_same_score_twice_never_differs() -> None:
    generator = np.random.default_rng(7)
    happened, score = generator.random(200) < 0.3, generator.random(200)
    found = areas(happened, score, 2 * score + 1)
    assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)


def test_too_few_to_say_is_said() -> None:
    found = areas(np.array([True, False, False]), np.arange(3.0), np.arange(3.0))
    assert (found.first.low, found.first.high, found.difference.low) == (0.0, 1.0, -1.0)
