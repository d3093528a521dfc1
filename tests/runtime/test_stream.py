"""The stream: preparing ahead changes no outcome, and a competitor or a failure loses nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from shop import DOCUMENTS, START, Shop
from streams import streaming

from tsunagu import eventlog
from tsunagu.core import Body, Figures, NewEvent, encode_body
from tsunagu.core.times import DAY, HOUR
from tsunagu.runtime import pipeline, pipeline_loop, stream
from tsunagu.runtime.desk import Desk
from tsunagu.runtime.stream import Stream
from tsunagu.storage import Database, in_workspace

OUTCOMES = {
    "customers": """
        select c.first_kind, c.first_value, m.first_value
        from customers as c left join customers as m
            on m.workspace_id = c.workspace_id and m.customer_id = c.merged_into
        order by 1, 2
    """,
    "identifiers": """
        select i.kind, i.value, c.first_value from identifiers as i join customers as c
            using (workspace_id, customer_id) order by 1, 2
    """,
    "edges": """
        select kind_a, value_a, kind_b, value_b, message_id from identity_edges
        order by 1, 2, 3, 4
    """,
    "profiles": """
        select c.first_value, p.traits, p.audiences, p.events, p.wake_at
        from profiles as p join customers as c using (workspace_id, customer_id) order by 1
    """,
    "enrolments": """
        select c.first_value, e.node, e.status, e.entered_at, e.steps, e.end_reason, e.wake_at
        from enrolments as e join customers as c using (workspace_id, customer_id) order by 1, 4
    """,
    "sends": """
        select c.first_value, s.message, s.decided_at
        from send_ledger as s join customers as c using (workspace_id, customer_id) order by 1, 3
    """,
    "members": """
        select c.first_value, m.audience, m.entered_at
        from audience_members as m join customers as c using (workspace_id, customer_id)
        order by 1, 2
    """,
    "timeline": """
        select c.first_value, t.name, t.at, count(*)
        from timeline as t join customers as c using (workspace_id, customer_id)
        group by 1, 2, 3 order by 1, 3, 2
    """,
}


def history(seed: int, length: int) -> list[NewEvent]:
    """Some days of a shop whose customers sign in late, repeat themselves and answer."""
    chance = random.Random(seed)
    told: list[NewEvent] = []
    now = START
    for number in range(length):
        now += chance.choice((0, 1, 7)) * HOUR // 2
        person = chance.randrange(9)
        user, device = f"u{person}", f"d{chance.choice((person, person, person + 1))}"
        message = f"m{chance.randrange(number + 1) if chance.random() < 0.1 else number}"
        name = chance.choice(["Order Completed"] * 5 + ["Coupon Redeemed", "Consent Given"])
        kind, body = "track", Body(properties={"channel": "email", "purpose": "marketing"})
        if chance.random() < 0.2:
            kind, name, body = "identify", "", Body(traits={"email": f"{user}@example.com"})
        known = chance.random()
        ids = (user, device) if known < 0.4 else ((user, None) if known < 0.7 else (None, device))
        at = now - chance.choice((0, 0, 3)) * HOUR
        told.append(
            NewEvent(message, kind, name, *ids, at, "shop", encode_body(body), known_at=now)
        )
    return told


def outcome(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    return {name: shop.rows(query) for name, query in OUTCOMES.items()}


def stream_all(flow: Stream, shop: Shop) -> int:
    """Until nothing is left; how many batches it took."""
    batches, more = 0, True
    while more:
        for report in flow.turn(shop.desk):
            batches += 1
            more = report.more
    return batches


@pytest.fixture
def make_shop(database: Database, make_workspace: Callable[..., int]) -> Callable[[], Shop]:
    def make() -> Shop:
        shop = Shop(database, make_workspace(clock="driven", clock_now=START + 30 * DAY))
        shop.publish(*DOCUMENTS)
        return shop

    return make


def _slowly(*given: Any) -> Any:
    """Store so late that the next batch is prepared from a snapshot without this one."""
    time.sleep(0.015)
    return pipeline.store(*given)


@pytest.mark.parametrize("seed", range(6))
def test_small_batches_in_flight_give_what_one_large_batch_gives(
    seed: int,
    make_shop: Callable[[], Shop],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, cut = make_shop(), make_shop()
    for shop in (whole, cut):
        shop.append(*history(seed, 120))
    whole.drain()
    monkeypatch.setattr(stream, "BATCH", 3 + seed)
    monkeypatch.setattr(stream, "TIMERS", 2 + seed)
    monkeypatch.setattr(stream, "store", _slowly)
    with streaming(database) as flow:
        assert stream_all(flow, cut) > 120 // (3 + seed)
    assert outcome(cut) == outcome(whole)
    assert whole.rows("select count(*) from left_out where workspace_id = %s", whole.workspace) == (
        whole.rows("select count(*) from left_out where workspace_id = %s", cut.workspace)
    )


def test_two_pipelines_take_turns_and_nothing_happens_twice(
    make_shop: Callable[[], Shop], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, shared = make_shop(), make_shop()
    for shop in (whole, shared):
        shop.append(*history(42, 150))
    whole.drain()
    monkeypatch.setattr(stream, "BATCH", 4)
    stop = threading.Event()
    workers = [
        threading.Thread(target=pipeline_loop.run, args=(database, Figures(), stop))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    try:
        until = time.monotonic() + 60
        while not _drained(database, shared.workspace) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stop.set()
        for worker in workers:
            worker.join(30)
    assert outcome(shared) == outcome(whole)


def _drained(database: Database, workspace: int) -> bool:
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        return eventlog.drained(cursor, workspace)


def test_a_batch_prepared_on_one_that_fails_is_thrown_away(
    make_shop: Callable[[], Shop], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, hurt = make_shop(), make_shop()
    for shop in (whole, hurt):
        shop.append(*history(7, 90))
    whole.drain()
    monkeypatch.setattr(stream, "BATCH", 5)
    stored, failing = stream.store, iter([False, False, True, False])

    def store(*given: Any) -> Any:
        if next(failing, False):
            raise RuntimeError("the disk hiccups")
        return stored(*given)

    monkeypatch.setattr(stream, "store", store)
    with streaming(database) as flow:
        with pytest.raises(RuntimeError):
            stream_all(flow, hurt)
        assert hurt.desk.flight is None
        hurt.desk.forget()
        stream_all(flow, hurt)
    assert outcome(hurt) == outcome(whole)


def test_rules_that_are_published_meanwhile_are_adopted_once_the_flight_has_landed(
    make_shop: Callable[[], Shop], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop()
    shop.append(*history(3, 60))
    monkeypatch.setattr(stream, "BATCH", 10)
    document = {"title": {"en": "Everybody"}, "rule": "did('Order Completed') >= 1"}
    with streaming(database) as flow:
        turn = flow.turn(shop.desk)
        next(turn)
        shop.publish(("audience", "everybody", document))
        list(turn)
        stream_all(flow, shop)
    members = shop.rows("select count(*) from audience_members where audience = 'everybody'")
    buyers = shop.rows(
        "select count(distinct customer_id) from timeline where name = 'Order Completed'"
    )
    assert members == buyers


def test_a_lease_that_moved_is_refused(make_shop: Callable[[], Shop], database: Database) -> None:
    shop = make_shop()
    shop.tell("u1", "Order Completed", START)
    rival = Desk(shop.workspace, "UTC", driven=True)
    with database.connect("pipeline") as connection:
        prepared = pipeline.prepare(connection, shop.desk, 10, 10)
        pipeline.process_batch(connection, rival, 10, 10)
        with pytest.raises(pipeline.Overtaken):
            pipeline.store(connection, shop.workspace, prepared)
    assert shop.rows("select events from profiles") == [(1,)]
