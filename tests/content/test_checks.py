"""What is wrong with a message is found at the desk, with its line."""

from __future__ import annotations

import pytest

from tsunagu.content import Message, Problem, Wording, check_message

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ customer.first_name | default("you") }}</mj-text>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""
INCLUDE = '<mj-include path="/etc/passwd"/>'
GOOD = {"subject": "Hello", "mjml": MJML, "text": "Hello\n{{ unsubscribe_url }}"}


def problems(purpose: str = "marketing", **parts: str) -> list[Problem]:
    samples = [{"first_name": "Ken", "points": 12}]
    wording = Wording(**{**GOOD, **parts})
    return check_message(
        Message(
            title={"en": "A message"},
            channel="email",
            purpose=purpose,
            languages={"en": wording},
            samples=samples,
        )
    )


def test_a_good_message_has_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("parts", "part", "line", "said"),
    [
        ({"text": "a\n\n{{ customer.name }}"}, "text", 3, "`customer.name` is undefined"),
        ({"text": "a\n{% if x %}{{ unsubscribe_url }}"}, "text", 2, "unexpected end of input"),
        ({"subject": "{{ costumer.name }}"}, "subject", 1, "'costumer' is unknown"),
        ({"subject": "{{ customer.name | shout }}"}, "subject", 1, "shout"),
        ({"text": "Hello"}, "text", 0, "{{ unsubscribe_url }}"),
        ({"mjml": MJML.replace("{{ unsubscribe_url }}", "#")}, "mjml", 0, "{{ unsubscribe_url }}"),
        ({"mjml": MJML.replace("\n</mj-column>", "")}, "mjml", 3, "</mj-section> closes nothing"),
        ({"mjml": MJML.replace("mj-text>", "mj-txt>")}, "mjml", 2, "<mj-txt> is no MJML element"),
        ({"mjml": MJML + '\n<mj-image src="a"/>'}, "mjml", 5, 'needs alt="..."'),
        ({"mjml": MJML.replace("</mj-body>", INCLUDE + "</mj-body>")}, "mjml", 4, "mj-include"),
        ({"subject": "a" * 100}, "subject", 0, "100 characters"),
        ({"subject": "{% if customer.points %}x{% endif %}"}, "message", 0, "nothing is left"),
        ({"text": "{{ '{:>1000000000}'.format('x') }}"}, "message", 0, "more memory"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    parts: dict[str, str], part: str, line: int, said: str
) -> None:
    found = problems(**parts)
    assert any(p.part == part and p.line == line and said in p.text for p in found), found


def test_a_mandatory_notice_needs_no_unsubscribe_link() -> None:
    plain = MJML.replace('<a href="{{ unsubscribe_url }}">Unsubscribe</a>', "Yours")
    assert problems(purpose="mandatory", text="Hello", mjml=plain) == []


def test_customers_are_spoken_to_in_their_language_or_english() -> None:
    ja, en = Wording(**{**GOOD, "subject": "こんにちは"}), Wording(**GOOD)
    message = Message(
        title={"en": "x"}, channel="email", purpose="marketing", languages={"ja": ja, "en": en}
    )
    assert message.wording("ja-JP") == ja
    assert message.wording("fr") == en
    assert message.language_for("fr") == "en"
    assert message.wording(None) == en
