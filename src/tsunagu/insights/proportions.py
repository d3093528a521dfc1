"""Intervals for rates and their differences, from the literature, on counts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, sqrt
from typing import cast

from scipy.optimize import brentq
from scipy.stats import binomtest, norm

_IMPOSSIBLE = 1e9


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the interval that holds the truth at the stated confidence."""

    value: float
    low: float
    high: float


def rate(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """A proportion with Wilson's score interval (Wilson 1927); [0, 1] when `n` is 0."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    found = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(successes / n, float(found.low), float(found.high))


def difference(
    successes_a: int, n_a: int, successes_b: int, n_b: int, confidence: float = 0.95
) -> Interval:
    """The difference of two independent proportions, a - b, with its score interval.

    Miettinen and Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4
    (1985) 213-226: the differences that a score test of this level does not reject, with the
    variance at the restricted maximum likelihood and the correction n / (n - 1). It keeps its
    level in unequal and small groups, where Wald's interval does not (Newcombe 1998, method 6).
    """
    if n_a == 0 or n_b == 0:
        return Interval(0.0, -1.0, 1.0)
    estimate = successes_a / n_a - successes_b / n_b
    critical = float(norm.ppf(0.5 + confidence / 2))

    def excess(delta: float) -> float:
        return score(successes_a, n_a, successes_b, n_b, delta)

    low = _bound(lambda delta: excess(delta) - critical, -1.0, estimate)
    high = _bound(lambda delta: excess(delta) + critical, estimate, 1.0)
    return Interval(estimate, low, high)


def p_value(successes_a: int, n_a: int, successes_b: int, n_b: int) -> float:
    """Two-sided p of no difference by the same score test; 1 when a group is empty."""
    if n_a == 0 or n_b == 0:
        return 1.0
    return float(2 * norm.sf(abs(score(successes_a, n_a, successes_b, n_b, 0.0))))


def score(successes_a: int, n_a: int, successes_b: int, n_b: int, delta: float) -> float:
    """Miettinen and Nurminen's score statistic for the hypothesis that a - b is `delta`."""
    gap = successes_a / n_a - successes_b / n_b - delta
    b = _restricted(successes_a, n_a, successes_b, n_b, delta)
    a = min(max(b + delta, 0.0), 1.0)
    n = n_a + n_b
    variance = (a * (1 - a) / n_a + b * (1 - b) / n_b) * n / (n - 1)
    if variance <= 0.0:
        return 0.0 if abs(gap) < 1e-12 else copysign(_IMPOSSIBLE, gap)
    return gap / sqrt(variance)


def _restricted(successes_a: int, n_a: int, successes_b: int, n_b: int, delta: float) -> float:
    """The likeliest rate of b when a is exactly `delta` higher."""
    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)
    edge = 1e-12

    def slope(b: float) -> float:
        a = b + delta
        total = 0.0
        for successes, n, chance in ((successes_a, n_a, a), (successes_b, n_b, b)):
            chance = min(max(chance, edge), 1 - edge)
            total += successes / chance - (n - successes) / (1 - chance)
        return total

    if high - low < 4 * edge or slope(low + edge) <= 0:
        return low
    if slope(high - edge) >= 0:
        return high
    return cast(float, brentq(slope, low + edge, high - edge, xtol=1e-14))


def _bound(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero; the end that it does not pass otherwise."""
    if function(low) <= 0:
        return low
    if function(high) >= 0:
        return high
    return cast(float, brentq(function, low, high, xtol=1e-10))
