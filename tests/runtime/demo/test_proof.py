"""The demonstration does not say that the loop closed when it did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tsunagu.channels.email import Mailbox
from tsunagu.channels.email.mailbox import Arrival
from tsunagu.runtime.demo.evidence_queries import Evidence
from tsunagu.runtime.demo.proof import closed_loop

NOTHING = Evidence(*[0] * 11)
RECORDED = replace(NOTHING, enrolled=10, held_out=1, sent=1, archived=1)
WORLD = replace(
    NOTHING,
    enrolled=10,
    held_out=3,
    sent=2,
    archived=2,
    clicks=1,
    unsubscribes=1,
    refused_after_unsubscribing=1,
)
DID = {"mails": 2, "clicks": 1, "unsubscribes": 1}


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    box = Mailbox(tmp_path)
    for number in range(3):
        mail = f"Message-ID: <{number}@tsunagu.example>\r\n\r\nHello".encode()
        box.add(Arrival(number, (f"c{number}@example.com",), mail))
    yield box
    box.close()


def failing(mailbox: Mailbox, recorded: Evidence = RECORDED, world: Evidence = WORLD) -> list[int]:
    found = closed_loop(recorded, 6, world, DID, mailbox, 3)
    return [number for number, check in enumerate(found) if not check.holds]


def test_a_closed_loop_is_called_closed(mailbox: Mailbox) -> None:
    assert failing(mailbox) == []


@pytest.mark.parametrize(
    ("recorded", "world", "expected"),
    [
        (replace(RECORDED, sent=2, archived=2), WORLD, [0]),  # a mail did not arrive
        (replace(RECORDED, unsent=1), WORLD, [0]),
        (replace(RECORDED, archived=0), WORLD, [1]),
        (replace(RECORDED, unsubscribes=1), WORLD, [2]),  # a scanner unsubscribed somebody
        (RECORDED, replace(WORLD, clicks=0), [3]),
        (RECORDED, replace(WORLD, unsubscribes=2), [4]),
        (RECORDED, replace(WORLD, sent_after_unsubscribing=1), [5]),
        (RECORDED, replace(WORLD, refused_after_unsubscribing=0), [5]),
    ],
)
def test_each_break_is_seen(
    mailbox: Mailbox, recorded: Evidence, world: Evidence, expected: list[int]
) -> None:
    assert failing(mailbox, recorded, world) == expected


def test_a_mail_twice_is_seen(mailbox: Mailbox) -> None:
    again = b"Message-ID: <0@tsunagu.example>\r\n\r\nHello"
    mailbox.add(Arrival(9, ("c0@example.com",), again))
    assert failing(mailbox) == [0]
