"""The routes of the public pages. Opening a page never changes anything but a click's count.

Mail scanners open every link of a mail, and some send HEAD first; so only the POST that a
person's button or a mail reader's one-click request (RFC 8058) sends changes a consent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.parser import BytesParser
from email.policy import default
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tsunagu.channels import LinkSigner, SignedLink
from tsunagu.decisions.policy import MANDATORY
from tsunagu.public import pages
from tsunagu.public.models import Answer, Choice, Language, Recipient
from tsunagu.public.pages import Page, html_of
from tsunagu.public.service import Door, Unavailable, device_of
from tsunagu.public.words import VERSION, WORDS, choose_language

_parser = BytesParser(policy=default)

_MAX_BODY = 16_384
_MAX_TURN = 99
_ONE_CLICK = "List-Unsubscribe=One-Click"

_SECURITY = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "private, no-store",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "interest-cohort=(), browsing-topics=()",
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# A mail brings its own styles and pictures; it may do nothing else, not even post a form.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)


class Site:
    """The pages of one installation.

    Args:
        door: reads and writes the database.
        signer: reads the links that mails carry.
        sender: the name customers know us by.
    """

    def __init__(self, door: Door, signer: LinkSigner, sender: str) -> None:
        self._door = door
        self._signer = signer
        self._sender = sender

    async def click(self, request: Request) -> Response:
        """Record the click, then lead on; a HEAD or a prefetch is no click."""
        link = self._signer.read("click", request.path_params["token"])
        if link is None:
            return self._lost(request)
        if request.method == "GET" and not _prefetched(request):
            try:
                await run_in_threadpool(self._record_click, link, _device(request))
            except Unavailable:
                words = WORDS[_language(request, None)]
                return self._page(request, pages.go_on_page(words, link.url), None, 503)
        return RedirectResponse(link.url, 302, _SECURITY)

    def _record_click(self, link: SignedLink, device: str) -> None:
        recipient = self._door.recipient(link)
        if recipient is not None:
            self._door.clicked(link, recipient, device)

    async def ask(self, request: Request) -> Response:
        """The page with the button; it changes nothing."""
        link = self._signer.read("unsubscribe", request.path_params["token"])
        recipient = link and await run_in_threadpool(self._door.recipient, link)
        if recipient is None:
            return self._lost(request)
        return self._page(request, _asking(recipient, request), recipient)

    async def answer(self, request: Request) -> Response:
        """Take the customer's answer; it is durable when this is answered."""
        link = self._signer.read("unsubscribe", request.path_params["token"])
        recipient = link and await run_in_threadpool(self._door.recipient, link)
        if link is None or recipient is None:
            return self._lost(request)
        if recipient.purpose == MANDATORY:
            return self._page(request, _asking(recipient, request), recipient)
        answer = _answer(await _form(request), recipient, request)
        await run_in_threadpool(self._door.answered, link, recipient, answer)
        if answer.how == "one-click":
            return PlainTextResponse("", headers=_SECURITY)
        words, turn = WORDS[answer.language], min(answer.turn + 1, _MAX_TURN)
        told = pages.left_page if answer.choice == "leave" else pages.back_page
        return self._page(request, told(recipient, words, turn), recipient)

    async def view(self, request: Request) -> Response:
        """The mail as it was sent, as a page."""
        link = self._signer.read("view", request.path_params["token"])
        content = link and await run_in_threadpool(self._door.mail, link)
        page = _html_part(content) if content else None
        if page is None:
            return self._lost(request)
        return HTMLResponse(page, headers=_SECURITY | {"content-security-policy": _MAIL_POLICY})

    async def style(self, _: Request) -> Response:
        """The style of the pages."""
        headers = _SECURITY | {"cache-control": "public, max-age=3600"}
        return Response(pages.STYLE, headers=headers, media_type="text/css")

    async def robots(self, _: Request) -> Response:
        """Nothing here is for search engines."""
        return PlainTextResponse("User-agent: *\nDisallow: /\n", headers=_SECURITY)

    async def health(self, _: Request) -> Response:
        """200 while answers can be recorded."""
        try:
            await run_in_threadpool(self._door.check)
        except Unavailable:
            return PlainTextResponse("unavailable\n", 503, _SECURITY)
        return PlainTextResponse("ok\n", headers=_SECURITY)

    def not_here(self, request: Request, error: Exception) -> Response:
        """Any other path or method: the same friendly page as for a broken link."""
        assert isinstance(error, HTTPException)
        return self._lost(request, error.status_code)

    def busy(self, request: Request, error: Exception) -> Response:
        """The database does not answer, so nothing was recorded."""
        words = WORDS[_language(request, None)]
        return self._page(request, pages.busy_page(words, request.url.path), None, 503)

    def _lost(self, request: Request, status: int = 404) -> Response:
        return self._page(request, pages.lost_page(WORDS[_language(request, None)]), None, status)

    def _page(
        self, request: Request, page: Page, recipient: Recipient | None, status: int = 200
    ) -> Response:
        language = _language(request, recipient)
        text = html_of(page, language, self._sender, request.url.path)
        headers = _SECURITY | {"content-security-policy": _PAGE_POLICY}
        if status == 503:
            headers["retry-after"] = "60"
        return HTMLResponse(text, status, headers)


