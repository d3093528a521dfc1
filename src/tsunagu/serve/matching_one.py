"""One record against the customers of a workspace, by the model in use and its index."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import local

from psycopg import Cursor

from tsunagu import access
from tsunagu.core import NotFound
from tsunagu.identity import matching_index_queries as index
from tsunagu.identity import matching_live as live
from tsunagu.identity.linking import Judge, Model
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME, Proposal
from tsunagu.storage import Row

MOST_A_KEY, MOST_CANDIDATES = 200, 200
JUDGES_A_THREAD = 4
_threads = local()


def match_record(
    cursor: Cursor[Row], workspace_id: int, record: Mapping[str, str], limit: int = 10
) -> list[Proposal]:
    """Who among the customers could be the person of a record, with the reasons.

    Args:
        record: texts by the model's columns, such as `family`, `birth_date`; others are ignored.

    Raises:
        NotFound: no model is published, or no plan was made by it yet.
    """
    version = access.published_version(cursor, workspace_id, MATCH_MODEL, MATCH_MODEL_NAME)
    if version is None or index.index_model(cursor, workspace_id) != version:
        raise NotFound("No model with an index is there; run `tsunagu identity match` first.")
    model, judge = _judge(cursor, workspace_id, version)
    (read,) = judge.read([record])
    (keys,) = judge.blocking_keys([read])
    near = index.candidates(cursor, workspace_id, keys, cap=MOST_A_KEY, most=MOST_CANDIDATES)
    return live.scored(judge, model, read, near, limit) if near else []


def _judge(cursor: Cursor[Row], workspace_id: int, version: int) -> tuple[Model, Judge]:
    """This thread's judge of a model; to make one takes longer than to match a record."""
    kept: OrderedDict[tuple[int, int], tuple[Model, Judge]]
    kept = _threads.__dict__.setdefault("judges", OrderedDict())
    key = (workspace_id, version)
    if key not in kept:
        while len(kept) >= JUDGES_A_THREAD:
            kept.popitem(last=False)[1][1].close()
        told = access.document_of(cursor, workspace_id, MATCH_MODEL, MATCH_MODEL_NAME, version)
        model = Model.model_validate(told)
        kept[key] = model, Judge(model)
    kept.move_to_end(key)
    return kept[key]
