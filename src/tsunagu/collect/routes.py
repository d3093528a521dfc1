"""The HTTP face: the calls, the settings that browser clients ask for, preflights, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tsunagu.access import Key, admits
from tsunagu.collect.browser import asked_address, rudder_settings, segment_settings
from tsunagu.collect.calls import CALLS, PATHS, TAKEN, Call, Collector, failure, refused
from tsunagu.collect.directory import key_of
from tsunagu.collect.errors import BadRequest, NotFromThisPage, Refused
from tsunagu.collect.openapi import openapi
from tsunagu.collect.pages import page_headers, preflight_headers
from tsunagu.collect.sources.webhooks import PATH as WEBHOOKS
from tsunagu.collect.sources.webhooks import Webhooks

_JSON = "application/json"
_SETTINGS_SECONDS = 60
Document = Callable[[str, Key, str], dict[str, Any]]


def collector_app(
    collector: Collector, address: str = "", webhooks: Webhooks | None = None
) -> Starlette:
    """The application.

    Args:
        address: where clients reach it, for the settings that browsers ask for; when empty,
            the address that they have used.
        webhooks: who answers the calls of other systems, if they are taken here.
    """
    calls = {path: Call(collector, call) for path, call in PATHS.items()}

    async def health(_: Request) -> Response:
        try:
            await collector.directory.check()
        except Refused as refusal:
            return _said(*refused(refusal))
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def live(_: Request) -> Response:
        return Response(TAKEN, media_type=_JSON)

    async def described(_: Request) -> Response:
        return Response(msgspec.json.encode(openapi()), media_type=_JSON)

    def settings(document: Document) -> Callable[[Request], Any]:
        return _Settings(collector, document, address).answer

    return Starlette(
        routes=[
            *(Route(path, call, methods=["POST"]) for path, call in calls.items()),
            Route("/v1/projects/{key}/settings", settings(_segment), methods=["GET"]),
            Route("/sourceConfig", settings(_rudder), methods=["GET"]),
            Route("/sourceConfig/", settings(_rudder), methods=["GET"]),
            *([Route(WEBHOOKS, webhooks.answer, methods=["POST"])] if webhooks else []),
            Route("/v1/health", health, methods=["GET"]),
            Route("/v1/live", live, methods=["GET"]),
            Route("/v1/openapi.json", described, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_here},
    )


class Doorman:
    """In front of the application: hands calls straight on and answers preflights."""

    def __init__(self, app: Starlette, collector: Collector) -> None:
        self._app = app
        self._collector = collector
        self._calls: dict[str, ASGIApp] = {
            route.path: route.app
            for route in app.routes
            if isinstance(route, Route) and isinstance(route.endpoint, Call)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = scope.get("method")
        call = self._calls.get(scope["path"]) if method == "POST" else None
        if call is not None:
            await call(scope, receive, send)
        elif method == "OPTIONS":
            await (await self._preflight(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _preflight(self, scope: Scope) -> Response:
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        try:
            if not origin or not admits(await self._collector.directory.pages(), origin):
                raise NotFromThisPage("No write key may be used from this page")
        except Refused as refusal:
            return _said(*refused(refusal))
        allowed = b"POST" if scope["path"] in self._calls else b"GET"
        return _said(204, preflight_headers(headers, allowed), b"")


class _Settings:
    """A settings document, for whoever names a write key in use."""

    def __init__(self, collector: Collector, document: Document, address: str) -> None:
        self._collector = collector
        self._document = document
        self._address = address

    async def answer(self, request: Request) -> Response:
        headers: Mapping[bytes, bytes] = dict(request.scope["headers"])
        try:
            said = _named_key(request)
            key = await self._collector.directory.writer(said)
            origin = request.headers.get("origin")
            if origin is not None and not admits(key.origins, origin):
                raise NotFromThisPage(
                    "This write key may not be used from this page; add its origin to the key"
                )
            address = self._address or asked_address(
                request.headers.get("host", ""), request.headers.get("x-forwarded-proto", "")
            )
            if address is None:
                raise BadRequest("The Host header is missing or is no host")
        except Refused as refusal:
            status, extra, body = refused(refusal)
            pages = [] if isinstance(refusal, NotFromThisPage) else page_headers(headers)
            return _said(status, [*extra, *pages], body)
        body = msgspec.json.encode(self._document(said or "", key, address))
        kept = (b"cache-control", f"private, max-age={_SETTINGS_SECONDS}".encode())
        return _said(200, [kept, *page_headers(headers)], body)


def _named_key(request: Request) -> str | None:
    in_path = request.path_params.get("key")
    if in_path is not None:
        return str(in_path)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return key_of(authorization)
    return request.query_params.get("writeKey")


def _segment(said: str, _: Key, address: str) -> dict[str, Any]:
    return segment_settings(said, address)


def _rudder(said: str, key: Key, _: str) -> dict[str, Any]:
    return rudder_settings(said, key.source, key.workspace_id)


def _said(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    answer = Response(body, status, media_type=_JSON)
    answer.raw_headers.extend(headers)
    return answer


def _not_here(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    calls = ", ".join(f"/v1/{call}" for call in CALLS)
    body = failure("not_found", f"{error.detail}; events are sent by POST to one of {calls}")
    extra = [(name.encode(), value.encode()) for name, value in (error.headers or {}).items()]
    return _said(error.status_code, [*extra, *page_headers(dict(request.scope["headers"]))], body)
