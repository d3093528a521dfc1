"""A customer follows the links of a mail, leaves, and comes back; scanners change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from visiting import SENDER, Customer

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"content-type": "application/x-www-form-urlencoded"}
PHONE = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"}


def press(site: httpx.Client, page: httpx.Response, **headers: str) -> httpx.Response:
    """Press the page's button."""
    path = re.search(r'<form method="post" action="([^"]+)"', page.text)
    turn = re.search(r'name="turn" value="(\d+)"', page.text)
    choice = re.search(r'name="choice" value="(\w+)"', page.text)
    assert path
    assert turn
    assert choice
    fields = {"turn": turn[1], "choice": choice[1]}
    return site.post(
        path[1].replace("&amp;", "&").replace("&#x2f;", "/"), data=fields, headers=headers
    )


def test_a_click_leads_on_and_is_counted_once_a_second(
    site: httpx.Client, customer: Customer
) -> None:
    path = customer.links("l")[0]
    for _ in range(3):
        answer = site.get(path, headers=PHONE)
        assert answer.status_code == 302
        assert answer.headers["location"] == "https://shop.example.com/en/coupons"
    customer.digest()
    clicks = customer.events()
    assert 1 <= len({click["key"] for click in clicks}) <= 2
    assert clicks[0]["name"] == "Email Link Clicked"
    assert clicks[0]["user"] == "ken"
    assert clicks[0]["context"] == {"device": "phone"}
    told = clicks[0]["properties"]
    assert (told["message"], told["node"], told["link"]) == ("coupon_reminder", "first", 0)
    assert told["url"] == "https://shop.example.com/en/coupons"


def test_a_mail_scanner_that_opens_everything_changes_nothing(
    site: httpx.Client, customer: Customer
) -> None:
    links = [path for kind in "luv" for path in customer.links(kind)]
    assert len(links) == 4
    for path in links:
        assert site.head(path).status_code in (200, 302)
    assert customer.events() == []
    for path in customer.links("u") + customer.links("v"):
        assert site.get(path).status_code == 200
    assert customer.events() == []
    for path in customer.links("l"):
        site.get(path, headers={"sec-purpose": "prefetch;prerender"})
    assert customer.events() == []
    for path in customer.links("l"):
        site.get(path)
    customer.digest()
    assert {event["name"] for event in customer.events()} == {"Email Link Clicked"}
    assert customer.granted() is True


def test_one_click_in_the_mail_program_unsubscribes(site: httpx.Client, customer: Customer) -> None:
    target = str(customer.mail["List-Unsubscribe"]).strip("<>").removeprefix("http://mail.test")
    assert customer.mail["List-Unsubscribe-Post"] == ONE_CLICK
    for _ in range(2):
        answer = site.post(target, content=ONE_CLICK, headers=FORM)
        assert answer.status_code == 200
        assert answer.text == ""
    assert len({event["key"] for event in customer.events()}) == 1
    customer.digest()
    assert customer.granted() is False
    assert customer.proof()["page"] == "RFC 8058"
    assert customer.proof()["how"] == "one-click"


def test_one_click_as_a_multipart_form_is_understood(
    site: httpx.Client, customer: Customer
) -> None:
    site.post(customer.links("u")[0], files={"List-Unsubscribe": (None, "One-Click")})
    customer.digest()
    assert customer.granted() is False


def test_a_customer_leaves_thinks_again_and_leaves_for_good(
    site: httpx.Client, customer: Customer
) -> None:
    page = site.get(customer.links("u")[0])
    assert "Stop these e-mails?" in page.text
    assert "k•••@customer.example" in page.text
    assert "ken@" not in page.text
    left = press(site, page, **PHONE)
    assert "You are unsubscribed" in left.text
    press(site, page)  # the same button twice is one answer
    back = press(site, left, **PHONE)
    assert "Welcome back" in back.text
    customer.digest()
    assert customer.granted() is True
    proof = customer.proof()
    assert proof["shown"] == [
        "You are unsubscribed",
        "We will not send news and offers to k•••@customer.example any more.",
        "Was it a mistake?",
        "Press the button and we will send you news and offers again.",
        "Subscribe again",
    ]
    assert (proof["page"], proof["language"], proof["how"]) == ("unsubscribe/1", "en", "button")
    assert proof["device"] == "phone"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", proof["at"])
    press(site, back)
    customer.digest()
    assert customer.granted() is False
    names = [event["name"] for event in customer.events()]
    assert names == ["Unsubscribed", "Unsubscribed", "Consent Given", "Unsubscribed"]
    assert len({event["key"] for event in customer.events()}) == 3


