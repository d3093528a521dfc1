"""Bench `identity`, part japan: Japanese consumers as five sources wrote them down, with labels.

The records are made by `identity_japan`, which knows nothing of the matcher. A model is learned
and links them; only then the labels are looked at. What reading one kind of Japanese values is
worth is shown by leaving it out: the same records, the same model, those values as written.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np

from tsunagu.identity.japanese import PARTS
from tsunagu.identity.linking import Links, Model, link, train
from tsunagu.profiles import Ints
from tsunagu.runtime.bench.identity_japan import make_records
from tsunagu.runtime.bench.identity_quality import Quality, quality, true_pairs
from tsunagu.runtime.bench.measures import Measure

PEOPLE = 100_000
LEAST_F1 = 0.97
_MEMORY = "2GB"


@dataclass(frozen=True)
class _Outcome:
    """What a model found in the records, and how that compares with the truth.

    `kinds` are those of the Japanese values that the model reads.
    """

    kinds: tuple[str, ...]
    seconds: float
    recall: float
    candidates: float
    pairs: Quality
    clusters: Quality
    household: float


def measure(size: int | None, leaving_out: Collection[str] = PARTS) -> Iterator[Measure]:
    """The figures of so many people, and of the same without each kind of Japanese reading.

    Args:
        leaving_out: the kinds to leave out, one at a time, as far as the model reads them.
    """
    with duckdb.connect() as connection:
        connection.execute(f"set threads = 2; set memory_limit = '{_MEMORY}'")
        make_records(connection, size or PEOPLE)
        truth = _labels(connection, "person")
        homes = _labels(connection, "household")
        yield Measure("identity.japan.people", len(np.unique(truth)), "people")
        yield Measure("identity.japan.records", len(truth), "records")
        whole = _linked(connection, truth, homes)
        yield from _figures(whole)
        for kind in filter(leaving_out.__contains__, whole.kinds):
            less = _linked(connection, truth, homes, kind)
            yield Measure(f"identity.japan.pairs_f1_without_{kind}", less.pairs.f1, "F1")
            yield Measure(
                f"identity.japan.worth_of_{kind}", whole.pairs.f1 - less.pairs.f1, "of F1"
            )
            yield Measure(f"identity.japan.clusters_f1_without_{kind}", less.clusters.f1, "F1")


def _figures(found: _Outcome) -> Iterator[Measure]:
    def named(name: str, value: float, unit: str, bar: float | None = None) -> Measure:
        return Measure(f"identity.japan.{name}", value, unit, bar=bar)

    yield named("train_and_link", found.seconds, "s")
    yield named("blocking_recall", found.recall, "share", bar=0.85)
    yield Measure(
        "identity.japan.candidates", found.candidates, "pairs a record", bar=1_000, below=True
    )
    yield named("pairs_precision", found.pairs.precision, "share")
    yield named("pairs_recall", found.pairs.recall, "share")
    yield named("pairs_f1", found.pairs.f1, "F1", bar=LEAST_F1)
    yield named("clusters_precision", found.clusters.precision, "share")
    yield named("clusters_recall", found.clusters.recall, "share")
    yield Measure(
        "identity.japan.clusters_f1", found.clusters.f1, "F1", limit=found.pairs.f1, bar=LEAST_F1
    )
    yield named("household_linked", found.household, "share")


def _linked(
    connection: duckdb.DuckDBPyConnection, truth: Ints, homes: Ints, without: str | None = None
) -> _Outcome:
    """Learn from the records and link them, `without` reading one kind of values."""
    began = time.monotonic()
    model = train(connection, "records", skip=["source"], without=[without] if without else ())
    links = link(connection, model, "records")
    seconds = time.monotonic() - began
    tried = connection.execute("select left_id, right_id from linking_pairs").fetchnumpy()
    left, right = (np.asarray(tried[side], np.int64) - 1 for side in ("left_id", "right_id"))
    reached = float((truth[left] == truth[right]).sum()) / max(1, true_pairs(truth))
    pairs, clusters = quality(truth, links, model)
    apart = _household_linked(truth, homes, links, model)
    kinds = tuple(sorted(set(model.forms.values())))
    return _Outcome(kinds, seconds, reached, len(left) / len(truth), pairs, clusters, apart)


def _household_linked(truth: Ints, homes: Ints, links: Links, model: Model) -> float:
    """Of the linked pairs, the share that are two people of one household."""
    chosen = links.weight >= model.upper
    left, right = links.left[chosen] - 1, links.right[chosen] - 1
    both = (homes[left] == homes[right]) & (truth[left] != truth[right])
    return float(both.mean()) if len(both) else 0.0


def _labels(connection: duckdb.DuckDBPyConnection, column: str) -> Ints:
    told = connection.execute(f"select {column} from truth order by unique_id").fetchnumpy()  # noqa: S608
    return np.asarray(told[column], np.int64)
