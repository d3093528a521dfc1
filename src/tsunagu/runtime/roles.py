"""The roles of an installation: what each process does, in the order in which they start.

Each room has one function that works until it is told to stop and gets plain values; here the
settings are handed to it. A role's libraries are imported only in its own process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING

from tsunagu.core import Figures
from tsunagu.runtime.secrets import Secrets
from tsunagu.runtime.settings import Settings

if TYPE_CHECKING:
    from tsunagu.storage import Database

KEEPER = "postgres"


@dataclass(frozen=True)
class Work:
    """All that a role is given."""

    settings: Settings
    secrets: Secrets
    database: Database
    figures: Figures
    stop: threading.Event


@dataclass(frozen=True)
class Role:
    """One kind of process.

    `port` names the setting that holds its port, if it has one; `copies` the one that says how
    many processes share that port, if it may be more than one.
    """

    name: str
    title: str
    run: Callable[[Work], None]
    port: str | None = None
    copies: str | None = None


def _mailbox(work: Work) -> None:
    from tsunagu.channels.email import run_mailbox

    settings = work.settings
    run_mailbox(settings.mailbox_folder, settings.host, settings.mailbox_port, work.stop)


def _pipeline(work: Work) -> None:
    from tsunagu.runtime.pipeline_loop import run

    run(work.database, work.figures, work.stop, work.settings.folder / "lake")


def _lake(work: Work) -> None:
    from tsunagu.collect import run_letters
    from tsunagu.core.times import DAY
    from tsunagu.eventlog import run_lake
    from tsunagu.profiles import write_customers

    folder = work.settings.folder / "lake"
    days = work.settings.dead_letter_days
    letters = threading.Thread(
        target=run_letters, args=(work.database, days * DAY or None, work.stop), name="letters"
    )
    letters.start()
    run_lake(work.database, folder, work.stop, work.figures, snapshots=(write_customers,))


def _sender(work: Work) -> None:
    from tsunagu.channels.email import SmtpServer
    from tsunagu.sending import MailSettings, run_sender

    settings = work.settings
    host, port = settings.smtp_address
    password = settings.smtp_password
    server = SmtpServer(
        host,
        port,
        security="starttls" if settings.smtp_tls else "none",
        username=settings.smtp_user or None,
        password=password.get_secret_value() if password else None,
    )
    name, address = parseaddr(settings.mail_from)
    run_sender(
        work.database,
        MailSettings(server, name, address),
        settings.public_address,
        work.secrets.signing.encode(),
        work.stop,
        work.figures,
    )


def _public(work: Work) -> None:
    from tsunagu.public import run

    settings = work.settings
    run(
        work.database,
        host=settings.host,
        port=settings.public_port,
        public_url=settings.public_address,
        secret=work.secrets.signing.encode(),
        sender=parseaddr(settings.mail_from)[0],
        stop=work.stop,
        figures=work.figures,
    )


def _console(work: Work) -> None:
    from tsunagu.collect.sources import Premises
    from tsunagu.console import Places, mount
    from tsunagu.runtime.asking import analysts_of
    from tsunagu.runtime.database import own_places
    from tsunagu.runtime.web import serve_app
    from tsunagu.serve.app import api_app

    settings = work.settings
    places = Places(
        settings.folder,
        settings.mailbox_folder if settings.local_mailbox else None,
        settings.collect_address,
        signing_secret=work.secrets.signing.encode(),
        closed=own_places(settings),
    )
    analysts = analysts_of(settings)
    app = api_app(work.database, analysts, Premises(settings.folder, own_places(settings)))
    mount(
        app,
        work.database,
        session_secret=work.secrets.session,
        places=places,
        analysts=analysts,
    )
    serve_app(app, settings.host, settings.console_port, work.stop)


def _sources(work: Work) -> None:
    from tsunagu.collect.sources import run_sources
    from tsunagu.runtime.database import own_places

    settings = work.settings
    run_sources(work.database, settings.folder, own_places(settings), work.stop, work.figures)


def _collector(work: Work) -> None:
    from tsunagu.collect import run
    from tsunagu.collect.sources import Vault

    settings = work.settings
    run(
        work.database,
        host=settings.host,
        port=settings.collect_port,
        stop=work.stop,
        figures=work.figures,
        address=settings.collect_url.rstrip("/"),
        vault=Vault(settings.folder),
    )


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role("mailbox", "local mailbox", _mailbox, "mailbox_port"),
        Role("pipeline", "pipeline", _pipeline),
        Role("lake", "lake writer", _lake),
        Role("sender", "sender", _sender),
        Role("sources", "sources", _sources),
        Role("public", "public pages", _public, "public_port"),
        Role("console", "console", _console, "console_port"),
        Role("collector", "collector", _collector, "collect_port", "collectors"),
    )
}


def wanted_roles(settings: Settings) -> list[Role]:
    """The roles that `serve` starts: all, but the local mailbox only if mails go there."""
    return [role for role in ROLES.values() if role.name != "mailbox" or settings.local_mailbox]