def site_app(site: Site) -> Starlette:
    """The application of the public pages."""
    handlers: dict[type[Exception], Callable[[Request, Exception], Response]] = {
        HTTPException: site.not_here,
        Unavailable: site.busy,
    }
    return Starlette(
        routes=[
            _route("/l/{token}", site.click),
            _route("/u/{token}", site.ask),
            Route("/u/{token}", site.answer, methods=["POST"]),
            _route("/v/{token}", site.view),
            _route("/assets/pages.css", site.style),
            _route("/robots.txt", site.robots),
            _route("/health", site.health),
        ],
        exception_handlers=handlers,  # pyright: ignore[reportArgumentType] - its type is invariant
    )


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, endpoint, methods=["GET"])  # Starlette adds HEAD


def _language(request: Request, recipient: Recipient | None) -> Language:
    known = recipient.language if recipient else None
    accepted = request.headers.get("accept-language", "")
    return choose_language(request.query_params.get("lang"), known, accepted)


def _device(request: Request) -> str:
    return device_of(request.headers.get("user-agent", ""))


def _prefetched(request: Request) -> bool:
    """Whether the browser only looks ahead, which no person asked for."""
    told = (request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    return any("prefetch" in value or "prerender" in value for value in told)


def _asking(recipient: Recipient, request: Request) -> Page:
    words = WORDS[_language(request, recipient)]
    if recipient.purpose == MANDATORY:
        return pages.notice_page(words)
    if recipient.granted is False:
        return pages.left_page(recipient, words)
    return pages.leave_page(recipient, words)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form, empty when it is none that we wrote."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=None)
    return {name: values[0] for name, values in fields.items()}


def _answer(form: dict[str, str], recipient: Recipient, request: Request) -> Answer:
    """What a POST says. Only our own button can mean to stay; all else is a wish to leave."""
    choice: Choice = "stay" if form.get("choice") == "stay" else "leave"
    language = _language(request, recipient)
    turn = int(form["turn"]) if form.get("turn", "").isdecimal() else 0
    if "choice" in form:
        page = _page_before(choice, turn, recipient, language)
        return Answer(
            choice,
            "button",
            min(turn, _MAX_TURN),
            language,
            VERSION,
            page.shown,
            _device(request),
        )
    return Answer("leave", "one-click", 0, language, "RFC 8058", (_ONE_CLICK,), _device(request))


def _page_before(choice: Choice, turn: int, recipient: Recipient, language: Language) -> Page:
    """The page on which the button stood."""
    words = WORDS[language]
    if choice == "stay":
        return pages.left_page(recipient, words, turn)
    return pages.back_page(recipient, words, turn) if turn else pages.leave_page(recipient, words)


def _html_part(content: bytes) -> str | None:
    part = _parser.parsebytes(content).get_body(("html",))
    return None if part is None else str(part.get_content())
