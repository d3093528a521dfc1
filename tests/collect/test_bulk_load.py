"""Files become events in the lake and customers' profiles: each once, whatever is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading import Loads, call, lines

from tsunagu.storage import Database


@pytest.fixture
def loads(database: Database, workspace: int, tmp_path: Path) -> Loads:
    return Loads(database, workspace, tmp_path / "lake")


def test_a_file_of_calls_arrives_whole(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(100)))
    report = loads.run(file)
    assert report.load.state == "done"
    assert (report.load.counts.rows, report.load.counts.loaded) == (100, 100)
    assert loads.message_ids() == sorted(f"m{n}" for n in range(100))
    assert loads.selected("select count(*), sum(events) from profiles") == [(10, 100)]
