"""What came in lately, for the data room: a log, a tracking plan, what violates it."""

from __future__ import annotations

from typing import Any

from tsunagu import access, eventlog
from tsunagu.collect import plan
from tsunagu.core import Body, Event, NewEvent, decode_body, encode_body
from tsunagu.core.times import SECOND, wall
from tsunagu.serve.letters import plan_book
from tsunagu.storage import Database, in_workspace

ORDER: dict[str, Any] = {
    "event": "Order Completed",
    "title": {"ja": "注文完了", "en": "Order completed"},
    "owner": "Web team",
    "mode": "block",
    "schema": {
        "type": "object",
        "required": ["order_id", "total"],
        "properties": {
            "order_id": {"type": "string"},
            "total": {"type": "number"},
            "currency": {"enum": ["JPY", "USD"]},
            "email": {"type": "string", "format": "email", "x-personal": True},
            "products": {
                "type": "array",
                "items": {"type": "object", "properties": {"sku": {"type": "string"}}},
            },
        },
    },
}
VIEW: dict[str, Any] = {
    "event": "Product Viewed",
    "title": {"ja": "商品閲覧", "en": "Product viewed"},
    "schema": {"type": "object", "properties": {"sku": {"type": "string"}}},
}
DOCUMENTS = [
    ("tracking-plan", "plan", {"mode": "flag", "unknown_properties": "flag"}),
    ("event-schema", "order-completed", ORDER),
    ("event-schema", "product-viewed", VIEW),
]


def _events() -> list[NewEvent]:
    told: list[tuple[str, dict[str, Any]]] = []
    for number in range(12):
        told.append(("Product Viewed", {"sku": f"S-{number}", "colour": "blue"}))
        told.append(("Product Viewed", {"sku": f"S-{number}"}))
        total: Any = f"{number}00円" if number % 4 == 0 else number * 100
        told.append(("Order Completed", {"order_id": f"O-{number}", "total": total}))
    told.append(("Ordr Completed", {"order_id": "O-99"}))
    told += [("Newsletter Opened", {"issue": 3 + n}) for n in range(4)]
    return [
        NewEvent(
            f"live-{number}",
            "track",
            name,
            f"household-{number % 9}",
            None,
            wall() - (60 - number) * SECOND,
            "pos" if number % 3 == 0 else "web",
            encode_body(Body(properties)),
        )
        for number, (name, properties) in enumerate(told)
    ]


def seed_data(database: Database, workspace_id: int) -> None:
    """Put events into the log and let the plan say of them what it says."""
    with database.connect("app") as connection, in_workspace(connection, workspace_id) as cursor:
        for kind, name, document in DOCUMENTS:
            access.publish(cursor, workspace_id, kind, name, document, "hana")
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace_id) as cursor,
    ):
        eventlog.append(cursor, workspace_id, _events(), received_at=wall(), now=None)
        rows = cursor.execute(
            """
            select position, (date_part('epoch', received_at) * 1000000)::bigint,
                (date_part('epoch', known_at) * 1000000)::bigint, message_id, type, name,
                user_id, anonymous_id, (date_part('epoch', at) * 1000000)::bigint, source,
                convert_to(body, 'UTF8')
            from inbox where workspace_id = %s order by position
            """,
            (workspace_id,),
        ).fetchall()
        events = [Event(*row) for row in rows]
        book = plan_book(cursor, workspace_id)
        assert book is not None
        bodies = [decode_body(event.body) for event in events]
        checked = plan.check(book, events, bodies)
        plan.store_checked(cursor, workspace_id, checked, events)
