"""Decisions about identity over the API: evidence, previews, merge, part, keep apart, history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from tsunagu import access
from tsunagu.access import Key
from tsunagu.core import Invalid, Json
from tsunagu.core.times import iso, zone
from tsunagu.identity import Identifier, Kinds
from tsunagu.serve import (
    definitions,
    identity,
    identity_preview,
    identity_queries,
    identity_undo,
)
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.identity_preview import Outcome
from tsunagu.serve.kind_routes import Stated
from tsunagu.serve.routes import FAILURES, Api
from tsunagu.storage import Database, in_workspace

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "Nobody has the identifier."}}
MOST_LINKS = 1_000


class Two(BaseModel):
    """Two identifiers whose owners are decided about, and why."""

    a: Stated
    b: Stated
    reason: Literal["operator", "review"] = "operator"


class Leaving(BaseModel):
    """The identifiers of one customer that are another person's."""

    identifiers: list[Stated] = Field(min_length=1, max_length=1_000)


class Person(BaseModel):
    """A customer as it is or would be. `consents` are by channel and purpose.

    `stricter` names those that stay withdrawn for what the other side said, until the customer
    speaks. `running` counts the enrolments that go on, `events` what the customer did.
    """

    customer_id: str
    identifiers: list[Stated]
    traits: Json
    consents: dict[str, bool]
    stricter: list[str]
    audiences: list[str]
    running: int
    events: int


class WouldMerge(BaseModel):
    """What a merge would give; the first of both keeps its id."""

    before: list[Person]
    after: Person


class WouldPart(BaseModel):
    """What a parting would give."""

    before: Person
    stays: Person
    leaves: Person


class Decided(BaseModel):
    """The decision is in the log under this message id; the pipeline does it next."""

    message_id: str


class Link(BaseModel):
    """On what evidence, or by whose decision, two identifiers are one person.

    `kind` is `observed`, or who decided. `cut`: a parting ended it; it stays as history.
    """

    a: Stated
    b: Stated
    kind: str
    source: str
    at: str
    weight: float | None
    by: str | None
    cut: bool


class Made(BaseModel):
    """A decision that somebody made."""

    at: str
    by: str
    name: str
    message_id: str
    told: Json


