"""SQL for analysts: one SELECT over the workspace's lake, as JSON, CSV, Arrow or Parquet.

The rows are gathered before the answer begins, in a file if they are many, so that a question
that fails half-way is answered by an error and not by half a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response, StreamingResponse

from tsunagu.access import Key, audit
from tsunagu.analysis import (
    FORMATS,
    Analysts,
    Asking,
    Format,
    columns,
    plain_rows,
    write_result,
)
from tsunagu.core import Invalid
from tsunagu.core.times import parse_time
from tsunagu.serve import models
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.routes import FAILURES, Api

_IN_MEMORY = 8 << 20
_MOST_JSON = 64 << 20
_PIECE = 1 << 20
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows, in the format that `Accept` names.",
        "content": {kind.partition(";")[0]: {} for kind in FORMATS.values()},
    },
    403: {"model": models.Problem, "description": "The key is of another kind."},
}


def sql_routes(api: Api, analysts: Analysts) -> APIRouter:
    """The route over the places at which questions are answered."""
    routes = APIRouter(prefix="/v1", responses=FAILURES, tags=["analysis"])

    def caller(key: StatedKey) -> Key:
        return api.keys.analyst(key)

    caller_dependency = Depends(caller)

    @routes.post(
        "/sql",
        summary="Ask the lake",
        response_model=models.SqlAnswer,
        responses=_CONTENT,
    )
    def ask(  # pyright: ignore[reportUnusedFunction]
        question: models.SqlQuestion,
        accept: Annotated[str, Header(description="The format of the rows.")] = "",
        key: Key = caller_dependency,
    ) -> Response:
        """One SELECT in DuckDB's dialect over `events`, `customer_events` (with `customer_id`),
        `customers`, `customer_history` and `identity`; `events_known_at(t)` and
        `customers_known_at(t)` show what was known at a time. It can read nothing else and
        change nothing. The key must be an analyst's. A result longer than `rows` ends there
        and says so: `truncated` in JSON, the header `X-Truncated` in the other formats."""
        known_at = None if question.known_at is None else _time(question.known_at)
        with api.workspace(key.workspace_id) as cursor:
            actor = f"analyst's key for {key.source}"
            audit(cursor, key.workspace_id, actor, "asked", "sql", {"sql": question.sql})
        limits = replace(analysts.limits, rows=question.rows)
        wanted = _wanted(accept)
        if wanted is None:
            limits = replace(limits, result=min(limits.result, _MOST_JSON))
        with analysts.ask(
            key.workspace_id, question.sql, limits=limits, known_at=known_at
        ) as asking:
            return _json(asking) if wanted is None else _file(asking, wanted)

    return routes


def _wanted(accept: str) -> Format | None:
    """The first format that a client accepts and we have; None is JSON."""
    for kind in accept.split(","):
        plain = kind.partition(";")[0].strip().lower()
        if plain in ("application/json", "*/*", ""):
            return None
        for name, ours in FORMATS.items():
            if plain == ours.partition(";")[0]:
                return name
    raise Invalid(
        "None of these formats can be given. Accept application/json or one of: "
        + ", ".join(kind.partition(";")[0] for kind in FORMATS.values())
    )


def _time(text: str) -> int:
    with suppress(ValueError, OverflowError):
        return parse_time(text)
    raise Invalid(f"known_at: {text!r} is not a time. Write it as 2026-05-01T12:00:00Z.")


def _json(asking: Asking) -> Response:
    rows = list(plain_rows(asking))
    answer = {
        "columns": [{"name": c.name, "type": c.type} for c in columns(asking.schema)],
        "rows": rows,
        "truncated": asking.result.truncated,
        "seconds": round(asking.result.seconds, 3),
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _file(asking: Asking, kind: Format) -> Response:
    spool = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives with the answer
    try:
        result = write_result(asking, spool, kind)  # pyright: ignore[reportArgumentType]
    except BaseException:
        spool.close()
        raise
    headers = {
        "x-rows": str(result.rows),
        "x-truncated": str(result.truncated).lower(),
        "content-length": str(spool.tell()),
    }
    spool.seek(0)

    def pieces() -> Iterator[bytes]:
        with spool:
            while piece := spool.read(_PIECE):
                yield piece

    return StreamingResponse(pieces(), media_type=FORMATS[kind], headers=headers)
