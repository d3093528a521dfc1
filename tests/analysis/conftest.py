"""Two workspaces' lakes for analysts to ask, one of which must stay out of their sight."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import LIMITS, NOON

from tsunagu.analysis import Analysts
from tsunagu.core.times import HOUR
from tsunagu.storage.lake import (
    EVENTS,
    IDENTITY,
    LakeTable,
    events_from_csv,
    identity_from_csv,
)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lakes")
    write(folder / "1", "ours", 1000)
    write(folder / "2", "theirs", 10)
    return folder


def write(home: Path, whose: str, count: int) -> None:
    home.mkdir()
    with (home / "events.csv").open("w", newline="") as file:
        for n in range(count):
            at = NOON + n * HOUR
            body = json.dumps({"properties": {"whose": whose, "price": n}})
            row = [n, at, at, at, f"{whose}{n}", "track", f"Event {n % 4}", f"u{n % 10}"]
            csv.writer(file).writerow([*row, None, "shop", body])
    with (home / "identity.csv").open("w", newline="") as file:
        csv.writer(file).writerows(["user_id", f"u{n}", 100 + n, 1] for n in range(10))
    for layout, convert in ((EVENTS, events_from_csv), (IDENTITY, identity_from_csv)):
        table = LakeTable(home / layout.name, layout)
        table.commit(1, convert(home / f"{layout.name}.csv", table.folder, home))


@pytest.fixture
def analysts(lake: Path) -> Iterator[Analysts]:
    with Analysts(lake, limits=LIMITS) as analysts:
        yield analysts
