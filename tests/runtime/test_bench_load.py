"""The benches of loads run small: whole, honest about what they measured, and gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsunagu.runtime.bench.bulk import measure
from tsunagu.runtime.bench.load_crash import measure as measure_crash


@pytest.fixture(autouse=True)
def folder(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TSUNAGU_BENCH_FOLDER", str(open_folder))
    return open_folder


@pytest.mark.slow
def test_a_small_load_is_measured_beside_its_peer(folder: Path) -> None:
    found = {figure.name: figure for figure in measure(20_000)}
    for kind in ("ndjson", "parquet"):
        rate, memory = found[f"load.{kind}"], found[f"load.{kind}.memory"]
        assert rate.value > 1000
        assert rate.limit
        assert rate.bar == 0.8
        assert rate.on_ratio
        assert memory.ok
    assert found["load.profiles"].bar == 100_000
    assert "load.growth" not in found  # too small to tell
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_kills_lose_nothing_and_count_nothing_twice(folder: Path) -> None:
    found = {figure.name: figure for figure in measure_crash(1)}
    assert found["load.crash.failpoints"].value == 1
    assert found["load.crash.events"].value > 0
    barred = [figure for figure in found.values() if figure.bar is not None]
    assert len(barred) == 5
    assert all(figure.ok for figure in barred)
    assert list(folder.iterdir()) == []
