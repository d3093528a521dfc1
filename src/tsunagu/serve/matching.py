"""Matching in a workspace: train a model, plan what it would change, apply the plan.

Whatever is decided is an event of the log. A plan is applied in chunks, each in a transaction
with the events it enters, so that a kill loses and repeats nothing; who changed since it was
made, or is kept apart by then, is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid5

import duckdb
import msgspec
from psycopg import Connection, Cursor, IsolationLevel

from tsunagu import access, eventlog
from tsunagu.core import Body, Invalid, NewEvent, NotFound, encode_body
from tsunagu.core.events import DECISION_SOURCE, IDENTITY_MERGED, IDENTITY_PARTED
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.identity import MODEL, Decision, as_properties, linking
from tsunagu.identity import matching as pairs
from tsunagu.identity import matching_index_queries as index
from tsunagu.identity import matching_live as live
from tsunagu.identity import matching_queries as queries
from tsunagu.identity import matching_review_queries as reviews
from tsunagu.identity.evidence import Pair
from tsunagu.identity.linking import Model, Tell
from tsunagu.identity.matching import (
    MATCH_MODEL,
    MATCH_MODEL_NAME,
    MATCHING,
    MATCHING_NAME,
    Matching,
    Proposal,
)
from tsunagu.serve import matching_partings as partings
from tsunagu.serve.identity_queries import joined
from tsunagu.serve.matching_checks import ModelReport, report_of, shift_by_answers
from tsunagu.serve.matching_partings import PART
from tsunagu.storage import Row, in_workspace

CHUNK = 500
REVIEW = "review"
_NAMES = UUID("5f6c1b7e-3d0b-5e55-9a51-0c3bb4a1d6f2")


@dataclass(frozen=True)
class Planned:
    """A plan: how many merges, partings and questions, and the first of each kind as samples."""

    plan_id: int
    model: int
    merges: int
    partings: int
    reviews: int
    samples: tuple[Proposal, ...]


def current_model(cursor: Cursor[Row], workspace_id: int) -> tuple[int, Model] | None:
    """The published model and its version."""
    for found in access.published(cursor, workspace_id):
        if found.kind == MATCH_MODEL and found.name == MATCH_MODEL_NAME:
            return found.version, Model.model_validate(found.document)
    return None


def record_columns(cursor: Cursor[Row], workspace_id: int) -> dict[str, list[str]]:
    """The columns of a customer's record, each with the traits that it is taken from."""
    for found in access.published(cursor, workspace_id):
        if found.kind == MATCHING and found.name == MATCHING_NAME:
            return Matching.model_validate(found.document).columns
    return Matching().columns


@contextmanager
def _workbench(folder: Path | None) -> Generator[duckdb.DuckDBPyConnection]:
    """DuckDB over a file of its own, so that records need not fit into memory."""
    with (
        TemporaryDirectory(prefix="matching-", dir=folder) as name,
        duckdb.connect(f"{name}/records.duckdb") as duck,
    ):
        duck.execute("set memory_limit = '2GB'")
        duck.execute("set preserve_insertion_order = false")
        yield duck


