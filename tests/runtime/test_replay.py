"""A replay of the log: equal without a cause, told where it differs, swapped in and undone."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from installing import Installation
from psycopg.types.multirange import Multirange
from shop import DOCUMENTS, START, Shop, consenting

from tsunagu import access
from tsunagu.core import Body, Invalid, NewEvent, encode_body
from tsunagu.core.rules import parse_rule
from tsunagu.core.times import DAY, HOUR, MINUTE, day_number
from tsunagu.eventlog.lake_writer import flush_events
from tsunagu.profiles import State, encode_state, make_plan
from tsunagu.profiles.state import Counter
from tsunagu.runtime.database import open_database
from tsunagu.runtime.replay.compare import differences
from tsunagu.runtime.replay.models import STAGES, Replay
from tsunagu.runtime.replay.service import Replaying, replaying, stages_of
from tsunagu.runtime.settings import load_settings
from tsunagu.storage import Database, in_workspace

UTC = ZoneInfo("UTC")
NAMES = ("Order Completed", "Coupon Redeemed", "Page Seen")


def still(_done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def shop(database: Database, make_workspace: Callable[..., int]) -> Shop:
    shop = Shop(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    shop.publish(*DOCUMENTS)
    return shop


@contextmanager
def replays(database: Database, shop: Shop, lake: Path) -> Iterator[Replaying]:
    ((name,),) = shop.rows("select name from workspaces where workspace_id = %s", shop.workspace)
    with replaying(database, name, lake) as found:
        yield found


def live(shop: Shop, chance: random.Random, count: int, since: int) -> int:
    """Some customers' lives with merges, late facts, repeats and timers; the time at the end."""
    at = since
    for number in range(count):
        at += chance.randrange(3 * HOUR)
        user = f"u{chance.randrange(8)}"
        said = at - chance.choice((0, 0, 0, 5 * HOUR))
        message = f"{since} {number - chance.randrange(2)}"
        kind = chance.random()
        if kind < 0.2:
            body = Body(traits={"plan": chance.choice(["gold", "tin"]), "email": f"{user}@x.jp"})
            event = NewEvent(
                message, "identify", "", user, f"a{chance.randrange(12)}", said, "web",
                encode_body(body), known_at=at,
            )  # fmt: skip
        elif kind < 0.3:
            consenting(shop, user, at)
            continue
        else:
            anonymous = kind > 0.7
            event = NewEvent(
                message, "track", chance.choice(NAMES), None if anonymous else user,
                f"a{chance.randrange(12)}" if anonymous else None, said, "web",
                encode_body(Body(properties={"total": number})), known_at=at,
            )  # fmt: skip
        shop.append(event)
        if chance.random() < 0.1:
            shop.drain(at + MINUTE)
    shop.drain(at + HOUR)
    return at + HOUR


def to_lake(database: Database, shop: Shop, lake: Path) -> None:
    with database.connect("pipeline") as connection:
        while flush_events(connection, lake, shop.workspace):
            pass


PICTURES = {
    "profiles": "customer_id, traits, audiences, first_seen, last_seen, events, position, wake_at",
    "customers": "customer_id, first_kind, first_value, created_position, merged_into",
    "identifiers": "kind, value, customer_id, first_position",
    "identity_edges": "kind_a, value_a, kind_b, value_b, message_id, position",
    "audience_members": "audience, customer_id",
    "consents": "customer_id, channel, purpose, granted, at, position, evidence",
    "timeline": "customer_id, position, name",
    "enrolments": "enrolment_id, customer_id, status, node",
    "send_ledger": "send_id, customer_id, state",
}


def picture(shop: Shop) -> dict[str, list[Any]]:
    """Everything that a replay could change, and what it must not."""
    return {
        table: sorted(map(repr, shop.rows(f"select {columns} from {table}")))
        for table, columns in PICTURES.items()
    }


@pytest.mark.parametrize(("seed", "stages"), [(1, "identity"), (2, "profiles")])
def test_a_replay_without_new_rules_is_what_is_live(
    database: Database, shop: Shop, tmp_path: Path, seed: int, stages: str
) -> None:
    chance = random.Random(seed)
    at = live(shop, chance, 70, START)
    to_lake(database, shop, tmp_path)
    at = live(shop, chance, 40, at)
    before = picture(shop)
    with replays(database, shop, tmp_path) as desk:
        replay = desk.run(desk.begin(stages_of(stages), None, None), still)
        replay = desk.compare(replay, still)
        assert desk.samples(replay, 5) == []
        replay, changed = desk.swap(replay, still)
        assert changed == 0
        assert picture(shop) == before
        desk.drop(replay)
        assert desk.every() == []
    assert shop.rows("select count(*) from profiles") == [(len(before["profiles"]),)]


def test_what_no_window_reaches_any_more_is_no_difference() -> None:
    plan = make_plan({"new": parse_rule("did('Order Completed', within => '1 day') = 1")}, UTC)
    replay = Replay(1, 1, 2, STAGES, None, None, plan.key, "ready", Multirange(), 0, False)
    today = day_number(START, UTC)

    def differs(looked_at_live: int, day: int) -> bool:
        counted = Counter(1, START, START, {day: 1})
        made = State(counters={"Order Completed": counted}, now=START, events=1)
        held = State(
            counters={"Order Completed": Counter(1, START, START)}, now=looked_at_live, events=1
        )
        sides = ({7: encode_state(held)}, {7: encode_state(made)})
        return bool(list(differences(replay, plan, {7}, *sides, passing=False)))

    assert not differs(START + 30 * DAY, today)
    assert differs(START, today)
    assert differs(START + 30 * DAY, today + 30)


