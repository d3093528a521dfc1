"""A marketer's messages are written for many customers; a bad one hurts nobody but itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tsunagu.channels import LinkSigner
from tsunagu.content import Rendered, Renderer, RenderFailure, RenderJob, Wording

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ customer.first_name | default("Customer") }}, welcome</mj-text>
<mj-button href="https://shop.example/coupons?a=1&amp;b=2">Shop</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
<mj-text><a href="{{ web_view_url }}">Read on the web</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""
GOOD = Wording(
    subject="Hello {{ customer.first_name | default('you') }}",
    mjml=MJML,
    text="{{ customer.first_name | default('Hi') }}\n{{ unsubscribe_url }}",
)
MEMORY_BOMB = "{{ '{:>1000000000}'.format('x') | length }}"
LOOP = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"
ENDLESS = (
    "{% set ns = namespace(s=['x']) %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}"
    "{% endfor %}{{ ns.s }}"
)
SIGNER = LinkSigner("https://mail.example", b"s" * 32)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer(SIGNER, seconds=1.0) as opened:
        yield opened


def job(send: int, wording: Wording = GOOD, message: str = "hello", **traits: object) -> RenderJob:
    return RenderJob(1, send, message, 1, "en", wording, dict(traits))


def changed(**parts: str) -> Wording:
    return GOOD.model_copy(update=parts)


def rendered(results: list[Rendered | RenderFailure]) -> list[Rendered]:
    good = [result for result in results if isinstance(result, Rendered)]
    assert len(good) == len(results), results
    return good


def test_each_customer_gets_their_own_words_and_links(renderer: Renderer) -> None:
    ken, nobody = rendered(renderer.render([job(1, first_name="Ken & <Co>"), job(2)]))
    assert ken.subject == "Hello Ken & <Co>"
    assert "Ken &amp; &lt;Co&gt;, welcome" in ken.html
    assert ken.text.startswith("Ken & <Co>\nhttps://mail.example/u/")
    assert nobody.subject == "Hello you"
    assert f'href="{ken.unsubscribe_url}"' in ken.html
    assert f'href="{ken.web_view_url}"' in ken.html
    assert ken.unsubscribe_url != nobody.unsubscribe_url


def test_static_links_are_tracked_and_lead_to_the_same_place(renderer: Renderer) -> None:
    [mail] = rendered(renderer.render([job(7)]))
    assert "shop.example" not in mail.html
    token = mail.html.partition("https://mail.example/l/")[2].partition('"')[0]
    link = SIGNER.read("click", token)
    assert link is not None
    assert (link.workspace_id, link.send_id, link.link) == (1, 7, 0)
    assert link.url == "https://shop.example/coupons?a=1&b=2"


def test_a_subject_cannot_begin_another_header(renderer: Renderer) -> None:
    [mail] = rendered(renderer.render([job(1, first_name="x\r\nBcc: all@example.com\u2028y")]))
    assert mail.subject == "Hello x Bcc: all@example.com y"


def test_the_same_job_gives_the_same_words(renderer: Renderer) -> None:
    assert renderer.render([job(3, first_name="愛")]) == renderer.render([job(3, first_name="愛")])


def test_days_are_written_as_people_write_them(renderer: Renderer) -> None:
    text = "{{ customer.ends | day('ja') }} {{ customer.ends | day('en') }}"
    parts = "{{ customer.ends | day('ja', 'weekday') }} {{ customer.ends | day('en', 'month') }}"
    dated = job(1, changed(text=text, subject=parts), message="days", ends="2017-12-24T05:00:00Z")
    [mail] = rendered(renderer.render([dated]))
    assert mail.text == "12月24日(日) Sunday, 24 December"
    assert mail.subject == "日曜日 December"


def test_a_corrected_wording_replaces_the_cached_one(renderer: Renderer) -> None:
    renderer.render([job(1, message="draft")])
    [mail] = rendered(renderer.render([job(1, changed(subject="New"), message="draft")]))
    assert mail.subject == "New"


@pytest.mark.parametrize(
    ("name", "parts", "said"),
    [
        ("memory", {"text": MEMORY_BOMB}, "needs more memory"),
        ("steps", {"text": LOOP}, "too many steps"),
        ("time", {"text": ENDLESS}, "takes too long"),
        ("output", {"text": "{{ 'x' * 2000000 }}"}, "limit is 1,000,000"),
        ("syntax", {"subject": "{{ customer.first_name"}, "subject"),
        ("mjml", {"mjml": "<mjml><mj-body></mjml>"}, "mjml"),
        ("date", {"text": "{{ customer.since | day }}"}, "is no date"),
        ("missing", {"text": "{{ customer.nothing }}"}, "customer.nothing"),
    ],
)  # fmt: skip
def test_a_bad_message_fails_alone_and_says_why(
    renderer: Renderer, name: str, parts: dict[str, str], said: str
) -> None:
    bad = changed(**parts)
    jobs = [job(n, message="fine") for n in range(20)]
    jobs[11] = job(11, bad, message=f"bad {name}")
    results = renderer.render(jobs)
    failure = results.pop(11)
    assert isinstance(failure, RenderFailure)
    assert f"bad {name}" in failure.detail
    assert said in failure.detail
    rendered(results)


def test_a_message_that_keeps_killing_the_worker_is_no_longer_tried(renderer: Renderer) -> None:
    jobs = [job(n, changed(text=MEMORY_BOMB), message="bomb") for n in range(50)]
    started = time.monotonic()
    results = renderer.render([*jobs, job(99)])
    assert all(isinstance(result, RenderFailure) for result in results[:50])
    assert "3 times in a row" in str(results[40])
    rendered(results[50:])
    assert time.monotonic() - started < 30


def test_a_killed_worker_is_replaced(renderer: Renderer) -> None:
    rendered(renderer.render([job(1)]))
    worker = renderer._worker
    assert worker is not None
    worker._process.kill()
    rendered(renderer.render([job(2), job(3)]))
