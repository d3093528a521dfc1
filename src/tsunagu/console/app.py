"""The console as an application: the gate, the sign-in and every page, on one NiceGUI.

NiceGUI keeps its pages in one global application, so a process has one console: call `mount`
once. Pages come from `PAGES`; each gets a visit, checked and in the viewer's language.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from fastapi import FastAPI
from nicegui import app as pages_app
from nicegui import ui
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tsunagu import access
from tsunagu.access import Workspace
from tsunagu.analysis import Analysts
from tsunagu.console import sign_in
from tsunagu.console.formats import Formats
from tsunagu.console.frame import frame
from tsunagu.console.markup import div, el, icon, link
from tsunagu.console.pages import MOVED, PAGES, PageEntry
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Connection, Reader
from tsunagu.console.session import SESSION_COOKIE, Gate, Sessions
from tsunagu.console.visit import Desk, Visit, language_for, zone_for
from tsunagu.console.words import common
from tsunagu.core import Denied
from tsunagu.storage import Database

SECONDS_TO_BUILD = 15.0
_HEAD = f'<link rel="stylesheet" href="{sign_in.STYLESHEET}"><script>{sign_in.ZONE_SCRIPT}</script>'


@dataclass(frozen=True)
class Places:
    """What the settings page shows of the installation, where mails can be looked at, and the
    folders that no source may read."""

    home: Path
    mailbox: Path | None = None
    collect_url: str = ""
    signing_secret: bytes = field(default=b"", repr=False)
    closed: tuple[str, ...] = ()


def create_app(
    database: Database, *, session_secret: str, places: Places, analysts: Analysts
) -> FastAPI:
    """An application with the console and nothing else."""
    app = FastAPI(title="Tsunagu", docs_url=None, redoc_url=None, openapi_url=None)
    mount(app, database, session_secret=session_secret, places=places, analysts=analysts)
    return app


def mount(
    app: FastAPI,
    database: Database,
    *,
    session_secret: str,
    places: Places,
    analysts: Analysts,
) -> None:
    """Put the console under `/` of an application; routes that are already there stay first.

    Args:
        app: gets the console's start and end added to its lifespan.
        session_secret: what session cookies are signed with; all console processes share it.
        analysts: answers the questions of the SQL page.
    """
    desk = Desk(
        Reader(database),
        Sessions(session_secret),
        places.home,
        places.mailbox,
        places.collect_url,
        places.signing_secret,
        places.closed,
        analysts,
    )
    pages_app.include_router(sign_in.router(desk))
    pages_app.add_static_files("/console-assets", sign_in.asset_folder())
    pages_app.add_middleware(Gate, sessions=desk.sessions)
    _register(desk)
    ui.run_with(
        app,
        title="Tsunagu",
        favicon=sign_in.asset_folder() / "mark.svg",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=10.0,
        binding_refresh_interval=None,
    )
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(whole: FastAPI) -> AsyncGenerator[None]:
        desk.reader.open()
        try:
            async with inner(whole):
                yield
        finally:
            desk.reader.close()

    app.router.lifespan_context = lifespan


def _register(desk: Desk) -> None:
    @pages_app.get("/")
    async def first(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        workspaces = await desk.reader.outside(access.list_workspaces)
        if workspaces:
            return RedirectResponse(f"/w/{workspaces[0].id}/", 303)
        return _plain(request, common.no_workspace, common.no_workspace_help)

    # NiceGUI answers an unknown address with a page of its own; ours says where to go.
    async def not_found(request: Request, _: Exception) -> Response:
        return _plain(request, common.no_such_page, common.no_such_page_help, 404)

    pages_app.add_exception_handler(404, not_found)
    for old, new in MOVED.items():
        _redirect(old, new)
    for entry in PAGES:
        ui.page(f"/w/{{workspace_id:int}}/{entry.path}", response_timeout=SECONDS_TO_BUILD)(
            _page(desk, entry)
        )


def _redirect(old: str, new: str) -> None:
    """Lead from a page's former address to the one it has now, with what follows it."""

    @pages_app.get(f"/w/{{workspace_id:int}}/{old}{{rest:path}}")
    async def moved(workspace_id: int, rest: str, request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/w/{workspace_id}/{new}{rest}{query}", 308)


def _page(desk: Desk, entry: PageEntry) -> Callable[[Request], Awaitable[Response | None]]:
    async def page(request: Request) -> Response | None:
        try:
            visit = await _visit(desk, request)
        except Denied:
            return RedirectResponse("/sign-in", 303)
        except psycopg.Error:
            return _plain(request, common.cannot_load, common.cannot_load_help, 503)
        if visit is None:
            return _plain(request, common.no_such_page, common.no_such_page_help, 404)
        client = ui.context.client
        client.page = copy.copy(client.page)
        client.page.language = "ja" if visit.language == "ja" else "en-US"
        ui.add_head_html(_HEAD)
        ui.colors(primary="#0f766e", negative="#b42318", positive="#1a7f4b", warning="#8f5b00")
        with frame(visit, entry.room):
            await entry.build(visit)
        return None

    page.__name__ = f"page_{entry.path or 'overview'}"
    return page


def _workspaces_and_operators(connection: Connection) -> tuple[list[Workspace], set[str]]:
    operators = {operator.name for operator in access.list_operators(connection)}
    return access.list_workspaces(connection), operators


async def _visit(desk: Desk, request: Request) -> Visit | None:
    """Who looks at what; None when the workspace does not exist.

    Raises:
        Denied: the operator of the session was removed since.
    """
    operator = desk.sessions.operator(request.cookies.get(SESSION_COOKIE)) or ""
    workspaces, operators = await desk.reader.outside(_workspaces_and_operators)
    if operator not in operators:
        raise Denied(f"{operator!r} may no longer sign in.")
    wanted = request.path_params["workspace_id"]
    workspace = next((w for w in workspaces if w.id == wanted), None)
    if workspace is None:
        return None
    language = language_for(request)
    query = f"?{request.url.query}" if request.url.query else ""
    return Visit(
        desk,
        operator,
        workspace,
        workspaces,
        language,
        Formats(language, zone_for(request, workspace.zone), workspace.currency),
        {name: str(value) for name, value in request.path_params.items()},
        dict(request.query_params),
        request.url.path + query,
    )


def _plain(request: Request, title: Phrase, text: Phrase, status: int = 200) -> Response:
    language = language_for(request)
    home = link("/", common.back_to_overview.say(language), cls="btn")
    words = (el("h3", title.say(language)), el("p", text.say(language)), el("p", home))
    body = div("signin", el("main", div("card empty", icon("search_off"), *words)))
    return HTMLResponse(sign_in.document(language, title.say(language), body), status)
