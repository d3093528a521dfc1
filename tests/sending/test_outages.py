"""The mail server or the database goes away for a while: nothing is lost, nobody is asked twice."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from psycopg import Connection
from sending_shop import Post, Shop, sender, wait_until

from tsunagu.channels.email import Mailbox, MailboxServer
from tsunagu.storage import Database


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_messages_wait_for_a_mail_server_that_is_down_without_losing_attempts(
    database: Database, shop: Shop, tmp_path: Path
) -> None:
    mailbox = Mailbox(tmp_path / "late")
    post = Post(mailbox, free_port())
    sends = shop.queue_all([shop.customer(f"c{n}") for n in range(20)])
    with sender(database, post.settings()):
        time.sleep(1.5)
        assert shop.states() == {"queued": 20}
        with MailboxServer(mailbox, "127.0.0.1", post.port):
            wait_until(lambda: shop.waiting() == 0, "the mails")
            first = mailbox.count()
        time.sleep(0.1)
        late = shop.queue(shop.customer("late"))
        time.sleep(0.5)
        attempts = shop.run("select attempts, state from outbox where send_id = %s", late)
        assert attempts == [(0, "queued")]
        with MailboxServer(mailbox, "127.0.0.1", post.port):
            wait_until(lambda: shop.waiting() == 0, "the late mail")
    assert first == len(sends)
    assert shop.states() == {"sent": 21}
    assert set(mailbox.copies().values()) == {1}
    mailbox.close()


def test_a_server_that_drops_every_line_costs_few_messages(
    database: Database, shop: Shop, post: Post
) -> None:
    """Each unknown is a customer left in doubt, so the circuit opens at the first one."""
    customers = [shop.customer(f"c{n}") for n in range(60)]
    for number in range(60):
        post.faults[f"c{number}@customers.example"] = "drop after data"
    with sender(database, post.settings(lines=4)):
        shop.queue_all(customers)
        time.sleep(1.5)
        unknown = shop.states().get("unknown", 0)
        assert 1 <= unknown <= 4 + 4
        post.faults.clear()
        wait_until(lambda: shop.waiting() == 0, "the rest")
    states = shop.states()
    assert states["sent"] + states["unknown"] == 60
    assert post.mailbox.count() == 60
    assert set(post.mailbox.copies().values()) == {1}


def test_a_sender_comes_back_when_its_sessions_were_ended(
    database: Database, shop: Shop, post: Post
) -> None:
    with sender(database, post.settings()):
        first = shop.queue(shop.customer("first"))
        wait_until(lambda: shop.state(first) == "sent", "the first mail")
        for _ in range(2):
            with Connection.connect(database.url, autocommit=True) as door:
                door.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name like 'tsunagu pipeline%%' and pid <> %s",
                    (shop.connection.info.backend_pid,),
                )
            time.sleep(0.3)
        second = shop.queue(shop.customer("second"))
        wait_until(lambda: shop.state(second) == "sent", "the mail after the outage")
    assert set(post.mailbox.copies().values()) == {1}
