"""Bench `loop`: events in over HTTP, through the whole pipeline, mails out over SMTP.

200,000 profiles, 10 audiences and a journey; then two minutes of events at more than the bar,
then mails from trigger to hand-over at 10 and at 500 triggers a second. `--size` scales the
profiles, and with them the durations.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from tsunagu import access, eventlog
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import wall
from tsunagu.runtime.bench.installation import Installation, installation
from tsunagu.runtime.bench.load import TRIGGER, Load, run_load
from tsunagu.runtime.bench.measures import Measure, quantile
from tsunagu.serve import definitions
from tsunagu.storage import in_workspace

PROFILES = 200_000
RATE = 15_500
BAR = 15_000
SECONDS = 120
BATCH = 500
SOURCE = "bench"

RULES = {
    "regulars": "did('Order Completed', within => '30 days') >= 2",
    "spenders": "total('Order Completed', 'total', within => '90 days') > 200",
    "browsers": "did('Product Viewed', within => '7 days') >= 5",
    "undecided": "did('Product Viewed', within => '24 hours') >= 3"
    " and did('Order Completed', within => '24 hours') = 0",
    "buyers-in-japan": "country = 'JP' and did('Order Completed') >= 1",
    "japanese-carts": "language = 'ja' and did('Cart Updated', within => '3 days') >= 1",
    "lapsed": "last_time('Order Completed') < '2026-01-01'",
    "clickers": "did('Email Link Clicked', within => '30 days') >= 1",
    "best": "vip = true or total('Order Completed', 'total') > 1000",
    "abandoners": f"did('{TRIGGER}', within => '1 day') >= 1",
}
MESSAGE = {
    "title": {"en": "Your cart"},
    "channel": "email",
    "purpose": "marketing",
    "languages": {
        "en": {
            "subject": "{{ customer.name | default('Hello') }}, your cart is waiting",
            "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>"
            "Dear {{ customer.name | default('customer') }}, "
            '<a href="https://shop.example/cart">your cart</a> is waiting. '
            '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'
            "</mj-text></mj-column></mj-section></mj-body></mjml>",
            "text": "Dear {{ customer.name | default('customer') }}, your cart is waiting. "
            "{{ unsubscribe_url }}",
        }
    },
}
JOURNEY = {
    "title": {"en": "Abandoned cart"},
    "entry": {"audience": "abandoners"},
    "start": "remind",
    "nodes": {
        "remind": {"kind": "send", "message": "cart", "next": "wait"},
        "wait": {
            "kind": "wait",
            "event": "Order Completed",
            "within": "2 days",
            "then": "done",
            "otherwise": "done",
        },
        "done": {"kind": "end"},
    },
    "goal": {"event": "Order Completed", "within": "7 days"},
}


@dataclass
class _Site:
    """The installation with its workspace and key, and how far the pipeline had come when."""

    made: Installation
    workspace: int
    key: str
    steps: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def load(self, name: str, *, rate: float, seconds: float, **options: Any) -> Load:
        """A load on this site."""
        settings = self.made.settings
        given: dict[str, Any] = {"batch": BATCH, "trigger": 0.0} | options
        return Load(
            settings.host, settings.collect_port, self.key, seconds, rate, name=name, **given
        )

    def connect(self) -> Connection[Any]:
        """A connection that may read everything of the pipeline."""
        return self.made.database.connect("pipeline")


def measure(size: int | None) -> Iterator[Measure]:
    """The figures of the loop; `size` is the number of profiles."""
    profiles = size or PROFILES
    share = min(1.0, profiles / PROFILES)
    with installation("loop") as made:
        site = _prepare(made)
        yield Measure("loop.profiles", profiles, "profiles")
        yield Measure("loop.first_profiles", _fill(site, profiles), "events/s")
        yield from _sustained(site, profiles, max(5.0, SECONDS * share))
        # Each trigger needs a customer who has not triggered before.
        yield from _latency(site, 10, max(5.0, 60 * share), profiles // 4, 0.1)
        yield from _latency(site, 500, max(3.0, 30 * share), profiles // 2, 1.0)
        yield Measure(
            "loop.copy_limit", _copy_limit(site, max(20_000, int(500_000 * share))), "events/s"
        )
        yield Measure("loop.peak_memory", made.peak_bytes / 2**20, "MiB")


def _prepare(made: Installation) -> _Site:
    with made.database.connect("app") as connection:
        workspace = access.create_workspace(connection, "bench", zone="Asia/Tokyo")
        key = access.create_key(connection, workspace, "write", "bench", SOURCE)
        with in_workspace(connection, workspace) as cursor:
            for name, rule in RULES.items():
                document = {"title": {"en": name}, "rule": rule}
                definitions.publish_document(cursor, workspace, "audience", name, document, SOURCE)
            definitions.publish_document(cursor, workspace, "message", "cart", MESSAGE, SOURCE)
            definitions.publish_document(cursor, workspace, "journey", "cart", JOURNEY, SOURCE)
    return _Site(made, workspace, key)


def _fill(site: _Site, profiles: int) -> float:
    """Make the profiles, each with a consent; how many events a second became profiles."""
    began = time.monotonic()
    with site.connect() as connection:
        for first in range(0, profiles, 5_000):
            events = [
                event
                for number in range(first, min(first + 5_000, profiles))
                for event in _person(number)
            ]
            with in_workspace(connection, site.workspace) as cursor:
                eventlog.append(cursor, site.workspace, events, received_at=wall(), now=None)
        _until_drained(site, connection, 600)
    return 2 * profiles / (time.monotonic() - began)


def _person(number: int) -> list[NewEvent]:
    traits = {
        "name": f"Customer {number}",
        "email": f"u{number}@example.com",
        "country": "JP" if number % 3 else "US",
        "language": "ja" if number % 3 else "en",
        "timezone": "Asia/Tokyo",
        "vip": number % 100 == 0,
    }
    consent = {"channel": "email", "purpose": "marketing"}
    said = (
        ("identify", "", Body(traits=traits)),
        ("track", "Consent Given", Body(properties=consent)),
    )
    return [
        NewEvent(
            f"{kind}-{number}", kind, name, f"u{number}", None, None, SOURCE, encode_body(body)
        )
        for kind, name, body in said
    ]


def _until_drained(site: _Site, connection: Connection[Any], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with in_workspace(connection, site.workspace) as cursor:
            if eventlog.drained(cursor, site.workspace):
                return
        time.sleep(0.02)
    raise TimeoutError(f"The pipeline did not catch up within {seconds:.0f} s.")


def _sustained(site: _Site, profiles: int, seconds: float) -> Iterator[Measure]:
    end = threading.Event()
    watcher = threading.Thread(target=_watch_steps, args=(site, end), daemon=True)
    watcher.start()
    began = time.monotonic()
    load = site.load(
        "steady", rate=RATE, seconds=seconds, customers=profiles, trigger=0.001, fresh=0
    )
    posted = run_load(load)
    with site.connect() as connection:
        _until_drained(site, connection, seconds * 3 + 60)
        took = time.monotonic() - began
        time.sleep(0.2)
        end.set()
        watcher.join()
        lags = _lags(site, connection)
    yield Measure("loop.events", posted.events / took, "events/s", bar=BAR)
    yield Measure("loop.refused", posted.refused, "events", bar=0, below=True)
    yield Measure("loop.lag_p50", quantile(lags, 0.5), "s")
    yield Measure("loop.lag_p99", quantile(lags, 0.99), "s", bar=2.0, below=True)
    yield Measure("loop.load_share", posted.cpu_seconds / posted.seconds, "cores")


def _watch_steps(site: _Site, end: threading.Event) -> None:
    """Note each position the pipeline has committed, and when."""
    query = """
        select position, (date_part('epoch', updated_at) * 1000000)::bigint
        from cursors where workspace_id = %s and consumer = 'pipeline'
    """
    with site.connect() as connection:
        connection.execute("listen tsunagu_done")
        while not end.is_set():
            list(connection.notifies(timeout=0.1, stop_after=1))
            with in_workspace(connection, site.workspace) as cursor:
                row = cursor.execute(query, (site.workspace,)).fetchone()
            if row is not None and (not site.steps or site.steps[-1][0] != row[0]):
                site.steps.append((row[0], row[1]))


def _lags(site: _Site, connection: Connection[Any]) -> list[float]:
    """Seconds from receipt to the commit of the batch, of one event in twenty."""
    rows = connection.execute(
        """
        select position, (date_part('epoch', received_at) * 1000000)::bigint
        from inbox where workspace_id = %s and position > %s and position %% 20 = 0
        order by position
        """,
        (site.workspace, site.steps[0][0]),
    ).fetchall()
    lags: list[float] = []
    step = 0
    for position, received_at in rows:
        while step < len(site.steps) and site.steps[step][0] < position:
            step += 1
        if step == len(site.steps):
            break
        lags.append((site.steps[step][1] - received_at) / 1e6)
    return lags


def _latency(site: _Site, rate: int, seconds: float, fresh: int, bar: float) -> Iterator[Measure]:
    """From the receipt of a trigger to the hand-over of its mail."""
    with site.connect() as connection:
        before = _position(site, connection)
        load = site.load(
            f"trigger-{rate}",
            rate=rate,
            seconds=seconds,
            batch=max(1, rate // 100),
            customers=1,
            trigger=1.0,
            fresh=fresh,
        )
        posted = run_load(load)
        found = _delays(site, connection, before, posted.events)
    yield Measure(f"loop.mails_at_{rate}", len(found), "mails", limit=posted.events)
    yield Measure(f"loop.delay_p50_at_{rate}", quantile(found, 0.5) * 1000, "ms")
    yield Measure(
        f"loop.delay_p99_at_{rate}", quantile(found, 0.99) * 1000, "ms", bar=bar * 1000, below=True
    )


def _position(site: _Site, connection: Connection[Any]) -> int:
    row = connection.execute(
        "select coalesce(max(position), 0) from inbox where workspace_id = %s", (site.workspace,)
    ).fetchone()
    return row[0] if row else 0


def _delays(site: _Site, connection: Connection[Any], before: int, expected: int) -> list[float]:
    query = """
        select (date_part('epoch', s.result_at - i.received_at))::float8
        from send_ledger as s
        join inbox as i on i.position = s.decided_position
        where s.workspace_id = %s and s.state = 'sent' and s.decided_position > %s
    """
    until = time.monotonic() + 60
    while True:
        with in_workspace(connection, site.workspace) as cursor:
            rows = cursor.execute(query, (site.workspace, before)).fetchall()
        if len(rows) >= expected or time.monotonic() > until:
            return [delay for (delay,) in rows]
        time.sleep(0.1)


def _copy_limit(site: _Site, events: int) -> float:
    """Raw `COPY` of the same rows, 500 and a commit at a time, into a bare table."""
    rows = [event for number in range(events // 2) for event in _person(number)]
    blocks = [
        eventlog.copy_rows(site.workspace, rows[first : first + BATCH], wall(), None)
        for first in range(0, len(rows), BATCH)
    ]
    with site.made.database.connect("owner") as connection:
        connection.execute("create table copy_limit (like inbox)")
        connection.execute("alter table copy_limit alter position drop not null")
        try:
            return _copy(connection, blocks, len(rows))
        finally:
            connection.execute("drop table copy_limit")


def _copy(connection: Connection[Any], blocks: list[bytes], rows: int) -> float:
    statement = eventlog.COPY_INBOX.replace("copy inbox", "copy copy_limit")
    began = time.monotonic()
    for block in blocks:
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(statement) as copy,  # pyright: ignore[reportArgumentType]
        ):
            copy.write(block)
    return rows / (time.monotonic() - began)
