"""The tracking plan in the pipeline, and the way back of what it put aside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tsunagu import collect, eventlog
from tsunagu.core import Body, Invalid, NewEvent, NotFound, encode_body
from tsunagu.core.times import DAY, parse_time, wall
from tsunagu.eventlog import LetterFilter
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.serve import letters
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace

NOON = parse_time("2026-05-04T12:00:00Z")
SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}},
}


@dataclass
class Shop:
    """A workspace with a plan and what is sent to it."""

    database: Database
    workspace: int
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.workspace, "UTC")

    def publish(self, kind: str, name: str, **document: Any) -> None:
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            publish_document(cursor, self.workspace, kind, name, document, "tests")

    def announce(self, **words: Any) -> None:
        self.publish("event-schema", "order", event="Order Completed", schema=SCHEMA, **words)

    def send(self, message: str, **properties: Any) -> None:
        event = NewEvent(
            message,
            "track",
            "Order Completed",
            "hana",
            None,
            NOON,
            "web",
            encode_body(Body(properties)),
        )
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            eventlog.append(cursor, self.workspace, [event], received_at=wall(), now=None)

    def drain(self) -> None:
        with self.database.connect("pipeline") as connection:
            while pipeline_loop.next_batch(connection, self.desk).more:
                pass

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return cursor.execute(query, (self.workspace, *values)).fetchall()  # type: ignore[arg-type]

    def letters(self, **wanted: Any) -> list[eventlog.DeadLetter]:
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            found = LetterFilter(**wanted)
            return eventlog.dead_letters(cursor, self.workspace, found, limit=100)

    def change(self, letter_id: int, path: str, value: str) -> None:
        """Spoil a part of what a letter holds."""
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            cursor.execute(
                "update dead_letters set event = jsonb_set(event, %s, %s::jsonb) "
                "where workspace_id = %s and letter_id = %s",
                (path, value, self.workspace, letter_id),
            )

    def timeline(self) -> list[float]:
        found = self.rows(
            "select (body::jsonb #>> '{properties,total}')::float from timeline "
            "where workspace_id = %s and name = 'Order Completed' order by position"
        )
        return [total for (total,) in found]


@pytest.fixture
def shop(database: Database, workspace: int) -> Shop:
    return Shop(database, workspace)


def test_without_a_plan_nothing_is_looked_at(shop: Shop) -> None:
    shop.send("m1", total="wrong")
    shop.drain()
    assert shop.desk.definitions is not None
    assert shop.desk.definitions.tracking is None
    assert shop.rows("select seen from plan_traffic where workspace_id = %s") == []


def test_a_blocked_event_is_kept_and_the_rest_goes_on(shop: Shop) -> None:
    shop.announce(mode="block")
    shop.send("m1", total=1)
    shop.send("m2", total="one", email="a@example.com")
    shop.send("m3", total=3)
    shop.send("m2", total="one")
    shop.drain()
    (letter,) = shop.letters()
    assert (letter.stage, letter.message_id, letter.source) == ("plan", "m2", "web")
    assert letter.reason == "properties.total: expected number, got string of 3 characters" or (
        letter.reason.startswith("properties.total: expected number, got string 'one'")
    )
    assert "a@example.com" not in letter.reason
    assert shop.timeline() == [1, 3]
    counted = shop.rows(
        "select source, event, seen, violating from plan_traffic where workspace_id = %s"
    )
    assert counted == [("web", "Order Completed", 3, 1)]
    assert shop.rows(
        "select sum(count) from plan_violations where workspace_id = %s and action = 'block'"
    ) == [(1,)]


def test_a_flagged_event_passes_with_a_mark(shop: Shop) -> None:
    shop.announce(mode="flag")
    shop.send("m1", total="two")
    shop.drain()
    assert shop.letters() == []
    ((marks,),) = shop.rows("select violations from flagged_events where workspace_id = %s")
    assert marks == ["properties.total: expected number, got string 'two'"]
    assert len(shop.rows("select 1 from timeline where workspace_id = %s")) == 1


def test_counts_add_up_over_batches(shop: Shop) -> None:
    shop.announce(mode="observe")
    for number in range(4):
        shop.send(f"m{number}", total="x")
        shop.drain()
    assert shop.rows("select count from plan_violations where workspace_id = %s") == [(4,)]


def test_a_mended_event_is_counted_once_however_often_it_is_replayed(shop: Shop) -> None:
    shop.announce(mode="block")
    shop.send("m1", total="x")
    shop.drain()
    (letter,) = shop.letters()
    call = eventlog.call_of(letter)
    assert call["properties"] == {"total": "x"}
    with pytest.raises(Invalid, match=r"block it again.*properties\.total"):
        letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana", call)
    call["properties"]["total"] = 5
    made = letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana", call)
    with pytest.raises(Invalid, match="replayed already"):
        letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana", call)
    shop.send("m1", total=5)  # the sender tries its own id again: a repeat
    shop.drain()
    assert shop.timeline() == [5]
    (settled,) = shop.letters(state="replayed")
    assert (settled.replayed_as, settled.settled_by) == (made, "hana")
    ((context,),) = shop.rows(
        "select body::jsonb -> 'context' from timeline where workspace_id = %s"
    )
    assert context["replayOf"] == {"letter": letter.letter_id, "messageId": "m1"}
    with pytest.raises(NotFound):
        letters.replay_letter(shop.database, shop.workspace, 10**12, "hana")


def test_what_is_no_event_has_to_be_written_by_a_person(shop: Shop) -> None:
    shop.rows(
        "insert into dead_letters (workspace_id, message_id, type, name, source, stage, reason, "
        "event, at, origin) values (%s, '', '', '', 'shop', 'load', 'line 7: no time', "
        '\'{"file": "a.csv", "line": 7}\', now(), \'load 1: a.csv:7\') returning letter_id'
    )
    (letter,) = shop.letters()
    with pytest.raises(Invalid, match="no event"):
        letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana")
    with pytest.raises(Invalid, match="userId"):
        letters.replay_letter(
            shop.database, shop.workspace, letter.letter_id, "hana", {"type": "track", "event": "A"}
        )
    call = {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"total": 2}}
    letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana", call)
    shop.drain()
    assert shop.timeline() == [2]


def test_discarding_can_be_taken_back(shop: Shop) -> None:
    shop.announce(mode="block")
    shop.send("m1", total="x")
    shop.drain()
    (letter,) = shop.letters()
    assert letters.discard_letter(shop.database, shop.workspace, letter.letter_id, "hana")
    assert shop.letters() == []
    with pytest.raises(Invalid, match="discarded already"):
        letters.replay_letter(shop.database, shop.workspace, letter.letter_id, "hana")
    assert letters.reopen_letter(shop.database, shop.workspace, letter.letter_id, "hana")
    assert len(shop.letters()) == 1


def test_letters_are_found_by_what_is_known_of_them(shop: Shop) -> None:
    shop.announce(mode="block")
    for number in range(5):
        shop.send(f"m{number}", total="x")
    shop.drain()
    assert [one.message_id for one in shop.letters(words="m3")] == ["m3"]
    assert len(shop.letters(words="hana")) == 5
    assert len(shop.letters(stage="plan", name="Order Completed", source="web")) == 5
    assert shop.letters(source="pos") == shop.letters(words="100%") == []
    assert len(shop.letters(since=wall() - DAY)) == 5
    assert shop.letters(until=wall() - DAY) == []


REPLAYER = """
import os, sys
from tsunagu.collect.letters import work_once
from tsunagu.storage import Database
with Database(os.environ["URL"]).connect("pipeline") as connection:
    while work_once(connection, int(sys.argv[1]), 7):
        pass
