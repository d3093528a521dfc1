"""The benches of collecting, in their smallest size: what they say about loss must hold here."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tsunagu.core import Invalid
from tsunagu.runtime.bench import collect, collect_crash
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.bench.wrk import NUMBER, shoot


@pytest.fixture(autouse=True)
def here(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSUNAGU_BENCH_FOLDER", str(open_folder))
    monkeypatch.setenv("TSUNAGU_COLLECTORS", "2")


def test_kills_lose_nothing_and_double_nothing() -> None:
    figures = collect_crash.measure(2)
    found = {figure.name.removeprefix("collect_crash."): figure for figure in figures}
    assert found["kills"].value == found["failpoints"].value == 2
    assert found["acknowledged"].value > 0
    assert all(figure.ok is not False for figure in found.values()), found


def test_the_bench_measures_and_loses_nothing() -> None:
    if shutil.which("wrk") is None:
        if os.environ.get("CI"):
            pytest.fail("wrk is missing: apt-get install wrk")
        pytest.skip("THE BENCH OF COLLECTING WAS NOT TESTED: apt-get install wrk")
    found: dict[str, Measure] = {}
    with closing(collect.measure(100_000)) as figures:
        for figure in figures:
            found[figure.name.removeprefix("collect.")] = figure
            if "lost_without_consumer" in found:
                break  # the rest is the pipeline's time
    for lossless in ("lost", "lost_without_consumer", "memory_without_consumer"):
        assert found[lossless].ok, found[lossless]
    assert found["missed"].value >= 100_000
    assert found["batches_beside_copy"].limit
    assert found["singles"].limit
    assert 0 < found["generator"].value < 1
    assert found["refused"].value == 0


def test_without_a_load_generator_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Invalid, match="apt-get install wrk"):
        shoot("http://127.0.0.1:1", "/", name="x", seconds=1, connections=1, bodies=[NUMBER])
