"""A load that is killed, interrupted or overtaken by HTTP counts every event once all the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from loading import Loads, call, lines

from tsunagu.collect.bulk import Counts
from tsunagu.runtime.desk import Overtaken
from tsunagu.runtime.load import Watching, run_load
from tsunagu.runtime.pipeline import prepare, store
from tsunagu.storage import Database

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from loading import Loads
from tsunagu.storage import Database
Loads(Database(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])).run(
    Path(sys.argv[5]), chunk_bytes=int(sys.argv[6])
)
"""
PLACES = (
    *("load.staged:2", "load.before_promise:2", "load.promised", "load.moved", "load.committed"),
    *("load.settled:2", "load.read", "feed.before_commit", "feed.after_commit", "load.fed"),
)


@pytest.fixture
def loads(database: Database, workspace: int, tmp_path: Path) -> Loads:
    return Loads(database, workspace, tmp_path / "lake")


def in_process(loads: Loads, file: Path, chunk: int, **environment: str) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parent)
    arguments = [here, loads.database.url, str(loads.workspace), str(loads.lake), str(file)]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments, str(chunk)], env={**os.environ, **environment}
    )


def counted(loads: Loads) -> Counter[str]:
    """How often each message id counts: in the lake by loads, and as it was taken over HTTP."""
    over_http = loads.selected(
        f"""
        select i.message_id from inbox as i
        where i.workspace_id = {loads.workspace} and i.source = 'web' and not exists (
            select from left_out as l
            where l.workspace_id = i.workspace_id and l.position = i.position
        )
        """
    )
    return Counter(loads.message_ids()) + Counter(i for (i,) in over_http)


def test_a_load_killed_at_every_place_loads_and_feeds_all_once(
    loads: Loads, tmp_path: Path
) -> None:
    count, chance = 1000, random.Random(1)
    numbers = [*range(count), *(chance.randrange(count) for _ in range(200))]
    chance.shuffle(numbers)
    file = tmp_path / "history.ndjson"
    file.write_text(lines([*("{bad" for _ in range(3)), *map(call, numbers), "{bad"]))
    for place in PLACES:
        process = in_process(loads, file, 10_000, TSUNAGU_FAILPOINT=place)
        assert process.wait(60) == -signal.SIGKILL, place
        # loaded already, or yet to come
        loads.post(*{f"m{chance.randrange(count)}" for _ in range(3)})
    report = loads.run(file, chunk_bytes=10_000)
    assert report.load.state == "done"
    assert report.load.counts.rows == len(numbers) + 4
    assert counted(loads) == {f"m{n}": 1 for n in range(count)}
    assert loads.selected("select sum(events) from profiles") == [(count,)]
    assert loads.selected("select count(*) from timeline where source = 'files'") == [
        (report.load.counts.loaded,)
    ]
    assert loads.selected("select count(*) from dead_letters") == [(4,)]
    assert not list((loads.lake / str(loads.workspace) / "loading").iterdir())


def test_kills_at_random_moments_change_nothing(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(6000)))
    chance = random.Random(2)
    for _ in range(4):
        process = in_process(loads, file, 50_000)
        time.sleep(chance.uniform(1.0, 2.0))
        process.kill()
        process.wait()
    loads.run(file, chunk_bytes=50_000)
    assert counted(loads) == {f"m{n}": 1 for n in range(6000)}
    assert loads.selected("select sum(events) from profiles") == [(6000,)]


def test_an_interrupted_load_goes_on_where_it_was(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(600)))
    heard: list[int] = []

    def interrupt(counts: Counts) -> None:
        heard.append(counts.rows)
        if len(heard) == 2:
            raise KeyboardInterrupt

    load = loads.open(file)
    with pytest.raises(KeyboardInterrupt):
        run_load(loads.database, loads.lake, load, Watching(interrupt), chunk_bytes=10_000)
    assert loads.selected("select state, reason, rows_read from loads") == [
        ("stopped", "interrupted", heard[-1])
    ]
    assert 0 < heard[-1] < 600
    assert loads.run(file, chunk_bytes=10_000).load.counts.rows == 600
    assert counted(loads) == {f"m{n}": 1 for n in range(600)}


def test_http_that_comes_while_a_part_is_on_its_way_takes_it_out(
    loads: Loads, tmp_path: Path
) -> None:
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(400)))
    told: list[int] = []

    def post(counts: Counts) -> None:
        if not told:
            time.sleep(0.5)  # meanwhile the next part has found its repeats and waits
            loads.post(f"m{counts.rows}", f"m{counts.rows + 7}")
        told.append(counts.rows)

    run_load(loads.database, loads.lake, loads.open(file), Watching(post), chunk_bytes=20_000)
    assert len(told) > 2
    assert loads.selected("select loaded, repeats from loads") == [(398, 2)]
    assert counted(loads) == {f"m{n}": 1 for n in range(400)}
    assert loads.selected("select sum(events) from profiles") == [(400,)]


def test_a_batch_that_a_load_overtook_is_prepared_again(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(50)))
    loads.append("m3", "new")
    with loads.database.connect("pipeline") as connection:
        prepared = prepare(connection, loads.desk, 100, 100)
        loads.run(file, fed=False)
        with pytest.raises(Overtaken, match="load"):
            store(connection, loads.workspace, prepared)
    assert loads.take() == 1
    assert counted(loads) == {f"m{n}": 1 for n in range(50)} | {"new": 1}


def test_http_and_a_load_at_the_same_time_count_everything_once(
    loads: Loads, tmp_path: Path
) -> None:
    count, chance = 3000, random.Random(3)
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(count)))
    done = threading.Event()

    def post() -> None:
        while not done.is_set():
            loads.post(*{f"m{chance.randrange(count)}" for _ in range(5)})

    poster = threading.Thread(target=post)
    poster.start()
    try:
        loads.run(file, chunk_bytes=20_000)
    finally:
        done.set()
        poster.join()
    assert counted(loads) == {f"m{n}": 1 for n in range(count)}
    assert loads.selected("select sum(events) from profiles") == [(count,)]
