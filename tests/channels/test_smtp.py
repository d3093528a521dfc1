"""A mail leaves by SMTP and arrives in the mailbox; when the line fails, the result says how."""

from __future__ import annotations

import asyncio
import email
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from tsunagu.channels import Outgoing, Result
from tsunagu.channels.email import (
    EmailChannel,
    Fault,
    Mail,
    Mailbox,
    MailboxServer,
    MailBuilder,
    SmtpServer,
)

BUILDER = MailBuilder("つなぐ百貨店", "hello@shop.example")


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    opened = Mailbox(tmp_path / "mailbox")
    yield opened
    opened.close()


def outgoing(key: str, to: str = "ken@customer.example", html: str = "<p>愛さん</p>") -> Outgoing:
    mail = Mail(key, to, f"クーポン {key}", html, "愛さん\n.\n..\n", 0, "ja", None)
    return Outgoing(key, to, BUILDER.build(mail))


def deliver(port: int, *mails: Outgoing) -> list[Result]:
    async def one_line() -> list[Result]:
        channel = EmailChannel(SmtpServer("127.0.0.1", port, timeout=5), "hello@shop.example")
        await channel.connect()
        results = [await channel.deliver(mail) for mail in mails]
        await channel.close()
        return results

    return asyncio.run(one_line())


def faults(said: dict[str, Fault]) -> Callable[[str], Fault | None]:
    return said.get


def test_japanese_mails_arrive_as_they_were_written(mailbox: Mailbox) -> None:
    sent = [outgoing("a"), outgoing("b", "Ai@Customer.example", ".\r\n..\r\n" * 3 + "é" * 3000)]
    with MailboxServer(mailbox, "127.0.0.1", 0) as server:
        results = deliver(server.port, *sent)
    assert [result.kind for result in results] == ["sent", "sent"]
    assert results[0].provider_id == "2.0.0 Kept as 1"
    newest, oldest = mailbox.list()
    assert (oldest.recipient, oldest.subject) == ("ken@customer.example", "クーポン a")
    assert newest.recipient == "ai@customer.example"
    for summary, mail in ((oldest, sent[0]), (newest, sent[1])):
        stored = mailbox.get(summary.mail_id)
        assert stored is not None
        assert stored.content == mail.content
        assert summary.size == len(mail.content)
    message = email.message_from_bytes(sent[0].content, policy=default)
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == "クーポン a"


@pytest.mark.parametrize(
    ("fault", "kind", "kept"),
    [
        ("rcpt 4xx", "later", 0),
        ("rcpt 5xx", "never", 0),
        ("data 4xx", "later", 0),
        ("data 5xx", "never", 0),
        ("drop at data", "unknown", 0),
        ("drop after data", "unknown", 1),
    ],
)
def test_each_failure_has_its_result_and_spares_the_next_mail(
    mailbox: Mailbox, fault: Fault, kind: str, kept: int
) -> None:
    bad = "bad@customer.example"
    with MailboxServer(mailbox, "127.0.0.1", 0, faults=faults({bad: fault})) as server:
        results = deliver(server.port, outgoing("1"), outgoing("2", bad), outgoing("3"))
    assert [result.kind for result in results] == ["sent", kind, "sent"]
    assert results[1].detail
    assert mailbox.count(search=bad) == kept
    assert mailbox.count() == 2 + kept


def test_a_server_that_is_not_there_is_tried_later() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        [result] = deliver(held.getsockname()[1], outgoing("1"))
    assert result.kind == "later"
    assert "cannot be reached" in result.detail


def test_a_line_that_the_server_closed_meanwhile_is_opened_anew(mailbox: Mailbox) -> None:
    async def story() -> list[Result]:
        first = MailboxServer(mailbox, "127.0.0.1", 0)
        port = first.port
        channel = EmailChannel(SmtpServer("127.0.0.1", port, timeout=5), "hello@shop.example")
        results = [await channel.deliver(outgoing("1"))]
        await asyncio.to_thread(first.stop)
        with MailboxServer(mailbox, "127.0.0.1", port):
            results.append(await channel.deliver(outgoing("2")))
            await channel.close()
        results.append(await channel.deliver(outgoing("3")))
        return results

    assert [result.kind for result in asyncio.run(story())] == ["sent", "sent", "later"]


def test_the_mailbox_is_searched_paged_and_counts_second_copies(mailbox: Mailbox) -> None:
    twice = outgoing("same")
    with MailboxServer(mailbox, "127.0.0.1", 0) as server:
        deliver(server.port, *(outgoing(f"n{i}", f"c{i}@x.example") for i in range(5)))
        deliver(server.port, twice, twice)
    assert [mail.recipient for mail in mailbox.list(search="C3@X")] == ["c3@x.example"]
    assert mailbox.count(search="クーポン n") == 5
    assert mailbox.count(search="%") == 0
    page = mailbox.list(limit=3)
    assert [m.mail_id for m in mailbox.list(limit=3, before=page[-1].mail_id)] == [4, 3, 2]
    assert mailbox.copies()[BUILDER.message_id("same")] == 2
    assert mailbox.copies()[BUILDER.message_id("n1")] == 1


def test_an_answered_mail_survives_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import sys, threading; from pathlib import Path\n"
        "from tsunagu.channels.email import Mailbox, MailboxServer\n"
        "server = MailboxServer(Mailbox(Path(sys.argv[1])), '127.0.0.1', 0)\n"
        "print(server.port, flush=True); threading.Event().wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    results = deliver(port, *(outgoing(str(i)) for i in range(50)))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    mailbox = Mailbox(tmp_path)
    assert mailbox.count() == sum(result.kind == "sent" for result in results) == 50
    mailbox.close()


def test_several_lines_at_once_are_quick(mailbox: Mailbox) -> None:
    async def lines(port: int) -> list[Result]:
        async def line(number: int) -> list[Result]:
            channel = EmailChannel(SmtpServer("127.0.0.1", port), "hello@shop.example")
            html = "<p>Hello dear customer</p>\n" * 700
            mails = [outgoing(f"{number}.{i}", html=html) for i in range(50)]
            results = [await channel.deliver(mail) for mail in mails]
            await channel.close()
            return results

        many = await asyncio.gather(*map(line, range(4)))
        return [result for results in many for result in results]

    with MailboxServer(mailbox, "127.0.0.1", 0) as server:
        started = time.monotonic()
        results = asyncio.run(lines(server.port))
        rate = len(results) / (time.monotonic() - started)
    assert {result.kind for result in results} == {"sent"}
    print(f"{rate:,.0f} mails/s")
    assert rate > 150
