"""A running installation is backed up under load and lives on elsewhere, nothing lost or twice."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from installing import Installation, wait_until

from tsunagu.access import workspace_by_name
from tsunagu.eventlog import drained, request_flush
from tsunagu.runtime.database import open_database
from tsunagu.runtime.secrets import load_secrets
from tsunagu.runtime.settings import load_settings
from tsunagu.sending import Seals, prove
from tsunagu.storage import Database, EmbeddedServer, in_workspace
from tsunagu.storage.lake import LakeReader

WELCOME = Path(__file__).parents[2] / "examples/welcome"
PASSPHRASE = "four words are good"


@contextmanager
def serving(home: Path) -> Iterator[Installation]:
    found = Installation(home)
    try:
        found.start()
        yield found
    finally:
        if found.runs():
            found.signal(signal.SIGTERM)
            found.wait(120)


class Load:
    """Posts events without a pause from a thread, and knows which were acknowledged."""

    def __init__(self, address: str, key: str) -> None:
        self._client = httpx.Client(base_url=address, auth=(key, ""), timeout=30)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.post(50)

    def greet(self, count: int) -> None:
        for number in range(count):
            who, mail = f"w{number}", f"w{number}@example.com"
            consent = {"channel": "email", "purpose": "marketing"}
            batch = [
                {"type": "identify", "userId": who, "traits": {"email": mail}},
                {"type": "track", "event": "Consent Given", "userId": who, "properties": consent},
                {"type": "track", "event": "Order Completed", "userId": who},
            ]
            assert self._client.post("/v1/batch", json={"batch": batch}).status_code == 200

    def post(self, count: int) -> None:
        names = [uuid4().hex for _ in range(count)]
        batch = [
            {"type": "track", "event": "Seen", "userId": f"u{name[:2]}", "messageId": name}
            for name in names
        ]
        answer = self._client.post("/v1/batch", json={"batch": batch + batch[:5]})
        assert answer.status_code == 200, answer.text
        self.acknowledged += names


@contextmanager
def connected(home: Path) -> Iterator[tuple[psycopg.Connection[Any], int, Database]]:
    with (
        open_database(load_settings(home=home)) as database,
        database.connect("pipeline") as connection,
    ):
        yield connection, workspace_by_name(connection, "main").id, database


def counted(home: Path) -> dict[str, int]:
    """How often each message id counts, in the log less what was left out."""
    with connected(home) as (connection, workspace, _), in_workspace(connection, workspace) as c:
        c.execute(
            """
            select message_id, count(*) from inbox as i
            where name = 'Seen' and not exists (
                select from left_out as l
                where l.workspace_id = i.workspace_id and l.position = i.position
            )
            group by 1
            """
        )
        return dict(c.fetchall())


def in_lake(home: Path) -> dict[str, int]:
    with connected(home) as (connection, workspace, _):
        request_flush(connection, workspace)
    with LakeReader(home / "lake", workspace) as lake:
        rows = lake.connection.execute(
            "select message_id, count(*) from events where name = 'Seen' group by 1"
        ).fetchall()
    return dict(rows)


def table(home: Path, statement: str) -> list[tuple[Any, ...]]:
    with connected(home) as (connection, workspace, _), in_workspace(connection, workspace) as c:
        return c.execute(statement.encode()).fetchall()


def is_drained(home: Path) -> bool:
    with connected(home) as (connection, workspace, _), in_workspace(connection, workspace) as c:
        return drained(c, workspace)


ARCHIVE = "select send_id, address, subject, content, seal from archive order by send_id"
SEEN = "select coalesce(sum(events), 0)::bigint from profiles"
OUTBOX = "select count(*) from outbox"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def story(folder: Path) -> Iterator[tuple[Installation, list[str], list[str]]]:
    """A running shop, backed up under load as a folder and as a locked file."""
    with serving(folder / "home") as shop:
        key = shop.call("key", "create", "load").stdout.strip()
        (shop.home / "sources.keys").write_text("opens the secrets of sources")
        documents = [str(WELCOME / f"{name}.yaml") for name in ("audience", "mail", "journey")]
        published = shop.call("publish", *documents)
        assert published.returncode == 0, published.stderr
        with Load(f"http://127.0.0.1:{shop.ports['COLLECT']}", key) as load:
            load.greet(12)
            wait_until(lambda: len(table(shop.home, ARCHIVE)) >= 5, "five mails are archived")
            before = list(load.acknowledged)
            (folder / "passphrase").write_text(PASSPHRASE)
            locked = ["--passphrase-file", str(folder / "passphrase")]
            for words in (
                ["backup", str(folder / "kept")],
                ["backup", str(folder / "kept.tar"), *locked],
            ):
                done = shop.call(*words)
                assert done.returncode == 0, done.stderr
                assert ("readably" in done.stderr) == (words[-1] != locked[-1])
            assert len(load.acknowledged) > len(before), "the load went on"
        yield shop, before, load.acknowledged


def restored(folder: Path, source: str, *words: str) -> Installation:
    home = Installation(folder / f"home of {source}")
    done = home.call("restore", str(folder / source), *words)
    assert done.returncode == 0, done.stderr
    assert "All sends are stopped" in done.stdout
    return home


def test_a_backup_under_load_lives_on_elsewhere(
    folder: Path, story: tuple[Installation, list[str], list[str]]
) -> None:
    shop, before, acknowledged = story
    fresh = restored(folder, "kept")
    archive = table(fresh.home, ARCHIVE)
    assert len(archive) >= 5
    assert set(archive) <= set(table(shop.home, ARCHIVE))
    assert table(fresh.home, OUTBOX) == [(0,)]
    secret = load_secrets(fresh.home).signing.encode()
    with (
        connected(fresh.home) as (connection, workspace, _),
        in_workspace(connection, workspace) as cursor,
    ):
        assert prove(cursor, workspace, Seals(secret)).whole
    with serving(fresh.home) as again:
        wait_until(lambda: is_drained(again.home), "all of the backup is processed")
        key = again.call("key", "create", "more").stdout.strip()
        with Load(f"http://127.0.0.1:{again.ports['COLLECT']}", key) as load:
            time.sleep(1)
        wait_until(lambda: is_drained(again.home), "all that came since is processed")
        log = counted(again.home)
        assert set(before) | set(load.acknowledged) <= set(log)
        assert set(log) <= set(acknowledged) | set(load.acknowledged)
        assert set(log.values()) == {1}
        assert in_lake(again.home) == log
        (told,) = table(again.home, SEEN)
        (lived,) = table(again.home, LIVED)
        assert told == lived
        assert again.call("send", "settle", "--before", "2020-01-01T00:00:00Z").returncode == 0
        assert again.call("send", "resume").returncode == 0


LIVED = """
select count(*) from inbox as i
where source <> 'tsunagu' and not exists (
    select from left_out as l where l.workspace_id = i.workspace_id and l.position = i.position
)
"""


def test_the_keys_open_by_their_passphrase_alone(
    folder: Path, story: tuple[Installation, list[str], list[str]]
) -> None:
    shop, *_ = story
    secrets = (shop.home / "secrets.json").read_bytes()
    whole = (folder / "kept.tar").read_bytes()
    assert secrets not in whole
    assert b"secrets of sources" not in whole
    (folder / "wrong").write_text("not these four words")
    home = Installation(folder / "home of kept.tar")
    refused = home.call(
        "restore", str(folder / "kept.tar"), "--passphrase-file", str(folder / "wrong")
    )
    assert refused.returncode == 1
    assert "passphrase is not the one" in refused.stderr
    assert not home.home.exists()
    again = restored(folder, "kept.tar", "--passphrase-file", str(folder / "passphrase"))
    assert (again.home / "secrets.json").read_bytes() == secrets
    assert "secrets of sources" in (again.home / "sources.keys").read_text()
    second = again.call("restore", str(folder / "kept"))
    assert second.returncode == 1
    assert "is not empty" in second.stderr


def test_damage_is_found_and_nothing_is_made(
    folder: Path, story: tuple[Installation, list[str], list[str]]
) -> None:
    shop, *_ = story
    victims = [*(folder / "kept").glob("database/*"), *(folder / "kept").rglob("*.parquet")]
    for victim in (victims[0], victims[-1]):
        whole = victim.read_bytes()
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        found = shop.call("restore", "--check", str(folder / "kept"))
        assert found.returncode == 1
        assert f"{victim.name} in" in found.stderr
        assert "is damaged" in found.stderr
        victim.write_bytes(whole)
    assert shop.call("restore", "--check", str(folder / "kept")).returncode == 0


@pytest.mark.parametrize(
    ("place", "name"), [("backup.database", "again"), ("backup.before_rename", "again.tar")]
)
def test_a_killed_backup_looks_like_none_and_is_made_anew(
    folder: Path, story: tuple[Installation, list[str], list[str]], place: str, name: str
) -> None:
    shop, *_ = story
    target = str(folder / name)
    killed = shop.call("backup", target, TSUNAGU_FAILPOINT=place)
    assert killed.returncode == -signal.SIGKILL
    assert shop.call("restore", "--check", target).returncode == 1
    done = shop.call("backup", target)
    assert done.returncode == 0, done.stderr
    assert not (shop.home / ".backup").exists()
    assert "exists already" in shop.call("backup", target).stderr


@pytest.mark.usefixtures("story")
def test_a_killed_restore_leaves_nothing_and_is_run_again(folder: Path) -> None:
    home = Installation(folder / "home of the killed")
    killed = home.call("restore", str(folder / "kept"), TSUNAGU_FAILPOINT="restore.filled")
    assert killed.returncode == -signal.SIGKILL
    assert not home.home.exists()
    done = home.call("restore", str(folder / "kept"))
    assert done.returncode == 0, done.stderr
    assert table(home.home, "select count(*) > 0 from profiles") == [(True,)]
    assert not home.home.with_name(home.home.name + ".restoring").exists()


def test_an_installation_moves_to_a_server_of_ones_own_and_back(
    folder: Path, story: tuple[Installation, list[str], list[str]]
) -> None:
    with EmbeddedServer(folder / "server") as server:
        home = Installation(folder / "home by url")
        by_url = {"TSUNAGU_DATABASE_URL": server.url}
        done = home.call("restore", str(folder / "kept"), **by_url)
        assert done.returncode == 0, done.stderr
        assert not (home.home / "postgres").exists()
        again = home.call("backup", str(folder / "from url"), **by_url)
        assert again.returncode == 0, again.stderr
        other = Installation(folder / "home other")
        refused = other.call("restore", str(folder / "from url"), **by_url)
        assert refused.returncode == 1
        assert "overwrites nothing" in refused.stderr
    done = other.call("restore", str(folder / "from url"))
    assert done.returncode == 0, done.stderr
    first = folder / "home of kept"
    for statement in (ARCHIVE, "select customer_id, traits, state from profiles order by 1"):
        assert len(table(other.home, statement)) >= 5
    assert set(table(other.home, ARCHIVE)) == set(table(first, ARCHIVE))
