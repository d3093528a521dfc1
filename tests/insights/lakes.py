"""Small lakes for tests, as the lake writer would leave them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tsunagu.core import stable_id
from tsunagu.storage.lake import (
    EVENTS,
    IDENTITY,
    LakeTable,
    events_from_csv,
    identity_from_csv,
)

Fact = tuple[int, int, str, str, dict[str, Any]]  # known at, at, customer, name, properties


def write_lake(folder: Path, facts: Sequence[Fact]) -> Path:
    """A workspace's lake with these facts, as the lake writer would leave it."""
    home = folder / "1"
    home.mkdir(parents=True)
    with (home / "events.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for position, (known, at, customer, name, properties) in enumerate(facts, start=1):
            body = json.dumps({"properties": properties})
            key = f"m{position}"
            source = "tsunagu" if name.startswith("Journey ") else "store"
            row = [position, known, known, at, key, "track", name, customer, None, source, body]
            writer.writerow(row)
    customers = sorted({customer for _, _, customer, _, _ in facts})
    with (home / "identity.csv").open("w", newline="") as file:
        rows = [["user_id", c, stable_id(1, "user_id", c), 1] for c in customers]
        csv.writer(file).writerows(rows)
    for layout, write in ((EVENTS, events_from_csv), (IDENTITY, identity_from_csv)):
        table = LakeTable(home / layout.name, layout)
        table.commit(1, write(home / f"{layout.name}.csv", table.folder, home / "spill"))
    return folder
