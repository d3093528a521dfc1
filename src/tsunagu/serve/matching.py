"""Matching in a workspace: train a model, plan what it would change, apply the plan, ask people.

Whatever is decided is an event of the log. A plan is applied in chunks, each in a transaction
with the events it enters, so that a kill loses and repeats nothing; who changed since it was
made, or is kept apart by then, is left alone.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid5

import duckdb
import msgspec
from psycopg import Connection, Cursor

from tsunagu import access, eventlog, identity
from tsunagu.core import Body, Invalid, Json, NewEvent, NotFound, encode_body
from tsunagu.core.events import DECISION_SOURCE, IDENTITY_MERGED
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import micros, wall
from tsunagu.identity import MODEL, Decision, Identifier, as_properties, linking
from tsunagu.identity import matching as pairs
from tsunagu.identity import matching_index_queries as index
from tsunagu.identity import matching_live as live
from tsunagu.identity import matching_queries as queries
from tsunagu.identity.linking import Model, Tell
from tsunagu.identity.matching import (
    MATCH_MODEL,
    MATCH_MODEL_NAME,
    MATCHING,
    MATCHING_NAME,
    Matching,
    Proposal,
    Why,
)
from tsunagu.serve import identity as deciding
from tsunagu.serve.identity_queries import joined, side_of
from tsunagu.storage import Row, in_workspace

CHUNK = 500
REVIEW = "review"
_NAMES = UUID("5f6c1b7e-3d0b-5e55-9a51-0c3bb4a1d6f2")


@dataclass(frozen=True)
class Review:
    """A question to people: are these two one person? Both records stand side by side."""

    review_id: int
    customer_a: int
    customer_b: int
    a: Identifier
    b: Identifier
    weight: float
    probability: float
    model: int
    reasons: tuple[Why, ...]
    status: str
    created_at: int
    traits_a: Json
    traits_b: Json


@dataclass(frozen=True)
class ModelReport:
    """The model in use and what people said of its pairs.

    `above` of `answers` were pairs at or above the upper threshold; `above_same` of those were
    called the same person, which checks the precision that the model states.
    """

    version: int
    model: Model
    answers: int
    same: int
    above: int
    above_same: int


@dataclass(frozen=True)
class Planned:
    """A plan: how many merges and questions, and the first of each kind as samples."""

    plan_id: int
    model: int
    merges: int
    reviews: int
    samples: tuple[Proposal, ...]


def current_model(cursor: Cursor[Row], workspace_id: int) -> tuple[int, Model] | None:
    """The published model and its version."""
    for found in access.published(cursor, workspace_id):
        if found.kind == MATCH_MODEL and found.name == MATCH_MODEL_NAME:
            return found.version, Model.model_validate(found.document)
    return None


def _columns(cursor: Cursor[Row], workspace_id: int) -> dict[str, list[str]]:
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


def train(
    connection: Connection[Row],
    workspace_id: int,
    by: str,
    *,
    folder: Path | None = None,
    tell: Tell = lambda _: None,
) -> ModelReport:
    """Learn a model from the workspace's customers, and publish it as its next version.

    Args:
        folder: where the records lie meanwhile; the system's for temporary files by default.
        tell: told each step as it begins.

    Raises:
        Invalid: the customers are too few, or share nothing.
    """
    with _workbench(folder) as duck:
        tell("reading")
        with in_workspace(connection, workspace_id) as cursor:
            columns = _columns(cursor, workspace_id)
            pairs.into_duckdb(duck, list(columns), queries.records(connection, columns))
        model = linking.train(duck, pairs.RECORDS, tell=tell)
    document = msgspec.json.decode(model.model_dump_json())
    with in_workspace(connection, workspace_id) as cursor:
        version = access.publish(cursor, workspace_id, MATCH_MODEL, MATCH_MODEL_NAME, document, by)
        said = queries.checked_precision(cursor, workspace_id, model.upper)
        return ModelReport(version, model, **said)


def model_report(cursor: Cursor[Row], workspace_id: int) -> ModelReport | None:
    """The model in use with what people said of it; None before one is trained."""
    found = current_model(cursor, workspace_id)
    if found is None:
        return None
    return ModelReport(*found, **queries.checked_precision(cursor, workspace_id, found[1].upper))


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

    Args:
        samples: how many merges and questions to show.
        folder: where the records lie meanwhile; the system's for temporary files by default.
        tell: told each step as it begins.

    Raises:
        NotFound: no model is published.
    """
    with _workbench(folder) as duck, in_workspace(connection, workspace_id) as cursor:
        found = current_model(cursor, workspace_id)
        if found is None:
            raise NotFound("No matching model is published; run `tsunagu identity train` first.")
        version, model = found
        columns = _columns(cursor, workspace_id)
        tell("reading")
        columns |= {name: [name] for name in model.fields if name not in columns}
        pairs.into_duckdb(duck, list(columns), queries.records(connection, columns))
        apart = queries.apart_pairs(cursor, workspace_id)
        proposals = pairs.propose(duck, model, apart, tell=tell)
        tell("keeping")
        number = queries.store_plan(cursor, workspace_id, version, proposals, by)
        names = [c.name for c in model.columns]
        index.store_index(cursor, workspace_id, version, names, live.indexed(duck, model))
    merges = [p for p in proposals if p.action == "merge"]
    reviews = [p for p in proposals if p.action == REVIEW]
    shown = (*merges[-samples:], *reviews[:samples])
    return Planned(number, version, len(merges), len(reviews), shown)


