"""Matching over the API: the model in use, and questions whether two customers are one person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, Field

from tsunagu.access import Key
from tsunagu.core import Json, NotFound
from tsunagu.core.times import iso
from tsunagu.identity.matching import Why
from tsunagu.serve import matching, matching_reviews
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.matching_one import match_record
from tsunagu.serve.routes import FAILURES, Api
from tsunagu.storage import Database, in_workspace

_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no model, or no such question."}
}
ReviewId = Annotated[int, Path(ge=1, lt=2**63)]


class Reason(BaseModel):
    """One comparison's part in the weight."""

    comparison: str
    label: str
    weight: float
    value_a: str
    value_b: str


class OpenReview(BaseModel):
    """A question: are these two customers one person?

    `merged` says that an older model made them one customer: `same` confirms that, `different`
    parts them.
    """

    review_id: str
    a: list[str]
    b: list[str]
    traits_a: Json
    traits_b: Json
    weight: float
    probability: float
    model: int
    merged: bool
    reasons: list[Reason]
    status: str
    created_at: str


class Answer(BaseModel):
    """`same` merges the two, `different` keeps them apart, `later` leaves the question."""

    answer: Literal["same", "different", "later"]


class Wanted(BaseModel):
    """A record by the columns of the model, such as `family`, `given`, `birth_date`."""

    record: dict[str, Annotated[str, Field(max_length=500)]] = Field(min_length=1, max_length=40)
    limit: int = Field(default=10, ge=1, le=50)


class Candidate(BaseModel):
    """A customer who could be the person; `sure` is at or above the upper threshold."""

    customer_id: str
    weight: float
    probability: float
    sure: bool
    reasons: list[Reason]


class Decided(BaseModel):
    """The message id of the decision that was entered into the log, if one was."""

    message_id: str | None


class WeightBand(BaseModel):
    """Answers to pairs of weights from `least` to under `under`.

    `expected` of them should be the same person; `low` and `high` hold the share that the answers
    stand for, at 95%.
    """

    least: float
    under: float
    answers: int
    same: int
    expected: float
    low: float
    high: float
    contradicts: bool


class ModelInUse(BaseModel):
    """The published model; `above_same` of `above` answered pairs above the threshold are one.

    `low` and `high` hold the precision that these answers stand for, at 95%; `contradicted` says
    that the model states another one.
    """

    version: int
    model: Json
    answers: int
    same: int
    above: int
    above_same: int
    low: float
    high: float
    contradicted: bool
    bands: list[WeightBand]


def matching_routes(api: Api, database: Database) -> APIRouter:
    """The routes over one set of connections; answers are entered as the pipeline's role."""
    routes = APIRouter(prefix="/v1/identity", tags=["identity"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    who = Depends(caller)

    @routes.get("/model", summary="The matching model in use", responses=_MISSING)
    def model(key: Key = who) -> ModelInUse:  # pyright: ignore[reportUnusedFunction]
        """With what people said of its pairs."""
        with api.workspace(key.workspace_id) as cursor:
            found = matching.model_report(cursor, key.workspace_id)
        if found is None:
            raise NotFound("No matching model is published.")
        return ModelInUse(
            version=found.version,
            model=found.model.model_dump(mode="json"),
            answers=found.answers,
            same=found.same,
            above=found.above,
            above_same=found.above_same,
            low=found.low,
            high=found.high,
            contradicted=found.contradicted,
            bands=[
                WeightBand(**asdict(band), contradicts=band.contradicts) for band in found.bands
            ],
        )

    @routes.post("/match", summary="Who a record could be", responses=_MISSING)
    def match(wanted: Annotated[Wanted, Body()], key: Key = who) -> list[Candidate]:  # pyright: ignore[reportUnusedFunction]
        """Customers by how likely they are the person, and why; nothing is changed."""
        with api.workspace(key.workspace_id) as cursor:
            found = match_record(cursor, key.workspace_id, wanted.record, wanted.limit)
        return [
            Candidate(
                customer_id=str(one.b),
                weight=one.weight,
                probability=one.probability,
                sure=one.action == "merge",
                reasons=[_reason(why) for why in one.reasons],
            )
            for one in found
        ]

    @routes.get("/reviews", summary="Questions whether two customers are one person")
    def reviews(  # pyright: ignore[reportUnusedFunction]
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        key: Key = who,
    ) -> list[OpenReview]:
        """In the order in which they were asked."""
        with api.workspace(key.workspace_id) as cursor:
            return [
                _open(one)
                for one in matching_reviews.open_reviews(cursor, key.workspace_id, limit, after)
            ]

    @routes.post("/reviews/{review_id}/answer", summary="Answer a question", responses=_MISSING)
    def answer(  # pyright: ignore[reportUnusedFunction]
        review_id: ReviewId, said: Annotated[Answer, Body()], key: Key = who
    ) -> Decided:
        """The decision takes effect when the pipeline reads it."""
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, key.workspace_id) as cursor,
        ):
            return Decided(
                message_id=matching_reviews.answer_review(
                    cursor, key.workspace_id, review_id, said.answer, f"key of {key.source}"
                )
            )

    @routes.post("/reviews/{review_id}/undo", summary="Take an answer back", responses=_MISSING)
    def undo(review_id: ReviewId, key: Key = who) -> Decided:  # pyright: ignore[reportUnusedFunction]
        """What was merged is parted again; the question is open again."""
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, key.workspace_id) as cursor,
        ):
            return Decided(
                message_id=matching_reviews.undo_answer(
                    cursor, key.workspace_id, review_id, f"key of {key.source}"
                )
            )

    return routes


def _reason(why: Why) -> Reason:
    return Reason(
        comparison=why.comparison,
        label=why.label,
        weight=why.weight,
        value_a=why.value_a,
        value_b=why.value_b,
    )


def _open(one: matching_reviews.Review) -> OpenReview:
    return OpenReview(
        review_id=str(one.review_id),
        a=list(one.a),
        b=list(one.b),
        traits_a=one.traits_a,
        traits_b=one.traits_b,
        weight=one.weight,
        probability=one.probability,
        model=one.model,
        merged=one.merged,
        reasons=[_reason(why) for why in one.reasons],
        status=one.status,
        created_at=iso(one.created_at),
    )
