"""Clusters: who is one person, when pairs are put together and held against each other.

Pairs above the threshold are joined, but a single weak link between two groups whose members
otherwise speak against it is a bridge, and is not believed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

# A pair between two groups that was not even a candidate speaks against joining them, this much.
_UNSEEN = -4.0


def cluster(
    records: Ints, left: Ints, right: Ints, weight: Floats, *, upper: float
) -> tuple[Ints, int]:
    """The cluster of each record, and how many weak bridges were not believed.

    Args:
        records: all record ids.
        left, right, weight: scored pairs, also those below the threshold.
        upper: the weight from which a pair is linked.

    Returns:
        A cluster number for each record, in the order of `records`; the smallest record id's
        place names it. Agglomeration by mean weight over all pairs between two groups (average
        linkage), within each connected component.
    """
    # SciPy takes memory that no process needs which only shows a model.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    order = np.argsort(records)
    ids = records[order]
    a, b = np.searchsorted(ids, left), np.searchsorted(ids, right)
    linked = weight >= upper
    ones = np.ones(int(linked.sum()), np.bool_)
    graph = coo_array((ones, (a[linked], b[linked])), shape=(len(ids), len(ids)))
    _, component = connected_components(graph, directed=False)
    labels = component.astype(np.int64)
    sizes = np.bincount(component)
    large = sizes[component] > 2
    inside = large[a] & (component[a] == component[b])
    bridges = 0
    if inside.any():
        bridges = _split(labels, component, a[inside], b[inside], weight[inside], upper)
    result = np.empty(len(ids), np.int64)
    result[order] = _named(labels)
    return result, bridges


def _split(labels: Ints, component: Ints, a: Ints, b: Ints, weight: Floats, upper: float) -> int:
    """Part the components of more than two whose groups do not hold together."""
    by = np.argsort(component[a], kind="stable")
    a, b, weight = a[by], b[by], weight[by]
    owner = component[a]
    bounds = np.flatnonzero(np.diff(owner)) + 1
    fresh, bridges = int(labels.max()) + 1, 0
    for part in np.split(np.arange(len(a)), bounds):
        members = np.unique(np.concatenate([a[part], b[part]]))
        groups = _agglomerate(members, a[part], b[part], weight[part], upper)
        for group in groups[1:]:
            labels[group] = fresh
            fresh += 1
        bridges += len(groups) - 1
    return bridges


def _agglomerate(members: Ints, a: Ints, b: Ints, weight: Floats, upper: float) -> list[list[int]]:
    """Join the two groups with the highest mean weight until none is above the threshold."""
    groups: dict[int, list[int]] = {int(m): [int(m)] for m in members}
    links: dict[int, dict[int, tuple[float, int]]] = {int(m): {} for m in members}
    for one, other, w in zip(a.tolist(), b.tolist(), weight.tolist(), strict=True):
        links[one][other] = links[other][one] = (w, 1)
    while True:
        best: tuple[float, int, int] | None = None
        for one, others in links.items():
            for other, (total, count) in others.items():
                if one >= other:
                    continue
                possible = len(groups[one]) * len(groups[other])
                mean = (total + (possible - count) * _UNSEEN) / possible
                if mean >= upper and (best is None or mean > best[0]):
                    best = mean, one, other
        if best is None:
            return sorted(groups.values(), key=len, reverse=True)
        _, one, other = best
        groups[one] += groups.pop(other)
        for third, (total, count) in links.pop(other).items():
            links[third].pop(other, None)
            if third == one:
                continue
            held = links[one].get(third, (0.0, 0))
            links[one][third] = links[third][one] = (held[0] + total, held[1] + count)


def _named(labels: Ints) -> Ints:
    """Each label by the place of its first member."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse]
