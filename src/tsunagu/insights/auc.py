"""The area under the ROC curve with its uncertainty, for one score or two on the same people.

DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44 (1988) 837-845, by the midranks of Sun and Xu
(IEEE Signal Processing Letters 21, 2014), which give the same figures in n log n.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from tsunagu.insights.proportions import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of two scores on the same people, and the first less the second."""

    first: Interval
    second: Interval
    difference: Interval


def area(happened: NDArray[np.bool_], score: Floats, confidence: float = 0.95) -> Interval:
    """The chance that somebody to whom it happened has the higher score; ties count half."""
    return areas(happened, score, score, confidence).first


def areas(
    happened: NDArray[np.bool_], first: Floats, second: Floats, confidence: float = 0.95
) -> Areas:
    """Both areas and their difference; the widest interval where nobody or everybody did it."""
    positives, negatives = int(happened.sum()), int((~happened).sum())
    if positives < 2 or negatives < 2:
        unknown = Interval(0.5, 0.0, 1.0)
        return Areas(unknown, unknown, Interval(0.0, -1.0, 1.0))
    parts = [_components(happened, score) for score in (first, second)]
    values = [float(with_it.mean()) for with_it, _ in parts]
    covariance: Any = (
        np.cov(np.vstack([with_it for with_it, _ in parts])) / positives
        + np.cov(np.vstack([without for _, without in parts])) / negatives
    )
    critical = float(norm.ppf(0.5 + confidence / 2))
    spread = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return Areas(
        _interval(values[0], float(covariance[0, 0]), critical, 0.0),
        _interval(values[1], float(covariance[1, 1]), critical, 0.0),
        _interval(values[0] - values[1], spread, critical, -1.0),
    )


def _components(happened: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """For each person of either group, the share of the other group that is ranked rightly."""
    with_it, without = score[happened], score[~happened]
    together = rankdata(np.concatenate([with_it, without]))
    m, n = len(with_it), len(without)
    above = (together[:m] - rankdata(with_it)) / n
    below = 1.0 - (together[m:] - rankdata(without)) / m
    return np.asarray(above, float), np.asarray(below, float)


def _interval(value: float, variance: float, critical: float, floor: float) -> Interval:
    half = critical * sqrt(max(variance, 0.0))
    return Interval(value, max(value - half, floor), min(value + half, 1.0))