def spoil(database: Database, shop: Shop) -> None:
    """What an error in an earlier release may have left behind."""
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        cursor.execute(
            """
            delete from profiles where customer_id = (
                select customer_id from identifiers where kind = 'user_id' and value = 'u1'
            )
            """
        )
        cursor.execute("delete from audience_members")
        cursor.execute("update timeline set customer_id = 7 where name = 'Page Seen'")


def test_differences_are_told_swapped_in_and_undone(
    database: Database, shop: Shop, tmp_path: Path
) -> None:
    chance = random.Random(7)
    at = live(shop, chance, 60, START)
    to_lake(database, shop, tmp_path)
    right = picture(shop)
    spoil(database, shop)
    wrong = picture(shop)
    assert wrong != right
    with replays(database, shop, tmp_path) as desk:
        replay = desk.run(desk.begin(STAGES, None, None), still)
        with pytest.raises(Invalid, match="Compare it first"):
            desk.swap(replay, still)
        replay = desk.compare(replay, still)
        members = len(right["audience_members"])
        assert desk.counted(replay).keys() == {"only replayed", "lists"}
        assert desk.counted(replay)["only replayed"] == 1
        sent = shop.rows("select count(*) from outbox")
        replay, changed = desk.swap(replay, still)
        assert replay.state == "swapped"
        assert 1 < changed <= 1 + members
        mended = picture(shop)
        assert mended == right
        assert shop.rows("select count(*) from outbox") == sent

        # life goes on upon it, and the pipeline has forgotten what it remembered
        shop.tell("u1", "identify", at + HOUR, plan="steel")
        shop.drain(at + 2 * HOUR)
        ((plan, events),) = shop.rows(
            "select traits ->> 'plan', events from profiles as p where customer_id = ("
            "select customer_id from identifiers where kind = 'user_id' and value = 'u1')"
        )
        assert plan == "steel"
        assert events > 3

        replay, _ = desk.swap(replay, still)
        assert replay.state == "ready"
        undone = picture(shop)
        assert len([row for row in undone["timeline"] if row.startswith("(7, ")]) == len(
            [row for row in wrong["timeline"] if row.startswith("(7, ")]
        )
        ((events,),) = shop.rows(
            "select events from profiles as p where customer_id = ("
            "select customer_id from identifiers where kind = 'user_id' and value = 'u1')"
        )
        assert events == 1, "the old state had lost this customer; what came since is in it"


def test_a_period_is_compared_and_never_swapped_in(
    database: Database, shop: Shop, tmp_path: Path
) -> None:
    consenting(shop, "u1", START)
    shop.tell("u1", "identify", START + DAY, plan="gold")
    shop.drain(START + 2 * DAY)
    with replays(database, shop, tmp_path) as desk:
        replay = desk.run(desk.begin(STAGES, START + HOUR, None), still)
        replay = desk.compare(replay, still)
        assert set(desk.counted(replay)) == {"traits", "consents", "history"}
        (one,) = desk.samples(replay, 5)
        assert one.detail["email"]["replayed"] is None
        with pytest.raises(Invalid, match="a part of the log"):
            desk.swap(replay, still)
        with pytest.raises(Invalid, match="Insights are computed"):
            stages_of("profiles,insights")


def history(path: Path) -> Path:
    """What ten others did before, to be loaded from a file."""
    lines = [
        {"type": "track", "event": "Seen", "userId": f"v{number}", "messageId": f"h{number}"}
        for number in range(10)
    ]
    at = {"timestamp": "2017-01-01T00:00:00Z"}
    path.write_text("".join(json.dumps(line | at) + "\n" for line in lines))
    return path


def killed_at(home: Installation, place: str, *words: str) -> None:
    done = home.call("replay", *words, TSUNAGU_FAILPOINT=place)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_anywhere_nothing_has_changed_and_it_goes_on(open_folder: Path) -> None:
    home = Installation(open_folder / "home")
    assert home.call("migrate").returncode == 0
    with open_database(load_settings(home=home.home)) as database:
        with database.connect("app") as connection:
            workspace = access.workspace_by_name(connection, "main").id
        shop = Shop(database, workspace)
        shop.desk.driven = False
        for number in range(20):
            shop.tell(f"u{number}", "identify", START + number, plan="gold")
        shop.drain()
        loaded = home.call("load", str(history(open_folder / "history.ndjson")))
        assert "10 profiles written" in loaded.stdout, loaded.stderr
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            cursor.execute("delete from profiles")
        wrong = picture(shop)
        killed_at(home, "replay.folded", "start")
        assert picture(shop) == wrong
        started = home.call("replay", "start")
        assert started.returncode == 0, started.stderr
        assert "only replayed" in started.stdout
        assert home.call("replay", "show").stdout.count("identity,profiles,audiences") == 1
        killed_at(home, "replay.before_commit", "swap", "1")
        assert picture(shop) == wrong
        killed_at(home, "replay.after_commit", "swap", "1")
        assert len(picture(shop)["profiles"]) == 30
        assert "is swapped in" in home.call("replay", "swap", "1").stderr
        undone = home.call("replay", "undo", "1")
        assert "30 customers changed" in undone.stdout, undone.stderr
        assert picture(shop) == wrong
        assert home.call("replay", "drop", "1").returncode == 0
        assert "no replay 1" in home.call("replay", "compare", "1").stderr
