"""Data quality over the API: how good the customer data is that each source brings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tsunagu.access import Key
from tsunagu.analysis import Analysts
from tsunagu.identity.quality import Problem
from tsunagu.identity.quality_values import ValueKind
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.models import Time
from tsunagu.serve.quality import DAYS, MOST_DAYS, Quality, quality_of
from tsunagu.serve.routes import FAILURES, Api


class _Told(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ColumnFigures(_Told):
    """Of the customers looked at, how many have what in a column; all of them add up."""

    column: str
    kind: ValueKind
    good: int = Field(description="Of its kind, and the customer's own.")
    placeholder: int = Field(description="Stands in for a value: テスト, 000-0000-0000.")
    unreadable: int = Field(description="Not of its kind: no address, no day, no such postcode.")
    held: int = Field(description="An identifier that is held back; see `/v1/identity/held`.")
    shared: int = Field(description="Told of too many of the source's customers.")
    missing: int


class ToMend(_Told):
    """What to mend: `share` of the customers looked at have the problem in the column."""

    column: str
    kind: ValueKind
    problem: Problem
    share: float


class SourceFigures(_Told):
    """A source in the period; `sampled` of the customers `told` traits of were looked at.

    `joined` customers are known to another source too, `alone` are not. `checked` events were
    held against the tracking plan, `violating` of them were otherwise than announced.
    """

    source: str
    events: int
    identifies: int
    customers: int
    joined: int
    alone: int
    told: int
    sampled: int
    columns: list[ColumnFigures]
    worst: list[ToMend] = Field(description="At most three, the worst first.")
    dead_letters: int
    checked: int
    violating: int


class QualityFigures(_Told):
    """The sources that sent events from `since` to `until`, as the lake tells it."""

    since: Time
    until: Time
    sources: list[SourceFigures]


def quality_routes(api: Api, analysts: Analysts) -> APIRouter:
    """The route over one set of connections and the places at which the lake is asked."""
    routes = APIRouter(prefix="/v1/identity", tags=["identity"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    who = Depends(caller)

    @routes.get("/quality", summary="How good the customer data of each source is")
    def quality(  # pyright: ignore[reportUnusedFunction]
        days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="The period.")] = DAYS,
        key: Key = who,
    ) -> QualityFigures:
        """For each column of a record (the document of the kind `matching`) how many customers
        have a good value, and what is wrong with the others. Of a source's customers up to 2,000
        are looked at, each by the newest value that the source told. The thirty sources with
        most customers are told. The lake is asked, which may take seconds."""
        workspace = key.workspace_id
        return figures(quality_of(lambda: api.workspace(workspace), analysts, workspace, days))

    return routes


def figures(found: Quality) -> QualityFigures:
    """The answer of the API and of the command."""
    return QualityFigures.model_validate(found)
