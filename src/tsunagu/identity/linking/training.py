"""The border to Splink: the weights of comparisons, learned without labels.

How often two people at random agree (u) is counted over random pairs. How often one person's
records agree (m) is learned by expectation maximisation within blocks of equal values, each time
for the comparisons that the block does not use (Fellegi and Sunter 1969; Winkler 1988).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import duckdb

from tsunagu.core import Invalid
from tsunagu.identity.linking.model import Comparison, Level

RANDOM_PAIRS = 2e6
BLOCK_PAIRS = 1e6
SEED = 20_260_501
# No level is impossible: what was never seen may still happen.
_LEAST = 1e-6
# By so many of the records Splink finds out how many pairs a block has.
_PROBED = 0.2

logging.getLogger("splink").setLevel(logging.ERROR)


def train_weights(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    comparisons: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    prior: float,
) -> list[Comparison]:
    """The comparisons with m and u at their levels.

    Args:
        prepared: the table of prepared records.
        blocks: columns whose equal values make a block to learn in; every comparison needs one
            that shares no column with it.
        prior: about how probable it is that two records are one person.

    Raises:
        Invalid: there are too few records to learn from.
    """
    # Splink takes memory that no process needs which only uses a model.
    from splink import DuckDBAPI, Linker, block_on

    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": prior,
        "comparisons": [as_splink(c) for c in comparisons],
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": False,
    }
    api: Any = DuckDBAPI(connection)
    linker: Any = Linker(api.register(prepared), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=SEED)
    learned = 0
    for columns in blocks:
        # Splink takes what a block uses out of its model and, where it fails, never puts it back.
        held = linker._settings_obj.core_model_settings.copy()
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*columns),
                estimate_without_term_frequencies=True,
                max_pairs=BLOCK_PAIRS,
                record_sample_proportion=_PROBED,
            )
            learned += 1
        except Exception as error:  # noqa: BLE001 - Splink raises many kinds where a block is empty
            linker._settings_obj.core_model_settings = held
            logging.getLogger(__name__).info("Block %s taught nothing: %s", columns, error)
    if not learned:
        raise Invalid(
            "There are too few records with equal values to learn from; "
            "bring more, or more columns."
        )
    trained: dict[str, Any] = linker.misc.save_model_to_json()
    linker.table_management.delete_tables_created_by_splink_from_db()
    by_name = {one["output_column_name"]: one for one in trained["comparisons"]}
    return [_with_weights(c, by_name[_output(c)]) for c in comparisons]


def _output(comparison: Comparison) -> str:
    return comparison.name.replace(" ", "_")


def as_splink(comparison: Comparison, *, weights: bool = False) -> dict[str, Any]:
    """The comparison as Splink has it, with the `weights` that it has learned or without."""
    levels: list[dict[str, Any]] = []
    for level in comparison.levels:
        told: dict[str, Any] = {
            "sql_condition": "ELSE" if level.condition == "else" else level.condition,
            "label_for_charts": level.label,
            "is_null_level": level.null,
        }
        if weights and not level.null:
            told |= {"m_probability": level.m, "u_probability": level.u}
        levels.append(told)
    return {"output_column_name": _output(comparison), "comparison_levels": levels}


def _with_weights(comparison: Comparison, trained: dict[str, Any]) -> Comparison:
    told = trained["comparison_levels"]
    levels: list[Level] = []
    # From the weakest level up: one that no likely pair had weighs as the next weaker one does.
    weaker: Level | None = None
    for level, one in reversed(list(zip(comparison.levels, told, strict=True))):
        if level.null:
            levels.append(level)
            continue
        m, u = (float(one.get(f"{p}_probability") or 0) for p in ("m", "u"))
        u = min(1.0, max(_LEAST, u))
        if m <= _LEAST and weaker is not None and weaker.m and weaker.u:
            m = u * weaker.m / weaker.u
        weaker = level.model_copy(update={"m": min(1.0, max(_LEAST, m)), "u": u})
        levels.append(weaker)
    return comparison.model_copy(update={"levels": tuple(reversed(levels))})
