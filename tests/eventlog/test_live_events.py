"""The end of the log as the console may see it: of one workspace, a bounded look back."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tsunagu import eventlog
from tsunagu.core import NewEvent, NotFound
from tsunagu.core.times import wall
from tsunagu.storage import Database, in_workspace


def send(database: Database, workspace: int, *names: str, source: str = "web") -> None:
    events = [
        NewEvent(f"{name}-{n}", "track", name, f"user-{n}", None, None, source, b"{}")
        for n, name in enumerate(names)
    ]
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        eventlog.append(cursor, workspace, events, received_at=wall(), now=None)


@pytest.fixture
def two(database: Database, make_workspace: Callable[..., int]) -> tuple[int, int]:
    """Two workspaces whose events lie among each other in the log."""
    ours, theirs = make_workspace(), make_workspace()
    for name in ("A", "B", "C"):
        send(database, ours, f"Ours {name}")
        send(database, theirs, f"Theirs {name}")
    return ours, theirs


def test_a_workspace_sees_its_own_newest_events(database: Database, two: tuple[int, int]) -> None:
    ours, theirs = two
    with database.connect("app") as connection:
        with in_workspace(connection, ours) as cursor:
            found = eventlog.live_events(cursor, ours)
            assert [event.name for event in found] == ["Ours C", "Ours B", "Ours A"]
            assert {event.standing for event in found} == {"waiting"}
            assert eventlog.live_events(cursor, theirs) == []
            own = eventlog.logged_event(cursor, ours, found[0].position)
            assert (own.name, own.body) == ("Ours C", "{}")
        with in_workspace(connection, theirs) as cursor, pytest.raises(NotFound):
            eventlog.logged_event(cursor, ours, found[0].position)


def test_without_a_workspace_there_is_nothing_to_see(
    database: Database, two: tuple[int, int]
) -> None:
    with database.connect("app") as connection:
        assert connection.execute("select count(*) from live_events").fetchone() == (0,)
        assert connection.execute("select count(*) from live_left_out").fetchone() == (0,)
        assert connection.execute("select live_floor(0)").fetchone() == (0,)
    with (
        database.connect("ingest") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select live_floor(0)")


def test_a_look_goes_back_so_far_and_no_further(database: Database, two: tuple[int, int]) -> None:
    ours, _ = two
    with database.connect("app") as connection, in_workspace(connection, ours) as cursor:
        assert [e.name for e in eventlog.live_events(cursor, ours, look_back=2)] == [
            "Ours C",
            "Ours B",
        ]
        assert eventlog.live_events(cursor, ours, event="ours a", look_back=2) == []
        assert len(eventlog.live_events(cursor, ours, event="ours a")) == 1


def test_conditions_fit_together(database: Database, workspace: int) -> None:
    send(database, workspace, "100%", "1000", source="pos")
    send(database, workspace, "Audience Entered", source="tsunagu")
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:

        def names(**wanted: str) -> list[str]:
            return [e.name for e in eventlog.live_events(cursor, workspace, **wanted)]

        assert names() == ["1000", "100%"]
        assert names(event="0%") == ["100%"]
        assert names(user="user-1") == ["1000"]
        assert names(source="pos", event="track") == ["1000", "100%"]
        assert names(source="tsunagu") == ["Audience Entered"]