"""


STEPS = {
    "one letter": """
from tsunagu.serve import letters
letters.replay_letter(database, workspace, int(sys.argv[2]), "hana")
""",
    "a batch": """
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
with database.connect("pipeline") as connection:
    while pipeline_loop.next_batch(connection, Desk(workspace, "UTC")).more:
        pass
""",
}
STEP = """
import os, sys
from tsunagu.storage import Database
database, workspace = Database(os.environ["URL"]), int(sys.argv[1])
"""


def step(shop: Shop, name: str, place: str | None, *words: object) -> int:
    """Do one step in a process of its own, that dies at a place if one is named."""
    environment = {**os.environ, "URL": shop.database.url}
    if place:
        environment["TSUNAGU_FAILPOINT"] = place
    command = [sys.executable, "-c", STEP + STEPS[name], str(shop.workspace), *map(str, words)]
    return subprocess.run(command, env=environment, check=False, timeout=60).returncode


@pytest.mark.parametrize("place", ["pipeline.before_commit", "pipeline.after_commit"])
def test_a_killed_batch_counts_violations_once(shop: Shop, place: str) -> None:
    shop.announce(mode="block")
    shop.send("m1", total="x")
    shop.send("m2", total=2)
    assert step(shop, "a batch", place) == -signal.SIGKILL
    assert step(shop, "a batch", None) == 0
    assert len(shop.letters()) == 1
    assert shop.rows("select count from plan_violations where workspace_id = %s") == [(1,)]
    assert shop.rows("select seen, violating from plan_traffic where workspace_id = %s") == [(2, 1)]


def test_a_killed_replay_leaves_the_letter_open(shop: Shop) -> None:
    shop.announce(mode="block")
    shop.send("m1", total=None)
    shop.drain()
    shop.publish("event-schema", "order", event="Order Completed", schema={"type": "object"})
    (letter,) = shop.letters()
    assert step(shop, "one letter", "letters.marked", letter.letter_id) == -signal.SIGKILL
    assert [one.letter_id for one in shop.letters()] == [letter.letter_id]
    assert step(shop, "one letter", None, letter.letter_id) == 0
    shop.drain()
    assert len(shop.timeline()) == 1


def test_the_installation_works_off_what_is_asked_for(shop: Shop) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=collect.run_letters, args=(shop.database, None, stop))
    worker.start()
    try:
        shop.announce(mode="block")
        for number in range(5):
            shop.send(f"m{number}", total="x")
        shop.drain()
        letters.ask_for_letters(shop.database, shop.workspace, "discard", LetterFilter(), "hana")
        until = time.monotonic() + 20
        while shop.letters() and time.monotonic() < until:
            time.sleep(0.05)
        assert len(shop.letters(state="discarded")) == 5
    finally:
        stop.set()
        worker.join(20)
    assert not worker.is_alive()


@pytest.mark.parametrize("place", ["letters.before_commit:2", "letters.after_commit:2"])
def test_many_are_replayed_once_whenever_the_work_is_killed(shop: Shop, place: str) -> None:
    shop.announce(mode="block")
    for number in range(20):
        shop.send(f"m{number}", total=f"{number}")
    shop.drain()
    shop.publish("event-schema", "order", event="Order Completed", schema={"type": "object"})
    wanted = LetterFilter(stage="plan")
    job = letters.ask_for_letters(shop.database, shop.workspace, "replay", wanted, "hana")
    assert job.total == 20
    environment = {**os.environ, "URL": shop.database.url, "TSUNAGU_FAILPOINT": place}
    command = [sys.executable, "-c", REPLAYER, str(shop.workspace)]
    killed = subprocess.run(command, env=environment, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    del environment["TSUNAGU_FAILPOINT"]
    subprocess.run(command, env=environment, check=True, timeout=60)
    shop.drain()
    assert sorted(shop.timeline()) == list(range(20))
    ((done, skipped, state),) = shop.rows(
        "select done, skipped, state from letter_jobs where workspace_id = %s"
    )
    assert (done, skipped, state) == (20, 0, "done")


def test_what_cannot_enter_as_it_is_waits_for_a_person(shop: Shop) -> None:
    shop.announce(mode="block")
    for number in range(3):
        shop.send(f"m{number}", total="x")
    shop.drain()
    shop.publish("event-schema", "order", event="Order Completed", schema={"type": "object"})
    broken, early, _ = shop.letters()
    for letter, path, value in (
        (broken, "{body}", '"{no json"'),
        (early, "{at}", "-99999999999999999"),
    ):
        shop.change(letter.letter_id, path, value)
    letters.ask_for_letters(shop.database, shop.workspace, "replay", LetterFilter(), "hana")
    with shop.database.connect("pipeline") as connection:
        while collect.work_once(connection, shop.workspace):
            pass
    assert shop.rows("select done, skipped from letter_jobs where workspace_id = %s") == [(1, 2)]
    assert len(shop.letters()) == 2
    with pytest.raises(Invalid, match="cannot be read"):
        letters.replay_letter(shop.database, shop.workspace, broken.letter_id, "hana")


def test_what_dies_again_is_not_replayed_by_the_same_job(shop: Shop) -> None:
    shop.announce(mode="block")
    for number in range(3):
        shop.send(f"m{number}", total="x")
    shop.drain()
    letters.ask_for_letters(shop.database, shop.workspace, "replay", LetterFilter(), "hana")
    with shop.database.connect("pipeline") as connection:
        while collect.work_once(connection, shop.workspace):
            shop.drain()
    shop.drain()
    assert len(shop.letters(state="replayed")) == 3
    again = shop.letters()
    assert len(again) == 3
    assert all("replayOf" in one.event["body"] for one in again)


def test_letters_go_after_their_time(shop: Shop) -> None:
    shop.announce(mode="block")
    shop.send("m1", total="x")
    shop.send("m2", total="x")
    shop.drain()
    shop.rows(
        "update dead_letters set put_at = put_at - interval '400 days' "
        "where workspace_id = %s and message_id = %s returning 1",
        "m1",
    )
    with shop.database.connect("pipeline") as connection:
        assert collect.forget_letters(connection, shop.workspace, None) == 0
        assert collect.forget_letters(connection, shop.workspace, 365 * DAY) == 1
    assert [one.message_id for one in shop.letters()] == ["m2"]


def test_an_events_version_is_announced_once(shop: Shop) -> None:
    shop.announce()
    with pytest.raises(Invalid, match="described by 'order' already"):
        shop.publish("event-schema", "other", event="Order Completed", schema=SCHEMA)
    shop.publish("event-schema", "other", event="Order Completed", version=2, schema=SCHEMA)
    with pytest.raises(Invalid, match="is called 'plan'"):
        shop.publish("tracking-plan", "mine", mode="flag")
