"""A mail folder over IMAP with STARTTLS: attached tables, and the mails themselves."""

from __future__ import annotations

import imaplib
import ipaddress
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sourcing import ORDERS, Shop

from tsunagu.collect.sources import models

USER, PASSWORD = "orders", "s3cret-of-mail"
MAIL = {
    "name": "mail",
    "message_id": ["message_id"],
    "at": "sent_at",
    "identifiers": {"email": "from_address"},
    "events": [{"name": "Mail Received", "properties": {"subject": "subject", "text": "text"}}],
}


@dataclass
class MailServer:
    """A server on this machine with one user."""

    port: int
    certificate: Path

    def put(self, subject: str, **attached: str) -> None:
        """Lay a mail into the inbox, with its attachments."""
        mail = EmailMessage()
        mail["From"] = "Suzuki <suzuki@partner.jp>"
        mail["To"] = "orders@shop.jp"
        mail["Subject"] = subject
        mail["Date"] = "Mon, 04 May 2026 21:00:00 +0900"
        mail["Message-ID"] = make_msgid(domain="partner.jp")
        mail.set_content(f"注文の件です: {subject}")
        for name, text in attached.items():
            file = f"{name}.csv"
            mail.add_attachment(text.encode(), maintype="text", subtype="csv", filename=file)
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.starttls(ssl.create_default_context(cafile=str(self.certificate)))
            client.login(USER, PASSWORD)
            client.append("INBOX", "", imaplib.Time2Internaldate(time.time()), mail.as_bytes())

    def settings(self, **more: Any) -> dict[str, Any]:
        told = {"kind": "imap", "host": "127.0.0.1", "port": self.port, "user": USER}
        return {**told, "security": "starttls", **more}


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of tests")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "mail.pem", folder / "mail.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    certificate, key = own_certificate(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(str(Path(sys.executable).with_name("pymap")), "--host", "127.0.0.1"),
            *("--port", str(port)),
            *("--cert", str(certificate), "--key", str(key), "--no-service", "admin"),
            *("dict", "--demo-user", USER, "--demo-password", PASSWORD),
        ],
        stderr=subprocess.DEVNULL,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                imaplib.IMAP4("127.0.0.1", port).logout()
                break
            except OSError:
                assert time.monotonic() < deadline, "the mail server did not start"
                time.sleep(0.1)
        yield MailServer(port, certificate)
    finally:
        process.terminate()
        process.wait(20)


def table(*ids: int) -> str:
    rows = "".join(f"{i},u{i}@shop.jp,{i},2026-05-04 12:00:00\n" for i in ids)
    return f"id,email,amount,updated_at\n{rows}"


def test_attached_tables_come_once(
    shop: Shop, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("first", orders=table(*range(6000)))
    server.put("second", orders=table(6000), refunds=table(6001))
    shop.add("mail", server.settings(), secrets={"password": PASSWORD})
    shop.killed("mail", "sources.after_commit", monkeypatch)
    assert shop.run("mail").outcome == "done"
    assert shop.ids("mail") == list(range(6002))
    server.put("third", orders=table(7000))
    ended = shop.run("mail")
    assert (ended.outcome, ended.counts.rows) == ("done", 1)


def test_a_table_that_has_changed_stops_no_other_mail(shop: Shop, server: MailServer) -> None:
    server.put("first", orders="id,mail\n1,a@x.jp\n")
    server.put("second", orders=table(2))
    shop.add("mail", server.settings(), ORDERS, secrets={"password": PASSWORD})
    ended = shop.run("mail")
    assert (ended.outcome, ended.counts.events) == ("failed", 1)
    [(reason, _)] = shop.letters("mail")
    assert "email" in reason
    assert shop.run("mail").outcome == "done"


def test_mails_are_events_themselves(shop: Shop, server: MailServer) -> None:
    server.put("質問があります")
    shop.add("mail", server.settings(take="mail"), MAIL, secrets={"password": PASSWORD})
    assert shop.run("mail").counts.events == 1
    assert shop.run("mail").counts.events == 0
    [event] = shop.events("mail")
    assert event["anonymous_id"] == "email:suzuki@partner.jp"
    assert event["properties"]["subject"] == "質問があります"
    assert "注文の件です" in event["properties"]["text"]
    assert event["at"].isoformat() == "2026-05-04T12:00:00+00:00"


def test_a_wrong_password_is_named(shop: Shop, server: MailServer) -> None:
    shop.add("mail", server.settings(), secrets={"password": "wrong-word"})
    error = shop.run("mail").error or ""
    assert "refuses the user 'orders'" in error
    assert "wrong-word" not in error


def test_a_certificate_that_nobody_vouches_for_is_refused(
    shop: Shop, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    shop.add("mail", server.settings(), secrets={"password": PASSWORD})
    assert "certificate" in (shop.run("mail").error or "")


def test_a_password_never_leaves_in_the_clear() -> None:
    with pytest.raises(ValueError, match="in the clear"):
        models.Imap(kind="imap", host="mail.example", user="u", security="none")
