"""A model held against what people answered: its precision, and its probabilities by weight.

A pair has the weight and probability by which it was asked, of whichever model was in use then.
Only pairs that were asked about are here, so they are no sample of what is linked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psycopg import Cursor

from tsunagu import access
from tsunagu.identity import matching_review_queries as queries
from tsunagu.identity.linking import Model, shift_of
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME
from tsunagu.storage import Row

BAND = 2
"""Width of a band in weight: the odds are up to four times as high at its end."""


@dataclass(frozen=True)
class Band:
    """Answers to pairs of weights from `least` to under `under`.

    `expected` is the share of `same` that the weights promise; `low` and `high` hold the share
    that people's answers stand for, at 95%.
    """

    least: float
    under: float
    answers: int
    same: int
    expected: float
    low: float
    high: float

    @property
    def contradicts(self) -> bool:
        """Whether the answers speak against the weights."""
        return not self.low <= self.expected <= self.high


@dataclass(frozen=True)
class ModelReport:
    """The model in use and what people said of its pairs.

    `above` of `answers` were pairs at or above the upper threshold; `above_same` of those were
    called the same person, which checks the precision that the model states: `low` and `high`
    hold it at 95%.
    """

    version: int
    model: Model
    answers: int
    same: int
    above: int
    above_same: int
    low: float
    high: float
    bands: tuple[Band, ...]

    @property
    def contradicted(self) -> bool:
        """Whether the precision that the model states is not what people's answers stand for."""
        return not self.low <= self.model.report.precision <= self.high


def shift_by_answers(cursor: Cursor[Row], workspace_id: int) -> float:
    """By how many bits what people answered moves the weights of the next model."""
    rows = queries.answered(cursor, workspace_id)
    moved = {
        version: access.document_of(
            cursor, workspace_id, MATCH_MODEL, MATCH_MODEL_NAME, version
        ).get("shift", 0.0)
        for version in {row[0] for row in rows}
    }
    weights = np.array([weight - moved[version] for version, weight, _ in rows], np.float64)
    return shift_of(weights, np.array([same for *_, same in rows], np.bool_))


def report_of(cursor: Cursor[Row], workspace_id: int, version: int, model: Model) -> ModelReport:
    """What people said, held against a model."""
    # Statistics are slow to load, and nothing else here wants them.
    from tsunagu.insights.proportions import rate

    said = queries.checked_precision(cursor, workspace_id, model.upper)
    held = rate(said["above_same"], said["above"])
    bands: list[Band] = []
    for least, answers, same, expected in queries.answers_by_weight(cursor, workspace_id, BAND):
        share = rate(same, answers)
        told = (answers, same, expected, share.low, share.high)
        bands.append(Band(least, least + BAND, *told))
    return ModelReport(version, model, **said, low=held.low, high=held.high, bands=tuple(bands))
