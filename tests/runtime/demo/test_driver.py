"""The driver's place lies in the database: what was loaded is not loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tsunagu.core import Body, Invalid, NewEvent, encode_body
from tsunagu.core.times import DAY, SECOND, parse_time
from tsunagu.runtime.demo.driver import Driver
from tsunagu.storage import Database

START = parse_time("2017-01-01")
EVENTS = 12_000


def history(until: int) -> Iterator[NewEvent]:
    """Events a second apart; the source breaks off after `until` of them."""
    for number in range(EVENTS):
        if number == until:
            raise ConnectionError("the source went away")
        at = START + number * SECOND
        body = encode_body(Body(properties={"number": number}))
        yield NewEvent(f"m{number}", "track", "Page Viewed", "c1", None, at, "store", body)


def test_a_load_that_broke_off_goes_on_where_it_was(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    workspace = make_workspace(clock="driven", clock_now=START)
    with Driver(database, workspace) as driver:
        with pytest.raises(ConnectionError):
            driver.load(history(7_000), EVENTS, lambda done, total: None)
        assert driver.place() == {"loaded": 5_000}
    seen: list[int] = []
    with Driver(database, workspace) as driver:
        driver.load(history(EVENTS), EVENTS, lambda done, total: seen.append(done))
        count, late = driver.within(
            lambda cursor: cursor.execute(
                """
                select count(*), count(*) filter (where known_at <> at)
                from inbox where workspace_id = %s
                """,
                (workspace,),
            ).fetchone()
        ) or (0, 0)
    assert seen == [10_000, 12_000]
    assert (count, late) == (EVENTS, 0)  # each is known at its own time


def test_a_place_is_added_to_and_the_wall_clock_is_left_alone(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    workspace = make_workspace(clock="driven", clock_now=START)
    with Driver(database, workspace) as driver:
        driver.note(reacted=START)
        driver.note(mail=7)
        assert driver.place() == {"reacted": START, "mail": 7}
        assert driver.now() == START
    wall = make_workspace()
    with Driver(database, wall) as driver, pytest.raises(Invalid, match="wall clock"):
        driver.move(driver.now() + DAY)
