"""How what was linked compares with the truth, over pairs of records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsunagu.identity.linking import Links, Model
from tsunagu.profiles import Ints


@dataclass(frozen=True)
class Quality:
    """Which share of the linked pairs is true, and of the true pairs is linked."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def quality(truth: Ints, links: Links, model: Model) -> tuple[Quality, Quality]:
    """The quality of the linked pairs, and of the clusters made of them.

    Args:
        truth: the person of the record with the id n at place n - 1, as numbers.
    """
    total = true_pairs(truth)
    chosen = links.weight >= model.upper
    right = truth[links.left[chosen] - 1] == truth[links.right[chosen] - 1]
    pairs = Quality(float(right.sum()) / max(1, len(right)), float(right.sum()) / max(1, total))
    people = truth[links.records - 1]
    both = np.stack([links.clusters, people], axis=1)
    _, same = np.unique(both, axis=0, return_counts=True)
    _, together = np.unique(links.clusters, return_counts=True)
    agreed, said = _pairs_of(same), _pairs_of(together)
    return pairs, Quality(agreed / max(1, said), agreed / max(1, total))


def _pairs_of(counts: Ints) -> int:
    return int((counts * (counts - 1) // 2).sum())


def true_pairs(truth: Ints) -> int:
    """How many pairs of records are one person."""
    return _pairs_of(np.unique(truth, return_counts=True)[1])
