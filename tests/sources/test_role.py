"""The role that runs sources: on time, one beside the other, and none at the cost of others."""

from __future__ import annotations

import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sourcing import Shop

from tsunagu.collect.sources import offspring, pause, remove, reset, resume, run_now, run_sources
from tsunagu.collect.sources.models import Schedule
from tsunagu.collect.sources.schedule import after_failure, next_run
from tsunagu.core import Figures, NotFound
from tsunagu.core.times import HOUR, MINUTE, SECOND, parse_time
from tsunagu.storage import in_workspace

EVERY = {"every": "10 seconds"}


def table(shop: Shop, folder: Path, name: str, rows: int = 3, **schedule: str) -> None:
    """A source over a table of its own."""
    with sqlite3.connect(folder / f"{name}.db") as theirs:
        theirs.execute("create table orders (id integer, email text, amount int, updated_at text)")
        theirs.executemany(
            "insert into orders values (?, 'a@x.jp', 1, '2026-05-04 12:00:00')",
            [(row,) for row in range(rows)],
        )
    told = {"kind": "sql", "url": f"sqlite:///{folder / name}.db", "table": "orders"}
    shop.add(name, {**told, "cursor": "updated_at"}, schedule=schedule or EVERY)


@contextmanager
def role(shop: Shop) -> Iterator[Figures]:
    stop, figures = Event(), Figures()
    told = (shop.database, shop.home, (), stop, figures)
    thread = Thread(target=run_sources, args=told)
    thread.start()
    try:
        yield figures
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def act(shop: Shop, what: Callable[..., None], *told: object) -> None:
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        what(cursor, shop.workspace, *told)


@contextmanager
def hanging(shop: Shop, *names: str) -> Iterator[None]:
    """Sources whose API takes the call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        resource = {"name": "deals", "endpoint": {"path": "deals"}}
        for name in names:
            told = {"kind": "rest", "client": {"base_url": url}, "resource": resource}
            shop.add(name, told, schedule=EVERY)
        yield


def test_broken_and_hanging_sources_disturb_no_other(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsunagu.collect.sources.keeper.QUIET_SECONDS", 1.0)
    monkeypatch.setattr("tsunagu.collect.sources.offspring.STOP_SECONDS", 0.5)
    gone = {"kind": "sql", "url": f"sqlite:///{tmp_path}/no/such.db", "table": "x"}
    with hanging(shop, "hangs", "hangs-too"):
        shop.add("broken", {**gone, "mode": "full"}, schedule=EVERY)
        table(shop, tmp_path, "first")
        table(shop, tmp_path, "second")
        with role(shop) as figures:
            until(lambda: all(shop.standing(name).last_ok_at for name in ("first", "second")))
            until(lambda: shop.standing("broken").failures > 0)
            still = [shop.runs(name)[0].outcome for name in ("hangs", "hangs-too")]
    assert still == ["running", "running"]
    assert shop.ids("first") == shop.ids("second") == [0, 1, 2]
    assert shop.standing("broken").last_error
    assert figures.read()["counter"]["tsunagu.sources.done"] >= 2


def test_silence_has_an_end_that_leaves_nothing_behind(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with hanging(shop, "hangs"):
        ended = shop.run_child("hangs", silence=4)
    assert ended.outcome == "killed"
    assert "Nothing came for 4 seconds" in ended.error
    assert list(tmp_path.glob("tsunagu-source-*")) == []


def test_run_now_pause_and_resume(shop: Shop, tmp_path: Path) -> None:
    table(shop, tmp_path, "orders", cron="0 3 1 1 *")
    act(shop, pause, "orders")
    with role(shop):
        time.sleep(2.5)
        assert shop.runs("orders") == []
        act(shop, run_now, "orders", "sato")
        until(lambda: shop.standing("orders").last_ok_at is not None)
        act(shop, resume, "orders")
        until(lambda: len([r for r in shop.runs("orders") if r.outcome == "done"]) == 2)
    assert [run.cause for run in shop.runs("orders")] == ["schedule", "sato"]


def test_a_child_that_is_killed_leaves_word_and_the_next_run_goes_on(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(shop, tmp_path, "orders", rows=6000)
    once = tmp_path / "once"
    once.mkdir()
    monkeypatch.setenv("TSUNAGU_FAILPOINT", "sources.after_commit")
    monkeypatch.setenv("TSUNAGU_FAILPOINT_ONCE", str(once))
    with role(shop):
        until(lambda: shop.standing("orders").last_error is not None)
        assert "goes on where it was" in (shop.standing("orders").last_error or "")
        act(shop, run_now, "orders", "sato")
        until(lambda: shop.standing("orders").last_ok_at is not None)
    assert len(shop.ids("orders")) == len(set(shop.ids("orders"))) == 6000
    assert [run.outcome for run in shop.runs("orders")] == ["done", "killed"]


def test_memory_has_an_end(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(shop, tmp_path, "orders", rows=6000)
    monkeypatch.setattr(offspring, "RESIDENT_BYTES", 1 << 20)
    ended = shop.run_child("orders")
    assert ended.outcome == "killed"
    assert "MiB of memory" in ended.error


def test_reset_and_remove(shop: Shop, tmp_path: Path) -> None:
    table(shop, tmp_path, "orders")
    shop.run("orders")
    act(shop, reset, "orders")
    assert shop.standing("orders").state == "{}"
    assert shop.run("orders").counts.rows == 3
    ids = [event["message_id"] for event in shop.events("orders")]
    assert ids[:3] == ids[3:]  # the pipeline knows them
    act(shop, remove, "orders")
    with pytest.raises(NotFound):
        shop.standing("orders")
    assert len(shop.events("orders")) == 6


def test_when_the_next_run_is() -> None:
    noon = parse_time("2026-05-04T12:00:00+09:00")
    assert next_run(None, noon) is None
    assert next_run(Schedule(every="15 minutes"), noon) == noon + 15 * MINUTE
    nightly = Schedule(cron="0 3 * * *", zone="Asia/Tokyo")
    assert next_run(nightly, noon) == noon + 15 * HOUR
    # what may pass by itself is tried soon, at growing distances
    waits = [
        (after_failure(nightly, noon, failures, retryable=True) or 0) - noon
        for failures in (1, 2, 3, 20)
    ]
    assert waits == [30 * SECOND, 60 * SECOND, 120 * SECOND, HOUR]
    assert after_failure(nightly, noon, 1, retryable=False) == noon + 15 * HOUR
