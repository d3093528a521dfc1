"""Sources over the API: add and change them, try them, run, pause and remove them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from tsunagu.access import Key, audit, workspace_by_id
from tsunagu.collect import sources
from tsunagu.collect.sources import Listed, Premises, Run
from tsunagu.core import Json, NotFound
from tsunagu.core.times import iso
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.models import Published
from tsunagu.serve.routes import FAILURES, Api

RUNS = 50
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such source."}}
Name = Annotated[str, Path(description="The source's name.", examples=["crm"])]


class SourceAtWork(BaseModel):
    """A source and where it stands. Times are ISO 8601; secrets are never shown."""

    name: str
    kind: str
    document: Json
    secrets: list[str] = Field(description="Which secrets it has.")
    state: str = Field(description="`new`, `well`, `failing`, `paused` or `running`.")
    events_today: int
    failures: int
    last_run_at: str | None
    last_ok_at: str | None
    last_error: str | None
    newest_at: str | None = Field(description="When the newest row it brought happened.")
    next_run_at: str | None
    webhook: str | None = Field(description="Where the other side posts to, at the collector.")


class SourceRun(BaseModel):
    """One run: rows read, events stored, rows known before, rows refused."""

    run_id: int
    cause: str
    started_at: str
    ended_at: str | None
    outcome: str
    rows: int
    events: int
    known: int
    refused: int
    error: str | None


class SourceWanted(BaseModel):
    """A source's document; secrets that are not given stay as they are."""

    model_config = ConfigDict(extra="forbid")

    document: Json
    secrets: dict[str, str] = Field(default_factory=dict, repr=False)


class SourceLook(BaseModel):
    """What a source would bring: the columns it has, and its first rows as events."""

    place: str
    columns: list[str]
    rows: int
    events: list[Json]
    refused: list[str]


class Done(BaseModel):
    """It was done."""

    status: str = "ok"


