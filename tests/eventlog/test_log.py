"""Writing the log: nothing is lost, nothing that PostgreSQL refuses gets that far."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tsunagu.access import business_now, set_clock
from tsunagu.core import Invalid, NewEvent
from tsunagu.core.times import HOUR, micros, parse_time, wall
from tsunagu.eventlog import append, copy_rows, drained, idle, read_batch
from tsunagu.storage import Database, in_workspace

NOW = parse_time("2026-01-01T12:00:00Z")


def event(
    message_id: str,
    *,
    body: bytes = b"{}",
    user_id: str | None = "u1",
    at: int | None = None,
    known_at: int | None = None,
) -> NewEvent:
    return NewEvent(message_id, "track", "Seen", user_id, None, at, "web", body, known_at)


def test_what_is_appended_is_read_back_as_it_was(database: Database, workspace: int) -> None:
    odd = 'tab\t, line\n, return\r, \\N, quote " and 髙橋'
    body = '{"properties":{"text":"a\\\\b \\n 髙 \\\\u0000"}}\n\t'.encode()
    with database.connect("pipeline") as connection:
        with in_workspace(connection, workspace) as cursor:
            events = [event("m1", body=body, user_id=odd, at=NOW - HOUR), event("m2", user_id=None)]
            append(cursor, workspace, events, received_at=NOW, now=None)
        with in_workspace(connection, workspace) as cursor:
            first, second = read_batch(cursor, workspace, 0, 10).events
            assert not drained(cursor, workspace)
    assert (first.user_id, first.body, first.at) == (odd, body, NOW - HOUR)
    assert (first.received_at, first.known_at) == (NOW, NOW)
    assert (second.user_id, second.at) == (None, NOW)
    assert second.position > first.position


@pytest.mark.parametrize(
    "bad",
    [
        event("m", body=b'{"a":"\\u0000"}'),
        event("m", body=b'{"a":"\\\\\\u0000"}'),
        event("m", body=b'{"a":"\xff"}'),
        event("m\x00"),
        event("m", user_id="\ud800"),
        event("m", user_id="u" * 1001),
        event("m", at=parse_time("1899-12-31T00:00:00Z")),
        event("m", known_at=2**62),
    ],
)
def test_what_postgresql_would_refuse_is_refused_before(bad: NewEvent) -> None:
    with pytest.raises(Invalid):
        copy_rows(1, [bad], NOW, None)


def test_a_driven_workspace_knows_events_at_its_own_time(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    past = parse_time("2017-11-01T00:00:00Z")
    workspace = make_workspace(clock="driven", clock_now=past)
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        events = [
            event("early", at=past - HOUR),
            event("late", at=past + HOUR),
            event("none"),
            event("loaded", at=past - HOUR, known_at=past - HOUR),
        ]
        append(cursor, workspace, events, received_at=wall(), now=business_now(cursor, workspace))
        known = [e.known_at - past for e in read_batch(cursor, workspace, 0, 10).events]
    assert known == [0, HOUR, 0, -HOUR]


def test_a_cursor_misses_no_event_of_concurrent_writers(database: Database, workspace: int) -> None:
    writers, rounds, size = 4, 40, 5
    seen: list[str] = []

    def write(writer: int) -> None:
        with database.connect("pipeline") as connection:
            for turn in range(rounds):
                events = [event(f"{writer}-{turn}-{n}") for n in range(size)]
                with in_workspace(connection, workspace) as cursor:
                    append(cursor, workspace, events, received_at=wall(), now=None)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    position, expected = 0, writers * rounds * size
    with database.connect("pipeline") as connection:
        writing, found = True, True
        while writing or found:  # a last look after the last writer has gone
            writing = any(thread.is_alive() for thread in threads)
            with in_workspace(connection, workspace) as cursor:
                events = read_batch(cursor, workspace, position, 1000).events
            found = bool(events)
            seen += [e.message_id for e in events]
            position = events[-1].position if events else position
    assert len(seen) == expected
    assert len(set(seen)) == expected


def test_idle_means_nothing_is_left_to_do_at_the_workspaces_time(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    start = parse_time("2017-11-01T00:00:00Z")
    workspace = make_workspace(clock="driven", clock_now=start)
    with database.connect("pipeline") as connection:

        def is_idle() -> bool:
            with in_workspace(connection, workspace) as cursor:
                return idle(cursor, workspace)

        def run(statement: str) -> None:
            with in_workspace(connection, workspace) as cursor:
                cursor.execute(statement.encode())

        assert not is_idle()  # the timers up to the start are not closed yet
        run("update cursors set closed_at = '2017-11-01' where consumer = 'pipeline'")
        assert is_idle()
        with in_workspace(connection, workspace) as cursor:
            append(cursor, workspace, [event("m")], received_at=wall(), now=start)
        assert not is_idle()
        run("update cursors set position = (select max(position) from inbox)")
        assert is_idle()
        run(
            "insert into outbox (workspace_id, send_id, not_before, expires_at, data, decided_wall)"
            f" values ({workspace}, 1, '2017-11-01 02:00', '2017-11-03', '{{}}', now())"
        )
        assert is_idle()
        with database.connect("app") as app, in_workspace(app, workspace) as cursor:
            set_clock(cursor, workspace, start + 2 * HOUR)
        assert not is_idle()
        run("update cursors set closed_at = '2017-11-01 02:00' where consumer = 'pipeline'")
        assert not is_idle()
        run("delete from outbox")
        assert is_idle()


def test_times_survive_to_the_microsecond(database: Database, workspace: int) -> None:
    odd = NOW + 123_457
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        append(cursor, workspace, [event("m", at=odd)], received_at=odd, now=None)
        assert read_batch(cursor, workspace, 0, 1).events[0].at == odd
        row = cursor.execute("select at from inbox where workspace_id = %s", (workspace,))
        found = row.fetchone()
        assert found is not None
        assert micros(found[0]) == odd
