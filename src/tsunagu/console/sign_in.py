"""Signing in and out, and choosing the language: plain forms that work before any script runs."""

from __future__ import annotations

from pathlib import Path

import nicegui
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tsunagu import access
from tsunagu.console.frame import languages
from tsunagu.console.markup import Html, div, el, icon, join
from tsunagu.console.phrases import Language, Phrase, language_of
from tsunagu.console.session import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    SESSION_SECONDS,
    YEAR_SECONDS,
    ZONE_COOKIE,
    Attempts,
    local_path,
)
from tsunagu.console.visit import Desk, language_for
from tsunagu.console.words import common

STYLESHEET = "/console-assets/console.css"
ICON_FONT = f"/_nicegui/{nicegui.__version__}/static/fonts.css"
ZONE_SCRIPT = (
    f"document.cookie='{ZONE_COOKIE}='+encodeURIComponent("
    "Intl.DateTimeFormat().resolvedOptions().timeZone)+"
    f"';path=/;max-age={YEAR_SECONDS};samesite=lax'"
)
_LONGEST = 200


def router(desk: Desk) -> APIRouter:
    """The routes that need no session."""
    routes = APIRouter()
    attempts = Attempts()

    @routes.get("/sign-in")
    async def ask(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return _page(request, local_path(request.query_params.get("next")))

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        form = await request.form(max_files=0, max_fields=5)
        name, password = (str(form.get(f, ""))[:_LONGEST] for f in ("name", "password"))
        wanted = local_path(str(form.get("next", "")))
        if not attempts.may_try(name):
            return _page(request, wanted, name, common.too_many_attempts, 429)
        known = await desk.reader.outside(lambda c: access.verify_operator(c, name, password))
        if not known:
            attempts.fail(name)
            return _page(request, wanted, name, common.wrong_password, 403)
        response = RedirectResponse(wanted, 303)
        response.set_cookie(
            SESSION_COOKIE,
            desk.sessions.seal(name),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    @routes.post("/sign-out")
    async def sign_out() -> Response:  # pyright: ignore[reportUnusedFunction]
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    @routes.get("/language/{code}")
    async def speak(code: str, request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        response = RedirectResponse(local_path(request.query_params.get("next")), 303)
        chosen = language_of(code)
        if chosen is not None:
            response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR_SECONDS, samesite="lax")
        return response

    return routes


def _page(
    request: Request, wanted: str, name: str = "", problem: Phrase | None = None, status: int = 200
) -> Response:
    language = language_for(request)
    form = _form(language, wanted, name, problem)
    switch = languages(language, f"/sign-in?next={wanted}")
    body = div("signin", el("main", _brand(), form, div("center", switch)))
    return HTMLResponse(document(language, common.sign_in.say(language), body), status)


def document(language: Language, title: str, body: Html) -> str:
    """A whole page without NiceGUI, in the console's looks."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"{title} · Tsunagu"),
        el("link", rel="stylesheet", href=ICON_FONT),
        el("link", rel="stylesheet", href=STYLESHEET),
        el("link", rel="icon", href="/console-assets/mark.svg"),
        el("script", Html(ZONE_SCRIPT)),
    )
    return f"<!doctype html>{el('html', head, el('body', body), lang=language)}"


def _brand() -> Html:
    mark = el("img", src="/console-assets/mark.svg", alt="", width=34, height=34)
    return div("brand", mark, "Tsunagu")


def _form(language: Language, wanted: str, name: str, problem: Phrase | None) -> Html:
    def field(phrase: Phrase, key: str, **attributes: str | bool) -> Html:
        label = el("label", phrase.say(language), for_=key)
        return join(label, el("input", id=key, name=key, required=True, cls="", **attributes))

    notice = None
    if problem is not None:
        notice = div("notice red", icon("error_outline"), problem.say(language), role="alert")
    return el(
        "form",
        div(
            "card",
            el("h2", common.sign_in_to.say(language), cls="center", style="margin-bottom:12px"),
            notice,
            field(
                common.operator_name,
                "name",
                value=name,
                autocomplete="username",
                autofocus=not name,
            ),
            field(
                common.password,
                "password",
                type="password",
                autocomplete="current-password",
                autofocus=bool(name),
            ),
            el("input", type="hidden", name="next", value=wanted),
            el("button", common.sign_in.say(language), cls="btn primary", type="submit"),
            el("p", common.first_operator.say(language), cls="doubt center"),
        ),
        method="post",
        action="/sign-in",
    )


def asset_folder() -> Path:
    """Where the stylesheet and the mark lie."""
    return Path(__file__).parent / "assets"
