"""A live world goes round the real loop; a driver killed again and again changes nothing."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from databases import fresh_database
from tsunagu import collect, public
from tsunagu.channels.email import Mailbox, SmtpServer, run_mailbox
from tsunagu.core import Figures, chance
from tsunagu.eventlog import run_lake
from tsunagu.runtime.demo.driver import Driver
from tsunagu.runtime.demo.evidence_queries import Evidence, evidence
from tsunagu.runtime.demo.installation import Installation
from tsunagu.runtime.demo.results import flush
from tsunagu.runtime.pipeline_loop import run as run_pipeline
from tsunagu.runtime.world.live import Show, open_world
from tsunagu.runtime.world.memory import live_through
from tsunagu.runtime.world.model import HARM, LARGE, Shop, World
from tsunagu.runtime.world.report import compare_shops
from tsunagu.sending import MailSettings, run_sender
from tsunagu.storage import Database, in_workspace

SMALL_WORLD = World("live test", (Shop("east", 60, LARGE), Shop("west", 30, HARM)))
SECRET = b"a secret of the tests, thirty-two bytes or more"
KILLS = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A database of its own: the roles would work in the workspaces of other tests, too."""
    with fresh_database() as database:
        yield database


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Iterator[Installation]:
    """Every role of the loop, each in a thread, over the database."""
    smtp, site, collector = (free_port() for _ in range(3))
    host, public_url = "127.0.0.1", f"http://127.0.0.1:{site}"
    mail = MailSettings(SmtpServer(host, smtp), "Shop", "news@tsunagu.example")
    stop = threading.Event()
    roles: list[Callable[[], Any]] = [
        partial(run_mailbox, tmp_path / "mailbox", host, smtp, stop),
        partial(run_pipeline, database, Figures(), stop),
        partial(run_lake, database, tmp_path / "lake", stop),
        partial(run_sender, database, mail, public_url, SECRET, stop, Figures()),
        partial(collect.run, database, host=host, port=collector, stop=stop),
        partial(
            public.run,
            database,
            host=host,
            port=site,
            public_url=public_url,
            secret=SECRET,
            sender="Shop",
            stop=stop,
        ),
    ]
    threads = [threading.Thread(target=role) for role in roles]
    for thread in threads:
        thread.start()
    try:
        yield Installation(
            database,
            f"http://{host}:{collector}",
            public_url,
            tmp_path / "mailbox",
            tmp_path / "lake",
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def drive(installation: Installation) -> None:
    """What one life of the driver does; it ends by itself or is killed."""
    with ExitStack() as stack:
        driver = stack.enter_context(Driver(installation.database, open_world(installation)))
        mailbox = Mailbox(installation.mailbox_folder)
        stack.callback(mailbox.close)
        Show(installation, driver, mailbox, SMALL_WORLD).play(lambda done, total: None)


def hang_up(database: Database) -> None:
    """End all other sessions, as a restart of PostgreSQL does."""
    with database.connect("owner") as connection:
        connection.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
                and backend_type = 'client backend'
            """
        )


def test_a_driver_killed_at_any_moment_leads_to_the_same_world(
    installation: Installation,
) -> None:
    spawn = multiprocessing.get_context("spawn")
    for number in range(KILLS):
        life = spawn.Process(target=drive, args=(installation,))
        life.start()
        life.join(2.5 + 3 * chance("kill", number))
        life.kill()
        life.join()
        hang_up(installation.database)
    drive(installation)

    workspace = open_world(installation)
    told = live_through(SMALL_WORLD, workspace)
    simulated = sorted(
        (e.enrolment_id, e.arm, e.status, e.end_reason, e.entered_at, e.goal_at)
        for some in told.enrolments.values()
        for e in some
    )
    with installation.database.connect("pipeline") as connection:
        with in_workspace(connection, workspace) as cursor:
            live = cursor.execute(
                """
                select enrolment_id, arm, status, coalesce(end_reason, ''),
                    (date_part('epoch', entered_at) * 1000000)::bigint,
                    coalesce((date_part('epoch', goal_at) * 1000000)::bigint, 0)
                from enrolments where workspace_id = %s order by enrolment_id
                """,
                (workspace,),
            ).fetchall()
        assert live == simulated
        with in_workspace(connection, workspace) as cursor:
            found = evidence(cursor, workspace)
    _check_answers(installation, workspace, found)


def _check_answers(installation: Installation, workspace: int, found: Evidence) -> None:
    mailbox = Mailbox(installation.mailbox_folder)
    copies = mailbox.copies()
    mailbox.close()
    assert set(copies.values()) == {1}
    assert len(copies) == found.sent == found.archived
    assert found.unsent == 0
    with Driver(installation.database, workspace) as driver:
        did = driver.place()["did"]
        assert (found.clicks, found.unsubscribes) == (did["clicks"], did["unsubscribes"])
        assert found.sent_after_unsubscribing == 0
        flush(installation, driver)
        east, west = compare_shops(installation, driver, SMALL_WORLD)
    assert east.document["treated"]["n"] + east.document["holdout"]["n"] == 60
    assert west.document["truth"] < 0 < east.document["truth"]
