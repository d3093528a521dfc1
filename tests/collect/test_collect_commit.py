"""Group commit: the guilty alone are refused, the database may go and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest
from collecting import Sent

from tsunagu.collect import commit as commit_module
from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.errors import BadRequest, Overloaded, Refused, Unavailable
from tsunagu.core import NewEvent
from tsunagu.core.figures import Figures
from tsunagu.core.times import wall
from tsunagu.eventlog import LOCK_INBOX, copy_rows
from tsunagu.storage import Database


def rows(workspace: int, *names: str) -> bytes:
    events = [NewEvent(n, "track", "x", "u", None, None, "web", b"{}") for n in names]
    return copy_rows(workspace, events, wall(), None)


@asynccontextmanager
async def committing(database: Database) -> AsyncIterator[tuple[GroupCommit, Figures]]:
    figures = Figures()
    commit = GroupCommit(database, figures)
    task = asyncio.create_task(commit.run())
    try:
        yield commit, figures
    finally:
        commit.stop()
        await task


async def outcome(waiting: Awaitable[None]) -> type[Refused] | None:
    try:
        await waiting
    except Refused as refusal:
        return type(refusal)
    return None


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))  # type: ignore[arg-type]


def test_a_failed_group_is_halved_until_the_guilty_stand_alone(
    database: Database, sent: Sent
) -> None:
    async def story() -> None:
        async with committing(database) as (commit, figures):
            blocks = [rows(sent.workspace, f"m{n}") for n in range(9)]
            blocks[2] = b"not a row of the log\n"
            blocks[7] = blocks[7].replace(b"track", b"\xff\xfe")
            done = [outcome(commit.add(sent.workspace, block, 1)) for block in blocks]
            answers = await asyncio.gather(*done)
            guilty = [n for n, answer in enumerate(answers) if answer is BadRequest]
            assert guilty == [2, 7]
            assert answers.count(None) == 7
            assert figures.read()["counter"]["tsunagu.collect.events"] == 7

    run(story)
    assert {row["message_id"] for row in sent.rows()} == {f"m{n}" for n in (0, 1, 3, 4, 5, 6, 8)}


def test_what_waits_is_committed_together_and_before_a_stop(database: Database, sent: Sent) -> None:
    async def story() -> None:
        commit = GroupCommit(database, Figures())
        done = [
            asyncio.create_task(commit.add(sent.workspace, rows(sent.workspace, f"m{n}"), 1))
            for n in range(50)
        ]
        await asyncio.sleep(0)
        commit.stop()
        await commit.run()
        await asyncio.gather(*done)
        assert await outcome(commit.add(sent.workspace, b"", 0)) is Unavailable

    run(story)
    with database.connect("pipeline") as connection:
        found = connection.execute(
            "select count(*), count(distinct xmin::text) from inbox where workspace_id = %s",
            (sent.workspace,),
        ).fetchone()
    assert found == (50, 1)


@pytest.mark.parametrize("limit", ["MAX_WAITING_BYTES", "MAX_WAITING_REQUESTS"])
def test_too_much_waiting_is_refused_and_then_taken_again(
    database: Database, sent: Sent, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    block = rows(sent.workspace, "m")
    most = 3 * len(block) if limit == "MAX_WAITING_BYTES" else 3
    monkeypatch.setattr(commit_module, limit, most)

    async def story() -> None:
        async with committing(database) as (commit, _):
            done = [outcome(commit.add(sent.workspace, block, 1)) for _ in range(5)]
            answers = await asyncio.gather(*done)
            assert answers == [None, None, None, Overloaded, Overloaded]
            assert await outcome(commit.add(sent.workspace, block, 1)) is None

    run(story)
    assert len(sent.rows()) == 4


def test_a_log_that_stays_locked_is_not_waited_for_for_ever(
    database: Database, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_module, "COMMIT_SECONDS", 0.5)

    async def story() -> None:
        async with committing(database) as (commit, _):
            with database.connect("ingest", autocommit=False) as other:
                other.execute(LOCK_INBOX)
                blocked = commit.add(sent.workspace, rows(sent.workspace, "m1"), 1)
                assert await outcome(blocked) is Unavailable
                other.rollback()
            again = commit.add(sent.workspace, rows(sent.workspace, "m2"), 1)
            assert await outcome(again) is None

    run(story)
    assert [row["message_id"] for row in sent.rows()] == ["m2"]


def test_a_lost_connection_is_opened_again_and_nobody_notices(
    database: Database, sent: Sent
) -> None:
    async def story() -> None:
        async with committing(database) as (commit, _):
            assert await outcome(commit.add(sent.workspace, rows(sent.workspace, "m1"), 1)) is None
            with psycopg.connect(database.url, autocommit=True) as login:
                login.execute(
                    """
                    select pg_terminate_backend(pid, 5000) from pg_stat_activity
                    where application_name like 'tsunagu ingest%'
                    """
                )
            assert await outcome(commit.add(sent.workspace, rows(sent.workspace, "m2"), 1)) is None

    run(story)
    assert [row["message_id"] for row in sent.rows()] == ["m1", "m2"]


def test_no_database_is_no_reason_to_wait(database: Database, sent: Sent) -> None:
    nowhere = replace(database, url="postgresql://nobody@127.0.0.1:1/none")

    async def story() -> None:
        async with committing(nowhere) as (commit, _):
            for _ in range(3):
                assert await outcome(commit.add(sent.workspace, b"", 0)) is Unavailable

    run(story)
