"""Kinds of identifiers over the API: which hold, and what was held back and why."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from psycopg import Cursor
from pydantic import BaseModel

from tsunagu import identity
from tsunagu.access import Key, published
from tsunagu.core import Invalid
from tsunagu.core.times import iso
from tsunagu.identity import IDENTIFIER, Held, HeldPlace, IdentifierKind, Kinds
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.routes import FAILURES, Api, Row


class KindOfIdentifier(BaseModel):
    """A kind that holds in the workspace; `built_in` ones are published by nobody."""

    name: str
    built_in: bool
    document: IdentifierKind


class Stated(BaseModel):
    """An identifier."""

    kind: str
    value: str


class HeldBack(BaseModel):
    """An identifier that did not count, `times` times from `first_at` to `last_at`.

    `blocked`: its value identifies nobody. `full`: its customer holds as many as the kind allows.
    `apart`: it came with an identifier of another customer who stays apart, and counts for its
    owner. `shared`: it came with too many others, and counts for nobody beside another one.
    `stated_by` are those others, while they are counted. `place` is where it stands in the list.
    """

    kind: str
    value: str
    reason: Literal["blocked", "full", "apart", "shared"]
    customer_id: str | None
    first_at: str
    last_at: str
    times: int
    place: str
    stated_by: list[Stated]


def kind_routes(api: Api) -> APIRouter:
    """The routes over one set of connections."""
    routes = APIRouter(prefix="/v1/identity", tags=["identity"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    who = Depends(caller)

    @routes.get("/kinds", summary="The kinds of identifiers that hold")
    def kinds(key: Key = who) -> list[KindOfIdentifier]:  # pyright: ignore[reportUnusedFunction]
        """The strongest first. A document of the kind `identifier` adds or replaces one."""
        with api.workspace(key.workspace_id) as cursor:
            return kinds_of(cursor, key.workspace_id)

    @routes.get("/held", summary="Identifiers that were held back, and why")
    def held(  # pyright: ignore[reportUnusedFunction]
        kind: str | None = None,
        reason: Literal["blocked", "full", "apart", "shared"] | None = None,
        value: str | None = None,
        after: Annotated[str | None, Query(description="`place` of the last one seen.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        key: Key = who,
    ) -> list[HeldBack]:
        """The latest first. Values are compared in their normalised form."""
        if "\x00" in (kind or "") + (value or ""):
            raise Invalid("An identifier holds no U+0000.")
        with api.workspace(key.workspace_id) as cursor:
            found = identity.list_held(
                cursor,
                key.workspace_id,
                kind=kind,
                reason=reason,
                value=value,
                after=_place(after),
                limit=limit,
            )
        return [_held(one) for one in found]

    return routes


def published_kinds(cursor: Cursor[Row], workspace_id: int) -> dict[str, IdentifierKind]:
    """The kinds that the workspace has published, by name."""
    return {
        d.name: IdentifierKind.model_validate(d.document)
        for d in published(cursor, workspace_id)
        if d.kind == IDENTIFIER
    }


def kinds_of(cursor: Cursor[Row], workspace_id: int) -> list[KindOfIdentifier]:
    """The kinds that hold in a workspace, the strongest first."""
    documents = published_kinds(cursor, workspace_id)
    kinds = Kinds(documents)
    names = sorted(kinds.documents, key=lambda name: kinds.kind(name).rank)
    return [
        KindOfIdentifier(name=name, built_in=name not in documents, document=kinds.documents[name])
        for name in names
    ]


def _place(text: str | None) -> HeldPlace | None:
    try:
        told = urlsafe_b64decode(text) if text else None
        return None if told is None else msgspec.json.decode(told, type=HeldPlace)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid("`after` is the `place` of one that was held back.") from error


def _held(found: Held) -> HeldBack:
    return HeldBack(
        kind=found.kind,
        value=found.value,
        reason=found.reason,
        customer_id=None if found.customer_id is None else str(found.customer_id),
        first_at=iso(found.first_at),
        last_at=iso(found.last_at),
        times=found.times,
        place=urlsafe_b64encode(msgspec.json.encode(found.place)).decode(),
        stated_by=[Stated(kind=kind, value=value) for kind, value in found.stated_by],
    )
