"""How failures of the rooms below become HTTP answers; each says what to do next."""

from __future__ import annotations

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from tsunagu.core import Denied, Invalid, NotFound, Retryable, TsunaguError

RETRY_SECONDS = 2
_STATUS: dict[type[TsunaguError], tuple[int, str]] = {
    NotFound: (404, "not_found"),
    Invalid: (400, "invalid"),
    Denied: (403, "denied"),
}


class Unauthorized(TsunaguError):
    """No API key, or one that is not known."""


def answer_errors(app: FastAPI) -> None:
    """Teach an application to answer every error as a `Problem`."""
    app.add_exception_handler(TsunaguError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_the_request)
    app.add_exception_handler(psycopg.OperationalError, _of_the_database)
    app.add_exception_handler(psycopg.DataError, _of_a_value)
    app.add_exception_handler(HTTPException, _of_http)


def _of_ours(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Unauthorized):
        challenge = {"www-authenticate": 'Bearer realm="API key"'}
        return _problem(401, "unauthorized", str(error), challenge)
    if isinstance(error, Retryable):
        return _problem(503, "unavailable", str(error), {"retry-after": str(RETRY_SECONDS)})
    known = (_STATUS[kind] for kind in _STATUS if isinstance(error, kind))
    return _problem(*next(known, (500, "failed")), str(error))


def _of_the_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors()
    )
    return _problem(400, "invalid", faults)


def _of_the_database(_: Request, __: Exception) -> JSONResponse:
    message = "The database cannot be reached; send the request again."
    return _problem(503, "unavailable", message, {"retry-after": str(RETRY_SECONDS)})


def _of_a_value(_: Request, error: Exception) -> JSONResponse:
    """A number beyond 64 bits or a text with U+0000 can stand in no row."""
    first = str(error).partition("\n")[0]
    return _problem(400, "invalid", f"A value cannot be looked up: {first}.")


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, "http", error.detail, dict(error.headers or {}))


def _problem(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status, headers)
