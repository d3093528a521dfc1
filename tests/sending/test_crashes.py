"""A sender may be killed anywhere: no mail leaves twice, and only open lines leave doubt."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sending_shop import SECRET, Post, Shop, sender, wait_until

from tsunagu.storage import Database

LINES = 3
MAILS = 10
SCRIPT = """
import sys, threading
from tsunagu.channels.email import SmtpServer
from tsunagu.core import Figures
from tsunagu.sending import MailSettings, run_sender
from tsunagu.storage import Database
url, port, lines, secret = sys.argv[1:]
mail = MailSettings(SmtpServer("127.0.0.1", int(port)), "Shop", "news@shop.example", int(lines))
stop = threading.Event()
run_sender(Database(url), mail, "http://127.0.0.1:1", secret.encode(), stop, Figures())
"""

# Where a sender is killed, and whether messages were being handed over at that moment.
PLACES = {
    "sender.claim.before_commit": False,
    "sender.claim.after_commit": False,
    "sender.handing.before_commit": False,
    "sender.handing.after_commit": True,
    "sender.hand_over.before": True,
    "sender.hand_over.after": True,
    "sender.hand_over.after:5": True,
    "sender.result.before_commit": True,
    "sender.result.after_commit": True,
    "sender.result.after_commit:2": True,
}


@contextmanager
def killed(database: Database, post: Post, place: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A sender in a process of its own, which ends by SIGKILL."""
    arguments = [database.url, str(post.port), str(LINES), SECRET.decode()]
    environment = os.environ | {"TSUNAGU_FAILPOINT": place}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], env=environment)
    try:
        yield process
        assert process.wait(timeout=30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def assert_nothing_twice(shop: Shop, post: Post, mails: int, doubts: int) -> None:
    """Each message ended once; the archive and the events agree with the ledger."""
    copies = post.mailbox.copies()
    assert set(copies.values()) <= {1}
    states = shop.states()
    unknown = states.get("unknown", 0)
    assert states.get("sent", 0) + unknown == mails
    assert unknown <= doubts
    assert mails - unknown <= len(copies) <= mails
    told = dict(
        shop.run(
            "select name, count(*) from inbox where workspace_id = %s group by name",
            shop.workspace,
        )
    )
    assert told.get("Message Sent", 0) == states["sent"]
    assert told.get("Message Delivery Unknown", 0) == unknown
    [(archived,)] = shop.run("select count(*) from archive where workspace_id = %s", shop.workspace)
    assert archived == mails


@pytest.mark.parametrize(("place", "handing"), PLACES.items())
def test_a_killed_sender_leaves_at_most_its_open_lines_in_doubt(
    database: Database, shop: Shop, post: Post, place: str, handing: bool
) -> None:
    shop.queue_all([shop.customer(f"c{n}") for n in range(MAILS)])
    with killed(database, post, place):
        pass
    with sender(database, post.settings(LINES)):
        wait_until(lambda: shop.waiting() == 0, "the rest")
    assert_nothing_twice(shop, post, MAILS, LINES if handing else 0)


@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
def test_a_recovery_that_is_killed_tells_each_unknown_once(
    database: Database, shop: Shop, post: Post, place: str
) -> None:
    shop.queue_all([shop.customer(f"c{n}") for n in range(MAILS)])
    with killed(database, post, "sender.handing.after_commit"):
        pass
    with killed(database, post, f"sender.recovery.{place}"):
        pass
    with sender(database, post.settings(LINES)):
        wait_until(lambda: shop.waiting() == 0, "the rest")
    assert shop.states() == {"sent": MAILS - LINES, "unknown": LINES}
    assert_nothing_twice(shop, post, MAILS, LINES)


def holds(post: Post, mails: int) -> bool:
    return post.mailbox.count() >= mails


def test_kills_at_random_moments(database: Database, shop: Shop, post: Post) -> None:
    chance, mails, kills = random.Random(7), 600, 3
    shop.queue_all([shop.customer(f"c{n}") for n in range(mails)])
    for _ in range(kills):
        wanted = post.mailbox.count() + 1
        with killed(database, post) as process:
            wait_until(partial(holds, post, wanted), "the first mail")
            time.sleep(chance.random() / 5)
            process.kill()
    with sender(database, post.settings(LINES)):
        wait_until(lambda: shop.waiting() == 0, "the rest")
    assert_nothing_twice(shop, post, mails, kills * LINES)


def test_what_a_dead_sender_claimed_is_sent_at_once(
    database: Database, shop: Shop, post: Post
) -> None:
    send = shop.queue(shop.customer("ken"))
    with killed(database, post, "sender.claim.after_commit"):
        pass
    [(state,)] = shop.run("select state from outbox where send_id = %s", send)
    assert state == "claimed"
    with sender(database, post.settings(LINES)):
        wait_until(lambda: shop.state(send) == "sent", "the mail", seconds=8)
    assert post.arrived("ken@") == 1


def test_a_living_sender_keeps_what_it_holds(database: Database, shop: Shop, post: Post) -> None:
    """A second sender starts while the first is in the middle of its work, and takes nothing."""
    customers = [shop.customer(f"c{n}") for n in range(200)]
    with sender(database, post.settings(LINES)):
        shop.queue_all(customers)
        wait_until(lambda: post.mailbox.count() > 5, "the first works")
        with sender(database, post.settings(LINES)):
            wait_until(lambda: shop.waiting() == 0, "all mails")
    assert shop.states() == {"sent": 200}
    assert set(post.mailbox.copies().values()) == {1}
