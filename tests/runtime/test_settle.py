"""After a restore: what may have been sent since is unknown, and is never sent by itself."""

from __future__ import annotations

from collections.abc import Callable

from shop import DOCUMENTS, START, Shop, consenting

from tsunagu.core.times import DAY, HOUR
from tsunagu.sending import settle
from tsunagu.storage import Database, in_workspace


def test_messages_that_wait_end_as_unknown_by_when_they_were_decided(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    shop = Shop(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    shop.publish(*DOCUMENTS)
    for user, at in (("u1", START), ("u2", START + DAY)):
        consenting(shop, user, at)
        shop.tell(user, "Order Completed", at + HOUR)
        shop.tell(user, "Order Completed", at + 2 * HOUR)
        shop.drain()
    assert shop.rows("select count(*) from outbox") == [(2,)]

    def settled(before: int | None) -> int:
        with (
            database.connect("pipeline") as connection,
            in_workspace(connection, shop.workspace) as cursor,
        ):
            return settle(cursor, shop.workspace, before=before)

    assert settled(START) == 0
    assert settled(START + DAY) == 1
    states = "select state, reason from send_ledger order by decided_at"
    assert shop.rows(states) == [("unknown", "restored"), ("queued", None)]
    assert settled(None) == 1
    assert shop.rows("select count(*) from outbox") == [(0,)]
    shop.drain()
    told = "select count(*) from timeline where name = 'Message Delivery Unknown'"
    assert shop.rows(told) == [(2,)]
