"""Train a model on a table of records, and link by it.

Training takes no labels: columns are looked at, keys are tried, weights are learned within
blocks, the likely pairs choose the keys that stay and set the prior and the thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa

from tsunagu.core import Invalid
from tsunagu.identity.linking import blocking
from tsunagu.identity.linking.blocking import Candidate
from tsunagu.identity.linking.clusters import Floats, Ints, Scored, cluster, components
from tsunagu.identity.linking.columns import look_at, quoted, with_frequencies
from tsunagu.identity.linking.comparing import comparisons_of
from tsunagu.identity.linking.forms import READING, forms_of, read_into
from tsunagu.identity.linking.model import Column, Comparison, Model, Report, Rival
from tsunagu.identity.linking.preparing import ID, add_rarity, prepare
from tsunagu.identity.linking.rivals import learn_rivals
from tsunagu.identity.linking.scoring import double, prior_weight, probability, score
from tsunagu.identity.linking.training import train_weights

PREPARED, PAIRS, SCORED = "linking_prepared", "linking_pairs", "linking_scored"
INSIDE = "linking_inside"
PRECISION = 0.99
"""Of the pairs above the upper threshold, so many are expected true."""
LEAST_WEIGHT = -8.0
_LEAST_PROBABLE, _LOWER_PROBABILITY = 0.9, 0.1
_TRIAL_A_RECORD, _TRIAL_OF_ONE = 60.0, 10.0
_MOST_TRIED = 60
# Of more pairs than these some are enough to look at.
_ENOUGH_PAIRS = 2_000_000
_LIKELY = 0.9
# Keys are chosen by so many of the likely pairs.
_MOST_LIKELY = 20_000
_LEAST_RECORDS = 20
# Of components up to this size all pairs are scored, candidates or not.
_LARGEST = 50
# A block to learn in has so many pairs a record, and is looked at by so many of them.
_FULL, _PROBED_PAIRS = 0.02, 20_000
_PURE = 0.6

# Told the step that begins: columns, keys, weights, likely pairs, choosing keys and thresholds in
# training; columns, candidates, scores and clusters in linking.
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Links:
    """What a model says of a table: scored pairs, and the cluster of each record.

    The pairs are the candidates, but for the lightest, and all pairs within a component of links.
    """

    records: Ints
    left: Ints
    right: Ints
    weight: Floats
    clusters: Ints
    bridges: int
    candidates: int


def train(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    *,
    skip: Sequence[str] = (),
    without: Collection[str] = (),
    shift: float = 0.0,
    pairs_a_record: float = blocking.PAIRS_A_RECORD,
    tell: Tell = lambda _: None,
) -> Model:
    """Learn a model from a table of records.

    Args:
        table: has `unique_id` (a whole number) and columns of text.
        skip: columns that are no attribute of a person.
        without: kinds of Japanese values that are left as they are written (`japanese.PARTS`).
        shift: bits by which what people answered moves every weight (`shift_of`).
        pairs_a_record: how many candidate pairs a record the keys may give.

    Raises:
        Invalid: the records are too few, or have nothing to compare.
    """
    tell("columns")
    told = [row[0] for row in connection.execute(f"describe {quoted(table)}").fetchall()]
    told = [name for name in told if name not in {ID, *skip}]
    forms = forms_of(connection, table, told)
    forms = {name: kind for name, kind in forms.items() if kind not in without}
    read = read_into(connection, table, forms)
    records, columns = _prepared(connection, read, frozenset({ID, *skip}))
    comparisons = comparisons_of(connection, PREPARED, columns, forms)
    tell("keys")
    found = blocking.candidates(connection, PREPARED, columns, records)
    if not found:
        raise Invalid("No two records share anything to compare them by.")
    tell("weights")
    blocks, excess = _blocks(connection, columns, comparisons, records)
    total = records * (records - 1) / 2
    prior = min(0.5, max(1 / total, 1.3 * excess / total))
    comparisons = train_weights(connection, PREPARED, comparisons, blocks, prior)
    rivals = learn_rivals(connection, PREPARED, columns, comparisons, total)
    tell("likely pairs")
    trial = _trial(found, records)
    share = _share(sum(c.pairs for c in trial))
    blocking.make_pairs(connection, PREPARED, [c.parts for c in trial], PAIRS, share=share)
    prior = _scored(connection, comparisons, rivals, prior, total * share)
    connection.execute(
        f"create or replace table likely as select left_id, right_id from {SCORED} "  # noqa: S608
        f"where 1 / (1 + pow(2, -weight)) >= {_LIKELY} "
        f"order by hash(left_id, right_id) limit {_MOST_LIKELY}"
    )
    tell("choosing keys")
    held = blocking.held_by(connection, PREPARED, "likely", found)
    keys, recall = blocking.choose(found, held, records, most=pairs_a_record)
    if not keys:
        raise Invalid("No pairs of records look like one person; there is nothing to learn from.")
    tell("thresholds")
    share = _share(sum(k.pairs for k in keys))
    count = blocking.make_pairs(connection, PREPARED, [k.parts for k in keys], PAIRS, share=share)
    prior = _scored(connection, comparisons, rivals, prior, total * share)
    prior = probability(prior_weight(prior) + shift)
    weights = _weights(connection) + shift
    upper, lower = thresholds(weights)
    likely = 1 / (1 + np.exp2(-weights))
    linked = weights >= upper
    report = Report(
        records=records,
        pairs=round(count / share),
        likely_pairs=float(likely.sum()) / share,
        recall=recall,
        precision=float(likely[linked].mean()) if linked.any() else 1.0,
        linked=round(linked.sum() / share),
        asked=round(((weights >= lower) & ~linked).sum() / share),
    )
    return Model(
        told=tuple(told),
        forms=forms,
        columns=tuple(columns),
        comparisons=tuple(comparisons),
        rivals=rivals,
        keys=tuple(keys),
        prior=prior,
        shift=shift,
        upper=upper,
        lower=lower,
        report=report,
    )


def link(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    table: str,
    *,
    tell: Tell = lambda _: None,
) -> Links:
    """Score a table's records by a model and put them into clusters."""
    tell("columns")
    prepare_for(connection, model, table)
    tell("candidates")
    count = blocking.make_pairs(connection, PREPARED, [k.parts for k in model.keys], PAIRS)
    tell("scores")
    _score(connection, model, PAIRS, SCORED, LEAST_WEIGHT)
    ids = connection.execute(f"select unique_id from {PREPARED}").fetchnumpy()["unique_id"]  # noqa: S608
    records = np.asarray(ids, np.int64)
    tell("clusters")
    linked = _scored_pairs(connection, model.upper)
    component = components(records, linked.left, linked.right)
    _score_inside(connection, model, records, component)
    found = _scored_pairs(connection)
    labels, bridges = cluster(records, component, found, upper=model.upper)
    return Links(records, found.left, found.right, found.weight, labels, bridges, count)