def test_who_left_before_sees_it_and_can_come_back(site: httpx.Client, customer: Customer) -> None:
    path = customer.links("u")[0]
    site.post(path, content=ONE_CLICK, headers=FORM)
    customer.digest()
    page = site.get(path)
    assert "You are unsubscribed" in page.text
    press(site, page)
    customer.digest()
    assert customer.granted() is True
    site.post(path, content=ONE_CLICK, headers=FORM)
    customer.digest()
    assert customer.granted() is False


def test_pages_speak_the_customers_language_and_can_be_switched(
    site: httpx.Client, make_customer: Callable[..., Customer]
) -> None:
    path = make_customer(language="ja").links("u")[0]
    page = site.get(path, headers={"accept-language": "en"})
    assert '<html lang="ja">' in page.text
    assert "メールの配信を停止しますか？" in page.text
    assert SENDER in page.text
    english = site.get(path, params={"lang": "en"})
    assert '<html lang="en">' in english.text
    assert "You are unsubscribed" in press(site, english).text


def test_a_mandatory_notice_cannot_be_stopped(
    site: httpx.Client, make_customer: Callable[..., Customer]
) -> None:
    customer = make_customer(purpose="mandatory", language="en")
    page = site.get(customer.links("u")[0])
    assert "You need this notice" in page.text
    assert "<form" not in page.text
    site.post(customer.links("u")[0], content=ONE_CLICK, headers=FORM)
    assert customer.events() == []


def test_the_mail_is_read_in_the_browser_as_it_was_sent(
    site: httpx.Client, customer: Customer
) -> None:
    page = site.get(customer.links("v")[0])
    part = customer.mail.get_body(("html",))
    assert part is not None
    assert page.text == part.get_content()
    policy = page.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("kind", ["l", "u", "v"])
def test_a_broken_link_is_a_friendly_page_that_tells_nothing(
    site: httpx.Client, customer: Customer, kind: str
) -> None:
    path = customer.links(kind)[0]
    other = "A" if path[5] != "A" else "B"
    tampered = path[:5] + other + path[6:]
    bodies = {
        site.request(method, broken).text
        for broken in (tampered, path[:-5], f"/{kind}/x", f"/{kind}/" + "A" * 5000, "/nothing")
        for method in ("GET", *(["POST"] if kind == "u" else []))
    }
    answer = site.get(tampered)
    assert answer.status_code == 404
    assert "This page cannot be found" in answer.text
    assert len({re.sub(r'href="[^"]*lang', "lang", body) for body in bodies}) == 1
    assert customer.events() == []


def test_every_page_is_closed_to_strangers(site: httpx.Client, customer: Customer) -> None:
    pages = [site.get(customer.links(kind)[0]) for kind in "luv"] + [site.get("/nothing")]
    for page in pages:
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "private, no-store"
        assert "set-cookie" not in page.headers
    for page in pages[1:]:
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
    assert site.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert site.get("/health").status_code == 200


def test_while_the_database_is_down_nothing_is_claimed_and_nobody_is_stuck(
    site_without_database: httpx.Client, customer: Customer
) -> None:
    site = site_without_database
    leave = site.post(customer.links("u")[0], content=ONE_CLICK, headers=FORM)
    assert leave.status_code == 503
    assert leave.headers["retry-after"] == "60"
    assert "not recorded yet" in leave.text
    click = site.get(customer.links("l")[0])
    assert click.status_code == 503
    assert 'href="https:&#x2f;&#x2f;shop.example.com' in click.text or (
        'href="https://shop.example.com/en/coupons"' in click.text
    )
    assert site.get(customer.links("v")[0]).status_code == 503
    assert site.get("/health").status_code == 503


def test_strange_forms_never_break_the_page(site: httpx.Client, customer: Customer) -> None:
    path = customer.links("u")[0]
    for body in (b"\xff\xfe", b"turn=99999999999999999999&choice=leave", b"a" * 50_000, b"&&=&"):
        assert site.post(path, content=body, headers=FORM).status_code == 200
    assert {event["name"] for event in customer.events()} == {"Unsubscribed"}