def apply(
    connection: Connection[Row], workspace_id: int, plan_id: int, by: str, *, chunk: int = CHUNK
) -> Mapping[str, int]:
    """Do what a plan says: enter its merges into the log and ask its questions.

    It may be killed at any moment and called again: what is done is not done twice.

    Returns:
        How many changes came out how, such as `merge done`, `merge changed`, `review apart`.

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
    outcomes: dict[int, str] = {}
    decided: list[tuple[str, Decision]] = []
    for number, action, kind_a, value_a, kind_b, value_b, weight, same, a, b in changes:
        if (min(a, b), max(a, b)) in apart:
            outcomes[number] = "apart"
        elif not same:
            outcomes[number] = "changed"
        else:
            outcomes[number] = "done"
            if action == "merge":
                left, right = (kind_a, value_a), (kind_b, value_b)
                name = str(uuid5(_NAMES, f"{workspace_id}|{model}|{left}|{right}"))
                told = Decision(IDENTITY_MERGED, (left,), right, f"model {model}", MODEL, weight)
                decided.append((name, told))
    asked = [c[0] for c in changes if c[1] == REVIEW and outcomes[c[0]] == "done"]
    queries.ask(cursor, workspace_id, plan_id, model, asked)
    queries.settle_changes(cursor, workspace_id, plan_id, outcomes)
    told = {"plan": plan_id, "model": model, "merges": len(decided), "reviews": len(asked)}
    access.audit(cursor, workspace_id, by, "match plan applied", str(plan_id), told)
    _enter(cursor, workspace_id, decided)


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


def open_reviews(
    cursor: Cursor[Row], workspace_id: int, limit: int = 50, after: int | None = None
) -> list[Review]:
    """Questions that nobody has answered, in the order in which they were asked."""
    return [
        Review(
            row[0],
            row[1],
            row[2],
            (row[3], row[4]),
            (row[5], row[6]),
            row[7],
            row[8],
            row[9],
            tuple(msgspec.convert(row[10], list[Why])),
            row[11],
            micros(row[12]),
            row[13],
            row[14],
        )
        for row in queries.list_reviews(cursor, workspace_id, limit, after)
    ]


def answer_review(
    cursor: Cursor[Row], workspace_id: int, review_id: int, answer: str, by: str
) -> str | None:
    """Answer a question: `same` merges, `different` keeps apart, `later` leaves it.

    The cursor is of the role `pipeline`. Returns the decision's message id, None for `later`.

    Raises:
        NotFound: there is no such question, or one of the two is nobody's any more.
        Invalid: it is answered already, or the answer is none of these.
    """
    a, b, status = _review(cursor, workspace_id, review_id)
    if status not in ("open", "later"):
        raise Invalid(f"Review {review_id} is answered already; undo that answer first.")
    if answer not in ("same", "different", "later"):
        raise Invalid("The answer is `same`, `different` or `later`.")
    queries.settle_review(cursor, workspace_id, review_id, answer, by)
    if answer == "later":
        return None
    decide = deciding.merge if answer == "same" else deciding.keep_apart
    return decide(cursor, workspace_id, a, b, by, REVIEW)


def undo_answer(cursor: Cursor[Row], workspace_id: int, review_id: int, by: str) -> str | None:
    """Take an answer back: what it merged is parted, and the question is open again.

    A `different` is only asked again: the two stay apart until somebody says `same`.

    Raises:
        NotFound: there is no such question.
        Invalid: it has no answer, or its merge is not yet done.
    """
    a, b, status = _review(cursor, workspace_id, review_id)
    if status == "open":
        raise Invalid(f"Review {review_id} has no answer to take back.")
    queries.settle_review(cursor, workspace_id, review_id, "open", None)
    if status != "same":
        return None
    customer = identity.current_customer(cursor, workspace_id, *a)
    if customer is None or customer != identity.current_customer(cursor, workspace_id, *b):
        raise Invalid("The merge of this answer is not done yet, or was undone already.")
    leaving = side_of(joined(cursor, workspace_id, customer), b, a)
    if not leaving:
        raise Invalid("Other evidence joins the two as well; part the customer by hand.")
    return deciding.part(cursor, workspace_id, leaving, by, REVIEW)


def _review(
    cursor: Cursor[Row], workspace_id: int, review_id: int
) -> tuple[Identifier, Identifier, str]:
    row = queries.lock_review(cursor, workspace_id, review_id)
    if row is None:
        raise NotFound(f"There is no review {review_id}.")
    return (row[0], row[1]), (row[2], row[3]), row[4]