def _score_inside(
    connection: duckdb.DuckDBPyConnection, model: Model, records: Ints, component: Ints
) -> None:
    """Add to the scored pairs those within a component that were no candidates, or very light."""
    connection.register("linking_groups", pa.table({"id": records, "label": component}))
    connection.execute(
        f"""
        create or replace table {INSIDE} as
        with grouped as materialized (
            select id, label from linking_groups
            qualify count(*) over (partition by label) between 3 and {_LARGEST}
        )
        select l.id as left_id, r.id as right_id
        from grouped as l join grouped as r on l.label = r.label and l.id < r.id
        anti join {SCORED} as s on s.left_id = l.id and s.right_id = r.id
        """  # noqa: S608 - numbers
    )
    connection.unregister("linking_groups")
    _score(connection, model, INSIDE, f"{INSIDE}_scored", None)
    connection.execute(f"insert into {SCORED} from {INSIDE}_scored")
    connection.execute(f"drop table {INSIDE}; drop table {INSIDE}_scored")


def _score(
    connection: duckdb.DuckDBPyConnection, model: Model, pairs: str, to: str, least: float | None
) -> None:
    score(
        connection,
        model.comparisons,
        PREPARED,
        pairs,
        to,
        prior=model.prior,
        rivals=model.rivals,
        least=least,
    )


