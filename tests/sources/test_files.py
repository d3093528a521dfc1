"""Files that arrive in a folder, in a bucket and on an SFTP server."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sftp import SftpServer
from sourcing import Shop

from tsunagu.core import Invalid
from tsunagu.core.times import moment

HEAD = "id,email,amount,updated_at\n"
SHARED = Path(__file__).parents[3] / "shared" / "data"


def lines(*ids: int) -> str:
    """A CSV file of orders."""
    rows = (f"{i},u{i}@shop.jp,{i},2026-05-04 12:00:{i % 60:02}" for i in ids)
    return HEAD + "\n".join(rows) + "\n"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def settings(drop: Path, **more: Any) -> dict[str, Any]:
    return {"kind": "files", "path": str(drop), "glob": "*.csv*", "settle": 0, **more}


def test_new_files_are_taken_and_moved(shop: Shop, drop: Path) -> None:
    (drop / "a.csv").write_text(lines(1, 2))
    (drop / "b.csv.gz").write_bytes(gzip.compress(lines(3).encode()))
    (drop / "notes.txt").write_text("not for us")
    shop.add("drop", settings(drop, after="move"))
    assert shop.run("drop").counts.events == 3
    assert sorted(p.name.partition("-")[2] for p in (drop / "done").iterdir()) == [
        "a.csv",
        "b.csv.gz",
    ]
    assert (drop / "notes.txt").exists()
    (drop / "a.csv").write_text(lines(4))
    assert shop.run("drop").counts.events == 1
    assert shop.ids("drop") == [1, 2, 3, 4]


def test_remembered_files_are_left_and_changed_ones_taken_again(shop: Shop, drop: Path) -> None:
    (drop / "a.csv").write_text(lines(1, 2))
    shop.add("drop", settings(drop))
    shop.run("drop")
    assert shop.run("drop").counts.rows == 0
    (drop / "a.csv").write_text(lines(1, 2, 3))
    ended = shop.run("drop")
    assert (ended.counts.rows, ended.counts.events, ended.counts.known) == (3, 1, 2)


def test_an_appended_file_goes_on_where_it_was(shop: Shop, drop: Path) -> None:
    file = drop / "log.csv"
    file.write_text(lines(1, 2))
    shop.add("drop", settings(drop, changed="appended"))
    shop.run("drop")
    with file.open("a") as more:
        more.write("3,u3@shop.jp,3,2026-05-04 12:00:03\n")
    assert shop.run("drop").counts.rows == 1
    assert shop.ids("drop") == [1, 2, 3]


def test_a_file_is_left_while_it_is_written(shop: Shop, drop: Path) -> None:
    (drop / "a.csv").write_text(lines(1))
    shop.add("drop", settings(drop, settle=60))
    assert shop.run("drop").counts.rows == 0
    old = time.time() - 61
    os.utime(drop / "a.csv", (old, old))
    assert shop.run("drop").counts.rows == 1


def test_a_killed_run_goes_on_within_the_file(
    shop: Shop, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drop / "big.csv").write_text(lines(*range(12_000)))
    (drop / "next.csv").write_text(lines(12_000))
    os.utime(drop / "big.csv", (1, 1))
    shop.add("drop", settings(drop, after="move"))
    shop.killed("drop", "sources.after_commit", monkeypatch)
    shop.killed("drop", "sources.before_commit", monkeypatch)
    shop.killed("drop", "sources.after_commit:3", monkeypatch)  # all rows, not yet moved
    assert shop.run_child("drop").outcome == "done"
    assert shop.ids("drop") == list(range(12_001))
    assert list(drop.glob("*.csv")) == []


def test_bad_rows_go_to_dead_letters_and_a_bad_file_aside(shop: Shop, drop: Path) -> None:
    (drop / "a.csv").write_text(lines(1) + "2,,5,2026-05-04 12:00:00\n3,c@shop.jp,5,someday\n")
    (drop / "b.csv.gz").write_bytes(gzip.compress(lines(*range(100)).encode())[:60])
    (drop / "c.csv").write_text(lines(9))
    for age, name in enumerate(("c.csv", "b.csv.gz", "a.csv")):
        os.utime(drop / name, (time.time() - age * 10, time.time() - age * 10))
    shop.add("drop", settings(drop, after="move"))
    ended = shop.run("drop")
    assert (ended.outcome, ended.counts.events, ended.counts.refused) == ("failed", 2, 2)
    assert (ended.error or "").startswith("b.csv.gz: b.csv.gz is damaged")  # no copy's place
    reasons = [reason for reason, _ in shop.letters("drop")]
    assert any("a.csv, row 3" in reason and "identifier" in reason for reason in reasons)
    assert any("a.csv, row 4" in reason and "someday" in reason for reason in reasons)
    assert [p.name.partition("-")[2] for p in (drop / "failed").iterdir()] == ["b.csv.gz"]
    assert shop.run("drop").outcome == "done"


def test_columns_may_come_and_go(shop: Shop, drop: Path) -> None:
    (drop / "1.csv").write_text(lines(1))
    shop.add("drop", settings(drop))
    shop.run("drop")
    (drop / "2.csv").write_text("shop,id,email,amount,updated_at\nGinza,2,b@x.jp,5,2026-05-05\n")
    assert shop.run("drop").counts.events == 1
    (drop / "3.csv").write_text("id,email,updated_at\n3,c@x.jp,2026-05-05\n")
    (drop / "4.csv").write_text(lines(4))
    ended = shop.run("drop")
    assert ended.outcome == "failed"
    assert "amount" in (ended.error or "")
    assert shop.ids("drop") == [1, 2, 4]


def test_only_allowed_events_enter(shop: Shop, drop: Path) -> None:
    (drop / "1.csv").write_text(lines(1))
    shop.add("drop", settings(drop), events=["Order Cancelled"])
    assert shop.run("drop").counts.refused == 1
    assert "may not send 'Order Completed'" in shop.letters("drop")[0][0]


def test_the_data_folder_is_closed(shop: Shop, tmp_path: Path) -> None:
    shop.home.mkdir()
    shop.forbidden = (str(shop.home),)
    for path in (shop.home, tmp_path):
        shop.add("own", settings(path))
        assert "this installation" in (shop.run("own").error or "")


def test_a_missing_folder_and_an_unknown_scheme_are_named(shop: Shop) -> None:
    shop.add("drop", settings(Path("/nowhere/at/all")))
    assert "/nowhere/at/all" in (shop.run("drop").error or "")
    shop.add("drop", {"kind": "files", "path": "gopher://x/y"})
    assert "gopher" in (shop.run("drop").error or "")


@pytest.mark.parametrize(("path", "library"), [("gs://b/x", "gcsfs"), ("az://b/x", "adlfs")])
def test_a_cloud_that_cannot_run_here_names_its_library(
    shop: Shop, path: str, library: str
) -> None:
    shop.add("cloud", {"kind": "files", "path": path}, secrets={"token": "t0ken"})
    assert f"pip install {library}" in (shop.run("cloud").error or "")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_objects_of_a_bucket(shop: Shop, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "s3cret-key"}
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="exports")
    client.put_object(Bucket="exports", Key="crm/a.csv", Body=lines(*range(6000)).encode())
    client.put_object(Bucket="exports", Key="crm/b.csv", Body=lines(6000).encode())
    secrets = {"key": "AKIDEXAMPLE", "secret": "s3cret-key"}
    told = {"kind": "files", "path": "s3://exports/crm", "glob": "*.csv", "settle": 0}
    told |= {"after": "move", "options": {"endpoint_url": s3, "region_name": "us-east-1"}}
    shop.add("bucket", told, secrets=secrets)
    shop.killed("bucket", "sources.after_commit", monkeypatch)
    assert shop.run("bucket").outcome == "done"
    assert shop.ids("bucket") == list(range(6001))
    left = [o["Key"] for o in client.list_objects_v2(Bucket="exports")["Contents"]]
    assert all(key.startswith("crm/done/") for key in left)
    client.put_object(Bucket="exports", Key="crm/c.csv", Body=lines(7000).encode())
    assert shop.run("bucket").counts.events == 1


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    with SftpServer(tmp_path / "theirs", user="shop", password="s3cret-word") as server:
        yield server


def test_files_of_an_sftp_server(
    shop: Shop, sftp: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = sftp.folder / "out"
    out.mkdir()
    (out / "a.csv").write_text(lines(*range(6000)))
    told = {"kind": "files", "path": f"sftp://shop@127.0.0.1:{sftp.port}/out", "glob": "*.csv"}
    told |= {"settle": 0, "after": "move"}
    shop.add("sftp", told, secrets={"password": "s3cret-word"})
    # the key of the server must be named before anything is trusted
    error = shop.run("sftp").error or ""
    assert sftp.host_key in error
    assert "s3cret-word" not in error
    shop.add("sftp", {**told, "options": {"host_key": sftp.host_key}})
    shop.killed("sftp", "sources.after_commit", monkeypatch)
    assert shop.run("sftp").outcome == "done"
    assert shop.ids("sftp") == list(range(6000))
    assert [p.name for p in out.iterdir()] == ["done"]
    shop.add("sftp", told, secrets={"password": "wrong"})
    shop.add("sftp", {**told, "options": {"host_key": sftp.host_key}})
    assert "refuses the user" in (shop.run("sftp").error or "")


def test_lines_that_are_one_order_stay_together(shop: Shop, drop: Path) -> None:
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    rows = [
        f"{number // 7},S{number % 7},Cup,1,2026-05-04 12:00,2.5,c{number // 7 % 9},Japan\n"
        for number in range(14_000)
    ]
    (drop / "lines.csv").write_text(head + "".join(rows))
    shop.add("lines", settings(drop), "order-lines")
    ended = shop.run("lines")
    assert (ended.counts.rows, ended.counts.events) == (14_000, 2_000)
    assert {len(event["properties"]["products"]) for event in shop.events("lines")} == {7}
    database = {"kind": "sql", "url": "sqlite://", "table": "t", "mode": "full"}
    with pytest.raises(Invalid, match="only files keep together"):
        shop.add("rows", database, "order-lines")


HELPDESK = {
    "name": "helpdesk",
    "message_id": ["CaseID", "ActivityID", "CompleteTimestamp"],
    "at": "CompleteTimestamp",
    "stand_in": {"column": "CaseID", "prefix": "case:"},
    "events": [{"name": "Case Step", "properties": {"step": "ActivityID"}}],
}


@pytest.mark.skipif(not SHARED.exists(), reason="the real files are not on this machine")
def test_real_files_through_a_drop_folder(shop: Shop, drop: Path) -> None:
    shutil.copy(SHARED / "helpdesk.csv", drop)
    shop.add("tickets", settings(drop), HELPDESK)
    ended = shop.run("tickets")
    assert (ended.counts.rows, ended.counts.refused) == (13_710, 0)
    # some steps stand in the file twice, to the second
    assert (ended.counts.events, ended.counts.known) == (13_619, 91)
    newest = moment(shop.standing("tickets").newest_at or 0)
    assert newest.year == 2012
