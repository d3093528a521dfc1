"""Two customers are made one, kept apart, parted again: everything derived from them follows."""

from __future__ import annotations

import inspect
import os
import random
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from shop import DOCUMENTS, START, Shop

from tsunagu import access, identity, profiles
from tsunagu.core import Body, Invalid, NewEvent, NotFound, encode_body
from tsunagu.core.events import DECISION_SOURCE as SOURCE
from tsunagu.core.times import DAY, HOUR
from tsunagu.identity import Identifier
from tsunagu.profiles import surviving_customer
from tsunagu.runtime.replay.models import STAGES
from tsunagu.runtime.replay.service import replaying
from tsunagu.serve import identity as deciding
from tsunagu.storage import Database, in_workspace

Make = Callable[..., int]
U1, U2, U3 = ("user_id", "u1"), ("user_id", "u2"), ("user_id", "u3")


class Deciders(Shop):
    """A shop in which people decide who is one person."""

    def __init__(self, database: Database, workspace: int) -> None:
        super().__init__(database, workspace)
        self.database = database

    def merge(self, a: Identifier, b: Identifier, reason: str = "operator") -> None:
        self._enter(lambda c: deciding.merge(c, self.workspace, a, b, "Mari", reason))

    def part(self, *leaving: Identifier) -> None:
        self._enter(lambda c: deciding.part(c, self.workspace, leaving, "Mari", "operator"))

    def keep_apart(self, a: Identifier, b: Identifier) -> None:
        self._enter(lambda c: deciding.keep_apart(c, self.workspace, a, b, "Mari", "operator"))

    def _enter(self, decide: Callable[[Any], str]) -> None:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            decide(cursor)

    def say(self, at: int, user: str | None, device: str | None = None, **properties: Any) -> None:
        name = properties.pop("name", "Order Completed")
        self._said += 1
        body = encode_body(Body(properties=properties))
        self.append(NewEvent(f"m{self._said}", "track", name, user, device, at, "shop", body, at))

    def people(self) -> dict[tuple[str, ...], Any]:
        """Everybody by their identifiers: what they are, and what follows from it."""
        told = self.rows(
            """
            select
                (select array_agg(i.value order by i.value) from identifiers as i
                 where i.customer_id = p.customer_id),
                p.traits, p.events, p.first_seen, p.last_seen, p.audiences,
                (select array_agg(c.channel || c.purpose || c.granted order by c.channel)
                 from consents as c where c.customer_id = p.customer_id),
                (select array_agg(m.audience order by m.audience) from audience_members as m
                 where m.customer_id = p.customer_id)
            from profiles as p
            """
        )
        return {tuple(row[0]): row[1:] for row in told}

    def resolved(self, customer: int) -> int | None:
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return surviving_customer(cursor, self.workspace, customer)


@pytest.fixture
def shop(database: Database, make_workspace: Make) -> Deciders:
    return two(database, make_workspace)


