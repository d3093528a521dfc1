"""Operators' sessions: a signed cookie that names the operator, and the gate that asks for it.

The gate stands before every page and socket of the console. It also refuses what another site
sends with an operator's cookie, and tells browsers not to frame the console.
"""

from __future__ import annotations

import time
from collections import deque
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION_COOKIE = "tsunagu_session"
LANGUAGE_COOKIE = "tsunagu_language"
ZONE_COOKIE = "tsunagu_zone"
SESSION_SECONDS = 12 * 3600
YEAR_SECONDS = 365 * 24 * 3600
OPEN_PATHS = ("/sign-in", "/language/", "/console-assets/", "/favicon.ico", "/_nicegui/")
_SOCKET = "/_nicegui_ws/"
_HEADERS = [
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        b"connect-src 'self' ws: wss:; frame-ancestors 'none'; form-action 'self'; "
        b"base-uri 'none'; object-src 'none'",
    ),
]


class Sessions:
    """Makes and reads the session cookie."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="tsunagu-console-session")

    def seal(self, operator: str) -> str:
        """The cookie's value for an operator who has just signed in."""
        return self._serializer.dumps(operator)

    def operator(self, cookie: str | None) -> str | None:
        """Who signed in, or None when the cookie is missing, forged or too old."""
        if not cookie:
            return None
        try:
            found = self._serializer.loads(cookie, max_age=SESSION_SECONDS)
        except BadSignature:
            return None
        return found if isinstance(found, str) else None


class Attempts:
    """Slows down guessing: after ten wrong passwords in a minute for one name, a pause."""

    LIMIT = 10
    SECONDS = 60.0

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def may_try(self, name: str) -> bool:
        """Whether a password for this name is looked at now."""
        failed = self._failed.get(name)
        if failed is None:
            return True
        while failed and failed[0] < time.monotonic() - self.SECONDS:
            failed.popleft()
        if not failed:
            del self._failed[name]
        return len(failed) < self.LIMIT

    def fail(self, name: str) -> None:
        """A wrong password."""
        if len(self._failed) > 10_000:
            self._failed.clear()
        self._failed.setdefault(name, deque(maxlen=self.LIMIT)).append(time.monotonic())


class Gate:
    """ASGI middleware: no page, no socket and no form without a session from our own origin."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it: sign in first, or not from another site."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        path: str = scope["path"]
        method: str = scope.get("method", "GET")
        crosses = scope["type"] == "websocket" or method not in ("GET", "HEAD")
        if crosses and not _same_origin(headers):
            return Response("This request came from another site.", 403)
        if path.startswith(OPEN_PATHS):
            return None
        if self._sessions.operator(cookies_of(headers).get(SESSION_COOKIE)) is not None:
            return None
        if method in ("GET", "HEAD") and not path.startswith(_SOCKET):
            query = scope.get("query_string", b"").decode("latin-1")
            wanted = quote(path + (f"?{query}" if query else ""))
            return RedirectResponse(f"/sign-in?next={wanted}", 303)
        return Response("Sign in first.", 401)


def cookies_of(headers: dict[str, str]) -> dict[str, str]:
    """The cookies of a request's headers."""
    try:
        return {
            name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()
        }
    except CookieError:
        return {}


def _same_origin(headers: dict[str, str]) -> bool:
    stated = headers.get("origin") or headers.get("referer", "")
    return urlsplit(stated).netloc == headers.get("host", "")


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return send_with_headers


def local_path(wanted: str | None) -> str:
    """Where to go after signing in: a path of this console, never another site."""
    if not wanted or not wanted.startswith("/") or wanted[1:2] in ("/", "\\"):
        return "/"
    return wanted if wanted.isprintable() else "/"