def source_routes(api: Api, premises: Premises) -> APIRouter:
    """The routes over one set of connections."""
    routes = APIRouter(prefix="/v1/sources", tags=["sources"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    dependency = Depends(caller)
    _reading_routes(routes, api, premises, dependency)
    _changing_routes(routes, api, premises, dependency)
    _acting_routes(routes, api, dependency)
    return routes


def _reading_routes(routes: APIRouter, api: Api, premises: Premises, caller: Any) -> None:
    @routes.get("", summary="All sources and how they are")
    def listing(key: Key = caller) -> list[SourceAtWork]:  # pyright: ignore[reportUnusedFunction]
        """By name."""
        with api.workspace(key.workspace_id) as cursor:
            found = sources.list_sources(cursor, key.workspace_id)
            return [_shown(cursor, key, one, premises) for one in found]

    @routes.get("/{name}", summary="One source", responses=_MISSING)
    def one(name: Name, key: Key = caller) -> SourceAtWork:  # pyright: ignore[reportUnusedFunction]
        """Its document and where it stands."""
        with api.workspace(key.workspace_id) as cursor:
            for found in sources.list_sources(cursor, key.workspace_id):
                if found.name == name:
                    return _shown(cursor, key, found, premises)
        raise NotFound(f"There is no source called {name!r} in this workspace.")

    @routes.get("/{name}/runs", summary="The latest runs", responses=_MISSING)
    def runs(name: Name, key: Key = caller) -> list[SourceRun]:  # pyright: ignore[reportUnusedFunction]
        """The newest first."""
        with api.workspace(key.workspace_id) as cursor:
            sources.find_source(cursor, key.workspace_id, name)
            found = sources.list_runs(cursor, key.workspace_id, name, RUNS)
        return [_run(run) for run in found]


def _changing_routes(routes: APIRouter, api: Api, premises: Premises, caller: Any) -> None:
    @routes.put("/{name}", summary="Add or change a source")
    def put(  # pyright: ignore[reportUnusedFunction]
        name: Name, wanted: Annotated[SourceWanted, Body()], key: Key = caller
    ) -> Published:
        """The document is checked whole and is in force at once; a password in a database's URL
        is taken out of it and encrypted."""
        actor = f"API key for {key.source}"
        with api.workspace(key.workspace_id) as cursor:
            workspace = workspace_by_id(cursor, key.workspace_id)
            version = sources.put_source(
                cursor, workspace, name, wanted.document, wanted.secrets, premises.vault, actor
            )
            audit(cursor, key.workspace_id, actor, "source.put", name, {"version": version})
        return Published(kind="source", name=name, version=version)

    @routes.post("/{name}/test", summary="Try a source; nothing is stored")
    def test(  # pyright: ignore[reportUnusedFunction]
        name: Name, wanted: Annotated[SourceWanted, Body()], key: Key = caller
    ) -> SourceLook:
        """Connects as the document says and shows the first ten rows as events. The secrets are
        those given here, else those of the source of this name."""
        kept: dict[str, str] = {}
        with api.workspace(key.workspace_id) as cursor:
            names = [one.name for one in sources.list_sources(cursor, key.workspace_id)]
            if name in names:
                kept = sources.secrets_for_trial(
                    cursor, key.workspace_id, name, wanted.document, premises.vault
                )
        look = premises.look(wanted.document, name, {**kept, **wanted.secrets})
        return SourceLook.model_validate(msgspec.to_builtins(look))

    @routes.delete("/{name}", summary="Remove a source; its events stay", responses=_MISSING)
    def remove(name: Name, key: Key = caller) -> Done:  # pyright: ignore[reportUnusedFunction]
        """Its cursor, secrets and runs go with it."""
        return _act(api, key, name, "remove")


def _acting_routes(routes: APIRouter, api: Api, caller: Any) -> None:
    @routes.post("/{name}/run", summary="Run a source now", responses=_MISSING)
    def run(name: Name, key: Key = caller) -> Done:  # pyright: ignore[reportUnusedFunction]
        """As soon as the role `sources` gets to it."""
        with api.workspace(key.workspace_id) as cursor:
            sources.run_now(cursor, key.workspace_id, name, f"API key for {key.source}")
        return Done()

    @routes.post("/{name}/pause", summary="Stop running it by itself", responses=_MISSING)
    def pause(name: Name, key: Key = caller) -> Done:  # pyright: ignore[reportUnusedFunction]
        """A webhook is closed."""
        return _act(api, key, name, "pause")

    @routes.post("/{name}/resume", summary="Run it again", responses=_MISSING)
    def resume(name: Name, key: Key = caller) -> Done:  # pyright: ignore[reportUnusedFunction]
        """From where it stood."""
        return _act(api, key, name, "resume")

    @routes.post("/{name}/reset", summary="Read from the beginning again", responses=_MISSING)
    def reset(name: Name, key: Key = caller) -> Done:  # pyright: ignore[reportUnusedFunction]
        """What it brought in the last 30 days is known by its message ids."""
        return _act(api, key, name, "reset")


_ACTS = {
    "remove": sources.remove,
    "pause": sources.pause,
    "resume": sources.resume,
    "reset": sources.reset,
}


def _act(api: Api, key: Key, name: str, what: str) -> Done:
    with api.workspace(key.workspace_id) as cursor:
        _ACTS[what](cursor, key.workspace_id, name)
        actor = f"API key for {key.source}"
        audit(cursor, key.workspace_id, actor, f"source.{what}", name)
    return Done()


def _shown(cursor: Any, key: Key, one: Listed, premises: Premises) -> SourceAtWork:
    standing, workspace = one.standing, key.workspace_id
    document = one.source.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["from"]["kind"] = one.source.kind
    return SourceAtWork(
        name=one.name,
        kind=one.source.kind,
        document=document,
        secrets=sources.secret_names(cursor, workspace, one.name, premises.vault),
        state=one.state,
        events_today=one.events_today,
        failures=standing.failures,
        last_run_at=_time(standing.last_run_at),
        last_ok_at=_time(standing.last_ok_at),
        last_error=standing.last_error,
        newest_at=_time(standing.newest_at),
        next_run_at=None if standing.paused else _time(standing.next_run_at),
        webhook=sources.webhook_path(cursor, workspace, one.name),
    )


def _run(run: Run) -> SourceRun:
    return SourceRun(
        run_id=run.run_id,
        cause=run.cause,
        started_at=iso(run.started_at),
        ended_at=_time(run.ended_at),
        outcome=run.outcome,
        rows=run.rows,
        events=run.events,
        known=run.known,
        refused=run.refused,
        error=run.error,
    )


def _time(at: int | None) -> str | None:
    return None if at is None else iso(at)
