"""A customer who got a real mail, and public pages that really listen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from visiting import JOURNEY, SECRET, SENDER, Customer, archive_mail, free_port

from tsunagu import eventlog
from tsunagu.content import Message
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import wall
from tsunagu.public import run
from tsunagu.runtime.demo.library import demo_library
from tsunagu.runtime.desk import Desk
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace


@pytest.fixture
def make_customer(
    database: Database, make_workspace: Callable[..., int]
) -> Callable[..., Customer]:
    """Makes a customer who was sent the coupon reminder; takes traits and the purpose."""

    def make(*, purpose: str = "marketing", **traits: Any) -> Customer:
        workspace = make_workspace()
        customer = Customer(database, workspace, Desk(workspace, "UTC"))
        message = demo_library()["message", "coupon_reminder"] | {"purpose": purpose}
        audience = {"title": {"en": "All"}, "rule": "email is not null"}
        told = {"email": "ken@customer.example", "first_name": "Ken", "last_name": "山田", **traits}
        consent = {"channel": "email", "purpose": purpose}
        with (
            database.connect("app") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            for kind, name, document in (
                ("message", "coupon_reminder", message),
                ("audience", "coupons_unused", audience),
                ("journey", "coupon_reminder", JOURNEY),
            ):
                publish_document(cursor, workspace, kind, name, document, "tester")
        events = [
            ("track", "Consent Given", Body(properties=consent)),
            ("identify", "", Body(traits=told)),
        ]
        with (
            database.connect("ingest") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            rows = [
                NewEvent(f"m{i}", kind, name, "ken", None, wall(), "shop", encode_body(body))
                for i, (kind, name, body) in enumerate(events)
            ]
            eventlog.append(cursor, workspace, rows, received_at=wall(), now=None)
        customer.digest()
        archive_mail(customer, Message.model_validate(message), told)
        return customer

    return make


@pytest.fixture
def customer(make_customer: Callable[..., Customer]) -> Customer:
    return make_customer(language="en")


def _serve(database: Database) -> Iterator[httpx.Client]:
    port, stop = free_port(), Event()
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "public_url": "http://mail.test",
        "secret": SECRET,
        "sender": SENDER,
        "stop": stop,
    }
    thread = Thread(target=run, args=(database,), kwargs=options)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    client.get("/robots.txt")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield client
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def site(database: Database) -> Iterator[httpx.Client]:
    """A client of public pages that listen."""
    yield from _serve(database)


@pytest.fixture(scope="session")
def site_without_database() -> Iterator[httpx.Client]:
    """The same, while the database is down."""
    yield from _serve(Database("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1"))
