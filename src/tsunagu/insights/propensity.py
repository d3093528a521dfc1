"""Propensity: who will redeem a coupon of the next campaign, and can that be trusted?

A one-line rule and a logistic regression answer the same question at the same cut-off, from
what was known then; the regression learns only from campaigns that had ended. Both are scored
on what happened afterwards. The rule is there because a model that does not beat it is not
worth its upkeep, and the report says which of the two won.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tsunagu.insights import queries
from tsunagu.insights.auc import Areas, Floats, areas
from tsunagu.insights.proportions import Interval, rate

SCORE = "redeem_next_coupon"
RULE = "did('Coupon Redeemed') >= 1"
HISTORY_DAYS = 28
_RULE_FEATURE = "redemptions"
_BINS = 10

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Question:
    """Which campaign is asked about. `cut_off` is in microseconds."""

    campaign: str
    kind: str
    cut_off: int
    zone: str


@dataclass(frozen=True)
class Features:
    """One row a customer and campaign: `values` has a column for each of `names`."""

    names: tuple[str, ...]
    customers: NDArray[np.int64]
    took: Bools
    values: Floats

    def column(self, name: str) -> Floats:
        """One feature of all rows."""
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True)
class Answer:
    """The probabilities at the cut-off, of everybody, by model and by rule."""

    question: Question
    customers: NDArray[np.int64]
    model: Floats
    rule: Floats
    learned_from: int
    learned_takers: int
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Bin:
    """Customers of similar probability: what was said of them and what they did."""

    n: int
    said: float
    happened: Interval


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened afterwards to those whom the campaign reached."""

    n: int
    takers: int
    areas: Areas
    model_brier: float
    rule_brier: float
    base_brier: float
    model_bins: list[Bin]
    rule_bins: list[Bin]

    @property
    def winner(self) -> str:
        """`model`, `rule`, or `undecided` when the difference may be chance."""
        gap = self.areas.difference
        return "model" if gap.low > 0 else "rule" if gap.high < 0 else "undecided"


def known_features(lake: DuckDBPyConnection) -> Features:
    """The features of the rows of `asked`."""
    found = lake.execute(queries.FEATURES)
    names = tuple(column[0] for column in found.description or ())[2:]
    columns = found.fetchnumpy()
    values = np.column_stack([np.asarray(columns[name], float) for name in names])
    return Features(
        names, np.asarray(columns["customer_id"]), np.asarray(columns["took"], bool), values
    )


def answer(lake: DuckDBPyConnection, question: Question) -> Answer:
    """Learn from ended campaigns and score everybody, as known at the cut-off.

    Args:
        lake: a reader's connection that shows nothing known after the cut-off.
        question: the campaign to come.
    """
    lake.execute(queries.OFFERS, {"zone": question.zone})
    lake.execute(
        queries.ENDED,
        {"zone": question.zone, "cut_off": question.cut_off, "history": HISTORY_DAYS},
    )
    past = known_features(lake)
    lake.execute(
        queries.EVERYBODY,
        {"campaign": question.campaign, "cut_off": question.cut_off, "kind": question.kind},
    )
    present = known_features(lake)
    model = _model().fit(past.values, past.took)
    probabilities: Any = model.predict_proba(present.values)
    return Answer(
        question,
        present.customers,
        np.asarray(probabilities[:, 1], float),
        _rule(past, present),
        len(past.took),
        int(past.took.sum()),
        _weights(model, past.names),
    )


def verdict(lake: DuckDBPyConnection, given: Answer) -> Verdict:
    """Hold an answer against what happened.

    Args:
        lake: a reader's connection that shows everything known by now.
        given: what was said at the cut-off.
    """
    lake.execute(queries.OFFERS, {"zone": given.question.zone})
    found = lake.execute(queries.TAKERS, {"campaign": given.question.campaign}).fetchall()
    happened = {int(customer): bool(took) for customer, took in found}
    reached = np.array([int(customer) in happened for customer in given.customers], bool)
    took = np.array([happened[int(c)] for c in given.customers[reached]], bool)
    model, rule = given.model[reached], given.rule[reached]
    return Verdict(
        n=len(took),
        takers=int(took.sum()),
        areas=areas(took, model, rule),
        model_brier=_brier(model, took),
        rule_brier=_brier(rule, took),
        base_brier=float(took.mean() * (1 - took.mean())) if len(took) else 0.0,
        model_bins=_bins(model, took, _BINS),
        rule_bins=_bins(rule, took, 2),
    )


def _model() -> Pipeline:
    """Counts and amounts on a log scale, standardised; the library's default strength."""
    return make_pipeline(
        FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(max_iter=1000)
    )


def _rule(past: Features, present: Features) -> Floats:
    """The rule as a probability: how many of those it held for, and not, redeemed before."""
    holds = past.column(_RULE_FEATURE) > 0
    shares = [
        (past.took[group].sum() + 1) / (group.sum() + 2)  # Laplace: also for an empty group
        for group in (~holds, holds)
    ]
    return np.where(present.column(_RULE_FEATURE) > 0, shares[1], shares[0])


def _weights(model: Pipeline, names: tuple[str, ...]) -> dict[str, float]:
    regression: Any = model[-1]
    pairs = zip(names, regression.coef_[0], strict=True)
    return {name: round(float(weight), 4) for name, weight in pairs}


def _brier(said: Floats, took: Bools) -> float:
    return float(np.mean((said - took) ** 2)) if len(took) else 0.0


def _bins(said: Floats, took: Bools, count: int) -> list[Bin]:
    """Groups of about equal size by rising probability; equal ones are never divided."""
    if not len(took):
        return []
    edges = np.unique(np.quantile(said, np.linspace(0, 1, count + 1)[1:-1]))
    places = np.searchsorted(edges, said, side="left")
    found: list[Bin] = []
    for place in np.unique(places):
        inside = places == place
        n, reached = int(inside.sum()), int(took[inside].sum())
        found.append(Bin(n, float(said[inside].mean()), rate(reached, n)))
    return found
