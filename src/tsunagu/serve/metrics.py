"""`/metrics`: figures in Prometheus' text format, for whoever has an API key.

A key sees its own workspace's lag and queues, and the processes of the installation, which
say nothing about customers. Counters of a process begin anew when it is started again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse

from tsunagu.access import Key, workspace_by_id
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.routes import Api
from tsunagu.serve.status import (
    ProcessState,
    WorkspaceState,
    database_state,
    processes,
    workspace_state,
)
from tsunagu.storage import Database

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[^a-zA-Z0-9_]")
Sample = tuple[str, str, dict[str, str], float]


def metrics_routes(api: Api, database: Database) -> APIRouter:
    """The route; it reads the log's lag on a connection of its own, made for each scrape."""
    routes = APIRouter(tags=["operation"])

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    caller_dependency: Any = Depends(caller)

    @routes.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    def metrics(key: Key = caller_dependency) -> PlainTextResponse:  # pyright: ignore[reportUnusedFunction]
        """Rates, lag, queues and refusals of the key's workspace and of all processes."""
        with database.connect("pipeline") as connection:
            workspace = workspace_by_id(connection, key.workspace_id)
            samples = [
                *_of_processes(processes(connection)),
                *_of_workspace(workspace_state(connection, workspace)),
                ("tsunagu_database_size_bytes", "gauge", {}, database_state(connection).size),
            ]
        return PlainTextResponse(exposition(samples), media_type=MEDIA_TYPE)

    return routes


def _of_processes(found: Iterable[ProcessState]) -> Iterable[Sample]:
    for process in found:
        labels = {"role": process.role, "host": process.host, "pid": str(process.pid)}
        yield "tsunagu_process_up", "gauge", labels, float(process.alive)
        for name, value in process.figures.get("counter", {}).items():
            yield f"{_NAME.sub('_', name)}_total", "counter", labels, value
        for name, value in process.figures.get("gauge", {}).items():
            yield _NAME.sub("_", name), "gauge", labels, value


def _of_workspace(state: WorkspaceState) -> Iterable[Sample]:
    labels = {"workspace": state.workspace.name}
    for consumer, lag in (("pipeline", state.pipeline), ("lake", state.lake)):
        reader = labels | {"consumer": consumer}
        yield "tsunagu_log_lag_events", "gauge", reader, lag.events
        yield "tsunagu_log_lag_seconds", "gauge", reader, lag.seconds
    for name, count in (("waiting", state.waiting), ("handing", state.handing), ("due", state.due)):
        yield "tsunagu_outbox_messages", "gauge", labels | {"state": name}, count
    yield "tsunagu_sends_unknown", "gauge", labels, state.unknown
    yield "tsunagu_dead_letters", "gauge", labels, state.dead_letters


def exposition(samples: Iterable[Sample]) -> str:
    """The text format: each name once with its type, all of its samples under it."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample[0], []).append(sample)
    lines: list[str] = []
    for name, group in sorted(by_name.items()):
        lines.append(f"# TYPE {name} {group[0][1]}")
        lines += [f"{name}{_labels(labels)} {value:.15g}" for _, _, labels, value in group]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    inside = ",".join(f'{name}="{quoted(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""
