"""The intervals agree with published examples and keep their level."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tsunagu.insights.proportions import difference, p_value, rate, score


# Newcombe, "Interval estimation for the difference between independent proportions",
# Statistics in Medicine 17 (1998) 873-890, table II, method 6.
@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "low", "high"),
    [
        (56, 70, 48, 80, 0.0528, 0.3382),
        (9, 10, 3, 10, 0.1700, 0.8406),
        (5, 56, 0, 29, -0.0326, 0.1933),
        (0, 10, 0, 20, -0.1658, 0.2844),
        (0, 10, 0, 10, -0.2879, 0.2879),
        (10, 10, 0, 20, 0.7156, 1.0),
    ],
)
def test_the_interval_is_the_published_one(
    a: int, n_a: int, b: int, n_b: int, low: float, high: float
) -> None:
    found = difference(a, n_a, b, n_b)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("counts", [(0, 5, 5, 5), (5, 5, 0, 5), (0, 7, 0, 7), (7, 7, 7, 7)])
def test_the_ends_stay_in_range_and_hold_the_estimate(counts: tuple[int, int, int, int]) -> None:
    found = difference(*counts)
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_both_ends_are_where_the_score_test_turns() -> None:
    found = difference(30, 200, 12, 90)
    assert score(30, 200, 12, 90, found.low) == pytest.approx(1.96, abs=1e-3)
    assert score(30, 200, 12, 90, found.high) == pytest.approx(-1.96, abs=1e-3)


def test_p_and_interval_tell_the_same_story() -> None:
    for reached in range(5, 60, 5):
        found = difference(reached, 200, 15, 100)
        outside = not found.low <= 0 <= found.high
        assert outside == (p_value(reached, 200, 15, 100) < 0.05)


def test_an_empty_group_says_nothing() -> None:
    found = difference(3, 10, 0, 0)
    assert (found.low, found.high) == (-1.0, 1.0)
    assert p_value(3, 10, 0, 0) == 1.0
    assert (rate(0, 0).low, rate(0, 0).high) == (0.0, 1.0)


def test_exact_coverage_is_near_the_level_in_unequal_groups() -> None:
    """Not simulated: summed over every possible outcome of 135 against 15 customers."""
    n_a, n_b, a, b = 135, 15, 0.25, 0.2
    covered = 0.0
    for y in range(n_b + 1):
        for x in range(n_a + 1):
            chance = binom.pmf(x, n_a, a) * binom.pmf(y, n_b, b)
            if chance > 1e-7:
                covered += chance * (abs(score(x, n_a, y, n_b, a - b)) <= 1.959964)
    assert 0.93 <= covered <= 0.98