def two(database: Database, make_workspace: Make) -> Deciders:
    """A shop with two customers: one bought and consented, the other said no."""
    shop = Deciders(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    shop.publish(*DOCUMENTS)
    shop.tell("u1", "identify", START, email="u1@example.com", city="Kyoto")
    shop.tell("u1", "Consent Given", START, channel="email", purpose="marketing")
    shop.tell("u2", "identify", START + HOUR, email="u2@example.com", phone="0312340000")
    shop.tell("u2", "Consent Withdrawn", START + HOUR, channel="email", purpose="marketing")
    shop.tell("u1", "Order Completed", START + 2 * HOUR, total=10)
    shop.tell("u2", "Order Completed", START + 3 * HOUR, total=20)
    shop.drain()
    return shop


def test_two_become_one_and_the_stricter_consent_holds(shop: Deciders) -> None:
    ids = [row[0] for row in shop.rows("select customer_id from customers")]
    shop.merge(U1, U2)
    shop.drain()
    ((held, told),) = shop.people().items()
    assert {"u1", "u2"} < set(held)
    traits, events, *_, audiences, consents, members = told
    assert traits["city"] == "Kyoto"
    assert events == 6
    assert consents == ["emailmarketingfalse"]
    assert audiences == members == ["regulars"]
    assert len({shop.resolved(one) for one in ids}) == 1
    assert shop.rows("select kind, decided_by from identity_edges where kind <> 'observed'") == [
        ("operator", "Mari")
    ]
    with pytest.raises(Invalid, match="one customer already"):
        shop.merge(U1, U2)
    with pytest.raises(NotFound, match="Nobody has"):
        shop.merge(U1, U3)


def test_parted_again_both_are_what_they_would_have_been(
    shop: Deciders, database: Database, make_workspace: Make
) -> None:
    ids = {row[0]: row[1] for row in shop.rows("select first_value, customer_id from customers")}
    shop.merge(U1, U2)
    shop.drain()
    shop.part(*(one for one in held_by(shop, U2) if one[1] in ("u2", "u2@example.com")))
    shop.drain()
    apart = two(database, make_workspace)
    before = shop.people()
    phone = next(key for key in before if "u1" in key)
    assert any("+81" in value for value in phone)  # the phone number was not named, so it stayed
    for mine, other in ((phone, "u1"), (("u2", "u2@example.com"), "u2")):
        theirs = next(told for key, told in apart.people().items() if other in key)
        assert before[mine][0] == theirs[0]
        assert before[mine][1:4] == theirs[1:4]
        assert before[mine][4] == theirs[4] == []
    assert {told[5][0] for told in before.values()} == {"emailmarketingfalse"}
    assert shop.resolved(ids["u1"]) == ids["u1"]
    assert shop.resolved(ids["u2"]) == ids["u2"]
    rows = shop.rows(
        "select customer_id, count(*) from timeline where type = 'identify' group by 1"
    )
    assert sorted(rows) == sorted((one, 1) for one in ids.values())


@pytest.mark.parametrize("place", ["pipeline.before_decision", "pipeline.after_commit"])
def test_a_kill_around_a_parting_repeats_it_whole_and_once(
    database: Database, make_workspace: Make, tmp_path: Path, place: str
) -> None:
    shop, undisturbed = two(database, make_workspace), two(database, make_workspace)
    for one in (shop, undisturbed):
        one.merge(U1, U2)
        one.drain()
        one.part(*(held for held in held_by(one, U2) if held[1].startswith("u2")))
        one.say(START + DAY, "u2", total=3)
    before = shop.people()
    process = get_context("fork").Process(target=_drain_until, args=(shop, place, str(tmp_path)))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    if place == "pipeline.before_decision":
        assert shop.people() == before  # nothing of it was stored
    shop.desk.forget()
    shop.drain()
    undisturbed.drain()
    told = {key: one[1:] for key, one in shop.people().items()}  # without the customers' ids
    assert told == {key: one[1:] for key, one in undisturbed.people().items()}


def _drain_until(shop: Deciders, place: str, folder: str) -> None:
    os.environ["TSUNAGU_FAILPOINT"] = place
    os.environ["TSUNAGU_FAILPOINT_ONCE"] = folder
    shop.drain()


def test_parted_people_stay_apart_until_somebody_decides(shop: Deciders) -> None:
    shop.merge(U1, U2)
    shop.drain()
    shop.part(*(one for one in held_by(shop, U2) if one[1].startswith(("u2", "+81"))))
    shop.drain()
    shop.say(START + DAY, "u1", "tablet")
    shop.say(START + DAY, None, "tablet")
    shop.tell("u1", "identify", START + DAY, email="u2@example.com")
    shop.drain()
    assert len(shop.people()) == 2
    shop.merge(U1, U2)
    shop.drain()
    assert len(shop.people()) == 1
    assert shop.rows("select count(*) from identity_apart") == [(0,)]


def test_kept_apart_no_device_joins_them_and_no_model(shop: Deciders) -> None:
    shop.say(START + 4 * HOUR, None, "phone-1")
    shop.say(START + 4 * HOUR, None, "phone-2")
    shop.drain()
    first, second = ("anonymous_id", "phone-1"), ("anonymous_id", "phone-2")
    shop.keep_apart(first, second)
    shop.append(
        NewEvent(
            "joins",
            "alias",
            "",
            None,
            "phone-1",
            START + 5 * HOUR,
            "shop",
            encode_body(Body(previous_id="phone-2")),
            START + 5 * HOUR,
        )
    )
    shop.merge(first, second, "model")
    shop.drain()
    assert owner(shop, first) != owner(shop, second)
    shop.merge(first, second)
    shop.drain()
    assert owner(shop, first) == owner(shop, second)


def test_a_long_row_of_decisions_is_worked_off(shop: Deciders) -> None:
    told = identity.as_properties(
        identity.Decision("Identity Kept Apart", (U1,), U2, "Mari", "review")
    )
    at, body = START + 4 * HOUR, encode_body(Body(properties=told))
    rows = [
        NewEvent(f"d{n}", "track", "Identity Kept Apart", None, None, at, SOURCE, body, at)
        for n in range(200)
    ]
    shop.append(*rows)
    deep = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        shop.drain()
    finally:
        sys.setrecursionlimit(deep)
    assert shop.rows("select count(*) from identity_apart") == [(1,)]


def test_nobody_outside_can_decide(shop: Deciders) -> None:
    told = identity.as_properties(
        identity.Decision("Identity Merged", (U1,), U2, "Mallory", "operator")
    )
    at = START + DAY
    body = encode_body(Body(properties=told))
    shop.append(NewEvent("forged", "track", "Identity Merged", "u3", None, at, "shop", body, at))
    shop.drain()
    assert len(shop.people()) == 3
    with (
        shop.database.connect("app") as connection,
        pytest.raises(Invalid, match="the platform's own"),
    ):
        access.create_key(connection, shop.workspace, "write", "x", "tsunagu/identity")


def test_a_parting_that_fails_changes_nothing_and_is_done_again(
    shop: Deciders, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.merge(U1, U2)
    shop.drain()
    whole = shop.people()
    shop.part(U2)
    part_consents, seen = profiles.part_consents, []

    def fails_once(*told: Any) -> None:
        part_consents(*told)
        if not seen:
            seen.append(shop.people())
            raise RuntimeError("the power went")

    monkeypatch.setattr(profiles, "part_consents", fails_once)
    shop.drain()
    assert seen == [whole]
    assert len(shop.people()) == 2


@pytest.mark.parametrize("seed", range(6))
def test_a_rebuild_of_the_log_gives_the_same_people(
    database: Database, make_workspace: Make, seed: int
) -> None:
    chance = random.Random(seed)
    live = Deciders(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    live.publish(*DOCUMENTS)
    given: set[int] = set()
    for step in range(30):
        wander(live, chance, START + step * HOUR)
        if chance.random() < 0.5:
            live.drain()
            given |= {row[0] for row in live.rows("select customer_id from customers")}
            assert all(live.resolved(one) is not None for one in given)
    live.drain()
    again = Deciders(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    again.publish(*DOCUMENTS)
    log = live.rows(
        """
        select message_id, type, name, user_id, anonymous_id,
            (date_part('epoch', at) * 1000000)::bigint, source, convert_to(body, 'UTF8')
        from inbox where workspace_id = %s and source <> 'tsunagu' order by position
        """,
        live.workspace,
    )
    again.append(*(NewEvent(*row[:7], bytes(row[7]), row[5]) for row in log))
    again.drain()
    assert again.people() == live.people()


def wander(shop: Deciders, chance: random.Random, at: int) -> None:
    """Something happens, or somebody decides."""
    user = f"u{chance.randrange(5)}"
    match chance.randrange(6):
        case 0:
            shop.tell(user, "identify", at, email=f"{user}@example.com", n=chance.randrange(9))
        case 1:
            said = chance.choice(("Consent Given", "Consent Withdrawn"))
            shop.tell(user, said, at, channel="email", purpose="marketing")
        case 2:
            shop.say(at, user, f"d{chance.randrange(4)}", total=1)
        case 3:
            shop.say(at, None, f"d{chance.randrange(4)}", total=1)
        case kind:
            shop.drain()
            held = shop.rows("select kind, value from identifiers order by kind, value")
            if len(held) < 2:
                return
            a, b = chance.sample(held, 2)
            decide(shop, kind, chance, a, b)


def decide(shop: Deciders, kind: int, chance: random.Random, a: Identifier, b: Identifier) -> None:
    same = owner(shop, a) == owner(shop, b)
    if kind == 4 and not same:
        shop.merge(a, b)
    elif not same:
        shop.keep_apart(a, b)
    else:
        others = [one for one in held_by(shop, a) if one not in (a, b)]
        shop.part(a, *(one for one in others if chance.random() < 0.5))


def owner(shop: Deciders, identifier: Identifier) -> int:
    ((found,),) = shop.rows(
        "select customer_id from identifiers where kind = %s and value = %s", *identifier
    )
    return found


def held_by(shop: Deciders, identifier: Identifier) -> list[Identifier]:
    return shop.rows(
        "select kind, value from identifiers where customer_id = %s", owner(shop, identifier)
    )


def replayed(shop: Deciders, folder: Path) -> None:
    """Fold the whole log anew, compare and swap in."""
    ((name,),) = shop.rows("select name from workspaces where workspace_id = %s", shop.workspace)
    with replaying(shop.database, name, folder) as replays:
        replay = replays.begin(STAGES, None, None)
        replay = replays.run(replay, lambda _done, _total: None)
        replay = replays.compare(replay, lambda _done, _total: None)
        assert replays.counted(replay) == {}
        replays.swap(replay, lambda _done, _total: None)


def test_a_replay_merges_and_keeps_apart_as_was_decided(shop: Deciders, tmp_path: Path) -> None:
    shop.tell("u3", "identify", START + 4 * HOUR, phone="0312340000")
    shop.drain()
    shop.keep_apart(U1, U3)
    shop.merge(U1, U2)
    shop.drain()
    shop.tell("u3", "Order Completed", START + 5 * HOUR, total=5)
    shop.tell("u2", "Order Completed", START + 6 * HOUR, total=6)
    shop.drain()
    before, kept = shop.people(), shop.rows("select * from identity_apart")
    assert len(kept) == 1
    replayed(shop, tmp_path)
    assert shop.people() == before
    assert shop.rows("select * from identity_apart") == kept
    with pytest.raises(Invalid, match="part that customer"):
        shop.keep_apart(U1, U2)


def test_a_replay_that_knows_no_parting_is_not_swapped_in(shop: Deciders, tmp_path: Path) -> None:
    shop.merge(U1, U2)
    shop.drain()
    shop.part(*(held for held in held_by(shop, U2) if held[1].startswith("u2")))
    shop.drain()
    ((name,),) = shop.rows("select name from workspaces where workspace_id = %s", shop.workspace)
    with replaying(shop.database, name, tmp_path) as replays:
        replay = replays.begin(STAGES, None, None)
        replay = replays.run(replay, lambda _done, _total: None)
        replay = replays.compare(replay, lambda _done, _total: None)
        with pytest.raises(Invalid, match="parted in two"):
            replays.swap(replay, lambda _done, _total: None)
