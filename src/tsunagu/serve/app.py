"""The API as an application; the console's process serves both at one address."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from tsunagu.analysis import Analysts
from tsunagu.collect.sources import Premises
from tsunagu.serve.errors import answer_errors
from tsunagu.serve.identity_routes import identity_routes
from tsunagu.serve.kind_routes import kind_routes
from tsunagu.serve.letter_routes import letter_routes
from tsunagu.serve.matching_routes import matching_routes
from tsunagu.serve.metrics import metrics_routes
from tsunagu.serve.quality_routes import quality_routes
from tsunagu.serve.routes import Api, router
from tsunagu.serve.source_routes import source_routes
from tsunagu.serve.sql import sql_routes
from tsunagu.storage import Database

CONNECTIONS = 8
_DESCRIPTION = """
Read customers by any identifier, see journeys, publish definitions.

Every call needs an **API key** of a workspace, as `Authorization: Bearer <key>`; it sees that
workspace and no other. Events are sent elsewhere: to the collector, with a write key, by any
client of the Segment spec.
"""


def api_app(database: Database, analysts: Analysts, premises: Premises | None = None) -> FastAPI:
    """The application with every route under `/v1`, described at `/v1/openapi.json`.

    Args:
        analysts: answers SQL; ended with the application.
        premises: where sources are handled; without it there are no routes for them.
    """
    pool = database.pool("app", size=CONNECTIONS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        pool.open()
        try:
            yield
        finally:
            pool.close()
            analysts.close()

    app = FastAPI(
        title="Tsunagu",
        summary="Customers, journeys and definitions of a workspace",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    api = Api(pool)
    app.include_router(router(api))
    app.include_router(sql_routes(api, analysts))
    app.include_router(metrics_routes(api, database))
    app.include_router(letter_routes(api, database))
    app.include_router(kind_routes(api))
    app.include_router(identity_routes(api, database))
    app.include_router(matching_routes(api, database))
    app.include_router(quality_routes(api, analysts))
    if premises is not None:
        app.include_router(source_routes(api, premises))
    app.state.pool = pool
    answer_errors(app)
    return app
