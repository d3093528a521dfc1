"""A mail is what was written, whatever the language, and the same bytes each time."""

from __future__ import annotations

import email
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.channels.email import Mail, MailBuilder, valid_address
from tsunagu.core import Invalid
from tsunagu.core.times import parse_time

BUILDER = MailBuilder("つなぐ百貨店", "hello@shop.example")
MAIL = Mail(
    key="4711:remind:0",
    to="ken@customer.example",
    subject="クーポンの期限が近づいています",
    html="<p>愛さん、こんにちは。</p>\n" * 40,
    text="愛さん、こんにちは。\n",
    at=parse_time("2017-11-05T09:30:00Z"),
    language="ja",
    unsubscribe_url="https://mail.example/u/" + "t" * 80,
)


def parsed(mail: Mail) -> EmailMessage:
    message = email.message_from_bytes(BUILDER.build(mail), policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    assert not part.defects
    return part.get_content()


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_a_japanese_mail_reads_back_as_written() -> None:
    message = parsed(MAIL)
    assert message["Subject"] == MAIL.subject
    assert message["From"].addresses[0].display_name == "つなぐ百貨店"
    assert message["From"].addresses[0].addr_spec == "hello@shop.example"
    assert message["To"] == "ken@customer.example"
    assert message["Date"].datetime.isoformat() == "2017-11-05T09:30:00+00:00"
    assert message["Message-ID"] == BUILDER.message_id(MAIL.key)
    assert message["Content-Language"] == "ja"
    assert lines(body(message, "html")) == MAIL.html
    assert lines(body(message, "plain")) == MAIL.text


def test_it_can_be_left_with_one_click() -> None:
    message = parsed(MAIL)
    assert message["List-Unsubscribe"] == f"<{MAIL.unsubscribe_url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    notice = parsed(replace(MAIL, unsubscribe_url=None))
    assert notice["List-Unsubscribe"] is None
    assert notice["List-Unsubscribe-Post"] is None


def test_building_again_gives_the_same_bytes_and_another_send_another_id() -> None:
    assert BUILDER.build(MAIL) == MailBuilder("つなぐ百貨店", "hello@shop.example").build(MAIL)
    assert BUILDER.message_id("a") != BUILDER.message_id("b")


def test_the_bytes_are_plain_ascii_lines_that_every_server_takes() -> None:
    raw = BUILDER.build(replace(MAIL, html="é" + "x" * 5000 + "\n.\n..\nFrom a\n"))
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 200


@pytest.mark.parametrize(
    "address",
    ["", "ken", "ken@", "@x", "a b@x.example", "k@x.example\r\nBcc: a@b", "<k@x>", "愛@x.example"],
)
def test_an_address_that_smtp_cannot_carry_is_refused(address: str) -> None:
    assert not valid_address(address)
    with pytest.raises(Invalid, match="not a mail address"):
        BUILDER.build(replace(MAIL, to=address))


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=400)


@settings(max_examples=200, deadline=None)
@given(subject=texts, html=texts, text=texts)
def test_any_words_survive_and_none_become_headers(subject: str, html: str, text: str) -> None:
    message = parsed(replace(MAIL, subject=subject, html=html, text=text))
    assert message.keys() == parsed(MAIL).keys()
    assert lines(body(message, "html")) == lines(html)
    assert lines(body(message, "plain")) == lines(text)


@settings(max_examples=200, deadline=None)
@given(st.text("abcあいう愛 山田様🎉-_?=,:", min_size=1, max_size=120))
def test_any_subject_reads_back(subject: str) -> None:
    wanted = " ".join(subject.split())
    assert " ".join(str(parsed(replace(MAIL, subject=wanted))["Subject"]).split()) == wanted
