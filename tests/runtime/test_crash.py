"""Kills at every failpoint and at random moments change nothing but the listed unknowns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsunagu.runtime.bench.crash import FAILPOINTS, lost, play, twice, world_of
from tsunagu.runtime.bench.stories import differing


@pytest.mark.timeout(400)
def test_a_world_with_kills_ends_like_one_without(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSUNAGU_BENCH_FOLDER", str(open_folder))
    world = world_of(60)
    calm = play(world)
    wild = play(world, kills=2, failpoints=FAILPOINTS)
    assert not calm.unknown
    assert sum(calm.copies.values()) > 40
    assert len(wild.fired) > len(FAILPOINTS) // 2
    assert twice(wild) == 0
    assert set(differing(calm.stories, wild.stories)) <= set(wild.unknown)
    assert len(wild.unknown) < len(calm.stories) // 2
    assert wild.lake[0] == wild.lake[1]
    assert lost(wild) == 0
