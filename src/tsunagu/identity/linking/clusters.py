"""Clusters: who is one person, when pairs are put together and held against each other.

Pairs above the threshold are joined, but a single link between two groups whose members otherwise
speak against it is a weak bridge, and is not believed. That two records share little says nothing
against it: one may be of an old address and the other have no telephone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

# A pair between two groups that was not even a candidate speaks against joining them, this much.
_UNSEEN = -4.0


@dataclass(frozen=True, slots=True)
class Scored:
    """Scored pairs of records, also those below the threshold.

    `weight` tells whether a pair is one person, and `against` what in it speaks against that: 0,
    or the negative log2 of how much better people at random, or rivals, explain the pair, however
    frequent they are.
    """

    left: Ints
    right: Ints
    weight: Floats
    against: Floats


def components(records: Ints, left: Ints, right: Ints) -> Ints:
    """A number for each record, equal where linked pairs lead from one to the other.

    Args:
        records: all record ids.
        left, right: the linked pairs.
    """
    # SciPy takes memory that no process needs which only shows a model.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    order = np.argsort(records)
    ids = records[order]
    ends = np.searchsorted(ids, left), np.searchsorted(ids, right)
    graph = coo_array((np.ones(len(left), np.bool_), ends), shape=(len(ids), len(ids)))
    _, found = connected_components(graph, directed=False)
    labels = np.empty(len(ids), np.int64)
    labels[order] = found
    return labels


def cluster(records: Ints, component: Ints, pairs: Scored, *, upper: float) -> tuple[Ints, int]:
    """The cluster of each record, and how many weak bridges were not believed.

    Args:
        records: all record ids.
        component: of each record, as `components` tells.
        upper: the weight from which a pair is linked.

    Returns:
        A cluster number for each record, in the order of `records`; the smallest record id's
        place names it. Agglomeration by the heaviest pair between two groups, less what all pairs
        between them say against it on average, within each component.
    """
    order = np.argsort(records)
    ids, component = records[order], component[order]
    a, b = np.searchsorted(ids, pairs.left), np.searchsorted(ids, pairs.right)
    labels = component.copy()
    large = np.bincount(component)[component] > 2
    inside = large[a] & (component[a] == component[b])
    bridges = 0
    if inside.any():
        within = Scored(a[inside], b[inside], pairs.weight[inside], pairs.against[inside])
        bridges = _split(labels, component, within, upper)
    result = np.empty(len(ids), np.int64)
    result[order] = _named(labels)
    return result, bridges


def _split(labels: Ints, component: Ints, pairs: Scored, upper: float) -> int:
    """Part the components of more than two whose groups do not hold together."""
    owner = component[pairs.left]
    by = np.argsort(owner, kind="stable")
    bounds = np.flatnonzero(np.diff(owner[by])) + 1
    fresh, bridges = int(labels.max()) + 1, 0
    for part in np.split(by, bounds):
        some = Scored(pairs.left[part], pairs.right[part], pairs.weight[part], pairs.against[part])
        groups = _agglomerate(some, upper)
        for group in groups[1:]:
            labels[group] = fresh
            fresh += 1
        bridges += len(groups) - 1
    return bridges


def _agglomerate(pairs: Scored, upper: float) -> list[list[int]]:
    """Join the two groups that hold together best until none is above the threshold."""
    groups = {int(m): [int(m)] for m in np.union1d(pairs.left, pairs.right)}
    links: dict[int, dict[int, _Link]] = {m: {} for m in groups}
    rows = (pairs.left, pairs.right, pairs.weight, pairs.against)
    for one, other, weight, against in zip(*(row.tolist() for row in rows), strict=True):
        links[one][other] = links[other][one] = _Link(weight, against, 1)
    while True:
        best: tuple[float, int, int] | None = None
        for one, others in links.items():
            for other, link in others.items():
                if one < other:
                    held = link.holds(len(groups[one]) * len(groups[other]))
                    if held >= upper and (best is None or held > best[0]):
                        best = held, one, other
        if best is None:
            return sorted(groups.values(), key=len, reverse=True)
        _, one, other = best
        groups[one] += groups.pop(other)
        for third, link in links.pop(other).items():
            links[third].pop(other, None)
            if third != one:
                known = links[one].get(third)
                links[one][third] = links[third][one] = link.beside(known) if known else link


@dataclass(frozen=True, slots=True)
class _Link:
    """What the pairs between two groups say: the heaviest weight, and the sum against it."""

    heaviest: float
    against: float
    pairs: int

    def holds(self, possible: int) -> float:
        """How well the groups hold together that have so many pairs between them."""
        return self.heaviest + (self.against + (possible - self.pairs) * _UNSEEN) / possible

    def beside(self, other: _Link) -> _Link:
        """Of the pairs of both."""
        return _Link(
            max(self.heaviest, other.heaviest),
            self.against + other.against,
            self.pairs + other.pairs,
        )


def _named(labels: Ints) -> Ints:
    """Each label by the place of its first member."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse]