def identity_routes(api: Api, database: Database) -> APIRouter:
    """The routes over one set of connections; `database` opens those that decide."""
    routes = APIRouter(prefix="/v1/identity", tags=["identity"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    who = Depends(caller)
    _asking(routes, api, who)
    _deciding(routes, database, who)
    return routes


def _asking(routes: APIRouter, api: Api, who: Any) -> None:
    @routes.post("/merge/preview", summary="What a merge would change", responses=_MISSING)
    def would_merge(two: Two, key: Key = who) -> WouldMerge:  # pyright: ignore[reportUnusedFunction]
        """Nothing is written."""
        with api.workspace(key.workspace_id) as cursor:
            a, b = _normal(cursor, key.workspace_id, [two.a, two.b])
            found = identity_preview.preview_merge(cursor, key.workspace_id, a, b)
        return WouldMerge(before=[_person(one) for one in found.before], after=_person(found.after))

    @routes.post("/part/preview", summary="What a parting would change", responses=_MISSING)
    def would_part(leaving: Leaving, key: Key = who) -> WouldPart:  # pyright: ignore[reportUnusedFunction]
        """Nothing is written."""
        with api.workspace(key.workspace_id) as cursor:
            named = _normal(cursor, key.workspace_id, leaving.identifiers)
            found = identity_preview.preview_part(cursor, key.workspace_id, named)
        return WouldPart(
            before=_person(found.before), stays=_person(found.stays), leaves=_person(found.leaves)
        )

    @routes.get(
        "/evidence",
        summary="Why the identifiers of a customer are one person",
        responses=_MISSING,
    )
    def evidence(  # pyright: ignore[reportUnusedFunction]
        kind: str, value: Annotated[str, Query(max_length=512)], key: Key = who
    ) -> list[Link]:
        """In the order in which it was learned, what was cut included."""
        with api.workspace(key.workspace_id) as cursor:
            (named,) = _normal(cursor, key.workspace_id, [Stated(kind=kind, value=value)])
            held = identity.holding(cursor, key.workspace_id, named)
            links = identity_queries.links_of(
                cursor, key.workspace_id, held.identifiers, limit=MOST_LINKS
            )
        return [_link(one) for one in links]

    @routes.get("/history", summary="Decisions about a customer", responses=_MISSING)
    def history(  # pyright: ignore[reportUnusedFunction]
        kind: str, value: Annotated[str, Query(max_length=512)], key: Key = who
    ) -> list[Made]:
        """The latest first, of all that name an identifier of the customer."""
        with api.workspace(key.workspace_id) as cursor:
            (named,) = _normal(cursor, key.workspace_id, [Stated(kind=kind, value=value)])
            held = identity.holding(cursor, key.workspace_id, named)
            made = identity_queries.decisions_about(
                cursor, key.workspace_id, held.identifiers, limit=MOST_LINKS
            )
        return [
            Made(at=iso(m.at), by=m.by, name=m.name, message_id=m.message_id, told=m.told)
            for m in made
        ]


def _deciding(routes: APIRouter, database: Database, who: Any) -> None:
    @routes.post("/merge", summary="Decide that two are one person", responses=_MISSING)
    def merge(two: Two, key: Key = who) -> Decided:  # pyright: ignore[reportUnusedFunction]
        """The older one's id stays; the other leads to it. Part them to undo it."""
        return _decide_two(database, key, two, identity.merge)

    @routes.post("/keep-apart", summary="Decide that two are two people", responses=_MISSING)
    def apart(two: Two, key: Key = who) -> Decided:  # pyright: ignore[reportUnusedFunction]
        """Nothing that they share joins them, and no model; only a merge that is decided."""
        return _decide_two(database, key, two, identity.keep_apart)

    @routes.post("/part", summary="Let identifiers leave a customer", responses=_MISSING)
    def part(leaving: Leaving, key: Key = who) -> Decided:  # pyright: ignore[reportUnusedFunction]
        """What they did goes with them; a withdrawn consent stays withdrawn on both sides."""
        workspace = key.workspace_id
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            named = _normal(cursor, workspace, leaving.identifiers)
            made = identity.part(cursor, workspace, named, _name(key), identity.OPERATOR)
        return Decided(message_id=made)

    @routes.post(
        "/decisions/{message_id}/undo",
        summary="Take a decision back",
        responses={404: {"description": "There is no such decision."}},
    )
    def undo(message_id: str, key: Key = who) -> Decided:  # pyright: ignore[reportUnusedFunction]
        """A merge is undone by a parting along the evidence, a parting by a merge."""
        workspace = key.workspace_id
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            made = identity_undo.undo(cursor, workspace, message_id, _name(key))
        return Decided(message_id=made)


def _decide_two(database: Database, key: Key, two: Two, decide: Any) -> Decided:
    workspace = key.workspace_id
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        a, b = _normal(cursor, workspace, [two.a, two.b])
        return Decided(message_id=decide(cursor, workspace, a, b, _name(key), two.reason))


def _name(key: Key) -> str:
    return f"API key for {key.source}"


def _normal(cursor: Any, workspace_id: int, stated: list[Stated]) -> list[Identifier]:
    """Identifiers as they are stored."""
    if any("\x00" in one.kind + one.value for one in stated):
        raise Invalid("An identifier holds no U+0000.")
    tz = zone(access.workspace_by_id(cursor, workspace_id).zone)
    kinds: Kinds = definitions.load(cursor, workspace_id, tz, None).kinds
    return [(one.kind, kinds.kind(one.kind).normalise(one.value) or one.value) for one in stated]


def _stated(identifiers: tuple[Identifier, ...]) -> list[Stated]:
    return [Stated(kind=kind, value=value) for kind, value in identifiers]


def _person(found: Outcome) -> Person:
    return Person(
        customer_id=str(found.customer),
        identifiers=_stated(found.identifiers),
        traits=found.traits,
        consents=found.consents,
        stricter=list(found.stricter),
        audiences=list(found.audiences),
        running=found.running,
        events=found.events,
    )


def _link(found: identity_queries.Link) -> Link:
    a, b = _stated((found.a, found.b))
    return Link(
        a=a,
        b=b,
        kind=found.kind,
        source=found.source,
        at=iso(found.at),
        weight=found.weight,
        by=found.by,
        cut=found.cut,
    )