def _scored_pairs(connection: duckdb.DuckDBPyConnection, least: float | None = None) -> Scored:
    """The scored pairs, all or those of a weight from `least` on."""
    where = "" if least is None else f"where weight >= {double(least)}"
    found = connection.execute(f"from {SCORED} {where}").fetchnumpy()
    return Scored(
        np.asarray(found["left_id"], np.int64),
        np.asarray(found["right_id"], np.int64),
        np.asarray(found["weight"], np.float64),
        np.asarray(found["against"], np.float64),
    )


def prepare_for(connection: duckdb.DuckDBPyConnection, model: Model, table: str) -> None:
    """Make the prepared records of a table as the model has them."""
    read = read_into(connection, table, model.forms)
    prepare(connection, read, PREPARED, [(c.name, c.nature) for c in model.columns])
    add_rarity(connection, PREPARED, model.columns)


def thresholds(weights: Floats) -> tuple[float, float]:
    """The weights from which pairs are linked, and from which people are asked.

    The upper one is the least from which of all linked pairs `PRECISION` are expected to be true,
    and at which a pair is still more likely true than `_LEAST_PROBABLE`.

    Args:
        weights: of the candidate pairs.
    """
    heaviest = np.sort(weights)[::-1]
    expected = np.cumsum(1 / (1 + np.exp2(-heaviest))) / np.arange(1, len(heaviest) + 1)
    enough = int((expected >= PRECISION).sum())
    least = prior_weight(_LEAST_PROBABLE)
    if not enough:
        upper = prior_weight(PRECISION)
    elif enough < len(heaviest):
        # Just above the first pair that would be too much, however far below the last good one.
        upper = max(least, float(np.nextafter(heaviest[enough], np.inf)))
    else:
        upper = least
    return upper, prior_weight(_LOWER_PROBABILITY)


def _prepared(
    connection: duckdb.DuckDBPyConnection, table: str, skip: frozenset[str]
) -> tuple[int, list[Column]]:
    looked = look_at(connection, table, skip)
    prepare(connection, table, PREPARED, [(name, nature) for name, nature, _ in looked])
    columns = [with_frequencies(connection, PREPARED, *one) for one in looked]
    names = {column.name for column in columns}
    columns = [
        c.model_copy(update={"reading": c.name + READING}) if c.name + READING in names else c
        for c in columns
    ]
    add_rarity(connection, PREPARED, columns)
    row = connection.execute(f"select count(*) from {PREPARED}").fetchone()  # noqa: S608
    records = int(row[0]) if row else 0
    if records < _LEAST_RECORDS or not columns:
        raise Invalid(f"{records} records are too few to learn from; {_LEAST_RECORDS} are needed.")
    return records, columns


def _share(pairs: float) -> float:
    """What share of so many pairs is enough to learn from."""
    return min(1.0, _ENOUGH_PAIRS / max(1.0, pairs))


def _trial(found: Sequence[Candidate], records: int) -> list[Candidate]:
    """Keys of all kinds for a first look: of each set of columns the one with the most pairs."""
    best: dict[frozenset[str], Candidate] = {}
    for candidate in found:
        if candidate.pairs <= _TRIAL_OF_ONE * records:
            best[frozenset(part.split("__")[0] for part in candidate.parts)] = candidate
    chosen: list[Candidate] = []
    spent = 0.0
    for candidate in sorted(best.values(), key=lambda c: (c.pairs, c.parts)):
        spent += candidate.pairs
        if len(chosen) >= _MOST_TRIED or (spent > _TRIAL_A_RECORD * records and len(chosen) > 3):
            break
        chosen.append(candidate)
    return chosen