@contextmanager
def _one_moment(connection: Connection[Row], workspace_id: int) -> Generator[Cursor[Row]]:
    """A transaction that sees one moment: who changes after it is seen to have changed."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with in_workspace(connection, workspace_id) as cursor:
            yield cursor
    finally:
        if not connection.closed:
            connection.isolation_level = None


def train(
    connection: Connection[Row],
    workspace_id: int,
    by: str,
    *,
    folder: Path | None = None,
    tell: Tell = lambda _: None,
) -> ModelReport:
    """Learn a model from the workspace's customers, and publish it as its next version.

    What people answered moves its weights.

    Args:
        folder: where the records lie meanwhile; the system's for temporary files by default.
        tell: told each step as it begins.

    Raises:
        Invalid: the customers are too few, or share nothing.
    """
    with _workbench(folder) as duck:
        tell("reading")
        with in_workspace(connection, workspace_id) as cursor:
            columns = record_columns(cursor, workspace_id)
            pairs.into_duckdb(duck, list(columns), queries.records(connection, columns))
            shift = shift_by_answers(cursor, workspace_id)
        model = linking.train(duck, pairs.RECORDS, shift=shift, tell=tell)
    document = msgspec.json.decode(model.model_dump_json())
    with in_workspace(connection, workspace_id) as cursor:
        version = access.publish(cursor, workspace_id, MATCH_MODEL, MATCH_MODEL_NAME, document, by)
        return report_of(cursor, workspace_id, version, model)


def model_report(cursor: Cursor[Row], workspace_id: int) -> ModelReport | None:
    """The model in use with what people said of it; None before one is trained."""
    found = current_model(cursor, workspace_id)
    return found and report_of(cursor, workspace_id, *found)


def plan(
    connection: Connection[Row],
    workspace_id: int,
    by: str,
    *,
    samples: int = 10,
    folder: Path | None = None,
    tell: Tell = lambda _: None,
) -> Planned:
    """What the published model would change, kept as a plan; nothing is changed yet.

    What models merged before is weighed again. Who would be parted is merged with nobody by the
    same plan: the next one sees both sides as they are then.

    Args:
        samples: how many merges, partings and questions to show.
        folder: where the records lie meanwhile; the system's for temporary files by default.
        tell: told each step as it begins.

    Raises:
        NotFound: no model is published.
    """
    with _workbench(folder) as duck, _one_moment(connection, workspace_id) as cursor:
        found = current_model(cursor, workspace_id)
        if found is None:
            raise NotFound("No matching model is published; run `tsunagu identity train` first.")
        version, model = found
        proposals = _proposals(cursor, workspace_id, duck, model, tell)
        tell("keeping")
        number = queries.store_plan(cursor, workspace_id, version, proposals, by)
        names = [c.name for c in model.columns]
        index.store_index(cursor, workspace_id, version, names, live.indexed(duck, model))
    merges = [p for p in proposals if p.action == "merge"]
    parts = [p for p in proposals if p.action == PART]
    asked = [p for p in proposals if p.action == REVIEW]
    shown = (*(merges[-samples:] if samples else ()), *parts[:samples], *asked[:samples])
    return Planned(number, version, len(merges), len(parts), len(asked), shown)


def _proposals(
    cursor: Cursor[Row],
    workspace_id: int,
    duck: duckdb.DuckDBPyConnection,
    model: Model,
    tell: Tell,
) -> list[Proposal]:
    """What a model would change; `duck` has the prepared records of all customers afterwards."""
    tell("reading")
    columns = record_columns(cursor, workspace_id)
    columns |= {name: [name] for name in model.fields if name not in columns}
    tell("older merges")
    doubted = partings.reconsidered(cursor, workspace_id, duck, model, columns)
    parted = {p.a for p in doubted if p.action == PART}
    pairs.into_duckdb(duck, list(columns), queries.records(cursor.connection, columns))
    apart = queries.apart_pairs(cursor, workspace_id)
    proposed = pairs.propose(duck, model, apart, tell=tell)
    return [*doubted, *(p for p in proposed if not {p.a, p.b} & parted)]


def apply(
    connection: Connection[Row], workspace_id: int, plan_id: int, by: str, *, chunk: int = CHUNK
) -> Mapping[str, int]:
    """Do what a plan says: enter its merges and partings into the log and ask its questions.

    It may be killed at any moment and called again: what is done is not done twice.

    Returns:
        How many changes came out how, such as `merge done`, `part changed`, `review apart`.

    Raises:
        NotFound: there is no such plan.
        Invalid: another model is in use by now.
    """
    while True:
        with in_workspace(connection, workspace_id) as cursor:
            model = _model_of(cursor, workspace_id, plan_id)
            changes = queries.next_changes(cursor, workspace_id, plan_id, chunk)
            if not changes:
                return queries.finish_plan(cursor, workspace_id, plan_id)
            _apply(cursor, workspace_id, plan_id, model, changes, by)
            failpoint("matching.apply.before_commit")
        failpoint("matching.apply.committed")


def _model_of(cursor: Cursor[Row], workspace_id: int, plan_id: int) -> int:
    told = queries.plan_of(cursor, workspace_id, plan_id)
    if told is None:
        raise NotFound(f"There is no plan {plan_id}.")
    current = current_model(cursor, workspace_id)
    if told[1] == "planned" and (current is None or current[0] != told[0]):
        raise Invalid(f"Plan {plan_id} is of model {told[0]}, which is in use no more; plan anew.")
    return told[0]


def _apply(
    cursor: Cursor[Row],
    workspace_id: int,
    plan_id: int,
    model: int,
    changes: Sequence[Row],
    by: str,
) -> None:
    apart = queries.apart_pairs(cursor, workspace_id)
    evidence = joined(cursor, workspace_id, {change[-1] for change in changes if change[1] == PART})
    outcomes: dict[int, str] = {}
    decided: list[tuple[str, Decision]] = []
    for change in changes:
        number, action, *_, same, a, b = change
        told = _decision(change, model, evidence.get(a, ())) if action != REVIEW else None
        if (min(a, b), max(a, b)) in apart:
            outcomes[number] = "apart"
        elif not same or (told is None and action == PART):
            outcomes[number] = "changed"
        else:
            outcomes[number] = "done"
            if told is not None:
                decided.append((_name(workspace_id, plan_id, told), told))
    asked = [c[0] for c in changes if c[1] == REVIEW and outcomes[c[0]] == "done"]
    reviews.ask(cursor, workspace_id, plan_id, model, asked)
    queries.settle_changes(cursor, workspace_id, plan_id, outcomes)
    counts = Counter(decision.name for _, decision in decided)
    told = {
        "plan": plan_id,
        "model": model,
        "merges": counts[IDENTITY_MERGED],
        "partings": counts[IDENTITY_PARTED],
        "reviews": len(asked),
    }
    access.audit(cursor, workspace_id, by, "match plan applied", str(plan_id), told)
    # Merges are many and stand as edges; a parting is rare, and somebody may want it back.
    for name, decision in decided:
        if decision.name == IDENTITY_PARTED:
            properties = as_properties(decision)
            access.audit(cursor, workspace_id, decision.by, decision.name, name, properties)
    _enter(cursor, workspace_id, decided)


def _decision(change: Row, model: int, evidence: Collection[Pair]) -> Decision | None:
    """What a merge or a parting of a plan enters; None where other evidence joins the two."""
    action, kind_a, value_a, kind_b, value_b, weight = change[1:7]
    a, b, by = (kind_a, value_a), (kind_b, value_b), f"model {model}"
    if action == PART:
        return partings.parting_of(evidence, a, b, by, MODEL, weight)
    return Decision(IDENTITY_MERGED, (a,), b, by, MODEL, weight)


def _name(workspace_id: int, plan_id: int, decision: Decision) -> str:
    """The message id of a decision: one for each plan, which may come to what an older one did."""
    told = f"{workspace_id}|{plan_id}|{decision.name}|{decision.left[0]}|{decision.right}"
    return str(uuid5(_NAMES, told))


def _enter(cursor: Cursor[Row], workspace_id: int, decided: list[tuple[str, Decision]]) -> None:
    workspace = access.workspace_by_id(cursor, workspace_id)
    now = workspace.clock_now or wall()
    events = [
        NewEvent(
            message_id=name,
            type="track",
            name=decision.name,
            user_id=None,
            anonymous_id=None,
            at=now,
            source=DECISION_SOURCE,
            body=encode_body(Body(properties=as_properties(decision))),
            known_at=now,
        )
        for name, decision in decided
    ]
    eventlog.append(cursor, workspace_id, events, received_at=wall(), now=workspace.clock_now)
