"""The routes of the API, all under `/v1`. Each runs in one transaction of one workspace."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from tsunagu.access import Definition, Key, all_versions, audit
from tsunagu.core import Json
from tsunagu.serve import models, service
from tsunagu.serve.auth import KeyMemory, StatedKey
from tsunagu.serve.definitions import Definitions, publish_document
from tsunagu.storage import in_workspace

Row = tuple[Any, ...]

MAX_EVENTS = 200
FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": models.Problem, "description": "The request is wrong; the message says how."},
    401: {"model": models.Problem, "description": "No API key, or one that is not in use."},
    503: {"model": models.Problem, "description": "The database is away; send it again."},
}
_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": models.Problem, "description": "There is no such thing in this workspace."}
}

Kind = Annotated[
    str,
    Path(
        description="`audience`, `journey`, `message`, `policy`, `identifier`, `tracking-plan` "
        "or `event-schema`.",
        examples=["audience"],
    ),
]
Name = Annotated[str, Path(description="The document's name.", examples=["coupon-reminder"])]


class Api:
    """What the routes share: connections, known keys, and each workspace's definitions."""

    def __init__(self, pool: ConnectionPool[Connection[Row]]) -> None:
        self.pool = pool
        self.keys = KeyMemory(pool)
        self.definitions: dict[int, Definitions] = {}

    @contextmanager
    def workspace(self, workspace_id: int) -> Generator[Cursor[Row]]:
        """One transaction that sees one workspace."""
        with (
            self.pool.connection() as connection,
            in_workspace(connection, workspace_id) as cursor,
        ):
            yield cursor


def router(api: Api) -> APIRouter:
    """The routes over one set of connections."""
    routes = APIRouter(prefix="/v1", responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    caller_dependency = Depends(caller)
    _profile_routes(routes, api, caller_dependency)
    _definition_routes(routes, api, caller_dependency)

    @routes.get("/health", tags=["operation"], summary="Does the API answer?")
    def health() -> models.Health:  # pyright: ignore[reportUnusedFunction]
        """Open to everybody; says 503 while the database cannot be reached."""
        with api.pool.connection() as connection:
            connection.execute("select 1")
        return models.Health(status="ok")

    return routes


def _profile_routes(routes: APIRouter, api: Api, caller: Any) -> None:
    @routes.get(
        "/profiles/{kind}/{value:path}",
        tags=["profiles"],
        summary="The whole customer, by any identifier",
        responses=_MISSING,
    )
    def profile(  # pyright: ignore[reportUnusedFunction]
        kind: Annotated[
            str,
            Path(
                description="`user_id`, `anonymous_id`, `email`, or `customer_id` for an id that "
                "this API has told before.",
                examples=["user_id"],
            ),
        ],
        value: Annotated[str, Path(description="The identifier.", examples=["u-1042"])],
        events: Annotated[
            int, Query(ge=0, le=MAX_EVENTS, description="How many of the latest events.")
        ] = 20,
        before: Annotated[
            int | None,
            Query(ge=0, lt=2**63, description="Only events before this position of the log."),
        ] = None,
        key: Key = caller,
    ) -> models.Profile:
        """Traits, audiences, consents, scores, the latest events, journeys, and why the customer
        was or was not sent something: what was sent, what the contact policy refused, and what
        it would answer now. Merged customers are resolved: a former id leads to the current one.
        """
        workspace = key.workspace_id
        with api.workspace(workspace) as cursor:
            customer = service.find_customer(cursor, workspace, kind, value)
            found, definitions = service.read_profile(
                cursor,
                workspace,
                customer,
                api.definitions.get(workspace),
                events=events,
                before=before,
            )
        api.definitions[workspace] = definitions
        return found

    @routes.get(
        "/journeys/{name}",
        tags=["journeys"],
        summary="A journey and where everybody is",
        responses=_MISSING,
    )
    def journey(name: Name, key: Key = caller) -> models.JourneyFigures:  # pyright: ignore[reportUnusedFunction]
        """The published document, how many customers are at which node, how many reached the
        goal in each arm, and the messages by what became of them, refusals with their reasons."""
        with api.workspace(key.workspace_id) as cursor:
            return service.read_journey(cursor, key.workspace_id, name)


def _definition_routes(routes: APIRouter, api: Api, caller: Any) -> None:
    @routes.get("/definitions", tags=["definitions"], summary="All documents, every version")
    def listing(key: Key = caller) -> list[models.DefinitionVersion]:  # pyright: ignore[reportUnusedFunction]
        """By kind, name and version."""
        with api.workspace(key.workspace_id) as cursor:
            found = all_versions(cursor, key.workspace_id)
        return [models.DefinitionVersion.model_validate(d) for d in found]

    @routes.get(
        "/definitions/{kind}/{name}",
        tags=["definitions"],
        summary="A document",
        responses=_MISSING,
    )
    def document(  # pyright: ignore[reportUnusedFunction]
        kind: Kind,
        name: Name,
        version: Annotated[
            int | None, Query(ge=1, lt=2**31, description="A version other than the one in force.")
        ] = None,
        key: Key = caller,
    ) -> models.DefinitionDocument:
        """The version in force, or the latest if none is."""
        with api.workspace(key.workspace_id) as cursor:
            found: Definition = service.current_version(
                cursor, key.workspace_id, kind, name, version
            )
        return models.DefinitionDocument.model_validate(found)

    @routes.put("/definitions/{kind}/{name}", tags=["definitions"], summary="Publish a document")
    def publish(  # pyright: ignore[reportUnusedFunction]
        kind: Kind,
        name: Name,
        document: Annotated[Json, Body(description="The document, whole.")],
        key: Key = caller,
    ) -> models.Published:
        """The document is checked as a whole, and against what it names; then it is in force at
        once as a new version. An equal document changes nothing, so that a folder of documents
        can be published again and again."""
        with api.workspace(key.workspace_id) as cursor:
            actor = f"API key for {key.source}"
            version = publish_document(cursor, key.workspace_id, kind, name, document, actor)
            subject = f"{kind}/{name}"
            audit(cursor, key.workspace_id, actor, "published", subject, {"version": version})
        return models.Published(kind=kind, name=name, version=version)