def _blocks(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    comparisons: Sequence[Comparison],
    records: int,
) -> tuple[list[tuple[str, ...]], float]:
    """Blocks to learn in: for each comparison the purest that uses none of its columns.

    Also how many pairs beyond chance the fullest one holds: nearly all of them are one person.

    A block is pure where its pairs agree in the other columns as well. Of those with the most
    pairs many hold households: who learns in these learns that one person has many first names.
    """
    total = records * (records - 1) / 2
    agree = {c.name: _equal_pairs(connection, (c.name,)) for c in columns}
    rated: list[tuple[float, tuple[str, ...]]] = []
    for one, other in combinations([c.name for c in columns], 2):
        pairs = _equal_pairs(connection, (one, other))
        chance = agree[one] * agree[other] / total
        if pairs and pairs <= 100 * records:
            rated.append((pairs - chance, (one, other)))
    for column in columns:
        if column.nature in ("number", "email") and 0 < agree[column.name] <= 20 * records:
            rated.append((agree[column.name], (column.name,)))
    most = max((excess for excess, _ in rated), default=0.0)
    full = [block for excess, block in rated if excess >= min(most, _FULL * records)]
    pure = {block: _purity(connection, block, columns) for block in full}
    ordered = sorted(full, key=lambda block: (-pure[block], block))
    chosen: list[tuple[str, ...]] = []
    for block in ordered:
        apart = not any(set(block) & set(other) for other in chosen)
        if apart and pure[block] >= _PURE * pure[ordered[0]]:
            chosen.append(block)
    for comparison in comparisons:
        used = set(comparison.named)
        if all(used & set(block) for block in chosen):
            chosen += [block for block in ordered if not used & set(block)][:1]
    return chosen, most


def _purity(
    connection: duckdb.DuckDBPyConnection, block: tuple[str, ...], columns: Sequence[Column]
) -> float:
    """How often pairs of a block agree in another column, on average over the columns."""
    others = [quoted(c.name) for c in columns if c.name not in block]
    same = ", ".join(f"avg((l.{name} = r.{name})::int)" for name in others)
    equal = " and ".join(f"l.{quoted(part)} = r.{quoted(part)}" for part in block)
    row = connection.execute(
        f"""
        select {same} from (
            select l.unique_id as a, r.unique_id as b
            from {PREPARED} as l join {PREPARED} as r on {equal} and l.unique_id < r.unique_id
            limit {_PROBED_PAIRS}
        )
        join {PREPARED} as l on l.unique_id = a
        join {PREPARED} as r on r.unique_id = b
        """  # noqa: S608 - quoted names
    ).fetchone()
    told = [share for share in row or () if share is not None]
    return sum(told) / len(told) if told else 0.0


def _equal_pairs(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...]) -> float:
    listed = ", ".join(map(quoted, key))
    filled = " and ".join(f"{quoted(part)} is not null" for part in key)
    row = connection.execute(
        f"""
        select coalesce(sum(n * (n - 1) / 2), 0) from (
            select count(*)::double as n from {PREPARED} where {filled} group by {listed}
        )
        """  # noqa: S608 - quoted names
    ).fetchone()
    return float(row[0]) if row else 0.0


def _scored(
    connection: duckdb.DuckDBPyConnection,
    comparisons: Sequence[Comparison],
    rivals: Sequence[Rival],
    prior: float,
    total: float,
) -> float:
    """Score the candidate pairs, and the prior by which their probabilities add up to it."""
    score(connection, comparisons, PREPARED, PAIRS, SCORED, prior=prior, rivals=rivals)
    weights = _weights(connection)
    shifted = prior
    for _ in range(20):
        moved = weights + prior_weight(shifted) - prior_weight(prior)
        shifted = min(0.5, max(1 / total, float((1 / (1 + np.exp2(-moved))).sum()) / total))
    by = prior_weight(shifted) - prior_weight(prior)
    connection.execute(f"update {SCORED} set weight = weight + {double(by)}")  # noqa: S608
    return shifted


def _weights(connection: duckdb.DuckDBPyConnection) -> Floats:
    found = connection.execute(f"select weight from {SCORED}").fetchnumpy()  # noqa: S608
    return np.asarray(found["weight"], np.float64)
