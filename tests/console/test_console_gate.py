"""Nobody gets in without a session, and no other site can act with an operator's cookie."""

from __future__ import annotations

import re

import httpx
import pytest
import seeding
from browsing import SESSION_SECRET, Site
from itsdangerous import URLSafeTimedSerializer
from nicegui import app as pages_app
from starlette.routing import Mount, Route

from tsunagu.console.pages import PAGES
from tsunagu.console.session import OPEN_PATHS, SESSION_COOKIE, Attempts, Sessions, local_path

PARAMETERS = re.compile(r"\{\w+(:\w+)?\}")


def sign_in(
    site: Site, name: str = seeding.OPERATOR, password: str = seeding.PASSWORD, **form: str
) -> httpx.Response:
    data = {"name": name, "password": password, **form}
    return httpx.post(f"{site.url}/sign-in", data=data, headers={"origin": site.url})


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.path or "overview")
def test_every_page_asks_to_sign_in(site: Site, entry: object) -> None:
    path = PARAMETERS.sub("1", entry.path)
    answer = httpx.get(site.to(path))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next=/w/{site.seeded.workspace_id}/{path}"


def test_every_route_is_behind_the_gate_or_named_as_open(site: Site) -> None:
    """A route that somebody adds later is closed until it is named."""
    for route in pages_app.routes:
        if isinstance(route, Mount | Route) and not route.path.startswith(OPEN_PATHS):
            path = PARAMETERS.sub("1", route.path)
            answer = httpx.get(f"{site.url}{path}")
            assert answer.status_code in (303, 401), route.path


def test_the_right_password_opens_and_the_wrong_one_says_what_to_do(site: Site) -> None:
    wrong = sign_in(site, password="guess")
    assert wrong.status_code == 403
    assert "do not match" in wrong.text
    right = sign_in(site, next="/w/1/customers?q=a")
    assert right.status_code == 303
    assert right.headers["location"] == "/w/1/customers?q=a"
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_another_site_can_neither_post_nor_open_a_socket(site: Site) -> None:
    cookies = {SESSION_COOKIE: Sessions(SESSION_SECRET).seal(seeding.OPERATOR)}
    foreign = {"origin": "https://evil.example"}
    form = {"name": seeding.OPERATOR, "password": seeding.PASSWORD}
    assert httpx.post(f"{site.url}/sign-in", data=form, headers=foreign).status_code == 403
    assert httpx.post(f"{site.url}/sign-out", cookies=cookies, headers=foreign).status_code == 403
    assert httpx.post(f"{site.url}/sign-out", cookies=cookies).status_code == 403
    socket = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    path = f"{site.url}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert httpx.get(path, cookies=cookies, headers=socket | foreign).status_code == 403
    assert httpx.get(path, headers=socket | {"origin": site.url}).status_code == 403


def test_a_forged_an_old_and_a_strange_cookie_are_nobody() -> None:
    sessions = Sessions(SESSION_SECRET)
    assert sessions.operator(sessions.seal("hana")) == "hana"
    assert sessions.operator(Sessions("another secret").seal("hana")) is None
    assert sessions.operator("rubbish") is None
    assert sessions.operator(None) is None
    other = URLSafeTimedSerializer(SESSION_SECRET, salt="tsunagu-console-session")
    assert sessions.operator(str(other.dumps({"name": "hana"}))) is None


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/w/1/settings", "/w/1/settings"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nset-cookie: x", "/"),
        (None, "/"),
    ],
)
def test_after_signing_in_nobody_is_led_to_another_site(wanted: str | None, path: str) -> None:
    assert local_path(wanted) == path


def test_guessing_is_slowed_down_for_the_guessed_name_alone() -> None:
    attempts = Attempts()
    for _ in range(Attempts.LIMIT):
        assert attempts.may_try("hana")
        attempts.fail("hana")
    assert not attempts.may_try("hana")
    assert attempts.may_try("ken")


def test_no_other_site_may_frame_the_console(site: Site) -> None:
    headers = httpx.get(f"{site.url}/sign-in").headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_an_unknown_address_says_where_to_go(site: Site) -> None:
    cookies = {SESSION_COOKIE: Sessions(SESSION_SECRET).seal(seeding.OPERATOR)}
    for path in ("/nowhere", "/w/999999/customers"):
        answer = httpx.get(f"{site.url}{path}", cookies=cookies)
        assert answer.status_code == 404
        assert "Back to the overview" in answer.text
